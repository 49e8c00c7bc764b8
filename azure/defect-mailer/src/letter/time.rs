//! Instants and spans of time in the reader's zone and language.

use jiff::{SignedDuration, Timestamp};

use super::catalogue::fill;
use super::sheet::Reader;

impl Reader<'_> {
    /// In the reader's zone; as the station wrote it where that is no instant.
    pub(super) fn instant(&self, text: &str) -> String {
        match text.parse::<Timestamp>() {
            Ok(instant) => self.at(instant),
            Err(_) if text.is_empty() => self.texts.word.unknown.clone(),
            Err(_) => text.to_owned(),
        }
    }

    pub(super) fn at(&self, instant: Timestamp) -> String {
        let (local, time) = (instant.to_zoned(self.zone.clone()), &self.texts.time);
        let name = |names: &[String], index: i8| {
            usize::try_from(index).ok().and_then(|index| names.get(index)).cloned().unwrap_or_default()
        };
        let weekday = name(&time.weekdays, local.weekday().to_monday_zero_offset());
        let month = name(&time.months, local.month() - 1);
        let (day, clock) = (local.day().to_string(), local.strftime("%H:%M:%S %Z").to_string());
        fill(&time.pattern, &[("weekday", &weekday), ("day", &day), ("month", &month), ("clock", &clock)])
    }

    pub(super) fn clock(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%H:%M %Z").to_string()
    }

    pub(super) fn span(&self, gap: SignedDuration) -> String {
        let minutes = gap.as_mins().unsigned_abs();
        let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        let (count, time) = (&self.texts.count, &self.texts.time);
        if days > 0 {
            let values = [("days", count.day.of(days)), ("hours", hours.to_string())];
            return fill(&time.span_days, &values.each_ref().map(|(name, value)| (*name, value.as_str())));
        }
        if hours == 0 {
            return count.minute.of(rest);
        }
        fill(&time.span_hours, &[("hours", &hours.to_string()), ("minutes", &rest.to_string())])
    }
}
