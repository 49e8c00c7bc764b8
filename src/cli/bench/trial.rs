//! A model at work on the same pictures again and again, which it must answer the same each time.

use std::{
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::usage;
use crate::{
    camera::{Picture, pictures_in, read_picture},
    cli::outcome::Failure,
    inspection::{Answer, Confidence, Inspection, Inspector, Region, Timings},
};

/// Findings that are less sure are not worth judging.
pub(super) const FLOOR: f32 = 0.1;

/// An inspector, its pictures, and what it answered to each.
pub(super) struct Trial {
    pub(super) inspector: Inspector,
    pictures: Pictures,
    /// Of each picture; all of it without one.
    pub(super) region: Option<Region>,
    floor: Confidence,
    /// Of each picture, once it was inspected.
    answers: Vec<Option<u64>>,
    repeated: u32,
}

/// Files are read when their turn comes, so that memory is that of the inspection.
enum Pictures {
    Files(Vec<PathBuf>),
    Sample(Picture),
}

/// What one frame took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) timings: Timings,
    /// Processor time of all stages.
    pub(super) cpu: Duration,
}

impl Trial {
    /// With at most `most` pictures of a folder, or with the pack's own sample.
    ///
    /// # Errors
    /// When there are no pictures.
    pub(super) fn new(
        inspector: Inspector,
        folder: Option<&Path>,
        region: Option<Region>,
        most: usize,
    ) -> Result<Self, Failure> {
        let pictures = match folder {
            Some(folder) => Pictures::of(folder, most)?,
            None => Pictures::Sample(Picture::Pixels(Arc::new(
                inspector.sample().map_err(|error| failed("cannot read the sample", error))?,
            ))),
        };
        let answers = vec![None; pictures.count()];
        let floor = Confidence::new(FLOOR).unwrap_or(Confidence::CERTAIN);
        Ok(Self { inspector, pictures, region, floor, answers, repeated: 0 })
    }

    /// How many different pictures there are.
    pub(super) fn pictures(&self) -> usize {
        self.answers.len()
    }

    /// How many inspections were of a picture that had been inspected before, and gave the same.
    pub(super) fn repeated(&self) -> u32 {
        self.repeated
    }

    /// The picture whose turn it is.
    ///
    /// # Errors
    /// When its file cannot be read any more.
    pub(super) fn picture(&self, number: usize) -> Result<Picture, Failure> {
        match &self.pictures {
            Pictures::Sample(sample) => Ok(sample.clone()),
            Pictures::Files(files) => {
                let file = &files[number % files.len()];
                read_picture(file).map_err(|error| failed(&format!("cannot read {}", file.display()), error))
            }
        }
    }

    /// Takes a picture through all stages.
    ///
    /// # Errors
    /// When it cannot be inspected, or gives another answer than before.
    pub(super) fn turn(&mut self, number: usize) -> Result<Turn, Failure> {
        let picture = self.picture(number)?;
        let cpu = usage::cpu();
        let mut hasher = DefaultHasher::new();
        let mut cpu_of_hash = Duration::ZERO;
        let inspection = self.inspect(&picture, &mut |answers| {
            let before = usage::cpu();
            let values = answers.iter().flat_map(|answer| answer.values);
            values.for_each(|value| hasher.write_u32(value.to_bits()));
            cpu_of_hash += usage::cpu() - before;
        })?;
        let cpu = usage::cpu().saturating_sub(cpu + cpu_of_hash);
        hash(&inspection, &mut hasher);
        self.compare(number % self.answers.len(), hasher.finish())?;
        Ok(Turn { timings: inspection.timings, cpu })
    }

    /// Inspects a picture, and shows what the model answers.
    ///
    /// # Errors
    /// When it cannot be inspected.
    pub(super) fn inspect(
        &mut self,
        picture: &Picture,
        see: &mut dyn FnMut(&[Answer<'_>]),
    ) -> Result<Inspection, Failure> {
        let inspection = self.inspector.look_and_show(picture, self.region, self.floor, see);
        inspection.map_err(|error| Failure::Failed(error.to_string()))
    }

    fn compare(&mut self, picture: usize, answer: u64) -> Result<(), Failure> {
        match self.answers[picture].replace(answer) {
            None => Ok(()),
            Some(before) if before == answer => {
                self.repeated += 1;
                Ok(())
            }
            Some(_) => Err(Failure::Failed(format!(
                "the same input gave another output: picture {} of {} was answered differently than before; do not \
                 trust this build on this machine",
                picture + 1,
                self.answers.len()
            ))),
        }
    }
}

impl Pictures {
    fn of(folder: &Path, most: usize) -> Result<Self, Failure> {
        let cannot = format!("cannot read {}", folder.display());
        let mut files = pictures_in(folder).map_err(|error| failed(&cannot, error))?;
        files.truncate(most);
        if files.is_empty() {
            return Err(Failure::WrongUse(format!("{} holds no .png, .jpg or .jpeg file", folder.display())));
        }
        Ok(Self::Files(files))
    }

    fn count(&self) -> usize {
        match self {
            Self::Files(files) => files.len(),
            Self::Sample(_) => 1,
        }
    }
}

fn failed(what: &str, why: impl ToString) -> Failure {
    Failure::Failed(format!("{what}: {}", why.to_string()))
}

/// What came of the model's answer belongs to the output too.
fn hash(inspection: &Inspection, hasher: &mut DefaultHasher) {
    let score = inspection.score.map_or(0, f32::to_bits);
    hasher.write_u32(score);
    for finding in &inspection.findings {
        hasher.write(finding.label.as_bytes());
        hasher.write_u32(finding.confidence.value().to_bits());
        let corners = finding.area.map_or([0.0; 4], |it| [it.x_min, it.y_min, it.x_max, it.y_max]);
        corners.iter().for_each(|edge| hasher.write_u32(edge.to_bits()));
    }
}
