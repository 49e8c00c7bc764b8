//! Decodes pictures, as much of them as is wanted.

use std::{io::Cursor, sync::Arc};

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{
    content::Picture,
    error::{MAX_MEGAPIXELS, PictureError},
    jpeg::Jpeg,
    pixels::{Colour, Pixels},
    region::Window,
    wanted::Wanted,
};

/// Decodes one picture after the other. Its buffers are kept: for a camera's JPEGs it takes no memory once it is warm.
#[derive(Default)]
pub struct Decoder {
    jpeg: Jpeg,
    pixels: Pixels,
}

impl Decoder {
    /// What is wanted of a picture, or more: pixels, and which part of the picture they show. A picture that is pixels
    /// already is given as it is, and a grey JPEG stays grey.
    ///
    /// # Errors
    /// Says why the picture cannot be used. Whatever the bytes are, time and memory are bounded.
    pub fn decode<'a>(
        &'a mut self,
        picture: &'a Picture,
        wanted: &Wanted,
    ) -> Result<(&'a Pixels, Window), PictureError> {
        match picture {
            Picture::Pixels(pixels) => {
                let window = Window::whole([pixels.width, pixels.height]);
                wanted.region_in(window.picture)?;
                Ok((pixels, window))
            }
            Picture::Encoded(bytes) => {
                let mut pixels = std::mem::take(&mut self.pixels);
                let window = self.decode_bytes(bytes, wanted, &mut pixels);
                self.pixels = pixels;
                Ok((&self.pixels, window?))
            }
            Picture::Raw(raw) => {
                let window = raw.decode(wanted, &mut self.pixels)?;
                Ok((&self.pixels, window))
            }
            Picture::Damaged(reason) => Err(PictureError::Undecodable(reason.to_string())),
        }
    }

    /// The same into pixels of the caller's.
    fn decode_bytes(
        &mut self,
        bytes: &[u8],
        wanted: &Wanted,
        out: &mut Pixels,
    ) -> Result<Window, PictureError> {
        let format = image::guess_format(bytes)
            .map_err(|_| PictureError::Undecodable("it is neither JPEG nor PNG".to_owned()))?;
        if format == ImageFormat::Jpeg {
            if !ends_as_jpeg(bytes) {
                return Err(PictureError::Undecodable("the JPEG ends early".to_owned()));
            }
            if let Some(window) = self.jpeg.decode(bytes, wanted, out)? {
                return Ok(window);
            }
        }
        *out = decode_any(bytes, format, wanted)?;
        Ok(Window::whole([out.width, out.height]))
    }
}

impl Picture {
    /// The picture's pixels; those that are pixels already are given as they are, whatever colour is wanted. Who decodes
    /// one picture after the other, or needs only a part, uses a [`Decoder`].
    ///
    /// # Errors
    /// Says why the picture cannot be used. Whatever the bytes are, time and memory are bounded.
    pub fn decode(&self, colour: Colour) -> Result<Arc<Pixels>, PictureError> {
        match self {
            Self::Pixels(pixels) => Ok(Arc::clone(pixels)),
            Self::Encoded(bytes) => {
                let mut pixels = Pixels::default();
                Decoder::default().decode_bytes(bytes, &Wanted::all(colour), &mut pixels)?;
                Ok(Arc::new(pixels))
            }
            Self::Raw(raw) => {
                let mut pixels = Pixels::default();
                raw.decode(&Wanted::all(colour), &mut pixels)?;
                Ok(Arc::new(pixels))
            }
            Self::Damaged(reason) => Err(PictureError::Undecodable(reason.to_string())),
        }
    }
}

/// Decodes a whole picture of any kind that is known.
fn decode_any(bytes: &[u8], format: ImageFormat, wanted: &Wanted) -> Result<Pixels, PictureError> {
    let undecodable = |error: image::ImageError| PictureError::Undecodable(error.to_string());
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(u64::from(MAX_MEGAPIXELS) * 1_000_000 * 4);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    wanted.region_in([width, height])?;
    if !matches!(decoder.color_type(), ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8) {
        return Err(PictureError::Undecodable("it has more than 8 bits a sample".to_owned()));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    let (channels, samples) = match wanted.colour {
        Colour::Grey if image.color().has_color() => {
            (1, image.into_rgb8().as_chunks::<3>().0.iter().map(luma).collect())
        }
        Colour::Grey => (1, image.into_luma8().into_raw()),
        Colour::Rgb => (3, image.into_rgb8().into_raw()),
    };
    Ok(Pixels { width, height, channels, samples })
}

/// ITU-R BT.601, which is how JPEG defines luma: grey is the same from every kind of file.
fn luma([red, green, blue]: &[u8; 3]) -> u8 {
    ((u32::from(*red) * 299 + u32::from(*green) * 587 + u32::from(*blue) * 114 + 500) / 1000) as u8
}

/// A JPEG that was cut short decodes without a complaint, grey where the rest is missing: only its end marker tells.
/// Cameras pad their buffers with zeros behind it.
fn ends_as_jpeg(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes[..bytes.len() - padding].ends_with(&[0xff, 0xd9])
}
