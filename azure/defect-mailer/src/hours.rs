//! Working hours: when the silence of a station is news, and when it is only night. Pure.

mod shift;

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
pub use shift::Shift;

/// Stretches of work that are looked at: two weeks of three shifts a day.
const STRETCHES: usize = 42;
/// A shift begins again within so many days.
const WEEK: i64 = 8;

/// When stations work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    zone: TimeZone,
    /// Of lines that have none of their own; empty for always.
    shifts: Vec<Shift>,
    lines: BTreeMap<String, Vec<Shift>>,
}

impl Hours {
    /// At any time.
    #[must_use]
    pub fn always() -> Self {
        Self::new(TimeZone::UTC, Vec::new(), BTreeMap::new())
    }

    /// In these shifts, or in those of a line; without a shift at any time.
    #[must_use]
    pub fn new(zone: TimeZone, shifts: Vec<Shift>, lines: BTreeMap<String, Vec<Shift>>) -> Self {
        Self { zone, shifts, lines }
    }

    /// When a station of this line has been silent for so long while it should have worked, without a break; `None`
    /// when that never comes, because no stretch of work is that long.
    #[must_use]
    pub fn silent_for(&self, line: &str, since: Timestamp, span: SignedDuration) -> Option<Timestamp> {
        self.silent_in(self.lines.get(line).unwrap_or(&self.shifts), since, span)
    }

    /// Whose hours hold no stretch of work that is longer than this, so that such a silence is never told: lines with
    /// hours of their own, and `None` for all others.
    pub fn shorter_than(&self, span: SignedDuration) -> impl Iterator<Item = Option<&str>> {
        let lines = self.lines.iter().map(|(line, shifts)| (Some(line.as_str()), shifts));
        lines
            .chain([(None, &self.shifts)])
            .filter(move |(_, shifts)| self.silent_in(shifts, Timestamp::UNIX_EPOCH, span).is_none())
            .map(|(whose, _)| whose)
    }

    fn silent_in(&self, shifts: &[Shift], since: Timestamp, span: SignedDuration) -> Option<Timestamp> {
        let over = |from: Timestamp| from.checked_add(span).unwrap_or(Timestamp::MAX);
        if shifts.is_empty() {
            return Some(over(since));
        }
        let mut from = since;
        for _ in 0..STRETCHES {
            if !self.is_work(shifts, from) {
                from = self.next(shifts, from, true)?;
            }
            match self.next(shifts, from, false) {
                Some(end) if over(from) >= end => from = end,
                _ => return Some(over(from)),
            }
        }
        None
    }

    fn is_work(&self, shifts: &[Shift], at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        shifts.iter().any(|shift| shift.covers(&local))
    }

    /// The next instant at which work begins, or ends.
    fn next(&self, shifts: &[Shift], after: Timestamp, begins: bool) -> Option<Timestamp> {
        let today = after.to_zoned(self.zone.clone()).date();
        let mut times: Vec<Time> = shifts.iter().flat_map(|shift| [shift.from, shift.to]).collect();
        times.sort_unstable();
        let days = (0..=WEEK).filter_map(|day| today.checked_add(day.days()).ok());
        let instants = days.flat_map(|date| {
            times.iter().filter_map(move |time| {
                let local = date.to_datetime(*time).to_zoned(self.zone.clone()).ok()?;
                Some(local.timestamp())
            })
        });
        instants.filter(|at| *at > after).find(|at| self.is_work(shifts, *at) == begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Early and late from Monday to Friday, one after the other; line 2 at night, from Sunday on.
    fn hours() -> Hours {
        let shift = |hours: &str, days: &[&str]| {
            Shift::parse(hours, &days.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        let week = [shift("06:00-14:00", &["mon-fri"]), shift("14:00-22:00", &["mon-fri"])];
        let night = vec![shift("22:00-06:00", &["sun", "mon-thu"])];
        let lines = BTreeMap::from([("line-2".to_owned(), night), ("line-3".to_owned(), Vec::new())]);
        Hours::new(TimeZone::get("Europe/Berlin").unwrap(), week.to_vec(), lines)
    }

    #[test]
    fn silence_counts_while_there_is_work() {
        // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC, two until 2026-10-25 at 03:00.
        let cases = [
            ("line-1", "in a shift", "2026-11-23T09:00", "2026-11-23T09:05"),
            ("line-1", "over the change of shifts", "2026-11-23T13:57", "2026-11-23T14:02"),
            ("line-1", "at night", "2026-11-23T22:30", "2026-11-24T06:05"),
            ("line-1", "at the end of the last shift", "2026-11-23T21:58", "2026-11-24T06:05"),
            ("line-1", "to the minute of its end", "2026-11-23T21:55", "2026-11-24T06:05"),
            ("line-1", "over the weekend", "2026-11-20T22:00", "2026-11-23T06:05"),
            ("line-1", "since before the first minute", "2026-11-23T05:59", "2026-11-23T06:05"),
            ("line-1", "over a night that is an hour longer", "2026-10-23T23:00", "2026-10-26T06:05"),
            ("line-2", "by day, with hours of its own", "2026-11-23T09:00", "2026-11-23T22:05"),
            ("line-2", "after midnight of a Sunday's shift", "2026-11-23T03:00", "2026-11-23T03:05"),
            ("line-2", "on Friday night", "2026-11-27T23:00", "2026-11-29T22:05"),
            ("line-3", "at any time", "2026-11-22T03:00", "2026-11-22T03:05"),
            ("", "where the line is not known", "2026-11-23T22:30", "2026-11-24T06:05"),
        ];
        let (hours, zone) = (hours(), TimeZone::get("Europe/Berlin").unwrap());
        let at = |text: &str| {
            text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap().timestamp()
        };
        for (line, case, since, expected) in cases {
            let due = hours.silent_for(line, at(since), SignedDuration::from_mins(5));
            assert_eq!(due, Some(at(expected)), "{line}: {case}");
        }
    }

    #[test]
    fn what_no_stretch_of_work_is_long_enough_for_never_comes() {
        let since = "2026-11-23T08:00:00Z".parse().unwrap();
        let sixteen = |minutes: i64| SignedDuration::from_mins(16 * 60 + minutes);
        assert_eq!(hours().silent_for("line-1", since, sixteen(0)), None);
        let monday = hours().silent_for("line-1", since, sixteen(-1));
        assert_eq!(monday, Some("2026-11-24T20:59:00Z".parse().unwrap()));
        let end = Timestamp::MAX;
        assert_eq!(Hours::always().silent_for("line-1", end, sixteen(0)), Some(end));
        assert_eq!(hours().silent_for("line-1", end, sixteen(0)), None);
    }

    #[test]
    fn hours_that_are_too_short_for_a_silence_are_those_of_a_line_or_the_usual_ones() {
        let (hours, lengths) = (hours(), [8 * 60 - 1, 8 * 60, 16 * 60]);
        let whose =
            lengths.map(|minutes| hours.shorter_than(SignedDuration::from_mins(minutes)).collect::<Vec<_>>());
        assert_eq!(whose, [vec![], vec![Some("line-2")], vec![Some("line-2"), None]]);
        assert_eq!(Hours::always().shorter_than(SignedDuration::MAX).count(), 0);
    }
}
