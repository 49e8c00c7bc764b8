//! What a station's threads look at to be steered while they run.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
    mpsc::Sender,
};

use crate::{agent::tuning::Settings, report::OpenIncident};

/// How a station's threads are steered.
#[derive(Debug)]
pub(super) struct Controls {
    state: Mutex<State>,
    /// Counts the settings, so that a look at them costs next to nothing.
    turn: AtomicU64,
}

#[derive(Debug)]
struct State {
    settings: Arc<Settings>,
    wishes: Vec<Wish>,
}

/// Something that only the judge can do; whoever wants it waits for the answer.
#[derive(Debug)]
pub(super) enum Wish {
    /// Close the incident with this id, or the one of this label.
    Close { which: Which, answer: Sender<Closed> },
}

/// An open incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Id(String),
    Label(String),
}

/// What became of the wish to close an incident.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// This one was closed.
    Yes(OpenIncident),
    /// There is none like that; these are open.
    NoSuch(Vec<OpenIncident>),
    /// It is closed, but a restart opens it again: the disk refused.
    Forgetful(String),
}

/// One thread's view of the settings.
#[derive(Debug)]
pub(super) struct Dial {
    controls: Arc<Controls>,
    seen: u64,
}

impl Controls {
    pub(super) fn new(settings: Settings) -> Self {
        let state = State { settings: Arc::new(settings), wishes: Vec::new() };
        Self { state: Mutex::new(state), turn: AtomicU64::new(1) }
    }

    /// Brings other settings into force.
    pub(super) fn set(&self, settings: Settings) {
        self.state().settings = Arc::new(settings);
        self.turn.fetch_add(1, Ordering::Release);
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    pub(super) fn wish(&self, wish: Wish) {
        self.state().wishes.push(wish);
    }

    pub(super) fn take_wishes(&self) -> Vec<Wish> {
        std::mem::take(&mut self.state().wishes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dial {
    /// A view that has seen nothing yet.
    pub(super) fn of(controls: &Arc<Controls>) -> Self {
        Self { controls: Arc::clone(controls), seen: 0 }
    }

    /// The settings, if they changed since the last look.
    pub(super) fn turned(&mut self) -> Option<Arc<Settings>> {
        let now = self.controls.turn.load(Ordering::Acquire);
        (std::mem::replace(&mut self.seen, now) != now).then(|| self.controls.settings())
    }

    pub(super) fn take_wishes(&self) -> Vec<Wish> {
        self.controls.take_wishes()
    }
}
