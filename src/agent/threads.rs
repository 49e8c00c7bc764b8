//! Threads with names, and how they fail.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use tracing::Span;

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

/// Whose threads they are, for the log and for whoever looks at the process.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Of the station among several; empty where there is one.
    suffix: String,
    pub(super) span: Span,
}

impl Place {
    /// That of the only station, or of nobody in particular: nothing is added to its words.
    pub(super) fn alone() -> Self {
        Self { suffix: String::new(), span: Span::none() }
    }

    /// That of one station among several.
    pub(super) fn of(id: &str) -> Self {
        Self { suffix: format!(" {id}"), span: tracing::error_span!("station", %id) }
    }
}

/// Starts a thread for a part.
pub(super) fn spawn<T: Send + 'static>(
    part: &'static str,
    place: &Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, AgentError> {
    let named = Builder::new().name(format!("{part}{}", place.suffix));
    let span = place.span.clone();
    named.spawn(move || span.in_scope(work)).map_err(|cause| AgentError::Thread { part, cause })
}
