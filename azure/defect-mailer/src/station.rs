//! What the mailer knows of one device: which reports it has seen, its incidents and its health, and which
//! notices it still has to hand on. Pure.

mod incident;

use std::collections::VecDeque;

use andon_telemetry::{Report, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::health::{Change, Health, Sign};
use crate::notice::{Matter, Notice, Root, StationNews, line_name};
use crate::plain::plain_or;
use crate::policy::Policy;
use incident::Incident;

/// The layout of a log in storage that this program reads and writes.
pub const VERSION: u32 = 2;
/// Report ids kept a device. Duplicates come close behind their original: a station resends what it had in
/// flight, the host what it had not checkpointed; both are far fewer.
const SEEN: usize = 5_000;
/// Open incidents kept a device.
const INCIDENTS: usize = 64;
/// Notices that may wait to be handed on; the station waits with further reports.
const NOTICES: usize = 256;

/// One device's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StationLog {
    /// [`VERSION`].
    pub version: u32,
    /// The device's id in the hub.
    pub device: String,
    /// Its line, in the words of its last report.
    line: String,
    /// Hashes of report ids.
    seen: VecDeque<String>,
    /// The least recently touched first.
    incidents: VecDeque<Incident>,
    health: Health,
    /// The notice that told the trouble the station is in.
    trouble: Option<Root>,
    notices: Vec<Notice>,
    next: Root,
    /// When the desk will look at this device, as far as is known here.
    wake: Option<Timestamp>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the log.
    Folded,
    /// It was there before.
    Duplicate,
    /// There is no room until notices were handed on.
    Full,
}

impl StationLog {
    /// The log of a device that was never heard of.
    #[must_use]
    pub fn new(device: &str, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            device: device.to_owned(),
            line: String::new(),
            seen: VecDeque::new(),
            incidents: VecDeque::new(),
            health: Health::default(),
            trouble: None,
            notices: Vec::new(),
            next: Root { epoch: now, number: 1 },
            wake: None,
        }
    }

    /// Folds a report in, once.
    pub fn take(&mut self, report: &Report, now: Timestamp) -> Taken {
        let id = short_hash(&report.report_id);
        if self.seen.contains(&id) {
            return Taken::Duplicate;
        }
        if self.notices.len() >= NOTICES {
            return Taken::Full;
        }
        self.line = line_name(&report.station.line);
        let known = self.incidents.iter().position(|known| known.id == report.incident.id);
        let incident = match known.and_then(|at| self.incidents.remove(at)) {
            Some(mut incident) => {
                incident.add(&self.device, report, now);
                incident
            }
            None => {
                self.make_room(now);
                Incident::new(&self.device, report, now)
            }
        };
        self.incidents.push_back(incident);
        self.seen.push_back(id);
        if self.seen.len() > SEEN {
            self.seen.pop_front();
        }
        Taken::Folded
    }

    /// Closes the incident that was touched least recently, where there is no room for another.
    fn make_room(&mut self, now: Timestamp) {
        if self.incidents.len() < INCIDENTS {
            return;
        }
        if let Some(mut old) = self.incidents.pop_front() {
            let news = old.close(now, self.next);
            self.write(now, news.tally.severity, old.level, Matter::Incident(Box::new(news)));
        }
    }

    /// Takes a sign of life in; returns whether the log must be kept for it.
    pub fn observe(&mut self, sign: &Sign, at: Timestamp, policy: &Policy) -> bool {
        self.health.observe(sign, at, policy)
    }

    /// Notes who has acknowledged incidents; `None` stands for all that are open. Returns whether that was new.
    pub fn acknowledge(&mut self, incident: Option<&str>, by: &str) -> bool {
        let mut news = false;
        for open in &mut self.incidents {
            if incident.is_none_or(|id| id == open.id) && open.acknowledged.is_none() {
                open.acknowledged = Some(plain_or(by, 80, "the station"));
                news = true;
            }
        }
        news
    }

    /// Writes the notices that are due. Returns whether there are any.
    pub fn decide(&mut self, now: Timestamp, policy: &Policy) -> bool {
        for mut incident in std::mem::take(&mut self.incidents) {
            if let Some(news) = incident.decide(now, self.next, policy) {
                let severity = news.title.severity.max(news.tally.severity);
                self.write(now, severity, incident.level, Matter::Incident(Box::new(news)));
            }
            if !incident.is_over(now, policy) {
                self.incidents.push_back(incident);
            }
        }
        if let Some(change) = self.health.decide(now, &self.line, policy) {
            let own = self.next;
            let news = match change {
                Change::Trouble(trouble, since) => {
                    self.trouble = Some(own);
                    StationNews { trouble, since, until: None, root: own }
                }
                Change::Over(trouble, since) => {
                    let root = self.trouble.take().unwrap_or(own);
                    StationNews { trouble, since, until: Some(now), root }
                }
            };
            self.write(now, Severity::Major, 0, Matter::Station(news));
        }
        !self.notices.is_empty()
    }

    /// When [`StationLog::decide`] may have something to say, if nothing comes before.
    #[must_use]
    pub fn due_at(&self, policy: &Policy) -> Option<Timestamp> {
        let incidents = self.incidents.iter().map(|incident| incident.due_at(policy));
        incidents.chain(self.health.due_at(&self.line, policy)).min()
    }

    /// What must be handed on.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Whether the desk must be told of this device: it has notices, or is due earlier than the desk knows. `asked`
    /// when the desk has sent for it, and waits for another instant.
    #[must_use]
    pub fn to_hand_on(&self, policy: &Policy, asked: bool) -> Option<Option<Timestamp>> {
        let due = self.due_at(policy);
        let earlier = due.is_some_and(|due| self.wake.is_none_or(|wake| due < wake));
        (asked || earlier || !self.notices.is_empty()).then_some(due)
    }

    /// Strikes notices that the desk has, up to and with `last`, and notes when it will look again. Returns whether
    /// that changes anything.
    pub fn handed_on(&mut self, last: Option<Root>, due: Option<Timestamp>) -> bool {
        let before = (self.notices.len(), self.wake);
        if let Some(last) = last.filter(|last| last.epoch == self.next.epoch) {
            self.notices.retain(|notice| notice.own.number > last.number);
        }
        self.wake = due;
        before != (self.notices.len(), self.wake)
    }

    fn write(&mut self, now: Timestamp, severity: Severity, level: u8, matter: Matter) {
        let (device, line) = (self.device.clone(), self.line.clone());
        self.notices.push(Notice { device, own: self.next, at: now, line, severity, level, matter });
        self.next.number += 1;
    }
}

/// 16 hex digits.
fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..8])
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
