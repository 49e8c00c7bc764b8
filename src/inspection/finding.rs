//! What the model saw in one frame.

use std::{fmt, sync::Arc, time::Duration};

use crate::camera::Region;

/// A number in 0..=1; a value that makes no sense cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f32);

impl Confidence {
    /// 1.
    pub const CERTAIN: Self = Self(1.0);

    /// `None` outside 0..=1 and for NaN.
    #[must_use]
    pub fn new(value: f32) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// In 0..=1.
    #[must_use]
    pub fn value(self) -> f32 {
        self.0
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

/// A box in pixels of the whole picture; `min` is inside, `max` is the edge beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left.
    pub x_min: f32,
    /// Top.
    pub y_min: f32,
    /// Right.
    pub x_max: f32,
    /// Bottom.
    pub y_max: f32,
}

impl Area {
    /// From its centre and size.
    #[must_use]
    pub fn centred(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x_min: x - width / 2.0,
            y_min: y - height / 2.0,
            x_max: x + width / 2.0,
            y_max: y + height / 2.0,
        }
    }

    /// In square pixels, 0 for an inverted box.
    #[must_use]
    pub fn size(&self) -> f32 {
        (self.x_max - self.x_min).max(0.0) * (self.y_max - self.y_min).max(0.0)
    }

    /// Intersection over union, 0..=1.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> f32 {
        let common = Self {
            x_min: self.x_min.max(other.x_min),
            y_min: self.y_min.max(other.y_min),
            x_max: self.x_max.min(other.x_max),
            y_max: self.y_max.min(other.y_max),
        }
        .size();
        let union = self.size() + other.size() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }
}

/// One thing that the model saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// One of the pack's labels.
    pub label: Arc<str>,
    /// How sure the model was.
    pub confidence: Confidence,
    /// Where; `None` where the model speaks of the whole region.
    pub area: Option<Area>,
}

impl Finding {
    /// A finding with a score as the model gave it; `None` if that is no number.
    pub(super) fn scored(label: &Arc<str>, score: f32, area: Option<Area>) -> Option<Self> {
        // An export may exceed 1 by a rounding error.
        let confidence = Confidence::new(score.clamp(0.0, 1.0))?;
        Some(Self { label: Arc::clone(label), confidence, area })
    }
}

/// What the model saw in one frame.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Most confident first.
    pub findings: Vec<Finding>,
    /// The model's score of the whole region, where it gives one; 0..=1, higher is worse.
    pub score: Option<f32>,
    /// What was inspected.
    pub region: Region,
    /// Width and height of the whole picture, in pixels.
    pub picture: [u32; 2],
    /// What it took.
    pub timings: Timings,
}

/// How long the stages of one inspection took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// From bytes to pixels.
    pub decode: Duration,
    /// From pixels to the model's tensor.
    pub prepare: Duration,
    /// The model, all its runs.
    pub infer: Duration,
    /// From the model's output to findings.
    pub judge: Duration,
    /// How often the model was run: once for each tile, and three times more for one that it was shown again.
    pub runs: u32,
}
