//! Planes, and every step over them as plain loops.

use convolution::{Convolution, Graph, Isa, MaxPool, Program, Shape};
use proptest::prelude::*;

/// Planes without padding, and how they are computed the plain way.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) shape: Shape,
    pub(crate) values: Vec<f32>,
}

impl Plain {
    pub(crate) fn noise(shape: Shape, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        Self { shape, values: (0..shape.len()).map(|_| next()).collect() }
    }

    pub(crate) fn from(shape: Shape, mut value: impl FnMut(usize, usize, usize) -> f32) -> Self {
        let mut values = Vec::new();
        for channel in 0..shape.channels {
            for y in 0..shape.height {
                values.extend((0..shape.width).map(|x| value(channel, y, x)));
            }
        }
        Self { shape, values }
    }

    fn at(&self, channel: usize, y: isize, x: isize) -> Option<f32> {
        let Shape { height, width, .. } = self.shape;
        let is_inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        is_inside.then(|| self.values[(channel * height + y as usize) * width + x as usize])
    }

    pub(crate) fn convolve(&self, it: &Convolution) -> Self {
        let side = |axis: usize, length: usize| {
            (length + it.before[axis] + it.after[axis] - (it.kernel[axis] - 1) * it.dilation[axis] - 1)
                / it.stride[axis]
                + 1
        };
        let inputs = self.shape.channels / it.groups;
        let shape = Shape {
            channels: it.outputs,
            height: side(0, self.shape.height),
            width: side(1, self.shape.width),
        };
        Self::from(shape, |channel, y, x| {
            let group = channel / (it.outputs / it.groups);
            let mut sum = f64::from(it.bias.get(channel).copied().unwrap_or(0.0));
            for input in 0..inputs {
                for row in 0..it.kernel[0] {
                    for column in 0..it.kernel[1] {
                        let y = (y * it.stride[0] + row * it.dilation[0]) as isize - it.before[0] as isize;
                        let x = (x * it.stride[1] + column * it.dilation[1]) as isize - it.before[1] as isize;
                        let weight = it.weights
                            [((channel * inputs + input) * it.kernel[0] + row) * it.kernel[1] + column];
                        let value = self.at(group * inputs + input, y, x).unwrap_or(0.0);
                        sum += f64::from(weight) * f64::from(value);
                    }
                }
            }
            sum as f32
        })
    }

    pub(crate) fn pool(&self, it: &MaxPool) -> Self {
        let side = |axis: usize, length: usize| {
            (length + it.before[axis] + it.after[axis] - it.kernel[axis]) / it.stride[axis] + 1
        };
        let Shape { channels, height, width } = self.shape;
        Self::from(Shape { channels, height: side(0, height), width: side(1, width) }, |channel, y, x| {
            let mut most = f32::NEG_INFINITY;
            for row in 0..it.kernel[0] {
                for column in 0..it.kernel[1] {
                    let y = (y * it.stride[0] + row) as isize - it.before[0] as isize;
                    let x = (x * it.stride[1] + column) as isize - it.before[1] as isize;
                    most = most.max(self.at(channel, y, x).unwrap_or(f32::NEG_INFINITY));
                }
            }
            most
        })
    }

    pub(crate) fn map(&self, of: impl Fn(f32) -> f32) -> Self {
        Self { shape: self.shape, values: self.values.iter().map(|it| of(*it)).collect() }
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a + b).collect();
        Self { shape: self.shape, values }
    }

    pub(crate) fn join(all: &[&Self]) -> Self {
        let channels = all.iter().map(|it| it.shape.channels).sum();
        let values = all.iter().flat_map(|it| it.values.iter().copied()).collect();
        Self { shape: Shape { channels, ..all[0].shape }, values }
    }

    pub(crate) fn part(&self, first: usize, channels: usize) -> Self {
        let plane = self.shape.height * self.shape.width;
        let values = self.values[first * plane..][..channels * plane].to_vec();
        Self { shape: Shape { channels, ..self.shape }, values }
    }

    pub(crate) fn enlarge(&self, factor: usize) -> Self {
        let Shape { channels, height, width } = self.shape;
        Self::from(Shape { channels, height: height * factor, width: width * factor }, |channel, y, x| {
            self.values[(channel * height + y / factor) * width + x / factor]
        })
    }
}

/// Runs the graph twice on each instruction set, so that what one run leaves behind would show in the next.
pub(crate) fn check(
    make: impl Fn() -> Graph,
    inputs: &[&Plain],
    expected: &[Plain],
) -> Result<(), TestCaseError> {
    for isa in Isa::available() {
        let program = Program::new(make(), isa);
        let mut memory = program.memory();
        let given: Vec<&[f32]> = inputs.iter().map(|it| &*it.values).collect();
        // What a picture leaves in the memory is not seen in the next, even if it is no number.
        let nothing: Vec<Vec<f32>> = inputs.iter().map(|it| vec![f32::NAN; it.values.len()]).collect();
        let nothing: Vec<&[f32]> = nothing.iter().map(|it| &**it).collect();
        for run in 0..3 {
            let mut found: Vec<Vec<f32>> = expected.iter().map(|it| vec![f32::NAN; it.shape.len()]).collect();
            let mut places: Vec<&mut [f32]> = found.iter_mut().map(|it| &mut **it).collect();
            program.run(&mut memory, if run == 1 { &nothing } else { &given }, &mut places);
            if run == 1 {
                continue;
            }
            for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
                for (at, (found, wanted)) in found.iter().zip(&expected.values).enumerate() {
                    let near = (found - wanted).abs() <= 3e-5 * wanted.abs().max(4.0);
                    prop_assert!(
                        near,
                        "{:?} run {}: output {} of {:?} at {}: {} is not {}",
                        isa,
                        run,
                        number,
                        expected.shape,
                        at,
                        found,
                        wanted
                    );
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    padding: usize,
    seed: u64,
) -> Convolution {
    let shape = Shape { channels: outputs, height: inputs, width: kernel * kernel };
    Convolution {
        outputs,
        groups: 1,
        kernel: [kernel, kernel],
        stride: [1, 1],
        dilation: [1, 1],
        before: [padding, padding],
        after: [padding, padding],
        weights: Plain::noise(shape, seed).values,
        bias: Plain::noise(Shape { channels: outputs, height: 1, width: 1 }, seed + 1).values,
    }
}
