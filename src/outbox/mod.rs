//! The reports on disk that the hub has not acknowledged yet: durable before they are offered, gone with their PUBACK.
//!
//! One SQLite file in WAL mode, shared by the thread that judges items and the runtime that delivers. Anybody may
//! open it with `sqlite3`; [`schema`](self::schema) says what stands in it.

mod schema;
mod opening;
mod counters;
mod gap;
mod room;
mod clerk;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

pub use clerk::Outbox;
pub use gap::Gap;
pub use opening::Opening;

/// What the outbox holds at most. At the limit old reports give way to new ones, and each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Reports that may wait; at least 1.
    pub reports: u64,
    /// Bytes of their JSON and properties together; the file itself is a little larger.
    pub bytes: u64,
}

/// A report on its way into the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its identity, the same for every resend.
    pub report_id: String,
    /// Message properties for routing, in order.
    pub properties: Vec<(String, String)>,
    /// The report as it will travel: UTF-8 JSON.
    pub json: Vec<u8>,
}

/// A report that waits for its PUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of this station's reports.
    pub sequence: u64,
    /// Its identity, the same for every resend.
    pub report_id: String,
    /// Message properties for routing, in order.
    pub properties: Vec<(String, String)>,
    /// The report as it will travel: UTF-8 JSON.
    pub json: Vec<u8>,
    /// When it was stored, by the station's clock (RFC 3339); for people, not for order.
    pub stored_at: String,
}

/// What a successful [`Outbox::append`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The report's sequence number.
    pub sequence: u64,
    /// Waiting reports that were dropped to make room for it.
    pub dropped: u64,
    /// Reports, maybe this one, that were folded into earlier ones of their incidents to make room for it.
    pub folded: u64,
}

/// How much waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting reports.
    pub reports: u64,
    /// Bytes of their JSON and properties.
    pub bytes: u64,
    /// When the first of them was stored (RFC 3339, by the station's clock).
    pub oldest: Option<String>,
}

/// What happened to reports since the outbox was made; survives restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Stored.
    pub appended: u64,
    /// Removed on their PUBACK.
    pub acknowledged: u64,
    /// Lost to the limits.
    pub dropped: u64,
    /// Lost to the limits but for their incident's count, which an earlier report took over.
    pub folded: u64,
    /// Set aside, because the hub can never take them.
    pub set_aside: u64,
    /// Removed by a person.
    pub purged: u64,
}

/// A report that the hub can never take; the last few are kept for a person to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The report.
    pub entry: Entry,
    /// Why the hub cannot take it.
    pub reason: String,
}

/// Any reason of the caller's not to write a report.
pub type WriteError = Box<dyn std::error::Error + Send + Sync>;

/// Why the outbox could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file could not be opened or made.
    #[error("cannot open the outbox {}: {cause}; its folder must exist and be writable for this user, and its disk neither full nor read-only", path.display())]
    Unopened {
        /// The outbox's file.
        path: PathBuf,
        /// What the system or SQLite said.
        cause: String,
    },
    /// There is no outbox to look at.
    #[error("there is no outbox at {}; it is made by the first `andon run`", .0.display())]
    Absent(PathBuf),
    /// A second agent on one outbox would send everything twice.
    #[error("the outbox {} is in use by another agent; stop that one, or give each station a file of its own", .0.display())]
    InUse(PathBuf),
    /// A database, but not one of ours.
    #[error("{} is a database of another program; name another file for the outbox", .0.display())]
    Foreign(PathBuf),
    /// Written by a later version of this program.
    #[error("the outbox {} has layout {found}, this version knows up to {known}; install the newer agent again, or \
             let it deliver everything first", path.display())]
    TooNew {
        /// The outbox's file.
        path: PathBuf,
        /// The file's layout.
        found: i64,
        /// The newest layout that this program knows.
        known: i64,
    },
    /// An unreadable outbox could not be renamed.
    #[error("cannot set the unreadable outbox {} aside: {cause}", path.display())]
    NotSetAside {
        /// The outbox's file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The caller could not write its report.
    #[error("cannot write the report: {0}")]
    Unwritten(WriteError),
    /// One report alone is over the limit.
    #[error(
        "a report of {bytes} bytes is larger than the whole outbox may be ({limit} bytes); raise the limit"
    )]
    TooLarge {
        /// Size of the report.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// SQLite refused: the disk is full, gone or broken.
    #[error("cannot use the outbox: {0}; is the disk full or read-only?")]
    Database(#[from] rusqlite::Error),
    /// The work ended before its time: a panic, or the process stops.
    #[error("work on the outbox was interrupted: {0}")]
    Interrupted(String),
}
