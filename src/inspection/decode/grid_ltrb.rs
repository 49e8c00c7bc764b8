//! A grid of cells, each with a score for every label and one box around its centre (FCOS, arXiv:1904.01355).

use std::sync::Arc;

use crate::inspection::{Area, Confidence, Finding};

pub(super) struct Grid {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Pixels of the model's input for each cell.
    pub(super) stride: f32,
}

impl Grid {
    /// `answer` holds planes of `rows * columns` values: one for each label, then left, top, right, bottom.
    pub(super) fn findings(&self, answer: &[f32], labels: &[Arc<str>], floor: Confidence) -> Vec<Finding> {
        let cells = self.rows * self.columns;
        let mut found = Vec::new();
        for (label, scores) in labels.iter().zip(answer.chunks_exact(cells)) {
            for (cell, &score) in scores.iter().enumerate().filter(|(_, score)| **score >= floor.value()) {
                let area = self.area(answer, labels.len(), cell);
                found.extend(Finding::scored(label, score, Some(area)));
            }
        }
        found
    }

    fn area(&self, answer: &[f32], labels: usize, cell: usize) -> Area {
        let cells = self.rows * self.columns;
        let distance = |side: usize| answer[(labels + side) * cells + cell] * self.stride;
        let x = ((cell % self.columns) as f32 + 0.5) * self.stride;
        let y = ((cell / self.columns) as f32 + 0.5) * self.stride;
        Area {
            x_min: x - distance(0),
            y_min: y - distance(1),
            x_max: x + distance(2),
            y_max: y + distance(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_score_becomes_a_box_around_its_centre() {
        let labels: Vec<Arc<str>> = vec!["open".into(), "short".into()];
        let grid = Grid { rows: 2, columns: 3, stride: 8.0 };
        let mut answer = vec![0.0; 6 * 6];
        let cell = 4; // second row, second column: centre 12, 12
        answer[6 + cell] = 0.75;
        for (side, strides) in [1.0, 0.5, 2.0, 0.25].into_iter().enumerate() {
            answer[(2 + side) * 6 + cell] = strides;
        }
        let found = grid.findings(&answer, &labels, Confidence::new(0.5).unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].label, "short");
        assert_eq!(found[0].area, Some(Area { x_min: 4.0, y_min: 8.0, x_max: 28.0, y_max: 14.0 }));
    }
}
