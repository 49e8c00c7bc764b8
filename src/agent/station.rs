//! One station at work: its threads, and how it stands.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use tokio::sync::watch::Receiver;
use tracing::Span;

use crate::{
    agent::{
        controls::{Controls, Dial},
        delivering::Delivering,
        judging::{INCIDENTS, Judging},
        numbers::ItemNumbers,
        parts::Parts,
        pulse::{Beat, Pulse},
        self_report::Counts,
        steering::{Counted, Steering},
        stop::Stop,
        threads::{AgentError, Place, spawn},
        watching::Watch,
    },
    delivery::{Delivery, Link, State},
    evidence::Evidence,
    items::{Judgement, Tally, Verdict},
    outbox::Outbox,
    plant::{Listening, Outputs, Triggers},
    pool::{Handover, Pool, Terms},
    report::Reporter,
};

/// How a station's run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The station's id.
    pub station: String,
    /// Items judged OK.
    pub ok: u64,
    /// Items judged NG.
    pub ng: u64,
    /// Items that could not be judged.
    pub not_inspected: u64,
    /// Frames of items that came faster than they could be inspected.
    pub lost_looks: u64,
    /// Reports that the disk would not take: lost.
    pub unwritten: u64,
    /// Reports that wait in the outbox.
    pub waiting: u64,
    /// Triggers that came, where the station has some; each became an item.
    pub triggers: Option<u64>,
}

/// A station whose threads run.
pub(super) struct Station {
    id: String,
    triggers: Option<Triggers>,
    span: Span,
    outbox: Outbox,
    handover: Handover,
    tally: Arc<Tally>,
    pulse: Arc<Pulse>,
    beat: Beat,
    hub: Receiver<State>,
    camera: JoinHandle<()>,
    judge: JoinHandle<u64>,
    delivering: Delivering,
    steering: Steered,
}

/// The thread that does what the hub wants.
struct Steered {
    thread: JoinHandle<()>,
    stop: Stop,
}

