//! What a decoder is: the outputs that it reads, what it is told, and what it gives back.

use std::{fmt, sync::Arc};

use serde::Deserialize;

use crate::inspection::{
    Confidence, Finding,
    decode::answer::{Answer, DecodeError},
};

/// What a model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::inspection) enum Task {
    /// A label for the whole picture.
    Classify,
    /// Boxes.
    Detect,
    /// A label for each pixel, or a mask for each box.
    Segment,
    /// How unlike the good items it was shown a picture is, in all and at each pixel.
    Anomaly,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classify => "classify",
            Self::Detect => "detect",
            Self::Segment => "segment",
            Self::Anomaly => "anomaly",
        })
    }
}

/// An output of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::inspection) enum Pick {
    /// By its name.
    Named(String),
    /// By its place, from 0.
    Nth(usize),
}

/// What every decoder is told besides its parameters.
pub(in crate::inspection) struct Scene<'a> {
    /// The pack's labels.
    pub(in crate::inspection) labels: &'a [Arc<str>],
    /// Width and height of the model's input in pixels.
    pub(in crate::inspection) input: [u32; 2],
    /// The least confidence of a finding.
    pub(in crate::inspection) floor: Confidence,
}

/// What an answer means.
#[derive(Debug, Default)]
pub(in crate::inspection) struct Meaning {
    /// Surest first; areas in pixels of the model's input.
    pub(in crate::inspection) findings: Vec<Finding>,
    /// The model's score of the whole, where it gives one.
    pub(in crate::inspection) score: Option<f32>,
}

/// Gives the float32 numbers in a NumPy file of the pack.
pub(in crate::inspection) type ReadNumbers<'a> = dyn Fn(&str) -> Result<Vec<f32>, String> + 'a;

/// One family of models.
pub(super) trait Decode {
    /// To which task it belongs.
    fn task(&self) -> Task {
        Task::Detect
    }

    /// The outputs that it reads, in the order in which it wants them.
    fn outputs(&self) -> Vec<Pick>;

    /// What is impossible in its parameters, each with its remedy.
    fn faults(&self, labels: &[String]) -> Vec<String>;

    /// Files of the pack that its parameters name.
    fn files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Reads one answer, which holds numbers only, of as many outputs as it asked for.
    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError>;
}

/// The output of this name, or the one at this place where the manifest gives none.
pub(super) fn pick(name: Option<&String>, place: usize) -> Pick {
    name.map_or(Pick::Nth(place), |name| Pick::Named(name.clone()))
}

/// Gathers what cannot be in a manifest.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<String>);

impl Faults {
    pub(super) fn require(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.0.push(fault.to_owned());
        }
    }

    /// What decoders with non-maximum suppression have in common.
    pub(super) fn suppression(&mut self, nms_iou: f32, max_findings: usize) {
        self.require((0.0..=1.0).contains(&nms_iou), "`output.nms_iou` must be 0 to 1");
        self.max_findings(max_findings);
    }

    pub(super) fn max_findings(&mut self, max_findings: usize) {
        self.require((1..=10_000).contains(&max_findings), "`output.max_findings` must be 1 to 10000");
    }

    pub(super) fn strides(&mut self, strides: &[u32]) {
        self.require(
            (1..=8).contains(&strides.len()) && strides.iter().all(|it| (1..=256).contains(it)),
            "`output.strides` must name 1 to 8 strides of 1 to 256 pixels",
        );
    }

    pub(super) fn known(&mut self, key: &str, named: &[String], labels: &[String]) {
        for name in named.iter().filter(|name| !labels.contains(name)) {
            self.0.push(format!("`output.{key}` names {name:?}, which is not in `labels`"));
        }
    }
}
