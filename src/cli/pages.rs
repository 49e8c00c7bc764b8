//! `andon pages`: the manual and the shells' completions, made from what the program itself takes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use clap_complete::{
    Generator, generate_to,
    shells::{Bash, Fish, Zsh},
};

use super::outcome::Failure;

#[derive(Debug, Args)]
pub(super) struct PagesArgument {
    /// The folder for man/ and completions/; both are made
    #[arg(value_name = "FOLDER")]
    out: PathBuf,
}

/// Writes a page for the program and each of its commands, and completions for bash, fish and zsh.
pub(super) fn run(argument: &PagesArgument, command: Command) -> Result<(), Failure> {
    write(&argument.out, command)
        .map_err(|error| Failure::Failed(format!("cannot write into {}: {error}", argument.out.display())))
}

fn write(out: &Path, command: Command) -> io::Result<()> {
    let (manual, completions) = (out.join("man"), out.join("completions"));
    fs::create_dir_all(&manual)?;
    clap_mangen::generate_to(command.clone(), manual)?;
    fs::create_dir_all(&completions)?;
    complete(Bash, &command, &completions)?;
    complete(Fish, &command, &completions)?;
    complete(Zsh, &command, &completions)
}

fn complete(shell: impl Generator, command: &Command, folder: &Path) -> io::Result<()> {
    generate_to(shell, &mut command.clone(), "andon", folder).map(|_| ())
}
