//! The graph itself: read, checked and run.

mod engine;
mod wire;
mod file;
mod bounds;
mod graph;
mod tract;

pub(super) use engine::Network;
pub use engine::Step;
pub(super) use graph::tensors;

use crate::inspection::{decode::Pick, manifest::Input};

/// Reads and optimises a graph for an input of the manifest's size, without what none of `outputs` needs. Data outside
/// the file is refused.
///
/// # Errors
/// What cannot be run, in the engine's words and with a remedy.
pub(super) fn load(bytes: &[u8], input: &Input, outputs: &[Pick]) -> Result<Box<dyn Network>, String> {
    Ok(Box::new(tract::Tract::load(bytes, input, outputs)?))
}

#[cfg(test)]
mod tests;
