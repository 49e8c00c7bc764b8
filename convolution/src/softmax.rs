//! Shares of a whole (softmax), along an axis that is not the innermost.

use crate::{
    activation::exp,
    vector::{Isa, Vector, on_each_isa},
};

/// `exp(x)` of each of `count` values that lie `inner` apart, as a share of their sum; for all of the `inner`
/// positions, and for each block of `count * inner` values. Gives `false` and does nothing where a vector has no room.
pub(crate) fn softmax(isa: Isa, from: &[f32], to: &mut [f32], count: usize, inner: usize) -> bool {
    // As long as the widest vector.
    if inner < 16 || count == 0 || from.len() != to.len() || !from.len().is_multiple_of(count * inner) {
        return false;
    }
    for (from, to) in from.chunks_exact(count * inner).zip(to.chunks_exact_mut(count * inner)) {
        // SAFETY: both are blocks of so many values, and a row of them has room for a vector.
        unsafe { share(isa, from.as_ptr(), to.as_mut_ptr(), count, inner) }
    }
    true
}

on_each_isa! {
    /// One block.
    ///
    /// # Safety
    /// Both places hold `count * inner` values and do not overlap; `inner` is at least a vector's lanes.
    fn share(from: *const f32, to: *mut f32, count: usize, inner: usize) = share_with
}

#[inline(always)]
unsafe fn share_with<V: Vector>(from: *const f32, to: *mut f32, count: usize, inner: usize) {
    for at in (0..inner).step_by(V::LANES) {
        // The last vector covers a part of the one before it again.
        let at = at.min(inner - V::LANES);
        // SAFETY: whole vectors within each row.
        unsafe {
            let mut most = V::load(from.add(at));
            for number in 1..count {
                most = most.greatest(V::load(from.add(number * inner + at)));
            }
            let (minus, mut sum) = (V::splat(-1.0), V::splat(0.0));
            for number in 0..count {
                let value = exp(most.multiply_add(minus, V::load(from.add(number * inner + at))));
                value.store(to.add(number * inner + at));
                sum = sum.add(value);
            }
            let part = sum.reciprocal();
            for number in 0..count {
                let place = to.add(number * inner + at);
                V::load(place).multiply(part).store(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_what_the_formula_says_and_sum_up_to_one() {
        for isa in Isa::available() {
            for (blocks, count, inner) in [(1, 16, 16), (3, 5, 21), (4, 16, 100), (2, 1, 40)] {
                let from: Vec<f32> =
                    (0..blocks * count * inner).map(|n| ((n * 37 % 101) as f32 - 50.0) / 3.0).collect();
                let mut to = vec![f32::NAN; from.len()];
                assert!(softmax(isa, &from, &mut to, count, inner));
                for at in 0..from.len() {
                    let (block, position) = (at / (count * inner), at % inner);
                    let place = |number: usize| (block * count + number) * inner + position;
                    let whole: f64 = (0..count)
                        .map(|number| (f64::from(from[place(number)]) - f64::from(from[at])).exp())
                        .sum();
                    let near = (f64::from(to[at]) - 1.0 / whole).abs() < 1e-6;
                    assert!(near, "{isa:?} {blocks} {count} {inner} at {at}: {} of {whole}", to[at]);
                }
            }
            assert!(!softmax(isa, &[0.0; 12], &mut [0.0; 12], 3, 4));
        }
    }
}
