//! A picture, and as much of it as is wanted.

mod buffers;
mod region;
mod error;
mod pixels;
mod wanted;
mod jpeg;
mod raw;
mod content;
mod decoder;

pub use buffers::Buffers;
pub use content::Picture;
pub use decoder::Decoder;
pub use error::PictureError;
pub use pixels::{Colour, Pixels};
pub use raw::{Layout, Levels, Raw};
pub use region::{Region, Window};
pub use wanted::{Detail, Wanted};

#[cfg(test)]
mod tests;
