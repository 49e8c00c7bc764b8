//! From pixels and boxes to the bytes of a JPEG.

use std::ops::Range;

use image::{ExtendedColorType, ImageError, codecs::jpeg::JpegEncoder};

use crate::{camera::Pixels, inspection::Area};

/// On the scale of 1 to 100. Small defects must not drown in the coding's own patterns.
const QUALITY: u8 = 90;

const RED: [u8; 3] = [255, 0, 0];

/// Why there is no JPEG.
#[derive(Debug, thiserror::Error)]
pub enum DrawingError {
    /// The samples are not as many as width, height and channels say.
    #[error("the picture says {width}x{height} pixels of {channels} samples, but has {samples} samples")]
    Inconsistent {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Samples a pixel.
        channels: u8,
        /// How many there are.
        samples: usize,
    },
    /// The encoder refused.
    #[error("the picture cannot be written as JPEG: {0}")]
    Encoding(#[from] ImageError),
}

/// The picture as a JPEG in colour, its boxes (in pixels of the picture) framed in red.
///
/// # Errors
/// When the picture's size contradicts its samples.
pub fn jpeg(pixels: &Pixels, boxes: &[Area]) -> Result<Vec<u8>, DrawingError> {
    let mut canvas = Canvas::new(pixels)?;
    for area in boxes {
        canvas.frame(area);
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        &canvas.samples,
        canvas.width,
        canvas.height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

/// A picture in colour that can be drawn on.
struct Canvas {
    width: u32,
    height: u32,
    /// Red, green, blue; rows from the top.
    samples: Vec<u8>,
}

impl Canvas {
    fn new(pixels: &Pixels) -> Result<Self, DrawingError> {
        let Pixels { width, height, channels, samples } = pixels;
        let expected = u64::from(*width) * u64::from(*height) * u64::from(*channels);
        if samples.len() as u64 != expected || !matches!(channels, 1 | 3) {
            return Err(DrawingError::Inconsistent {
                width: *width,
                height: *height,
                channels: *channels,
                samples: samples.len(),
            });
        }
        let samples = match channels {
            1 => samples.iter().flat_map(|grey| [*grey; 3]).collect(),
            _ => samples.clone(),
        };
        Ok(Self { width: *width, height: *height, samples })
    }

    /// Draws a frame around a box, not on it, so that the defect stays visible; where the box reaches the picture's
    /// edge there is no room for its frame. A box that makes no sense is left out.
    fn frame(&mut self, area: &Area) {
        if !(area.x_min < area.x_max && area.y_min < area.y_max) {
            return;
        }
        let thickness = self.thickness();
        let (left, right) = (area.x_min.floor() as i64, area.x_max.ceil() as i64);
        let (top, bottom) = (area.y_min.floor() as i64, area.y_max.ceil() as i64);
        let (outer_left, outer_right) = (left.saturating_sub(thickness), right.saturating_add(thickness));
        let (outer_top, outer_bottom) = (top.saturating_sub(thickness), bottom.saturating_add(thickness));
        self.fill(outer_left..outer_right, outer_top..top);
        self.fill(outer_left..outer_right, bottom..outer_bottom);
        self.fill(outer_left..left, top..bottom);
        self.fill(right..outer_right, top..bottom);
    }

    /// Thin, but still seen when a large picture is shown small.
    fn thickness(&self) -> i64 {
        i64::from((self.width.min(self.height) / 300).clamp(1, 4))
    }

    fn fill(&mut self, columns: Range<i64>, rows: Range<i64>) {
        let columns = within(&columns, self.width);
        for row in within(&rows, self.height) {
            let start = row * self.width as usize;
            let line = &mut self.samples[(start + columns.start) * 3..(start + columns.end) * 3];
            for pixel in line.as_chunks_mut::<3>().0 {
                *pixel = RED;
            }
        }
    }
}

/// The part of a range that lies in 0..`end`.
fn within(range: &Range<i64>, end: u32) -> Range<usize> {
    let inside = |value: i64| value.clamp(0, i64::from(end)) as usize;
    inside(range.start)..inside(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: u32 = 40;
    const HEIGHT: u32 = 30;

    fn grey() -> Pixels {
        let samples = vec![100; (WIDTH * HEIGHT) as usize];
        Pixels { width: WIDTH, height: HEIGHT, channels: 1, samples }
    }

    fn area(x_min: f32, y_min: f32, x_max: f32, y_max: f32) -> Area {
        Area { x_min, y_min, x_max, y_max }
    }

    /// The red pixels, as (column, row).
    fn red_pixels(areas: &[Area]) -> Vec<(u32, u32)> {
        let mut canvas = Canvas::new(&grey()).unwrap();
        areas.iter().for_each(|area| canvas.frame(area));
        let pixels = canvas.samples.as_chunks::<3>().0;
        (0u32..)
            .zip(pixels)
            .filter(|(_, pixel)| **pixel == RED)
            .map(|(i, _)| (i % WIDTH, i / WIDTH))
            .collect()
    }

    #[test]
    fn the_frame_lies_around_the_box_and_no_pixel_of_the_box_is_touched() {
        let red = red_pixels(&[area(10.4, 5.0, 13.0, 6.7)]);
        let expected: Vec<_> = (4..=7)
            .flat_map(|y| (9..=13).map(move |x| (x, y)))
            .filter(|(x, y)| !((10..=12).contains(x) && (5..=6).contains(y)))
            .collect();
        assert_eq!(red, expected);
    }

    #[test]
    fn of_a_box_partly_outside_the_picture_the_visible_sides_are_framed() {
        let red = red_pixels(&[area(-5.0, -3.0, 2.0, 1.0)]);
        assert_eq!(red, [(2, 0), (0, 1), (1, 1), (2, 1)]);
        let red = red_pixels(&[area(38.5, 28.2, 90.0, 1e30)]);
        assert_eq!(red, [(37, 27), (38, 27), (39, 27), (37, 28), (37, 29)]);
    }

    #[test]
    fn a_box_outside_the_picture_or_without_sense_leaves_no_trace() {
        let senseless = [
            area(50.0, 50.0, 60.0, 60.0),
            area(-9.0, -9.0, -5.0, -5.0),
            area(20.0, 5.0, 10.0, 15.0),
            area(f32::NAN, 5.0, 10.0, 15.0),
            area(f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::INFINITY),
        ];
        assert_eq!(red_pixels(&senseless), []);
    }

    #[test]
    fn a_grey_picture_becomes_a_jpeg_in_colour_of_the_same_size() {
        let bytes = jpeg(&grey(), &[area(10.0, 5.0, 30.0, 20.0)]).unwrap();
        let image = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((image.width(), image.height()), (WIDTH, HEIGHT));
        assert_eq!(image.color(), image::ColorType::Rgb8);
        let image::Rgb([red, green, _]) = *image.to_rgb8().get_pixel(20, 4);
        assert!(red > 180 && green < 80, "the frame is ({red}, {green}, _)");
    }

    #[test]
    fn pixels_that_contradict_their_own_size_are_refused() {
        let short = Pixels { samples: vec![0; 7], ..grey() };
        assert!(matches!(jpeg(&short, &[]), Err(DrawingError::Inconsistent { samples: 7, .. })));
        let two_channels = Pixels { channels: 2, samples: vec![0; 2400], ..grey() };
        assert!(matches!(jpeg(&two_channels, &[]), Err(DrawingError::Inconsistent { .. })));
    }
}
