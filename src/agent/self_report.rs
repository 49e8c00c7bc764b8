//! What a station reports of itself as properties of its twin, and how often.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    hub::Properties,
    items::{Tally, Verdict},
    outbox::{Depth, Gap, Totals},
};

/// Without a change of health, reported at most so often: every patch counts as a message of the hub's tier.
const INTERVAL: Duration = Duration::from_secs(60);

/// So many changes of health are reported at once; a station whose health flutters is heard once a minute.
const MOST_AT_ONCE: u32 = 5;

/// The longest text that is reported, in characters.
const LONGEST_TEXT: usize = 240;

/// Whether all is well, and if not why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// `ok`, `paused` or `degraded`.
    pub(super) state: &'static str,
    pub(super) reason: String,
}

impl Condition {
    pub(super) fn of(trouble: Option<String>, paused: bool) -> Self {
        let cut = |text: String| text.chars().take(LONGEST_TEXT).collect();
        match (trouble, paused) {
            (Some(trouble), _) => Self { state: "degraded", reason: cut(trouble) },
            (None, true) => {
                Self { state: "paused", reason: "nothing is inspected until it is resumed".to_owned() }
            }
            (None, false) => Self { state: "ok", reason: String::new() },
        }
    }

    pub(super) fn tell(&self) -> Value {
        json!({"state": self.state, "reason": self.reason})
    }
}

/// When to report.
#[derive(Debug, Default)]
pub(super) struct Cadence {
    told: Option<(Instant, Condition)>,
    at_once: u32,
}

impl Cadence {
    /// Whether to report now that the condition is this; if so, it is taken for reported.
    pub(super) fn is_due(&mut self, now: Instant, condition: &Condition) -> bool {
        let Some((last, before)) = &self.told else {
            self.told = Some((now, condition.clone()));
            return true;
        };
        let is_time = now.saturating_duration_since(*last) >= INTERVAL;
        if is_time {
            self.at_once = 0;
        } else if before == condition || self.at_once >= MOST_AT_ONCE {
            return false;
        } else {
            self.at_once += 1;
        }
        // Reports at once do not put off the next minute's.
        let last = if is_time { now } else { *last };
        self.told = Some((last, condition.clone()));
        true
    }
}

/// Items since the start, or since somebody set them back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    ok: u64,
    ng: u64,
    not_inspected: u64,
}

impl Counts {
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            ok: tally.get(Verdict::Ok),
            ng: tally.get(Verdict::Ng),
            not_inspected: tally.get(Verdict::NotInspected),
        }
    }

    pub(super) fn since(self, start: Self) -> Self {
        Self {
            ok: self.ok.saturating_sub(start.ok),
            ng: self.ng.saturating_sub(start.ng),
            not_inspected: self.not_inspected.saturating_sub(start.not_inspected),
        }
    }

    pub(super) fn tell(self, since: &str) -> Value {
        let items = self.ok + self.ng + self.not_inspected;
        json!({
            "since": since,
            "items": items,
            "ok": self.ok,
            "ng": self.ng,
            "not_inspected": self.not_inspected,
        })
    }
}

/// What waits in the outbox, and what became of what does not.
pub(super) fn outbox(depth: &Depth, totals: &Totals, gap: Option<&Gap>, now: jiff::Timestamp) -> Value {
    let oldest = depth.oldest.as_ref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    // A clock that was set back makes no report younger than now.
    let age = oldest.map_or(0, |oldest| (now.as_second() - oldest.as_second()).max(0));
    let mut told = json!({
        "reports": depth.reports,
        "oldest_age_seconds": age,
        "dropped": totals.dropped,
        "folded": totals.folded,
        "set_aside": totals.set_aside,
    });
    if let Some(gap) = gap.and_then(|gap| serde_json::to_value(gap).ok()) {
        told["gap"] = gap;
    }
    told
}

/// A section of what is reported.
pub(super) fn put(reported: &mut Properties, name: &str, value: Value) {
    reported.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(reason: &str) -> Condition {
        Condition::of((!reason.is_empty()).then(|| reason.to_owned()), false)
    }

    #[test]
    fn it_is_told_once_a_minute_and_at_once_when_health_changes() {
        let (start, mut cadence) = (Instant::now(), Cadence::default());
        for (seconds, reason, due) in [
            (0, "", true),
            (1, "", false),
            (59, "", false),
            (60, "", true),
            (70, "camera", true),
            (71, "camera", false),
            (72, "", true),
            (119, "", false),
            (120, "", true),
            (179, "", false),
        ] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(cadence.is_due(now, &condition(reason)), due, "after {seconds} s");
        }
    }

    #[test]
    fn health_that_flutters_for_a_day_is_no_flood() {
        let (start, mut cadence) = (Instant::now(), Cadence::default());
        let told = (0..86_400).filter(|second| {
            let reason = if second % 2 == 0 { "" } else { "camera" };
            cadence.is_due(start + Duration::from_secs(*second), &condition(reason))
        });
        assert!(told.count() <= 1_440 * (1 + MOST_AT_ONCE as usize) + 1);
    }

    #[test]
    fn trouble_is_told_before_a_pause_and_never_at_length() {
        assert_eq!(Condition::of(None, true).state, "paused");
        let long = Condition::of(Some("x".repeat(10_000)), true);
        assert_eq!((long.state, long.reason.len()), ("degraded", LONGEST_TEXT));
    }
}
