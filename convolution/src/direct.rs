//! A convolution as its definition says: all products, summed up where the inputs lie.

use crate::{
    activation::{Activation, activate},
    convolve::Convolution,
    gather::{Gather, gather},
    planes::{Planes, SLACK},
    tile::{Places, Sums, pack, sum},
    vector::Isa,
};

/// So many bytes of input are gone through for all output channels at once: they stay in the second-level cache of a
/// Raspberry Pi's core as of a server's.
const CACHED: usize = 192 * 1024;

/// Offsets and weights in the order in which they are used.
#[derive(Debug)]
pub(crate) struct Direct {
    input: Planes,
    output: Planes,
    gather: Option<Gather>,
    groups: Vec<Group>,
    offsets: Vec<u32>,
    /// How far before a pixel's own place the first input lies.
    back: usize,
    chunk: usize,
    clamp: [f32; 2],
    activation: Option<Activation>,
}

#[derive(Debug)]
struct Group {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Direct {
    pub(crate) fn new(
        isa: Isa,
        convolution: &Convolution,
        [input, output]: [Planes; 2],
        clamp: [f32; 2],
        activation: Option<Activation>,
    ) -> Self {
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
            gather,
            groups: groups.collect(),
            offsets,
            back,
            chunk: (CACHED / 4 / (inputs * planes)).max(256).next_multiple_of(192),
            clamp,
            activation,
        }
    }

    /// How many values it needs besides its input and output.
    pub(crate) fn scratch(&self) -> usize {
        let inputs = self.input.shape.channels / self.groups.len();
        self.gather.as_ref().map_or(0, |gather| inputs * gather.channel() + SLACK)
    }

    /// Runs it.
    ///
    /// # Safety
    /// As of the `run` of what this is one way of.
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
    /// As of [`Direct::run`], for one group.
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
                if let Some(activation) = self.activation {
                    // What was just made is still in the cache.
                    for channel in 0..group.bias.len() {
                        let values = output.add(channel * plane + from);
                        activate(isa, activation, values, values, to - from);
                    }
                }
            }
        }
    }
}
