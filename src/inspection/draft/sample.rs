//! The picture on which a new pack's answer is recorded.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::{
    camera::{Pixels, Window},
    inspection::{
        Region,
        manifest::{Input, InputColour, Layout},
        prepare::Preparation,
    },
};

/// A picture of the input's size: a given one fitted as the model's input will be, or else a drawn one.
pub(super) fn fitted(given: Option<&Pixels>, input: &Input) -> Result<Pixels, String> {
    let [width, height] = input.size;
    let colour = if input.colour == InputColour::Grey { InputColour::Grey } else { InputColour::Rgb };
    let channels = colour.channels();
    let Some(given) = given else { return Ok(drawn(width, height, channels as u8)) };
    // Preparing it without normalisation gives the resized samples themselves.
    let mut preparation = Preparation::new(Input {
        colour,
        layout: Layout::Nhwc,
        scale: 1.0,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
        ..input.clone()
    });
    let mut samples = vec![0.0; width as usize * height as usize * channels];
    let whole = Region { x: 0, y: 0, width: given.width, height: given.height };
    let window = Window::whole([given.width, given.height]);
    preparation.write(given, &window, whole, &mut samples)?;
    let samples = samples.into_iter().map(|value| value.round() as u8).collect();
    Ok(Pixels { width, height, channels: channels as u8, samples })
}

/// Slopes, edges and grain, the same each time: every channel and place answers for itself.
fn drawn(width: u32, height: u32, channels: u8) -> Pixels {
    let mut grain: u32 = 1;
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..u32::from(channels) {
                // Numerical Recipes' linear congruential generator.
                grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let slope = (x * (channel + 1) + y * (3 - channel)) * 255 / (4 * (width + height));
                let edge = if (x / 23 + y / 31 + channel).is_multiple_of(3) { 110 } else { 0 };
                samples.push((slope + edge + (grain >> 27)).min(255) as u8);
            }
        }
    }
    Pixels { width, height, channels, samples }
}

/// As a PNG.
pub(super) fn png(pixels: &Pixels) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    let colour = if pixels.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    PngEncoder::new(&mut bytes)
        .write_image(&pixels.samples, pixels.width, pixels.height, colour)
        .map_err(|error| format!("cannot write the sample: {error}"))?;
    Ok(bytes.into_inner())
}

/// NumPy's format 1.0 with float32 values, its header padded to 64 bytes.
pub(super) fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let axes: String = shape.iter().map(|length| format!("{length}, ")).collect();
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", axes.trim_end());
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 10 - 1;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(((padded + 1) as u16).to_le_bytes());
    bytes.extend(format!("{text:padded$}\n").bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