impl Station {
    /// Starts a station's threads. Its camera runs until `sensing` is set. `place` says whose its threads are.
    pub(super) fn start<L: Link + Send + 'static>(
        parts: Parts<L>,
        pool: &Pool,
        sensing: &Stop,
        place: &Place,
    ) -> Result<Self, AgentError> {
        let tally = Arc::new(Tally::default());
        let pulse = Arc::new(Pulse::default());
        let memo = parts.outbox.memo(INCIDENTS)?;
        let settings = parts.tuning.settings();
        let judgement = Judgement::new(settings.rule.clone());
        let incidents = settings.incidents.clone();
        let controls = Arc::new(Controls::new(settings));
        let terms = Terms { model: parts.model, floor: judgement.floor() };
        let handover = pool.join(terms, parts.source.is_live());
        let id = parts.origin.station.id.clone();

        let listener = Arc::clone(&parts.listener);
        let delivery = Delivery::new(parts.outbox.clone(), parts.link, parts.pace, move |_, report_id| {
            listener.delivered(report_id);
        });
        let thread = |part| move |cause| AgentError::Thread { part, cause };
        let trigger = parts.trigger.as_ref().map(Listening::start).transpose().map_err(thread("trigger"))?;
        let outputs = parts.outputs.as_ref().map(Outputs::start).transpose().map_err(thread("outputs"))?;
        let triggers = trigger.as_ref().map(|listening| listening.triggers().clone());
        let watch = Watch {
            source: parts.source,
            mode: parts.mode,
            trigger,
            outputs: outputs.clone(),
            numbers: ItemNumbers::resume(parts.outbox.clone()),
            handover: handover.clone(),
            pulse: Arc::clone(&pulse),
            dial: Dial::of(&controls),
            paused: false,
            skipped: Default::default(),
            stop: sensing.clone(),
            region_fault: None,
        };
        let steering = Steering {
            desk: parts.desk,
            tuning: parts.tuning,
            controls: Arc::clone(&controls),
            handover: handover.clone(),
            quota: parts.evidence.as_ref().map(Evidence::quota),
            pulse: Arc::clone(&pulse),
            tally: Arc::clone(&tally),
            // A disk that takes no report must not keep anybody from saying so.
            outbox: parts.outbox.beside()?,
            hub: delivery.state(),
            origin: parts.origin.clone(),
            camera: watch.source.describe(),
            stop: Stop::default(),
            cadence: Default::default(),
            counted: Counted::from(Counts::default()),
            messages: Default::default(),
            reported: Default::default(),
        };
        let judging = Judging {
            handover: handover.clone(),
            judgement,
            reporter: Reporter::new(parts.origin, incidents, memo.as_deref()),
            outbox: parts.outbox.clone(),
            evidence: parts.evidence,
            tally: Arc::clone(&tally),
            pulse: Arc::clone(&pulse),
            listener: parts.listener,
            outputs,
            dial: Dial::of(&controls),
            unwritten: Default::default(),
        };
        Ok(Self {
            id,
            triggers,
            span: place.span.clone(),
            outbox: parts.outbox,
            handover,
            tally,
            pulse,
            beat: Beat::default(),
            hub: delivery.state(),
            delivering: Delivering::start(delivery, place)?,
            judge: spawn("judge", place, move || judging.run())?,
            camera: spawn("camera", place, move || watch.run())?,
            steering: Steered {
                stop: steering.stop.clone(),
                thread: spawn("steering", place, move || steering.run())?,
            },
        })
    }

    /// Whether a part ended before its time.
    pub(super) fn is_broken(&self) -> bool {
        let sensing_broke = self.camera.is_finished() || self.judge.is_finished();
        let steering_broke = self.steering.thread.is_finished();
        (sensing_broke && !self.handover.is_closed()) || steering_broke || !self.delivering.is_alive()
    }

    /// Whether it is known how it stands, `waited` after its start: see [`Pulse::is_known`].
    pub(super) fn is_known(&self, waited: Duration) -> bool {
        self.pulse.is_known(waited) || self.camera.is_finished()
    }

    /// Whether its source has ended and every item is judged.
    pub(super) fn has_ended(&self) -> bool {
        self.camera.is_finished() && self.judge.is_finished()
    }

    /// Whether work went on since the last call, or none is left to do.
    pub(super) fn went_on(&mut self) -> bool {
        let went_on =
            self.pulse.went_on(&mut self.beat, self.handover.is_empty()) || self.camera.is_finished();
        if !went_on {
            let _entered = self.span.enter();
            tracing::error!("no work was done since the last sign of life: systemd gets none");
        }
        went_on
    }

    /// Reports that wait for the hub, if the disk tells.
    pub(super) fn waiting(&self) -> Option<u64> {
        self.outbox.depth().ok().map(|depth| depth.reports)
    }

    /// A line for `systemctl status`.
    pub(super) fn status(&self) -> String {
        let hub = match &*self.hub.borrow() {
            State::Starting => "not logged in yet".to_owned(),
            State::Online { .. } => "online".to_owned(),
            State::Offline { reason, .. } => format!("offline: {reason}"),
            State::Stopped => "stopped".to_owned(),
        };
        let waiting = self.waiting().map_or_else(|| "?".to_owned(), |reports| reports.to_string());
        let triggers =
            self.triggers.as_ref().map(|it| format!(" of {} triggers", it.total())).unwrap_or_default();
        let trouble = self.pulse.trouble().map(|it| format!("; {it}")).unwrap_or_default();
        format!(
            "{} items{triggers}: {} OK, {} NG, {} NOT INSPECTED; {waiting} reports wait; {hub}{trouble}",
            self.tally.items(),
            self.tally.get(Verdict::Ok),
            self.tally.get(Verdict::Ng),
            self.tally.get(Verdict::NotInspected),
        )
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Sees the last items judged. The camera's stop must be asked for, or its source have ended.
    pub(super) fn finish_sensing(self) -> Finished {
        if self.judge.is_finished() {
            // A camera's thread that waits for room would wait for ever.
            self.handover.close();
        }
        let camera = self.camera.join().map_err(|_| AgentError::Bug("camera"));
        self.handover.close();
        let unwritten = self.judge.join().map_err(|_| AgentError::Bug("judge"));
        Finished {
            sensed: camera.and(unwritten),
            id: self.id,
            triggers: self.triggers,
            outbox: self.outbox,
            handover: self.handover,
            tally: self.tally,
            delivering: self.delivering,
            steering: self.steering,
        }
    }
}

/// A station that inspects nothing more, but still delivers.
pub(super) struct Finished {
    /// How many reports the disk would not take.
    sensed: Result<u64, AgentError>,
    id: String,
    triggers: Option<Triggers>,
    outbox: Outbox,
    handover: Handover,
    tally: Arc<Tally>,
    delivering: Delivering,
    steering: Steered,
}

impl Finished {
    /// Whether reports could still be delivered.
    pub(super) fn is_delivering(&self) -> bool {
        self.delivering.is_alive() && self.outbox.depth().is_ok_and(|depth| depth.reports > 0)
    }

    /// Asks delivery to end, so that several end at once.
    pub(super) fn ask_to_stop(&mut self) {
        self.delivering.ask_to_stop();
    }

    pub(super) fn conclude(self) -> Result<Outcome, AgentError> {
        self.steering.stop.set();
        let steered = self.steering.thread.join().map_err(|_| AgentError::Bug("steering"));
        self.delivering.stop()?;
        steered?;
        Ok(Outcome {
            station: self.id,
            ok: self.tally.get(Verdict::Ok),
            ng: self.tally.get(Verdict::Ng),
            not_inspected: self.tally.get(Verdict::NotInspected),
            lost_looks: self.handover.lost(),
            unwritten: self.sensed?,
            waiting: self.outbox.depth()?.reports,
            triggers: self.triggers.map(|triggers| triggers.total()),
        })
    }
}
