//! When a function with a timer trigger is due.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

/// A function with a timer trigger.
#[derive(Debug, Clone)]
pub struct Timer {
    /// Name of its folder, which is also the path that is posted to.
    pub name: String,
    /// Name of the trigger's binding, which is the key under `Data`.
    pub binding: String,
    /// When it is due.
    pub schedule: Schedule,
}

/// An NCRONTAB expression: second, minute, hour, day, month, day of the week, each a number, a list, a range, `*` or
/// one of these with `/step`. Times are UTC, as in Azure without `WEBSITE_TIME_ZONE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule([Field; 6]);

/// Which values of a field are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field(Vec<i8>);

impl Schedule {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RANGES: [(i8, i8); 6] = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        let words: Vec<&str> = text.split_whitespace().collect();
        let wrong = || format!("schedule is \"{text}\"; write six fields like \"0 */5 * * * *\"");
        let words: [&str; 6] = words.try_into().map_err(|_| wrong())?;
        let mut fields = [const { Field(Vec::new()) }; 6];
        for ((field, word), range) in fields.iter_mut().zip(words).zip(RANGES) {
            *field = Field::parse(word, range).ok_or_else(wrong)?;
        }
        Ok(Self(fields))
    }

    /// The next whole second that is meant, after `now`; `None` for a day that never comes.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let [second, minute, hour, day, month, weekday] = &self.0;
        let mut at = now.to_zoned(TimeZone::UTC).with().subsec_nanosecond(0).build().ok()?;
        at = at.checked_add(1.second()).ok()?;
        let end = at.checked_add(5.years()).ok()?;
        while at < end {
            let on = |at: &Zoned| {
                month.has(at.month())
                    && day.has(at.day())
                    && weekday.has(at.weekday().to_sunday_zero_offset())
            };
            // From the largest field to the smallest, so that few steps are needed.
            at = if !on(&at) {
                at.tomorrow().ok()?.start_of_day().ok()?
            } else if !hour.has(at.hour()) {
                at.with().minute(0).second(0).build().ok()?.checked_add(1.hour()).ok()?
            } else if !minute.has(at.minute()) {
                at.with().second(0).build().ok()?.checked_add(1.minute()).ok()?
            } else if !second.has(at.second()) {
                at.checked_add(1.second()).ok()?
            } else {
                return Some(at.timestamp());
            };
        }
        None
    }
}

impl Field {
    fn parse(word: &str, (least, most): (i8, i8)) -> Option<Self> {
        let mut values = Vec::new();
        for part in word.split(',') {
            let (range, step) = part.split_once('/').unwrap_or((part, "1"));
            let step: usize = step.parse().ok().filter(|step| *step > 0)?;
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (least, most),
                Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
                None => (range.parse().ok()?, range.parse().ok()?),
            };
            if first < least || last > most || first > last {
                return None;
            }
            values.extend((first..=last).step_by(step));
        }
        Some(Self(values))
    }

    fn has(&self, value: i8) -> bool {
        self.0.contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_due_as_the_table_says() {
        // 2026-11-25 is a Wednesday.
        let now = "2026-11-25T01:02:03.5Z";
        for (text, due) in [
            ("0 * * * * *", "2026-11-25T01:03:00Z"),
            ("* * * * * *", "2026-11-25T01:02:04Z"),
            ("0 */5 * * * *", "2026-11-25T01:05:00Z"),
            ("15,45 2-3 * * * *", "2026-11-25T01:02:15Z"),
            ("0 30 9 * * 1-5", "2026-11-25T09:30:00Z"),
            ("0 0 0 * * 0", "2026-11-29T00:00:00Z"),
            ("0 0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ] {
            let next = Schedule::parse(text).unwrap().next(now.parse().unwrap()).unwrap();
            assert_eq!(next.to_string(), due, "{text}");
        }
        assert_eq!(Schedule::parse("0 0 0 31 2 *").unwrap().next(now.parse().unwrap()), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "* * * * *", "60 * * * * *", "*/0 * * * * *", "x * * * * *", "5-2 * * * * *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
