//! Truth against verdicts, and how long a report takes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use andon::{
    agent::Listener,
    items::{Judged, Verdict},
};
use andon_telemetry::Report;
use serde::Serialize;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Items that got a verdict.
    pub items: u64,
    /// Items that truly have a defect; absent for pictures of which nobody knows the truth.
    pub truth_ng: Option<u64>,
    /// Items judged OK.
    pub ok: u64,
    /// Items judged NG.
    pub ng: u64,
    /// Items that could not be judged.
    pub not_inspected: u64,
    /// Items with a defect that were judged OK or not inspected; absent where the truth is.
    pub missed: Option<u64>,
    /// Good items that were judged NG; absent where the truth is.
    pub false_ng: Option<u64>,
    /// Reports that were made durable.
    pub reports: u64,
    /// Mails that arrived.
    pub mails: u64,
    /// Reports that the hub never acknowledged or that the mailer never took.
    pub lost: u64,
    /// From an item's last inspected frame to the hub's acknowledgement of its report; absent without reports.
    pub frame_to_puback_ms: Option<Percentiles>,
}

/// Of durations, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them took at most this long.
    pub p50: f64,
    /// All but one in a hundred took at most this long.
    pub p99: f64,
}

/// Hears the agent and keeps the score.
#[derive(Default)]
pub struct Score {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    verdicts: BTreeMap<u64, Verdict>,
    last_seen: HashMap<u64, Instant>,
    /// From a report to its item.
    reported: HashMap<String, u64>,
    /// Delivery runs beside the thread that reports, so a report may be here first.
    delivered: HashMap<String, Instant>,
}

impl Score {
    /// Notes that the hub has a report; its item and what it took since that item's last frame, where they are known yet.
    pub fn deliver(&self, report_id: &str) -> Option<(u64, Option<Duration>)> {
        let mut held = self.lock();
        let now = Instant::now();
        held.delivered.entry(report_id.to_owned()).or_insert(now);
        let item = *held.reported.get(report_id)?;
        Some((item, held.delay(report_id, item)))
    }

    /// Sums up. `truth` says of each item that passed, from item 1 on, whether it has a defect; `None` where nobody knows.
    /// `taken` are the reports that the mailer took.
    #[must_use]
    pub fn summary(&self, truth: Option<&[bool]>, mails: u64, taken: &HashSet<String>) -> Summary {
        let held = self.lock();
        let count = |verdict| held.verdicts.values().filter(|it| **it == verdict).count() as u64;
        let truly = |item: u64| usize::try_from(item - 1).ok().and_then(|at| truth?.get(at)).copied();
        let arrived = |id: &String| held.delivered.contains_key(id) && taken.contains(id);
        let delays: Vec<_> = held.reported.iter().filter_map(|(id, item)| held.delay(id, *item)).collect();
        Summary {
            items: held.verdicts.len() as u64,
            truth_ng: truth.map(|truth| truth.iter().filter(|is_ng| **is_ng).count() as u64),
            ok: count(Verdict::Ok),
            ng: count(Verdict::Ng),
            not_inspected: count(Verdict::NotInspected),
            // An item that passed and was never seen is missed as well.
            missed: truth.map(|truth| {
                let passed = (1..).zip(truth);
                let missed =
                    passed.filter(|(item, is_ng)| **is_ng && held.verdicts.get(item) != Some(&Verdict::Ng));
                missed.count() as u64
            }),
            false_ng: truth.map(|_| {
                let ng = held.verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Ng);
                ng.filter(|(item, _)| truly(**item) != Some(true)).count() as u64
            }),
            reports: held.reported.len() as u64,
            mails,
            lost: held.reported.keys().filter(|id| !arrived(id)).count() as u64,
            frame_to_puback_ms: percentiles(&delays),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Score {
    fn judged(&self, judged: &Judged) {
        let mut held = self.lock();
        held.verdicts.insert(judged.item, judged.verdict);
        if let (Verdict::Ng, Some(taken)) = (judged.verdict, judged.last_seen) {
            held.last_seen.insert(judged.item, taken.monotonic);
        }
    }

    fn reported(&self, report: &Report) {
        self.lock().reported.insert(report.report_id.clone(), report.item.sequence);
    }

    fn delivered(&self, report_id: &str) {
        self.deliver(report_id);
    }
}

impl Held {
    fn delay(&self, report_id: &str, item: u64) -> Option<Duration> {
        let (delivered, seen) = (self.delivered.get(report_id)?, self.last_seen.get(&item)?);
        Some(delivered.saturating_duration_since(*seen))
    }
}

fn percentiles(delays: &[Duration]) -> Option<Percentiles> {
    let mut sorted: Vec<f64> = delays.iter().map(|delay| delay.as_secs_f64() * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    // The nearest rank: the least value that so large a share does not exceed.
    let rank = |share: f64| {
        let at = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(at.max(1) - 1).map(|value| (value * 10.0).round() / 10.0)
    };
    Some(Percentiles { p50: rank(0.5)?, p99: rank(0.99)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let delays: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentiles(&delays), Some(Percentiles { p50: 100.0, p99: 198.0 }));
        assert_eq!(percentiles(&delays[..1]), Some(Percentiles { p50: 1.0, p99: 1.0 }));
        assert_eq!(percentiles(&[]), None);
    }

    #[test]
    fn missed_and_false_verdicts_are_told_apart() {
        let score = Score::default();
        let verdicts = [Verdict::Ng, Verdict::Ok, Verdict::NotInspected, Verdict::Ok, Verdict::Ng];
        score.lock().verdicts = (1..).zip(verdicts).collect();
        let truth = [true, true, true, false, false, true];
        let summary = score.summary(Some(&truth), 0, &HashSet::new());
        assert_eq!((summary.truth_ng, summary.missed, summary.false_ng), (Some(4), Some(3), Some(1)));
        assert_eq!(summary.items, summary.ok + summary.ng + summary.not_inspected);
    }

    #[test]
    fn a_report_that_the_hub_or_the_mailer_did_not_take_is_lost() {
        let score = Score::default();
        score.lock().reported = [("a", 1), ("b", 2), ("c", 3)].map(|(id, item)| (id.to_owned(), item)).into();
        score.deliver("a");
        score.deliver("b");
        let taken = ["a", "c"].map(str::to_owned).into();
        assert_eq!(score.summary(None, 1, &taken).lost, 2);
    }

    #[test]
    fn a_report_that_the_hub_has_before_it_was_told_of_counts_all_the_same() {
        let score = Score::default();
        score.lock().last_seen.insert(7, Instant::now());
        assert_eq!(score.deliver("a"), None);
        score.lock().reported.insert("a".to_owned(), 7);
        assert!(score.deliver("a").is_some_and(|(item, delay)| item == 7 && delay.is_some()));
        assert!(score.summary(None, 0, &HashSet::new()).frame_to_puback_ms.is_some());
    }
}
