//! The supervisor: gives systemd proof of work, tells how things stand, and sees to it that the parts end together.

use std::{
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::watch::Receiver;

use crate::{
    agent::{
        delivering::Delivering,
        pulse::{Beat, Pulse},
        stop::Stop,
    },
    delivery::State,
    items::{Handover, Tally, Verdict},
    outbox::Outbox,
    systemd::Systemd,
};

/// How soon the end of a thread is seen.
const TURN: Duration = Duration::from_millis(100);

/// How often the status text is renewed.
const STATUS: Duration = Duration::from_secs(5);

/// After the source's own end, the last reports get so long to arrive; then they wait for the next start.
const LAST_PUBACKS: Duration = Duration::from_secs(30);

pub(super) struct Supervision {
    pub(super) systemd: Systemd,
    pub(super) outbox: Outbox,
    pub(super) handover: Arc<Handover>,
    pub(super) tally: Arc<Tally>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) hub: Receiver<State>,
    pub(super) stop: Stop,
}

impl Supervision {
    /// Returns once the stop is asked for, the source has ended, or a part is gone.
    pub(super) fn watch<C, M>(&self, camera: &JoinHandle<C>, model: &JoinHandle<M>, delivering: &Delivering) {
        self.systemd.ready();
        let interval = self.systemd.watchdog_interval().map(|limit| limit / 2);
        let (mut beat, mut proven, mut told) = (Beat::default(), Instant::now(), None::<Instant>);
        while !self.stop.wait(TURN) {
            if camera.is_finished() || model.is_finished() || !delivering.is_alive() {
                break;
            }
            if interval.is_some_and(|interval| proven.elapsed() >= interval) {
                proven = Instant::now();
                if self.pulse.went_on(&mut beat, &self.handover) {
                    self.systemd.watchdog();
                } else {
                    tracing::error!("no work was done since the last sign of life: systemd gets none");
                }
            }
            if told.is_none_or(|told| told.elapsed() >= STATUS) {
                told = Some(Instant::now());
                self.systemd.status(&self.status());
            }
        }
        self.systemd.stopping();
    }

    /// Unless a stop was asked for, waits until the outbox is empty, but not for ever.
    pub(super) fn drain(&self, delivering: &Delivering) {
        let since = Instant::now();
        while delivering.is_alive()
            && since.elapsed() < LAST_PUBACKS
            && self.outbox.depth().is_ok_and(|depth| depth.reports > 0)
        {
            if self.stop.wait(TURN) {
                return;
            }
            self.systemd.watchdog();
        }
    }

    fn status(&self) -> String {
        let hub = match &*self.hub.borrow() {
            State::Starting => "not logged in yet".to_owned(),
            State::Online { .. } => "online".to_owned(),
            State::Offline { reason, .. } => format!("offline: {reason}"),
            State::Stopped => "stopped".to_owned(),
        };
        let waiting = self.outbox.depth().map_or_else(|_| "?".to_owned(), |depth| depth.reports.to_string());
        format!(
            "{} items: {} OK, {} NG, {} NOT INSPECTED; {waiting} reports wait; {hub}",
            self.tally.items(),
            self.tally.get(Verdict::Ok),
            self.tally.get(Verdict::Ng),
            self.tally.get(Verdict::NotInspected),
        )
    }
}
