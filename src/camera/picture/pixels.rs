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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// In which colours pixels are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// One channel.
    Grey,
    /// Red, green, blue.
    Rgb,
}
