//! Planes of some of the rows and columns only.

use crate::rows::{Rows, RowsMut};

/// Which rows or columns: one of so many, from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    /// The first that is taken.
    pub first: usize,
    /// From one to the next, at least 1.
    pub step: usize,
}

impl Every {
    /// Takes all.
    pub const ONE: Self = Self { first: 0, step: 1 };

    /// How many of `side` are taken; none where a step is none.
    #[must_use]
    pub fn of(self, side: usize) -> usize {
        if self.step == 0 { 0 } else { side.saturating_sub(self.first).div_ceil(self.step) }
    }
}

/// Takes rows and columns of a plane.
pub(crate) fn thin(input: Rows<'_>, output: RowsMut<'_>, [rows, columns]: [Every; 2]) {
    for y in 0..output.height {
        let from = &input.values[(rows.first + y * rows.step) * input.row..][..input.width];
        let made = &mut output.values[y * output.row..][..output.width];
        match columns {
            Every::ONE => made.copy_from_slice(from),
            // Pairs have the length that the compiler has shuffles for; of an odd row the last is left over.
            Every { first, step: 2 } => {
                let (pairs, rest) = from[first..].as_chunks::<2>();
                made.iter_mut()
                    .zip(pairs.iter().map(|it| &it[0]).chain(rest))
                    .for_each(|(to, from)| *to = *from);
            }
            Every { first, step } => {
                made.iter_mut().zip(from[first..].iter().step_by(step)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}
