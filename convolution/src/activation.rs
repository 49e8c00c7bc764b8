//! Functions of one value, for whole vectors.

use crate::vector::{Vector, on_each_isa};

/// What becomes of each value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// The nearest value between two limits: ReLU is from 0 to infinity.
    Clamp {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `x * clamp(x / 6 + 1 / 2, 0, 1)`.
    HardSwish,
    /// `clamp(x * slope + offset, 0, 1)`.
    HardSigmoid {
        /// ONNX's alpha.
        slope: f32,
        /// ONNX's beta.
        offset: f32,
    },
    /// `x`, or `x * slope` where that is below 0.
    LeakyRelu {
        /// ONNX's alpha.
        slope: f32,
    },
    /// `exp(x)`.
    Exp,
}

/// The least and the greatest of what is not clamped.
pub(crate) const UNLIMITED: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

impl Activation {
    /// Values of 0 at least.
    pub const RELU: Self = Self::Clamp { low: 0.0, high: f32::INFINITY };
}

on_each_isa! {
    /// Writes `activation` of `length` values from `from` to `to`, which are the same place or do not overlap.
    fn activate(activation: Activation, from: *const f32, to: *mut f32, length: usize) = activate_with
}

/// Puts a function of a vector `x` over all values. A macro, for a closure would not be compiled with the vector's
/// instructions.
macro_rules! each {
    ($from:ident, $to:ident, $length:ident, $x:ident => $made:expr) => {{
        let whole = $length - $length % V::LANES;
        for at in (0..whole).step_by(V::LANES) {
            let $x = V::load($from.add(at));
            $made.store($to.add(at));
        }
        if whole < $length {
            // As long as the widest vector.
            let mut rest = [0.0f32; 16];
            std::ptr::copy_nonoverlapping($from.add(whole), rest.as_mut_ptr(), $length - whole);
            let $x = V::load(rest.as_ptr());
            $made.store(rest.as_mut_ptr());
            std::ptr::copy_nonoverlapping(rest.as_ptr(), $to.add(whole), $length - whole);
        }
    }};
}

/// # Safety
/// Both places hold `length` values; the vector's instructions are there.
#[inline(always)]
unsafe fn activate_with<V: Vector>(activation: Activation, from: *const f32, to: *mut f32, length: usize) {
    // SAFETY: as promised by the caller; whole vectors lie within the length, the rest is copied.
    unsafe {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        match activation {
            Activation::Clamp { low, high } => {
                let (low, high) = (V::splat(low), V::splat(high));
                each!(from, to, length, x => high.min(low.max(x)));
            }
            Activation::Sigmoid => each!(from, to, length, x => sigmoid(x)),
            Activation::Silu => each!(from, to, length, x => x.multiply(sigmoid(x))),
            Activation::HardSwish => {
                let (sixth, half) = (V::splat(1.0 / 6.0), V::splat(0.5));
                each!(from, to, length, x => x.multiply(one.min(zero.max(x.multiply_add(sixth, half)))));
            }
            Activation::HardSigmoid { slope, offset } => {
                let (slope, offset) = (V::splat(slope), V::splat(offset));
                each!(from, to, length, x => one.min(zero.max(x.multiply_add(slope, offset))));
            }
            Activation::LeakyRelu { slope } => {
                let slope = V::splat(slope);
                each!(from, to, length, x => zero.min(x).multiply_add(slope, zero.max(x)));
            }
            Activation::Exp => each!(from, to, length, x => exp(x)),
        }
    }
}

/// # Safety
/// The vector's instructions are there.
#[inline(always)]
unsafe fn sigmoid<V: Vector>(x: V) -> V {
    // SAFETY: as promised by the caller.
    unsafe { V::splat(1.0).add(exp(x.multiply(V::splat(-1.0)))).reciprocal() }
}

/// To within two units in the last place: `x = n ln 2 + r`, with ln 2 in two parts so that `r` is exact, and the
/// polynomial of Cephes' `expf` (netlib.org/cephes) for `r`. What is beyond `f32` becomes its nearest finite power.
///
/// # Safety
/// The vector's instructions are there.
#[inline(always)]
pub(crate) unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: as promised by the caller.
    unsafe {
        let x = V::splat(88.0).min(V::splat(-87.0).max(x));
        let n = x.multiply(V::splat(std::f32::consts::LOG2_E)).round();
        let r = n.multiply_add(V::splat(-0.693_359_4), x);
        let r = n.multiply_add(V::splat(2.121_944_4e-4), r);
        let mut sum = V::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            sum = sum.multiply_add(r, V::splat(coefficient));
        }
        let sum = sum.multiply_add(r.multiply(r), r.add(V::splat(1.0)));
        sum.multiply(n.power_of_two())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Isa;

    fn apply(isa: Isa, activation: Activation, values: &[f32]) -> Vec<f32> {
        let mut to = vec![f32::NAN; values.len()];
        // SAFETY: both hold as many values.
        unsafe { activate(isa, activation, values.as_ptr(), to.as_mut_ptr(), values.len()) };
        to
    }

    #[test]
    fn every_function_is_what_its_formula_says_on_every_instruction_set() {
        let values: Vec<f32> = (-4_000..4_001).map(|n| n as f32 / 50.0).collect();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let cases: [(Activation, &dyn Fn(f64) -> f64); 7] = [
            (Activation::RELU, &|x| x.max(0.0)),
            (Activation::Sigmoid, &sigmoid),
            (Activation::Silu, &|x| x * sigmoid(x)),
            (Activation::HardSwish, &|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            (Activation::HardSigmoid { slope: 0.2, offset: 0.5 }, &|x| (0.2 * x + 0.5).clamp(0.0, 1.0)),
            (Activation::LeakyRelu { slope: 0.1 }, &|x| if x < 0.0 { 0.1 * x } else { x }),
            (Activation::Exp, &f64::exp),
        ];
        for isa in Isa::available() {
            for (activation, formula) in &cases {
                for (x, found) in values.iter().zip(apply(isa, *activation, &values)) {
                    let expected = formula(f64::from(*x));
                    // Where a line crosses 0, digits cancel out.
                    let crosses =
                        matches!(activation, Activation::HardSwish | Activation::HardSigmoid { .. });
                    let least = if crosses { 4e-7 } else { 1e-37 };
                    let near = (f64::from(found) - expected).abs() <= 4e-7 * expected.abs() + least;
                    assert!(near, "{isa:?} {activation:?}({x}) = {found}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for isa in Isa::available() {
            for activation in [Activation::RELU, Activation::Silu, Activation::Exp, Activation::HardSwish] {
                let found = apply(isa, activation, &[1.0, f32::NAN, 2.0, 3.0, 4.0, f32::NAN]);
                let nans: Vec<bool> = found.iter().map(|it| it.is_nan()).collect();
                assert_eq!(nans, [false, true, false, false, false, true], "{isa:?} {activation:?}");
            }
        }
    }
}
