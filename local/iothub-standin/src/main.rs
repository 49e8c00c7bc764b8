//! `iothub-standin`: stands in for Azure IoT Hub and its provisioning service on this machine.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use iothub_standin::{Builder, DeviceFile, Routes};
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for the device endpoints of Azure IoT Hub and of its Device Provisioning Service (MQTT 3.1.1 over TLS).
///
/// It is for tests and demonstrations, and no emulator: README.md lists the rules that it enforces.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where devices connect
    #[arg(long, default_value = "127.0.0.1:8883")]
    listen: SocketAddr,
    /// Where devices connect with MQTT over WebSocket besides; the hub's own port is 443
    #[arg(long)]
    listen_websocket: Option<SocketAddr>,
    /// Where the owner's requests are answered over HTTP: twins, methods, messages, faults
    #[arg(long)]
    control: Option<SocketAddr>,
    /// Who may connect (TOML)
    #[arg(long)]
    devices: PathBuf,
    /// Where to write the certificate authority that clients must trust (PEM)
    #[arg(long)]
    ca_out: PathBuf,
    /// Where to append each accepted message, a JSON line
    #[arg(long)]
    events: Option<PathBuf>,
    /// Which of the hub's own notices are appended there, too; may be given twice
    #[arg(long)]
    route: Vec<Route>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Route {
    /// A device has connected, or is no longer connected
    Connections,
    /// A device's twin was changed
    Twins,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("iothub-standin: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut builder = Builder::new().listen(arguments.listen).devices(DeviceFile::read(&arguments.devices)?);
    if let Some(websocket) = arguments.listen_websocket {
        builder = builder.websocket(websocket);
    }
    if let Some(control) = arguments.control {
        builder = builder.control(control);
    }
    if let Some(events) = arguments.events {
        builder = builder.events(events);
    }
    let goes = |route| arguments.route.contains(&route);
    builder = builder.routes(Routes { connections: goes(Route::Connections), twins: goes(Route::Twins) });
    let standin = builder.start()?;
    fs::write(&arguments.ca_out, standin.ca_pem())
        .map_err(|error| format!("cannot write {}: {error}", arguments.ca_out.display()))?;
    eprintln!("iothub-standin: devices connect to {}", standin.address());
    if let Some(control) = standin.control_address() {
        eprintln!("iothub-standin: control at http://{control}");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
