//! A picture, and as much of it as is wanted.

mod region;
mod error;
mod pixels;
mod wanted;
mod jpeg;
mod decoder;

pub use decoder::Decoder;
pub use error::PictureError;
pub use pixels::{Colour, Picture, Pixels};
pub use region::{Region, Window};
pub use wanted::{Detail, Wanted};

#[cfg(test)]
mod tests;
