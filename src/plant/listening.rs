//! The threads that hear triggers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    gpio::{self, InputLine},
    modbus::{self, TriggerCoil},
    triggers::Triggers,
};

/// Where triggers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A GPIO line.
    Gpio(InputLine),
    /// A controller's coil.
    Modbus(TriggerCoil),
}

/// What triggers a station, and when it is seen then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerSettings {
    /// Each is heard for itself.
    pub ways: Vec<Way>,
    /// From the trigger to the item in front of the camera.
    pub delay: Duration,
    /// How long it waits for a frame then.
    pub patience: Duration,
}

impl TriggerSettings {
    /// Opens every way once and gives it back.
    ///
    /// # Errors
    /// Says which cannot be used, and what there is.
    pub fn try_out(&self) -> Result<(), String> {
        self.ways.iter().try_for_each(|way| Ear::open(way).map(drop))
    }
}

/// The longest that a thread is deaf to the end.
const TURN: Duration = Duration::from_millis(100);

/// How long to leave a way in peace that cannot be used.
const PAUSE: Duration = Duration::from_secs(1);

/// Hears triggers until it is dropped.
#[derive(Debug)]
pub struct Listening {
    triggers: Triggers,
    has_ended: Arc<AtomicBool>,
}

impl Listening {
    /// Starts to listen. A way that cannot be used is tried again and again, and told once.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(settings: &TriggerSettings) -> io::Result<Self> {
        let triggers = Triggers::new(settings.delay, settings.patience);
        let listening = Self { triggers: triggers.clone(), has_ended: Arc::default() };
        for way in settings.ways.clone() {
            let (triggers, has_ended) = (triggers.clone(), Arc::clone(&listening.has_ended));
            let span = tracing::Span::current();
            thread::Builder::new()
                .name("trigger".to_owned())
                .spawn(move || span.in_scope(|| listen(&way, &triggers, &has_ended)))?;
        }
        Ok(listening)
    }

    /// What was heard.
    #[must_use]
    pub fn triggers(&self) -> &Triggers {
        &self.triggers
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

fn listen(way: &Way, triggers: &Triggers, has_ended: &AtomicBool) {
    let (mut ear, mut told): (Option<Ear>, Option<String>) = (None, None);
    // A coil that was heard, and that the controller does not know of yet, is no second trigger.
    let mut is_owed = false;
    while !has_ended.load(Ordering::Relaxed) {
        let heard = match &mut ear {
            Some(ear) => ear.wait(&mut is_owed),
            None => Ear::open(way).map(|opened| {
                ear = Some(opened);
                None
            }),
        };
        match heard {
            Ok(None) => {}
            Ok(Some(at)) => triggers.push(at),
            Err(reason) => {
                ear = None;
                if told.as_ref() != Some(&reason) {
                    tracing::error!("no triggers come: {reason}");
                    told = Some(reason);
                }
                thread::sleep(PAUSE);
                continue;
            }
        }
        if ear.is_some() && told.take().is_some() {
            tracing::info!("triggers can come again");
        }
    }
}

enum Ear {
    Gpio(gpio::Input),
    Modbus(modbus::Input),
}

impl Ear {
    fn open(way: &Way) -> Result<Self, String> {
        Ok(match way {
            Way::Gpio(line) => Self::Gpio(gpio::Input::open(line)?),
            Way::Modbus(coil) => Self::Modbus(modbus::Input::open(coil)?),
        })
    }

    /// Waits a turn for a trigger; when it was.
    fn wait(&mut self, is_owed: &mut bool) -> Result<Option<Instant>, String> {
        match self {
            Self::Gpio(input) => input.wait(TURN),
            Self::Modbus(input) => {
                if *is_owed {
                    input.take_back()?;
                    *is_owed = false;
                }
                if !input.is_set()? {
                    thread::sleep(modbus::LOOK);
                    return Ok(None);
                }
                let at = Instant::now();
                *is_owed = true;
                if input.take_back().is_ok() {
                    *is_owed = false;
                }
                Ok(Some(at))
            }
        }
    }
}
