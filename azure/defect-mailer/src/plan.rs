//! The plan: who is told what, when and in which language. Read from a TOML file and checked at the start.

mod document;

use andon_telemetry::Severity;
use jiff::tz::TimeZone;
use lettre::message::Mailbox;

use crate::hours::Shift;
use crate::letter::Language;
use crate::notice::{Matter, Notice};
use crate::policy::Policy;
pub use document::{PlanError, parse};

/// Who is told what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When mails are due.
    pub policy: Policy,
    /// In the order of the file; one at least takes everything that no other takes.
    pub recipients: Vec<Recipient>,
    /// In which mails give times, and shifts are.
    pub zone: TimeZone,
    /// The sender's domain, in which mails are named.
    pub domain: String,
    /// The hub's name, in commands that mails give; empty where nobody said so.
    pub hub: String,
}

/// One recipient: a person or a group that gets the same mails.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// How the plan calls it.
    pub name: String,
    /// Its addresses.
    pub to: Vec<Mailbox>,
    /// In which it reads.
    pub language: Language,
    /// Lines that concern it; empty for all.
    pub lines: Vec<String>,
    /// The least severity that concerns it.
    pub severity: Severity,
    /// When it is at work; empty for always.
    pub shifts: Vec<Shift>,
    /// 0 is told at once, 1 and more when nobody has acknowledged in time.
    pub level: u8,
    /// Whether it is told of stations that are silent or cannot see.
    pub stations: bool,
    /// Whether it is told of events that were refused.
    pub refused: bool,
    /// Whether it only gets what nobody else gets.
    pub rest: bool,
}

impl Plan {
    /// Everything to the same addresses at once, in English.
    #[must_use]
    pub fn simple(to: Vec<Mailbox>, zone: TimeZone, domain: &str, hub: &str) -> Self {
        let everybody = Recipient {
            name: "everybody".to_owned(),
            to,
            language: Language::English,
            lines: Vec::new(),
            severity: Severity::Minor,
            shifts: Vec::new(),
            level: 0,
            stations: true,
            refused: true,
            rest: false,
        };
        let (policy, recipients) = (Policy::default(), vec![everybody]);
        Self { policy, recipients, zone, domain: domain.to_owned(), hub: hub.to_owned() }
    }

    /// The names of those whom a notice concerns, one at least.
    #[must_use]
    pub fn recipients_of(&self, notice: &Notice) -> Vec<&str> {
        let regular = self.recipients.iter().filter(|who| !who.rest && self.concerns(who, notice));
        let names: Vec<&str> = regular.map(|who| who.name.as_str()).collect();
        if !names.is_empty() {
            return names;
        }
        let rest: Vec<&str> =
            self.recipients.iter().filter(|who| who.rest).map(|who| who.name.as_str()).collect();
        if !rest.is_empty() {
            return rest;
        }
        // The check at the start saw somebody without conditions, but not for every kind of matter.
        self.recipients.iter().filter(|who| who.level == 0).map(|who| who.name.as_str()).collect()
    }

    /// The recipient of this name.
    #[must_use]
    pub fn recipient(&self, name: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|who| who.name == name)
    }

    fn concerns(&self, who: &Recipient, notice: &Notice) -> bool {
        let here = match &notice.matter {
            Matter::Refused(_) => return who.refused && who.level == 0,
            Matter::Station(_) => who.stations && who.level == 0,
            Matter::Incident(_) => who.level <= notice.level && who.severity <= notice.severity,
        };
        let line = who.lines.is_empty() || who.lines.contains(&notice.line);
        here && line && self.at_work(who, notice)
    }

    fn at_work(&self, who: &Recipient, notice: &Notice) -> bool {
        let local = notice.at.to_zoned(self.zone.clone());
        who.shifts.is_empty() || who.shifts.iter().any(|shift| shift.covers(&local))
    }
}

#[cfg(test)]
mod tests;
