//! A document, its version, and what can go wrong with it.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A document as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its version, for writing.
    pub version: String,
}

/// What must be there for a document to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Nothing.
    Absent,
    /// This version.
    Version(&'a str),
    /// Anything.
    Anything,
}

/// A document with a layout of its own.
pub trait Document: Serialize + DeserializeOwned {
    /// Whether this program knows its layout.
    fn is_known(&self) -> bool;
}

/// The storage failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} {place} failed: {reason}; check MAILER_STATE and that it can be read and written")]
pub struct StoreError {
    /// What was attempted.
    pub action: &'static str,
    /// On what.
    pub place: String,
    /// Why it failed.
    pub reason: String,
}

pub(super) fn failed(action: &'static str, place: &str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError { action, place: place.to_owned(), reason: reason.to_string() }
}
