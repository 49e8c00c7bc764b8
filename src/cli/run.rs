//! `andon run`: stations at work.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use clap::Args;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

use super::{log, outcome::Failure, stations::StationsArgument};
use crate::{
    agent::{self, AssemblyError, Outcome, Stop},
    config::LogLevel,
    pool::Pool,
    systemd::Systemd,
};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    stations: StationsArgument,
    /// How many frames may be inspected at once, over all stations, 1 to 64 [default: one fewer than there are cores,
    /// at least 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: Option<u8>,
}

pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let stations = arguments.stations.load()?;
    // There is one log; the station that wants to hear most hears it.
    let level = stations.iter().map(|config| config.log).max();
    log::start(level.unwrap_or(LogLevel::Info));
    let stop = Stop::default();
    stop_on_signals(stop.clone())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    let parts = agent::assemble(&stations)?;
    for (config, parts) in stations.iter().zip(&parts) {
        tracing::info!(
            station = config.station.id,
            line = config.station.line,
            model = parts.model.pack().name(),
            version = parts.model.pack().version(),
            "inspecting {}",
            parts.source.describe()
        );
    }
    let workers = arguments.workers.map_or_else(Pool::usual_workers, usize::from);
    let outcomes = agent::run(parts, workers, Systemd::from_environment(), &stop);
    let outcomes = outcomes.map_err(|error| Failure::Failed(error.to_string()))?;
    conclude(&outcomes)
}

impl From<AssemblyError> for Failure {
    fn from(error: AssemblyError) -> Self {
        match error {
            AssemblyError::Labels { .. } | AssemblyError::SameDevice { .. } => {
                Self::WrongUse(error.to_string())
            }
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

fn conclude(outcomes: &[Outcome]) -> Result<(), Failure> {
    for outcome in outcomes {
        let Outcome { station, ok, ng, not_inspected, lost_looks, waiting, .. } = outcome;
        let whose = if outcomes.len() == 1 { String::new() } else { format!("{station}: ") };
        let items = ok + ng + not_inspected;
        tracing::info!("{whose}{items} items: {ok} OK, {ng} NG, {not_inspected} NOT INSPECTED");
        if *lost_looks > 0 {
            tracing::info!("{whose}{lost_looks} frames of items came faster than they could be inspected");
        }
        if *waiting > 0 {
            tracing::info!("{whose}{waiting} reports wait in the outbox for the next start");
        }
    }
    match outcomes.iter().map(|it| it.unwritten).sum() {
        0u64 => Ok(()),
        lost => Err(Failure::Failed(format!("{lost} reports are lost: the disk took none, see above"))),
    }
}
