//! A 3x3 convolution with a quarter of the products: Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015).
//!
//! Tiles of 6x6 inputs, which overlap by two, become 36 numbers each; over all channels these are multiplied with the
//! kernel's 36 numbers, and what comes out becomes a tile of 4x4 outputs. In single precision the last two digits of
//! seven are lost, which no network notices.

use crate::{
    activation::{Activation, activate},
    convolve::Convolution,
    gather::{Axis, Gather, gather},
    planes::{Planes, SLACK},
    tile::{Places, Sums, pack, sum},
    vector::{Isa, Vector, on_each_isa},
};

/// Numbers of a tile.
const NUMBERS: usize = 36;

/// So many tiles are taken from input to output together: with the channels of a small network they stay in the
/// second-level cache. A multiple of every instruction set's widest tile of pixels.
const TOGETHER: usize = 48;

/// A convolution in this form.
#[derive(Debug)]
pub(crate) struct Winograd {
    gather: Gather,
    /// Where the 36 inputs of a tile lie.
    places: [usize; NUMBERS],
    input: Planes,
    inputs: usize,
    output: Planes,
    /// Tiles from one row of them to the next.
    row: usize,
    /// Positions of tiles, with one more than needed in each row.
    positions: usize,
    /// For each number of a tile the weights of all channels, packed.
    weights: Vec<Vec<f32>>,
    offsets: Vec<u32>,
    zeros: Vec<f32>,
    bias: Vec<f32>,
    clamp: [f32; 2],
    activation: Option<Activation>,
}

impl Winograd {
    pub(crate) fn new(
        isa: Isa,
        convolution: &Convolution,
        [input, output]: [Planes; 2],
        clamp: [f32; 2],
        activation: Option<Activation>,
    ) -> Self {
        let inputs = input.shape.channels;
        let mut bias = convolution.bias.clone();
        bias.resize(convolution.outputs, 0.0);
        let tiles = [output.shape.height, output.shape.width].map(|side| side.div_ceil(4));
        let row = tiles[1] + 1;
        let axes = convolution.before.map(|before| Axis { kernel: 6, stride: 4, dilation: 1, before });
        let gather = Gather::new(axes, tiles[0], row);
        let outputs = output.shape.channels;
        let kernels: Vec<[f32; NUMBERS]> =
            convolution.weights.as_chunks::<9>().0.iter().map(kernel).collect();
        let weights = (0..NUMBERS).map(|number| {
            pack(outputs, inputs, isa.channels(), |output, input| kernels[output * inputs + input][number])
        });
        Self {
            places: std::array::from_fn(|number| gather.offset([number / 6, number % 6])),
            gather,
            input,
            inputs,
            output,
            row,
            positions: tiles[0] * row,
            weights: weights.collect(),
            offsets: (0..inputs).map(|input| (input * TOGETHER) as u32).collect(),
            zeros: vec![0.0; outputs],
            bias,
            clamp,
            activation,
        }
    }

    pub(crate) fn scratch(&self) -> usize {
        let numbers = Self::stride(self.inputs) + Self::stride(self.output.shape.channels);
        self.gathered() + NUMBERS * numbers + SLACK
    }

    fn gathered(&self) -> usize {
        self.inputs * self.gather.channel() + SLACK
    }

    /// Runs it.
    ///
    /// # Safety
    /// `input` begins planes of the geometry, `output` and `residual` (null for none) the planes for which this was
    /// made; `scratch` has as many values as asked for.
    pub(crate) unsafe fn run(
        &self,
        isa: Isa,
        input: *const f32,
        residual: *const f32,
        output: *mut f32,
        scratch: *mut f32,
    ) {
        let outputs = self.output.shape.channels;
        // SAFETY: the scratch has these three parts; all places are within them or the planes.
        unsafe {
            let numbers = scratch.add(self.gathered());
            let products = numbers.add(NUMBERS * Self::stride(self.inputs));
            let (plane, row) = (self.input.plane(), self.input.row());
            gather(isa, &self.gather, self.input.shape, self.inputs, input, plane, row, scratch);
            for first in (0..self.positions).step_by(TOGETHER) {
                let count = TOGETHER.min(self.positions - first);
                take_apart(isa, self, scratch.add(first), numbers, count);
                for (number, weights) in self.weights.iter().enumerate() {
                    let sums = Sums {
                        offsets: &self.offsets,
                        weights,
                        bias: &self.zeros,
                        low: f32::NEG_INFINITY,
                        high: f32::INFINITY,
                    };
                    let places = Places {
                        input: numbers.add(number * Self::stride(self.inputs)),
                        residual: std::ptr::null(),
                        output: products.add(number * Self::stride(outputs)),
                        output_plane: TOGETHER,
                        residual_plane: 0,
                        pixels: [0, count],
                    };
                    sum(isa, &sums, &places);
                }
                put_together(isa, self, products, first, residual, output);
            }
            if let Some(activation) = self.activation {
                for channel in 0..outputs {
                    let values = output.add(channel * self.output.plane());
                    activate(isa, activation, values, values, self.output.pixels());
                }
            }
        }
    }

