//! A convolution: its numbers, and what they mean for planes.

use crate::{gather::Axis, planes::Shape};

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
    pub(crate) fn suits_winograd(&self, input: Shape, output: Shape) -> bool {
        let inputs = input.channels / self.groups;
        self.groups == 1
            && [self.kernel, self.dilation] == [[3, 3], [1, 1]]
            && matches!(self.stride, [1, 1] | [2, 2])
            && inputs >= 16
            && self.outputs >= 16
            && output.height * output.width >= 200
    }

    /// Whether it brings its inputs together before it reads them, wherever they lie.
    pub(crate) fn gathers(&self, input: Shape, output: Shape) -> bool {
        !self.is_direct(input, output) && !self.suits_winograd(input, output)
    }

    /// How much padding the planes that it makes must have, and with them those that it reads directly.
    pub(crate) fn padding(&self, input: Shape, output: Shape) -> usize {
        if self.suits_winograd(input, output) {
            0
        } else if self.is_direct(input, output) {
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

    pub(crate) fn axis(&self, axis: usize) -> Axis {
        Axis {
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            dilation: self.dilation[axis],
            before: self.before[axis],
        }
    }
}
