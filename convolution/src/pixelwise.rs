//! Two values become one, pixel by pixel.

use crate::{
    rows::{Rows, RowsMut},
    vector::{Vector, on_each_isa},
};

/// What is made of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
}

/// What is made of the two, and the least and the greatest that becomes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) pairing: Pairing,
    pub(crate) clamp: [f32; 2],
}

impl Pair {
    #[inline(always)]
    unsafe fn of<V: Vector>(&self, a: V, b: V) -> V {
        // SAFETY: as of [`Vector`].
        unsafe {
            let made = match self.pairing {
                Pairing::Add => a.add(b),
                Pairing::Multiply => a.multiply(b),
            };
            V::splat(self.clamp[1]).min(V::splat(self.clamp[0]).max(made))
        }
    }

    fn of_one(&self, a: f32, b: f32) -> f32 {
        let made = match self.pairing {
            Pairing::Add => a + b,
            Pairing::Multiply => a * b,
        };
        // What is no number stays so, as in the vectors; `clamp` would not take a least above the greatest.
        let [low, high] = self.clamp;
        if made < low {
            low
        } else if made > high {
            high
        } else {
            made
        }
    }
}

on_each_isa! {
    /// Pairs `length` values of `a` and `b` into `to`, which may be either of them.
    ///
    /// # Safety
    /// All three hold `length` values and overlap wholly or not at all.
    fn pair(it: &Pair, a: *const f32, b: *const f32, to: *mut f32, length: usize) = pair_values
}

#[inline(always)]
unsafe fn pair_values<V: Vector>(it: &Pair, a: *const f32, b: *const f32, to: *mut f32, length: usize) {
    let whole = length - length % V::LANES;
    // SAFETY: whole vectors lie within the length; the rest is taken value by value.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            it.of(V::load(a.add(at)), V::load(b.add(at))).store(to.add(at));
        }
        for at in whole..length {
            *to.add(at) = it.of_one(*a.add(at), *b.add(at));
        }
    }
}

on_each_isa! {
    /// Pairs each pixel of a plane with the one that stands for it in another of half the rows and columns.
    ///
    /// # Safety
    /// None besides that of the instructions.
    fn pair_with_half(it: &Pair, from: [Rows<'_>; 2], to: RowsMut<'_>) = pair_rows
}

#[inline(always)]
unsafe fn pair_rows<V: Vector>(it: &Pair, [whole, half]: [Rows<'_>; 2], to: RowsMut<'_>) {
    for y in 0..to.height {
        let from = &whole.values[y * whole.row..][..to.width];
        let halves = &half.values[y / 2 * half.row..][..to.width / 2];
        let made = &mut to.values[y * to.row..][..to.width];
        let vectors = halves.len() / V::LANES;
        for at in 0..vectors {
            // SAFETY: so many values are there, of the halves once and of the others twice.
            unsafe {
                let twice = V::load(halves.as_ptr().add(at * V::LANES)).twice();
                for (number, half) in (2 * at..).zip(twice) {
                    let from = V::load(from.as_ptr().add(number * V::LANES));
                    it.of(from, half).store(made.as_mut_ptr().add(number * V::LANES));
                }
            }
        }
        for x in 2 * vectors * V::LANES..to.width {
            made[x] = it.of_one(from[x], halves[x / 2]);
        }
    }
}
