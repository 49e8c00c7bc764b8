//! The stand-in as its owner sees it: a thread with the hub on it, and a handle to drive it.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    bag::Bag,
    device::{Command, MethodAnswer},
    devices::DeviceFile,
    events::Event,
    faults::Faults,
    hub::{Hub, NotPossible, WirePacket},
    listener::{Addresses, Listening},
    tls::{Identity, ServerCertificate},
};

/// The names under which clients may address every hub here, besides the address at which it listens. Microsoft's SDKs reach it with the second one as `HostName`
/// and its address as `GatewayHostName`.
pub(crate) const NAMES: [&str; 2] = ["localhost", "standin.azure-devices.net"];

/// Why a stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// A device that cannot be let in as it is described.
    #[error("the devices cannot be used: {0}")]
    Devices(String),
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

/// A running stand-in; it stops when it is dropped.
pub struct Standin {
    pub(crate) hub: Arc<Hub>,
    pub(crate) devices: DeviceFile,
    pub(crate) identity: Arc<Identity>,
    pub(crate) addresses: Addresses,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) wanted: watch::Sender<Listening>,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Standin {
    /// Where devices connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses.mqtt
    }

    /// Where devices connect over WebSocket, if it was asked for.
    #[must_use]
    pub fn websocket_address(&self) -> Option<SocketAddr> {
        self.addresses.websocket
    }

    /// Where the control address answers, if it was asked for.
    #[must_use]
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control
    }

    /// The certificate authority that clients must trust, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.identity.pem()
    }

    /// Takes another certificate authority, which clients do not trust until they have [`Standin::ca_pem`] anew.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn change_authority(&self) -> Result<(), StartError> {
        self.identity.change_authority().map_err(StartError::Tls)
    }

    /// Shows another certificate from now on.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn show_certificate(&self, which: ServerCertificate) -> Result<(), StartError> {
        self.identity.show(which).map_err(StartError::Tls)
    }

    /// What a device of [`crate::Builder::device`] or of the devices file with a key logs in with, for the host
    /// `localhost`.
    #[must_use]
    pub fn connection_string(&self, device: &str) -> Option<String> {
        let key = self.devices.devices.get(device)?.key.as_ref()?;
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

    /// Lets a device in, or refuses it and cuts its connection.
    ///
    /// # Errors
    /// Where the device is unknown.
    pub fn set_enabled(&self, device: &str, enabled: bool) -> Result<(), NotPossible> {
        self.hub.set_enabled(device, enabled)
    }

    /// Forgets a device and cuts its connection.
    ///
    /// # Errors
    /// Where the device is unknown.
    pub fn remove_device(&self, device: &str) -> Result<(), NotPossible> {
        self.hub.remove(device)
    }

    /// Assigns registrations of an id scope to this hub from now on; it lets them in if it is one of its own names.
    ///
    /// # Errors
    /// Where the scope is unknown.
    pub fn assign_to(&self, scope: &str, hub: &str) -> Result<(), NotPossible> {
        self.hub.assign_to(scope, hub)
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
