//! The stand-in as its owner sees it: a thread with the hub on it, and a handle to drive it.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    sync::{Arc, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use rand::Rng;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    bag::Bag,
    devices::{DeviceEntry, DeviceFile},
    events::Event,
    faults::Faults,
    hub::{Command, Hub, MethodAnswer, NotPossible, WirePacket},
    listener::{self, Listening},
    tls::Authority,
};

/// The names under which clients may address this hub. Microsoft's SDKs reach it with the second one as `HostName` and
/// its address as `GatewayHostName`.
const NAMES: [&str; 2] = ["localhost", "standin.azure-devices.net"];

/// Puts a stand-in together.
#[derive(Clone)]
pub struct Builder {
    devices: DeviceFile,
    listen: SocketAddr,
    control: Option<SocketAddr>,
    events: Option<PathBuf>,
}

/// A running stand-in; it stops when it is dropped.
pub struct Standin {
    hub: Arc<Hub>,
    devices: DeviceFile,
    ca_pem: String,
    address: SocketAddr,
    control: Option<SocketAddr>,
    wanted: watch::Sender<Listening>,
    thread: Option<JoinHandle<()>>,
}

/// Why a stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The events file cannot be appended to.
    #[error("cannot open the events file: {0}")]
    Events(io::Error),
    /// No certificates.
    #[error("{0}")]
    Tls(String),
    /// No runtime.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            devices: DeviceFile::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: None,
            events: None,
        }
    }
}

impl Builder {
    /// No device, a free port on loopback, no control address, no events file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows a device with a key of its own, made up now.
    #[must_use]
    pub fn device(mut self, id: &str) -> Self {
        let key = STANDARD.encode(rand::rng().random::<[u8; 32]>());
        self.devices.devices.insert(id.to_owned(), DeviceEntry { key, enabled: true });
        self
    }

    /// Knows these devices besides.
    #[must_use]
    pub fn devices(mut self, file: DeviceFile) -> Self {
        self.devices.devices.extend(file.devices);
        self.devices.provisioning.extend(file.provisioning);
        self
    }

    /// Where devices connect; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where [`crate::control`] answers over HTTP.
    #[must_use]
    pub fn control(mut self, address: SocketAddr) -> Self {
        self.control = Some(address);
        self
    }

    /// The file that gets a line for each accepted message.
    #[must_use]
    pub fn events(mut self, path: impl Into<PathBuf>) -> Self {
        self.events = Some(path.into());
        self
    }

    /// Starts; on return devices can connect.
    ///
    /// # Errors
    /// Where an address or the events file cannot be used.
    pub fn start(self) -> Result<Standin, StartError> {
        let names: Vec<String> = NAMES.map(str::to_owned).to_vec();
        let authority = Authority::new().map_err(StartError::Tls)?;
        let tls = authority.server(&names, self.listen.ip()).map_err(StartError::Tls)?;
        let hub = Hub::new(names, &self.devices, self.events.as_deref()).map_err(StartError::Events)?;
        let hub = Arc::new(hub);
        let (devices_at, address) = bind(self.listen)?;
        let control = self.control.map(bind).transpose()?;
        let control_address = control.as_ref().map(|(_, address)| *address);
        let (wanted, wish) = watch::channel(Listening::Up);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        hub.lock().is_listening = true;
        let ours = Arc::clone(&hub);
        let run = move || {
            runtime.block_on(listener::run(
                ours,
                tls,
                (devices_at, address),
                control.map(|(it, _)| it),
                wish,
            ));
        };
        let thread = std::thread::Builder::new().name("iothub-standin".to_owned()).spawn(run);
        Ok(Standin {
            hub,
            devices: self.devices,
            ca_pem: authority.pem(),
            address,
            control: control_address,
            wanted,
            thread: Some(thread.map_err(StartError::Runtime)?),
        })
    }
}

fn bind(address: SocketAddr) -> Result<(StdListener, SocketAddr), StartError> {
    let bound = StdListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| StartError::Listen(address, error))
}

