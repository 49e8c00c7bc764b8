//! One item's findings, gathered over the frames that show it.

use crate::{
    camera::Taken,
    inspection::{Area, Confidence, Finding},
    items::decisive::Decisive,
};

/// A finding that returns in frame after frame at the same place of the item.
#[derive(Clone, Debug)]
pub(super) struct Returning {
    /// The finding where it was surest; its area in 0..=1 of the item.
    pub(super) surest: Finding,
    /// Its last place, 0..=1 of the item.
    place: Option<Area>,
    /// One confidence for each frame that showed it.
    confidences: Vec<f32>,
}

/// Everything that was seen of one item until now.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// Usable frames.
    pub(super) frames: u32,
    /// The latest reason why a frame of it was not usable.
    pub(super) unusable: Option<String>,
    pub(super) returning: Vec<Returning>,
    /// The frame that shows it best.
    pub(super) decisive: Option<Decisive>,
    decisive_confidence: f32,
    /// When the last usable frame was taken.
    pub(super) last_seen: Option<Taken>,
}

/// Boxes of one label in two frames are the same defect if they overlap at least this much.
const SAME_PLACE: f32 = 0.3;

/// More different places than a sane model finds on one item; what comes beyond is the least sure.
const MAX_PLACES: usize = 256;

impl Sightings {
    /// Adds what one usable frame showed.
    pub(super) fn add(&mut self, findings: &[Finding], frame: Decisive) {
        self.frames += 1;
        self.last_seen = Some(frame.taken);
        let mut met = vec![false; self.returning.len()];
        for finding in findings {
            let place = finding.area.map(|area| frame.place(&area));
            let confidence = finding.confidence.value();
            let nearest = (0..met.len())
                .filter(|&n| !met[n] && self.returning[n].surest.label == finding.label)
                .map(|n| (n, overlap(self.returning[n].place, place)))
                .filter(|&(_, overlap)| overlap >= SAME_PLACE)
                .max_by(|a, b| a.1.total_cmp(&b.1));
            match nearest {
                Some((n, _)) => {
                    met[n] = true;
                    self.returning[n].meet(finding, place);
                }
                None if self.returning.len() < MAX_PLACES => self.returning.push(Returning {
                    surest: Finding { area: place, ..finding.clone() },
                    place,
                    confidences: vec![confidence],
                }),
                None => {}
            }
        }
        let surest = findings.iter().map(|finding| finding.confidence.value()).fold(0.0, f32::max);
        if self.decisive.is_none() || surest > self.decisive_confidence {
            self.decisive = Some(frame);
            self.decisive_confidence = surest;
        }
    }
}

impl Returning {
    /// How sure it is after all frames: the mean of the surer half of them, where a frame without it counts 0.
    pub(super) fn confidence(&self, frames: u32) -> Confidence {
        let half = (frames as usize).div_ceil(2).max(1);
        let mut surest_first = self.confidences.clone();
        surest_first.sort_by(|a, b| b.total_cmp(a));
        let mean = surest_first.iter().take(half).sum::<f32>() / half as f32;
        Confidence::new(mean.clamp(0.0, 1.0)).unwrap_or(self.surest.confidence)
    }

    fn meet(&mut self, finding: &Finding, place: Option<Area>) {
        self.place = place;
        self.confidences.push(finding.confidence.value());
        if finding.confidence > self.surest.confidence {
            self.surest = Finding { area: place, ..finding.clone() };
        }
    }
}

fn overlap(a: Option<Area>, b: Option<Area>) -> f32 {
    match (a, b) {
        (Some(a), Some(b)) => a.overlap(&b),
        (None, None) => 1.0,
        _ => 0.0,
    }
}
