//! From products to outputs.

use std::mem::MaybeUninit;

use super::{
    batch::{Batch, Numbers, TILES},
    forms::{SIDE, after},
};
use crate::{
    planes::Planes,
    vector::{Vector, on_each_isa},
};

/// The most lanes of any vector.
const MOST_LANES: usize = 16;

/// What is put together.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) planes: Planes,
    /// What an output is clamped to.
    pub(super) clamp: [f32; 2],
    pub(super) numbers: Numbers,
}

on_each_isa! {
    /// `A^T m A` of a batch's tiles of every channel, from `[number][channel][TILES]`.
    ///
    /// # Safety
    /// `products` are there; `output` and `residual` (null for none) begin planes of the geometry.
    fn put_together(
        it: &Outputs,
        batch: &Batch,
        products: *const f32,
        residual: *const f32,
        output: *mut f32,
    ) = put_together_with
}

#[inline(always)]
unsafe fn put_together_with<V: Vector>(
    it: &Outputs,
    batch: &Batch,
    products: *const f32,
    residual: *const f32,
    output: *mut f32,
) {
    // SAFETY: handed on.
    unsafe {
        match it.numbers.stride {
            1 => put::<V, 6>(it, batch, products, residual, output),
            _ => put::<V, 9>(it, batch, products, residual, output),
        }
    }
}

#[inline(always)]
unsafe fn put<V: Vector, const N: usize>(
    it: &Outputs,
    batch: &Batch,
    products: *const f32,
    residual: *const f32,
    output: *mut f32,
) {
    // SAFETY: as promised; whole vectors of products are there, for a batch is a multiple of the lanes.
    unsafe {
        let (low, high) = (V::splat(it.clamp[0]), V::splat(it.clamp[1]));
        let row = it.planes.row();
        for channel in 0..it.planes.shape.channels {
            let plane = channel * it.planes.plane();
            for at in (0..batch.count).step_by(V::LANES) {
                let from = products.add(channel * TILES + at);
                // Zeros would be written each time.
                let mut rows = MaybeUninit::<[[V; N]; SIDE]>::uninit();
                let first = rows.as_mut_ptr().cast::<V>();
                for x in 0..N {
                    let mut column = [V::splat(0.0); N];
                    for y in 0..N {
                        column[y] = V::load(from.add((y * N + x) * it.numbers.each));
                    }
                    let made = after(column);
                    for y in 0..SIDE {
                        first.add(y * N + x).write(made[y]);
                    }
                }
                let rows = rows.assume_init_ref();
                let places = V::places(batch.places.as_ptr().add(at));
                let is_whole = batch.are_whole(at, V::LANES);
                for y in 0..SIDE {
                    let mut fours = V::transpose(after(rows[y]));
                    if !residual.is_null() {
                        let more = V::load_fours(residual.add(plane + y * row), places);
                        for four in 0..4 {
                            fours[four] = fours[four].add(more[four]);
                        }
                    }
                    for four in 0..4 {
                        fours[four] = high.min(low.max(fours[four]));
                    }
                    let to = output.add(plane + y * row);
                    if is_whole {
                        V::store_fours(fours, to, places);
                    } else {
                        store_some(fours, batch, at, y, to);
                    }
                }
            }
        }
    }
}

/// Of the outputs of tiles from one on, in their row `y`, stores those that are the plane's.
#[inline(always)]
unsafe fn store_some<V: Vector>(fours: [V; 4], batch: &Batch, first: usize, y: usize, to: *mut f32) {
    let mut values = [[0.0f32; SIDE]; MOST_LANES];
    // SAFETY: as many fours as lanes fit, and what is the plane's is in it.
    unsafe {
        V::store_fours(fours, values.as_mut_ptr().cast(), V::places(IN_ORDER.as_ptr()));
        for (tile, values) in values.iter().enumerate().take(V::LANES) {
            let [height, width] = batch.sizes[first + tile].map(usize::from);
            if y < height {
                let to = to.add(batch.places[first + tile] as usize);
                std::ptr::copy_nonoverlapping(values.as_ptr(), to, width);
            }
        }
    }
}

/// The places of tiles that lie one behind the other.
static IN_ORDER: [u32; MOST_LANES] = {
    let mut places = [0; MOST_LANES];
    let mut at = 0;
    while at < MOST_LANES {
        places[at] = (SIDE * at) as u32;
        at += 1;
    }
    places
};
