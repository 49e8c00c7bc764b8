//! Heads that answer with a distribution for each side of a box: the distance is its mean (Generalized Focal Loss,
//! arXiv:2006.04388), as in NanoDet and PicoDet.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
    grid::{self, Cell},
    scores::{softmax, surest},
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// One tensor [1, cells, labels + 4 * bins]: a score for each label, then for left, top, right and bottom the logits
/// of the distances 0, 1, ... strides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Nanodet {
    name: Option<String>,
    /// Pixels of the input for each cell, level by level: NanoDet-Plus has four levels, NanoDet the first three.
    #[serde(default = "four_strides")]
    strides: Vec<u32>,
    /// Logits a side: one more than the training's `reg_max`.
    #[serde(default = "eight")]
    bins: usize,
    /// Where in its cell the point lies from which a box is measured: 0 for NanoDet-Plus, 0.5 for NanoDet.
    #[serde(default)]
    centre: f32,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

/// For each level a tensor [1, cells, labels] of scores and a tensor [1, cells, 4 * bins] of logits as in NanoDet: what
/// PaddleDetection exports without its post-processing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Picodet {
    /// The outputs with scores, level by level; without names the first half of the graph's outputs.
    #[serde(default)]
    scores: Vec<String>,
    /// The outputs with distances, level by level; without names the second half.
    #[serde(default)]
    distances: Vec<String>,
    /// Pixels of the input for each cell, level by level.
    #[serde(default = "four_strides")]
    strides: Vec<u32>,
    /// Logits a side: one more than the training's `reg_max`.
    #[serde(default = "eight")]
    bins: usize,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

fn four_strides() -> Vec<u32> {
    vec![8, 16, 32, 64]
}

fn eight() -> usize {
    8
}

/// The middle of a cell.
const MIDDLE: f32 = 0.5;

impl Decode for Nanodet {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.strides(&self.strides);
        faults.require((2..=64).contains(&self.bins), "`output.bins` must be 2 to 64");
        faults.require((0.0..=1.0).contains(&self.centre), "`output.centre` must be 0 to 1");
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let labels = scene.labels.len();
        let (row, cells) = (labels + 4 * self.bins, grid::count(&self.strides, scene.input));
        let expected =
            format_args!("[1, {cells}, {row}] for the strides {:?} and {} bins", self.strides, self.bins);
        let (axes, values) = Answer::axes::<2>(answers, 0, expected)?;
        if axes != [cells, row] {
            return mismatch(answers, 0, expected);
        }
        let found = grid::cells(&self.strides, scene.input)
            .zip(values.chunks_exact(row))
            .filter_map(|(cell, row)| finding(scene, &row[..labels], &row[labels..], cell, self.centre))
            .collect();
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

impl Decode for Picodet {
    fn outputs(&self) -> Vec<Pick> {
        let levels = self.strides.len();
        let half = |names: &[String], first: usize| -> Vec<Pick> {
            (0..levels).map(|level| pick(names.get(level), first + level)).collect()
        };
        [half(&self.scores, 0), half(&self.distances, levels)].concat()
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.strides(&self.strides);
        let named = |names: &[String]| names.is_empty() || names.len() == self.strides.len();
        faults.require(
            named(&self.scores) && named(&self.distances) && self.scores.len() == self.distances.len(),
            "`output.scores` and `output.distances` must each name an output for each of `output.strides`, or both \
             be absent",
        );
        faults.require((2..=64).contains(&self.bins), "`output.bins` must be 2 to 64");
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let (labels, sides) = (scene.labels.len(), 4 * self.bins);
        let mut found = Vec::new();
        for (level, stride) in self.strides.iter().enumerate() {
            let cells = grid::count(&[*stride], scene.input);
            let level_of = |output: usize, length: usize| {
                let expected = format_args!("[1, {cells}, {length}] for the stride {stride}");
                match Answer::axes::<2>(answers, output, expected)? {
                    (axes, values) if axes == [cells, length] => Ok(values),
                    _ => mismatch(answers, output, expected),
                }
            };
            let scores = level_of(level, labels)?;
            let distances = level_of(self.strides.len() + level, sides)?;
            let rows = scores.chunks_exact(labels).zip(distances.chunks_exact(sides));
            found.extend(
                grid::cells(&[*stride], scene.input)
                    .zip(rows)
                    .filter_map(|(cell, (scores, sides))| finding(scene, scores, sides, cell, MIDDLE)),
            );
        }
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

fn finding(scene: &Scene<'_>, scores: &[f32], sides: &[f32], cell: Cell, centre: f32) -> Option<Finding> {
    let (label, score) = surest(scores.iter().copied()).filter(|(_, score)| *score >= scene.floor.value())?;
    let mut distances = sides.chunks_exact(sides.len() / 4).map(|logits| mean(logits) * cell.stride);
    let mut next = || distances.next().unwrap_or_default();
    let (left, top, right, bottom) = (next(), next(), next(), next());
    let (x, y) = ((cell.x + centre) * cell.stride, (cell.y + centre) * cell.stride);
    let area = Area { x_min: x - left, y_min: y - top, x_max: x + right, y_max: y + bottom };
    Finding::scored(&scene.labels[label], score, Some(area))
}

fn mean(logits: &[f32]) -> f32 {
    softmax(logits).iter().enumerate().map(|(distance, share)| distance as f32 * share).sum()
}
