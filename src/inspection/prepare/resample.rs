//! Resampling along one axis, by a triangle as wide as the larger of two neighbouring pixels' distances: linear
//! interpolation where a picture grows, an average without aliasing where it shrinks.

use std::ops::Range;

/// From which source samples, and how much of each, the samples of an axis are made; keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Axis {
    /// For which span it was made.
    span: Option<Span>,
    taps: usize,
    starts: Vec<usize>,
    weights: Vec<f32>,
}

/// A stretch of source samples that becomes so many others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    /// Where it starts and how long it is, in source samples.
    pub(super) from: [f64; 2],
    /// Source samples that may be used.
    pub(super) within: Range<usize>,
    /// How many samples it becomes, at least 1.
    pub(super) to: usize,
}

impl Axis {
    /// Prepares for a span, which costs nothing if it is the last one again.
    pub(super) fn set(&mut self, span: Span) {
        if self.span.as_ref() == Some(&span) {
            return;
        }
        let [start, length] = span.from;
        let step = length / span.to as f64;
        let reach = step.max(1.0);
        let available = span.within.len().max(1);
        let is_copy = step == 1.0 && start.fract() == 0.0;
        self.taps = if is_copy { 1 } else { ((2.0 * reach).ceil() as usize).min(available) };
        self.starts.clear();
        self.weights.clear();
        for n in 0..span.to {
            let centre = start + (n as f64 + 0.5) * step - 0.5;
            let first = if is_copy { centre.round() } else { (centre - reach).floor() + 1.0 };
            let last = span.within.start + available - self.taps;
            let first = (first.max(0.0) as usize).clamp(span.within.start, last);
            let weight = |at: usize| (1.0 - ((first + at) as f64 - centre).abs() / reach).max(0.0);
            let sum: f64 = (0..self.taps).map(weight).sum();
            self.starts.push(first);
            // Beyond the edge there is nothing but the sample at the edge.
            let share = |at: usize| if sum > 0.0 { weight(at) / sum } else { 1.0 / self.taps as f64 };
            self.weights.extend((0..self.taps).map(|at| share(at) as f32));
        }
        self.span = Some(span);
    }

    /// The source samples from which the samples are made.
    pub(super) fn used(&self) -> Range<usize> {
        let first = self.starts.first().copied().unwrap_or(0);
        first..self.starts.last().map_or(first, |last| last + self.taps)
    }

    /// Whether samples are taken as they are.
    pub(super) fn is_copy(&self) -> bool {
        // A single sample that is to become more is taken once for each.
        self.taps == 1 && self.used().len() == self.starts.len()
    }

    /// Blends the source rows of row `n`, of which `row` gives each.
    #[inline(always)]
    pub(super) fn blend<'a>(&self, n: usize, row: impl Fn(usize) -> &'a [u8], out: &mut [f32]) {
        let (first, weights) = (self.starts[n], &self.weights[n * self.taps..][..self.taps]);
        match weights {
            [_] => out.iter_mut().zip(row(first)).for_each(|(out, sample)| *out = f32::from(*sample)),
            [a, b] => mix([(row(first), *a), (row(first + 1), *b)], out),
            // Reduced by more than two, a picture is decoded at half its size.
            [a, b, c] => mix([(row(first), *a), (row(first + 1), *b), (row(first + 2), *c)], out),
            [a, b, c, d] => {
                let rows =
                    [(row(first), *a), (row(first + 1), *b), (row(first + 2), *c), (row(first + 3), *d)];
                mix(rows, out);
            }
            _ => {
                out.fill(0.0);
                for (at, weight) in weights.iter().enumerate() {
                    for (out, sample) in out.iter_mut().zip(row(first + at)) {
                        *out += f32::from(*sample) * weight;
                    }
                }
            }
        }
    }

    /// Makes a row of pixels of `C` channels from a row that starts with the first source pixel in use.
    #[inline(always)]
    pub(super) fn stretch<const C: usize>(&self, row: &[f32], out: &mut [f32]) {
        let (row, out) = (row.as_chunks::<C>().0, out.as_chunks_mut::<C>().0);
        let origin = self.used().start;
        match self.taps {
            2 => self.stretch_by::<C, 2>(row, origin, out),
            3 => self.stretch_by::<C, 3>(row, origin, out),
            4 => self.stretch_by::<C, 4>(row, origin, out),
            taps => {
                let pixels = out.iter_mut().zip(&self.starts).zip(self.weights.chunks_exact(taps.max(1)));
                for ((out, start), weights) in pixels {
                    *out = [0.0; C];
                    for (pixel, weight) in row[start - origin..].iter().zip(weights) {
                        (0..C).for_each(|c| out[c] += pixel[c] * weight);
                    }
                }
            }
        }
    }

    /// The same with `N` taps, which the compiler then keeps in registers.
    #[inline(always)]
    fn stretch_by<const C: usize, const N: usize>(
        &self,
        row: &[[f32; C]],
        origin: usize,
        out: &mut [[f32; C]],
    ) {
        let Some(last) = row.len().checked_sub(N) else { return };
        let pixels = out.iter_mut().zip(&self.starts).zip(self.weights.as_chunks::<N>().0);
        for ((out, start), weights) in pixels {
            // It is never more than the last; the processor knows it sooner this way.
            let left = (start - origin).min(last);
            let pixels = &row[left..left + N];
            *out = std::array::from_fn(|c| {
                let first = pixels[0][c] * weights[0];
                (1..N).fold(first, |sum, at| sum + pixels[at][c] * weights[at])
            });
        }
    }
}

