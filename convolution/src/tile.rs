//! The inner loop: sums of products for a few output channels and a few vectors of pixels, kept in registers.

use std::mem::MaybeUninit;

use crate::vector::{Vector, on_each_isa};

/// What the output channels of one group are made of.
#[derive(Clone, Copy)]
pub(crate) struct Sums<'a> {
    /// For each product, how far behind a pixel's own place its input lies.
    pub(crate) offsets: &'a [u32],
    /// Blocks of the instruction set's number of channels, a smaller one last: for each product a weight a channel.
    pub(crate) weights: &'a [f32],
    /// One a channel.
    pub(crate) bias: &'a [f32],
    /// What a sum is clamped to.
    pub(crate) low: f32,
    pub(crate) high: f32,
}

/// Where the planes begin.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    pub(crate) input: *const f32,
    /// Added before the clamp; null for nothing.
    pub(crate) residual: *const f32,
    pub(crate) output: *mut f32,
    /// From a plane of the output to the next.
    pub(crate) output_plane: usize,
    pub(crate) residual_plane: usize,
    /// The first pixel, and the one behind the last; others are left alone.
    pub(crate) pixels: [usize; 2],
}

/// Weights in the order in which tiles use them: blocks of channels, and for each product those of the block's channels
/// side by side.
pub(crate) fn pack(
    channels: usize,
    products: usize,
    most: usize,
    weight: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(channels * products);
    let mut first = 0;
    for block in blocks(channels, most) {
        for product in 0..products {
            packed.extend((first..first + block).map(|channel| weight(channel, product)));
        }
        first += block;
    }
    packed
}

/// Output channels in blocks of these sizes: as many as fit the registers, then what is left in powers of two.
fn blocks(channels: usize, most: usize) -> impl Iterator<Item = usize> {
    let mut left = channels;
    std::iter::from_fn(move || {
        let block = (left > 0).then(|| if left >= most { most } else { 1 << left.ilog2() })?;
        left -= block;
        Some(block)
    })
}

on_each_isa! {
    /// Computes all output channels of one group.
    ///
    /// # Safety
    /// From `input` on, every offset and [`crate::planes::SLACK`] values behind the last pixel can be read; the same
    /// holds of `residual` where it is not null; `output` has a plane for each bias. No output is an input.
    fn sum(sums: &Sums<'_>, places: &Places) = sum_with
}

#[inline(always)]
unsafe fn sum_with<V: Vector>(sums: &Sums<'_>, places: &Places) {
    let mut channel = 0;
    for block in blocks(sums.bias.len(), V::CHANNELS) {
        // SAFETY: handed on; a block has its weights behind those of the blocks before it.
        unsafe {
            match block {
                8 => run::<V, 8>(sums, places, channel),
                6 => run::<V, 6>(sums, places, channel),
                4 => run::<V, 4>(sums, places, channel),
                2 => run::<V, 2>(sums, places, channel),
                _ => run::<V, 1>(sums, places, channel),
            }
        }
        channel += block;
    }
}

/// A block of `M` channels.
#[inline(always)]
unsafe fn run<V: Vector, const M: usize>(sums: &Sums<'_>, places: &Places, channel: usize) {
    // SAFETY: handed on.
    unsafe {
        match V::pixels(M) {
            4 => run_wide::<V, M, 4>(sums, places, channel),
            3 => run_wide::<V, M, 3>(sums, places, channel),
            _ => run_wide::<V, M, 2>(sums, places, channel),
        }
    }
}

#[inline(always)]
unsafe fn run_wide<V: Vector, const M: usize, const N: usize>(
    sums: &Sums<'_>,
    places: &Places,
    channel: usize,
) {
    let wide = N * V::LANES;
    let [from, to] = places.pixels;
    // SAFETY: a tile that would write behind `to` writes into an array, from which the right part is copied.
    unsafe {
        let output = places.output.add(channel * places.output_plane);
        let mut at = from;
        while at + wide <= to {
            tile::<V, M, N>(sums, places, channel, at, output.add(at), places.output_plane);
            at += wide;
        }
        while at < to {
            let mut edge = MaybeUninit::<[f32; 8 * 64]>::uninit();
            let edge = edge.as_mut_ptr().cast::<f32>();
            let left = (to - at).min(wide);
            match left.div_ceil(V::LANES) {
                1 => tile::<V, M, 1>(sums, places, channel, at, edge, wide),
                2 => tile::<V, M, 2>(sums, places, channel, at, edge, wide),
                _ => tile::<V, M, N>(sums, places, channel, at, edge, wide),
            }
            for m in 0..M {
                let row = edge.add(m * wide);
                std::ptr::copy_nonoverlapping(row, output.add(m * places.output_plane + at), left);
            }
            at += left;
        }
    }
}

/// `M` channels of `N` vectors of pixels from pixel `at` on, written to `output`, a channel every `stride` values.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const N: usize>(
    sums: &Sums<'_>,
    places: &Places,
    channel: usize,
    at: usize,
    output: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's promise covers each place that is read, and `output` has room for the tile.
    unsafe {
        let input = places.input.add(at);
        let mut total = [[V::splat(0.0); N]; M];
        for m in 0..M {
            let bias = V::splat(*sums.bias.get_unchecked(channel + m));
            for n in 0..N {
                total[m][n] = bias;
            }
        }
        if !places.residual.is_null() {
            let residual = places.residual.add(channel * places.residual_plane + at);
            for m in 0..M {
                for n in 0..N {
                    let more = V::load(residual.add(m * places.residual_plane + n * V::LANES));
                    total[m][n] = total[m][n].add(more);
                }
            }
        }
        let mut weight = sums.weights.as_ptr().add(channel * sums.offsets.len());
        for offset in sums.offsets {
            let from = input.add(*offset as usize);
            let mut pixels = [V::splat(0.0); N];
            for n in 0..N {
                pixels[n] = V::load(from.add(n * V::LANES));
            }
            for m in 0..M {
                let by = V::splat(*weight.add(m));
                for n in 0..N {
                    total[m][n] = pixels[n].multiply_add(by, total[m][n]);
                }
            }
            weight = weight.add(M);
        }
        let (low, high) = (V::splat(sums.low), V::splat(sums.high));
        for m in 0..M {
            for n in 0..N {
                high.min(low.max(total[m][n])).store(output.add(m * stride + n * V::LANES));
            }
        }
    }
}
