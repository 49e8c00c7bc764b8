//! A grid of cells, each with a score for every label and one box around its centre (FCOS, arXiv:1904.01355).

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
    mirror::Mirror,
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// One tensor [1, labels + 4, rows, columns]: a score in 0..=1 for each label, then the distances from the cell's
/// centre to the box's left, top, right and bottom in strides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct GridLtrb {
    name: Option<String>,
    /// Pixels of the input for each cell.
    stride: u32,
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
    /// The share of its confidence that a box keeps where it overlaps a surer one of another label so much.
    #[serde(default = "all")]
    across_labels: f32,
}

fn all() -> f32 {
    1.0
}

impl Decode for GridLtrb {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.require((1..=256).contains(&self.stride), "`output.stride` must be 1 to 256 pixels");
        faults.suppression(self.nms_iou, self.max_findings);
        faults.require((0.0..=1.0).contains(&self.across_labels), "`output.across_labels` must be 0 to 1");
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let labels = scene.labels.len();
        let ([rows, columns], values) = self.cells(answers, scene)?;
        let stride = self.stride as f32;
        let cells = rows * columns;
        let area = |cell: usize| {
            let distance = |side: usize| values[(labels + side) * cells + cell] * stride;
            let x = ((cell % columns) as f32 + 0.5) * stride;
            let y = ((cell / columns) as f32 + 0.5) * stride;
            Area {
                x_min: x - distance(0),
                y_min: y - distance(1),
                x_max: x + distance(2),
                y_max: y + distance(3),
            }
        };
        let mut found = Vec::new();
        for (label, scores) in scene.labels.iter().zip(values.chunks_exact(cells.max(1))) {
            for (cell, &score) in
                scores.iter().enumerate().filter(|(_, score)| **score >= scene.floor.value())
            {
                found.extend(Finding::scored(label, score, Some(area(cell))));
            }
        }
        let mut findings = suppress(found, self.nms_iou, self.max_findings);
        if self.across_labels < 1.0 {
            findings = doubt(&findings, self.nms_iou, self.across_labels);
            findings.retain(|finding| finding.confidence >= scene.floor);
        }
        Ok(Meaning { findings, score: None })
    }
}

impl GridLtrb {
    /// The rows and columns of an answer, and its values.
    fn cells<'a>(
        &self,
        answers: &[Answer<'a>],
        scene: &Scene<'_>,
    ) -> Result<([usize; 2], &'a [f32]), DecodeError> {
        let planes = scene.labels.len() + 4;
        let [columns, rows] = scene.input.map(|side| (side / self.stride.max(1)) as usize);
        let expected = format_args!("[1, {planes}, {rows}, {columns}]");
        let (axes, values) = Answer::axes::<3>(answers, 0, expected)?;
        if axes != [planes, rows, columns] {
            return mismatch(answers, 0, expected);
        }
        Ok(([rows, columns], values))
    }

    /// Whether a mirrored input of this width and height has its cells where the input has them.
    pub(in crate::inspection) fn can_be_mirrored(&self, input: [u32; 2]) -> bool {
        input.iter().all(|side| side % self.stride.max(1) == 0)
    }

