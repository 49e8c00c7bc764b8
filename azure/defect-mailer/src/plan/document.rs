//! The plan's file as it is written, and its check.

use std::collections::{BTreeMap, BTreeSet};

use andon_telemetry::Severity;
use jiff::{SignedDuration, tz::TimeZone};
use lettre::message::Mailbox;
use serde::Deserialize;

use super::{Plan, Recipient};
use crate::hours::{Hours, Shift};
use crate::letter::Language;
use crate::notice::line_name;
use crate::policy::Policy;
use crate::settings::MOST_RECIPIENTS;

/// One fault of the plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct PlanError {
    /// Where it is.
    pub at: String,
    /// What it is, and what to do.
    pub fault: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    language: Language,
    #[serde(default)]
    mails: Mails,
    #[serde(default)]
    rate: Rate,
    #[serde(default)]
    stations: Stations,
    #[serde(default)]
    shift: BTreeMap<String, RawShift>,
    #[serde(default)]
    recipient: Vec<RawRecipient>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mails {
    update_items: Option<Vec<u64>>,
    update_minutes: Option<u32>,
    close_minutes: Option<u32>,
    escalate_minutes: Option<Vec<u32>>,
    storm_mails: Option<u32>,
    storm_minutes: Option<u32>,
    refused_minutes: Option<u32>,
    retry_seconds: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    per_minute: Option<u32>,
    per_hour: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stations {
    silent_minutes: Option<u32>,
    heartbeat_minutes: Option<u32>,
    unwell_minutes: Option<u32>,
    #[serde(default)]
    shifts: Vec<String>,
    #[serde(default)]
    line_shifts: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShift {
    hours: String,
    #[serde(default)]
    days: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipient {
    name: String,
    to: Vec<String>,
    language: Option<Language>,
    #[serde(default)]
    lines: Vec<String>,
    severity: Option<Severity>,
    #[serde(default)]
    shifts: Vec<String>,
    #[serde(default)]
    level: u8,
    #[serde(default = "yes")]
    stations: bool,
    refused: Option<bool>,
    #[serde(default)]
    rest: bool,
}

fn yes() -> bool {
    true
}

/// Collects faults while it reads.
#[derive(Default)]
struct Check(Vec<PlanError>);

/// Reads a plan.
///
/// # Errors
/// Every fault, each with its remedy; a fault of the file's form with its line.
pub fn parse(text: &str, zone: TimeZone, domain: &str, hub: &str) -> Result<Plan, Vec<PlanError>> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        vec![PlanError { at: format!("line {line}"), fault: error.message().to_owned() }]
    })?;
    let mut check = Check::default();
    let mut policy = check.policy(&document);
    let mut shifts = BTreeMap::new();
    for (name, shift) in &document.shift {
        match Shift::parse(&shift.hours, &shift.days) {
            Ok(shift) => {
                shifts.insert(name.clone(), shift);
            }
            Err(fault) => check.fault(&format!("shift.{name}"), fault),
        }
    }
    policy.hours = check.hours(&document.stations, &shifts, &policy, &zone);
    let language = document.language;
    let recipients: Vec<Recipient> =
        document.recipient.into_iter().map(|raw| check.recipient(raw, &shifts, language)).collect();
    check.together(&recipients, &policy);
    if check.0.is_empty() {
        Ok(Plan { policy, recipients, zone, domain: domain.to_owned(), hub: hub.to_owned() })
    } else {
        Err(check.0)
    }
}

impl Check {
    fn fault(&mut self, at: &str, fault: impl Into<String>) {
        self.0.push(PlanError { at: at.to_owned(), fault: fault.into() });
    }

    fn number(&mut self, at: &str, value: Option<u32>, default: i64, range: (u32, u32)) -> i64 {
        let Some(value) = value else { return default };
        if !(range.0..=range.1).contains(&value) {
            self.fault(at, format!("is {value}; write a number from {} to {}", range.0, range.1));
        }
        i64::from(value)
    }

    fn minutes(&mut self, at: &str, value: Option<u32>, default: SignedDuration) -> SignedDuration {
        SignedDuration::from_mins(self.number(at, value, default.as_mins(), (1, 1440)))
    }

    /// As [`Check::minutes`], with 0 for "at once".
    fn patience(&mut self, at: &str, value: Option<u32>, default: SignedDuration) -> SignedDuration {
        SignedDuration::from_mins(self.number(at, value, default.as_mins(), (0, 1440)))
    }