/// The sum of rows, each as much as its weight says.
#[inline(always)]
fn mix<const N: usize>(rows: [(&[u8], f32); N], out: &mut [f32]) {
    let count = rows.iter().fold(out.len(), |count, (row, _)| count.min(row.len()));
    let rows = rows.map(|(row, weight)| (&row[..count], weight));
    for (n, out) in out[..count].iter_mut().enumerate() {
        let [(first, weight), rest @ ..] = &rows[..] else { return };
        *out = rest
            .iter()
            .fold(f32::from(first[n]) * weight, |sum, (row, weight)| sum + f32::from(row[n]) * weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretched(source: &[u8], from: [f64; 2], within: Range<usize>, to: usize) -> Vec<f32> {
        let mut axis = Axis::default();
        axis.set(Span { from, within, to });
        let row: Vec<f32> = source[axis.used()].iter().map(|it| f32::from(*it)).collect();
        let mut out = vec![f32::NAN; to];
        axis.stretch::<1>(&row, &mut out);
        let mut column = vec![f32::NAN; to];
        for (n, out) in column.iter_mut().enumerate() {
            axis.blend(n, |row| &source[row..=row], std::slice::from_mut(out));
        }
        assert!(out.iter().zip(&column).all(|(a, b)| (a - b).abs() < 1e-3), "{out:?} {column:?}");
        out
    }

    #[test]
    fn growing_interpolates_and_repeats_the_edge() {
        assert_eq!(stretched(&[0, 100], [0.0, 2.0], 0..2, 4), [0.0, 25.0, 75.0, 100.0]);
    }

    #[test]
    fn shrinking_averages_what_is_left_out() {
        let halved = stretched(&[0, 0, 80, 80, 80, 80], [0.0, 6.0], 0..6, 3);
        assert!(halved.iter().zip([80.0 / 7.0, 70.0, 80.0]).all(|(a, b)| (a - b).abs() < 1e-3), "{halved:?}");
    }

    #[test]
    fn what_keeps_its_size_is_not_touched() {
        assert_eq!(stretched(&[9, 1, 2, 3, 9], [1.0, 3.0], 1..4, 3), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn nothing_outside_the_region_has_a_part_in_it() {
        let inside = stretched(&[255, 10, 10, 10, 255], [1.0, 3.0], 1..4, 7);
        assert!(inside.iter().all(|value| (value - 10.0).abs() < 1e-3), "{inside:?}");
        let shrunk = stretched(&[255, 10, 10, 10, 255], [1.0, 3.0], 1..4, 1);
        assert!((shrunk[0] - 10.0).abs() < 1e-3);
        assert_eq!(stretched(&[255, 7, 255], [1.0, 1.0], 1..2, 3), [7.0; 3]);
    }
}
