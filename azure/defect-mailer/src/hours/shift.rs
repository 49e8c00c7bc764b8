//! A shift: hours of a day, on some days of the week.

use jiff::Zoned;
use jiff::civil::{Time, Weekday};

/// From one time of the day to another, perhaps past midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The first minute.
    pub from: Time,
    /// The first minute after it; a time before `from` is of the next day.
    pub to: Time,
    /// The days on which it begins; empty for all.
    pub days: Vec<Weekday>,
}

impl Shift {
    /// Reads `06:00-14:00`, with days `["mon", "tue"]` or `["mon-fri"]`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(hours: &str, days: &[String]) -> Result<Self, String> {
        let wrong = || format!("{hours:?} is not like \"06:00-14:00\"");
        let (from, to) = hours.split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| wrong());
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(format!("{hours:?} has no length; leave the shift out for the whole day"));
        }
        let mut all = Vec::new();
        for text in days {
            all.extend(span(text)?);
        }
        Ok(Self { from, to, days: all })
    }

    /// Whether an instant is within the shift.
    #[must_use]
    pub fn covers(&self, local: &Zoned) -> bool {
        let (time, today) = (local.time(), local.weekday());
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if self.from < self.to {
            return self.from <= time && time < self.to && on(today);
        }
        (time >= self.from && on(today)) || (time < self.to && on(today.previous()))
    }
}

fn span(text: &str) -> Result<Vec<Weekday>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let mut days = vec![first];
    let mut next = first;
    while next != last {
        next = next.next();
        days.push(next);
    }
    Ok(days)
}

fn day(text: &str) -> Result<Weekday, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "mon" => Ok(Weekday::Monday),
        "tue" => Ok(Weekday::Tuesday),
        "wed" => Ok(Weekday::Wednesday),
        "thu" => Ok(Weekday::Thursday),
        "fri" => Ok(Weekday::Friday),
        "sat" => Ok(Weekday::Saturday),
        "sun" => Ok(Weekday::Sunday),
        _ => Err(format!("{text:?} is no day; write mon, tue, wed, thu, fri, sat or sun")),
    }
}