    /// Whether any score is at least `from`.
    ///
    /// # Errors
    /// When the answer has another shape than the decoder and the labels ask for.
    pub(in crate::inspection) fn has_score(
        &self,
        answers: &[Answer<'_>],
        scene: &Scene<'_>,
        from: f32,
    ) -> Result<bool, DecodeError> {
        let ([rows, columns], values) = self.cells(answers, scene)?;
        Ok(values[..scene.labels.len() * rows * columns].iter().any(|score| *score >= from))
    }

    /// Adds the answer to a mirrored input to `sum`, which is laid out as the answer to the input itself.
    pub(super) fn add_mirrored(
        &self,
        answers: &[Answer<'_>],
        scene: &Scene<'_>,
        mirror: Mirror,
        sum: &mut [f32],
    ) -> Result<(), DecodeError> {
        let labels = scene.labels.len();
        let ([rows, columns], values) = self.cells(answers, scene)?;
        for (place, row) in sum.chunks_exact_mut(columns.max(1)).enumerate() {
            let (plane, y) = (place / rows, place % rows);
            // Left and right change places where left and right do, and so do top and bottom.
            let from_plane = match plane.checked_sub(labels) {
                Some(side @ (0 | 2)) if mirror.across => labels + 2 - side,
                Some(side @ (1 | 3)) if mirror.down => labels + 4 - side,
                _ => plane,
            };
            let from_y = if mirror.down { rows - 1 - y } else { y };
            let from = &values[(from_plane * rows + from_y) * columns..][..columns];
            if mirror.across {
                row.iter_mut().zip(from.iter().rev()).for_each(|(sum, value)| *sum += value);
            } else {
                row.iter_mut().zip(from).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(())
    }
}

/// One place has one defect: what overlaps a surer finding by more than `limit` keeps a `share` of its confidence.
fn doubt(findings: &[Finding], limit: f32, share: f32) -> Vec<Finding> {
    let overlaps =
        |a: &Finding, b: &Finding| matches!((a.area, b.area), (Some(a), Some(b)) if a.overlap(&b) > limit);
    let mut doubted: Vec<Finding> = (findings.iter().enumerate())
        .filter_map(|(rank, finding)| {
            let has_surer = findings[..rank].iter().any(|surer| overlaps(surer, finding));
            let share = if has_surer { share } else { 1.0 };
            Finding::scored(&finding.label, finding.confidence.value() * share, finding.area)
        })
        .collect();
    doubted.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
    doubted
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inspection::Confidence;

    #[test]
    fn a_cell_with_a_score_becomes_a_box_around_its_centre() {
        let labels: Vec<Arc<str>> = vec!["open".into(), "short".into()];
        let grid = GridLtrb { name: None, stride: 8, nms_iou: 0.45, max_findings: 10, across_labels: 1.0 };
        let mut values = vec![0.0; 6 * 6];
        let cell = 4; // second row, second column: centre 12, 12
        values[6 + cell] = 0.75;
        for (side, strides) in [1.0, 0.5, 2.0, 0.25].into_iter().enumerate() {
            values[(2 + side) * 6 + cell] = strides;
        }
        let scene = Scene { labels: &labels, input: [24, 16], floor: Confidence::new(0.5).unwrap() };
        let answer = Answer { shape: &[1, 6, 2, 3], values: &values };
        let found = grid.read(&[answer], &scene).unwrap().findings;
        assert_eq!(found.len(), 1);
        let nothing = [0.0; 36];
        let answers = [Answer { shape: &[1, 6, 2, 3], values: &nothing }];
        let counted =
            allocation_counter::measure(|| assert!(grid.read(&answers, &scene).unwrap().findings.is_empty()));
        assert_eq!(counted.count_total, 0, "a good item takes no memory");
        assert_eq!(&*found[0].label, "short");
        assert_eq!(found[0].area, Some(Area { x_min: 4.0, y_min: 8.0, x_max: 28.0, y_max: 14.0 }));
    }
    #[test]
    fn where_two_labels_claim_one_place_the_less_sure_one_loses_confidence() {
        let labels: Vec<Arc<str>> = vec!["open".into(), "short".into()];
        let grid = GridLtrb { name: None, stride: 8, nms_iou: 0.4, max_findings: 10, across_labels: 0.5 };
        // A cell with 0.9 and 0.5, and one far from it with 0.3; every box reaches four pixels to each side.
        let values = [0.9, 0.0, 0.0, 0.5, 0.0, 0.3].into_iter().chain([0.5; 12]).collect::<Vec<f32>>();
        let read = |floor| {
            let scene = Scene { labels: &labels, input: [24, 8], floor: Confidence::new(floor).unwrap() };
            let answer = Answer { shape: &[1, 6, 1, 3], values: &values };
            let found = grid.read(&[answer], &scene).unwrap().findings;
            found.iter().map(|it| (it.label.to_string(), it.confidence.value())).collect::<Vec<_>>()
        };
        let [open, short] = ["open", "short"].map(str::to_owned);
        let all = [(open.clone(), 0.9), (short.clone(), 0.3), (short.clone(), 0.25)];
        assert_eq!(read(0.1), all);
        assert_eq!(read(0.28), all[..2], "what fell below the floor is gone");
    }

    #[test]
    fn the_answer_to_a_mirrored_input_shows_the_same_boxes_mirrored() {
        let labels: Vec<Arc<str>> = vec!["open".into(), "short".into()];
        let grid = GridLtrb { name: None, stride: 8, nms_iou: 0.4, max_findings: 10, across_labels: 1.0 };
        let scene = Scene { labels: &labels, input: [24, 16], floor: Confidence::new(0.5).unwrap() };
        // Two boxes that are nowhere in the middle and reach differently far to each side.
        let mut values = vec![0.0; 6 * 6];
        for (label, cell, score) in [(0, 0, 0.75), (1, 5, 0.625)] {
            values[label * 6 + cell] = score;
            for (side, strides) in [0.25, 0.125, 0.5, 0.375].into_iter().enumerate() {
                values[(2 + side) * 6 + cell] = strides;
            }
        }
        let found =
            |values: &[f32]| grid.read(&[Answer { shape: &[1, 6, 2, 3], values }], &scene).unwrap().findings;
        for (_, mirror) in Mirror::IMAGES {
            let mut sum = vec![0.0; values.len()];
            grid.add_mirrored(&[Answer { shape: &[1, 6, 2, 3], values: &values }], &scene, mirror, &mut sum)
                .unwrap();
            let expected = found(&values).into_iter().map(|mut it| {
                it.area = it.area.map(|area| {
                    let across = |min, max| if mirror.across { (24.0 - max, 24.0 - min) } else { (min, max) };
                    let down = |min, max| if mirror.down { (16.0 - max, 16.0 - min) } else { (min, max) };
                    let ((x_min, x_max), (y_min, y_max)) =
                        (across(area.x_min, area.x_max), down(area.y_min, area.y_max));
                    Area { x_min, y_min, x_max, y_max }
                });
                it
            });
            assert_eq!(found(&sum), expected.collect::<Vec<_>>(), "{mirror:?}");
        }
    }
}
