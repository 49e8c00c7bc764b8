//! A convolution, and the form in which it is run.

use crate::{
    activation::{Activation, activate},
    gather::{Axis, Gather, gather},
    planes::{Planes, Shape},
    tile::{Places, Sums, pack, sum},
    vector::Isa,
    winograd::Winograd,
};

/// So many bytes of input are gone through for all output channels at once: they stay in the second-level cache of a
/// Raspberry Pi's core as of a server's.
const CACHED: usize = 192 * 1024;

/// A wider reach would make more padding than picture.
const LONGEST_REACH: usize = 16;

/// A convolution of two-dimensional planes (ONNX's `Conv`).
#[derive(Clone, Debug)]
pub struct Convolution {
    /// How many planes it makes.
    pub outputs: usize,
    /// Each makes its share of the outputs from its share of the inputs.
    pub groups: usize,
    /// Rows and columns, as in the fields that follow.
    pub kernel: [usize; 2],
    /// From one output's inputs to the next's.
    pub stride: [usize; 2],
    /// From one element's input to the next's.
    pub dilation: [usize; 2],
    /// Zeros above and to the left.
    pub before: [usize; 2],
    /// Zeros below and to the right.
    pub after: [usize; 2],
    /// `[outputs, inputs / groups, rows, columns]`.
    pub weights: Vec<f32>,
    /// One an output; none for zeros.
    pub bias: Vec<f32>,
}

impl Convolution {
    /// What it makes of planes of this shape; `None` where it cannot be run: where its numbers contradict each other,
    /// or its kernel reaches too far.
    pub(crate) fn output(&self, input: Shape) -> Option<Shape> {
        let positive = [self.kernel, self.stride, self.dilation].as_flattened().iter().all(|it| *it > 0);
        if !positive
            || self.groups == 0
            || !self.outputs.is_multiple_of(self.groups)
            || !input.channels.is_multiple_of(self.groups)
        {
            return None;
        }
        let weights = [input.channels / self.groups, self.kernel[0], self.kernel[1]];
        let count = weights.iter().try_fold(self.outputs, |count, it| count.checked_mul(*it))?;
        if self.weights.len() != count || ![0, self.outputs].contains(&self.bias.len()) {
            return None;
        }
        let side = |axis: usize, length: usize| {
            let reach = (self.kernel[axis] - 1).checked_mul(self.dilation[axis])?;
            let pads = self.before[axis].max(self.after[axis]);
            if reach / self.stride[axis] > LONGEST_REACH || pads > LONGEST_REACH || self.stride[axis] > 64 {
                return None;
            }
            let padded = length.checked_add(self.before[axis] + self.after[axis])?;
            Some(padded.checked_sub(reach + 1)? / self.stride[axis] + 1)
        };
        Some(Shape { channels: self.outputs, height: side(0, input.height)?, width: side(1, input.width)? })
    }

    /// Whether it finds its inputs where they lie.
    pub(crate) fn is_direct(&self, input: Shape, output: Shape) -> bool {
        self.stride == [1, 1] && (input.height, input.width) == (output.height, output.width)
    }

    /// Whether fewer products are worth the sums before and after them.
    fn suits_winograd(&self, input: Shape, output: Shape) -> bool {
        let inputs = input.channels / self.groups;
        self.groups == 1
            && [self.kernel, self.stride, self.dilation] == [[3, 3], [1, 1], [1, 1]]
            && inputs >= 16
            && self.outputs >= 16
            && output.height * output.width >= 200
    }

    /// How much padding the planes that it makes must have, and with them those that it reads directly.
    pub(crate) fn padding(&self, input: Shape, output: Shape) -> usize {
        if self.is_direct(input, output) {
            [self.before, self.after].as_flattened().iter().copied().max().unwrap_or(0)
        } else {
            self.axis(1).phases().1
        }
    }

    /// Whether all that it does is to multiply each channel by a factor and to add an offset.
    pub(crate) fn is_scale(&self) -> bool {
        self.groups == self.outputs
            && self.weights.len() == self.outputs
            && self.stride == [1, 1]
            && [self.before, self.after] == [[0; 2]; 2]
    }

    /// Does what `scale` would do to what this makes.
    pub(crate) fn scale(&mut self, scale: &Self) {
        self.bias.resize(self.outputs, 0.0);
        let products = self.weights.len() / self.outputs;
        let channels = self.weights.chunks_exact_mut(products).zip(&mut self.bias);
        for (channel, (weights, bias)) in channels.enumerate() {
            let factor = scale.weights[channel];
            weights.iter_mut().for_each(|weight| *weight *= factor);
            *bias = *bias * factor + scale.bias.get(channel).copied().unwrap_or(0.0);
        }
    }

    fn axis(&self, axis: usize) -> Axis {
        Axis {
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            dilation: self.dilation[axis],
            before: self.before[axis],
        }
    }
}

/// A convolution with its weights in the order in which they are used.
#[derive(Debug)]
pub(crate) struct Prepared {
    input: Planes,
    output: Planes,
    gather: Option<Gather>,
    winograd: Option<Winograd>,
    groups: Vec<Group>,
    offsets: Vec<u32>,
    /// How far before a pixel's own place the first input lies.
    back: usize,
    chunk: usize,
    clamp: [f32; 2],
    activation: Option<Activation>,
}

