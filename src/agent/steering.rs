//! A station's thread for the hub's wishes: takes desired properties, answers methods, shows messages, and reports how
//! the station stands.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use crate::{
    agent::{
        controls::{Closed, Controls, Which, Wish},
        orders::{self, Order, refusal},
        pulse::Pulse,
        self_report::{Cadence, Condition, Counts, outbox, put},
        stop::Stop,
        tuning::Tuning,
    },
    delivery::State,
    evidence::Quota,
    hub::{Answer, Call, Desk, Errand, Message, Properties},
    items::Tally,
    outbox::{Outbox, OutboxError},
    pool::Handover,
    report::{OpenIncident, Origin},
};

/// How soon a stop or a change of health is seen.
const TURN: Duration = Duration::from_millis(200);

/// How long the judge may take for a wish, whose disk may be slow.
const JUDGE: Duration = Duration::from_secs(10);

/// So many of the last cloud-to-device messages are shown.
const SHOWN: usize = 10;

pub(super) struct Steering {
    pub(super) desk: Desk,
    pub(super) tuning: Tuning,
    pub(super) controls: Arc<Controls>,
    pub(super) handover: Handover,
    pub(super) quota: Option<Quota>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) tally: Arc<Tally>,
    pub(super) outbox: Outbox,
    pub(super) hub: Receiver<State>,
    pub(super) origin: Origin,
    /// What the source says of itself.
    pub(super) camera: String,
    pub(super) stop: Stop,
    pub(super) cadence: Cadence,
    pub(super) counted: Counted,
    pub(super) messages: VecDeque<String>,
    pub(super) reported: Properties,
}

/// From when on items are counted.
#[derive(Debug)]
pub(super) struct Counted {
    started: Instant,
    since: String,
    before: Counts,
}

impl Counted {
    /// From now on.
    pub(super) fn from(before: Counts) -> Self {
        let since = format!("{:.0}", jiff::Timestamp::now());
        Self { started: Instant::now(), since, before }
    }
}

impl Steering {
    /// Runs until its stop is asked for.
    pub(super) fn run(mut self) {
        self.reported = self.tuning.reported();
        // Before any wish is answered, so that nothing that is reported lacks the rest.
        self.refresh();
        while !self.stop.is_set() {
            match self.desk.next(TURN) {
                Some(Errand::Desire(desired)) => {
                    self.tuning.desire(&desired, self.pulse.size());
                    self.apply();
                }
                Some(Errand::Answer(call)) => {
                    let answer = self.obey(&call);
                    tracing::info!(status = answer.status, "the hub called the method {:?}", call.name);
                    self.desk.answer(&call, answer);
                }
                Some(Errand::Show(message)) => self.show(&message),
                None => {}
            }
            if self.cadence.is_due(Instant::now(), &self.condition()) {
                self.refresh();
            }
        }
    }

    /// Brings what is in force to the threads that work by it, and tells the hub.
    fn apply(&mut self) {
        let settings = self.tuning.settings();
        if let (Some(quota), Some(bytes)) = (&self.quota, settings.evidence_bytes) {
            quota.set(bytes);
        }
        self.controls.set(settings);
        self.handover.nudge();
        self.reported.extend(self.tuning.reported());
        self.retain_reported();
        self.refresh_health();
        self.desk.report(self.reported.clone());
    }

    /// Drops answers to properties that are not desired any more.
    fn retain_reported(&mut self) {
        let answered = self.tuning.reported();
        self.reported.retain(|name, _| SECTIONS.contains(&name.as_str()) || answered.contains_key(name));
    }

    fn condition(&self) -> Condition {
        Condition::of(self.pulse.trouble(), self.controls.settings().paused)
    }

    fn refresh_health(&mut self) {
        let condition = self.condition();
        put(&mut self.reported, "health", condition.tell());
    }

    /// Says how things stand.
    fn refresh(&mut self) {
        let Origin { agent, model, .. } = &self.origin;
        let agent = json!({"version": agent.version});
        let model = json!({"name": model.name, "version": model.version, "sha256": model.sha256});
        let camera = json!({"source": self.camera.chars().take(LONGEST_SOURCE).collect::<String>()});
        put(&mut self.reported, "agent", agent);
        put(&mut self.reported, "model", model);
        put(&mut self.reported, "camera", camera);
        let nothing = || json!({"incident": "", "by": "", "at": ""});
        self.reported.entry("acknowledged").or_insert_with(nothing);
        let counters = self.counters();
        put(&mut self.reported, "counters", counters);
        match self.outbox() {
            Ok(value) => put(&mut self.reported, "outbox", value),
            Err(error) => tracing::debug!("the outbox tells nothing of itself: {error}"),
        }
        self.refresh_health();
        self.desk.report(self.reported.clone());
    }

    fn outbox(&self) -> Result<Value, OutboxError> {
        let (depth, totals, gap) = (self.outbox.depth()?, self.outbox.totals()?, self.outbox.gap()?);
        Ok(outbox(&depth, &totals, gap.as_ref(), jiff::Timestamp::now()))
    }

    fn counters(&self) -> Value {
        Counts::of(&self.tally).since(self.counted.before).tell(&self.counted.since)
    }

