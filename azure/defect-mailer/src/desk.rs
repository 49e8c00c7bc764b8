//! The desk: what waits for each recipient, which mails are owed, how many may go. One for the whole plant. Pure.

mod owed;
mod tray;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::health::after;
use crate::notice::{Matter, Notice, Refused, RefusedNews, Root};
use crate::plan::Plan;
use crate::policy::Policy;
pub use owed::{Claim, Content, Outcome, Owed, Rest};
use tray::Tray;

/// The layout of the desk in storage that this program reads and writes.
pub const VERSION: u32 = 2;
/// No invocation lives longer (host.json: 10 minutes), so that nobody can hand on an older notice again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(2);
/// The longest pause after failures of the mail server.
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(10);
/// Reasons and devices that a digest of refused events tells apart.
const GROUPS: usize = 30;
/// Refused events that are known again when the host brings them again.
const KNOWN_REFUSED: usize = 1_000;

/// The desk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    /// [`VERSION`].
    pub version: u32,
    /// The last notice of each device that lies here already.
    taken: BTreeMap<String, (Root, Timestamp)>,
    trays: BTreeMap<String, Tray>,
    /// When mails went, the last hour's.
    sent: VecDeque<Timestamp>,
    /// After a failure of the mail server nothing is tried before this.
    resting: Option<(Timestamp, u32)>,
    /// When each device must be looked at again.
    wake: BTreeMap<String, Timestamp>,
    refused: Option<(Timestamp, RefusedNews)>,
    known_refused: VecDeque<String>,
}

/// A mail to be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Whose.
    pub tray: String,
    /// What.
    pub mail: Owed,
}

impl Desk {
    /// An empty desk.
    #[must_use]
    pub fn new() -> Self {
        Self { version: VERSION, ..Self::default() }
    }

    /// Lays a device's notices on the trays of those whom they concern, each notice once, and notes when the
    /// device must be looked at again.
    pub fn take(
        &mut self,
        device: &str,
        notices: &[Notice],
        due: Option<Timestamp>,
        now: Timestamp,
        plan: &Plan,
    ) {
        for notice in notices {
            let known = self
                .taken
                .get(device)
                .is_some_and(|(last, _)| last.epoch == notice.own.epoch && last.number >= notice.own.number);
            if !known {
                self.taken.insert(device.to_owned(), (notice.own, now));
                self.lay(notice, plan);
            }
        }
        match due {
            Some(due) => self.wake.insert(device.to_owned(), due),
            None => self.wake.remove(device),
        };
    }

    fn lay(&mut self, notice: &Notice, plan: &Plan) {
        for name in plan.recipients_of(notice) {
            self.trays.entry(name.to_owned()).or_default().lay(notice.clone());
        }
    }

    /// Whether the device's due instant is another one than is noted here.
    #[must_use]
    pub fn wakes(&self, device: &str) -> Option<Timestamp> {
        self.wake.get(device).copied()
    }

    /// Counts an event that was set aside, once for each key.
    pub fn refuse(&mut self, key: &str, device: &str, reason: &str, now: Timestamp) {
        if self.known_refused.iter().any(|known| known == key) {
            return;
        }
        self.known_refused.push_back(key.to_owned());
        if self.known_refused.len() > KNOWN_REFUSED {
            self.known_refused.pop_front();
        }
        let (_, news) = self.refused.get_or_insert_with(|| (now, RefusedNews::default()));
        news.events += 1;
        let same = |group: &&mut Refused| group.device == device && group.reason == reason;
        if let Some(group) = news.groups.iter_mut().find(same) {
            group.events += 1;
        } else if news.groups.len() < GROUPS {
            news.groups.push(Refused { device: device.to_owned(), reason: reason.to_owned(), events: 1 });
        }
    }

