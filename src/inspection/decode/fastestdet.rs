//! FastestDet: one grid whose cells answer for one box each (github.com/dog-qiuqiu/FastestDet).

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
    scores::{sigmoid, surest},
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// One tensor [1, 5 + labels, rows, columns]: the sureness that there is anything; the centre from the cell's corner
/// (tanh, in cells) and the size (sigmoid, in inputs) before these functions; a probability for each label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Fastestdet {
    name: Option<String>,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

/// How much of a score, as exponents, comes from the sureness that there is anything and from the label's.
const THING: f32 = 0.6;
const LABEL: f32 = 0.4;

impl Decode for Fastestdet {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let planes = scene.labels.len() + 5;
        let expected = format_args!("[1, {planes}, rows, columns]");
        let ([found, rows, columns], values) = Answer::axes::<3>(answers, 0, expected)?;
        if found != planes {
            return mismatch(answers, 0, expected);
        }
        let cells = rows * columns;
        let [width, height] = scene.input.map(|side| side as f32);
        let found = (0..cells)
            .filter_map(|cell| {
                let number = |plane: usize| values[plane * cells + cell];
                let (label, sureness) = surest((5..planes).map(number))?;
                let score = number(0).powf(THING) * sureness.powf(LABEL);
                let area = Area::centred(
                    ((cell % columns) as f32 + number(1).tanh()) * width / columns as f32,
                    ((cell / columns) as f32 + number(2).tanh()) * height / rows as f32,
                    sigmoid(number(3)) * width,
                    sigmoid(number(4)) * height,
                );
                (score >= scene.floor.value())
                    .then(|| Finding::scored(&scene.labels[label], score, Some(area)))?
            })
            .collect();
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}
