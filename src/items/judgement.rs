//! The verdict on an item, from everything that its frames showed.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use andon_telemetry::Severity;

use crate::{
    camera::Taken,
    inspection::{Area, Confidence, Finding},
    items::{decisive::Decisive, sightings::Sightings},
};

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found that matters.
    Ok,
    /// At least one defect.
    Ng,
    /// It could not be judged; never taken for OK.
    NotInspected,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Ng => "NG",
            Self::NotInspected => "NOT INSPECTED",
        })
    }
}

/// When a finding is a defect, and how bad it is.
///
/// A defect is followed through the item's frames by label and place. It counts as sure as the mean of its surer
/// half of frames, a frame without it counting 0: seen for certain in half of the frames is certain, a flicker in
/// one of ten is not. The item is NG if that reaches the label's threshold for any defect.
#[derive(Clone, Debug)]
pub struct Rule {
    /// For labels without a threshold of their own.
    pub threshold: Confidence,
    /// By label.
    pub thresholds: BTreeMap<String, Confidence>,
    /// For labels without a severity of their own.
    pub severity: Severity,
    /// By label.
    pub severities: BTreeMap<String, Severity>,
    /// After so many usable frames an item has been seen enough (at least 1).
    pub frames_enough: u32,
}

/// Why an item was not inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its frames came faster than the model could look at them.
    Overload {
        /// How many looks were dropped.
        lost_looks: u64,
    },
    /// It was seen, but never as a whole.
    NeverWhole,
    /// Its frames could not be used.
    Unusable(String),
    /// Inspection was paused while it passed.
    Paused,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overload { lost_looks } => {
                write!(f, "overload: {lost_looks} frames came faster than they could be inspected")
            }
            Self::NeverWhole => f.write_str("it was never wholly in view"),
            Self::Unusable(reason) => f.write_str(reason),
            Self::Paused => f.write_str("inspection is paused from afar, by the station's device in IoT Hub"),
        }
    }
}

/// One item with its verdict.
#[derive(Debug)]
pub struct Judged {
    /// The item.
    pub item: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// How many usable frames stand behind it.
    pub tracked_frames: u32,
    /// The most severe first, then the surest; empty unless the verdict is NG.
    pub defects: Vec<Defect>,
    /// The surest finding of all, also below its threshold, 0..=1.
    pub score: Option<f32>,
    /// Why it was not inspected.
    pub reason: Option<Reason>,
    /// The frame that shows it best.
    pub decisive: Option<Decisive>,
    /// When the last usable frame was taken.
    pub last_seen: Option<Taken>,
}

/// A finding that made an item NG.
#[derive(Clone, Debug, PartialEq)]
pub struct Defect {
    /// One of the pack's labels.
    pub label: Arc<str>,
    /// As the rule says.
    pub severity: Severity,
    /// After all frames.
    pub confidence: Confidence,
    /// In 0..=1 of the item; `None` where the model speaks of the whole.
    pub area: Option<Area>,
}

/// Gathers what frames show of the items in view and judges each when it is gone.
#[derive(Debug)]
pub struct Judgement {
    rule: Rule,
    open: HashMap<u64, Sightings>,
}

impl Judgement {
    /// Starts with no item open.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, open: HashMap::new() }
    }

    /// The least confidence of a finding that can change a verdict, for the model to leave out what is below: half of
    /// the lowest threshold, since the surer half of an item's frames may make up for the other.
    #[must_use]
    pub fn floor(&self) -> Confidence {
        let lowest = self.rule.thresholds.values().fold(self.rule.threshold.value(), |a, b| a.min(b.value()));
        Confidence::new(lowest / 2.0).unwrap_or(self.rule.threshold)
    }

    /// Whether another frame of the item is worth the model's time.
    #[must_use]
    pub fn wants(&self, item: u64) -> bool {
        self.open.get(&item).is_none_or(|seen| seen.frames < self.rule.frames_enough)
    }

    /// Adds what the model saw of an item in one frame.
    pub fn saw(&mut self, item: u64, findings: &[Finding], frame: Decisive) {
        self.open.entry(item).or_default().add(findings, frame);
    }

    /// Notes that a frame of an item could not be used, and why.
    pub fn could_not_see(&mut self, item: u64, reason: String) {
        self.open.entry(item).or_default().unusable = Some(reason);
    }

    /// Judges by another rule from now on.
    pub fn set_rule(&mut self, rule: Rule) {
        self.rule = rule;
    }

    /// Gives up an item that is gone, whatever was seen of it.
    pub fn pass_over(&mut self, item: u64, reason: Reason) -> Judged {
        self.open.remove(&item);
        Judged::not_inspected(item, reason)
    }

    /// Judges an item that is gone. `lost_looks` says how many of its frames were dropped for want of time.
    pub fn judge(&mut self, item: u64, lost_looks: u64) -> Judged {
        let seen = self.open.remove(&item).unwrap_or_default();
        if seen.frames == 0 {
            let reason = match seen.unusable {
                Some(reason) => Reason::Unusable(reason),
                None if lost_looks > 0 => Reason::Overload { lost_looks },
                None => Reason::NeverWhole,
            };
            return Judged::not_inspected(item, reason);
        }
        let sure: Vec<_> = seen.returning.iter().map(|it| (it, it.confidence(seen.frames))).collect();
        let mut defects: Vec<Defect> = sure
            .iter()
            .filter(|(it, confidence)| *confidence >= self.rule.threshold_of(&it.surest.label))
            .map(|(it, confidence)| Defect {
                label: Arc::clone(&it.surest.label),
                severity: self.rule.severity_of(&it.surest.label),
                confidence: *confidence,
                area: it.surest.area,
            })
            .collect();
        defects.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then(b.confidence.value().total_cmp(&a.confidence.value()))
        });
        Judged {
            item,
            verdict: if defects.is_empty() { Verdict::Ok } else { Verdict::Ng },
            tracked_frames: seen.frames,
            defects,
            score: sure.iter().map(|(_, confidence)| confidence.value()).reduce(f32::max),
            reason: None,
            decisive: seen.decisive,
            last_seen: seen.last_seen,
        }
    }
}

impl Judged {
    fn not_inspected(item: u64, reason: Reason) -> Self {
        Self {
            item,
            verdict: Verdict::NotInspected,
            tracked_frames: 0,
            defects: Vec::new(),
            score: None,
            reason: Some(reason),
            decisive: None,
            last_seen: None,
        }
    }
}

impl Rule {
    fn threshold_of(&self, label: &str) -> Confidence {
        self.thresholds.get(label).copied().unwrap_or(self.threshold)
    }

    fn severity_of(&self, label: &str) -> Severity {
        self.severities.get(label).copied().unwrap_or(self.severity)
    }
}

#[cfg(test)]
mod tests;
