//! The graph itself: read, checked and run.

mod engine;
mod wire;
mod file;
mod fault;
mod bounds;
mod graph;
mod tract;
#[cfg(feature = "onnxruntime")]
mod rewrite;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;

pub(super) use engine::Network;
pub use engine::{Engine, Step};
pub(super) use file::{decode_alone, weights};
pub(super) use graph::tensors;

use crate::inspection::{decode::Pick, manifest::Input};

/// Reads and optimises a graph for an input of the manifest's size, without what none of `outputs` needs. Data outside
/// the file is refused.
///
/// # Errors
/// What cannot be run, in the engine's words and with a remedy.
pub(super) fn load(
    engine: &Engine,
    bytes: Vec<u8>,
    input: &Input,
    outputs: &[Pick],
) -> Result<Box<dyn Network>, String> {
    match engine {
        Engine::Tract => Ok(Box::new(tract::Tract::load(bytes, input, outputs)?)),
        #[cfg(feature = "onnxruntime")]
        Engine::OnnxRuntime { library } => {
            Ok(Box::new(onnxruntime::OnnxRuntime::load(library.as_deref(), &bytes, input, outputs)?))
        }
        #[cfg(not(feature = "onnxruntime"))]
        Engine::OnnxRuntime { .. } => {
            Err("this andon was built without onnxruntime; build it with `--features \
                                           onnxruntime`, or choose the engine tract"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
