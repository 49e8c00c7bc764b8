//! The YOLO heads that put centre, size and scores of every candidate box into one tensor, in pixels of the input.
//!
//! After YOLOv5 (with an objectness, also YOLOv6 and YOLOv7) and YOLOv8 (without, also YOLOv9, YOLO11 and YOLO12).
//! A candidate stands for its surest label only, as in their own post-processing.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
    scores::surest,
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// One tensor [1, boxes, 5 + labels]: centre x and y, width, height, the sureness that there is anything, and for each
/// label the sureness that it is that.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Yolov5 {
    name: Option<String>,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

/// One tensor [1, 4 + labels, boxes], or with the last two axes exchanged: centre x and y, width, height, and a score
/// for each label.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Yolov8 {
    name: Option<String>,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
}

impl Decode for Yolov5 {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let row = scene.labels.len() + 5;
        let expected = format_args!("[1, boxes, {row}]");
        let ([_, length], values) = Answer::axes::<2>(answers, 0, expected)?;
        if length != row {
            return mismatch(answers, 0, expected);
        }
        let found = values
            .chunks_exact(row)
            // The score is a product of two numbers in 0..=1, so the first alone rules most boxes out.
            .filter(|row| row[4] >= scene.floor.value())
            .filter_map(|row| {
                let (label, score) = surest(row[5..].iter().copied())?;
                let score = score * row[4];
                let area = Some(Area::centred(row[0], row[1], row[2], row[3]));
                (score >= scene.floor.value()).then(|| Finding::scored(&scene.labels[label], score, area))?
            })
            .collect();
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

impl Decode for Yolov8 {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let candidates = Candidates::of(answers, scene.labels.len(), 0)?;
        let found = candidates.above(scene).map(|(_, finding)| finding).collect();
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

/// Candidate boxes of a YOLOv8 head, each with four numbers for its box, scores, and perhaps more after them.
pub(super) struct Candidates<'a> {
    values: &'a [f32],
    boxes: usize,
    labels: usize,
    /// How far the numbers of one box, and the boxes, are apart.
    step: [usize; 2],
}

impl<'a> Candidates<'a> {
    /// Of the first output, where each box has `extra` numbers after its scores.
    pub(super) fn of(answers: &[Answer<'a>], labels: usize, extra: usize) -> Result<Self, DecodeError> {
        let numbers = 4 + labels + extra;
        let expected = format_args!("[1, {numbers}, boxes] or [1, boxes, {numbers}]");
        let ([first, second], values) = Answer::axes::<2>(answers, 0, expected)?;
        // There are more boxes than numbers in any real head; if both fit, this order is the usual one.
        if first == numbers {
            Ok(Self { values, boxes: second, labels, step: [second, 1] })
        } else if second == numbers {
            Ok(Self { values, boxes: first, labels, step: [1, numbers] })
        } else {
            mismatch(answers, 0, expected)
        }
    }

    /// Those whose surest label reaches the floor, each with its place among all.
    pub(super) fn above(&self, scene: &Scene<'_>) -> impl Iterator<Item = (usize, Finding)> {
        (0..self.boxes).filter_map(move |n| {
            let (label, score) = surest((0..self.labels).map(|label| self.number(n, 4 + label)))?;
            let area =
                || Area::centred(self.number(n, 0), self.number(n, 1), self.number(n, 2), self.number(n, 3));
            let finding = (score >= scene.floor.value())
                .then(|| Finding::scored(&scene.labels[label], score, Some(area())))??;
            Some((n, finding))
        })
    }

    /// One of the numbers of a box.
    pub(super) fn number(&self, candidate: usize, number: usize) -> f32 {
        self.values[number * self.step[0] + candidate * self.step[1]]
    }
}
