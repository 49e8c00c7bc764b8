//! Boxes that the graph itself has chosen: YOLOv10 and YOLO26, and exports with non-maximum suppression in the graph.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
};
use crate::inspection::{Area, Finding};

/// One tensor [1, boxes, 6]: left, top, right, bottom in pixels of the input, the score, and the label's number from
/// 0. Rows with a score of 0 fill it up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Chosen {
    name: Option<String>,
    /// The surest so many are kept.
    #[serde(default = "hundreds")]
    max_findings: usize,
}

fn hundreds() -> usize {
    300
}

/// Numbers of one box.
pub(super) const ROW: usize = 6;

impl Decode for Chosen {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.max_findings(self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let expected = "[1, boxes, 6]";
        let ([_, ROW], values) = Answer::axes::<2>(answers, 0, expected)? else {
            return mismatch(answers, 0, expected);
        };
        let mut findings = Vec::new();
        for row in values.as_chunks::<ROW>().0 {
            findings.extend(finding(row, scene)?);
        }
        findings.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
        findings.truncate(self.max_findings);
        Ok(Meaning { findings, score: None })
    }
}

/// The finding in one row, if it reaches the floor.
pub(super) fn finding(row: &[f32; ROW], scene: &Scene<'_>) -> Result<Option<Finding>, DecodeError> {
    let [x_min, y_min, x_max, y_max, score, number] = *row;
    if score <= 0.0 || score < scene.floor.value() {
        return Ok(None);
    }
    let label: Option<&Arc<str>> =
        if number >= 0.0 { scene.labels.get(number.round() as usize) } else { None };
    let Some(label) = label else {
        return Err(DecodeError::Label { number, labels: scene.labels.len() });
    };
    Ok(Finding::scored(label, score, Some(Area { x_min, y_min, x_max, y_max })))
}
