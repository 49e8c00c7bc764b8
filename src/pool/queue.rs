//! What waits at one station, in the order in which its frames came: the newest win, and no item is forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    camera::Frame,
    inspection::{Finding, Region},
    items::Decisive,
};

/// A frame in which an item is to be inspected.
#[derive(Clone, Debug)]
pub struct Look {
    /// The item.
    pub item: u64,
    /// The part of the frame that is to be inspected; the whole frame where `None`.
    pub region: Option<Region>,
    /// The frame.
    pub frame: Frame,
}

/// What a worker made of a look.
#[derive(Debug)]
pub struct Inspected {
    /// The item.
    pub item: u64,
    /// What was seen, or why nothing could be.
    pub seen: Result<Sight, String>,
}

/// What the model saw of an item in one frame.
#[derive(Debug)]
pub struct Sight {
    /// Surest first.
    pub findings: Vec<Finding>,
    /// The frame.
    pub frame: Decisive,
    /// Width and height of its picture, in pixels.
    pub size: [u32; 2],
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
    /// They were not to be inspected.
    pub passed_over: bool,
}

impl Departure {
    fn is_followed_by(&self, next: &Self) -> bool {
        self.last.checked_add(1) == Some(next.first) && self.passed_over == next.passed_over
    }

    fn add(&mut self, next: &Self) {
        self.last = next.last;
        self.lost_looks += next.lost_looks;
    }
}

/// What comes next for the thread that judges.
#[derive(Debug)]
pub enum Coming {
    /// An item was looked at.
    Inspected(Inspected),
    /// Items are gone.
    Departure(Departure),
    /// Nothing came within the given time.
    Nothing,
}

/// One station's looks and departures.
///
/// Looks are taken by workers and come back in any order; they leave, as departures do, in the order in which they came,
/// so that a verdict does not depend on how many workers there are. At overload the oldest look that no worker has
/// is dropped and counted. Departures of items whose looks were all dropped merge into one entry, so that the length
/// is bounded by the number of looks.
#[derive(Debug)]
pub(super) struct Queue {
    /// Looks that may wait for a worker.
    room: usize,
    /// Looks that may be with workers, or back and not judged yet.
    air: usize,
    entries: VecDeque<Entry>,
    waiting: usize,
    in_air: usize,
    next_ticket: u64,
    /// Items in view of which nothing more needs to be seen.
    enough: BTreeSet<u64>,
    lost_of_item: BTreeMap<u64, u64>,
    lost: u64,
    closed: bool,
    /// Whoever waits for what comes next should look up.
    nudged: bool,
}

#[derive(Debug)]
enum Entry {
    Waiting(Look),
    Away { ticket: u64, item: u64 },
    Back(Inspected),
    Gone(Departure),
}

impl Queue {
    /// Holds at most `room` looks that wait and `air` that do not any more; each at least 1.
    pub(super) fn new(room: usize, air: usize) -> Self {
        Self {
            room: room.max(1),
            air: air.max(1),
            entries: VecDeque::new(),
            waiting: 0,
            in_air: 0,
            next_ticket: 0,
            enough: BTreeSet::new(),
            lost_of_item: BTreeMap::new(),
            lost: 0,
            closed: false,
            nudged: false,
        }
    }

    /// Whether a look at this item can be offered without the loss of another.
    pub(super) fn has_room_for(&self, item: u64) -> bool {
        self.closed || self.waiting < self.room || self.enough.contains(&item)
    }

    /// Adds a look. One at an item that was seen enough is not needed; one that comes after the end is lost.
    pub(super) fn offer(&mut self, look: Look) {
        if self.closed {
            return self.count_lost(look.item);
        }
        if self.enough.contains(&look.item) {
            return;
        }
        if self.waiting >= self.room {
            self.drop_oldest_look();
        }
        self.waiting += 1;
        self.entries.push_back(Entry::Waiting(look));
    }

    /// Says that an item is gone. Items must be numbered in the order in which they leave for their departures to
    /// merge; others are only less well packed.
    pub(super) fn depart(&mut self, item: u64) {
        self.leave(item, false);
    }

    /// Says that an item is gone which was not to be inspected.
    pub(super) fn pass_over(&mut self, item: u64) {
        self.leave(item, true);
    }

    fn leave(&mut self, item: u64, passed_over: bool) {
        self.enough.remove(&item);
        let lost_looks = self.lost_of_item.remove(&item).unwrap_or(0);
        let departure = Departure { first: item, last: item, lost_looks, passed_over };
        match self.entries.back_mut() {
            Some(Entry::Gone(last)) if last.is_followed_by(&departure) => last.add(&departure),
            _ => self.entries.push_back(Entry::Gone(departure)),
        }
    }

    /// Makes [`Queue::next`] be asked once, also if nothing came.
    pub(super) fn nudge(&mut self) {
        self.nudged = true;
    }

    /// Says that nothing more will come.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// How many looks workers can take now.
    pub(super) fn ready(&self) -> usize {
        self.waiting.min(self.air.saturating_sub(self.in_air))
    }

