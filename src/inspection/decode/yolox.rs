//! YOLOX with its head as exported, the boxes still relative to their cells (arXiv:2107.08430).

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
    grid,
    scores::surest,
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// One tensor [1, cells, 5 + labels]: the centre from the cell's corner and the logarithms of width and height, all in
/// strides, the sureness that there is anything, and for each label the sureness that it is that.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Yolox {
    name: Option<String>,
    /// Pixels of the input for each cell, level by level.
    #[serde(default = "strides")]
    strides: Vec<u32>,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

fn strides() -> Vec<u32> {
    vec![8, 16, 32]
}

impl Decode for Yolox {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.strides(&self.strides);
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let (row, cells) = (scene.labels.len() + 5, grid::count(&self.strides, scene.input));
        let expected = format_args!("[1, {cells}, {row}] for the strides {:?}", self.strides);
        let (axes, values) = Answer::axes::<2>(answers, 0, expected)?;
        if axes != [cells, row] {
            return mismatch(answers, 0, expected);
        }
        let found = grid::cells(&self.strides, scene.input)
            .zip(values.chunks_exact(row))
            .filter(|(_, row)| row[4] >= scene.floor.value())
            .filter_map(|(cell, row)| {
                let (label, score) = surest(row[5..].iter().copied())?;
                let score = score * row[4];
                let area = Area::centred(
                    (row[0] + cell.x) * cell.stride,
                    (row[1] + cell.y) * cell.stride,
                    row[2].exp() * cell.stride,
                    row[3].exp() * cell.stride,
                );
                (score >= scene.floor.value())
                    .then(|| Finding::scored(&scene.labels[label], score, Some(area)))?
            })
            .collect();
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}
