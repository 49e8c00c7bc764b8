//! 4 values in each of 32 registers.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "each is one instruction, allowed by the trait's contract"
)]

use std::arch::aarch64::*;

use super::lanes::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

impl Vector for Neon {
    const LANES: usize = 4;
    const CHANNELS: usize = 8;
    type Places = [usize; 4];

    fn pixels(channels: usize) -> usize {
        if channels > 4 { 3 } else { 4 }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        Self(unsafe { vfmaq_f32(plus.0, self.0, by.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        Self(unsafe { vdivq_f32(vdupq_n_f32(1.0), self.0) })
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { vminq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { vmaxq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn greatest(self, other: Self) -> Self {
        unsafe { self.max(other) }
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe { vrndnq_f32(self.0) })
    }

    #[inline(always)]
    unsafe fn places(from: *const u32) -> Self::Places {
        unsafe { from.cast::<[u32; 4]>().read() }.map(|place| place as usize)
    }

    #[inline(always)]
    unsafe fn load_fours(from: *const f32, places: Self::Places) -> [Self; 4] {
        places.map(|place| unsafe { Self::load(from.add(place)) })
    }

    #[inline(always)]
    unsafe fn store_fours(fours: [Self; 4], to: *mut f32, places: Self::Places) {
        for (four, place) in fours.into_iter().zip(places) {
            unsafe { four.store(to.add(place)) }
        }
    }

    #[inline(always)]
    unsafe fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        unsafe {
            let low = vreinterpretq_f64_f32(vzip1q_f32(a.0, b.0));
            let low_too = vreinterpretq_f64_f32(vzip1q_f32(c.0, d.0));
            let high = vreinterpretq_f64_f32(vzip2q_f32(a.0, b.0));
            let high_too = vreinterpretq_f64_f32(vzip2q_f32(c.0, d.0));
            [
                Self(vreinterpretq_f32_f64(vzip1q_f64(low, low_too))),
                Self(vreinterpretq_f32_f64(vzip2q_f64(low, low_too))),
                Self(vreinterpretq_f32_f64(vzip1q_f64(high, high_too))),
                Self(vreinterpretq_f32_f64(vzip2q_f64(high, high_too))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn twice(self) -> [Self; 2] {
        unsafe { [Self(vzip1q_f32(self.0, self.0)), Self(vzip2q_f32(self.0, self.0))] }
    }

    #[inline(always)]
    unsafe fn evens(self, other: Self) -> Self {
        Self(unsafe { vuzp1q_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(unsafe {
            let exponent = vaddq_s32(vcvtnq_s32_f32(self.0), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
        })
    }
}
