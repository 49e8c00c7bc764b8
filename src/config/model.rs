//! `[model]` and `[severity]`: what inspects an item, and how bad what it finds is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use andon_telemetry::Severity;
use toml::de::DeValue;

use super::{
    document::Document,
    value::{Wrong, confidence, path, word},
};
use crate::inspection::{Confidence, Engine};

/// What inspects an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The model pack's folder.
    pub pack: PathBuf,
    /// Whether onnxruntime runs it.
    pub is_for_onnxruntime: bool,
    /// Where onnxruntime's library is.
    pub library: Option<PathBuf>,
    /// From which confidence on a finding is a defect; `None` for the pack's own.
    pub threshold: Option<Confidence>,
    /// By label, in place of the overall one.
    pub thresholds: BTreeMap<String, Confidence>,
}

impl Model {
    /// What runs it.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.is_for_onnxruntime {
            true => Engine::OnnxRuntime { library: self.library.clone() },
            false => Engine::Tract,
        }
    }
}

/// How bad a defect is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severities {
    /// For labels without a severity of their own.
    pub other: Severity,
    /// By label.
    pub by_label: BTreeMap<String, Severity>,
}

pub(super) fn read(document: &Document<'_>, folder: &Path) -> Option<Model> {
    let section = document.section("model");
    let pack = section.required("pack", "\"models/pcb\"", path(folder));
    let threshold = section.optional("threshold", confidence);
    let is_for_onnxruntime = section.or(false, "engine", word(&[("tract", false), ("onnxruntime", true)]));
    let library = section.optional("library", path(folder));
    let thresholds = document.section("model.thresholds").labels(confidence);
    Some(Model { pack: pack?, is_for_onnxruntime, library, threshold, thresholds })
}

pub(super) fn read_severities(document: &Document<'_>) -> Severities {
    Severities {
        other: document.section("severity").or(Severity::Major, "other", severity()),
        by_label: document.section("severity.labels").labels(severity()),
    }
}

pub(super) fn severity() -> impl Fn(&DeValue<'_>) -> Result<Severity, Wrong> {
    word(&[("critical", Severity::Critical), ("major", Severity::Major), ("minor", Severity::Minor)])
}
