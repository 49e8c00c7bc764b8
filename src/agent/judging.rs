//! The model's thread: inspects what it is handed, judges items, and makes the NG ones durable.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::{events::Listener, pulse::Pulse},
    camera::Pixels,
    evidence::Evidence,
    inspection::{Confidence, Inspector, Region},
    items::{Decisive, Departure, Handover, Judged, Judgement, Look, Taken, Tally},
    outbox::{Outbox, Outgoing},
    report::{Draft, Reporter, clock_state},
};

/// Reports that the disk would not take are kept in memory for so many; then the oldest is lost and counted.
const UNWRITTEN: usize = 256;

/// How often a disk that failed is tried again while no item comes.
const IDLE: Duration = Duration::from_secs(1);

/// Under this key the open incidents are remembered, written together with each report.
pub(super) const INCIDENTS: &str = "incidents";

pub(super) struct Judging {
    pub(super) handover: Arc<Handover>,
    pub(super) inspector: Inspector,
    pub(super) judgement: Judgement,
    pub(super) reporter: Reporter,
    pub(super) outbox: Outbox,
    pub(super) evidence: Option<Evidence>,
    pub(super) tally: Arc<Tally>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) unwritten: VecDeque<Unwritten>,
}

pub(super) struct Unwritten {
    draft: Draft,
    incidents: String,
}

impl Judging {
    /// Runs until the handover is closed and empty; then every item that was handed over has its verdict. Returns
    /// how many reports could not be made durable.
    pub(super) fn run(mut self) -> u64 {
        let mut lost = 0;
        let floor = self.judgement.floor();
        while let Some(taken) = self.handover.take(IDLE) {
            match taken {
                Taken::Look(look) => self.inspect(look, floor),
                Taken::Departure(departure) => lost += self.judge(departure),
                Taken::Nothing => self.write(),
            }
            self.pulse.model();
        }
        self.write();
        if let Some(evidence) = self.evidence {
            evidence.stop();
        }
        lost + self.unwritten.len() as u64
    }

    fn inspect(&mut self, look: Look, floor: Confidence) {
        if !self.judgement.wants(look.item) {
            return;
        }
        let colour = self.inspector.colour();
        let pixels = match look.frame.picture.decode(colour) {
            Ok(pixels) => pixels,
            Err(error) => return self.could_not_see(&look, error.to_string()),
        };
        let region = look.region.unwrap_or_else(|| whole(&pixels));
        match self.inspector.inspect(&pixels, region, floor) {
            Ok(inspection) => {
                let Look { item, frame, .. } = look;
                let (taken, name) = (frame.taken, frame.name);
                let decisive = Decisive { taken, inspected: Instant::now(), name, pixels, region };
                self.judgement.saw(item, &inspection.findings, decisive);
            }
            Err(error) => self.could_not_see(&look, error.to_string()),
        }
    }

    fn could_not_see(&mut self, look: &Look, reason: String) {
        let reason = match &look.frame.name {
            Some(name) => format!("{name}: {reason}"),
            None => reason,
        };
        self.judgement.could_not_see(look.item, reason);
    }

    /// Judges the items that are gone; returns how many reports were lost on the way to the disk.
    fn judge(&mut self, departure: Departure) -> u64 {
        let items = departure.last - departure.first + 1;
        let lost_looks = departure.lost_looks.div_ceil(items);
        let mut lost = 0;
        for item in departure.first..=departure.last {
            let judged = self.judgement.judge(item, lost_looks);
            self.tally.count(judged.verdict);
            self.listener.judged(&judged);
            if let Some(draft) = self.reporter.draft(&judged, clock_state(), Instant::now()) {
                self.keep_evidence(&judged, &draft);
                self.unwritten.push_back(Unwritten { draft, incidents: self.reporter.memo() });
                self.write();
                while self.unwritten.len() > UNWRITTEN {
                    self.unwritten.pop_front();
                    lost += 1;
                    tracing::error!("a report is lost: the disk takes none and memory is full of them");
                }
            }
        }
        lost
    }

    /// Makes reports durable, oldest first, until the disk refuses one.
    fn write(&mut self) {
        while let Some(Unwritten { draft, incidents }) = self.unwritten.front() {
            let appended = self.outbox.append(
                |sequence| {
                    Ok(Outgoing {
                        report_id: draft.report_id().to_owned(),
                        properties: draft.properties(),
                        json: draft.clone().write(sequence)?,
                    })
                },
                &[(INCIDENTS, incidents)],
            );
            match appended {
                Ok(appended) => {
                    let mut report = draft.report().clone();
                    report.sequence = appended.sequence;
                    self.listener.reported(&report);
                    self.unwritten.pop_front();
                }
                Err(error) => {
                    tracing::error!(waiting = self.unwritten.len(), "cannot store a report: {error}");
                    return;
                }
            }
        }
    }

    fn keep_evidence(&self, judged: &Judged, draft: &Draft) {
        let (Some(evidence), Some(frame)) = (&self.evidence, &judged.decisive) else { return };
        let areas = judged.defects.iter().filter_map(|defect| defect.area.as_ref());
        let boxes = areas.map(|place| frame.area(place)).collect();
        evidence.keep(draft.report_id(), Arc::clone(&frame.pixels), boxes);
    }
}

fn whole(pixels: &Pixels) -> Region {
    Region { x: 0, y: 0, width: pixels.width, height: pixels.height }
}
