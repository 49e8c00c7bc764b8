//! Puts a stand-in together.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::Rng;
use tokio::sync::watch;

use crate::{
    devices::{DeviceEntry, DeviceFile, Scope},
    events::EventLog,
    hub::Hub,
    listener::{self, Addresses, Bound, Listening},
    notices::Routes,
    standin::{NAMES, Standin, StartError},
    tls::Identity,
};

/// Puts a stand-in together.
#[derive(Clone)]
pub struct Builder {
    devices: DeviceFile,
    listen: SocketAddr,
    websocket: Option<SocketAddr>,
    control: Option<SocketAddr>,
    events: Option<PathBuf>,
    routes: Routes,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            devices: DeviceFile::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            websocket: None,
            control: None,
            events: None,
            routes: Routes::default(),
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
    pub fn device(self, id: &str) -> Self {
        let key = STANDARD.encode(rand::rng().random::<[u8; 32]>());
        self.entry(id, DeviceEntry::with_key(key))
    }

    /// Knows a device by the thumbprint of its certificate.
    #[must_use]
    pub fn thumbprint_device(self, id: &str, thumbprint: &str) -> Self {
        self.entry(id, DeviceEntry::with_thumbprint(thumbprint))
    }

    /// Knows a device that comes with a certificate from an authority of [`Builder::authority`].
    #[must_use]
    pub fn ca_signed_device(self, id: &str) -> Self {
        self.entry(id, DeviceEntry::ca_signed())
    }

    fn entry(mut self, id: &str, entry: DeviceEntry) -> Self {
        self.devices.devices.insert(id.to_owned(), entry);
        self
    }

    /// Trusts an authority (PEM) to sign certificates of devices.
    #[must_use]
    pub fn authority(mut self, pem: &str) -> Self {
        self.devices.hub.authorities.push(pem.to_owned());
        self
    }

    /// Answers to another name besides, as a hub to which a provisioning service assigns devices.
    #[must_use]
    pub fn hub_name(mut self, name: &str) -> Self {
        self.devices.hub.names.push(name.to_owned());
        self
    }

    /// Has an id scope of the provisioning service.
    #[must_use]
    pub fn scope(mut self, id: &str, scope: Scope) -> Self {
        self.devices.provisioning.insert(id.to_owned(), scope);
        self
    }

    /// Knows these devices, scopes, names and authorities besides.
    #[must_use]
    pub fn devices(mut self, file: DeviceFile) -> Self {
        self.devices.devices.extend(file.devices);
        self.devices.provisioning.extend(file.provisioning);
        self.devices.hub.names.extend(file.hub.names);
        self.devices.hub.authorities.extend(file.hub.authorities);
        self
    }

    /// Where devices connect; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Where devices connect with MQTT over WebSocket (path `/$iothub/websocket`) besides.
    #[must_use]
    pub fn websocket(mut self, address: SocketAddr) -> Self {
        self.websocket = Some(address);
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

    /// Routes the hub's own notices to where telemetry goes.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// Starts; on return devices can connect.
    ///
    /// # Errors
    /// Where an address, a device or the events file cannot be used.
    pub fn start(self) -> Result<Standin, StartError> {
        self.devices.check().map_err(StartError::Devices)?;
        let own = NAMES.map(str::to_owned).into_iter().chain([self.listen.ip().to_string()]);
        let names: Vec<_> = own.chain(self.devices.hub.names.iter().cloned()).collect();
        let identity = Identity::new(&names).map_err(StartError::Tls)?;
        let identity = Arc::new(identity);
        let tls = identity.server().map_err(StartError::Tls)?;
        let events = EventLog::open(self.events.as_deref(), self.routes).map_err(StartError::Events)?;
        let hub = Hub::new(names, &self.devices, events).map_err(StartError::Events)?;
        let hub = Arc::new(hub);
        let (mqtt, address) = bind(self.listen)?;
        let websocket = self.websocket.map(bind).transpose()?;
        let addresses =
            Addresses { mqtt: address, websocket: websocket.as_ref().map(|(_, address)| *address) };
        let bound = Bound { addresses, mqtt, websocket: websocket.map(|(listener, _)| listener) };
        let control = self.control.map(bind).transpose()?;
        let control_address = control.as_ref().map(|(_, address)| *address);
        let (wanted, wish) = watch::channel(Listening::Up);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(StartError::Runtime)?;
        hub.lock().is_listening = true;
        let (ours, known_by) = (Arc::clone(&hub), Arc::clone(&identity));
        let run = move || {
            let control = control.map(|(listener, _)| (listener, known_by));
            runtime.block_on(listener::run(ours, tls, bound, control, wish));
        };
        let thread = std::thread::Builder::new().name("iothub-standin".to_owned()).spawn(run);
        Ok(Standin {
            hub,
            devices: self.devices,
            identity,
            addresses,
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
