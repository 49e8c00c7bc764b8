//! A picture: pixels, or the bytes of a file that holds them.

use std::{io::Cursor, sync::Arc};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

/// More than any camera of a station gives; a file that claims more is refused before anything is decoded.
const MAX_MEGAPIXELS: u32 = 64;

/// On smaller pictures nothing can be seen.
const MIN_SIDE: u32 = 16;

/// A frame's picture, shared and never changed.
#[derive(Clone, Debug)]
pub enum Picture {
    /// A JPEG or PNG as it came, not looked at yet: it may be anything.
    Encoded(Arc<[u8]>),
    /// Pixels.
    Pixels(Arc<Pixels>),
}

/// 8-bit samples, rows from the top, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: u8,
    /// `width * height * channels` bytes.
    pub samples: Vec<u8>,
}

/// What pixels are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// One channel.
    Grey,
    /// Red, green, blue.
    Rgb,
}

/// Why a picture could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Not a picture that can be decoded, or one that ends early.
    #[error("the picture cannot be decoded: {0}")]
    Undecodable(String),
    /// More pixels than a frame may have; refused from its header, before any is decoded.
    #[error("the picture claims {width}x{height} pixels, at most {limit} megapixels are allowed")]
    TooLarge {
        /// Claimed, in pixels.
        width: u32,
        /// Claimed, in pixels.
        height: u32,
        /// In megapixels.
        limit: u32,
    },
    /// Fewer pixels than anything can be seen in.
    #[error("the picture has {width}x{height} pixels, at least {limit} on each side are needed")]
    TooSmall {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In pixels.
        limit: u32,
    },
}

impl Picture {
    /// The picture's pixels; those that are pixels already are given as they are, whatever colour is wanted.
    ///
    /// # Errors
    /// Says why the picture cannot be used. Whatever the bytes are, time and memory are bounded.
    pub fn decode(&self, colour: Colour) -> Result<Arc<Pixels>, PictureError> {
        let bytes = match self {
            Self::Pixels(pixels) => return Ok(Arc::clone(pixels)),
            Self::Encoded(bytes) => bytes,
        };
        let undecodable = |error: image::ImageError| PictureError::Undecodable(error.to_string());
        let format = image::guess_format(bytes)
            .map_err(|_| PictureError::Undecodable("it is neither JPEG nor PNG".to_owned()))?;
        if format == ImageFormat::Jpeg && !ends_as_jpeg(bytes) {
            return Err(PictureError::Undecodable("the JPEG ends early".to_owned()));
        }
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(u64::from(MAX_MEGAPIXELS) * 1_000_000 * 4);
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(undecodable)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
            return Err(PictureError::TooLarge { width, height, limit: MAX_MEGAPIXELS });
        }
        if width.min(height) < MIN_SIDE {
            return Err(PictureError::TooSmall { width, height, limit: MIN_SIDE });
        }
        if !matches!(
            decoder.color_type(),
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8
        ) {
            return Err(PictureError::Undecodable("it has more than 8 bits a sample".to_owned()));
        }
        let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
        let (channels, samples) = match colour {
            Colour::Grey => (1, image.into_luma8().into_raw()),
            Colour::Rgb => (3, image.into_rgb8().into_raw()),
        };
        Ok(Arc::new(Pixels { width, height, channels, samples }))
    }
}

/// A JPEG that was cut short decodes without a complaint, grey where the rest is missing: only its end marker tells.
/// Cameras pad their buffers with zeros behind it.
fn ends_as_jpeg(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes[..bytes.len() - padding].ends_with(&[0xff, 0xd9])
}

#[cfg(test)]
mod tests;
