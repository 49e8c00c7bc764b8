//! What must outlive the process: a log a device, and what was set aside.
//!
//! The seam is narrow on purpose: five verbs, each atomic, so that a blob container with leases can stand in
//! for the folder.

mod folder;

pub use folder::Folder;

use serde::Serialize;

use crate::incident::DeviceLog;

/// Durable memory. Whoever reads to write holds the lock meanwhile.
pub trait Ledger {
    /// Held while one invocation reads, sends and writes.
    type Lock: Send;

    /// The lock, or `None` while somebody else has it, perhaps in another process.
    ///
    /// # Errors
    /// When the storage fails.
    fn try_lock(&self) -> Result<Option<Self::Lock>, LedgerError>;

    /// A device's log; an empty one for a new device.
    ///
    /// # Errors
    /// When the storage fails. A log that cannot be understood is set aside, and an empty one takes its place.
    fn log(&self, device: &str) -> Result<DeviceLog, LedgerError>;

    /// Keeps a log; durable when it returns.
    ///
    /// # Errors
    /// When the storage fails; the older log is then still whole.
    fn keep(&self, log: &DeviceLog) -> Result<(), LedgerError>;

    /// The devices that mails are owed for, as of the last time that this process read or wrote their logs.
    fn owing(&self) -> Vec<String>;

    /// Keeps what cannot be mailed, for people to look at; the same key overwrites.
    ///
    /// # Errors
    /// When the storage fails.
    fn set_aside(&self, key: &str, matter: &SetAside) -> Result<(), LedgerError>;
}

/// Something for a person to look at.
#[derive(Debug, Serialize)]
pub struct SetAside {
    /// `event` or `mail`.
    pub kind: &'static str,
    /// When, RFC 3339.
    pub at: String,
    /// Who sent it, where known.
    pub device: Option<String>,
    /// Partition and sequence number, or the Message-ID.
    pub origin: String,
    /// Why.
    pub reason: String,
    /// The length of the whole, in bytes.
    pub bytes: usize,
    /// How it begins.
    pub content: String,
}

/// The storage failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path} failed: {source}; check that MAILER_STATE is there, writable and not full")]
pub struct LedgerError {
    /// What was attempted.
    pub action: &'static str,
    /// On what.
    pub path: String,
    /// Why it failed.
    pub source: std::io::Error,
}
