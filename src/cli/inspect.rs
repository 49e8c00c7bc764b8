//! `andon inspect`: pictures, each judged as an item of its own.

use std::{
    collections::BTreeMap,
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use andon_telemetry::Severity;
use clap::Args;
use serde_json::{Value, json};

use super::outcome::{Failure, write_json};
use crate::{
    camera::{Colour, Taken, pictures_in, read_picture},
    evidence,
    inspection::{Area, Confidence, Engine, Inspector, Pack, PackError, Timings},
    items::{Decisive, Judged, Judgement, Rule, Verdict},
};

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The model pack's folder
    #[arg(long, value_name = "PACK")]
    model: PathBuf,
    /// What runs the model: tract, or onnxruntime in a build that has it
    #[arg(long, value_name = "ENGINE", default_value = "tract")]
    engine: Engine,
    /// One JSON object an image on standard output
    #[arg(long)]
    json: bool,
    /// Write each inspected picture with its findings into this folder
    #[arg(long, value_name = "DIR")]
    annotate: Option<PathBuf>,
    /// Findings of at least this confidence count, in place of the pack's thresholds (0 to 1)
    #[arg(long, value_name = "C", value_parser = confidence)]
    confidence: Option<Confidence>,
    /// Pictures (PNG or JPEG), or folders of them
    #[arg(required = true, value_name = "IMAGE|DIR")]
    images: Vec<PathBuf>,
}

/// What came of one image.
struct Inspected {
    judged: Judged,
    timings: Timings,
}

pub(super) fn run(
    arguments: &InspectArguments,
    out: &mut dyn Write,
    notes: &mut (impl Write + IsTerminal),
) -> Result<(), Failure> {
    let mut inspector = Inspector::load(&arguments.model, &arguments.engine)?;
    let mut judgement = Judgement::new(rule(inspector.pack(), arguments.confidence));
    // What cannot be listed stands for itself: it is an image that cannot be read.
    let images =
        arguments.images.iter().flat_map(|path| pictures_in(path).unwrap_or_else(|_| vec![path.clone()]));
    let images: Vec<PathBuf> = images.collect();
    if images.is_empty() {
        return Err(Failure::WrongUse("the folders hold no .png, .jpg or .jpeg file".to_owned()));
    }
    if let Some(folder) = &arguments.annotate {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::Failed(format!("cannot make {}: {error}", folder.display())))?;
    }
    let show_progress = notes.is_terminal() && arguments.json;
    let mut absent = 0;
    for (number, image) in (1..).zip(&images) {
        if show_progress {
            write!(notes, "\r{number}/{}", images.len())?;
        }
        absent += u64::from(!image.is_file());
        let inspected = inspect(&mut inspector, &mut judgement, image);
        if arguments.json {
            write_json(out, &line(image, &inspected))?;
        } else {
            writeln!(notes, "{}", sentence(image, &inspected.judged))?;
        }
        if let (Some(folder), Some(frame)) = (&arguments.annotate, &inspected.judged.decisive) {
            annotate(folder, image, frame, &inspected.judged)?;
        }
    }
    if show_progress {
        writeln!(notes)?;
    }
    match absent {
        0 => Ok(()),
        count => Err(Failure::Failed(format!("{count} of {} images are not there, see above", images.len()))),
    }
}

fn inspect(inspector: &mut Inspector, judgement: &mut Judgement, image: &Path) -> Inspected {
    let mut timings = Timings::default();
    let picture = read_picture(image).map_err(|error| format!("cannot read the file: {error}"));
    let seen = picture.and_then(|picture| {
        let inspection =
            inspector.look(&picture, None, judgement.floor()).map_err(|error| error.to_string())?;
        timings = inspection.timings;
        let (taken, inspected, region) = (Taken::now(), Instant::now(), inspection.region);
        Ok((inspection.findings, Decisive { taken, inspected, name: None, picture, region }))
    });
    let judging = Instant::now();
    match seen {
        Ok((findings, decisive)) => judgement.saw(1, &findings, decisive),
        Err(reason) => judgement.could_not_see(1, reason),
    }
    let judged = judgement.judge(1, 0);
    timings.judge += judging.elapsed();
    Inspected { judged, timings }
}

