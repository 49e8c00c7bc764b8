//! Simulated verdicts: which items are NG, and the reports about them.

use andon_telemetry::{
    Agent, Clock, Defect, Incident, Item, Model, Notify, Report, SCHEMA, Severity, Station,
};
use jiff::{Timestamp, tz::TimeZone};
use rand::Rng;
use uuid::Uuid;

const LABELS: [(&str, Severity); 4] = [
    ("short", Severity::Critical),
    ("open", Severity::Critical),
    ("spur", Severity::Major),
    ("mousebite", Severity::Minor),
];

/// One station's line: items pass, some fail.
#[derive(Debug)]
pub struct Line {
    name: String,
    line: String,
    ng_rate: f64,
    items: u64,
    sequence: u64,
    /// One open incident a label, as the agent has it.
    open: [Option<(Uuid, String, u64)>; LABELS.len()],
}

impl Line {
    /// A line that has made nothing yet. `ng_rate` is in 0..1.
    #[must_use]
    pub fn new(name: &str, line: &str, ng_rate: f64) -> Self {
        let open = std::array::from_fn(|_| None);
        Self { name: name.to_owned(), line: line.to_owned(), ng_rate, items: 0, sequence: 0, open }
    }

    /// Judges one more item; its report, if it is NG.
    pub fn next_item(&mut self, now: Timestamp) -> Option<Report> {
        self.items += 1;
        let mut random = rand::rng();
        if !random.random_bool(self.ng_rate) {
            return None;
        }
        self.sequence += 1;
        let index = random.random_range(0..LABELS.len());
        let (label, severity) = LABELS[index];
        let captured_at = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let (id, opened_at, count) =
            self.open[index].get_or_insert_with(|| (Uuid::now_v7(), captured_at.clone(), 0));
        *count += 1;
        let left = random.random_range(0.1..0.8_f32);
        let notify = if *count == 1 { Notify::Open } else { Notify::None };
        let incident = Incident { id: id.to_string(), opened_at: opened_at.clone(), count: *count, notify };
        Some(Report {
            schema: SCHEMA.to_owned(),
            report_id: Uuid::now_v7().to_string(),
            sequence: self.sequence,
            station: Station {
                id: self.name.clone(),
                line: self.line.clone(),
                product: "simulated board".to_owned(),
            },
            agent: Agent { version: env!("CARGO_PKG_VERSION").to_owned() },
            item: Item { sequence: self.items, tracked_frames: 7 },
            captured_at,
            clock: Clock::Synchronised,
            uptime: None,
            defects: vec![Defect {
                label: label.to_owned(),
                severity,
                confidence: random.random_range(0.5..1.0),
                area: Some([left, left, left + 0.1, left + 0.1]),
            }],
            score: None,
            model: Model { name: "simulated".to_owned(), version: "1".to_owned(), sha256: "0".repeat(64) },
            incident,
            evidence: None,
        })
    }

    /// Items until now.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_as_the_contract_wants_them_and_counted_without_gaps() {
        let mut line = Line::new("station-1", "Line 1", 1.0);
        for n in 1..=50 {
            let report = line.next_item(Timestamp::UNIX_EPOCH).unwrap();
            let again = andon_telemetry::read(&serde_json::to_vec(&report).unwrap()).unwrap();
            assert_eq!((again.sequence, again.captured_at.as_str()), (n, "1970-01-01T00:00:00.000Z"));
            assert_eq!(again.incident.notify == Notify::Open, again.incident.count == 1);
        }
        let mut good = Line::new("station-1", "Line 1", 0.0);
        assert!((0..50).all(|_| good.next_item(Timestamp::UNIX_EPOCH).is_none()));
        assert_eq!(good.items(), 50);
    }
}
