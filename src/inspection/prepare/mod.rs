//! From pixels to the model's tensor, and back from the model's pixels to the picture's.

mod resample;
mod sheet;

use convolution::{Work, widest};

use self::{
    resample::{Axis, Span},
    sheet::Sheet,
};
use crate::{
    camera::{Detail, Pixels, Window},
    inspection::{
        Area, Region,
        decode::Mirror,
        manifest::{Fit, Input},
    },
};

/// Writes regions of pictures into tensors of one size, in one pass: row by row they are resampled, brought into the
/// model's order of colours, normalised and put where they belong. Keeps its buffers from frame to frame.
pub(super) struct Preparation {
    input: Input,
    across: Axis,
    down: Axis,
    /// A row of the region, resampled downwards only; then in both directions.
    row: Vec<f32>,
    resampled: Vec<f32>,
}

/// Where a region ended up in the model's input: model = picture * scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    scale: [f32; 2],
    offset: [f32; 2],
    region: Region,
}

/// A tensor and what fills it, pixels of `C` channels.
struct Filling<'a, const C: usize> {
    preparation: &'a mut Preparation,
    pixels: &'a Pixels,
    cut: &'a Cut,
    tensor: &'a mut [f32],
}

impl<const C: usize> Work for Filling<'_, C> {
    type Made = ();

    #[inline(always)]
    fn run(self) {
        self.preparation.fill::<C>(self.pixels, self.cut, self.tensor);
    }
}

/// A rectangle of the region and the rectangle of the input that it fills.
struct Cut {
    from: [f64; 4],
    to: [u32; 4],
}

impl Preparation {
    pub(super) fn new(input: Input) -> Self {
        let [across, down] = <[Axis; 2]>::default();
        Self { input, across, down, row: Vec::new(), resampled: Vec::new() }
    }

    /// How much detail of a region reaches the model.
    pub(super) fn detail(&self) -> Detail {
        match self.input.fit {
            Fit::Stretch | Fit::Crop => Detail::Both(self.input.size),
            Fit::Letterbox => Detail::Either(self.input.size),
        }
    }

    /// Writes a region of a picture into `tensor` (as many values as the input has). `pixels` are what `window` says;
    /// the region lies in it.
    pub(super) fn write(
        &mut self,
        pixels: &Pixels,
        window: &Window,
        region: Region,
        tensor: &mut [f32],
    ) -> Result<Placement, String> {
        let [width, height] = self.input.size;
        let cut = Cut::new(self.input.fit, region, width, height);
        let [across, down] = cut.spans(window, region);
        if tensor.len() != width as usize * height as usize * self.input.colour.channels()
            || across.within.end > pixels.width as usize
            || down.within.end > pixels.height as usize
        {
            return Err("the picture and the model's input do not fit together".to_owned());
        }
        self.across.set(across);
        self.down.set(down);
        match pixels.channels {
            1 => widest(Filling::<1> { preparation: self, pixels, cut: &cut, tensor }),
            _ => widest(Filling::<3> { preparation: self, pixels, cut: &cut, tensor }),
        }
        Ok(cut.placement(region))
    }

    /// Mirrors what was written into `tensor`, in place.
    pub(super) fn mirror(&self, tensor: &mut [f32], mirror: Mirror) {
        Sheet::new(&self.input).mirror(tensor, mirror);
    }

    /// Fills the tensor from pixels of `C` channels.
    #[inline(always)]
    fn fill<const C: usize>(&mut self, pixels: &Pixels, cut: &Cut, tensor: &mut [f32]) {
        let Self { input, across, down, row, resampled } = self;
        let sheet = Sheet::new(input);
        let [left, top, width, height] = cut.to.map(|it| it as usize);
        let used = across.used();
        let stride = pixels.width as usize * C;
        row.resize(used.len() * C, 0.0);
        resampled.resize(width * C, 0.0);
        sheet.blank(tensor, 0..top);
        sheet.blank(tensor, top + height..sheet.height);
        for n in 0..height {
            down.blend(n, |from| &pixels.samples[from * stride..][used.start * C..used.end * C], row);
            let line: &[f32] = if across.is_copy() {
                row
            } else {
                across.stretch::<C>(row, resampled);
                resampled
            };
            sheet.write::<C>(tensor, top + n, left, line.as_chunks::<C>().0);
        }
    }
}

impl Cut {
    fn new(fit: Fit, region: Region, width: u32, height: u32) -> Self {
        let (from_width, from_height) = (f64::from(region.width), f64::from(region.height));
        let (x, y) = (f64::from(region.x), f64::from(region.y));
        let by_width = f64::from(width) / from_width;
        let by_height = f64::from(height) / from_height;
        match fit {
            Fit::Stretch => Self { from: [x, y, from_width, from_height], to: [0, 0, width, height] },
            Fit::Letterbox => {
                let scale = by_width.min(by_height);
                let to_width = ((from_width * scale).round() as u32).clamp(1, width);
                let to_height = ((from_height * scale).round() as u32).clamp(1, height);
                Self {
                    from: [x, y, from_width, from_height],
                    to: [(width - to_width) / 2, (height - to_height) / 2, to_width, to_height],
                }
            }
            Fit::Crop => {
                let scale = by_width.max(by_height);
                let (kept_width, kept_height) = (f64::from(width) / scale, f64::from(height) / scale);
                let left = x + (from_width - kept_width) / 2.0;
                let top = y + (from_height - kept_height) / 2.0;
                Self { from: [left, top, kept_width, kept_height], to: [0, 0, width, height] }
            }
        }
    }

    /// The cut in a window's own pixels, along each side; nothing outside the region has a part in it.
    fn spans(&self, window: &Window, region: Region) -> [Span; 2] {
        let shrink = f64::from(window.shrink);
        let origin = [window.region.x, window.region.y].map(f64::from);
        let (start, size) =
            ([region.x, region.y].map(f64::from), [region.width, region.height].map(f64::from));
        [0, 1].map(|axis| {
            let at = |picture: f64| (picture - origin[axis]) / shrink;
            Span {
                from: [at(self.from[axis]), self.from[axis + 2] / shrink],
                within: at(start[axis]).floor() as usize..at(start[axis] + size[axis]).ceil() as usize,
                to: self.to[axis + 2] as usize,
            }
        })
    }

    fn placement(&self, region: Region) -> Placement {
        let scale = [0, 1].map(|axis| f64::from(self.to[axis + 2]) / self.from[axis + 2]);
        let offset = [0, 1].map(|axis| f64::from(self.to[axis]) - self.from[axis] * scale[axis]);
        Placement { scale: scale.map(|it| it as f32), offset: offset.map(|it| it as f32), region }
    }
}

impl Placement {
    /// A box of the model's input as a box of the picture, clipped to the region.
    pub(super) fn area(&self, model: Area) -> Area {
        let back = |value: f32, axis: usize| (value - self.offset[axis]) / self.scale[axis];
        let region = self.region;
        let x = |value| back(value, 0).clamp(region.x as f32, (region.x + region.width) as f32);
        let y = |value| back(value, 1).clamp(region.y as f32, (region.y + region.height) as f32);
        Area { x_min: x(model.x_min), y_min: y(model.y_min), x_max: x(model.x_max), y_max: y(model.y_max) }
    }
}

#[cfg(test)]
mod tests;
