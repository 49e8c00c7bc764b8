//! How it stands with a station, from what the hub says of it: silent, unwell, or back. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notice::Trouble;
use crate::policy::Policy;

/// What is known of a station's health.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The last sign of life.
    last_sign: Option<Timestamp>,
    /// Whether it reports its health by itself, so that the lack of it says something.
    beats: bool,
    /// Since when the hub has had no connection.
    gone_since: Option<Timestamp>,
    /// What it says itself.
    unwell: Option<Unwell>,
    /// What somebody was told.
    told: Option<(Trouble, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unwell {
    since: Timestamp,
    state: String,
    reason: String,
}

/// What the hub says of a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It sent a report.
    Report,
    /// It has connected.
    Connected,
    /// It is no longer connected.
    Disconnected,
    /// Its twin's reported properties have changed.
    Reported {
        /// State and reason, where the change holds them.
        health: Option<(String, String)>,
    },
}

/// A change that somebody must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is trouble.
    Trouble(Trouble, Timestamp),
    /// It is over.
    Over(Trouble, Timestamp),
}

/// States in which a station does its work, or rightly does not.
const WELL: [&str; 3] = ["ok", "paused", "starting"];

impl Health {
    /// Takes a sign in; `at` is when the hub saw it. Returns whether it is worth keeping: a heartbeat that
    /// comes soon after another changes nothing.
    pub fn observe(&mut self, sign: &Sign, at: Timestamp, policy: &Policy) -> bool {
        let before = self.clone();
        match sign {
            Sign::Disconnected => {
                self.gone_since.get_or_insert(at);
                return *self != before;
            }
            Sign::Report | Sign::Connected => {}
            Sign::Reported { health } => {
                self.beats = true;
                if let Some((state, reason)) = health {
                    self.note(state, reason, at);
                }
            }
        }
        self.gone_since = None;
        let changed = *self != before;
        // Kept to a third of the deadline, so that a heartbeat a minute is not a write a minute.
        let stale = self.last_sign.is_none_or(|last| at.duration_since(last) > policy.heartbeat / 3);
        if changed || stale {
            self.last_sign = Some(at.max(self.last_sign.unwrap_or(at)));
        }
        changed || stale
    }

    fn note(&mut self, state: &str, reason: &str, at: Timestamp) {
        if WELL.iter().any(|well| state.eq_ignore_ascii_case(well)) {
            self.unwell = None;
            return;
        }
        let since = self.unwell.as_ref().map_or(at, |unwell| unwell.since);
        self.unwell = Some(Unwell { since, state: state.to_owned(), reason: reason.to_owned() });
    }

    /// What must be told now of a station of this line; told once.
    pub fn decide(&mut self, now: Timestamp, line: &str, policy: &Policy) -> Option<Change> {
        let trouble = self.trouble(now, line, policy);
        match (&self.told, trouble) {
            (None, Some((trouble, since))) => {
                self.told = Some((trouble.clone(), since));
                Some(Change::Trouble(trouble, since))
            }
            // Another trouble is another matter; the same one with another reason is not.
            (Some((told, _)), Some((trouble, since))) if kind(told) != kind(&trouble) => {
                self.told = Some((trouble.clone(), since));
                Some(Change::Trouble(trouble, since))
            }
            (Some(_), None) if !self.pending() => {
                let (trouble, since) = self.told.take()?;
                Some(Change::Over(trouble, since))
            }
            _ => None,
        }
    }

    /// When [`Health::decide`] may have something to say, if nothing happens before.
    #[must_use]
    pub fn due_at(&self, line: &str, policy: &Policy) -> Option<Timestamp> {
        let told = self.told.as_ref().map(|(trouble, _)| kind(trouble));
        let untold = self.deadlines(line, policy).filter(|(trouble, ..)| told != Some(kind(trouble)));
        untold.map(|(_, _, due)| due).min()
    }

    /// Whether something is wrong, though perhaps not for long enough.
    fn pending(&self) -> bool {
        self.gone_since.is_some() || self.unwell.is_some()
    }

    fn trouble(&self, now: Timestamp, line: &str, policy: &Policy) -> Option<(Trouble, Timestamp)> {
        let passed = self.deadlines(line, policy).find(|(_, _, due)| *due <= now);
        passed.map(|(trouble, since, _)| (trouble, since))
    }

    /// Each possible trouble, since when, and when it has lasted for long enough. What the hub knows for sure
    /// comes first; a station that is gone says nothing about itself. Silence counts in working hours only, for a
    /// station may rightly be off; one that speaks is on.
    fn deadlines(
        &self,
        line: &str,
        policy: &Policy,
    ) -> impl Iterator<Item = (Trouble, Timestamp, Timestamp)> {
        let silent =
            |trouble, since, span| Some((trouble, since, policy.hours.silent_for(line, since, span)?));
        let gone =
            self.gone_since.and_then(|since| silent(Trouble::Disconnected, since, policy.silent_after));
        let unwell = self.unwell.as_ref().map(|unwell| {
            let trouble = Trouble::Unwell { state: unwell.state.clone(), reason: unwell.reason.clone() };
            (trouble, unwell.since, after(unwell.since, policy.unwell_after))
        });
        let beat = self.last_sign.filter(|_| self.beats && self.gone_since.is_none());
        let beat = beat.and_then(|last| silent(Trouble::NoHeartbeat, last, policy.heartbeat));
        gone.into_iter().chain(beat).chain(unwell)
    }
}

fn kind(trouble: &Trouble) -> std::mem::Discriminant<Trouble> {
    std::mem::discriminant(trouble)
}

/// An instant so much later; the last one that there is where that would be past the end of time.
#[must_use]
pub fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
