//! What the hub knows: devices, twins, messages for them, and what arrived.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::{
    bag::Bag,
    devices::{DeviceFile, Scope},
    events::{EventLog, Source},
    faults::Faults,
    sas,
    subscription::Subscription,
    twin::Twin,
};

/// A device's queue of cloud-to-device messages (azure-docs, iot-hub-devguide-messages-c2d.md).
const MAX_INBOX: usize = 50;

/// What is kept of the packets that devices sent.
const MAX_WIRE: usize = 50_000;

/// What is kept of why connections ended.
const MAX_LOG: usize = 1_000;

/// Commands that a connection has not taken yet; one that takes none is cut.
const MAX_COMMANDS: usize = 256;

pub(crate) struct Hub {
    /// The names under which clients may address the hub in their user name.
    pub(crate) names: Vec<String>,
    known: Mutex<Known>,
    pub(crate) changed: Condvar,
}

pub(crate) struct Known {
    pub(crate) devices: HashMap<String, Device>,
    pub(crate) scopes: HashMap<String, Scope>,
    pub(crate) faults: Faults,
    pub(crate) events: EventLog,
    pub(crate) wire: VecDeque<WirePacket>,
    /// Why connections ended, the newest last.
    pub(crate) log: VecDeque<String>,
    /// Logins until now.
    pub(crate) logins: u64,
    /// Whether somebody listens at the hub's address.
    pub(crate) is_listening: bool,
}

pub(crate) struct Device {
    key: Vec<u8>,
    enabled: bool,
    pub(crate) twin: Twin,
    pub(crate) link: Option<Link>,
    pub(crate) inbox: VecDeque<CloudMessage>,
    /// What a persistent session keeps.
    pub(crate) session: Option<HashSet<Subscription>>,
    pub(crate) methods: HashMap<String, oneshot::Sender<MethodAnswer>>,
    next_request: u64,
}

pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// What the hub wants of a device's connection.
#[derive(Debug)]
pub(crate) enum Command {
    /// Another connection of the same identity took over, or somebody asked for it.
    Cut,
    /// A cloud-to-device message waits.
    Inbox,
    Method {
        name: String,
        request: String,
        payload: Vec<u8>,
    },
    Desired {
        version: u64,
        patch: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct CloudMessage {
    pub(crate) bag: Bag,
    pub(crate) body: Bytes,
    /// The packet that carries it, once it was sent.
    pub(crate) packet: Option<u16>,
}

/// One packet that a device published.
#[derive(Clone, Debug, Serialize)]
pub struct WirePacket {
    /// Who.
    pub device: String,
    /// Its topic as sent.
    pub topic: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A device's answer to a direct method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodAnswer {
    /// As the device set it.
    pub status: u16,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Why something could not be done for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    /// No such device.
    #[error("the hub knows no such device")]
    UnknownDevice,
    /// It is not connected.
    #[error("the device is not connected")]
    Offline,
    /// The queue is full.
    #[error("the device's queue holds {MAX_INBOX} messages already")]
    QueueFull,
    /// It did not answer in time.
    #[error("the device did not answer in time")]
    NoAnswer,
    /// Refused with this status.
    #[error("refused with status {0}")]
    Refused(u16),
}

impl Hub {
    pub(crate) fn new(names: Vec<String>, file: &DeviceFile, events: Option<&Path>) -> io::Result<Self> {
        let known = Known {
            devices: HashMap::new(),
            scopes: file.provisioning.clone().into_iter().collect(),
            faults: Faults::default(),
            events: EventLog::open(events)?,
            wire: VecDeque::new(),
            log: VecDeque::new(),
            logins: 0,
            is_listening: false,
        };
        let hub = Self { names, known: Mutex::new(known), changed: Condvar::new() };
        for (id, entry) in &file.devices {
            hub.add(id, STANDARD.decode(&entry.key).unwrap_or_default(), entry.enabled);
        }
        Ok(hub)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a device, or gives one another key.
    pub(crate) fn add(&self, id: &str, key: Vec<u8>, enabled: bool) {
        let mut known = self.lock();
        match known.devices.get_mut(id) {
            Some(device) => (device.key, device.enabled) = (key, enabled),
            None => {
                known.devices.insert(id.to_owned(), Device::new(key, enabled));
            }
        }
    }

    /// Checks a device's password; until when it holds.
    pub(crate) fn authenticate(&self, host: &str, id: &str, password: &str) -> Result<SystemTime, String> {
        if !self.names.iter().any(|name| name.eq_ignore_ascii_case(host)) {
            return Err(format!("the user name is for the hub {host:?}, this one is {:?}", self.names));
        }
        let known = self.lock();
        let device = known.devices.get(id).ok_or_else(|| format!("no device {id:?}"))?;
        if !device.enabled {
            return Err(format!("the device {id:?} is disabled"));
        }
        let keys = [device.key.as_slice()];
        sas::check(password, &format!("{host}/devices/{id}"), keys, SystemTime::now())
            .map_err(|refusal| refusal.to_string())
    }

    /// Makes a connection the device's only one; an older one is cut (400027 in a hub's log).
    pub(crate) fn connect(&self, id: &str, clean: bool) -> Option<(u64, mpsc::Receiver<Command>, bool)> {
        let mut known = self.lock();
        known.logins += 1;
        let number = known.logins;
        let device = known.devices.get_mut(id)?;
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        if let Some(old) = device.link.replace(Link { number, commands }) {
            // A full queue means that the old one is stuck; dropping its sender ends it as well.
            let _ = old.commands.try_send(Command::Cut);
        }
        if clean {
            device.session = None;
        }
        let present = device.session.is_some();
        for message in &mut device.inbox {
            message.packet = None;
        }
        self.changed.notify_all();
        Some((number, receiver, present))
    }

    /// Ends a connection; one that was taken over changes nothing.
    pub(crate) fn disconnect(&self, id: &str, number: u64) {
        if let Some(device) = self.lock().devices.get_mut(id)
            && device.link.as_ref().is_some_and(|link| link.number == number)
        {
            device.link = None;
            device.methods.clear();
        }
        self.changed.notify_all();
    }

    /// Ends every connection's claim on its device.
    pub(crate) fn forget_links(&self) {
        for device in self.lock().devices.values_mut() {
            device.link = None;
            device.methods.clear();
        }
        self.changed.notify_all();
    }

    /// Notes why a connection ended.
    pub(crate) fn note(&self, line: String) {
        let mut known = self.lock();
        if known.log.len() >= MAX_LOG {
            known.log.pop_front();
        }
        known.log.push_back(line);
        drop(known);
        self.changed.notify_all();
    }

    pub(crate) fn accept(&self, id: &str, bag: &Bag, source: Source, body: &[u8]) -> io::Result<()> {
        let accepted = self.lock().events.accept(id, bag, source, body);
        self.changed.notify_all();
        accepted
    }

    pub(crate) fn overhear(&self, packet: WirePacket) {
        let mut known = self.lock();
        if known.wire.len() >= MAX_WIRE {
            known.wire.pop_front();
        }
        known.wire.push_back(packet);
        drop(known);
        self.changed.notify_all();
    }

    pub(crate) fn send_to_device(&self, id: &str, bag: Bag, body: Bytes) -> Result<(), NotPossible> {
        let mut known = self.lock();
        let device = known.devices.get_mut(id).ok_or(NotPossible::UnknownDevice)?;
        if device.inbox.len() >= MAX_INBOX {
            return Err(NotPossible::QueueFull);
        }
        device.inbox.push_back(CloudMessage { bag, body, packet: None });
        device.command(Command::Inbox);
        Ok(())
    }

    pub(crate) fn call(
        &self,
        id: &str,
        name: &str,
        payload: Vec<u8>,
    ) -> Result<oneshot::Receiver<MethodAnswer>, NotPossible> {
        let mut known = self.lock();
        let device = known.devices.get_mut(id).ok_or(NotPossible::UnknownDevice)?;
        device.next_request += 1;
        let request = format!("{:x}", device.next_request);
        let (answer, receiver) = oneshot::channel();
        let name = name.to_owned();
        if !device.command(Command::Method { name, request: request.clone(), payload }) {
            return Err(NotPossible::Offline);
        }
        // Callers that gave up leave their place.
        device.methods.retain(|_, waiting| !waiting.is_closed());
        device.methods.insert(request, answer);
        Ok(receiver)
    }

    pub(crate) fn desire(&self, id: &str, patch: Map<String, Value>) -> Result<u64, NotPossible> {
        let mut known = self.lock();
        let device = known.devices.get_mut(id).ok_or(NotPossible::UnknownDevice)?;
        let told = device.twin.desire(patch).map_err(NotPossible::Refused)?;
        let version = device.twin.desired_version;
        device.command(Command::Desired { version, patch: told.to_string().into_bytes() });
        Ok(version)
    }
}

impl Device {
    fn new(key: Vec<u8>, enabled: bool) -> Self {
        Self {
            key,
            enabled,
            twin: Twin::default(),
            link: None,
            inbox: VecDeque::new(),
            session: None,
            methods: HashMap::new(),
            next_request: 0,
        }
    }

    /// Whether the connection took the command; none connected takes none.
    pub(crate) fn command(&self, command: Command) -> bool {
        self.link.as_ref().is_some_and(|link| link.commands.try_send(command).is_ok())
    }
}
