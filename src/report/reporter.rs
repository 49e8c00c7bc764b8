//! From a judged item to the report about it.

use std::time::{Instant, SystemTime};

use andon_telemetry::{Agent, Clock, Defect, Item, MAX_BYTES, Model, Report, SCHEMA, Station};

use crate::{
    items::Judged,
    report::{
        clock::{rfc3339, uptime_at},
        incidents::{IncidentRule, Incidents},
    },
};

/// Who reports: what stands in every report of this process.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The station.
    pub station: Station,
    /// This program.
    pub agent: Agent,
    /// The model pack.
    pub model: Model,
}

/// Writes reports and keeps their incidents.
#[derive(Debug)]
pub struct Reporter {
    origin: Origin,
    incidents: Incidents,
}

/// A report that lacks only its sequence number, which the outbox gives.
#[derive(Clone, Debug)]
pub struct Draft(Report);

/// More defects than anybody reads about one item; the worst come first.
const MAX_DEFECTS: usize = 100;

impl Reporter {
    /// Reports for this origin; `memo` is what [`Reporter::memo`] gave before the restart.
    #[must_use]
    pub fn new(origin: Origin, rule: IncidentRule, memo: Option<&str>) -> Self {
        Self { origin, incidents: Incidents::resume(rule, memo) }
    }

    /// The incidents, to look at them or to change them.
    pub fn incidents(&mut self) -> &mut Incidents {
        &mut self.incidents
    }

    /// What must be remembered across a restart together with the reports drafted until now.
    #[must_use]
    pub fn memo(&self) -> String {
        self.incidents.memo()
    }

    /// Drafts the report about an NG item; `None` for any other verdict, as nothing but defects is ever reported.
    pub fn draft(&mut self, judged: &Judged, clock: Clock, now: Instant) -> Option<Draft> {
        let worst = judged.defects.first()?;
        let (taken, captured) = judged
            .decisive
            .as_ref()
            .map_or_else(|| (now, SystemTime::now()), |frame| (frame.taken.monotonic, frame.taken.wall));
        let captured = timestamp(captured);
        let report_id = uuid::Uuid::now_v7().to_string();
        Some(Draft(Report {
            schema: SCHEMA.to_owned(),
            evidence: judged.decisive.as_ref().map(|_| report_id.clone()),
            report_id,
            sequence: 0,
            station: self.origin.station.clone(),
            agent: self.origin.agent.clone(),
            item: Item { sequence: judged.item, tracked_frames: judged.tracked_frames },
            captured_at: rfc3339(captured),
            clock,
            uptime: (clock == Clock::Unsynchronised).then(|| uptime_at(taken)),
            defects: judged
                .defects
                .iter()
                .take(MAX_DEFECTS)
                .map(|defect| Defect {
                    label: defect.label.to_string(),
                    severity: defect.severity,
                    confidence: rounded(defect.confidence.value()),
                    area: defect.area.map(|it| [it.x_min, it.y_min, it.x_max, it.y_max].map(rounded)),
                })
                .collect(),
            score: judged.score.map(rounded),
            model: self.origin.model.clone(),
            incident: self.incidents.add(&worst.label, now, captured),
        }))
    }
}

impl Draft {
    /// The report's identity, the same for every resend.
    #[must_use]
    pub fn report_id(&self) -> &str {
        &self.0.report_id
    }

    /// The draft as it will be read, but for its sequence number.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// The report as JSON of at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// Where the station's own texts alone are too long for a report.
    pub fn write(mut self, sequence: u64) -> Result<Vec<u8>, serde_json::Error> {
        self.0.sequence = sequence;
        loop {
            let json = serde_json::to_vec(&self.0)?;
            if json.len() <= MAX_BYTES || self.0.defects.len() <= 1 {
                return Ok(json);
            }
            self.0.defects.truncate(self.0.defects.len() / 2);
        }
    }

