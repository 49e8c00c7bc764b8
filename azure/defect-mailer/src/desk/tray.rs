//! One recipient's tray: notices that wait, and mails that were tried and must be tried again.

use std::cmp::Reverse;
use std::collections::VecDeque;

use andon_telemetry::Severity;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::owed::{Claim, Content, Outcome, Owed, Rest};
use crate::health::after;
use crate::notice::{Matter, Notice, Phase};
use crate::plan::Plan;
use crate::policy::Policy;

/// Matters that wait in full; of further ones only the counts are kept.
const WAITING: usize = 200;
/// Rows of a table; of further matters only the counts are told.
const ROWS: usize = 40;
/// The longest pause between two attempts at a mail.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// How long something critical may be gathered.
const CRITICAL_WAIT: SignedDuration = SignedDuration::from_mins(1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tray {
    waiting: Vec<Notice>,
    rest: Rest,
    mails: VecDeque<Owed>,
    /// When mails were composed lately.
    recent: VecDeque<Timestamp>,
}

impl Tray {
    /// Takes a notice in; later news of an incident are folded into those that wait.
    pub(super) fn lay(&mut self, notice: Notice) {
        let mut notice = notice;
        for waiting in self.waiting.iter_mut().rev() {
            match waiting.merge(notice) {
                Ok(()) => return,
                Err(other) => notice = *other,
            }
        }
        if self.waiting.len() < WAITING {
            self.waiting.push(notice);
        } else {
            self.rest.notices += 1;
            self.rest.items += notice.new_items();
        }
    }

    /// A mail that was tried before and may be tried again now.
    pub(super) fn again(&mut self, claim: &Claim, now: Timestamp) -> Option<Owed> {
        let mail = self.mails.iter_mut().find(|mail| {
            let free = mail.claim.as_ref().is_none_or(|held| held.is_free_for(claim, now));
            free && mail.not_before.is_none_or(|at| at <= now)
        })?;
        mail.claim = Some(claim.clone());
        mail.tries += 1;
        Some(mail.clone())
    }

    /// Whether a mail may be written now, as far as this recipient is concerned.
    pub(super) fn ripe(&self, now: Timestamp, policy: &Policy) -> bool {
        self.ripe_at(policy).is_some_and(|at| at <= now)
    }

    /// When a mail may be written: at once, but in a storm only when enough was gathered.
    pub(super) fn ripe_at(&self, policy: &Policy) -> Option<Timestamp> {
        let first = self.waiting.iter().map(|notice| notice.at).min()?;
        let storm = self.recent.iter().rev().nth(policy.storm.saturating_sub(1));
        let Some(storm) = storm else { return Some(first) };
        let gathered = after(*storm, policy.storm_window).max(first);
        let new_critical = |notice: &&Notice| notice.severity == Severity::Critical && is_opening(notice);
        let critical =
            self.waiting.iter().filter(new_critical).map(|notice| after(notice.at, CRITICAL_WAIT)).min();
        Some(critical.map_or(gathered, |at| at.min(gathered)))
    }

    /// For the order of recipients: the smallest first.
    pub(super) fn urgency(&self) -> (Reverse<Option<Severity>>, Option<Timestamp>) {
        let worst = self.waiting.iter().map(|notice| notice.severity).max();
        (Reverse(worst), self.waiting.iter().map(|notice| notice.at).min())
    }

    /// Writes one mail: of one matter where few wait, of all that wait in a storm or when slots get scarce.
    pub(super) fn compose(
        &mut self,
        name: &str,
        slots: usize,
        claim: Claim,
        now: Timestamp,
        plan: &Plan,
    ) -> Option<Owed> {
        self.waiting.sort_by_key(|notice| (Reverse(notice.severity), notice.at));
        let allowed = plan.policy.storm.saturating_sub(self.recent.len()).clamp(1, slots.max(1));
        let content = if self.waiting.len() > allowed || self.rest != Rest::default() {
            let rows: Vec<Notice> = self.waiting.drain(..).collect();
            let mut rest = std::mem::take(&mut self.rest);
            for beyond in rows.iter().skip(ROWS) {
                rest.notices += 1;
                rest.items += beyond.new_items();
            }
            Content::Table(rows.into_iter().take(ROWS).collect(), rest)
        } else if self.waiting.is_empty() {
            return None;
        } else {
            Content::One(Box::new(self.waiting.remove(0)))
        };
        let mail = Owed::new(name, content, claim, now, &plan.domain);
        self.recent.push_back(now);
        self.mails.push_back(mail.clone());
        Some(mail)
    }

    pub(super) fn settle(&mut self, message_id: &str, outcome: &Outcome, now: Timestamp, policy: &Policy) {
        let Some(at) = self.mails.iter().position(|mail| mail.message_id == message_id) else { return };
        if outcome.settled {
            self.mails.remove(at);
            return;
        }
        let mail = &mut self.mails[at];
        for address in &outcome.done {
            if !mail.done.contains(address) {
                mail.done.push(address.clone());
            }
        }
        mail.reached |= outcome.reached;
        mail.claim = None;
        // Greylisting servers want a pause of some minutes; a mailbox that is full wants hours.
        let pause = (policy.retry * (1 << mail.tries.saturating_sub(1).min(7))).min(LONGEST_PAUSE);
        mail.not_before = Some(after(now, pause));
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.mails.len()
    }

    pub(super) fn forget(&mut self, now: Timestamp, policy: &Policy) {
        self.recent.retain(|at| now.duration_since(*at) < policy.storm_window);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.recent.is_empty() && self.rest == Rest::default()
    }
}

fn is_opening(notice: &Notice) -> bool {
    matches!(&notice.matter, Matter::Incident(news) if news.phase == Phase::Opening)
}
