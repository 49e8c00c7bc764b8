//! Steps that change the size of planes without weights.

/// The greatest value under a window (ONNX's `MaxPool`, without dilation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Rows and columns, as in the fields that follow.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// What is missing above and to the left, and never the greatest.
    pub before: [usize; 2],
    /// What is missing below and to the right.
    pub after: [usize; 2],
}

impl MaxPool {
    /// Rows and columns that it makes; `None` where a window might see nothing at all.
    pub(crate) fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let side = |axis: usize| {
            let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
            if kernel == 0 || stride == 0 || self.before[axis] >= kernel || self.after[axis] >= kernel {
                return None;
            }
            let padded = input[axis] + self.before[axis] + self.after[axis];
            Some(padded.checked_sub(kernel)? / stride + 1)
        };
        Some([side(0)?, side(1)?])
    }

    /// How many values [`MaxPool::run`] needs besides.
    pub(crate) fn scratch(&self, width: usize) -> usize {
        self.before[1] + width + self.after[1] + self.kernel[1]
    }

    /// One plane.
    pub(crate) fn run(&self, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) {
        for y in 0..output.height {
            let top = (y * self.stride[0]).saturating_sub(self.before[0]);
            let bottom = (y * self.stride[0] + self.kernel[0] - self.before[0]).min(input.height);
            // What is missing at both ends is never the greatest.
            scratch.fill(f32::NEG_INFINITY);
            let line = &mut scratch[self.before[1]..][..input.width];
            for row in top..bottom {
                greater(line, &input.values[row * input.row..][..input.width]);
            }
            let made = &mut output.values[y * output.row..][..output.width];
            made.fill(f32::NEG_INFINITY);
            for column in 0..self.kernel[1] {
                let values = &scratch[column..];
                match self.stride[1] {
                    1 => greater(made, values),
                    stride => made
                        .iter_mut()
                        .zip(values.iter().step_by(stride))
                        .for_each(|(to, value)| *to = most(*to, *value)),
                }
            }
        }
    }
}

/// A plane that is read.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// From one row to the next.
    pub(crate) row: usize,
}

/// A plane that is written.
pub(crate) struct RowsMut<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// From one row to the next.
    pub(crate) row: usize,
}

fn greater(line: &mut [f32], row: &[f32]) {
    line.iter_mut().zip(row).for_each(|(a, b)| *a = most(*a, *b));
}

/// The greater; a NaN is kept, for an answer that is no number must be seen.
fn most(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// Every pixel becomes a rectangle of so many rows and columns.
pub(crate) fn enlarge(input: Rows<'_>, output: RowsMut<'_>, factor: [usize; 2]) {
    for y in 0..input.height {
        let from = &input.values[y * input.row..][..input.width];
        let first = y * factor[0] * output.row;
        let made = &mut output.values[first..][..output.width];
        match factor[1] {
            2 => double(from, made),
            wide => made.chunks_exact_mut(wide).zip(from).for_each(|(to, value)| to.fill(*value)),
        }
        for copy in 1..factor[0] {
            output.values.copy_within(first..first + output.width, first + copy * output.row);
        }
    }
}

fn double(from: &[f32], to: &mut [f32]) {
    to.as_chunks_mut::<2>().0.iter_mut().zip(from).for_each(|(pair, value)| *pair = [*value, *value]);
}
