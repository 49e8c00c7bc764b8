//! The boards of a line: which is good, what is wrong with the others, and how the camera sees each.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::defects::{self, DefectKind, TrueDefect};
use super::layout::Layout;
use super::raster::{Artwork, Raster, Roughness, SIDE};

/// What is known of a board before anybody looks at it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardTruth {
    /// Which board of the line, counted from 0.
    pub board: u64,
    /// Which product it is, counted from 0.
    pub product: usize,
    /// What is wrong with it; empty for a good board.
    pub defects: Vec<TrueDefect>,
}

impl BoardTruth {
    /// Whether the board ought to be found NG.
    pub fn is_ng(&self) -> bool {
        !self.defects.is_empty()
    }
}

/// Grey level of bare board and of copper in even light, as the camera sees them.
const BARE: f32 = 226.0;
const COPPER: f32 = 30.0;

/// Makes the boards, each from the seed and its number alone.
#[derive(Debug)]
pub(super) struct Boards {
    seed: u64,
    ng_rate: f64,
    products: Vec<Artwork>,
    torn: Roughness,
}

impl Boards {
    pub(super) fn new(seed: u64, ng_rate: f64, products: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let etched = Roughness::new(0.3, || rng.random_range(-1.0..1.0));
        let torn = etched.scaled(0.6);
        let products = (0..products).map(|_| Artwork::draw(&Layout::random(&mut rng), &etched)).collect();
        Self { seed, ng_rate, products, torn }
    }

    /// The copper of a board, and the truth about it.
    pub(super) fn make(&self, board: u64) -> (Raster, BoardTruth) {
        // A seed of its own for each board: no board depends on the ones before it.
        let mut rng = StdRng::seed_from_u64(self.seed ^ (board + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let product = rng.random_range(0..self.products.len());
        let artwork = &self.products[product];
        let mut raster = artwork.raster.clone();
        let mut defects: Vec<TrueDefect> = Vec::new();
        if rng.random_bool(self.ng_rate) {
            let wanted = rng.random_range(1..=3);
            let mut kinds = DefectKind::ALL;
            kinds.shuffle(&mut rng);
            for kind in kinds {
                if defects.len() < wanted {
                    defects.extend(defects::place(
                        kind,
                        artwork,
                        &mut raster,
                        &defects,
                        &self.torn,
                        &mut rng,
                    ));
                }
            }
        }
        (raster, BoardTruth { board, product, defects })
    }

    /// The copper of the good board of the same product.
    pub(super) fn good(&self, product: usize) -> &Raster {
        &self.products[product].raster
    }
}

/// A board as grey levels in even light, slightly blurred by the lens; row by row, [`SIDE`] by [`SIDE`].
pub(super) fn photograph(raster: &Raster) -> Vec<u8> {
    let grey: Vec<u8> = raster
        .copper
        .iter()
        .map(|copper| (BARE + (COPPER - BARE) * f32::from(*copper) / 255.0) as u8)
        .collect();
    blurred_down(&blurred_across(&grey))
}

/// Weights 1-4-1: a standard deviation of 0.6 pixels.
fn blend(before: u8, here: u8, after: u8) -> u8 {
    ((u16::from(before) + 4 * u16::from(here) + u16::from(after) + 3) / 6) as u8
}

fn blurred_across(grey: &[u8]) -> Vec<u8> {
    let mut out = grey.to_vec();
    for (row, blurred) in grey.chunks_exact(SIDE).zip(out.chunks_exact_mut(SIDE)) {
        for (blurred, near) in blurred[1..].iter_mut().zip(row.windows(3)) {
            *blurred = blend(near[0], near[1], near[2]);
        }
    }
    out
}

fn blurred_down(grey: &[u8]) -> Vec<u8> {
    let mut out = grey.to_vec();
    for y in 1..SIDE - 1 {
        let rows = [&grey[(y - 1) * SIDE..], &grey[y * SIDE..], &grey[(y + 1) * SIDE..]];
        for (x, blurred) in out[y * SIDE..(y + 1) * SIDE].iter_mut().enumerate() {
            *blurred = blend(rows[0][x], rows[1][x], rows[2][x]);
        }
    }
    out
}
