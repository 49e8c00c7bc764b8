//! Two values become one, pixel by pixel.

use crate::vector::{Vector, on_each_isa};

/// What is made of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
}

on_each_isa! {
    /// Pairs `length` values of `a` and `b` into `to`, which may be either of them.
    ///
    /// # Safety
    /// All three hold `length` values and overlap wholly or not at all.
    fn pair(pairing: Pairing, a: *const f32, b: *const f32, to: *mut f32, length: usize) = pair_with
}

#[inline(always)]
unsafe fn pair_with<V: Vector>(pairing: Pairing, a: *const f32, b: *const f32, to: *mut f32, length: usize) {
    let whole = length - length % V::LANES;
    // SAFETY: whole vectors lie within the length; the rest is taken value by value.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            let (left, right) = (V::load(a.add(at)), V::load(b.add(at)));
            let made = match pairing {
                Pairing::Add => left.add(right),
                Pairing::Multiply => left.multiply(right),
            };
            made.store(to.add(at));
        }
        for at in whole..length {
            let (left, right) = (*a.add(at), *b.add(at));
            *to.add(at) = match pairing {
                Pairing::Add => left + right,
                Pairing::Multiply => left * right,
            };
        }
    }
}
