//! Convolutional networks over padded planes.
//!
//! A [`Graph`] says what is computed, a [`Program`] is made of it once and run for each picture. Convolutions are
//! computed directly, without copying their input's windows together first (im2col): planes share their padding, so that
//! a kernel's step is one long row of pixels at a constant distance; sums of several channels and pixels stay in
//! registers; bias, residual sum and activation are done on the way out; joined results are written where they belong.
//! A 3x3 kernel over many channels goes Winograd's way, with a quarter of the products, or half of them with stride 2.
//! The kernels are chosen at run time from those of the processor ([`Isa`]); [`widest`] does so for safe code of others.
//!
//! It computes in single precision and knows nothing of files, layers or training. What it cannot do it refuses, and
//! its user keeps another way. This is the one crate in which `unsafe` may stand.

mod vector;
mod activation;
mod planes;
mod tile;
mod gather;
mod convolve;
mod direct;
mod winograd;
mod prepared;
mod pixelwise;
#[cfg(feature = "tract")]
mod softmax;
mod rows;
mod pool;
mod enlarge;
mod thin;
mod graph;
mod fuse;
mod layout;
mod task;
mod program;
#[cfg(feature = "tract")]
pub mod tract;

pub use activation::Activation;
pub use convolve::Convolution;
pub use enlarge::Between;
pub use graph::{Graph, Refusal, Value};
pub use pixelwise::Pairing;
pub use planes::Shape;
pub use pool::MaxPool;
pub use program::{Memory, Program};
pub use thin::Every;
pub use vector::{Isa, Work, widest};
