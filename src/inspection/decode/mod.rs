//! From the model's answer to findings, one file a decoder.

mod grid_ltrb;
mod labels;

use std::sync::Arc;

use crate::inspection::{Confidence, Finding, manifest::Output, suppression::suppress};

/// Reads the answers of one model.
pub(super) struct Decoder {
    output: Output,
    labels: Vec<Arc<str>>,
}

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// Another shape than the manifest promises.
    #[error("the model answers with the shape {found:?}, its manifest promises {expected}")]
    Shape {
        /// As the graph has it.
        found: Vec<usize>,
        /// In words.
        expected: String,
    },
    /// Not numbers.
    #[error("the model answered with values that are not numbers")]
    NotNumbers,
}

impl Decoder {
    pub(super) fn new(output: Output, labels: &[String]) -> Self {
        Self { output, labels: labels.iter().map(|label| Arc::from(label.as_str())).collect() }
    }

    /// Checks a shape before any answer is read.
    pub(super) fn check(&self, shape: &[usize], input: [u32; 2]) -> Result<(), DecodeError> {
        let labels = self.labels.len();
        let expected = match &self.output {
            Output::GridLtrb { stride, .. } => {
                let [columns, rows] = input.map(|side| (side / stride) as usize);
                vec![1, labels + 4, rows, columns]
            }
            Output::Probabilities { .. } | Output::Logits { .. } => vec![1, labels],
        };
        if shape == expected {
            return Ok(());
        }
        let expected = format!("{expected:?} for {labels} labels");
        Err(DecodeError::Shape { found: shape.to_vec(), expected })
    }

    /// The findings of at least `floor`, surest first; areas in pixels of the model's input.
    pub(super) fn decode(
        &self,
        answer: &[f32],
        shape: &[usize],
        floor: Confidence,
    ) -> Result<Vec<Finding>, DecodeError> {
        if answer.iter().any(|value| value.is_nan()) {
            return Err(DecodeError::NotNumbers);
        }
        Ok(match &self.output {
            Output::GridLtrb { stride, nms_iou, max_findings } => {
                let (rows, columns) = (shape[2], shape[3]);
                let grid = grid_ltrb::Grid { rows, columns, stride: *stride as f32 };
                suppress(grid.findings(answer, &self.labels, floor), *nms_iou, *max_findings)
            }
            Output::Probabilities { ok_labels } => labels::findings(answer, &self.labels, ok_labels, floor),
            Output::Logits { ok_labels } => {
                labels::findings(&labels::softmax(answer), &self.labels, ok_labels, floor)
            }
        })
    }
}
