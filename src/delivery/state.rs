//! How delivery goes, for whoever listens.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Whether the hub can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not tried yet.
    Starting,
    /// Logged in.
    Online {
        /// Since when.
        since: Instant,
    },
    /// Not logged in; reports wait on disk.
    Offline {
        /// Why, and what a person can do.
        reason: String,
        /// Since when there has been no session.
        since: Instant,
        /// Failures since the hub last acknowledged a report.
        attempts: u32,
    },
    /// Ended in order.
    Stopped,
}

/// What delivery did since the process started.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) sessions: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) published: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) set_aside: AtomicU64,
}

/// [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Logins that succeeded.
    pub sessions: u64,
    /// Logins that failed and sessions that broke.
    pub failures: u64,
    /// Reports handed to the network; more than `acknowledged` where some were sent again.
    pub published: u64,
    /// Reports that the hub acknowledged.
    pub acknowledged: u64,
    /// Reports that the hub can never take.
    pub set_aside: u64,
}

impl Counters {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            sessions: read(&self.sessions),
            failures: read(&self.failures),
            published: read(&self.published),
            acknowledged: read(&self.acknowledged),
            set_aside: read(&self.set_aside),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
