//! Connected pixels of a mask.

use std::collections::VecDeque;

/// Pixels that touch each other, also at a corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blob {
    /// First column and row.
    pub(super) min: [usize; 2],
    /// Last column and row.
    pub(super) max: [usize; 2],
    /// Pixels.
    pub(super) size: usize,
    /// The greatest value of a pixel.
    pub(super) greatest: f32,
}

/// The blobs of a picture `columns` wide, in the order of their first pixels. `value` says what a pixel is worth, or
/// `None` where it belongs to no blob.
pub(super) fn blobs(columns: usize, rows: usize, value: impl Fn(usize) -> Option<f32>) -> Vec<Blob> {
    let mut seen = vec![false; columns * rows];
    let mut found = Vec::new();
    let mut next = VecDeque::new();
    for start in 0..columns * rows {
        if seen[start] || value(start).is_none() {
            continue;
        }
        seen[start] = true;
        next.push_back(start);
        let first = [start % columns, start / columns];
        let mut blob = Blob { min: first, max: first, size: 0, greatest: f32::NEG_INFINITY };
        while let Some(pixel) = next.pop_front() {
            let (x, y) = (pixel % columns, pixel / columns);
            blob.size += 1;
            blob.greatest = value(pixel).map_or(blob.greatest, |it| blob.greatest.max(it));
            blob.min = [blob.min[0].min(x), blob.min[1].min(y)];
            blob.max = [blob.max[0].max(x), blob.max[1].max(y)];
            for row in y.saturating_sub(1)..=(y + 1).min(rows - 1) {
                for column in x.saturating_sub(1)..=(x + 1).min(columns - 1) {
                    let neighbour = row * columns + column;
                    if !seen[neighbour] && value(neighbour).is_some() {
                        seen[neighbour] = true;
                        next.push_back(neighbour);
                    }
                }
            }
        }
        found.push(blob);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_that_touch_at_a_corner_are_one_blob_and_others_are_not() {
        let picture = [
            [9, 0, 0, 0, 2], //
            [0, 5, 0, 0, 3],
            [0, 5, 0, 0, 0],
            [0, 0, 0, 1, 0],
        ];
        let found = blobs(5, 4, |pixel| Some(picture[pixel / 5][pixel % 5] as f32).filter(|it| *it > 0.0));
        assert_eq!(
            found,
            [
                Blob { min: [0, 0], max: [1, 2], size: 3, greatest: 9.0 },
                Blob { min: [4, 0], max: [4, 1], size: 2, greatest: 3.0 },
                Blob { min: [3, 3], max: [3, 3], size: 1, greatest: 1.0 },
            ]
        );
        assert_eq!(blobs(0, 0, |_| Some(1.0)), []);
    }
}
