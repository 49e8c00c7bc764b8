//! What the model sees in one frame: model pack, pixels to tensor, tract, decoders.

mod finding;
mod suppression;
mod decode;
mod tiles;
mod manifest;
mod pack;
mod prepare;
mod network;
mod parity;
mod inspector;
mod model;
mod draft;
#[cfg(any(test, fuzzing))]
pub mod hostile;

#[cfg(test)]
mod onnx_graphs;

pub use crate::camera::Region;
pub use decode::Answer;
pub use draft::{Draft, DraftError, Question, Written};
pub use finding::{Area, Confidence, Finding, Inspection, Timings};
pub use inspector::{InspectionError, Inspector};
pub use model::Model;
pub use network::{Engine, Step};
pub use pack::{Pack, PackError};
