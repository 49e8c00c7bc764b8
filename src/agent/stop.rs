//! The wish that the agent stop.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Set once, seen by every part; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<Wish>, Condvar)>);

/// Each outdoes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    #[default]
    GoOn,
    BeginAnew,
    End,
}

impl Stop {
    /// Asks everything to stop, for good.
    pub fn set(&self) {
        self.wish(Wish::End);
    }

    /// Asks everything to stop, because the process goes on with other parts.
    pub fn set_to_begin_anew(&self) {
        self.wish(Wish::BeginAnew);
    }

    fn wish(&self, wish: Wish) {
        let mut wished = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *wished = wish.max(*wished);
        self.0.1.notify_all();
    }

    /// Whether the process goes on after this stop.
    #[must_use]
    pub fn is_to_begin_anew(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) == Wish::BeginAnew
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) != Wish::GoOn
    }

    /// Waits at most `patience` for it; whether it was asked for.
    pub fn wait(&self, patience: Duration) -> bool {
        let wished = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(wished, patience, |wished| *wished == Wish::GoOn);
        *waited.unwrap_or_else(PoisonError::into_inner).0 != Wish::GoOn
    }
}