    /// The message properties that a route in the cloud can look at without opening the report.
    #[must_use]
    pub fn properties(&self) -> Vec<(String, String)> {
        [("schema", SCHEMA), ("severity", self.0.severity().as_str()), ("line", &self.0.station.line)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec()
    }
}

/// Four digits are more than any camera measures, and they keep reports short.
fn rounded(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

fn timestamp(wall: SystemTime) -> jiff::Timestamp {
    jiff::Timestamp::try_from(wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use andon_telemetry::Severity;

    use super::*;
    use crate::{
        camera::{Picture, Pixels, Taken},
        inspection::{Area, Confidence, Region},
        items::{self, Decisive, Verdict},
    };

    fn reporter() -> Reporter {
        let text = |value: &str| value.to_owned();
        Reporter::new(
            Origin {
                station: Station { id: text("st-3"), line: text("line 1"), product: text("PCB") },
                agent: Agent { version: text("1.2.3") },
                model: Model { name: text("pcb"), version: text("1"), sha256: text("00") },
            },
            IncidentRule { quiet: Duration::from_secs(60), updates: vec![10] },
            None,
        )
    }

    fn ng(defects: usize) -> Judged {
        let defect = items::Defect {
            label: Arc::from("short"),
            severity: Severity::Critical,
            confidence: Confidence::new(0.912_345).unwrap(),
            area: Some(Area { x_min: 0.1, y_min: 0.2, x_max: 0.3, y_max: 0.4 }),
        };
        let pixels = Pixels { width: 1, height: 1, channels: 1, samples: vec![0] };
        Judged {
            item: 7,
            verdict: Verdict::Ng,
            tracked_frames: 5,
            defects: vec![defect; defects],
            score: Some(0.912_345),
            reason: None,
            decisive: Some(Decisive {
                taken: Taken { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH },
                inspected: Instant::now(),
                name: None,
                picture: Picture::Pixels(Arc::new(pixels)),
                region: Region { x: 0, y: 0, width: 1, height: 1 },
            }),
            last_seen: None,
        }
    }

    #[test]
    fn a_report_reads_as_its_schema_says() {
        let draft = reporter().draft(&ng(1), Clock::Synchronised, Instant::now()).unwrap();
        let report = andon_telemetry::read(&draft.clone().write(42).unwrap()).unwrap();
        assert_eq!(report.sequence, 42);
        assert_eq!(report.report_id, draft.report_id());
        assert_eq!(report.captured_at, "1970-01-01T00:00:00.000Z");
        assert_eq!(report.defects[0].confidence, 0.9123);
        assert_eq!(report.defects[0].area, Some([0.1, 0.2, 0.3, 0.4]));
        assert_eq!(report.incident.count, 1);
    }

    #[test]
    fn a_report_by_a_doubtful_clock_says_how_long_the_computer_had_been_up() {
        let uptime = |clock| reporter().draft(&ng(1), clock, Instant::now()).unwrap().report().uptime.clone();
        assert_eq!(uptime(Clock::Synchronised), None);
        assert!(uptime(Clock::Unsynchronised).is_some());
    }

    #[test]
    fn an_item_without_defects_is_never_reported() {
        let ok = Judged { verdict: Verdict::Ok, defects: Vec::new(), ..ng(0) };
        assert!(reporter().draft(&ok, Clock::Synchronised, Instant::now()).is_none());
    }

    #[test]
    fn ten_thousand_defects_still_fit_a_report_and_the_worst_are_kept() {
        let draft = reporter().draft(&ng(10_000), Clock::Unsynchronised, Instant::now()).unwrap();
        let json = draft.write(1).unwrap();
        assert!(json.len() <= MAX_BYTES);
        assert_eq!(andon_telemetry::read(&json).unwrap().defects.len(), MAX_DEFECTS);
    }

    #[test]
    fn the_properties_name_schema_severity_and_line() {
        let draft = reporter().draft(&ng(1), Clock::Synchronised, Instant::now()).unwrap();
        let properties = draft.properties();
        let found: Vec<_> = properties.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(found, [("schema", SCHEMA), ("severity", "critical"), ("line", "line 1")]);
    }
}
