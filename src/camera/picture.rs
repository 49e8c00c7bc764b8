//! A picture: pixels, or the bytes of a file that holds them.

use std::sync::Arc;

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
