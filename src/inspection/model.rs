//! A loaded model, of which each worker has an inspector of its own.

use std::{
    panic::resume_unwind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::inspection::{
    inspector::Inspector,
    network::Engine,
    pack::{Pack, PackError},
};

/// A model pack that was loaded and checked once, for any number of workers and stations.
pub struct Model {
    pack: Arc<Pack>,
    /// Looks at nothing itself.
    first: Mutex<Inspector>,
}

impl Model {
    /// Loads a model pack to be run by an engine, which is refused unless its hash, its shapes and its parity sample are
    /// right.
    ///
    /// # Errors
    /// Says what is wrong with the pack, or that the engine is not there, and what to do.
    pub fn load(folder: &Path, engine: &Engine) -> Result<Self, PackError> {
        let load = || {
            let tried = Inspector::load(folder, engine)?;
            // What the sample took is given back.
            let another = tried.another();
            another.map_err(|reason| PackError::Graph { file: tried.pack().model_path(), reason })
        };
        // The allocator keeps what a thread gave back for that thread's next need until it ends, and reading a graph takes
        // as much again as running it.
        let loaded = thread::scope(|scope| scope.spawn(load).join());
        let first = loaded.unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(Self { pack: first.shared_pack(), first: Mutex::new(first) })
    }

    /// The pack.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// An inspector for one more worker: the graph and its weights are shared, its buffers are its own.
    ///
    /// # Errors
    /// When the engine cannot start another, in its words.
    pub fn inspector(&self) -> Result<Inspector, String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).another()
    }
}
