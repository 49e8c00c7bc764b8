//! The command line: a file a subcommand.
//!
//! Machine output is JSON lines on standard output, everything for people goes to standard error. Exit 0 done, 1 failed,
//! 2 wrong use or configuration.

mod outcome;
mod stations;
mod log;
mod outbox;
mod wishes;
mod run;
mod check;
mod cameras;
mod commission;
mod inspect;
mod bench;
mod model;
mod hub;
mod pages;

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Config;
use outcome::Failure;
use stations::{StationsArgument, USUAL};

/// Tells the supervisor when quality fails at a camera station
#[derive(Debug, Parser)]
#[command(name = "andon", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run stations until they are told to stop
    Run(run::RunArguments),
    /// Check stations' configurations and everything that they name, without inspecting anything
    Check {
        #[command(flatten)]
        stations: StationsArgument,
        /// Do not log in at the hub
        #[arg(long)]
        offline: bool,
        /// One JSON object a line on standard output for each thing checked
        #[arg(long)]
        json: bool,
    },
    /// List this machine's cameras, with what belongs into a station's file
    Cameras(cameras::CamerasArgument),
    /// Set a station's camera up
    Camera {
        #[command(subcommand)]
        command: CameraCommand,
    },
    /// Inspect pictures, each as an item of its own
    Inspect(inspect::InspectArguments),
    /// Time the stages of an inspection on this machine
    Bench(bench::BenchArguments),
    /// Make model packs
    Model {
        #[command(subcommand)]
        command: model::ModelCommand,
    },
    /// Get stations ready for their hub
    Hub {
        #[command(subcommand)]
        command: hub::HubCommand,
    },
    /// Look at the reports that wait for the hub
    Outbox {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: outbox::OutboxCommand,
    },
    /// Write the manual's pages and the shells' completions, for a package
    #[command(hide = true)]
    Pages(pages::PagesArgument),
}

#[derive(Debug, Subcommand)]
enum CameraCommand {
    /// Write a camera, as it is set now, into a station's file, and take the picture that later ones are compared with
    Commission(commission::CommissionArguments),
}

#[derive(Debug, Args)]
struct ConfigArgument {
    /// The station's file; config/station.example.toml explains every key
    #[arg(long, value_name = "FILE", default_value = USUAL, global = true)]
    config: PathBuf,
}

/// Runs the program with these arguments, the first of which is its name.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output and are no failure; clap knows.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match execute(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let (text, code) = match failure {
                Failure::Failed(text) => (text, 1),
                Failure::WrongUse(text) => (text, 2),
            };
            eprintln!("andon: {text}");
            ExitCode::from(code)
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    let (mut out, mut notes) = (io::stdout().lock(), io::stderr());
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check { stations, offline, json } => {
            check::run(&stations, offline, json, &mut out, &mut notes)
        }
        Command::Cameras(arguments) => cameras::run(&arguments, &mut out, &mut notes),
        Command::Camera { command: CameraCommand::Commission(arguments) } => {
            commission::run(&arguments, &mut notes)
        }
        Command::Inspect(arguments) => inspect::run(&arguments, &mut out, &mut notes),
        Command::Bench(arguments) => bench::run(&arguments, &mut io::stdin().lock(), &mut out, &mut notes),
        Command::Model { command } => {
            let can_ask = io::stdin().is_terminal() && notes.is_terminal();
            model::run(&command, &mut io::stdin().lock(), can_ask, &mut notes)
        }
        Command::Hub { command } => hub::run(&command, &mut io::stdin().lock(), &mut out, &mut notes),
        Command::Outbox { config, command } => {
            let config = config.load()?;
            outbox::run(&command, &config.outbox.file, &mut out, &mut notes).map_err(Failure::from)
        }
        Command::Pages(argument) => pages::run(&argument, Arguments::command()),
    }
}

impl ConfigArgument {
    fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.config)?)
    }
}