    fn policy(&mut self, document: &Document) -> Policy {
        let (usual, mails) = (Policy::default(), &document.mails);
        let count = |number: i64| usize::try_from(number).unwrap_or(1);
        let update_items = mails.update_items.clone().unwrap_or(usual.update_items);
        if !update_items.is_sorted_by(|a, b| a < b) || update_items.first().is_some_and(|least| *least < 2) {
            self.fault("mails.update_items", "write counts from 2 on that grow, e.g. [10, 50, 250]");
        }
        let escalate = mails.escalate_minutes.clone().unwrap_or_default();
        if !escalate.is_sorted_by(|a, b| a < b) || escalate.first() == Some(&0) || escalate.len() > 5 {
            self.fault(
                "mails.escalate_minutes",
                "write at most five numbers of minutes that grow, e.g. [15, 60]",
            );
        }
        let retry = self.number("mails.retry_seconds", mails.retry_seconds, usual.retry.as_secs(), (1, 600));
        let (storm, minute, hour) = (usual.storm as i64, usual.per_minute as i64, usual.per_hour as i64);
        Policy {
            update_items,
            update_after: self.minutes("mails.update_minutes", mails.update_minutes, usual.update_after),
            close_after: self.minutes("mails.close_minutes", mails.close_minutes, usual.close_after),
            escalate_after: escalate.iter().map(|m| SignedDuration::from_mins(i64::from(*m))).collect(),
            storm: count(self.number("mails.storm_mails", mails.storm_mails, storm, (1, 10_000))),
            storm_window: self.minutes("mails.storm_minutes", mails.storm_minutes, usual.storm_window),
            retry: SignedDuration::from_secs(retry),
            refused_after: self.minutes("mails.refused_minutes", mails.refused_minutes, usual.refused_after),
            per_minute: count(self.number("rate.per_minute", document.rate.per_minute, minute, (1, 10_000))),
            per_hour: count(self.number("rate.per_hour", document.rate.per_hour, hour, (1, 100_000))),
            hours: usual.hours,
            silent_after: self.patience(
                "stations.silent_minutes",
                document.stations.silent_minutes,
                usual.silent_after,
            ),
            heartbeat: self.minutes(
                "stations.heartbeat_minutes",
                document.stations.heartbeat_minutes,
                usual.heartbeat,
            ),
            unwell_after: self.patience(
                "stations.unwell_minutes",
                document.stations.unwell_minutes,
                usual.unwell_after,
            ),
        }
    }

    /// The shifts of these names.
    fn shifts(&mut self, at: &str, names: &[String], shifts: &BTreeMap<String, Shift>) -> Vec<Shift> {
        for name in names.iter().filter(|name| !shifts.contains_key(*name)) {
            self.fault(at, format!("there is no [shift.{name}]"));
        }
        names.iter().filter_map(|name| shifts.get(name).cloned()).collect()
    }

    /// When silence counts; with a fault for hours in which no silence could last long enough to be told.
    fn hours(
        &mut self,
        stations: &Stations,
        shifts: &BTreeMap<String, Shift>,
        policy: &Policy,
        zone: &TimeZone,
    ) -> Hours {
        let usual = self.shifts("stations.shifts", &stations.shifts, shifts);
        let mut lines = BTreeMap::new();
        for (line, names) in &stations.line_shifts {
            lines.insert(line_name(line), self.shifts("stations.line_shifts", names, shifts));
        }
        let hours = Hours::new(zone.clone(), usual, lines);
        for (key, span) in [("silent_minutes", policy.silent_after), ("heartbeat_minutes", policy.heartbeat)]
        {
            for line in hours.shorter_than(span) {
                let at =
                    line.map_or("stations.shifts".to_owned(), |line| format!("stations.line_shifts.{line}"));
                let fault =
                    format!("no stretch of these shifts is longer than {key}, so that silence is never told");
                self.fault(&at, fault);
            }
        }
        hours
    }

    fn recipient(
        &mut self,
        raw: RawRecipient,
        shifts: &BTreeMap<String, Shift>,
        usual: Language,
    ) -> Recipient {
        let at = format!("recipient {:?}", raw.name);
        let mut to: Vec<Mailbox> = Vec::new();
        for text in &raw.to {
            match text.parse() {
                Ok(mailbox) if !to.contains(&mailbox) => to.push(mailbox),
                Ok(_) => {}
                Err(_) => self.fault(&at, format!("{text:?} is no mail address")),
            }
        }
        if raw.to.is_empty() || raw.to.len() > MOST_RECIPIENTS {
            self.fault(&at, format!("to must hold 1 to {MOST_RECIPIENTS} addresses"));
        }
        if raw.name.is_empty() || raw.name.len() > 80 {
            self.fault(&at, "name must have 1 to 80 characters");
        }
        let mine = self.shifts(&at, &raw.shifts, shifts);
        Recipient {
            refused: raw.refused.unwrap_or(raw.lines.is_empty() && raw.shifts.is_empty() && raw.level == 0),
            name: raw.name,
            to,
            language: raw.language.unwrap_or(usual),
            lines: raw.lines.iter().map(|line| line_name(line)).collect(),
            severity: raw.severity.unwrap_or(Severity::Minor),
            shifts: mine,
            level: raw.level,
            stations: raw.stations,
            rest: raw.rest,
        }
    }

    /// What no recipient shows alone.
    fn together(&mut self, recipients: &[Recipient], policy: &Policy) {
        let mut names = BTreeSet::new();
        for who in recipients.iter().filter(|who| !names.insert(who.name.clone())) {
            self.fault(&format!("recipient {:?}", who.name), "there are two of this name");
        }
        let unconditional = |who: &&Recipient| {
            who.lines.is_empty() && who.shifts.is_empty() && who.severity == Severity::Minor && who.level == 0
        };
        if !recipients.iter().any(|who| who.rest) && !recipients.iter().any(|who| unconditional(&who)) {
            let fault = "nobody gets what no other gets: add a [[recipient]] with rest = true, or one without \
                         lines, shifts and severity";
            self.fault("recipient", fault);
        }
        let levels = policy.escalate_after.len();
        for level in 1..=levels {
            if recipients.iter().all(|who| usize::from(who.level) != level) {
                let fault =
                    format!("escalate_minutes has {levels} steps, but no recipient has level = {level}");
                self.fault("mails.escalate_minutes", fault);
            }
        }
        if let Some(who) = recipients.iter().find(|who| usize::from(who.level) > levels) {
            let fault = format!("level {} is never reached: give mails.escalate_minutes", who.level);
            self.fault(&format!("recipient {:?}", who.name), fault);
        }
    }
}
