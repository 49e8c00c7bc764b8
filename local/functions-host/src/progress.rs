//! What the host has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Batches that were ended, well or not.
    pub batches: u64,
    /// Events in batches that the handler took.
    pub delivered: u64,
    /// Events in batches given up after the last retry: Azure checkpoints these too.
    pub given_up: u64,
    /// Invocations that failed.
    pub failed_attempts: u64,
    /// Invocations repeated after a failure.
    pub retries: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Lines of the events file that were no event.
    pub unreadable: u64,
    /// Starts of handlers after the first of each.
    pub restarts: u64,
    /// Partitions that an instance which joined took from another.
    pub takeovers: u64,
    /// Invocations of timers.
    pub ticks: u64,
    /// Invocations of timers that failed.
    pub failed_ticks: u64,
}

/// The same numbers, shared among tasks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) failed_attempts: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) restarts: AtomicU64,
    pub(crate) takeovers: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) failed_ticks: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Progress {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            batches: now(&self.batches),
            delivered: now(&self.delivered),
            given_up: now(&self.given_up),
            failed_attempts: now(&self.failed_attempts),
            retries: now(&self.retries),
            checkpoints: now(&self.checkpoints),
            unreadable: now(&self.unreadable),
            restarts: now(&self.restarts),
            takeovers: now(&self.takeovers),
            ticks: now(&self.ticks),
            failed_ticks: now(&self.failed_ticks),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
