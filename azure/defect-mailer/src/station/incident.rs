//! One incident of a station: what was told of it, and what must be told next.

use andon_telemetry::{Report, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::health::after;
use crate::notice::{News, Phase, Root, Title};
use crate::plain::plain;
use crate::policy::Policy;
use crate::tally::{Label, Tally};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) id: String,
    opened_at: String,
    /// By the mailer's clock, as all instants here: a station's may be wrong.
    begun: Timestamp,
    last: Timestamp,
    told: Option<Told>,
    untold: Option<Tally>,
    whole: Tally,
    pub(super) acknowledged: Option<String>,
    pub(super) level: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    /// The opening notice.
    root: Root,
    title: Title,
    /// When the last notice was written, and what it said.
    at: Timestamp,
    total: u64,
    severity: Severity,
}

impl Incident {
    pub(super) fn new(device: &str, report: &Report, now: Timestamp) -> Self {
        let tally = Tally::of(device, report);
        Self {
            id: report.incident.id.clone(),
            opened_at: plain(&report.incident.opened_at, 40),
            begun: now,
            last: now,
            told: None,
            untold: Some(tally.clone()),
            whole: tally,
            acknowledged: None,
            level: 0,
        }
    }

    pub(super) fn add(&mut self, device: &str, report: &Report, now: Timestamp) {
        self.last = now;
        self.whole.add(device, report);
        match &mut self.untold {
            Some(tally) => tally.add(device, report),
            None => self.untold = Some(Tally::of(device, report)),
        }
    }

    /// What must be told now. `own` is the notice that would tell it.
    pub(super) fn decide(&mut self, now: Timestamp, own: Root, policy: &Policy) -> Option<News> {
        if self.is_over(now, policy) {
            return Some(self.tell(Phase::Closing, now, own));
        }
        let Some(told) = &self.told else { return Some(self.tell(Phase::Opening, now, own)) };
        if self.escalates_at(policy).is_some_and(|due| due <= now) {
            self.level += 1;
            return Some(self.tell(Phase::Escalation, now, own));
        }
        let untold = self.untold.as_ref()?;
        let news = told.total.saturating_add(1)..=untold.total;
        let grown = policy.update_items.iter().any(|count| news.contains(count));
        let long = after(told.at, policy.update_after) <= now;
        let worse = untold.severity > told.severity;
        let wanted = worse || (self.acknowledged.is_none() && (grown || long));
        wanted.then(|| self.tell(Phase::Update, now, own))
    }

    /// Ends it now, quiet or not.
    pub(super) fn close(&mut self, now: Timestamp, own: Root) -> News {
        self.tell(Phase::Closing, now, own)
    }

    pub(super) fn is_over(&self, now: Timestamp, policy: &Policy) -> bool {
        after(self.last, policy.close_after) <= now
    }

    pub(super) fn due_at(&self, policy: &Policy) -> Timestamp {
        let Some(told) = &self.told else { return self.begun };
        let update = self.untold.as_ref().filter(|_| self.acknowledged.is_none());
        let update = update.map(|_| after(told.at, policy.update_after));
        let dues = [update, self.escalates_at(policy)];
        dues.into_iter().flatten().fold(after(self.last, policy.close_after), Timestamp::min)
    }

    fn escalates_at(&self, policy: &Policy) -> Option<Timestamp> {
        let span = policy.escalate_after.get(usize::from(self.level))?;
        self.acknowledged.is_none().then(|| after(self.begun, *span))
    }

    fn tell(&mut self, phase: Phase, now: Timestamp, own: Root) -> News {
        let untold = self.untold.take();
        let new_items = untold.as_ref().map_or(0, |tally| tally.items);
        let tally = match phase {
            Phase::Opening | Phase::Update => untold.unwrap_or_else(|| self.whole.clone()),
            Phase::Escalation | Phase::Closing => self.whole.clone(),
        };
        let whole = &self.whole;
        let told = self.told.get_or_insert_with(|| {
            let labels = names(&whole.labels);
            let title = Title { line: whole.line.clone(), severity: whole.severity, labels };
            Told { root: own, title, at: now, total: 0, severity: whole.severity }
        });
        (told.at, told.total, told.severity) = (now, whole.total, told.severity.max(tally.severity));
        News {
            incident: self.id.clone(),
            opened_at: self.opened_at.clone(),
            phase,
            root: told.root,
            title: told.title.clone(),
            new_items,
            tally,
            acknowledged: self.acknowledged.clone(),
        }
    }
}

/// The two worst labels and how many more there are; empty where there are none.
fn names(labels: &[Label]) -> String {
    let first: Vec<&str> = labels.iter().take(2).map(|label| label.name.as_str()).collect();
    match labels.len().saturating_sub(2) {
        0 => first.join(", "),
        more => format!("{} +{more}", first.join(", ")),
    }
}