fn rule(pack: &Pack, confidence: Option<Confidence>) -> Rule {
    let threshold_of = |label: &String| (label.clone(), confidence.unwrap_or_else(|| pack.threshold(label)));
    Rule {
        threshold: confidence.unwrap_or(Confidence::CERTAIN),
        thresholds: pack.labels().iter().map(threshold_of).collect(),
        severity: Severity::Major,
        severities: BTreeMap::new(),
        frames_enough: 1,
    }
}

/// The line that DESIGN's contract fixes; `reason` stands in it where the image could not be inspected.
fn line(image: &Path, inspected: &Inspected) -> Value {
    let judged = &inspected.judged;
    let findings: Vec<Value> = found(judged)
        .map(|(label, confidence, area)| {
            let corners =
                area.map(|it| [it.x_min, it.y_min, it.x_max, it.y_max].map(|edge| round(edge, 10.0)));
            json!({"label": label, "confidence": round(confidence.value(), 10_000.0), "box": corners})
        })
        .collect();
    let milliseconds = |duration: std::time::Duration| round((duration.as_secs_f64() * 1e3) as f32, 1_000.0);
    let timings = &inspected.timings;
    let mut line = json!({
        "image": image.display().to_string(),
        "verdict": match judged.verdict {
            Verdict::Ok => "ok",
            Verdict::Ng => "ng",
            Verdict::NotInspected => "not_inspected",
        },
        "score": judged.score.map(|score| round(score, 10_000.0)),
        "findings": findings,
        "milliseconds": {
            "decode": milliseconds(timings.decode),
            "prepare": milliseconds(timings.prepare),
            "infer": milliseconds(timings.infer),
            "judge": milliseconds(timings.judge),
        },
    });
    if let (Some(reason), Some(fields)) = (&judged.reason, line.as_object_mut()) {
        fields.insert("reason".to_owned(), Value::from(reason.to_string()));
    }
    line
}

fn sentence(image: &Path, judged: &Judged) -> String {
    let defects: Vec<_> = judged.defects.iter().map(|it| format!("{} {}", it.label, it.confidence)).collect();
    let why = match &judged.reason {
        Some(reason) => format!(": {reason}"),
        None if defects.is_empty() => String::new(),
        None => format!(": {}", defects.join(", ")),
    };
    format!("{:<13} {}{why}", judged.verdict.to_string(), image.display())
}

/// The defects with their boxes in pixels of the image.
fn found(judged: &Judged) -> impl Iterator<Item = (&str, Confidence, Option<Area>)> {
    judged.defects.iter().map(|defect| {
        let area = defect.area.as_ref().zip(judged.decisive.as_ref()).map(|(place, frame)| frame.area(place));
        (&*defect.label, defect.confidence, area)
    })
}

fn annotate(folder: &Path, image: &Path, frame: &Decisive, judged: &Judged) -> Result<(), Failure> {
    let boxes: Vec<Area> = found(judged).filter_map(|(_, _, area)| area).collect();
    let name = image.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let path = folder.join(format!("{name}.jpg"));
    let undrawn = |error: String| Failure::Failed(format!("cannot draw {}: {error}", path.display()));
    let pixels = frame.picture.decode(Colour::Rgb).map_err(|error| undrawn(error.to_string()))?;
    let picture = evidence::jpeg(&pixels, &boxes).map_err(|error| undrawn(error.to_string()))?;
    fs::write(&path, picture)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}

/// So many digits as mean something; in `f64`, so that JSON does not spell out what `f32` cannot hold.
fn round(value: f32, steps: f64) -> f64 {
    (f64::from(value) * steps).round() / steps
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let number: f32 = text.parse().map_err(|_| "not a number; give one between 0 and 1".to_owned())?;
    Confidence::new(number).ok_or_else(|| "not between 0 and 1".to_owned())
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        Self::Failed(format!("the model pack is refused: {error}"))
    }
}
