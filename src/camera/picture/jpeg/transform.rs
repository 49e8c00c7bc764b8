//! From 8x8 coefficients to pixels: the inverse cosine transform, whole or at a reduced size.
//!
//! The whole one is that of Arai, Agui and Nakajima (1988) in floating point, whose factors go into the quantisation.
//! A reduced one takes the lowest coefficients for a transform of that size, which is the picture seen through a good
//! low pass.

use std::f32::consts::{PI, SQRT_2};

/// Coefficients of a block, columns first: the one of horizontal frequency `u` and vertical frequency `v` stands at
/// `u * 8 + v`. What belongs nowhere goes behind them.
pub(super) type Block = [f32; 128];

/// Where in a [`Block`] the coefficients stand, in the order in which a JPEG has them (T.81, figure A.6).
pub(super) const PLACES: [u8; 256] = places();

const fn places() -> [u8; 256] {
    let mut places = [64; 256];
    let (mut n, mut sum) = (0, 0);
    while sum < 15 {
        let mut step = 0;
        while step <= sum {
            // Odd diagonals run downwards, even ones upwards.
            let (u, v) = if sum % 2 == 1 { (sum - step, step) } else { (step, sum - step) };
            if u < 8 && v < 8 {
                places[n] = (u * 8 + v) as u8;
                n += 1;
            }
            step += 1;
        }
        sum += 1;
    }
    places
}

/// The transform for blocks of 8, 4, 2 or 1 pixels a side.
pub(super) struct Transform {
    side: usize,
    /// For a reduced one: how much of a frequency is in a pixel.
    basis: [[f32; 4]; 4],
}

impl Transform {
    pub(super) fn new(side: usize) -> Self {
        let share = |x: usize, u: usize| match u {
            0 => 1.0,
            _ => SQRT_2 * ((2 * x + 1) as f32 * u as f32 * PI / (2 * side) as f32).cos(),
        };
        Self { side, basis: std::array::from_fn(|x| std::array::from_fn(|u| share(x, u))) }
    }

    /// How many pixels of a side a block becomes.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// What coefficients are multiplied with, in a JPEG's order; 0 behind the 64th.
    pub(super) fn factors(&self, quantisation: &[u16; 64]) -> [f32; 256] {
        let scale = |frequency: usize| match (self.side, frequency) {
            (8, 1..) => SQRT_2 * (frequency as f32 * PI / 16.0).cos(),
            _ => 1.0,
        };
        let mut factors = [0.0; 256];
        for ((factor, place), quantum) in factors.iter_mut().zip(PLACES).zip(quantisation) {
            let place = usize::from(place);
            *factor = f32::from(*quantum) * scale(place / 8) * scale(place % 8) / 8.0;
        }
        factors
    }

    /// Writes a block into a plane of `stride` pixels a row, and clears it. `seen` has the bits of all places that are
    /// not 0.
    #[inline(always)]
    pub(super) fn write(&self, block: &mut Block, seen: u8, out: &mut [u8], stride: usize) {
        match self.side {
            _ if seen & 63 == 0 => {
                let flat = sample(block[0]);
                out.chunks_mut(stride).take(self.side).for_each(|line| line[..self.side].fill(flat));
                block[0] = 0.0;
            }
            8 => whole(block, out, stride),
            4 => reduced::<4>(&self.basis, block, out, stride),
            2 => reduced::<2>(&self.basis, block, out, stride),
            _ => reduced::<1>(&self.basis, block, out, stride),
        }
    }
}

#[inline(always)]
fn whole(block: &mut Block, out: &mut [u8], stride: usize) {
    let across = pass(&std::array::from_fn(|u| std::array::from_fn(|v| block[u * 8 + v])));
    let down = pass(&std::array::from_fn(|v| std::array::from_fn(|x| across[x][v])));
    for (line, out) in down.iter().zip(out.chunks_mut(stride)) {
        out[..8].iter_mut().zip(line).for_each(|(pixel, value)| *pixel = sample(*value));
    }
    block[..64].fill(0.0);
}

/// The transform of each of eight columns.
#[inline(always)]
fn pass(lines: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    let mut out = [[0.0; 8]; 8];
    for n in 0..8 {
        let at = |frequency: usize| lines[frequency][n];
        let (sum, difference) = (at(0) + at(4), at(0) - at(4));
        let two_six = at(2) + at(6);
        let turned = (at(2) - at(6)) * SQRT_2 - two_six;
        let even = [sum + two_six, difference + turned, difference - turned, sum - two_six];

        let (z13, z10) = (at(5) + at(3), at(5) - at(3));
        let (z11, z12) = (at(1) + at(7), at(1) - at(7));
        let z5 = (z10 + z12) * 1.847_759_1;
        let o0 = z11 + z13;
        let o1 = z5 - z10 * 2.613_126 - o0;
        let o2 = (z11 - z13) * SQRT_2 - o1;
        let o3 = z5 - z12 * 1.082_392_2 - o2;
        for (k, (even, odd)) in even.into_iter().zip([o0, o1, o2, o3]).enumerate() {
            out[k][n] = even + odd;
            out[7 - k][n] = even - odd;
        }
    }
    out
}

/// From the lowest `N`x`N` coefficients to so many pixels.
#[inline(always)]
fn reduced<const N: usize>(basis: &[[f32; 4]; 4], block: &mut Block, out: &mut [u8], stride: usize) {
    let mut half = [[0.0; N]; N];
    for (x, half) in half.iter_mut().enumerate() {
        for (v, value) in half.iter_mut().enumerate() {
            *value = (0..N).map(|u| basis[x][u] * block[u * 8 + v]).sum();
        }
    }
    for (y, line) in out.chunks_mut(stride).take(N).enumerate() {
        for (x, pixel) in line.iter_mut().take(N).enumerate() {
            *pixel = sample((0..N).map(|v| basis[y][v] * half[x][v]).sum());
        }
    }
    block[..64].fill(0.0);
}

/// The nearest of 0..=255.
#[inline(always)]
fn sample(value: f32) -> u8 {
    let value = value + 128.0;
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // 2^23: behind it the last bits of a float are whole numbers, and rounding is the processor's.
    (value + 8_388_608.0).to_bits() as u8
}
