//! `functions-host`: runs a Functions custom handler's folder on events from the IoT Hub stand-in.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use functions_host::{FunctionsHost, HostError, HostOptions};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a Functions custom handler as the Azure Functions host does, fed from an events file.
///
/// App settings are environment variables, which the handler inherits.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Folder with host.json, the functions' folders and the executable
    #[arg(long)]
    app: PathBuf,
    /// Events file of the IoT Hub stand-in, a line an event; it may come later and grow
    #[arg(long)]
    events: PathBuf,
    /// The handler, in place of defaultExecutablePath in host.json
    #[arg(long)]
    executable: Option<PathBuf>,
    /// Where to keep how far each partition is done [default: forgotten at the end]
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// The handler's port on 127.0.0.1 [default: a free one]
    #[arg(long)]
    port: Option<u16>,
    /// How many handlers share the partitions, as after a scale-out; the host goes on while one stays, and SIGUSR1 has
    /// one more join
    #[arg(long, default_value_t = 1)]
    instances: usize,
    /// Factor on the waits between retries and for the partitions of a handler that is gone: a seam for tests and
    /// demonstrations, 1 as in Azure
    #[arg(long, default_value_t = 1.0)]
    retry_scale: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), HostError> {
    let signals = |source| HostError::File { doing: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    let mut join = signal(SignalKind::user_defined1()).map_err(signals)?;
    let options = HostOptions {
        executable: arguments.executable,
        checkpoint: arguments.checkpoint,
        port: arguments.port,
        instances: arguments.instances,
        retry_scale: arguments.retry_scale,
        ..HostOptions::new(arguments.app, arguments.events)
    };
    let mut host = tokio::select! {
        started = FunctionsHost::start(options) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    loop {
        tokio::select! {
            ended = host.ended() => return ended,
            _ = join.recv() => host.add_instance(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    let progress = host.stop().await?;
    tracing::info!(?progress, "stopped");
    Ok(())
}
