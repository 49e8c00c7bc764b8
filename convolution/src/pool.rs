//! The greatest value under each window.

use crate::{
    planes::SLACK,
    rows::{Rows, RowsMut},
    vector::{Vector, on_each_isa},
};

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

    /// How many values it needs besides for a plane of so many rows and columns.
    pub(crate) fn scratch(&self, [height, width]: [usize; 2]) -> usize {
        let row = self.before[1] + width + self.after[1];
        if self.stride == [1, 1] {
            (self.before[0] + height + self.after[0]) * row + SLACK
        } else {
            row + self.kernel[1]
        }
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) {
        // What is missing around the plane is never the greatest.
        scratch.fill(f32::NEG_INFINITY);
        // SAFETY: the caller's promise about the instructions.
        unsafe {
            if self.stride == [1, 1] {
                self.run_through::<V>(input, output, scratch);
            } else {
                self.run_by_rows::<V>(input, output, scratch);
            }
        }
    }

    /// The whole plane as one long row, with what is missing around it: first the greatest of neighbours in a row, then
    /// of those in a column. Rows of a few pixels are no reason to work on few pixels at a time then.
    #[inline(always)]
    unsafe fn run_through<V: Vector>(&self, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) {
        let row = self.before[1] + input.width + self.after[1];
        for y in 0..input.height {
            scratch[(self.before[0] + y) * row + self.before[1]..][..input.width]
                .copy_from_slice(&input.values[y * input.row..][..input.width]);
        }
        let len = (self.before[0] + input.height + self.after[0]) * row;
        // SAFETY: the caller's promise about the instructions.
        unsafe {
            greatest_of_next::<V>(scratch, len, self.kernel[1], 1);
            greatest_of_next::<V>(scratch, (output.height - 1) * row + output.width, self.kernel[0], row);
        }
        for y in 0..output.height {
            output.values[y * output.row..][..output.width]
                .copy_from_slice(&scratch[y * row..][..output.width]);
        }
    }

    #[inline(always)]
    unsafe fn run_by_rows<V: Vector>(&self, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) {
        for y in 0..output.height {
            let top = (y * self.stride[0]).saturating_sub(self.before[0]);
            let bottom = (y * self.stride[0] + self.kernel[0] - self.before[0]).min(input.height);
            let line = &mut scratch[self.before[1]..][..input.width];
            line.fill(f32::NEG_INFINITY);
            for row in top..bottom {
                // SAFETY: the caller's promise about the instructions.
                unsafe { greater::<V>(line, &input.values[row * input.row..][..input.width]) }
            }
            let made = &mut output.values[y * output.row..][..output.width];
            made.fill(f32::NEG_INFINITY);
            for column in 0..self.kernel[1] {
                let values = scratch[column..].iter().step_by(self.stride[1]);
                made.iter_mut().zip(values).for_each(|(to, value)| *to = most(*to, *value));
            }
        }
    }
}

on_each_isa! {
    /// Pools one plane.
    ///
    /// # Safety
    /// None besides that of the instructions.
    fn pool(it: &MaxPool, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) = pool_with
}

#[inline(always)]
unsafe fn pool_with<V: Vector>(it: &MaxPool, input: Rows<'_>, output: RowsMut<'_>, scratch: &mut [f32]) {
    // SAFETY: handed on.
    unsafe { it.run::<V>(input, output, scratch) }
}

/// Each of `len` values becomes the greatest of itself and the next `count - 1`, which lie `step` apart.
#[inline(always)]
unsafe fn greatest_of_next<V: Vector>(values: &mut [f32], len: usize, count: usize, step: usize) {
    let reach = (count - 1) * step;
    let whole = len.min(values.len().saturating_sub(reach + V::LANES - 1));
    let whole = whole - whole % V::LANES;
    for at in (0..whole).step_by(V::LANES) {
        // SAFETY: the last vector that is read ends within the values. What is read has not been written yet.
        unsafe {
            let first = values.as_mut_ptr().add(at);
            let mut most = V::load(first);
            for next in 1..count {
                most = most.greatest(V::load(first.add(next * step)));
            }
            most.store(first);
        }
    }
    for at in whole..len {
        for next in 1..count {
            let value = values.get(at + next * step).copied().unwrap_or(f32::NEG_INFINITY);
            values[at] = most(values[at], value);
        }
    }
}

#[inline(always)]
unsafe fn greater<V: Vector>(line: &mut [f32], row: &[f32]) {
    let count = line.len().min(row.len());
    let whole = count - count % V::LANES;
    for at in (0..whole).step_by(V::LANES) {
        // SAFETY: whole vectors of both.
        unsafe {
            let (a, b) = (V::load(line.as_ptr().add(at)), V::load(row.as_ptr().add(at)));
            a.greatest(b).store(line.as_mut_ptr().add(at));
        }
    }
    line[whole..count].iter_mut().zip(&row[whole..]).for_each(|(a, b)| *a = most(*a, *b));
}

/// The greater; a NaN is kept, for an answer that is no number must be seen.
fn most(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}
