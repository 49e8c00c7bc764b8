//! What signals ask for while stations run: to stop, or to go on after the stations' files as they are now.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::AtomicBool,
        mpsc::{self, Receiver},
    },
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

use super::stations::StationsArgument;
use crate::{
    agent::{self, Prepared, Stop},
    config::Config,
    systemd::Systemd,
};

/// Stations that will run next.
pub(super) struct Next {
    pub(super) configs: Vec<Config>,
    pub(super) prepared: Prepared,
}

#[derive(Clone, Default)]
pub(super) struct Wishes(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    /// Of the stations that run now.
    stop: Stop,
    is_to_end: bool,
    next: Option<Next>,
}

impl Wishes {
    /// Listens from now on. The first SIGTERM or SIGINT asks for an orderly stop, the second ends the process at once;
    /// SIGHUP has the stations' files read again, which takes effect if nothing is wrong with them.
    pub(super) fn listen(stations: StationsArgument, systemd: Systemd) -> io::Result<Self> {
        let wishes = Self::default();
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let (again, reading) = mpsc::channel();
        let reader = wishes.clone();
        // A model takes seconds to load, and SIGTERM must not wait for that.
        thread::Builder::new()
            .name("configuration".to_owned())
            .spawn(move || reader.read_again(&reading, &stations, systemd))?;
        let listener = wishes.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGHUP {
                    // The reader is there as long as the process.
                    let _ = again.send(());
                } else {
                    tracing::info!("stopping; once more ends it at once");
                    listener.end();
                }
            }
        })?;
        Ok(wishes)
    }

    /// The wish that the stations which run from now on stop.
    pub(super) fn stop(&self) -> Stop {
        let mut asked = self.lock();
        asked.stop = Stop::default();
        if asked.is_to_end {
            asked.stop.set();
        } else if asked.next.is_some() {
            asked.stop.set_to_begin_anew();
        }
        asked.stop.clone()
    }

    /// The stations that are to run now, unless it is to end.
    pub(super) fn next(&self) -> Option<Next> {
        let mut asked = self.lock();
        let next = asked.next.take();
        next.filter(|_| !asked.is_to_end)
    }

    fn end(&self) {
        let mut asked = self.lock();
        asked.is_to_end = true;
        asked.stop.set();
    }

    fn read_again(&self, reading: &Receiver<()>, stations: &StationsArgument, systemd: Systemd) {
        while reading.recv().is_ok() {
            // One reading answers all who asked until now.
            while reading.try_recv().is_ok() {}
            tracing::info!("reading the configuration again");
            match next(stations) {
                Ok(next) => {
                    let mut asked = self.lock();
                    asked.next = Some(next);
                    systemd.reloading();
                    asked.stop.set_to_begin_anew();
                }
                Err(error) => {
                    tracing::error!("the new configuration is refused, the old one stays in force: {error}");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(stations: &StationsArgument) -> Result<Next, Box<dyn std::error::Error>> {
    let configs = Config::load_together(&stations.config)?;
    let prepared = agent::prepare(&configs)?;
    Ok(Next { configs, prepared })
}
