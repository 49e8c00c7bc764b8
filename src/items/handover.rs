//! From the camera's thread to the model's: the newest frames win, and every item still gets its verdict.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{camera::Frame, inspection::Region};

/// A frame in which an item is to be inspected.
#[derive(Clone, Debug)]
pub struct Look {
    /// The item.
    pub item: u64,
    /// The part of the frame that it fills; the whole frame where `None`.
    pub region: Option<Region>,
    /// The frame.
    pub frame: Frame,
}

/// Items, numbered without gaps, that are gone and must be judged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The first.
    pub first: u64,
    /// The last, itself included.
    pub last: u64,
    /// How many looks at them were dropped for want of time.
    pub lost_looks: u64,
}

/// What the model's thread does next.
#[derive(Debug)]
pub enum Taken {
    /// Inspect this.
    Look(Look),
    /// Judge these.
    Departure(Departure),
    /// Nothing came within the given time.
    Nothing,
}

/// A queue that holds a bounded number of looks and forgets no item.
///
/// At overload the oldest look is dropped and counted. Departures of items whose looks were all dropped merge into
/// one entry, so that the queue's length is bounded by that of its looks.
#[derive(Debug)]
pub struct Handover {
    capacity: usize,
    live: bool,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Taken>,
    looks: usize,
    lost_of_item: BTreeMap<u64, u64>,
    lost: u64,
    closed: bool,
}

impl Handover {
    /// Holds at most `capacity` looks (at least 1). With `live` the oldest is dropped when a further one comes,
    /// otherwise [`Handover::offer`] waits.
    #[must_use]
    pub fn new(capacity: usize, live: bool) -> Self {
        Self { capacity: capacity.max(1), live, queue: Mutex::default(), changed: Condvar::new() }
    }

    /// Hands over a look; without effect once the handover is closed.
    pub fn offer(&self, look: Look) {
        let mut queue = self.lock();
        while !self.live && queue.looks >= self.capacity && !queue.closed {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.closed {
            queue.count_lost(look.item);
            return;
        }
        if queue.looks >= self.capacity {
            queue.drop_oldest_look();
        }
        queue.looks += 1;
        queue.entries.push_back(Taken::Look(look));
        self.changed.notify_all();
    }

    /// Says that an item is gone. Items must be numbered in the order in which they leave for their departures to
    /// merge; others are only less well packed.
    pub fn depart(&self, item: u64) {
        let mut queue = self.lock();
        let lost_looks = queue.lost_of_item.remove(&item).unwrap_or(0);
        match queue.entries.back_mut() {
            Some(Taken::Departure(last)) if last.last.checked_add(1) == Some(item) => {
                last.last = item;
                last.lost_looks += lost_looks;
            }
            _ => queue.entries.push_back(Taken::Departure(Departure { first: item, last: item, lost_looks })),
        }
        self.changed.notify_all();
    }

    /// Says that nothing more will come. What was handed over can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits at most `patience` for the next thing to do; `None` once the handover is closed and empty.
    pub fn take(&self, patience: Duration) -> Option<Taken> {
        let is_idle = |queue: &mut Queue| queue.entries.is_empty() && !queue.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, is_idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(entry) = queue.entries.pop_front() {
            queue.looks -= usize::from(matches!(entry, Taken::Look(_)));
            self.changed.notify_all();
            return Some(entry);
        }
        if queue.closed { None } else { Some(Taken::Nothing) }
    }

    /// Whether nothing waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// How many looks were dropped since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn drop_oldest_look(&mut self) {
        let Some(index) = self.entries.iter().position(|entry| matches!(entry, Taken::Look(_))) else {
            return;
        };
        if let Some(Taken::Look(look)) = self.entries.remove(index) {
            self.looks -= 1;
            self.charge(look.item, index);
            self.merge_departures_around(index);
        }
    }

    /// Books a lost look to its item: to its departure if that waits already, else for later.
    fn charge(&mut self, item: u64, from: usize) {
        self.lost += 1;
        let departure = self.entries.iter_mut().skip(from).find_map(|entry| match entry {
            Taken::Departure(it) if (it.first..=it.last).contains(&item) => Some(it),
            _ => None,
        });
        match departure {
            Some(departure) => departure.lost_looks += 1,
            None => *self.lost_of_item.entry(item).or_default() += 1,
        }
    }

    fn count_lost(&mut self, item: u64) {
        self.lost += 1;
        *self.lost_of_item.entry(item).or_default() += 1;
    }

    fn merge_departures_around(&mut self, index: usize) {
        let Some(before) = index.checked_sub(1) else { return };
        if let (Some(Taken::Departure(a)), Some(Taken::Departure(b))) =
            (self.entries.get(before), self.entries.get(index))
            && a.last.checked_add(1) == Some(b.first)
        {
            let merged = Departure { first: a.first, last: b.last, lost_looks: a.lost_looks + b.lost_looks };
            self.entries.remove(index);
            self.entries[before] = Taken::Departure(merged);
        }
    }
}

#[cfg(test)]
mod tests;
