//! What the outputs show at which instant.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::items::Verdict;

/// When outputs act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// From the item's moment (its trigger's, or when it left the view) to the reject.
    pub delay: Duration,
    /// How long a reject lasts.
    pub pulse: Duration,
    /// How long the andon light stays on after an NG item.
    pub light: Duration,
    /// Whether an item that was not inspected is rejected too.
    pub rejects_not_inspected: bool,
}

/// What the outputs show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// An item is being rejected.
    pub reject: bool,
    /// The andon light: something was NG just now, or the station is not ready.
    pub light: bool,
    /// The station sees, and comes to its verdicts.
    pub ready: bool,
}

/// A station without a frame for so long is blind.
const BLIND: Duration = Duration::from_secs(2);

/// A verdict that is not there after so long does not come in time for anything.
const OVERDUE: Duration = Duration::from_secs(5);

/// More items between camera and verdict, and more rejects ahead, than any station has.
const ROOM: usize = 1024;

/// Which items wait for their verdict, and what is to be shown when.
#[derive(Debug)]
pub(super) struct Schedule {
    rules: Rules,
    /// The moments of items without a verdict.
    moments: BTreeMap<u64, Instant>,
    pulses: VecDeque<(Instant, Instant)>,
    light_until: Option<Instant>,
    seen: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, moments: BTreeMap::new(), pulses: VecDeque::new(), light_until: None, seen: None }
    }

    /// A frame came.
    pub(super) fn saw(&mut self, now: Instant) {
        self.seen = Some(now);
    }

    /// An item passed at this moment; its verdict will come.
    pub(super) fn passed(&mut self, item: u64, moment: Instant) {
        self.moments.insert(item, moment);
        while self.moments.len() > ROOM {
            self.moments.pop_first();
        }
    }

    /// An item got its verdict. `Err` says by how much it came too late for its reject.
    pub(super) fn judged(&mut self, item: u64, verdict: Verdict, now: Instant) -> Result<(), Duration> {
        let moment = self.moments.remove(&item).unwrap_or(now);
        if verdict == Verdict::Ng {
            self.light_until = now.checked_add(self.rules.light);
        }
        let is_rejected = match verdict {
            Verdict::Ok => false,
            Verdict::Ng => true,
            Verdict::NotInspected => self.rules.rejects_not_inspected,
        };
        if !is_rejected {
            return Ok(());
        }
        let due = moment.checked_add(self.rules.delay).unwrap_or(now);
        let late = now.saturating_duration_since(due);
        // By now another item may lie there: it would be taken for this one.
        if late >= self.rules.pulse {
            self.light_until = now.checked_add(self.rules.light);
            return Err(late);
        }
        let start = due.max(now);
        if let Some(end) = start.checked_add(self.rules.pulse)
            && self.pulses.len() < ROOM
        {
            self.pulses.push_back((start, end));
        }
        Ok(())
    }

    /// What is to be shown now.
    pub(super) fn state(&mut self, now: Instant) -> State {
        self.pulses.retain(|(_, end)| *end > now);
        let since = |then: Instant| now.saturating_duration_since(then);
        let sees = self.seen.is_some_and(|seen| since(seen) < BLIND);
        let is_overdue = self.moments.values().min().is_some_and(|moment| since(*moment) >= OVERDUE);
        let ready = sees && !is_overdue;
        State {
            reject: self.pulses.iter().any(|(start, end)| (*start..*end).contains(&now)),
            light: !ready || self.light_until.is_some_and(|until| until > now),
            ready,
        }
    }

    /// When the next reject begins or ends.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.pulses.iter().flat_map(|(start, end)| [*start, *end]).filter(|it| *it > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        delay: Duration::from_millis(300),
        pulse: Duration::from_millis(100),
        light: Duration::from_secs(1),
        rejects_not_inspected: true,
    };

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// When the reject is on, in a second of milliseconds.
    fn rejects(schedule: &mut Schedule, start: Instant) -> Vec<u64> {
        let mut edges = Vec::new();
        let mut was = false;
        for now in 0..1000 {
            let is = schedule.state(at(start, now)).reject;
            edges.extend((is != was).then_some(now));
            was = is;
        }
        edges
    }

    #[test]
    fn an_item_is_rejected_its_delay_after_its_moment_whenever_its_verdict_comes() {
        for (verdict, judged, expected) in [
            (Verdict::Ng, 50, vec![300, 400]),
            (Verdict::Ng, 299, vec![300, 400]),
            (Verdict::Ng, 350, vec![350, 450]),
            (Verdict::Ng, 400, vec![]),
            (Verdict::Ok, 50, vec![]),
            (Verdict::NotInspected, 50, vec![300, 400]),
        ] {
            let (start, mut schedule) = (Instant::now(), Schedule::new(RULES));
            schedule.passed(7, start);
            let done = schedule.judged(7, verdict, at(start, judged));
            assert_eq!(done.is_err(), judged == 400, "{verdict} {judged}");
            assert_eq!(rejects(&mut schedule, start), expected, "{verdict} {judged}");
        }
        let rules = Rules { rejects_not_inspected: false, ..RULES };
        let (start, mut schedule) = (Instant::now(), Schedule::new(rules));
        schedule.judged(1, Verdict::NotInspected, start).unwrap();
        assert_eq!(rejects(&mut schedule, start), [] as [u64; 0]);
    }

    #[test]
    fn rejects_that_overlap_are_one_and_each_edge_is_announced() {
        let (start, mut schedule) = (Instant::now(), Schedule::new(RULES));
        for (item, moment) in [(1, 0), (2, 50), (3, 500)] {
            schedule.passed(item, at(start, moment));
            schedule.judged(item, Verdict::Ng, at(start, moment)).unwrap();
        }
        assert_eq!(schedule.next(start), Some(at(start, 300)));
        assert_eq!(schedule.next(at(start, 300)), Some(at(start, 350)));
        assert_eq!(rejects(&mut schedule, start), [300, 450, 800, 900]);
        assert_eq!(schedule.next(at(start, 999)), None);
    }

    #[test]
    fn a_blind_station_and_one_without_verdicts_are_not_ready_and_light_the_andon() {
        let (start, mut schedule) = (Instant::now(), Schedule::new(RULES));
        let not_ready = State { reject: false, light: true, ready: false };
        let ready = State { reject: false, light: false, ready: true };
        assert_eq!(schedule.state(start), not_ready, "nothing was seen yet");
        schedule.saw(start);
        assert_eq!(schedule.state(at(start, 1999)), ready);
        assert_eq!(schedule.state(at(start, 2000)), not_ready);
        schedule.passed(1, start);
        for (now, expected) in [(4999, ready), (5000, not_ready)] {
            schedule.saw(at(start, now));
            assert_eq!(schedule.state(at(start, now)), expected, "{now}");
        }
        schedule.judged(1, Verdict::Ok, at(start, 5001)).unwrap();
        assert_eq!(schedule.state(at(start, 5001)), ready);
    }

    #[test]
    fn the_light_stays_on_for_a_while_after_the_last_ng_item() {
        let (start, mut schedule) = (Instant::now(), Schedule::new(RULES));
        for (now, expected) in [(0, true), (999, true), (1000, false)] {
            schedule.saw(at(start, now));
            if now == 0 {
                schedule.judged(1, Verdict::Ng, start).unwrap();
            }
            assert_eq!(schedule.state(at(start, now)).light, expected, "{now}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (start, mut schedule) = (Instant::now(), Schedule::new(RULES));
        for item in 0..5000 {
            schedule.passed(item, start);
        }
        for item in 0..5000 {
            let _ = schedule.judged(item, Verdict::Ng, start);
        }
        assert!(schedule.moments.is_empty() && schedule.pulses.len() <= ROOM);
    }
}
