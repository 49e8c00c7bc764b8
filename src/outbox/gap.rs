//! What the limits cost: how much of the order of reports is missing, and since when.

use serde::{Deserialize, Serialize};

/// After so long without a loss, in seconds, the next one is another gap.
const LULL: i64 = 3600;

/// A stretch of time in which reports were lost to the limits. The station's clock may have been wrong; the sequence
/// numbers are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the first was lost, RFC 3339.
    pub since: String,
    /// When the last was lost, RFC 3339.
    pub until: String,
    /// The lowest sequence number that is missing.
    pub first_sequence: u64,
    /// The highest.
    pub last_sequence: u64,
    /// Reports that are gone.
    pub dropped: u64,
    /// Reports that are gone but for their incident's count.
    pub folded: u64,
}

impl Gap {
    /// The gap after another loss, of reports with these numbers.
    pub(super) fn after(
        before: Option<Self>,
        (first, last): (u64, u64),
        dropped: u64,
        folded: u64,
        now: jiff::Timestamp,
    ) -> Self {
        let fresh = Self {
            since: format!("{now:.0}"),
            until: format!("{now:.0}"),
            first_sequence: first,
            last_sequence: last,
            dropped,
            folded,
        };
        let is_recent = |it: &Self| {
            let until = it.until.parse::<jiff::Timestamp>().map_or(i64::MIN, jiff::Timestamp::as_second);
            now.as_second().saturating_sub(until).abs() < LULL
        };
        match before.filter(is_recent) {
            None => fresh,
            Some(before) => Self {
                since: before.since,
                until: fresh.until,
                first_sequence: before.first_sequence.min(first),
                last_sequence: before.last_sequence.max(last),
                dropped: before.dropped.saturating_add(dropped),
                folded: before.folded.saturating_add(folded),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn losses_soon_after_each_other_are_one_gap() {
        let one = Gap::after(None, (7, 9), 1, 2, at(0));
        let two = Gap::after(Some(one.clone()), (5, 5), 1, 0, at(LULL - 1));
        assert_eq!((&*two.since, &*two.until), ("1970-01-01T00:00:00Z", "1970-01-01T00:59:59Z"));
        assert_eq!((two.first_sequence, two.last_sequence, two.dropped, two.folded), (5, 9, 2, 2));
        let three = Gap::after(Some(two), (20, 20), 1, 0, at(2 * LULL));
        assert_eq!((three.first_sequence, three.dropped), (20, 1));
    }

    #[test]
    fn a_clock_that_jumps_makes_another_gap_and_no_harm() {
        let future = Gap::after(None, (1, 1), 1, 0, at(2_000_000_000));
        assert_eq!(Gap::after(Some(future), (2, 2), 1, 0, at(0)).first_sequence, 2);
    }
}