#[derive(Debug, Default)]
struct Group {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Prepared {
    pub(crate) fn new(
        isa: Isa,
        convolution: &Convolution,
        input: Planes,
        output: Planes,
        activation: Option<Activation>,
    ) -> Self {
        let (clamp, activation) = match activation {
            Some(Activation::Clamp { low, high }) => ([low, high], None),
            other => ([f32::NEG_INFINITY, f32::INFINITY], other),
        };
        let winograd = convolution.suits_winograd(input.shape, output.shape).then(|| {
            let mut bias = convolution.bias.clone();
            bias.resize(convolution.outputs, 0.0);
            let inputs = input.shape.channels;
            Winograd::new(isa, &convolution.weights, bias, inputs, convolution.before, output, clamp)
        });
        if winograd.is_some() {
            // Nothing of the other way is kept.
            let (groups, offsets) = (vec![Group::default()], Vec::new());
            let (gather, back, chunk) = (None, 0, 0);
            return Self { input, output, gather, winograd, groups, offsets, back, chunk, clamp, activation };
        }
        let is_direct = convolution.is_direct(input.shape, output.shape);
        let axes = [0, 1].map(|axis| convolution.axis(axis));
        let gather = (!is_direct).then(|| Gather::new(axes, output.shape.height, output.row()));
        let inputs = input.shape.channels / convolution.groups;
        let (back, channel) = match &gather {
            None => (convolution.before[0] * input.row() + convolution.before[1], input.plane()),
            Some(gather) => (0, gather.channel()),
        };
        let mut offsets = Vec::with_capacity(inputs * convolution.kernel[0] * convolution.kernel[1]);
        for at in 0..inputs {
            for y in 0..convolution.kernel[0] {
                for x in 0..convolution.kernel[1] {
                    let within = match &gather {
                        None => y * convolution.dilation[0] * input.row() + x * convolution.dilation[1],
                        Some(gather) => gather.offset([y, x]),
                    };
                    offsets.push((at * channel + within) as u32);
                }
            }
        }
        let outputs = convolution.outputs / convolution.groups;
        let groups = (0..convolution.groups).map(|group| {
            let weights = &convolution.weights[group * outputs * offsets.len()..][..outputs * offsets.len()];
            let bias = match convolution.bias.get(group * outputs..(group + 1) * outputs) {
                Some(bias) => bias.to_vec(),
                None => vec![0.0; outputs],
            };
            Group {
                weights: pack(outputs, offsets.len(), isa.channels(), |channel, product| {
                    weights[channel * offsets.len() + product]
                }),
                bias,
            }
        });
        let planes = gather.as_ref().map_or(1, |it| it.channel() / output.pixels().max(1)).max(1);
        Self {
            input,
            output,
            groups: groups.collect(),
            offsets,
            back,
            chunk: (CACHED / 4 / (inputs * planes)).max(256).next_multiple_of(192),
            clamp,
            activation,
            gather,
            winograd: None,
        }
    }

    /// How many values it needs besides its input and output.
    pub(crate) fn scratch(&self) -> usize {
        if let Some(winograd) = &self.winograd {
            return winograd.scratch();
        }
        let inputs = self.input.shape.channels / self.groups.len();
        self.gather.as_ref().map_or(0, |gather| inputs * gather.channel() + crate::planes::SLACK)
    }

    /// Runs it.
    ///
    /// # Safety
    /// `input`, `residual` (null for none) and `output` are the first values of planes of the geometries for which
    /// this was made (the residual's is the output's); `scratch` has as many values as asked for. What is written is
    /// not read.
    pub(crate) unsafe fn run(
        &self,
        isa: Isa,
        input: *const f32,
        residual: *const f32,
        output: *mut f32,
        scratch: *mut f32,
    ) {
        let inputs = self.input.shape.channels / self.groups.len();
        let outputs = self.output.shape.channels / self.groups.len();
        let plane = self.output.plane();
        if let Some(winograd) = &self.winograd {
            // SAFETY: handed on.
            unsafe {
                winograd.run(isa, input, &self.input, residual, output, scratch);
                for channel in 0..outputs {
                    let values = output.add(channel * plane);
                    self.activate(isa, values, self.output.pixels());
                }
            }
            return;
        }
        for (number, group) in self.groups.iter().enumerate() {
            // SAFETY: the groups' planes follow each other, in the input, the residual and the output.
            unsafe {
                let input = input.add(number * inputs * self.input.plane());
                let from = match &self.gather {
                    None => input.sub(self.back),
                    Some(way) => {
                        let (plane, row) = (self.input.plane(), self.input.row());
                        gather(isa, way, self.input.shape, inputs, input, plane, row, scratch);
                        scratch.cast_const()
                    }
                };
                let first = number * outputs * plane;
                let residual = if residual.is_null() { residual } else { residual.add(first) };
                self.group(isa, group, from, residual, output.add(first));
            }
        }
    }

    /// # Safety
    /// As of [`Prepared::run`], for one group.
    unsafe fn group(
        &self,
        isa: Isa,
        group: &Group,
        input: *const f32,
        residual: *const f32,
        output: *mut f32,
    ) {
        let [low, high] = self.clamp;
        let sums = Sums { offsets: &self.offsets, weights: &group.weights, bias: &group.bias, low, high };
        let (plane, pixels) = (self.output.plane(), self.output.pixels());
        for from in (0..pixels).step_by(self.chunk) {
            let to = (from + self.chunk).min(pixels);
            let places = Places {
                input,
                residual,
                output,
                output_plane: plane,
                residual_plane: plane,
                pixels: [from, to],
            };
            // SAFETY: handed on.
            unsafe {
                sum(isa, &sums, &places);
                for channel in 0..group.bias.len() {
                    self.activate(isa, output.add(channel * plane + from), to - from);
                }
            }
        }
    }

    /// # Safety
    /// So many values are there.
    unsafe fn activate(&self, isa: Isa, values: *mut f32, length: usize) {
        if let Some(activation) = self.activation {
            // SAFETY: handed on.
            unsafe { activate(isa, activation, values, values, length) }
        }
    }
}
