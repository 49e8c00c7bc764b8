//! From pixels to the model's tensor, and back from the model's pixels to the picture's.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use crate::{
    camera::Pixels,
    inspection::{
        Area, Region,
        manifest::{Fit, Input, InputColour, Layout},
    },
};

/// What a letterbox is filled with: the grey that detectors are usually trained with.
const FILL: u8 = 114;

/// Writes regions of pictures into tensors of one size; keeps its buffers from frame to frame.
pub(super) struct Preparation {
    input: Input,
    resizer: Resizer,
    /// The resized region, interleaved.
    canvas: Vec<u8>,
    /// For each channel, what a sample becomes.
    tables: Vec<[f32; 256]>,
}

/// Where a region ended up in the model's input: model = picture * scale + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    scale: [f32; 2],
    offset: [f32; 2],
    region: Region,
}

/// A rectangle of the region and the rectangle of the input that it fills.
struct Cut {
    from: [f64; 4],
    to: [u32; 4],
}

impl Preparation {
    pub(super) fn new(input: Input) -> Self {
        let tables = (0..input.colour.channels())
            .map(|channel| {
                let (mean, std) = (input.mean[channel], input.std[channel]);
                std::array::from_fn(|value| (value as f32 * input.scale - mean) / std)
            })
            .collect();
        Self { input, resizer: Resizer::new(), canvas: Vec::new(), tables }
    }

    /// Writes a region, which lies within the picture, into `tensor` (as many values as the input has).
    pub(super) fn write(
        &mut self,
        pixels: &Pixels,
        region: Region,
        tensor: &mut [f32],
    ) -> Result<Placement, String> {
        let [width, height] = self.input.size;
        let channels = usize::from(pixels.channels);
        let cut = Cut::new(self.input.fit, region, width, height);
        let [left, top, to_width, to_height] = cut.to;

        let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let source = ImageRef::new(pixels.width, pixels.height, &pixels.samples, kind)
            .map_err(|error| error.to_string())?;
        let mut resized = Image::new(to_width, to_height, kind);
        let [x, y, from_width, from_height] = cut.from;
        let options = ResizeOptions::new()
            .crop(x, y, from_width, from_height)
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize(&source, &mut resized, &options).map_err(|error| error.to_string())?;

        self.canvas.clear();
        self.canvas.resize(width as usize * height as usize * channels, FILL);
        let row = to_width as usize * channels;
        for (n, line) in resized.buffer().chunks_exact(row).enumerate() {
            let at = ((top as usize + n) * width as usize + left as usize) * channels;
            self.canvas[at..at + row].copy_from_slice(line);
        }
        self.fill(channels, tensor);
        Ok(cut.placement(region))
    }

    /// Spreads the canvas over the tensor's channels, each sample through its channel's table.
    fn fill(&self, channels: usize, tensor: &mut [f32]) {
        let wanted = self.input.colour.channels();
        let plane = self.canvas.len() / channels;
        for (pixel, samples) in self.canvas.chunks_exact(channels).enumerate() {
            for channel in 0..wanted {
                let value = match (self.input.colour, samples) {
                    (_, [grey]) => *grey,
                    (InputColour::Grey, [red, green, blue]) => luma(*red, *green, *blue),
                    (InputColour::Bgr, colours) => colours[2 - channel],
                    (_, colours) => colours[channel],
                };
                let at = match self.input.layout {
                    Layout::Nchw => channel * plane + pixel,
                    Layout::Nhwc => pixel * wanted + channel,
                };
                tensor[at] = self.tables[channel][usize::from(value)];
            }
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

/// ITU-R BT.601, as JPEG defines luma.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114 + 500) / 1000) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(fit: Fit, colour: InputColour, layout: Layout) -> Input {
        let channels = colour.channels();
        Input {
            name: None,
            size: [32, 16],
            colour,
            layout,
            fit,
            scale: 1.0,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        }
    }

    fn picture(width: u32, height: u32, channels: u8) -> Pixels {
        let size = width as usize * height as usize * usize::from(channels);
        Pixels { width, height, channels, samples: (0..size).map(|n| (n * 7 % 251) as u8).collect() }
    }

    #[test]
    fn a_region_of_the_models_size_arrives_unchanged() {
        let pixels = picture(100, 50, 1);
        let mut tensor = vec![f32::NAN; 32 * 16];
        let region = Region { x: 10, y: 5, width: 32, height: 16 };
        let mut preparation = Preparation::new(input(Fit::Letterbox, InputColour::Grey, Layout::Nchw));
        preparation.write(&pixels, region, &mut tensor).unwrap();
        for y in 0..16 {
            for x in 0..32 {
                let sample = pixels.samples[(y + 5) * 100 + x + 10];
                assert_eq!(tensor[y * 32 + x], f32::from(sample));
            }
        }
    }

    #[test]
    fn colours_and_layouts_arrive_where_the_model_wants_them() {
        let pixels = picture(32, 16, 3);
        let whole = Region { x: 0, y: 0, width: 32, height: 16 };
        for (colour, layout, at, sample) in [
            (InputColour::Rgb, Layout::Nchw, 512 + 5, 5 * 3 + 1),
            (InputColour::Bgr, Layout::Nchw, 5, 5 * 3 + 2),
            (InputColour::Rgb, Layout::Nhwc, 5 * 3 + 2, 5 * 3 + 2),
            (InputColour::Bgr, Layout::Nhwc, 5 * 3, 5 * 3 + 2),
        ] {
            let mut tensor = vec![f32::NAN; 32 * 16 * 3];
            Preparation::new(input(Fit::Stretch, colour, layout)).write(&pixels, whole, &mut tensor).unwrap();
            assert_eq!(tensor[at], f32::from(pixels.samples[sample]), "{colour:?} {layout:?}");
            assert!(tensor.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn boxes_find_their_way_back_through_every_fit() {
        let region = Region { x: 20, y: 10, width: 64, height: 64 };
        for (fit, model, expected) in [
            (Fit::Stretch, [0.0, 0.0, 16.0, 8.0], [20.0, 10.0, 52.0, 42.0]),
            (Fit::Letterbox, [8.0, 0.0, 16.0, 8.0], [20.0, 10.0, 52.0, 42.0]),
            (Fit::Crop, [0.0, 0.0, 16.0, 8.0], [20.0, 26.0, 52.0, 42.0]),
        ] {
            let [x_min, y_min, x_max, y_max] = model;
            let area =
                Cut::new(fit, region, 32, 16).placement(region).area(Area { x_min, y_min, x_max, y_max });
            let found = [area.x_min, area.y_min, area.x_max, area.y_max];
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{fit:?} {found:?}");
        }
    }

    #[test]
    fn a_letterbox_is_filled_with_grey() {
        let pixels = picture(16, 16, 1);
        let mut tensor = vec![f32::NAN; 32 * 16];
        let whole = Region { x: 0, y: 0, width: 16, height: 16 };
        let mut preparation = Preparation::new(input(Fit::Letterbox, InputColour::Grey, Layout::Nchw));
        preparation.write(&pixels, whole, &mut tensor).unwrap();
        assert_eq!(tensor[0], f32::from(FILL));
        assert_eq!(tensor[8], f32::from(pixels.samples[0]));
        assert_eq!(tensor[31], f32::from(FILL));
    }
}
