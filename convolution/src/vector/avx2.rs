//! 8 values in each of 16 registers.
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "each is one instruction, allowed by the trait's contract"
)]

use std::arch::x86_64::*;

use super::lanes::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

impl Vector for Avx2 {
    const LANES: usize = 8;
    const CHANNELS: usize = 6;
    type Places = [usize; 8];

    fn pixels(channels: usize) -> usize {
        match channels {
            4.. => 2,
            2.. => 3,
            _ => 4,
        }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, by.0, plus.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        // A division takes twice as long as an estimate and a step of Newton's.
        unsafe {
            let near = _mm256_rcp_ps(self.0);
            let rest = _mm256_fnmadd_ps(self.0, near, _mm256_set1_ps(1.0));
            Self(_mm256_fmadd_ps(near, rest, near))
        }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn greatest(self, other: Self) -> Self {
        Self(unsafe {
            let is_none = _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0);
            _mm256_blendv_ps(_mm256_max_ps(self.0, other.0), self.0, is_none)
        })
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }

    #[inline(always)]
    unsafe fn places(from: *const u32) -> Self::Places {
        unsafe { from.cast::<[u32; 8]>().read() }.map(|place| place as usize)
    }

    #[inline(always)]
    unsafe fn load_fours(from: *const f32, places: Self::Places) -> [Self; 4] {
        std::array::from_fn(|at| unsafe {
            let near = _mm256_castps128_ps256(_mm_loadu_ps(from.add(places[at])));
            Self(_mm256_insertf128_ps::<1>(near, _mm_loadu_ps(from.add(places[at + 4]))))
        })
    }

    #[inline(always)]
    unsafe fn store_fours(fours: [Self; 4], to: *mut f32, places: Self::Places) {
        for (at, four) in fours.iter().enumerate() {
            unsafe {
                _mm_storeu_ps(to.add(places[at]), _mm256_castps256_ps128(four.0));
                _mm_storeu_ps(to.add(places[at + 4]), _mm256_extractf128_ps::<1>(four.0));
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        unsafe {
            let low = _mm256_castps_pd(_mm256_unpacklo_ps(a.0, b.0));
            let low_too = _mm256_castps_pd(_mm256_unpacklo_ps(c.0, d.0));
            let high = _mm256_castps_pd(_mm256_unpackhi_ps(a.0, b.0));
            let high_too = _mm256_castps_pd(_mm256_unpackhi_ps(c.0, d.0));
            [
                Self(_mm256_castpd_ps(_mm256_unpacklo_pd(low, low_too))),
                Self(_mm256_castpd_ps(_mm256_unpackhi_pd(low, low_too))),
                Self(_mm256_castpd_ps(_mm256_unpacklo_pd(high, high_too))),
                Self(_mm256_castpd_ps(_mm256_unpackhi_pd(high, high_too))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn twice(self) -> [Self; 2] {
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(self.0, self.0), _mm256_unpackhi_ps(self.0, self.0));
            [Self(_mm256_permute2f128_ps::<0x20>(low, high)), Self(_mm256_permute2f128_ps::<0x31>(low, high))]
        }
    }

    #[inline(always)]
    unsafe fn evens(self, other: Self) -> Self {
        Self(unsafe {
            let halves = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(self.0, other.0));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(halves))
        })
    }

    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        })
    }
}
