//! `andon hub`: what is done for a station's hub on another machine than the station.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::PathBuf,
};

use clap::Subcommand;

use super::outcome::Failure;
use crate::hub::{Key, RegistrationId};

/// More than any key has.
const MAX_BYTES: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum HubCommand {
    /// Derive a station's key from the key of its enrolment group
    ///
    /// Done on the machine where the group's key may be, never on a station: who has the group's key can be any
    /// station. Prints the station's key alone, for its file hub-device-key.
    DeriveKey {
        /// The station's registration id: its own id, unless its file says otherwise
        #[arg(value_name = "REGISTRATION", value_parser = registration)]
        registration: RegistrationId,
        /// The file with the group's key in base64 [default: standard input]
        #[arg(long, value_name = "FILE")]
        group_key_file: Option<PathBuf>,
    },
}

pub(super) fn run(
    command: &HubCommand,
    input: &mut dyn Read,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Failure> {
    let HubCommand::DeriveKey { registration, group_key_file } = command;
    let mut text = String::new();
    let read = match group_key_file {
        Some(file) => File::open(file).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)),
        None => {
            if io::stdin().is_terminal() {
                writeln!(notes, "paste the key of the enrolment group, then press Enter and Ctrl-D")?;
            }
            input.take(MAX_BYTES).read_to_string(&mut text)
        }
    };
    let from = group_key_file.as_ref().map_or("standard input".to_owned(), |file| file.display().to_string());
    read.map_err(|error| Failure::Failed(format!("cannot read the group's key from {from}: {error}")))?;
    let group = Key::parse(text.trim())
        .map_err(|fault| Failure::Failed(format!("the group's key from {from} {fault}")))?;
    writeln!(out, "{}", group.derive(registration.as_str()).reveal())?;
    Ok(())
}

fn registration(text: &str) -> Result<RegistrationId, String> {
    RegistrationId::parse(text).map_err(|fault| format!("the registration id {fault}"))
}
