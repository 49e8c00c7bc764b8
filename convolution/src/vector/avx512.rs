//! 16 values in each of 32 registers.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "each is one instruction, allowed by the trait's contract"
)]

use std::arch::x86_64::*;

use super::lanes::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

impl Vector for Avx512 {
    const LANES: usize = 16;
    const CHANNELS: usize = 8;
    type Places = [usize; 16];

    fn pixels(channels: usize) -> usize {
        if channels > 4 { 3 } else { 4 }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, by.0, plus.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        // A division takes three times as long as an estimate and a step of Newton's.
        unsafe {
            let near = _mm512_rcp14_ps(self.0);
            let rest = _mm512_fnmadd_ps(self.0, near, _mm512_set1_ps(1.0));
            Self(_mm512_fmadd_ps(near, rest, near))
        }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn greatest(self, other: Self) -> Self {
        Self(unsafe {
            let is_none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
            _mm512_mask_mov_ps(_mm512_max_ps(self.0, other.0), is_none, self.0)
        })
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe { _mm512_roundscale_ps::<0>(self.0) })
    }

    #[inline(always)]
    unsafe fn places(from: *const u32) -> Self::Places {
        unsafe { from.cast::<[u32; 16]>().read() }.map(|place| place as usize)
    }

    #[inline(always)]
    unsafe fn load_fours(from: *const f32, places: Self::Places) -> [Self; 4] {
        std::array::from_fn(|at| unsafe {
            let first = _mm512_castps128_ps512(_mm_loadu_ps(from.add(places[at])));
            let second = _mm512_insertf32x4::<1>(first, _mm_loadu_ps(from.add(places[at + 4])));
            let third = _mm512_insertf32x4::<2>(second, _mm_loadu_ps(from.add(places[at + 8])));
            Self(_mm512_insertf32x4::<3>(third, _mm_loadu_ps(from.add(places[at + 12]))))
        })
    }

    #[inline(always)]
    unsafe fn store_fours(fours: [Self; 4], to: *mut f32, places: Self::Places) {
        for (at, four) in fours.iter().enumerate() {
            unsafe {
                _mm_storeu_ps(to.add(places[at]), _mm512_castps512_ps128(four.0));
                _mm_storeu_ps(to.add(places[at + 4]), _mm512_extractf32x4_ps::<1>(four.0));
                _mm_storeu_ps(to.add(places[at + 8]), _mm512_extractf32x4_ps::<2>(four.0));
                _mm_storeu_ps(to.add(places[at + 12]), _mm512_extractf32x4_ps::<3>(four.0));
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        unsafe {
            let low = _mm512_castps_pd(_mm512_unpacklo_ps(a.0, b.0));
            let low_too = _mm512_castps_pd(_mm512_unpacklo_ps(c.0, d.0));
            let high = _mm512_castps_pd(_mm512_unpackhi_ps(a.0, b.0));
            let high_too = _mm512_castps_pd(_mm512_unpackhi_ps(c.0, d.0));
            [
                Self(_mm512_castpd_ps(_mm512_unpacklo_pd(low, low_too))),
                Self(_mm512_castpd_ps(_mm512_unpackhi_pd(low, low_too))),
                Self(_mm512_castpd_ps(_mm512_unpacklo_pd(high, high_too))),
                Self(_mm512_castpd_ps(_mm512_unpackhi_pd(high, high_too))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn twice(self) -> [Self; 2] {
        unsafe {
            let first = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
            let second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
            [Self(_mm512_permutexvar_ps(first, self.0)), Self(_mm512_permutexvar_ps(second, self.0))]
        }
    }

    #[inline(always)]
    unsafe fn evens(self, other: Self) -> Self {
        Self(unsafe {
            let places = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(self.0, places, other.0)
        })
    }

    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(unsafe { _mm512_scalef_ps(_mm512_set1_ps(1.0), self.0) })
    }
}
