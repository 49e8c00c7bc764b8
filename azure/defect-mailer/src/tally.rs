//! Reports folded into what one mail says: bounded, whatever the reports hold.

use andon_telemetry::{Clock, Defect, Report, Severity};
use serde::{Deserialize, Serialize};

use crate::plain::{plain, plain_or};

/// Labels told apart in a mail; defects of further ones are only counted.
const LABELS: usize = 8;
/// Pictures named in a mail, the latest ones.
const PICTURES: usize = 3;
/// Characters of a label or a picture's name, and of longer names.
const SHORT: usize = 40;
const LONG: usize = 80;

/// Like reports of one incident, folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How many reports were folded, one an item.
    pub items: u64,
    /// How many items the incident holds, as the station counts.
    pub total: u64,
    /// The worst severity.
    pub severity: Severity,
    /// Worst first, then most frequent.
    pub labels: Vec<Label>,
    /// Defects of labels for which there was no more room.
    pub other_defects: u64,
    /// When the first and the last folded item were captured, in the station's words.
    pub first_at: String,
    /// See `first_at`.
    pub last_at: String,
    /// The last folded item's number at its station.
    pub last_item: u64,
    /// The station's names of its latest pictures, latest last.
    pub pictures: Vec<String>,
    /// Where the last item's worst defect is in the picture.
    pub place: Option<Place>,
    /// The line, in the station's words.
    pub line: String,
    /// The product, in the station's words.
    pub product: String,
    /// The station's own name for itself, where it is not the device's id.
    pub claimed: Option<String>,
    /// Whether the clock could not be believed for any of the items.
    pub unsynchronised: bool,
    /// Model name and version.
    pub model: String,
    /// Agent version.
    pub agent: String,
}

/// One label's share of a tally.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The model's word.
    pub name: String,
    /// The worst severity.
    pub severity: Severity,
    /// On how many items it was found.
    pub items: u64,
    /// The lowest and the highest confidence, 0..1, each item's best counting.
    pub confidence: (f32, f32),
}

/// A ninth of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// 0 left, 1 centre, 2 right.
    pub column: u8,
    /// 0 top, 1 centre, 2 bottom.
    pub row: u8,
}

impl Tally {
    /// A tally of one report.
    #[must_use]
    pub fn of(device: &str, report: &Report) -> Self {
        let mut tally = Self {
            items: 0,
            total: 0,
            severity: Severity::Minor,
            labels: Vec::new(),
            other_defects: 0,
            first_at: plain(&report.captured_at, SHORT),
            last_at: String::new(),
            last_item: 0,
            pictures: Vec::new(),
            place: None,
            line: String::new(),
            product: String::new(),
            claimed: None,
            unsynchronised: false,
            model: String::new(),
            agent: String::new(),
        };
        tally.add(device, report);
        tally
    }

    /// Folds one more report in.
    pub fn add(&mut self, device: &str, report: &Report) {
        self.items += 1;
        self.total = self.total.max(report.incident.count).max(self.items);
        self.severity = self.severity.max(report.severity());
        self.last_at = plain(&report.captured_at, SHORT);
        self.last_item = report.item.sequence;
        if let Some(picture) =
            report.evidence.as_deref().map(|name| plain(name, LONG)).filter(|p| !p.is_empty())
        {
            self.pictures.retain(|kept| *kept != picture);
            self.pictures.push(picture);
            let surplus = self.pictures.len().saturating_sub(PICTURES);
            self.pictures.drain(..surplus);
        }
        self.line = plain_or(&report.station.line, SHORT, "unnamed line");
        self.product = plain_or(&report.station.product, LONG, "unnamed product");
        self.claimed = (report.station.id != device).then(|| plain_or(&report.station.id, LONG, "(no name)"));
        self.unsynchronised |= report.clock == Clock::Unsynchronised;
        self.model = format!("{} {}", plain(&report.model.name, SHORT), plain(&report.model.version, SHORT));
        self.agent = plain(&report.agent.version, SHORT);
        self.place = report.defects.iter().max_by(worse).and_then(|defect| defect.area).and_then(Place::of);
        for (name, severity, confidence) in best_of_each_label(&report.defects) {
            self.add_label(name, severity, confidence);
        }
        self.sort_labels();
    }

    /// Folds a later tally of the same incident in.
    pub fn merge(&mut self, later: &Self) {
        self.items += later.items;
        self.total = self.total.max(later.total).max(self.items);
        self.severity = self.severity.max(later.severity);
        self.other_defects += later.other_defects;
        self.last_at.clone_from(&later.last_at);
        self.last_item = later.last_item;
        self.place = later.place.or(self.place);
        self.claimed = later.claimed.clone().or(self.claimed.take());
        self.unsynchronised |= later.unsynchronised;
        self.pictures.retain(|picture| !later.pictures.contains(picture));
        self.pictures.extend_from_slice(&later.pictures);
        let surplus = self.pictures.len().saturating_sub(PICTURES);
        self.pictures.drain(..surplus);
        for label in &later.labels {
            if let Some(mine) = self.labels.iter_mut().find(|mine| mine.name == label.name) {
                mine.items += label.items;
                mine.severity = mine.severity.max(label.severity);
                let (low, high) = label.confidence;
                mine.confidence = (mine.confidence.0.min(low), mine.confidence.1.max(high));
            } else if self.labels.len() < LABELS {
                self.labels.push(label.clone());
            } else {
                self.other_defects += label.items;
            }
        }
        self.sort_labels();
    }

    fn sort_labels(&mut self) {
        self.labels.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.items.cmp(&a.items)));
    }

    fn add_label(&mut self, name: String, severity: Severity, confidence: f32) {
        if let Some(label) = self.labels.iter_mut().find(|label| label.name == name) {
            label.items += 1;
            label.severity = label.severity.max(severity);
            label.confidence = (label.confidence.0.min(confidence), label.confidence.1.max(confidence));
        } else if self.labels.len() < LABELS {
            self.labels.push(Label { name, severity, items: 1, confidence: (confidence, confidence) });
        } else {
            self.other_defects += 1;
        }
    }
}

impl Place {
    fn of(area: [f32; 4]) -> Option<Self> {
        let third = |low: f32, high: f32| {
            let middle = f32::midpoint(low, high);
            (0.0..=1.0)
                .contains(&middle)
                .then(|| if middle < 1.0 / 3.0 { 0 } else { u8::from(middle > 2.0 / 3.0) + 1 })
        };
        let [x_min, y_min, x_max, y_max] = area;
        Some(Self { column: third(x_min, x_max)?, row: third(y_min, y_max)? })
    }
}

fn worse(a: &&Defect, b: &&Defect) -> std::cmp::Ordering {
    a.severity.cmp(&b.severity).then(a.confidence.total_cmp(&b.confidence))
}

/// Three shorts on one board are one item with a short.
fn best_of_each_label(defects: &[Defect]) -> Vec<(String, Severity, f32)> {
    let mut best: Vec<(String, Severity, f32)> = Vec::new();
    for defect in defects {
        let name = plain_or(&defect.label, SHORT, "unnamed defect");
        let confidence = if defect.confidence.is_nan() { 0.0 } else { defect.confidence.clamp(0.0, 1.0) };
        match best.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, severity, highest)) => {
                *severity = (*severity).max(defect.severity);
                *highest = highest.max(confidence);
            }
            None => best.push((name, defect.severity, confidence)),
        }
    }
    best
}

#[cfg(test)]
mod tests;
