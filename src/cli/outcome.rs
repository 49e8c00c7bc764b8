//! How a command ends, and how machines are told.

use std::io::{self, Write};

use crate::config::ConfigError;

/// Why a command was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// Exit 1.
    Failed(String),
    /// Exit 2.
    WrongUse(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::WrongUse(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("cannot write the output: {error}"))
    }
}

/// Writes one JSON line.
pub(super) fn write_json(out: &mut dyn Write, value: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "{value}")?;
    out.flush()
}
