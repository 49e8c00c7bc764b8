//! A notice: one thing that somebody must be told, with all that a mail says about it. Data only.

use andon_telemetry::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plain::plain_or;
use crate::tally::Tally;

/// Characters of a line's name, as many as a station's configuration may hold.
const LONGEST_LINE: usize = 128;

/// One thing that somebody must be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The device's id in the hub; empty for what concerns no single device.
    pub device: String,
    /// Which of the device's notices it is.
    pub own: Root,
    /// When it was written.
    pub at: Timestamp,
    /// The line, in the station's words; empty where it is not known.
    pub line: String,
    /// For the choice of recipients and the order of mails.
    pub severity: Severity,
    /// 0 for everybody's first recipient, higher after nobody acknowledged in time.
    pub level: u8,
    /// What it is about.
    pub matter: Matter,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// A run of like defects.
    Incident(Box<News>),
    /// The station itself.
    Station(StationNews),
    /// Events that were set aside.
    Refused(RefusedNews),
}

/// How an incident goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// The incident's id.
    pub incident: String,
    /// When the station opened it, in its words.
    pub opened_at: String,
    /// What happened.
    pub phase: Phase,
    /// The incident's first notice, whose mail begins the thread.
    pub root: Root,
    /// Fixed when the incident is opened, so that all its mails have one subject.
    pub title: Title,
    /// Items that no mail told before.
    pub new_items: u64,
    /// What the mail describes: the new items, or for `Closing` and `Escalation` all of them.
    pub tally: Tally,
    /// Who has acknowledged it, in the station's words.
    pub acknowledged: Option<String>,
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is new.
    Opening,
    /// Its count has grown, or it has been open for long.
    Update,
    /// Nobody has acknowledged it in time.
    Escalation,
    /// It was quiet for long enough.
    Closing,
}

/// Which notice of a device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// When the device's log was begun: should it be lost, numbers begin anew.
    pub epoch: Timestamp,
    /// The notice's number.
    pub number: u64,
}

/// What an incident is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    /// The line, in the station's words.
    pub line: String,
    /// The worst severity.
    pub severity: Severity,
    /// The worst labels, one or two, and how many more.
    pub labels: String,
}

/// How it stands with a station.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StationNews {
    /// What was or is the matter.
    pub trouble: Trouble,
    /// Since when.
    pub since: Timestamp,
    /// When it was over, if it is.
    pub until: Option<Timestamp>,
    /// The notice that told the trouble.
    pub root: Root,
}

/// Why a station inspects nothing, or nobody knows whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The hub has lost the connection.
    Disconnected,
    /// It is connected, but its heartbeat has stopped.
    NoHeartbeat,
    /// It says itself that it cannot do its work.
    Unwell {
        /// Its word for the state.
        state: String,
        /// Its reason.
        reason: String,
    },
}

/// Events that were set aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RefusedNews {
    /// How many in all.
    pub events: u64,
    /// The most frequent, with device and reason.
    pub groups: Vec<Refused>,
}

/// Events set aside for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The device's id, where known.
    pub device: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub events: u64,
}

impl Notice {
    /// How many items it tells for the first time.
    #[must_use]
    pub fn new_items(&self) -> u64 {
        match &self.matter {
            Matter::Incident(news) => news.new_items,
            Matter::Station(_) | Matter::Refused(_) => 0,
        }
    }

    /// The notice that its thread begins with.
    #[must_use]
    pub fn root(&self) -> Root {
        match &self.matter {
            Matter::Incident(news) => news.root,
            Matter::Station(news) => news.root,
            Matter::Refused(_) => self.own,
        }
    }

    /// Whether it goes on with a thread that another notice began.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.root() != self.own
    }

    /// Folds a later notice about the same matter in, where one mail can tell both.
    ///
    /// # Errors
    /// Gives the later notice back where it is about something else.
    pub fn merge(&mut self, later: Notice) -> Result<(), Box<Notice>> {
        let same = self.device == later.device && self.level == later.level;
        match (&mut self.matter, later.matter) {
            (Matter::Incident(mine), Matter::Incident(news)) if same && mine.incident == news.incident => {
                mine.new_items += news.new_items;
                // The tally of a closing or an escalation is of all items already.
                if matches!(news.phase, Phase::Closing | Phase::Escalation) {
                    mine.tally = news.tally;
                } else {
                    mine.tally.merge(&news.tally);
                }
                if matches!(news.phase, Phase::Closing) || mine.phase == Phase::Update {
                    mine.phase = news.phase;
                }
                mine.acknowledged = news.acknowledged.or(mine.acknowledged.take());
                self.severity = self.severity.max(later.severity);
                Ok(())
            }
            (_, matter) => Err(Box::new(Notice { matter, ..later })),
        }
    }
}

/// A line's name as notices carry it, from a station's words or from those of a plan, which must come to the same.
#[must_use]
pub fn line_name(words: &str) -> String {
    plain_or(words, LONGEST_LINE, "unnamed line")
}
