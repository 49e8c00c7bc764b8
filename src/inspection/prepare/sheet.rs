//! The tensor as a picture: where rows of pixels go, in which order of colours, and normalised.

use std::ops::Range;

use crate::inspection::{
    decode::Mirror,
    manifest::{Input, InputColour, Layout},
};

/// What a letterbox is filled with: the grey that detectors are usually trained with.
pub(super) const FILL: f32 = 114.0;

/// The tensor as a picture.
pub(super) struct Sheet<'a> {
    input: &'a Input,
    width: usize,
    pub(super) height: usize,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        let [width, height] = input.size.map(|side| side as usize);
        Self { input, width, height }
    }

    /// A sample becomes itself times the first plus the second.
    fn factors(&self, channel: usize) -> [f32; 2] {
        let Input { scale, mean, std, .. } = self.input;
        [scale / std[channel], -mean[channel] / std[channel]]
    }

    /// Fills whole rows with grey.
    #[inline(always)]
    pub(super) fn blank(&self, tensor: &mut [f32], rows: Range<usize>) {
        for row in rows {
            self.write_with(tensor, row, 0, self.width, |_, _| FILL);
        }
    }

    /// Writes a row of pixels of `C` channels, and grey on both sides of it.
    #[inline(always)]
    pub(super) fn write<const C: usize>(
        &self,
        tensor: &mut [f32],
        row: usize,
        left: usize,
        pixels: &[[f32; C]],
    ) {
        let right = left + pixels.len();
        self.write_with(tensor, row, 0, left, |_, _| FILL);
        self.write_with(tensor, row, right, self.width - right, |_, _| FILL);
        match (self.input.colour, C) {
            (_, 1) => self.write_with(tensor, row, left, pixels.len(), |_, n| pixels[n][0]),
            (InputColour::Grey, _) => {
                self.write_with(tensor, row, left, pixels.len(), |_, n| luma(&pixels[n]))
            }
            (InputColour::Rgb, _) => {
                self.write_with(tensor, row, left, pixels.len(), |channel, n| pixels[n][channel.min(C - 1)]);
            }
            (InputColour::Bgr, _) => {
                let from = |channel: usize| (C - 1).saturating_sub(channel);
                self.write_with(tensor, row, left, pixels.len(), |channel, n| pixels[n][from(channel)]);
            }
        }
    }

    /// Mirrors the whole tensor in place.
    pub(super) fn mirror(&self, tensor: &mut [f32], mirror: Mirror) {
        // Values of a pixel that lie together.
        let together = match self.input.layout {
            Layout::Nchw => 1,
            Layout::Nhwc => self.input.colour.channels(),
        };
        let row = self.width * together;
        if mirror.across {
            for row in tensor.chunks_exact_mut(row) {
                row.reverse();
                row.chunks_exact_mut(together).filter(|pixel| pixel.len() > 1).for_each(<[f32]>::reverse);
            }
        }
        if mirror.down {
            for plane in tensor.chunks_exact_mut(row * self.height) {
                let (upper, lower) = plane.split_at_mut(self.height / 2 * row);
                let lower = lower.chunks_exact_mut(row).rev();
                upper
                    .chunks_exact_mut(row)
                    .zip(lower)
                    .for_each(|(upper, lower)| upper.swap_with_slice(lower));
            }
        }
    }

    /// Writes `count` pixels of a row; `sample` gives what a channel has at one of them.
    #[inline(always)]
    fn write_with(
        &self,
        tensor: &mut [f32],
        row: usize,
        left: usize,
        count: usize,
        sample: impl Fn(usize, usize) -> f32,
    ) {
        let channels = self.input.colour.channels();
        let at = row * self.width + left;
        for channel in 0..channels {
            let [scale, shift] = self.factors(channel);
            let value = |n: usize| sample(channel, n) * scale + shift;
            match self.input.layout {
                Layout::Nchw => {
                    let out = &mut tensor[channel * self.width * self.height + at..][..count];
                    out.iter_mut().enumerate().for_each(|(n, out)| *out = value(n));
                }
                Layout::Nhwc => {
                    let out = &mut tensor[at * channels..][..count * channels];
                    let out = out.iter_mut().skip(channel).step_by(channels);
                    out.enumerate().for_each(|(n, out)| *out = value(n));
                }
            }
        }
    }
}

/// ITU-R BT.601, as JPEG defines luma.
fn luma(pixel: &[f32]) -> f32 {
    match pixel {
        [red, green, blue] => red * 0.299 + green * 0.587 + blue * 0.114,
        _ => 0.0,
    }
}
