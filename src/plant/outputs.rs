//! The outputs at work: a thread for each way to the plant's controls, all showing one schedule.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    gpio::{self, OutputLines},
    modbus::{self, OutputCoils},
    schedule::{Rules, Schedule, State},
};
use crate::items::Verdict;

/// What a station shows, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// When outputs act.
    pub rules: Rules,
    /// On GPIO lines.
    pub gpio: Option<OutputLines>,
    /// On a controller's coils.
    pub modbus: Option<OutputCoils>,
}

impl OutputSettings {
    /// Opens every way once and gives it back; nothing is switched on.
    ///
    /// # Errors
    /// Says which cannot be used, and what there is.
    pub fn try_out(&self) -> Result<(), String> {
        self.ways().iter().try_for_each(|way| Hand::open(way).map(drop))
    }

    fn ways(&self) -> Vec<Way> {
        let gpio = self.gpio.clone().map(Way::Gpio);
        gpio.into_iter().chain(self.modbus.map(Way::Modbus)).collect()
    }
}

#[derive(Clone, Debug)]
enum Way {
    Gpio(OutputLines),
    Modbus(OutputCoils),
}

/// How often the heartbeat counts, and everything is written again, for a controller that has forgotten.
const BEAT: Duration = Duration::from_millis(500);

/// How long to leave a way in peace that cannot be used.
const PAUSE: Duration = Duration::from_secs(1);

/// A station's outputs; clones are the same. They are switched off once the last is dropped.
#[derive(Clone)]
pub struct Outputs(Arc<Owner>);

struct Owner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    held: Mutex<Held>,
    changed: Condvar,
}

struct Held {
    schedule: Schedule,
    /// Counts what is new, so that none of it is slept through.
    news: u64,
    has_ended: bool,
}

impl Outputs {
    /// Starts to show: not ready at first. A way that cannot be used is tried again and again, and told once.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(settings: &OutputSettings) -> io::Result<Self> {
        let held = Held { schedule: Schedule::new(settings.rules), news: 0, has_ended: false };
        let shared = Arc::new(Shared { held: Mutex::new(held), changed: Condvar::new() });
        let mut owner = Owner { shared: Arc::clone(&shared), threads: Vec::new() };
        for way in settings.ways() {
            let (shared, span) = (Arc::clone(&shared), tracing::Span::current());
            let named = thread::Builder::new().name("outputs".to_owned());
            owner.threads.push(named.spawn(move || span.in_scope(|| shared.show(&way)))?);
        }
        Ok(Self(Arc::new(owner)))
    }

    /// A frame came: the station sees.
    pub fn saw(&self) {
        self.0.shared.lock().schedule.saw(Instant::now());
    }

    /// An item passed at this moment; its verdict will come.
    pub fn passed(&self, item: u64, moment: Instant) {
        self.0.shared.lock().schedule.passed(item, moment);
    }

    /// An item got its verdict.
    pub fn judged(&self, item: u64, verdict: Verdict) {
        let mut held = self.0.shared.lock();
        let done = held.schedule.judged(item, verdict, Instant::now());
        held.news += 1;
        drop(held);
        if let Err(late) = done {
            tracing::error!(
                item,
                "the verdict {verdict} came {late:?} too late to reject the item; look for it"
            );
        }
        self.0.shared.changed.notify_all();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Each ends within a controller's time-out. One that ended by a bug has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the schedule on one way until the end; then everything is off.
    fn show(&self, way: &Way) {
        let (mut hand, mut told): (Option<Hand>, Option<String>) = (None, None);
        let (mut shown, mut count, mut beat) = (None, 0u16, Instant::now());
        loop {
            let (now, mut held) = (Instant::now(), self.lock());
            let state = if held.has_ended { State::default() } else { held.schedule.state(now) };
            let (next, news, has_ended) = (held.schedule.next(now), held.news, held.has_ended);
            drop(held);
            let is_due = now >= beat;
            let mut wake = next.map_or(beat, |next| next.min(beat));
            if is_due || has_ended || shown != Some(state) {
                if is_due {
                    // It stands still while the station is not ready: that is how a controller hears of it.
                    count = count.wrapping_add(u16::from(state.ready));
                    beat = now + BEAT;
                    wake = next.map_or(beat, |next| next.min(beat));
                }
                let opened = hand.take().map_or_else(|| Hand::open(way), Ok);
                let done = opened.and_then(|mut opened| opened.show(state, count).map(|()| opened));
                match done {
                    Ok(opened) => {
                        hand = Some(opened);
                        shown = Some(state);
                        if told.take().is_some() {
                            tracing::info!("the outputs can be set again");
                        }
                    }
                    Err(reason) => {
                        shown = None;
                        wake = now + PAUSE;
                        if told.as_ref() != Some(&reason) {
                            tracing::error!("the outputs cannot be set: {reason}");
                            told = Some(reason);
                        }
                    }
                }
            }
            if has_ended {
                return;
            }
            self.wait(wake, news, shown.is_none());
        }
    }

    /// Waits until then; for something new before, unless it could not be shown anyway.
    fn wait(&self, wake: Instant, news: u64, is_broken: bool) {
        let patience = wake.saturating_duration_since(Instant::now());
        let is_over = |held: &mut Held| !held.has_ended && (is_broken || held.news == news);
        drop(self.changed.wait_timeout_while(self.lock(), patience, is_over));
    }
}

enum Hand {
    Gpio(gpio::Output),
    Modbus(modbus::Output),
}

impl Hand {
    fn open(way: &Way) -> Result<Self, String> {
        Ok(match way {
            Way::Gpio(lines) => Self::Gpio(gpio::Output::open(lines)?),
            Way::Modbus(coils) => Self::Modbus(modbus::Output::open(coils)?),
        })
    }

    fn show(&mut self, state: State, count: u16) -> Result<(), String> {
        match self {
            Self::Gpio(output) => {
                output.show(state)?;
                output.beat(count)
            }
            Self::Modbus(output) => {
                output.show(state)?;
                output.beat(count)
            }
        }
    }
}