    /// Writes the outputs of tiles that follow each other from a position on: of each of four rows, four pixels a tile.
    ///
    /// # Safety
    /// `output` and `residual` (null for none) begin a plane.
    #[inline(always)]
    unsafe fn write(
        &self,
        lines: &[[f32; 64]; 4],
        position: usize,
        tiles: usize,
        residual: *const f32,
        output: *mut f32,
    ) {
        let (height, width) = (self.output.shape.height, self.output.shape.width);
        let [low, high] = self.clamp;
        let mut done = 0;
        while done < tiles {
            let (y, x) = ((position + done) / self.row * 4, (position + done) % self.row);
            let run = (tiles - done).min(self.row - x);
            // The last position of a row of tiles is none.
            let columns = (4 * run).min(width.saturating_sub(4 * x));
            for (row, line) in lines.iter().enumerate().take(height - y) {
                let at = (y + row) * self.output.row() + 4 * x;
                let values = &line[4 * done..4 * done + columns];
                // SAFETY: within the plane.
                unsafe {
                    if residual.is_null() {
                        std::ptr::copy_nonoverlapping(values.as_ptr(), output.add(at), columns);
                        continue;
                    }
                    for (column, value) in values.iter().enumerate() {
                        let sum = *value + *residual.add(at + column);
                        let sum = if sum < low { low } else { sum };
                        output.add(at + column).write(if sum > high { high } else { sum });
                    }
                }
            }
            done += run;
        }
    }

    /// From one number of all channels' tiles to the next; not a multiple of the cache's way, where all would meet.
    fn stride(channels: usize) -> usize {
        channels * TOGETHER + 16
    }
}

/// `G g G^T`, in double precision.
fn kernel(weights: &[f32; 9]) -> [f32; NUMBERS] {
    const G: [[f64; 3]; 6] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    std::array::from_fn(|number| {
        let (down, across) = (G[number / 6], G[number % 6]);
        let products = (0..9).map(|at| down[at / 3] * f64::from(weights[at]) * across[at % 3]);
        products.sum::<f64>() as f32
    })
}

on_each_isa! {
    /// `B^T d B` of `count` tiles of every channel, into `[number][channel][TOGETHER]`.
    ///
    /// # Safety
    /// `gathered` begins the first tile's inputs of the first channel; `numbers` has room.
    fn take_apart(it: &Winograd, gathered: *const f32, numbers: *mut f32, count: usize) = take_apart_with
}

#[inline(always)]
unsafe fn take_apart_with<V: Vector>(it: &Winograd, gathered: *const f32, numbers: *mut f32, count: usize) {
    let stride = Winograd::stride(it.inputs);
    // SAFETY: as promised; behind the last tile there is slack to be read, and `TOGETHER` is a multiple of the lanes.
    unsafe {
        for channel in 0..it.inputs {
            let from = gathered.add(channel * it.gather.channel());
            for at in (0..count).step_by(V::LANES) {
                let mut tile = [[V::splat(0.0); 6]; 6];
                for y in 0..6 {
                    for x in 0..6 {
                        tile[y][x] = V::load(from.add(at + it.places[y * 6 + x]));
                    }
                    tile[y] = before(tile[y]);
                }
                for x in 0..6 {
                    let column =
                        before([tile[0][x], tile[1][x], tile[2][x], tile[3][x], tile[4][x], tile[5][x]]);
                    for y in 0..6 {
                        let number = y * 6 + x;
                        column[y].store(numbers.add(number * stride + channel * TOGETHER + at));
                    }
                }
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

on_each_isa! {
    /// `A^T m A` of the tiles from position `first` on, and what follows the sums.
    ///
    /// # Safety
    /// As of [`Winograd::run`], with `products` of those tiles.
    fn put_together(
        it: &Winograd,
        products: *const f32,
        first: usize,
        residual: *const f32,
        output: *mut f32,
    ) = put_together_with
}

#[inline(always)]
unsafe fn put_together_with<V: Vector>(
    it: &Winograd,
    products: *const f32,
    first: usize,
    residual: *const f32,
    output: *mut f32,
) {
    let outputs = it.output.shape.channels;
    let count = TOGETHER.min(it.positions - first);
    let stride = Winograd::stride(outputs);
    // SAFETY: as promised; whole vectors of products are there, for `TOGETHER` is a multiple of the lanes.
    unsafe {
        let (low, high) = (V::splat(it.clamp[0]), V::splat(it.clamp[1]));
        for channel in 0..outputs {
            let bias = V::splat(*it.bias.get_unchecked(channel));
            let plane = channel * it.output.plane();
            let residual = if residual.is_null() { residual } else { residual.add(plane) };
            for at in (0..count).step_by(V::LANES) {
                let mut rows = [[V::splat(0.0); 6]; 4];
                for x in 0..6 {
                    let mut column = [V::splat(0.0); 6];
                    for y in 0..6 {
                        let number = y * 6 + x;
                        column[y] = V::load(products.add(number * stride + channel * TOGETHER + at));
                    }
                    let made = after(column);
                    for y in 0..4 {
                        rows[y][x] = made[y];
                    }
                }
                // As wide as the widest vector's tiles.
                let mut lines = [[0.0f32; 64]; 4];
                for y in 0..4 {
                    let mut pixels = after(rows[y]);
                    for x in 0..4 {
                        pixels[x] = pixels[x].add(bias);
                        if residual.is_null() {
                            pixels[x] = high.min(low.max(pixels[x]));
                        }
                    }
                    V::interleave(pixels, lines[y].as_mut_ptr());
                }
                let tiles = V::LANES.min(count - at);
                it.write(&lines, first + at, tiles, residual, output.add(plane));
            }
        }
    }
}

/// One dimension of `A^T m`.
#[inline(always)]
unsafe fn after<V: Vector>(m: [V; 6]) -> [V; 4] {
    // SAFETY: as of [`Vector`].
    unsafe {
        let minus = V::splat(-1.0);
        let (sum, gap) = (m[1].add(m[2]), m[2].multiply_add(minus, m[1]));
        let (far_sum, far_gap) = (m[3].add(m[4]), m[4].multiply_add(minus, m[3]));
        [
            m[0].add(sum).add(far_sum),
            far_gap.multiply_add(V::splat(2.0), gap),
            far_sum.multiply_add(V::splat(4.0), sum),
            far_gap.multiply_add(V::splat(8.0), gap).add(m[5]),
        ]
    }
}
