//! `andon`: the agent of a camera station.

use std::process::ExitCode;

fn main() -> ExitCode {
    andon::cli::main(std::env::args_os())
}
