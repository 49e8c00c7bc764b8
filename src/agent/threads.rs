//! Threads with names, and how they fail.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use crate::outbox::OutboxError;

/// Why the agent could not start, or ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No thread or no runtime.
    #[error("cannot start the {part}'s thread: {cause}")]
    Thread {
        /// Whose.
        part: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// A panic, which is logged above.
    #[error(
        "the {0}'s thread ended by a bug; every report until then is in the outbox. Please report what the log says"
    )]
    Bug(&'static str),
    /// The outbox refused.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// Starts a thread for a part.
pub(super) fn spawn<T: Send + 'static>(
    part: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, AgentError> {
    let named = Builder::new().name(part.to_owned());
    named.spawn(work).map_err(|cause| AgentError::Thread { part, cause })
}
