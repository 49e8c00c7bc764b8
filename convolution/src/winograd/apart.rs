//! From inputs to the numbers of tiles.

use super::batch::{Batch, LINE, Run, SIDE, TOGETHER};
use crate::{
    planes::Planes,
    vector::{Vector, on_each_isa},
};

/// Rows and columns of a tile's inputs.
const REACH: usize = SIDE + 2;

/// What the lines of a batch need.
pub(super) const LINES: usize = REACH * LINE;

/// In place of a row that is not there.
static ZEROS: [f32; LINE] = [0.0; LINE];

/// What is taken apart.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) planes: Planes,
    /// Zeros above and to the left.
    pub(super) before: [usize; 2],
    /// From one number of all channels' tiles to the next.
    pub(super) stride: usize,
}

on_each_isa! {
    /// `B^T d B` of a batch's tiles of every channel, into `[number][channel][TOGETHER]`. `lines` has room for `LINES`.
    ///
    /// # Safety
    /// `input` begins the planes, around which there is memory as there is around all; `numbers` has room.
    fn take_apart(it: &Inputs, batch: &Batch, input: *const f32, lines: *mut f32, numbers: *mut f32) = take_apart_with
}

#[inline(always)]
unsafe fn take_apart_with<V: Vector>(
    it: &Inputs,
    batch: &Batch,
    input: *const f32,
    lines: *mut f32,
    numbers: *mut f32,
) {
    // SAFETY: as promised; vectors that go beyond a batch end in the next channel, whose turn comes later, or in slack.
    unsafe {
        for channel in 0..it.planes.shape.channels {
            let plane = input.add(channel * it.planes.plane());
            for run in batch.runs() {
                down::<V>(it, run, plane, lines);
            }
            for at in (0..batch.count).step_by(V::LANES) {
                let places = V::places(batch.lines.as_ptr().add(at));
                for y in 0..REACH {
                    let line = lines.add(y * LINE);
                    let [a, b, c, d] = V::transpose(V::load_fours(line, places));
                    let [e, f, ..] = V::transpose(V::load_fours(line.add(SIDE), places));
                    let row = before([a, b, c, d, e, f]);
                    let to = numbers.add(y * REACH * it.stride + channel * TOGETHER + at);
                    for x in 0..REACH {
                        row[x].store(to.add(x * it.stride));
                    }
                }
            }
        }
    }
}

/// `B^T d` of all columns of a run, so that each column is computed once for the tiles that share it.
#[inline(always)]
unsafe fn down<V: Vector>(it: &Inputs, run: &Run, plane: *const f32, lines: *mut f32) {
    let (height, width) = (it.planes.shape.height, it.planes.shape.width);
    let (y, x) = (SIDE * run.row, SIDE * run.column);
    let columns = SIDE * run.tiles + 2;
    // SAFETY: a column beside the picture is one of another row, of the padding or of the slack.
    unsafe {
        let mut rows = [ZEROS.as_ptr(); REACH];
        for at in 0..REACH {
            if let Some(y) = (y + at).checked_sub(it.before[0]).filter(|y| *y < height) {
                rows[at] = plane.add(y * it.planes.row() + x).sub(it.before[1]);
            }
        }
        for column in (0..columns).step_by(V::LANES) {
            let made = before(rows.map(|row| V::load(row.add(column))));
            for at in 0..REACH {
                made[at].store(lines.add(at * LINE + run.line + column));
            }
        }
        let low = it.before[1].saturating_sub(x).min(columns);
        let high = (width + it.before[1]).saturating_sub(x).min(columns);
        for at in 0..REACH {
            let line = lines.add(at * LINE + run.line);
            for column in (0..low).chain(high..columns) {
                line.add(column).write(0.0);
            }
        }
    }
}

/// One dimension of `B^T d`.
#[inline(always)]
unsafe fn before<V: Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: as of [`Vector`].
    unsafe {
        let (minus, four, minus_five) = (V::splat(-1.0), V::splat(4.0), V::splat(-5.0));
        let (minus_four, two) = (V::splat(-4.0), V::splat(2.0));
        let outer = d[2].multiply_add(minus_four, d[4]); // d4 - 4 d2
        let inner = d[1].multiply_add(minus_four, d[3]); // d3 - 4 d1
        let near = d[2].multiply_add(minus, d[4]); // d4 - d2
        let wide = d[1].multiply_add(minus, d[3]).multiply(two); // 2 (d3 - d1)
        [
            d[0].multiply_add(four, d[2].multiply_add(minus_five, d[4])),
            outer.add(inner),
            inner.multiply_add(minus, outer),
            near.add(wide),
            wide.multiply_add(minus, near),
            d[1].multiply_add(four, d[3].multiply_add(minus_five, d[5])),
        ]
    }
}
