//! A station's judge: gathers what the workers saw, judges items, and makes the NG ones durable.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::{
        controls::{Closed, Dial, Which, Wish},
        events::Listener,
        pulse::Pulse,
    },
    evidence::Evidence,
    items::{Judged, Judgement, Reason, Tally},
    outbox::{Outbox, Outgoing},
    plant::Outputs,
    pool::{Coming, Departure, Handover, Inspected},
    report::{Draft, OpenIncident, Reporter, clock_state},
};

/// Reports that the disk would not take are kept in memory for so many; then the oldest is lost and counted.
const UNWRITTEN: usize = 256;

/// How often a disk that failed is tried again while no item comes.
const IDLE: Duration = Duration::from_secs(1);

/// A disk that takes longer for a report is in trouble.
const SLOW: Duration = Duration::from_secs(1);

/// What is said while the outbox is at its limit.
const FULL: &str = "the outbox is full, so that reports which the hub never got make room for newer ones";

/// Under this key the open incidents are remembered, written together with each report.
pub(super) const INCIDENTS: &str = "incidents";

pub(super) struct Judging {
    pub(super) handover: Handover,
    pub(super) judgement: Judgement,
    pub(super) reporter: Reporter,
    pub(super) outbox: Outbox,
    pub(super) evidence: Option<Evidence>,
    pub(super) tally: Arc<Tally>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) outputs: Option<Outputs>,
    pub(super) dial: Dial,
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
        while let Some(coming) = self.handover.next(IDLE) {
            self.turn();
            match coming {
                Coming::Inspected(inspected) => self.gather(inspected),
                Coming::Departure(departure) => lost += self.judge(departure),
                Coming::Nothing => {
                    self.write();
                    continue;
                }
            }
            self.pulse.judge();
        }
        self.write();
        if let Some(evidence) = self.evidence {
            evidence.stop();
        }
        lost + self.unwritten.len() as u64
    }

    /// Brings other settings into force, if there are, and does what only the judge can do.
    fn turn(&mut self) {
        if let Some(settings) = self.dial.turned() {
            self.judgement.set_rule(settings.rule.clone());
            self.handover.set_floor(self.judgement.floor());
            self.reporter.incidents().set_rule(settings.incidents.clone());
        }
        for Wish::Close { which, answer } in self.dial.take_wishes() {
            let closed = self.close(&which);
            // Whoever asked may have given up.
            let _ = answer.send(closed);
        }
    }

    fn close(&mut self, which: &Which) -> Closed {
        let incidents = self.reporter.incidents();
        let open = incidents.open(Instant::now());
        let is_it = |it: &&OpenIncident| match which {
            Which::Id(id) => it.id == *id,
            Which::Label(label) => it.label == *label,
        };
        let Some(incident) = open.iter().find(is_it).cloned() else { return Closed::NoSuch(open) };
        incidents.close(&incident.id);
        match self.outbox.set_memo(INCIDENTS, &self.reporter.memo()) {
            Ok(()) => Closed::Yes(incident),
            Err(error) => Closed::Forgetful(format!("it is closed until the next restart only: {error}")),
        }
    }

    fn gather(&mut self, Inspected { item, seen }: Inspected) {
        // Several workers may have been at looks of one item when it was seen enough.
        if !self.judgement.wants(item) {
            return;
        }
        match seen {
            Ok(sight) => {
                self.pulse.shows(sight.size);
                self.judgement.saw(item, &sight.findings, sight.frame);
            }
            Err(reason) => self.judgement.could_not_see(item, reason),
        }
        if !self.judgement.wants(item) {
            self.handover.enough(item);
        }
    }

    /// Judges the items that are gone; returns how many reports were lost on the way to the disk.
    fn judge(&mut self, departure: Departure) -> u64 {
        let items = departure.last - departure.first + 1;
        let lost_looks = departure.lost_looks.div_ceil(items);
        let mut lost = 0;
        for item in departure.first..=departure.last {
            let judged = match departure.passed_over {
                true => self.judgement.pass_over(item, Reason::Paused),
                false => self.judgement.judge(item, lost_looks),
            };
            if let Some(outputs) = &self.outputs {
                outputs.judged(item, judged.verdict);
            }
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
            let began = Instant::now();
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
                    self.pulse.disk(match appended.dropped + appended.folded {
                        0 => slowness(began.elapsed()),
                        _ => Some(FULL.to_owned()),
                    });
                }
                Err(error) => {
                    tracing::error!(waiting = self.unwritten.len(), "cannot store a report: {error}");
                    self.pulse.disk(Some(error.to_string()));
                    return;
                }
            }
        }
    }

    fn keep_evidence(&self, judged: &Judged, draft: &Draft) {
        let (Some(evidence), Some(frame)) = (&self.evidence, &judged.decisive) else { return };
        let areas = judged.defects.iter().filter_map(|defect| defect.area.as_ref());
        let boxes = areas.map(|place| frame.area(place)).collect();
        evidence.keep(draft.report_id(), frame.picture.clone(), boxes);
    }
}

/// What is wrong with a disk that took so long for a report.
fn slowness(took: Duration) -> Option<String> {
    (took >= SLOW).then(|| {
        let seconds = took.as_secs_f64();
        format!(
            "a report took {seconds:.1} s to be stored; the disk is slow, worn out or used by something else"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_disk_is_trouble_and_a_quick_one_is_none() {
        for (milliseconds, is_slow) in [(0, false), (40, false), (999, false), (1_000, true), (60_000, true)]
        {
            assert_eq!(slowness(Duration::from_millis(milliseconds)).is_some(), is_slow, "{milliseconds} ms");
        }
    }
}
