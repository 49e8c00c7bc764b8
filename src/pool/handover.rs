//! One station's end of the pool: its camera's thread hands looks over, its judge's thread gets what came of them.

use std::{
    sync::{Arc, Condvar, PoisonError},
    time::Duration,
};

use super::{
    queue::{Coming, Look, Queue},
    state::{Shared, State},
};
use crate::inspection::Confidence;

/// A bounded way from a station's camera through the workers to its judge; clones are the same way.
///
/// With a live source the oldest waiting look is dropped when a further one comes, otherwise [`Handover::offer`] waits.
#[derive(Clone)]
pub struct Handover {
    shared: Arc<Shared>,
    station: usize,
    changed: Arc<Condvar>,
    live: bool,
}

impl Handover {
    pub(super) fn new(shared: Arc<Shared>, station: usize, changed: Arc<Condvar>, live: bool) -> Self {
        Self { shared, station, changed, live }
    }

    /// Hands over a look; it is lost once the handover is closed.
    pub fn offer(&self, look: Look) {
        let mut state = self.shared.lock();
        let has_room = |queue: &Queue| queue.has_room_for(look.item);
        while !self.live && state.read(self.station, has_room) == Some(false) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.at(self.station, |queue| queue.offer(look));
    }

    /// Says that an item is gone. Items must be numbered in the order in which they leave for their departures to
    /// merge; others are only less well packed.
    pub fn depart(&self, item: u64) {
        self.shared.lock().at(self.station, |queue| queue.depart(item));
    }

    /// Says that an item is gone which was not to be inspected.
    pub fn pass_over(&self, item: u64) {
        self.shared.lock().at(self.station, |queue| queue.pass_over(item));
    }

    /// Ends the wait of [`Handover::next`] now.
    pub fn nudge(&self) {
        self.shared.lock().at(self.station, Queue::nudge);
    }

    /// Findings below this confidence do not matter from now on.
    pub fn set_floor(&self, floor: Confidence) {
        self.shared.lock().set_floor(self.station, floor);
    }

    /// Says that nothing more will come. What was handed over still comes back.
    pub fn close(&self) {
        self.shared.lock().at(self.station, Queue::close);
    }

    /// Says that nothing more needs to be seen of an item.
    pub fn enough(&self, item: u64) {
        self.shared.lock().at(self.station, |queue| queue.enough(item));
    }

    /// Waits at most `patience` for what is to be judged next, in the order in which it was handed over; `None` once the
    /// handover is closed and empty.
    pub fn next(&self, patience: Duration) -> Option<Coming> {
        let is_idle = |state: &mut State| state.read(self.station, Queue::has_next) == Some(false);
        let waited = self.changed.wait_timeout_while(self.shared.lock(), patience, is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.at(self.station, Queue::next).flatten()
    }

    /// Whether nothing waits, is with a worker or is to be judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.lock().read(self.station, Queue::is_empty) == Some(true)
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().read(self.station, Queue::is_closed) == Some(true)
    }

    /// How many looks were dropped since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lock().read(self.station, Queue::lost).unwrap_or(0)
    }
}
