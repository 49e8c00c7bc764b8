//! From inputs to the numbers of tiles.

use super::{
    batch::{Batch, LINE, Numbers, Run, TILES},
    forms::{MOST, SIDE, before},
};
use crate::{
    planes::Planes,
    vector::{Vector, on_each_isa},
};

/// What the lines of a batch need.
pub(super) const LINES: usize = MOST * LINE;

/// In place of a row that is not there.
static ZEROS: [f32; LINE] = [0.0; LINE];

/// What is taken apart.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) planes: Planes,
    /// Zeros above and to the left.
    pub(super) before: [usize; 2],
    pub(super) numbers: Numbers,
}

on_each_isa! {
    /// `B^T d B` of a batch's tiles of every channel, into `[number][channel][TILES]`. `lines` has room for `LINES`.
    ///
    /// # Safety
    /// `input` begins the planes, around which there is memory as there is around all; `made` has room.
    fn take_apart(it: &Inputs, batch: &Batch, input: *const f32, lines: *mut f32, made: *mut f32) = take_apart_with
}

#[inline(always)]
unsafe fn take_apart_with<V: Vector>(
    it: &Inputs,
    batch: &Batch,
    input: *const f32,
    lines: *mut f32,
    made: *mut f32,
) {
    // SAFETY: handed on.
    unsafe {
        match it.numbers.stride {
            1 => take::<V, 1, 6>(it, batch, input, lines, made),
            _ => take::<V, 2, 9>(it, batch, input, lines, made),
        }
    }
}

#[inline(always)]
unsafe fn take<V: Vector, const S: usize, const N: usize>(
    it: &Inputs,
    batch: &Batch,
    input: *const f32,
    lines: *mut f32,
    made: *mut f32,
) {
    // SAFETY: as promised; vectors that go beyond a batch end in the next channel, whose turn comes later, or in slack.
    unsafe {
        for channel in 0..it.planes.shape.channels {
            let plane = input.add(channel * it.planes.plane());
            for run in batch.runs() {
                down::<V, S, N>(it, run, plane, lines);
            }
            for at in (0..batch.count).step_by(V::LANES) {
                let places = V::places(batch.lines.as_ptr().add(at));
                for y in 0..N {
                    let line = lines.add(y * LINE);
                    let mut columns = [V::splat(0.0); N];
                    for first in (0..N).step_by(4) {
                        let fours = V::transpose(V::load_fours(line.add(first), places));
                        for (column, four) in columns[first..].iter_mut().zip(fours) {
                            *column = four;
                        }
                    }
                    let row = before(columns);
                    let to = made.add(y * N * it.numbers.each + channel * TILES + at);
                    for x in 0..N {
                        row[x].store(to.add(x * it.numbers.each));
                    }
                }
            }
        }
    }
}

/// `B^T d` of all columns of a run, so that each column is computed once for the tiles that share it.
#[inline(always)]
unsafe fn down<V: Vector, const S: usize, const N: usize>(
    it: &Inputs,
    run: &Run,
    plane: *const f32,
    lines: *mut f32,
) {
    let (height, width) = (it.planes.shape.height, it.planes.shape.width);
    let (y, x) = (S * SIDE * run.row, S * SIDE * run.column);
    // Of neighbours all but a tile's own columns are shared.
    let columns = S * SIDE * (run.tiles - 1) + N;
    // SAFETY: a column beside the picture is one of another row, of the padding or of the slack.
    unsafe {
        let mut rows = [ZEROS.as_ptr(); N];
        for at in 0..N {
            if let Some(y) = (y + at).checked_sub(it.before[0]).filter(|y| *y < height) {
                rows[at] = plane.add(y * it.planes.row() + x).sub(it.before[1]);
            }
        }
        for column in (0..columns).step_by(V::LANES) {
            let made = before(rows.map(|row| V::load(row.add(column))));
            for at in 0..N {
                made[at].store(lines.add(at * LINE + run.line + column));
            }
        }
        let low = it.before[1].saturating_sub(x).min(columns);
        let high = (width + it.before[1]).saturating_sub(x).min(columns);
        for at in 0..N {
            let line = lines.add(at * LINE + run.line);
            for column in (0..low).chain(high..columns) {
                line.add(column).write(0.0);
            }
        }
    }
}
