//! `andon`: the agent of a camera station.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A model takes and gives back megabytes with every operator, and pixels go from thread to thread: glibc's allocator keeps
/// a heap of such pieces for each thread, which doubles the process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    andon::cli::main(std::env::args_os())
}
