//! Triggers that wait for their frame. Each becomes one item: with the first frame taken after its delay, or without one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// More triggers at a time than any line has; what comes beyond is an item that nobody saw.
const ROOM: usize = 256;

/// Triggers between those who hear them and the camera's thread; clones are the same.
#[derive(Clone, Debug)]
pub struct Triggers {
    delay: Duration,
    patience: Duration,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    due: VecDeque<Instant>,
    /// Those for which there was no room and that are not taken as items yet.
    overflow: u64,
    total: u64,
    /// The station stops: nothing that comes now is an item of its own.
    is_closed: bool,
}

/// A trigger that gets no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// When the item should have been seen.
    pub due: Instant,
    /// Too many waited.
    pub is_overflow: bool,
}

impl Triggers {
    /// An item is seen `delay` after its trigger; without a frame for `patience` after that, it is not.
    #[must_use]
    pub fn new(delay: Duration, patience: Duration) -> Self {
        Self { delay, patience, waiting: Arc::default() }
    }

    /// A trigger came.
    pub fn push(&self, at: Instant) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return;
        }
        waiting.total += 1;
        match at.checked_add(self.delay) {
            Some(due) if waiting.due.len() < ROOM => waiting.due.push_back(due),
            _ => waiting.overflow += 1,
        }
    }

    /// Takes the trigger to which a frame belongs that was taken at this instant: the oldest that was due by then. A frame
    /// shows one item, so the next trigger gets the next frame.
    #[must_use]
    pub fn take(&self, taken: Instant) -> Option<Instant> {
        let mut waiting = self.lock();
        waiting.due.front().is_some_and(|due| *due <= taken).then(|| waiting.due.pop_front()).flatten()
    }

    /// Takes a trigger that waited in vain, if there is one; at the end (`is_last`) any that waits.
    #[must_use]
    pub fn take_unseen(&self, now: Instant, is_last: bool) -> Option<Unseen> {
        let mut waiting = self.lock();
        if waiting.overflow > 0 {
            waiting.overflow -= 1;
            return Some(Unseen { due: now, is_overflow: true });
        }
        let is_over = |due: &Instant| is_last || now.saturating_duration_since(*due) >= self.patience;
        let due = *waiting.due.front().filter(|due| is_over(due))?;
        waiting.due.pop_front();
        Some(Unseen { due, is_overflow: false })
    }

    /// Hears no more triggers; those that wait can still be taken.
    pub fn close(&self) {
        self.lock().is_closed = true;
    }

    /// How many came since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// How long a trigger waits for a frame.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAY: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_millis(500);

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_trigger_gets_the_first_frame_after_its_delay_and_each_frame_one_trigger() {
        let (start, triggers) = (Instant::now(), Triggers::new(DELAY, PATIENCE));
        triggers.push(start);
        triggers.push(after(start, 10));
        for (frame, expected) in [(50, None), (99, None), (120, Some(100)), (140, Some(110)), (160, None)] {
            assert_eq!(triggers.take(after(start, frame)), expected.map(|due| after(start, due)), "{frame}");
        }
        assert_eq!(triggers.take_unseen(after(start, 9999), false), None);
    }

    #[test]
    fn a_trigger_that_waits_in_vain_is_unseen() {
        let (start, triggers) = (Instant::now(), Triggers::new(DELAY, PATIENCE));
        triggers.push(start);
        assert_eq!(triggers.take_unseen(after(start, 599), false), None);
        let due = after(start, 100);
        assert_eq!(triggers.take_unseen(after(start, 600), false), Some(Unseen { due, is_overflow: false }));
        triggers.push(start);
        triggers.close();
        triggers.push(start);
        assert!(triggers.take_unseen(start, true).is_some(), "at the end none waits on");
        assert_eq!((triggers.take_unseen(start, true), triggers.total()), (None, 2));
    }

    proptest! {
        #[test]
        fn every_trigger_becomes_exactly_one_item_whatever_comes_when(
            steps in prop::collection::vec((0u64..400, 0u8..3, 1u16..200), 1..60)
        ) {
            let (mut now, triggers) = (Instant::now(), Triggers::new(DELAY, PATIENCE));
            let (mut items, mut pushed) = (0, 0);
            for (pause, kind, count) in steps {
                now += Duration::from_millis(pause);
                match kind {
                    0 => (0..count).for_each(|_| { triggers.push(now); pushed += 1; }),
                    1 => items += u64::from(triggers.take(now).is_some()),
                    _ => while triggers.take_unseen(now, false).is_some() { items += 1; },
                }
                prop_assert!(triggers.lock().due.len() <= ROOM);
            }
            while triggers.take_unseen(now, true).is_some() { items += 1; }
            prop_assert_eq!((items, triggers.total()), (pushed, pushed));
        }
    }
}