impl Standin {
    /// Where devices connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the control address answers, if it was asked for.
    #[must_use]
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The certificate authority that clients must trust, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What a device of [`Builder::device`] or of the devices file logs in with, for the host `localhost`.
    #[must_use]
    pub fn connection_string(&self, device: &str) -> Option<String> {
        let key = &self.devices.devices.get(device)?.key;
        Some(format!("HostName={};DeviceId={device};SharedAccessKey={key}", NAMES[0]))
    }

    /// Whether it listens: `false` refuses new connections and cuts all that are open, as a hub out of reach does;
    /// `true` comes back at the same address. On return it is so.
    pub fn set_listening(&self, listening: bool) {
        let wish = if listening { Listening::Up } else { Listening::Down };
        self.wanted.send_replace(wish);
        self.wait_until(Duration::from_secs(30), |it| it.hub.lock().is_listening == listening);
    }

    /// Waits until `is_so`, looking whenever something changed; whether it came to be in time.
    pub fn wait_until(&self, patience: Duration, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if is_so(self) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A change between the look and the wait is seen at the next turn, at the latest after this pause.
            let known = self.hub.lock();
            let turn = left.min(Duration::from_millis(20));
            drop(self.hub.changed.wait_timeout(known, turn).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The accepted messages in their order; the newest 100,000 of them.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.hub.lock().events.recent.iter().cloned().collect()
    }

    /// How many messages were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.hub.lock().events.accepted
    }

    /// How many logins succeeded.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.hub.lock().logins
    }

    /// Whether the device is logged in.
    #[must_use]
    pub fn is_connected(&self, device: &str) -> bool {
        self.hub.lock().devices.get(device).is_some_and(|device| device.link.is_some())
    }

    /// The packets that devices published, accepted or not; the newest 50,000 of them.
    #[must_use]
    pub fn wire_log(&self) -> VecDeque<WirePacket> {
        self.hub.lock().wire.clone()
    }

    /// Why connections ended, the newest last; the newest 1,000.
    #[must_use]
    pub fn log(&self) -> VecDeque<String> {
        self.hub.lock().log.clone()
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.hub.lock().faults = faults;
    }

    /// Cuts the device's connection, if there is one.
    pub fn cut(&self, device: &str) {
        if let Some(device) = self.hub.lock().devices.get(device) {
            device.command(Command::Cut);
        }
    }

    /// The device's twin, as the device would get it.
    #[must_use]
    pub fn twin(&self, device: &str) -> Option<Value> {
        self.hub.lock().devices.get(device).map(|device| device.twin.document())
    }

    /// Patches the desired properties; the new version.
    ///
    /// # Errors
    /// Where the device is unknown or the twin would be too large.
    pub fn set_desired(&self, device: &str, patch: Map<String, Value>) -> Result<u64, NotPossible> {
        self.hub.desire(device, patch)
    }

    /// Queues a message for the device.
    ///
    /// # Errors
    /// Where the device is unknown or its queue is full.
    pub fn send_to_device(&self, device: &str, bag: Bag, body: impl Into<Bytes>) -> Result<(), NotPossible> {
        self.hub.send_to_device(device, bag, body.into())
    }

    /// Calls a direct method and waits for its answer.
    ///
    /// # Errors
    /// Where the device is unknown, not connected, not subscribed, or silent.
    pub fn call_method(
        &self,
        device: &str,
        name: &str,
        payload: &Value,
        patience: Duration,
    ) -> Result<MethodAnswer, NotPossible> {
        let mut answer = self.hub.call(device, name, payload.to_string().into_bytes())?;
        let mut answered = None;
        self.wait_until(patience, |_| {
            answered = answer.try_recv().ok();
            answered.is_some()
        });
        answered.ok_or(NotPossible::NoAnswer)
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.wanted.send_replace(Listening::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic on that thread has been printed; a second one here would only hide it.
            let _ = thread.join();
        }
    }
}
