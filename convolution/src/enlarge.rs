//! Planes of another size, made of one or of two neighbours along each axis.

use crate::{
    rows::{Rows, RowsMut},
    vector::{Vector, on_each_isa},
};

/// Between which two inputs an output lies, and how near to the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// The one before it.
    pub first: usize,
    /// The one behind it, or the same at an edge.
    pub second: usize,
    /// 0 at the first, 1 at the second.
    pub share: f32,
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

on_each_isa! {
    /// Every row of the output lies between two of the input, and every pixel of it between two columns.
    ///
    /// # Safety
    /// None besides that of the instructions.
    fn interpolate(
        input: Rows<'_>,
        output: RowsMut<'_>,
        axes: &[Vec<Between>; 2],
        line: &mut [f32],
    ) = interpolate_with
}

#[inline(always)]
unsafe fn interpolate_with<V: Vector>(
    input: Rows<'_>,
    output: RowsMut<'_>,
    axes: &[Vec<Between>; 2],
    line: &mut [f32],
) {
    let line = &mut line[..input.width];
    for (y, between) in axes[0].iter().enumerate() {
        let [above, below] =
            [between.first, between.second].map(|y| &input.values[y * input.row..][..input.width]);
        let share = between.share;
        line.iter_mut()
            .zip(above.iter().zip(below))
            .for_each(|(to, (a, b))| *to = a * (1.0 - share) + b * share);
        let made = &mut output.values[y * output.row..][..output.width];
        for (to, Between { first, second, share }) in made.iter_mut().zip(&axes[1]) {
            *to = line[*first] * (1.0 - share) + line[*second] * share;
        }
    }
}
