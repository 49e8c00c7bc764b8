//! The supervisor: gives systemd proof of work, tells how things stand, and sees to it that the parts end together.

use std::{
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    agent::{
        station::{Finished, Station},
        stop::Stop,
    },
    systemd::Systemd,
};

/// How soon the end of a thread is seen.
const TURN: Duration = Duration::from_millis(100);

/// How often the status text is renewed.
const STATUS: Duration = Duration::from_secs(5);

/// After the sources' own end, the last reports get so long to arrive; then they wait for the next start.
const LAST_PUBACKS: Duration = Duration::from_secs(30);

pub(super) struct Supervision {
    pub(super) systemd: Systemd,
    pub(super) stop: Stop,
}

impl Supervision {
    /// Returns once the stop is asked for, all sources have ended, or a part is gone.
    pub(super) fn watch(&self, stations: &mut [Station], workers: &[JoinHandle<()>]) {
        let (started, mut is_ready) = (Instant::now(), false);
        let interval = self.systemd.watchdog_interval().map(|limit| limit / 2);
        let (mut proven, mut told) = (Instant::now(), None::<Instant>);
        while !self.stop.wait(TURN) {
            if stations.iter().any(Station::is_broken) || workers.iter().any(JoinHandle::is_finished) {
                break;
            }
            if !is_ready && stations.iter().all(|it| it.is_known(started.elapsed())) {
                is_ready = true;
                self.systemd.ready();
            }
            if stations.iter().all(Station::has_ended) {
                break;
            }
            if interval.is_some_and(|interval| proven.elapsed() >= interval) {
                proven = Instant::now();
                // Every station is asked, since each measures from its last answer.
                let idle = stations.iter_mut().filter_map(|it| (!it.went_on()).then_some(())).count();
                if idle == 0 {
                    self.systemd.watchdog();
                }
            }
            if told.is_none_or(|told| told.elapsed() >= STATUS) {
                told = Some(Instant::now());
                self.systemd.status(&status(stations));
            }
        }
        // To systemd a station that begins anew was there all the time.
        if !self.stop.is_to_begin_anew() {
            self.systemd.stopping();
        }
    }

    /// Unless a stop was asked for, waits until the outboxes are empty, but not for ever.
    pub(super) fn drain(&self, stations: &[Finished]) {
        let since = Instant::now();
        while since.elapsed() < LAST_PUBACKS && stations.iter().any(Finished::is_delivering) {
            if self.stop.wait(TURN) {
                return;
            }
            self.systemd.watchdog();
        }
    }
}

fn status(stations: &[Station]) -> String {
    match stations {
        [station] => station.status(),
        several => {
            let each: Vec<_> = several.iter().map(|it| format!("{}: {}", it.id(), it.status())).collect();
            each.join(" | ")
        }
    }
}
