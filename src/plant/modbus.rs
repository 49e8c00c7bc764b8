//! Coils and registers of a controller, by Modbus TCP: the controller is the server.

use std::{io, net::SocketAddr, time::Duration};

use tokio_modbus::{
    Slave,
    client::sync::{Context, Reader, Writer, tcp::connect_slave_with_timeout},
};

use super::schedule::State;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address and port.
    pub address: SocketAddr,
    /// Its unit identifier.
    pub unit: u8,
}

/// A coil that triggers: the controller sets it, the station takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerCoil {
    /// Who has it.
    pub server: Server,
    /// Its address, from 0.
    pub coil: u16,
}

/// Where a station's state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputCoils {
    /// Who has them.
    pub server: Server,
    /// The coil for each output, as far as it has one.
    pub reject: Option<u16>,
    /// See `reject`.
    pub light: Option<u16>,
    /// See `reject`.
    pub ready: Option<u16>,
    /// The holding register that counts while the station is ready.
    pub heartbeat: Option<u16>,
}

/// The longest that a controller may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a coil rests between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(5);

struct Connection {
    server: Server,
    context: Context,
}

impl Connection {
    fn open(server: Server) -> Result<Self, String> {
        let slave = Slave(server.unit);
        let context = connect_slave_with_timeout(server.address, slave, Some(PATIENCE));
        let context = context.map_err(|error| {
            format!(
                "cannot reach the Modbus server {}: {}; correct the address, or start it",
                server.address,
                plain(&error)
            )
        })?;
        Ok(Self { server, context })
    }

    fn answer<T>(&self, what: &str, answer: tokio_modbus::Result<T>) -> Result<T, String> {
        let failed =
            |reason: String| format!("the Modbus server {} did not {what}: {reason}", self.server.address);
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(exception)) => {
                Err(failed(format!("{exception}; correct the coil's or register's number")))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn coil(&mut self, coil: u16) -> Result<bool, String> {
        let read = self.context.read_coils(coil, 1);
        Ok(self.answer(&format!("give coil {coil}"), read)?.first() == Some(&true))
    }

    fn set_coil(&mut self, coil: u16, is_on: bool) -> Result<(), String> {
        let written = self.context.write_single_coil(coil, is_on);
        self.answer(&format!("take coil {coil}"), written)
    }

    fn set_register(&mut self, register: u16, value: u16) -> Result<(), String> {
        let written = self.context.write_single_register(register, value);
        self.answer(&format!("take register {register}"), written)
    }
}

/// A time-out's own words are about timers.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => format!("no answer within {PATIENCE:?}"),
        _ => error.to_string(),
    }
}

/// A coil that is looked at.
pub(super) struct Input {
    connection: Connection,
    coil: u16,
}

impl Input {
    pub(super) fn open(settings: &TriggerCoil) -> Result<Self, String> {
        let mut connection = Connection::open(settings.server)?;
        connection.coil(settings.coil)?;
        Ok(Self { connection, coil: settings.coil })
    }

    /// Whether the controller has set the coil.
    pub(super) fn is_set(&mut self) -> Result<bool, String> {
        self.connection.coil(self.coil)
    }

    /// Takes the coil back, which tells the controller that the trigger was heard.
    pub(super) fn take_back(&mut self) -> Result<(), String> {
        self.connection.set_coil(self.coil, false)
    }
}

/// Coils and a register that are written.
pub(super) struct Output {
    connection: Connection,
    settings: OutputCoils,
}

impl Output {
    pub(super) fn open(settings: &OutputCoils) -> Result<Self, String> {
        Ok(Self { connection: Connection::open(settings.server)?, settings: *settings })
    }

    pub(super) fn show(&mut self, state: State) -> Result<(), String> {
        let OutputCoils { reject, light, ready, .. } = self.settings;
        for (coil, is_on) in [(reject, state.reject), (light, state.light), (ready, state.ready)] {
            if let Some(coil) = coil {
                self.connection.set_coil(coil, is_on)?;
            }
        }
        Ok(())
    }

    pub(super) fn beat(&mut self, count: u16) -> Result<(), String> {
        let register = self.settings.heartbeat;
        register.map_or(Ok(()), |register| self.connection.set_register(register, count))
    }
}
