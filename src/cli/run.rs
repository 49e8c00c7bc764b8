//! `andon run`: a station at work.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

use super::{log, outcome::Failure};
use crate::{
    agent::{self, AssemblyError, Outcome, Stop},
    config::Config,
};

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    log::start(config.log);
    let stop = Stop::default();
    stop_on_signals(stop.clone())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    let parts = agent::assemble(config)?;
    tracing::info!(
        station = config.station.id,
        line = config.station.line,
        model = parts.inspector.pack().name(),
        version = parts.inspector.pack().version(),
        "inspecting {}",
        parts.source.describe()
    );
    let outcome = agent::run(parts, &stop).map_err(|error| Failure::Failed(error.to_string()))?;
    conclude(&outcome)
}

impl From<AssemblyError> for Failure {
    fn from(error: AssemblyError) -> Self {
        match error {
            AssemblyError::Labels { .. } => Self::WrongUse(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// The first SIGTERM or SIGINT asks for an orderly stop, the second ends the process at once.
fn stop_on_signals(stop: Stop) -> io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            tracing::info!("stopping; once more ends it at once");
            stop.set();
        }
    })?;
    Ok(())
}

fn conclude(outcome: &Outcome) -> Result<(), Failure> {
    let Outcome { ok, ng, not_inspected, lost_looks, unwritten, waiting } = *outcome;
    let items = ok + ng + not_inspected;
    tracing::info!("{items} items: {ok} OK, {ng} NG, {not_inspected} NOT INSPECTED");
    if lost_looks > 0 {
        tracing::info!("{lost_looks} frames of items came faster than the model could look at them");
    }
    if waiting > 0 {
        tracing::info!("{waiting} reports wait in the outbox for the next start");
    }
    if unwritten > 0 {
        return Err(Failure::Failed(format!("{unwritten} reports are lost: the disk took none, see above")));
    }
    Ok(())
}
