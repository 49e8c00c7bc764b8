//! A 3x3 convolution with a quarter of the products: Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015).
//!
//! Tiles of 6x6 inputs, which overlap by two, become 36 numbers each; over all channels these are multiplied with the
//! kernel's 36 numbers, and what comes out becomes a tile of 4x4 outputs. In single precision the last two digits of
//! seven are lost, which no network notices.

mod apart;
mod batch;
mod together;

use self::{
    apart::{Inputs, LINES, take_apart},
    batch::{Batch, SIDE, TOGETHER},
    together::{Outputs, put_together},
};
use crate::{
    activation::{Activation, activate},
    convolve::Convolution,
    planes::{Planes, SLACK},
    tile::{Places, Sums, pack, sum},
    vector::Isa,
};

/// Numbers of a tile.
const NUMBERS: usize = 36;

/// The number that is added to each output once: a bias goes there.
const COMMON: usize = 7;

/// A convolution in this form.
#[derive(Debug)]
pub(crate) struct Winograd {
    inputs: Inputs,
    outputs: Outputs,
    tiles: usize,
    /// For each number of a tile the weights of all channels, packed.
    weights: Vec<Vec<f32>>,
    offsets: Vec<u32>,
    zeros: Vec<f32>,
    bias: Vec<f32>,
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
        let outputs = output.shape.channels;
        let mut bias = convolution.bias.clone();
        bias.resize(outputs, 0.0);
        let kernels: Vec<[f32; NUMBERS]> =
            convolution.weights.as_chunks::<9>().0.iter().map(kernel).collect();
        let weights = (0..NUMBERS).map(|number| {
            pack(outputs, inputs, isa.channels(), |output, input| kernels[output * inputs + input][number])
        });
        Self {
            inputs: Inputs { planes: input, before: convolution.before, stride: stride(inputs) },
            outputs: Outputs { planes: output, clamp, stride: stride(outputs) },
            tiles: output.shape.height.div_ceil(SIDE) * output.shape.width.div_ceil(SIDE),
            weights: weights.collect(),
            offsets: (0..inputs).map(|input| (input * TOGETHER) as u32).collect(),
            zeros: vec![0.0; outputs],
            bias,
            activation,
        }
    }

    pub(crate) fn scratch(&self) -> usize {
        LINES + NUMBERS * (self.inputs.stride + self.outputs.stride) + SLACK
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
        // SAFETY: the scratch has these three parts; all places are within them or the planes.
        unsafe {
            let numbers = scratch.add(LINES);
            let products = numbers.add(NUMBERS * self.inputs.stride);
            for first in (0..self.tiles).step_by(TOGETHER) {
                let batch = Batch::new(&self.outputs.planes, first);
                take_apart(isa, &self.inputs, &batch, input, scratch, numbers);
                for (number, weights) in self.weights.iter().enumerate() {
                    let sums = Sums {
                        offsets: &self.offsets,
                        weights,
                        bias: if number == COMMON { &self.bias } else { &self.zeros },
                        low: f32::NEG_INFINITY,
                        high: f32::INFINITY,
                    };
                    let places = Places {
                        input: numbers.add(number * self.inputs.stride),
                        residual: std::ptr::null(),
                        output: products.add(number * self.outputs.stride),
                        output_plane: TOGETHER,
                        residual_plane: 0,
                        pixels: [0, batch.count],
                    };
                    sum(isa, &sums, &places);
                }
                put_together(isa, &self.outputs, &batch, products, residual, output);
            }
            if let Some(activation) = self.activation {
                let planes = &self.outputs.planes;
                for channel in 0..planes.shape.channels {
                    let values = output.add(channel * planes.plane());
                    activate(isa, activation, values, values, planes.pixels());
                }
            }
        }
    }
}

/// From one number of all channels' tiles to the next; not a multiple of the cache's way, where all would meet.
fn stride(channels: usize) -> usize {
    channels * TOGETHER + 16
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
