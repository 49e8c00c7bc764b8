//! Tiles that are taken from input to output together, and where each begins.

use super::forms::{SIDE, numbers};
use crate::planes::Planes;

/// Tiles of a batch, at most: with the channels of a small network their numbers stay in a second-level cache of half a
/// megabyte. A multiple of every instruction set's lanes.
pub(super) const TILES: usize = 32;

/// Values of a line that holds the inputs of a batch: `SIDE` for each tile and step of the stride, as many more for each
/// run, of which there may be as many as tiles; and what vectors may touch besides.
pub(super) const LINE: usize = (2 + 1) * SIDE * TILES + 32;

/// How the numbers of a batch lie, and then their products, which take their places: `[number][channel][TILES]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// From one output's inputs to the next's, 1 or 2: it says how many there are.
    pub(super) stride: usize,
    /// Values that one number of all channels' tiles takes.
    pub(super) each: usize,
}

impl Numbers {
    pub(super) fn new(stride: usize, channels: usize) -> Self {
        // Not a multiple of the cache's way, where all would meet.
        Self { stride, each: channels * TILES + 16 }
    }

    /// How many a tile has along an axis.
    pub(super) fn across(self) -> usize {
        numbers(self.stride)
    }

    /// Values that all take.
    pub(super) fn all(self) -> usize {
        self.across() * self.across() * self.each
    }
}

/// Tiles beside each other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// Of the first tile, counted in tiles.
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) tiles: usize,
    /// Where its inputs begin in a line.
    pub(super) line: usize,
}

/// Tiles that follow each other, row by row.
#[derive(Debug)]
pub(super) struct Batch {
    /// How many tiles.
    pub(super) count: usize,
    runs: [Run; TILES],
    runs_count: usize,
    /// Of each tile where its inputs begin in a line.
    pub(super) lines: [u32; TILES],
    /// Of each tile where its outputs begin in a plane.
    pub(super) places: [u32; TILES],
    /// How many of its outputs, down and across, are the plane's.
    pub(super) sizes: [[u8; 2]; TILES],
    /// A bit for each tile whose outputs all are.
    whole: u64,
}

impl Batch {
    /// The tiles of an output's planes from one on.
    pub(super) fn new(output: &Planes, stride: usize, first: usize) -> Self {
        let (height, width) = (output.shape.height, output.shape.width);
        let across = width.div_ceil(SIDE);
        let count = TILES.min(height.div_ceil(SIDE) * across - first);
        let mut it = Self {
            count,
            runs: [Run::default(); TILES],
            runs_count: 0,
            lines: [0; TILES],
            places: [0; TILES],
            sizes: [[0; 2]; TILES],
            whole: 0,
        };
        let (mut done, mut line) = (0, 0);
        while done < count {
            let (row, column) = ((first + done) / across, (first + done) % across);
            let tiles = (count - done).min(across - column);
            it.runs[it.runs_count] = Run { row, column, tiles, line };
            it.runs_count += 1;
            for tile in 0..tiles {
                let (y, x) = (SIDE * row, SIDE * (column + tile));
                it.lines[done + tile] = (line + stride * SIDE * tile) as u32;
                it.places[done + tile] = (y * output.row() + x) as u32;
                let size = [height - y, width - x].map(|side| side.min(SIDE));
                it.sizes[done + tile] = size.map(|side| side as u8);
                it.whole |= u64::from(size == [SIDE; 2]) << (done + tile);
            }
            done += tiles;
            line += SIDE * (stride * tiles + 1);
        }
        it
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs[..self.runs_count]
    }

    /// Whether all outputs of so many tiles from one on are the plane's.
    pub(super) fn are_whole(&self, first: usize, tiles: usize) -> bool {
        (self.whole >> first).trailing_ones() as usize >= tiles
    }
}
