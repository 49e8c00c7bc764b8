//! Functions with a timer trigger: when they are due, and what they are sent.
//!
//! Learn, "Timer trigger for Azure Functions": a schedule is an NCRONTAB expression of six fields, seconds first; a
//! timer runs on one instance only, however many there are; one that fails is not run again before its next time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::flag::is_set;
use crate::invocation;
use crate::partition::Shared;
use crate::progress::count;

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

impl Timer {
    /// Posts each time that is due, until the host stops.
    pub(crate) async fn run(
        self,
        shared: Arc<Shared>,
        every: Option<Duration>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut last = Timestamp::now();
        loop {
            let now = Timestamp::now();
            let Some(due) = self.schedule.next(now) else { return };
            let wait =
                every.unwrap_or_else(|| Duration::try_from(due.duration_since(now)).unwrap_or_default());
            tokio::select! {
                () = sleep(wait) => {}
                _ = is_set(&mut stop) => return,
            }
            let counters = &shared.counters;
            count(&counters.ticks, 1);
            if let Err(error) = self.post(&shared, last).await {
                count(&counters.failed_ticks, 1);
                tracing::warn!(function = self.name, error, "a timer's invocation failed");
            }
            last = Timestamp::now();
        }
    }

    async fn post(&self, shared: &Shared, last: Timestamp) -> Result<(), String> {
        let instance = shared.first();
        let mut ready = instance.ready.clone();
        if !is_set(&mut ready).await {
            return Err("the handler is gone".to_owned());
        }
        let body = Bytes::from(self.payload(last, Timestamp::now()).to_string());
        let invocation = invocation::invoke(instance.port, &self.name, body);
        let Some(most) = shared.timeout else { return invocation.await.map_err(|error| error.to_string()) };
        match timeout(most, invocation).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => {
                instance.restart.notify_one();
                Err("it took longer than functionTimeout".to_owned())
            }
        }
    }

    /// Host source, `TimerInfo`: an object, and so handed over as an object.
    fn payload(&self, last: Timestamp, now: Timestamp) -> Value {
        let next = self.schedule.next(now).unwrap_or(now);
        let timer = json!({
            "Schedule": { "AdjustForDST": true },
            "ScheduleStatus":
                { "Last": last.to_string(), "Next": next.to_string(), "LastUpdated": last.to_string() },
            "IsPastDue": false,
        });
        let guid = Uuid::new_v4().to_string();
        json!({
            "Data": Map::from_iter([(self.binding.clone(), timer)]),
            "Metadata": { "sys": { "MethodName": self.name, "UtcNow": now.to_string(), "RandGuid": guid } },
        })
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
