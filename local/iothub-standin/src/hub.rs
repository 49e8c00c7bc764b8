//! What the hub knows: devices, twins, messages for them, and what arrived.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::{
    bag::Bag,
    credentials::Credentials,
    device::{CloudMessage, Command, Device, Link, MethodAnswer},
    devices::{DeviceFile, Scope},
    events::{EventLog, Source},
    faults::Faults,
    notices::{Half, Notice},
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

/// Why something could not be done for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    /// No such device.
    #[error("the hub knows no such device")]
    UnknownDevice,
    /// No such id scope.
    #[error("the provisioning service knows no such id scope")]
    UnknownScope,
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
    pub(crate) fn new(names: Vec<String>, file: &DeviceFile, events: EventLog) -> io::Result<Self> {
        let known = Known {
            devices: HashMap::new(),
            scopes: file.provisioning.clone().into_iter().collect(),
            faults: Faults::default(),
            events,
            wire: VecDeque::new(),
            log: VecDeque::new(),
            logins: 0,
            is_listening: false,
        };
        let hub = Self { names, known: Mutex::new(known), changed: Condvar::new() };
        for (id, entry) in &file.devices {
            let credentials = entry.credentials(&file.hub.authorities).map_err(io::Error::other)?;
            hub.lock().devices.insert(id.clone(), Device::new(credentials, entry.enabled));
        }
        Ok(hub)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a device that the provisioning service assigned to one of the hub's names, or lets it in again.
    pub(crate) fn assign(&self, id: &str, credentials: Credentials, hub: &str) {
        let mut known = self.lock();
        let device = known.devices.entry(id.to_owned());
        let device = device.or_insert_with(|| Device::new(credentials.clone(), true));
        (device.credentials, device.enabled, device.assigned) = (credentials, true, Some(hub.to_owned()));
    }

    /// Lets a device in, or no longer; one that is connected is cut.
    pub(crate) fn set_enabled(&self, id: &str, enabled: bool) -> Result<(), NotPossible> {
        let mut known = self.lock();
        let device = known.devices.get_mut(id).ok_or(NotPossible::UnknownDevice)?;
        device.enabled = enabled;
        if !enabled {
            device.command(Command::Cut);
        }
        Ok(())
    }

    /// Forgets a device; its connection is cut.
    pub(crate) fn remove(&self, id: &str) -> Result<(), NotPossible> {
        let mut known = self.lock();
        let removed = known.devices.remove(id).ok_or(NotPossible::UnknownDevice)?;
        removed.command(Command::Cut);
        if removed.link.is_some_and(|link| link.is_told) {
            known.notify(id, &Notice::Disconnected);
        }
        drop(known);
        self.changed.notify_all();
        Ok(())
    }

    /// Assigns registrations of an id scope to this hub from now on.
    pub(crate) fn assign_to(&self, scope: &str, hub: &str) -> Result<(), NotPossible> {
        let mut known = self.lock();
        let scope = known.scopes.get_mut(scope).ok_or(NotPossible::UnknownScope)?;
        scope.hub = Some(hub.to_owned());
        Ok(())
    }

    /// What goes wrong, and whether the day's quota is used up.
    pub(crate) fn faults(&self) -> (Faults, bool) {
        let known = self.lock();
        let is_over = known.faults.quota.is_some_and(|quota| known.events.accepted >= quota);
        (known.faults.clone(), is_over)
    }

    /// Makes a connection the device's only one; an older one is cut (400027 in a hub's log).
    pub(crate) fn connect(&self, id: &str, clean: bool) -> Option<(u64, mpsc::Receiver<Command>, bool)> {
        let mut known = self.lock();
        known.logins += 1;
        let number = known.logins;
        let device = known.devices.get_mut(id)?;
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        let is_told = device.link.as_ref().is_some_and(|old| old.is_told);
        if let Some(old) = device.link.replace(Link { number, commands, is_told }) {
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
        let mut known = self.lock();
        if known
            .devices
            .get(id)
            .and_then(|device| device.link.as_ref())
            .is_some_and(|link| link.number == number)
        {
            known.unlink(id);
        }
        drop(known);
        self.changed.notify_all();
    }

    /// Ends every connection's claim on its device.
    pub(crate) fn forget_links(&self) {
        let mut known = self.lock();
        let linked = known.devices.iter().filter(|(_, device)| device.link.is_some());
        for id in linked.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            known.unlink(&id);
        }
        drop(known);
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
        let mut known = self.lock();
        let login = known.devices.get(id).map_or("sas", |device| device.credentials.kind());
        let accepted = known.events.accept((id, login), bag, source, body);
        drop(known);
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
        let told = device.twin.desire(patch.clone()).map_err(NotPossible::Refused)?;
        let (version, half_version) = (device.twin.version(), device.twin.desired_version);
        device.command(Command::Desired { version: half_version, patch: told.to_string().into_bytes() });
        known.notify(id, &Notice::Twin { version, half: Half::Desired, half_version, patch: &patch });
        Ok(half_version)
    }

    /// Takes a device's patch of its reported properties: the new version, or the status that refuses it.
    pub(crate) fn report(&self, id: &str, payload: &[u8]) -> Result<u64, u16> {
        let mut known = self.lock();
        if let Some(status) = known.faults.twin_status {
            return Err(status);
        }
        let device = known.devices.get_mut(id).ok_or(404u16)?;
        let patch: Map<String, Value> = serde_json::from_slice(payload).map_err(|_| 400u16)?;
        let half_version = device.twin.report(patch.clone())?;
        let version = device.twin.version();
        known.notify(id, &Notice::Twin { version, half: Half::Reported, half_version, patch: &patch });
        drop(known);
        self.changed.notify_all();
        Ok(half_version)
    }

    /// Notes that a connection was used for messages, from when on the hub tells of it.
    pub(crate) fn tell_of(&self, id: &str) {
        let mut known = self.lock();
        let link = known.devices.get_mut(id).and_then(|device| device.link.as_mut());
        if link.is_some_and(|link| !std::mem::replace(&mut link.is_told, true)) {
            known.notify(id, &Notice::Connected);
        }
        drop(known);
        self.changed.notify_all();
    }
}

impl Known {
    /// Ends the device's connection, as far as the hub knows of it.
    fn unlink(&mut self, id: &str) {
        let Some(device) = self.devices.get_mut(id) else { return };
        device.methods.clear();
        if device.link.take().is_some_and(|link| link.is_told) {
            self.notify(id, &Notice::Disconnected);
        }
    }

    fn notify(&mut self, id: &str, notice: &Notice<'_>) {
        if let Err(error) = self.events.notify(id, notice) {
            // Nobody waits for a notice; whoever looks for it finds the reason.
            self.log.push_back(format!("a notice of {id} was not written to the events file: {error}"));
        }
    }
}
