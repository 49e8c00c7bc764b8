//! A grid of cells, each with a score for every label and one box around its centre (FCOS, arXiv:1904.01355).

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, pick},
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
        let [columns, rows] = scene.input.map(|side| (side / self.stride.max(1)) as usize);
        let expected = format_args!("[1, {}, {rows}, {columns}]", labels + 4);
        let (axes, values) = Answer::axes::<3>(answers, 0, expected)?;
        if axes != [labels + 4, rows, columns] {
            return mismatch(answers, 0, expected);
        }
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
}
