//! How many items there were, and what became of them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::items::Verdict;

/// Counts verdicts; items = OK + NG + NOT INSPECTED at every instant, since items are their sum.
#[derive(Debug, Default)]
pub struct Tally {
    ok: AtomicU64,
    ng: AtomicU64,
    not_inspected: AtomicU64,
}

impl Tally {
    /// Counts one item.
    pub fn count(&self, verdict: Verdict) {
        self.of(verdict).fetch_add(1, Ordering::Relaxed);
    }

    /// How many items got this verdict since the start.
    #[must_use]
    pub fn get(&self, verdict: Verdict) -> u64 {
        self.of(verdict).load(Ordering::Relaxed)
    }

    /// How many items were judged since the start.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.get(Verdict::Ok) + self.get(Verdict::Ng) + self.get(Verdict::NotInspected)
    }

    fn of(&self, verdict: Verdict) -> &AtomicU64 {
        match verdict {
            Verdict::Ok => &self.ok,
            Verdict::Ng => &self.ng,
            Verdict::NotInspected => &self.not_inspected,
        }
    }
}
