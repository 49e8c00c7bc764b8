//! What a kernel needs of a processor's vectors.

/// Several `f32` at once.
///
/// # Safety
/// A method may be called only where the instructions of its implementation are there: from a function that
/// [`on_each_isa`] made for it.
pub(crate) trait Vector: Copy {
    /// How many values one holds.
    const LANES: usize;
    /// How many output channels a tile has whose sums, inputs and weights still fit the registers.
    const CHANNELS: usize;
    /// `LANES` places in memory.
    type Places: Copy;
    /// How many vectors of pixels a tile of so many channels has.
    fn pixels(channels: usize) -> usize;

    /// The same value everywhere.
    unsafe fn splat(value: f32) -> Self;
    /// `LANES` values, wherever they begin.
    unsafe fn load(from: *const f32) -> Self;
    /// To `LANES` places, wherever they begin.
    unsafe fn store(self, to: *mut f32);
    /// `self * by + plus`.
    unsafe fn multiply_add(self, by: Self, plus: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn multiply(self, other: Self) -> Self;
    /// One through the value, to within two units in the last place.
    unsafe fn reciprocal(self) -> Self;
    /// The lesser; `other` if either is no number: callers who must not lose that put the value second.
    unsafe fn min(self, other: Self) -> Self;
    /// The greater; `other` if either is no number, as of [`Vector::min`].
    unsafe fn max(self, other: Self) -> Self;
    /// The greater, or what is no number if either is.
    unsafe fn greatest(self, other: Self) -> Self;
    /// To the nearest whole number.
    unsafe fn round(self) -> Self;
    /// Reads `LANES` places, counted in values.
    unsafe fn places(from: *const u32) -> Self::Places;
    /// Four values from each place behind `from`, in the order of [`Vector::store_fours`].
    unsafe fn load_fours(from: *const f32, places: Self::Places) -> [Self; 4];
    /// Four values to each place behind `to`: every quarter of a vector's is one place's.
    unsafe fn store_fours(fours: [Self; 4], to: *mut f32, places: Self::Places);
    /// From four values a place to the first values of all places, the second, and so on; and back.
    unsafe fn transpose(four: [Self; 4]) -> [Self; 4];
    /// Each value twice, over two vectors.
    unsafe fn twice(self) -> [Self; 2];
    /// The first, third, and so on of the values of two.
    unsafe fn evens(self, other: Self) -> Self;
    /// Two to the power of a whole number in -126..=127.
    unsafe fn power_of_two(self) -> Self;
}
