//! The cells of feature maps that detectors answer for, level after level, each in reading order.

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// Column and row within its level.
    pub(super) x: f32,
    /// See `x`.
    pub(super) y: f32,
    /// Pixels of the model's input for each cell of the level.
    pub(super) stride: f32,
}

/// Every cell of these levels for an input of this size; a level that does not divide the input is rounded up.
pub(super) fn cells(strides: &[u32], input: [u32; 2]) -> impl Iterator<Item = Cell> {
    strides.iter().flat_map(move |&stride| {
        let [columns, rows] = input.map(|side| side.div_ceil(stride.max(1)));
        (0..rows).flat_map(move |row| {
            (0..columns).map(move |column| Cell { x: column as f32, y: row as f32, stride: stride as f32 })
        })
    })
}

/// How many cells there are.
pub(in crate::inspection) fn count(strides: &[u32], input: [u32; 2]) -> usize {
    strides
        .iter()
        .map(|&stride| input.map(|side| side.div_ceil(stride.max(1)) as usize))
        .map(|[c, r]| c * r)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_each_other_in_reading_order() {
        let all: Vec<_> = cells(&[8, 16], [20, 16]).map(|it| (it.x, it.y, it.stride)).collect();
        assert_eq!(all.len(), count(&[8, 16], [20, 16]));
        assert_eq!(all[..4], [(0.0, 0.0, 8.0), (1.0, 0.0, 8.0), (2.0, 0.0, 8.0), (0.0, 1.0, 8.0)]);
        assert_eq!(all[6..], [(0.0, 0.0, 16.0), (1.0, 0.0, 16.0)]);
    }
}
