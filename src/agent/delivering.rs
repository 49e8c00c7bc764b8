//! Delivery's thread: one small async runtime.

use std::{thread::JoinHandle, time::Duration};

use tokio::{runtime::Builder, sync::oneshot};

use crate::{
    agent::threads::{AgentError, Place, spawn},
    delivery::{Delivery, Link},
};

/// A name that is being looked up while the network is gone cannot be interrupted; nothing waits for it longer.
const LOOSE_ENDS: Duration = Duration::from_millis(200);

/// The disk is one; more threads would only wait for each other.
const DISK_THREADS: usize = 4;

pub(super) struct Delivering {
    stop: Option<oneshot::Sender<()>>,
    thread: JoinHandle<()>,
}

impl Delivering {
    pub(super) fn start<L: Link + Send + 'static>(
        delivery: Delivery<L>,
        place: &Place,
    ) -> Result<Self, AgentError> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(DISK_THREADS).build();
        let runtime = runtime.map_err(|cause| AgentError::Thread { part: "delivery", cause })?;
        let (stop, stopped) = oneshot::channel();
        let thread = spawn("delivery", place, move || {
            runtime.block_on(delivery.run(async {
                // A sender that is gone means the same.
                let _ = stopped.await;
            }));
            runtime.shutdown_timeout(LOOSE_ENDS);
        })?;
        Ok(Self { stop: Some(stop), thread })
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Asks it to wait a bounded time for what is in flight, and to say good-bye to the hub.
    pub(super) fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
    }

    /// Asks it, and waits for it.
    pub(super) fn stop(mut self) -> Result<(), AgentError> {
        self.ask_to_stop();
        self.thread.join().map_err(|_| AgentError::Bug("delivery"))
    }
}