    fn show(&mut self, message: &Message) {
        let properties: Vec<_> =
            message.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let line = format!("{} bytes [{}]: {}", message.bytes, properties.join(", "), message.text);
        tracing::info!("a message from the hub, {line}");
        if self.messages.len() >= SHOWN {
            self.messages.pop_front();
        }
        self.messages.push_back(format!("{:.0} {line}", jiff::Timestamp::now()));
    }

    fn obey(&mut self, call: &Call) -> Answer {
        let done = match orders::read(call) {
            Err(answer) => return answer,
            Ok(Order::Ping) => Ok(json!({
                "station": self.origin.station.id,
                "version": self.origin.agent.version,
                "uptime_seconds": self.counted.started.elapsed().as_secs(),
            })),
            Ok(Order::Diagnostics) => Ok(json!({"text": self.diagnostics()})),
            Ok(Order::Pause) => self.pause(true),
            Ok(Order::Resume) => self.pause(false),
            Ok(Order::Acknowledge(which)) => self.close(which),
            Ok(Order::ResetCounters) => {
                let started = self.counted.started;
                self.counted = Counted { started, ..Counted::from(Counts::of(&self.tally)) };
                let counters = self.counters();
                put(&mut self.reported, "counters", counters.clone());
                self.desk.report(self.reported.clone());
                Ok(counters)
            }
        };
        done.map_or_else(|refusal| refusal, |payload| Answer { status: 200, payload })
    }

    fn pause(&mut self, paused: bool) -> Result<Value, Answer> {
        if !paused && self.tuning.is_paused_by_property() {
            let reason = "the desired property paused is true, which holds until it is set to false";
            return Err(refusal(409, reason));
        }
        self.tuning.pause(paused).map_err(|reason| refusal(500, reason))?;
        self.apply();
        Ok(json!({"paused": self.controls.settings().paused}))
    }

    /// Has the judge close an incident.
    fn close(&mut self, which: Which) -> Result<Value, Answer> {
        let (answer, closed) = mpsc::channel();
        self.controls.wish(Wish::Close { which, answer });
        self.handover.nudge();
        let mut waited = closed.recv_timeout(TURN);
        let since = Instant::now();
        // At a stop there is no judge any more.
        while waited == Err(RecvTimeoutError::Timeout) && since.elapsed() < JUDGE && !self.stop.is_set() {
            waited = closed.recv_timeout(TURN);
        }
        match waited {
            Ok(Closed::Yes(incident)) => {
                self.tell_acknowledged(&incident);
                Ok(json!({"closed": told(&incident)}))
            }
            Ok(Closed::NoSuch(open)) => {
                let open: Vec<_> = open.iter().take(MOST_INCIDENTS).map(told).collect();
                let reason = "no such incident is open here";
                Err(Answer { status: 404, payload: json!({"reason": reason, "open": open}) })
            }
            Ok(Closed::Forgetful(reason)) => Err(refusal(500, reason)),
            Err(_) => Err(refusal(503, "the station's judge is busy; call again")),
        }
    }

    /// The mailer reads this from the twin: an incident that somebody has seen needs no further word.
    fn tell_acknowledged(&mut self, incident: &OpenIncident) {
        let at = format!("{:.0}", jiff::Timestamp::now());
        let value = json!({"incident": incident.id, "by": "a direct method", "at": at});
        put(&mut self.reported, "acknowledged", value);
        self.desk.report(self.reported.clone());
    }

    /// How things stand, for a person; without a picture and without a secret.
    fn diagnostics(&self) -> String {
        let Origin { station, agent, model } = &self.origin;
        let hub = match &*self.hub.borrow() {
            State::Online { since } => format!("online for {} s", since.elapsed().as_secs()),
            other => format!("{other:?}"),
        };
        let condition = self.condition();
        let mut lines = vec![
            format!("station {} on {}, {}", station.id, station.line, station.product),
            format!("agent {}, up {} s", agent.version, self.counted.started.elapsed().as_secs()),
            format!("model {} {} {}", model.name, model.version, model.sha256),
            format!("camera {}", self.camera),
            format!("health {} {}", condition.state, condition.reason),
            format!("hub {hub}"),
            format!("counters {}", self.counters()),
            format!("frames lost to overload {}", self.handover.lost()),
            self.outbox().map_or_else(|error| format!("outbox {error}"), |outbox| format!("outbox {outbox}")),
        ];
        lines.extend(self.tuning.told().into_iter().map(|line| format!("changed from afar: {line}")));
        lines.extend(self.messages.iter().map(|line| format!("message {line}")));
        // Each line is bounded but for what comes from the station's own file, which is trusted.
        lines.join("\n").chars().take(LONGEST_BUNDLE).collect()
    }
}

/// What is reported besides the properties that can be changed.
const SECTIONS: [&str; 7] = ["agent", "model", "camera", "health", "counters", "outbox", "acknowledged"];

/// The longest description of a source that is reported, in characters.
const LONGEST_SOURCE: usize = 240;

/// More open incidents than a person reads.
const MOST_INCIDENTS: usize = 50;

/// An answer to a method may have 128 KB.
const LONGEST_BUNDLE: usize = 30_000;

fn told(incident: &OpenIncident) -> Value {
    json!({"id": incident.id, "label": incident.label, "count": incident.count})
}
