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
}

impl Decode for GridLtrb {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.require((1..=256).contains(&self.stride), "`output.stride` must be 1 to 256 pixels");
        faults.suppression(self.nms_iou, self.max_findings);
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
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inspection::Confidence;

    #[test]
    fn a_cell_with_a_score_becomes_a_box_around_its_centre() {
        let labels: Vec<Arc<str>> = vec!["open".into(), "short".into()];
        let grid = GridLtrb { name: None, stride: 8, nms_iou: 0.45, max_findings: 10 };
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
}
