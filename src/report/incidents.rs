//! Runs of like defects, so that fifty bad items are one mail and a count.

use std::time::{Duration, Instant};

use andon_telemetry::{Incident, Notify};
use serde::{Deserialize, Serialize};

use super::clock::rfc3339;

/// When a run of like defects ends, and which of its items are worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRule {
    /// An incident without a further item for so long is over.
    pub quiet: Duration,
    /// At these counts a person is told how it goes on.
    pub updates: Vec<u64>,
}

/// The incidents that are open at this station, one for each label at most.
#[derive(Debug)]
pub struct Incidents {
    rule: IncidentRule,
    open: Vec<Open>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    label: String,
    id: String,
    opened_at: String,
    count: u64,
    /// Since a monotonic instant means nothing to the next process, an incident counts as fresh after a restart.
    #[serde(skip, default = "Instant::now")]
    last: Instant,
}

/// An incident that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIncident {
    /// As in its reports.
    pub id: String,
    /// Its items' worst defect.
    pub label: String,
    /// Items until now.
    pub count: u64,
}

impl Incidents {
    /// Goes on where [`Incidents::memo`] left off; starts with none where the text is no memo.
    #[must_use]
    pub fn resume(rule: IncidentRule, memo: Option<&str>) -> Self {
        let open = memo.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self { rule, open }
    }

    /// What must be remembered across a restart, as text.
    #[must_use]
    pub fn memo(&self) -> String {
        serde_json::to_string(&self.open).unwrap_or_default()
    }

    /// Judges by another rule from now on.
    pub fn set_rule(&mut self, rule: IncidentRule) {
        self.rule = rule;
    }

    /// Those that go on.
    #[must_use]
    pub fn open(&self, now: Instant) -> Vec<OpenIncident> {
        let is_open = |open: &&Open| now.saturating_duration_since(open.last) < self.rule.quiet;
        let told =
            |open: &Open| OpenIncident { id: open.id.clone(), label: open.label.clone(), count: open.count };
        self.open.iter().filter(is_open).map(told).collect()
    }

    /// Ends the incident with this id; whether there was one. The next like defect opens another.
    pub fn close(&mut self, id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|open| open.id != id);
        self.open.len() < before
    }

    /// Adds an item whose worst defect has this label to its incident, which is opened if there is none.
    pub fn add(&mut self, label: &str, now: Instant, wall: jiff::Timestamp) -> Incident {
        self.open.retain(|open| now.saturating_duration_since(open.last) < self.rule.quiet);
        let index = self.open.iter().position(|open| open.label == label).unwrap_or_else(|| {
            self.open.push(Open {
                label: label.to_owned(),
                id: uuid::Uuid::now_v7().to_string(),
                opened_at: rfc3339(wall),
                count: 0,
                last: now,
            });
            self.open.len() - 1
        });
        let open = &mut self.open[index];
        open.count += 1;
        open.last = now;
        let notify = match open.count {
            1 => Notify::Open,
            count if self.rule.updates.contains(&count) => Notify::Update,
            _ => Notify::None,
        };
        Incident { id: open.id.clone(), opened_at: open.opened_at.clone(), count: open.count, notify }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incidents() -> Incidents {
        let rule = IncidentRule { quiet: Duration::from_secs(600), updates: vec![3, 5] };
        Incidents::resume(rule, None)
    }

    #[test]
    fn like_defects_are_one_incident_with_a_count_and_few_words() {
        let (mut incidents, now) = (incidents(), Instant::now());
        let all: Vec<_> = (0..5).map(|_| incidents.add("short", now, jiff::Timestamp::UNIX_EPOCH)).collect();
        assert!(all.iter().all(|incident| incident.id == all[0].id));
        assert_eq!(all.iter().map(|incident| incident.count).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let words: Vec<_> = all.iter().map(|incident| incident.notify).collect();
        assert_eq!(words, [Notify::Open, Notify::None, Notify::Update, Notify::None, Notify::Update]);
    }

    #[test]
    fn another_label_is_another_incident() {
        let (mut incidents, now) = (incidents(), Instant::now());
        let short = incidents.add("short", now, jiff::Timestamp::UNIX_EPOCH);
        let open = incidents.add("open", now, jiff::Timestamp::UNIX_EPOCH);
        assert_ne!(short.id, open.id);
        assert_eq!(open.notify, Notify::Open);
    }

    #[test]
    fn an_incident_ends_when_it_was_quiet_for_long_enough() {
        let (mut incidents, now) = (incidents(), Instant::now());
        let first = incidents.add("short", now, jiff::Timestamp::UNIX_EPOCH);
        let at = |seconds| now + Duration::from_secs(seconds);
        let still = incidents.add("short", at(599), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(still.id, first.id);
        let later = incidents.add("short", at(599 + 600), jiff::Timestamp::UNIX_EPOCH);
        assert_ne!(later.id, first.id);
        assert_eq!(later.count, 1);
    }

    #[test]
    fn an_incident_goes_on_after_a_restart() {
        let mut before = incidents();
        let first = before.add("short", Instant::now(), jiff::Timestamp::UNIX_EPOCH);
        let mut after = Incidents::resume(before.rule.clone(), Some(&before.memo()));
        let second = after.add("short", Instant::now(), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!((second.id, second.count), (first.id, 2));
    }

    #[test]
    fn a_memo_that_is_nonsense_starts_afresh() {
        let rule = IncidentRule { quiet: Duration::from_secs(1), updates: Vec::new() };
        let mut incidents = Incidents::resume(rule, Some("{nonsense"));
        assert_eq!(incidents.add("short", Instant::now(), jiff::Timestamp::UNIX_EPOCH).count, 1);
    }
}
