//! Why the host cannot start or does not go on.

use std::io;

use tokio::task::JoinError;

use crate::app::AppError;
use crate::handler::HandlerError;

/// Why the host cannot start or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The folder is no function app.
    #[error(transparent)]
    App(#[from] AppError),
    /// The handler does not start or does not stay.
    #[error("{0}")]
    Handler(String),
    /// The events file or the checkpoint file cannot be used.
    #[error("cannot {doing}: {source}")]
    File {
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No free port.
    #[error("cannot find a free port for the handler: {0}")]
    Port(io::Error),
    /// An impossible option.
    #[error("the factor on retry intervals is {0}; choose 0 or more")]
    RetryScale(f64),
    /// An impossible option.
    #[error("there must be at least one instance")]
    NoInstance,
    /// A part of the host panicked.
    #[error("a part of the host failed: {0}")]
    Bug(JoinError),
}

impl From<HandlerError> for HostError {
    fn from(error: HandlerError) -> Self {
        Self::Handler(error.to_string())
    }
}
