//! One pool of workers that inspects the looks of several stations.
//!
//! ```text
//! camera ─look─▶ Handover ─┐ turns  ┌─▶ worker ─┐
//! camera ─look─▶ Handover ─┴────────┴─▶ worker ─┴─▶ back to its Handover, in order ─▶ judge
//! ```
//!
//! Several workers may inspect looks of one station at once, so that a single camera has the use of all of them; what
//! they found comes to the station's judge in the order in which the looks were handed over, so that a verdict does
//! not depend on their number. Among stations the workers' time is shared fairly: the next look is that of the station
//! which had the least. At overload the newest frames of each station win, and what was lost is counted at the station
//! that lost it.
//!
//! Invariant: what is held for a station is bounded, whatever the others do.

mod queue;
mod shares;
mod state;
mod handover;
mod worker;

pub use handover::Handover;
pub use queue::{Coming, Departure, Inspected, Look, Sight};
pub use state::Terms;
pub use worker::Worker;

use std::{
    num::NonZero,
    sync::{Arc, Condvar},
    thread,
    time::{Duration, Instant},
};

use queue::Queue;
use state::Shared;

/// Stations on one side, workers on the other; clones are the same pool.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: usize,
}

impl Pool {
    /// A pool for so many workers, at least 1.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { shared: Arc::default(), workers: workers.max(1) }
    }

    /// How many workers a machine should have: one fewer than it has cores, for cameras, disk and network.
    #[must_use]
    pub fn usual_workers() -> usize {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        cores.saturating_sub(1).max(1)
    }

    /// Takes a station in. `live` says that its frames do not wait to be taken.
    #[must_use]
    pub fn join(&self, terms: Terms, live: bool) -> Handover {
        let changed = Arc::<Condvar>::default();
        // One look for each worker, and one more: on this side so that they need not wait for the camera, on the other so
        // that they need not wait for the judge.
        let queue = Queue::new(self.workers + 1, self.workers + 1);
        let station = self.shared.lock().join(queue, terms, Arc::clone(&changed));
        Handover::new(Arc::clone(&self.shared), station, changed, live)
    }

    /// The workers, for as many threads.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker> {
        (0..self.workers).map(|_| Worker::new(Arc::clone(&self.shared))).collect()
    }

    /// Gives workers so long for what waits; after that no look is begun any more, and those that wait are lost.
    pub fn hurry(&self, patience: Duration) {
        self.shared.lock().deadline = Instant::now().checked_add(patience);
    }

    /// Ends the workers once nothing waits for them.
    pub fn close(&self) {
        self.shared.lock().close();
    }

    /// For the case that workers ended too early: closes every handover, and every look that is not back is lost.
    pub fn abandon(&self) {
        self.shared.lock().abandon();
    }
}

#[cfg(test)]
mod tests;
