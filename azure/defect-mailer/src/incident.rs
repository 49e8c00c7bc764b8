//! What the mailer knows of one device: which reports it has seen, what a mail has told, what is owed. Pure.

use std::collections::VecDeque;

use andon_telemetry::{Notify, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{plain::plain, tally::Tally};

/// The layout of a log on disk that this program reads and writes.
pub const VERSION: u32 = 1;
/// Report ids kept a device. Duplicates come close behind their original: a station resends what it had in
/// flight, the host what it had not checkpointed; both are far fewer.
const SEEN: usize = 5_000;
/// Incidents kept a device.
const INCIDENTS: usize = 64;
/// Other incidents that one mail mentions.
const ALSO: usize = 5;

/// One device's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceLog {
    /// [`VERSION`].
    pub version: u32,
    /// The device's id in the hub.
    pub device: String,
    seen: VecDeque<String>,
    /// The least recently touched first.
    incidents: VecDeque<Incident>,
    /// Items that were counted, never told, and whose incident had to make room.
    untold_leftover: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Incident {
    id: String,
    opened_at: String,
    /// The Message-ID of the incident's first mail, from the moment that mail was owed.
    opening: Option<String>,
    /// What no mail tells yet.
    untold: Option<Tally>,
    /// The report that made a further mail due.
    due: Option<String>,
    owed: Option<Owed>,
}

/// A mail that must be sent: fixed in every word before the first attempt, so that each attempt sends the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// With angle brackets.
    pub message_id: String,
    /// The incident's first mail, when this is a later one.
    pub in_reply_to: Option<String>,
    /// The mail's Date.
    pub written_at: Timestamp,
    /// The incident's id.
    pub incident: String,
    /// When the station opened the incident, in its words.
    pub opened_at: String,
    /// What it tells.
    pub tally: Tally,
    /// Other incidents of the device that grew without a mail of their own.
    pub also: Vec<Also>,
    /// Items of forgotten incidents that no mail told.
    pub leftover: u64,
    /// Recipients that have it, or that refused it for good.
    pub done: Vec<String>,
    /// Whether any recipient has it.
    pub reached: bool,
}

/// A line on another incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Also {
    /// Its worst label.
    pub label: String,
    /// When the station opened it, in its words.
    pub opened_at: String,
    /// Items since its last mail.
    pub items: u64,
    /// Items in all.
    pub total: u64,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the log.
    Folded,
    /// It was there before.
    Duplicate,
    /// There is no room: too many incidents of this device wait for the mail server.
    Full,
}

impl DeviceLog {
    /// The log of a device that was never heard of.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self {
            version: VERSION,
            device: device.to_owned(),
            seen: VecDeque::new(),
            incidents: VecDeque::new(),
            untold_leftover: 0,
        }
    }

    /// Folds a report in, once.
    ///
    /// A mail is due when the station asks for one, and always for an incident that no mail has told yet: its
    /// opening report may have been unreadable.
    pub fn take(&mut self, report: &Report) -> Taken {
        if self.seen.contains(&report.report_id) {
            return Taken::Duplicate;
        }
        let Some(mut incident) = self.pull(report) else { return Taken::Full };
        match &mut incident.untold {
            Some(tally) => tally.add(&self.device, report),
            None => incident.untold = Some(Tally::of(&self.device, report)),
        }
        if incident.due.is_none() && (report.incident.notify != Notify::None || incident.opening.is_none()) {
            incident.due = Some(report.report_id.clone());
        }
        self.incidents.push_back(incident);
        self.seen.push_back(report.report_id.clone());
        if self.seen.len() > SEEN {
            self.seen.pop_front();
        }
        Taken::Folded
    }

    /// Takes the report's incident out of the log, or a new one where there is room.
    fn pull(&mut self, report: &Report) -> Option<Incident> {
        if let Some(at) = self.incidents.iter().position(|known| known.id == report.incident.id) {
            return self.incidents.remove(at);
        }
        if self.incidents.len() >= INCIDENTS {
            let idle = |incident: &Incident| incident.owed.is_none() && incident.due.is_none();
            let told = |incident: &Incident| idle(incident) && incident.untold.is_none();
            let at = self.incidents.iter().position(told).or_else(|| self.incidents.iter().position(idle))?;
            let untold = self.incidents.remove(at).and_then(|old| old.untold);
            self.untold_leftover += untold.map_or(0, |tally| tally.items);
        }
        Some(Incident {
            id: report.incident.id.clone(),
            opened_at: plain(&report.incident.opened_at, 40),
            opening: None,
            untold: None,
            due: None,
            owed: None,
        })
    }

    /// Turns what is due into mails owed, at most one an incident at a time: while a mail is owed, further
    /// reports wait for the next one. Returns how many were added.
    pub fn owe(&mut self, now: Timestamp, domain: &str) -> usize {
        let mut added = 0;
        for at in 0..self.incidents.len() {
            let incident = &mut self.incidents[at];
            if incident.owed.is_some() {
                continue;
            }
            let Some(anchor) = incident.due.take() else { continue };
            let Some(tally) = incident.untold.take() else { continue };
            let message_id = message_id(&self.device, &anchor, domain);
            let in_reply_to = incident.opening.clone();
            incident.opening.get_or_insert_with(|| message_id.clone());
            let (id, opened_at) = (incident.id.clone(), incident.opened_at.clone());
            let owed = Owed {
                message_id,
                in_reply_to,
                written_at: now,
                incident: id,
                opened_at,
                tally,
                also: self.also(),
                leftover: std::mem::take(&mut self.untold_leftover),
                done: Vec::new(),
                reached: false,
            };
            self.incidents[at].owed = Some(owed);
            added += 1;
        }
        added
    }

    /// What other incidents have gathered without a mail being due for it: told now, lest nobody ever hears.
    fn also(&mut self) -> Vec<Also> {
        let waiting = self.incidents.iter_mut().filter(|other| other.due.is_none());
        let told = waiting.filter_map(|other| {
            let tally = other.untold.take()?;
            Some(Also {
                label: tally.labels.first().map_or_else(|| "defect".to_owned(), |label| label.name.clone()),
                opened_at: other.opened_at.clone(),
                items: tally.items,
                total: tally.total,
            })
        });
        told.take(ALSO).collect()
    }

    /// The mails owed, the incident that was touched least recently first.
    pub fn owed(&self) -> impl Iterator<Item = &Owed> {
        self.incidents.iter().filter_map(|incident| incident.owed.as_ref())
    }

    /// Notes that recipients are done with a mail, because they have it (`reached`) or refused it for good.
    pub fn note(&mut self, message_id: &str, recipients: &[String], reached: bool) {
        let mut owed = self.incidents.iter_mut().filter_map(|incident| incident.owed.as_mut());
        if let Some(owed) = owed.find(|owed| owed.message_id == message_id) {
            owed.done.extend_from_slice(recipients);
            owed.reached |= reached;
        }
    }

    /// Strikes a mail that all recipients are done with.
    pub fn settle(&mut self, message_id: &str) {
        for incident in &mut self.incidents {
            if incident.owed.as_ref().is_some_and(|owed| owed.message_id == message_id) {
                incident.owed = None;
            }
        }
    }
}

/// The same for the same report of the same device, whatever batch it comes in; different for all others.
fn message_id(device: &str, report: &str, domain: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((device.len() as u64).to_be_bytes());
    hash.update(device);
    hash.update(report);
    format!("<andon-{}@{domain}>", hex(&hash.finalize()[..16]))
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
