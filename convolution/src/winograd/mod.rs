//! A 3x3 convolution with a quarter of the products, or half of them with stride 2: Winograd's F(4x4, 3x3) and a relative
//! (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015; [`forms`] has the formulas).
//!
//! Tiles of 6x6 inputs, which overlap by two, become 36 numbers each; over all channels these are multiplied with the
//! kernel's 36 numbers, and what comes out becomes a tile of 4x4 outputs. With stride 2 the tiles are of 9x9 inputs, and
//! some of their 81 numbers have the kernel's number in common. In single precision the last two digits of seven are
//! lost, which no network notices.

mod forms;
mod batch;
mod apart;
mod together;

use self::{
    apart::{Inputs, LINES, take_apart},
    batch::{Batch, Numbers, TILES},
    forms::{COMMON, SIDE, WEIGHTS, weight, weights},
    together::{Outputs, put_together},
};
use crate::{
    activation::{Activation, UNLIMITED, activate},
    convolve::Convolution,
    planes::{Planes, SLACK},
    tile::{Places, Sums, pack, sum},
    vector::Isa,
};

/// A convolution in this form.
#[derive(Debug)]
pub(crate) struct Winograd {
    inputs: Inputs,
    outputs: Outputs,
    tiles: usize,
    /// For each of a kernel's numbers the weights of all channels, packed.
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
        let stride = convolution.stride[0];
        let kernels: Vec<[f32; WEIGHTS * WEIGHTS]> =
            convolution.weights.as_chunks::<9>().0.iter().map(|it| kernel(it, stride)).collect();
        let weights = (0..WEIGHTS * WEIGHTS).map(|at| {
            pack(outputs, inputs, isa.channels(), |output, input| kernels[output * inputs + input][at])
        });
        let numbers = Numbers::new(stride, inputs.max(outputs));
        Self {
            inputs: Inputs { planes: input, before: convolution.before, numbers },
            outputs: Outputs { planes: output, clamp, numbers },
            tiles: output.shape.height.div_ceil(SIDE) * output.shape.width.div_ceil(SIDE),
            weights: weights.collect(),
            offsets: (0..inputs).map(|input| (input * TILES) as u32).collect(),
            zeros: vec![0.0; outputs],
            bias,
            activation,
        }
    }

    pub(crate) fn scratch(&self) -> usize {
        let numbers = self.inputs.numbers;
        LINES + numbers.each + numbers.all() + SLACK
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
            let numbers = self.inputs.numbers;
            let across = numbers.across();
            // The products of a number lie where the number before it was: less memory, more of it in the cache.
            let products = scratch.add(LINES);
            let taken = products.add(numbers.each);
            for first in (0..self.tiles).step_by(TILES) {
                let batch = Batch::new(&self.outputs.planes, numbers.stride, first);
                take_apart(isa, &self.inputs, &batch, input, scratch, taken);
                for number in 0..across * across {
                    let (y, x) = (number / across, number % across);
                    let [low, high] = UNLIMITED;
                    let sums = Sums {
                        offsets: &self.offsets,
                        weights: &self.weights[weight(y) * WEIGHTS + weight(x)],
                        bias: if [y, x] == [COMMON; 2] { &self.bias } else { &self.zeros },
                        low,
                        high,
                    };
                    let places = Places {
                        input: taken.add(number * numbers.each),
                        residual: std::ptr::null(),
                        output: products.add(number * numbers.each),
                        output_plane: TILES,
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

/// `G g G^T`, in double precision.
fn kernel(kernel: &[f32; 9], stride: usize) -> [f32; WEIGHTS * WEIGHTS] {
    let weights = weights(stride);
    std::array::from_fn(|at| {
        let (down, across) = (weights[at / WEIGHTS], weights[at % WEIGHTS]);
        let products = (0..9).map(|at| down[at / 3] * f64::from(kernel[at]) * across[at % 3]);
        products.sum::<f64>() as f32
    })
}
