//! `andon-fleet`: how far the whole chain goes on this machine.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use andon_fleet::fleet::{Figures, FleetError, Options, run};
use clap::Parser;

/// Runs a fleet of stations on this machine: real sessions with the stand-in for IoT Hub, simulated verdicts, the
/// mailer, and a mail server that counts.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Stations
    #[arg(long, default_value_t = 100)]
    stations: usize,
    /// Items a minute and station
    #[arg(long, default_value_t = 60.0)]
    items_per_minute: f64,
    /// Share of items that are NG, from 0 to 1
    #[arg(long, default_value_t = 0.005)]
    ng_rate: f64,
    /// Seconds of work
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// New sessions a second; an S1 hub allows 100, 0 stands for as fast as possible
    #[arg(long, default_value_t = 100)]
    connects_per_second: u64,
    /// Instances of the mailer
    #[arg(long, default_value_t = 1)]
    instances: usize,
    /// The built mailer [default: beside this program]
    #[arg(long)]
    mailer: Option<PathBuf>,
    /// Where files go
    #[arg(long, default_value = "fleet-out")]
    out: PathBuf,
    /// Prints the figures as one JSON object
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::ERROR)
        .init();
    let mut stderr = std::io::stderr().lock();
    if !(0.0..=1.0).contains(&arguments.ng_rate) || !(0.0..=6000.0).contains(&arguments.items_per_minute) {
        let _ = writeln!(stderr, "andon-fleet: --ng-rate is from 0 to 1, --items-per-minute up to 6000");
        return ExitCode::from(2);
    }
    let beside = || std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("defect-mailer")));
    let options = Options {
        stations: arguments.stations,
        items_per_minute: arguments.items_per_minute,
        ng_rate: arguments.ng_rate,
        seconds: arguments.seconds,
        connects_per_second: arguments.connects_per_second,
        instances: arguments.instances,
        mailer: arguments.mailer.or_else(beside).unwrap_or_else(|| "defect-mailer".into()),
        out: arguments.out,
    };
    drop(stderr);
    match figures(&options) {
        Ok(figures) if arguments.json => print(&serde_json::to_string(&figures).unwrap_or_default()),
        Ok(figures) => print(&serde_json::to_string_pretty(&figures).unwrap_or_default()),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "andon-fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

fn figures(options: &Options) -> Result<Figures, FleetError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| FleetError::System { doing: "start", source })?;
    runtime.block_on(run(options))
}

fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
