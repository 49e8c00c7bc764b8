//! 4 values in plain code, which the compiler turns into what every processor of its kind has.
#![allow(clippy::undocumented_unsafe_blocks, reason = "pointers are read as the trait's contract allows")]

use super::lanes::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn each(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }
}

impl Vector for Portable {
    const LANES: usize = 4;
    const CHANNELS: usize = 4;
    type Places = [usize; 4];

    fn pixels(_: usize) -> usize {
        2
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self {
        // Not `f32::mul_add`, which is a slow call where the processor has no such instruction.
        self.each(by, |a, b| a * b).each(plus, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn multiply(self, other: Self) -> Self {
        self.each(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn reciprocal(self) -> Self {
        self.each(self, |a, _| 1.0 / a)
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.each(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.each(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn greatest(self, other: Self) -> Self {
        self.each(other, |a, b| if a > b || a.is_nan() { a } else { b })
    }

    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding and taking away 1.5 * 2^23 leaves no digits behind the point.
        self.each(self, |a, _| (a + 12_582_912.0) - 12_582_912.0)
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
    unsafe fn transpose(four: [Self; 4]) -> [Self; 4] {
        std::array::from_fn(|place| Self(std::array::from_fn(|lane| four[lane].0[place])))
    }

    #[inline(always)]
    unsafe fn twice(self) -> [Self; 2] {
        let [a, b, c, d] = self.0;
        [Self([a, a, b, b]), Self([c, c, d, d])]
    }

    #[inline(always)]
    unsafe fn evens(self, other: Self) -> Self {
        Self([self.0[0], self.0[2], other.0[0], other.0[2]])
    }

    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        self.each(self, |a, _| f32::from_bits((((a as i32) + 127) << 23) as u32))
    }
}