    /// The devices that must be looked at now.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        self.wake.iter().filter(|(_, due)| **due <= now).map(|(device, _)| device.clone()).collect()
    }

    /// The devices that will have to be looked at, now or later.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.wake.len()
    }

    /// The next mail that may go, claimed: one that was tried before, or a new one where
    /// the policy and the rate allow one.
    pub fn claim(&mut self, claim: &Claim, now: Timestamp, plan: &Plan) -> Option<Job> {
        self.forget(now, &plan.policy);
        if self.rests(now).is_some() {
            return None;
        }
        self.digest_refused(now, plan);
        for (name, tray) in &mut self.trays {
            if let Some(mail) = tray.again(claim, now) {
                return Some(Job { tray: name.clone(), mail });
            }
        }
        let slots = self.slots(now, &plan.policy);
        let ripe = self
            .trays
            .iter()
            .filter(|(_, tray)| tray.ripe(now, &plan.policy))
            .map(|(name, tray)| (tray.urgency(), name.clone()));
        // The worst first, then whoever waits longest.
        let (_, name) = ripe.min().filter(|_| slots > 0)?;
        let mail = self.trays.get_mut(&name)?.compose(&name, slots, claim.clone(), now, plan)?;
        self.sent.push_back(now);
        Some(Job { tray: name, mail })
    }

    /// Notes what became of a mail.
    pub fn settle(&mut self, job: &Job, outcome: &Outcome, now: Timestamp, policy: &Policy) {
        let Some(tray) = self.trays.get_mut(&job.tray) else { return };
        tray.settle(&job.mail.message_id, outcome, now, policy);
        if outcome.rest {
            let failures = match self.resting {
                // Several instances meet the same failure at once: one failure, or the pause would grow with their
                // number.
                Some((end, _)) if end > now => return,
                before => before.map_or(0, |(_, failures)| failures),
            };
            let pause = (policy.retry * (1 << failures.min(6))).min(LONGEST_REST);
            self.resting = Some((after(now, pause), failures + 1));
        } else if outcome.reached || outcome.settled {
            self.resting = None;
        }
    }

    /// Whether mails are owed that somebody has tried in vain.
    #[must_use]
    pub fn in_trouble(&self) -> bool {
        self.resting.is_some()
    }

    /// Until when the mail server is left alone, and after how many failures in a row.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> Option<(Timestamp, u32)> {
        self.resting.filter(|(end, _)| *end > now)
    }

    /// Notices and mails that have not gone.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.trays.values().map(Tray::waiting).sum()
    }

    /// How many mails may go now.
    fn slots(&self, now: Timestamp, policy: &Policy) -> usize {
        let within =
            |span: SignedDuration| self.sent.iter().filter(|at| now.duration_since(**at) < span).count();
        let minute = policy.per_minute.saturating_sub(within(SignedDuration::from_mins(1)));
        minute.min(policy.per_hour.saturating_sub(within(SignedDuration::from_hours(1))))
    }

    /// Turns refused events into a notice, when they were gathered for long enough.
    fn digest_refused(&mut self, now: Timestamp, plan: &Plan) {
        let Some((since, _)) = &self.refused else { return };
        if after(*since, plan.policy.refused_after) > now {
            return;
        }
        let Some((since, mut news)) = self.refused.take() else { return };
        news.groups.sort_by_key(|group| std::cmp::Reverse(group.events));
        let notice = Notice {
            device: String::new(),
            own: Root { epoch: since, number: 0 },
            at: now,
            line: String::new(),
            severity: andon_telemetry::Severity::Minor,
            level: 0,
            matter: Matter::Refused(news),
        };
        self.lay(&notice, plan);
    }

    fn forget(&mut self, now: Timestamp, policy: &Policy) {
        self.taken.retain(|_, (_, at)| now.duration_since(*at) < REMEMBERED);
        self.sent.retain(|at| now.duration_since(*at) < SignedDuration::from_hours(1));
        self.trays.values_mut().for_each(|tray| tray.forget(now, policy));
        self.trays.retain(|_, tray| !tray.is_empty());
    }
}

#[cfg(test)]
mod tests;