    /// Gives the oldest look that waits, and the ticket with which it comes back.
    pub(super) fn take(&mut self) -> Option<(u64, Look)> {
        if self.ready() == 0 {
            return None;
        }
        let (index, item) = self.entries.iter().enumerate().find_map(|(index, entry)| match entry {
            Entry::Waiting(look) => Some((index, look.item)),
            _ => None,
        })?;
        let ticket = self.next_ticket;
        let taken = std::mem::replace(&mut self.entries[index], Entry::Away { ticket, item });
        self.next_ticket += 1;
        self.waiting -= 1;
        self.in_air += 1;
        if let Entry::Waiting(look) = taken { Some((ticket, look)) } else { None }
    }

    /// Takes back what became of a look; without effect after [`Queue::abandon`].
    pub(super) fn bring_back(&mut self, ticket: u64, inspected: Inspected) {
        let is_it = |entry: &&mut Entry| matches!(entry, Entry::Away { ticket: its, .. } if *its == ticket);
        if let Some(entry) = self.entries.iter_mut().find(is_it) {
            *entry = Entry::Back(inspected);
        }
    }

    /// Whether [`Queue::next`] gives something else than [`Coming::Nothing`].
    pub(super) fn has_next(&self) -> bool {
        let has_come = match self.entries.front() {
            Some(first) => matches!(first, Entry::Back(_) | Entry::Gone(_)),
            None => self.closed,
        };
        has_come || self.nudged
    }

    /// Gives what came first, once nothing that came before it is away; `None` once it is closed and empty.
    pub(super) fn next(&mut self) -> Option<Coming> {
        self.nudged = false;
        match self.entries.pop_front() {
            Some(Entry::Back(inspected)) => {
                self.in_air -= 1;
                Some(Coming::Inspected(inspected))
            }
            Some(Entry::Gone(departure)) => Some(Coming::Departure(departure)),
            Some(entry) => {
                self.entries.push_front(entry);
                Some(Coming::Nothing)
            }
            None if self.closed => None,
            None => Some(Coming::Nothing),
        }
    }

    /// Says that nothing more needs to be seen of an item: looks at it that wait are dropped and not counted as lost.
    pub(super) fn enough(&mut self, item: u64) {
        let is_look = |entry: &Entry| matches!(entry, Entry::Waiting(look) if look.item == item);
        while let Some(index) = self.entries.iter().position(is_look) {
            self.remove_look(index);
        }
        let has_left =
            |entry: &Entry| matches!(entry, Entry::Gone(it) if (it.first..=it.last).contains(&item));
        if !self.entries.iter().any(has_left) {
            self.enough.insert(item);
        }
    }

    /// Gives up every look that waits.
    pub(super) fn give_up_waiting(&mut self) {
        while self.waiting > 0 {
            self.drop_oldest_look();
        }
    }

    /// Says that no worker will come any more: every look that is not back is lost.
    pub(super) fn abandon(&mut self) {
        self.closed = true;
        self.give_up_waiting();
        while let Some(index) = self.entries.iter().position(|it| matches!(it, Entry::Away { .. })) {
            if let Some(Entry::Away { item, .. }) = self.entries.remove(index) {
                self.in_air -= 1;
                self.charge(item, index);
                self.merge_departures_around(index);
            }
        }
    }

    /// Whether nothing waits, is away or is to be judged.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether no look waits or is with a worker.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_open = |entry: &Entry| matches!(entry, Entry::Waiting(_) | Entry::Away { .. });
        !self.entries.iter().any(is_open)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many looks were dropped since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn drop_oldest_look(&mut self) {
        let oldest = self.entries.iter().position(|entry| matches!(entry, Entry::Waiting(_)));
        if let Some(index) = oldest
            && let Some(look) = self.remove_look(index)
        {
            self.charge(look.item, index);
        }
    }

    fn remove_look(&mut self, index: usize) -> Option<Look> {
        let Some(Entry::Waiting(look)) = self.entries.remove(index) else { return None };
        self.waiting -= 1;
        self.merge_departures_around(index);
        Some(look)
    }

    /// Books a lost look to its item: to its departure if that waits already, else for later.
    fn charge(&mut self, item: u64, from: usize) {
        let departure = self.entries.iter_mut().skip(from.saturating_sub(1)).find_map(|entry| match entry {
            Entry::Gone(it) if (it.first..=it.last).contains(&item) => Some(it),
            _ => None,
        });
        match departure {
            Some(departure) => {
                departure.lost_looks += 1;
                self.lost += 1;
            }
            None => self.count_lost(item),
        }
    }

    fn count_lost(&mut self, item: u64) {
        self.lost += 1;
        *self.lost_of_item.entry(item).or_default() += 1;
    }

    fn merge_departures_around(&mut self, index: usize) {
        let Some(before) = index.checked_sub(1) else { return };
        if let (Some(Entry::Gone(a)), Some(Entry::Gone(b))) =
            (self.entries.get(before), self.entries.get(index))
            && a.is_followed_by(b)
        {
            let mut merged = *a;
            merged.add(b);
            self.entries.remove(index);
            self.entries[before] = Entry::Gone(merged);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
