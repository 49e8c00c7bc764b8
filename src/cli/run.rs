//! `andon run`: stations at work.

use clap::Args;

use super::{log, outcome::Failure, stations::StationsArgument, wishes::Wishes};
use crate::{
    agent::{self, AssemblyError, Outcome, Parts},
    config::{Config, LogLevel},
    hub::Hub,
    pool::Pool,
    report::follow_time_service,
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
    let mut configs = arguments.stations.load()?;
    let log = log::start(level(&configs));
    let systemd = Systemd::from_environment();
    let wishes = Wishes::listen(arguments.stations.clone(), systemd)
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    if let Err(error) = follow_time_service() {
        tracing::warn!("cannot start the thread that asks for the clock's state: {error}");
    }
    let workers = arguments.workers.map_or_else(Pool::usual_workers, usize::from);
    let mut parts = agent::assemble(&configs)?;
    let mut lost = 0;
    loop {
        introduce(&configs, &parts);
        let outcomes = agent::run(parts, workers, systemd, &wishes.stop());
        lost += conclude(&outcomes.map_err(|error| Failure::Failed(error.to_string()))?);
        let Some(next) = wishes.next() else { break };
        parts = match next.prepared.open() {
            Ok(parts) => {
                configs = next.configs;
                log.turn_to(level(&configs));
                parts
            }
            Err(error) => {
                tracing::error!("the new configuration is refused, the old one goes on: {error}");
                agent::assemble(&configs)?
            }
        };
    }
    match lost {
        0 => Ok(()),
        lost => Err(Failure::Failed(format!("{lost} reports are lost: the disk took none, see above"))),
    }
}

/// There is one log; the station that wants to hear most hears it.
fn level(configs: &[Config]) -> LogLevel {
    configs.iter().map(|config| config.log).max().unwrap_or(LogLevel::Info)
}

fn introduce(configs: &[Config], parts: &[Parts<Hub>]) {
    for (config, parts) in configs.iter().zip(parts) {
        tracing::info!(
            station = config.station.id,
            line = config.station.line,
            model = parts.model.pack().name(),
            version = parts.model.pack().version(),
            "inspecting {}",
            parts.source.describe()
        );
    }
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

/// Says how the stations' run went; returns how many reports are lost.
fn conclude(outcomes: &[Outcome]) -> u64 {
    for outcome in outcomes {
        let Outcome { station, ok, ng, not_inspected, lost_looks, waiting, triggers, .. } = outcome;
        let whose = if outcomes.len() == 1 { String::new() } else { format!("{station}: ") };
        let items = ok + ng + not_inspected;
        tracing::info!("{whose}{items} items: {ok} OK, {ng} NG, {not_inspected} NOT INSPECTED");
        match triggers {
            Some(triggers) if *triggers != items => {
                tracing::error!(
                    "{whose}{triggers} triggers and {items} verdicts: please report this with the log"
                );
            }
            Some(triggers) => tracing::info!("{whose}{triggers} triggers, each with its verdict"),
            None => {}
        }
        if *lost_looks > 0 {
            tracing::info!("{whose}{lost_looks} frames of items came faster than they could be inspected");
        }
        if *waiting > 0 {
            tracing::info!("{whose}{waiting} reports wait in the outbox for the next start");
        }
    }
    outcomes.iter().map(|it| it.unwritten).sum()
}
