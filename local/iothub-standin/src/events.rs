//! Accepted messages, as a reader of the hub's Event-Hub-compatible endpoint would see them.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    bag::Bag,
    notices::{Notice, Routes, Written},
};

/// The built-in endpoint of a hub made with defaults has four partitions.
const PARTITIONS: u32 = 4;

/// Older events are still in the file, but no longer in memory.
const MAX_IN_MEMORY: usize = 100_000;

/// One accepted message, or one notice of the hub's own; also one line of the events file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Messages of one device are always in the same partition.
    pub partition: String,
    /// Counts within the partition.
    pub sequence_number: u64,
    /// Grows within the partition.
    pub offset: String,
    /// RFC 3339, UTC.
    pub enqueued_time: String,
    /// The payload, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The payload in base64, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// The application's properties.
    pub properties: BTreeMap<String, String>,
    /// What the hub says of the message.
    pub system_properties: BTreeMap<String, String>,
}

impl Event {
    /// Which device sent it.
    #[must_use]
    pub fn device(&self) -> &str {
        self.system_property("iothub-connection-device-id")
    }

    /// `$.mid` as the device gave it.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.system_property("message-id")
    }

    fn system_property(&self, name: &str) -> &str {
        self.system_properties.get(name).map_or("", String::as_str)
    }
}

/// The names under which a reader sees what devices send as `$.` properties (azure-docs,
/// iot-hub-devguide-messages-construct.md).
const SYSTEM_NAMES: [(&str, &str); 5] = [
    ("$.mid", "message-id"),
    ("$.cid", "correlation-id"),
    ("$.uid", "user-id"),
    ("$.ct", "content-type"),
    ("$.ce", "content-encoding"),
];

#[derive(Debug, Default)]
pub(crate) struct EventLog {
    file: Option<File>,
    sequence_numbers: BTreeMap<String, u64>,
    offset: u64,
    routes: Routes,
    notices: u64,
    pub(crate) recent: VecDeque<Event>,
    /// Messages of devices.
    pub(crate) accepted: u64,
}

impl EventLog {
    pub(crate) fn open(path: Option<&Path>, routes: Routes) -> io::Result<Self> {
        let file = path.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { file, routes, ..Self::default() })
    }

    /// Notes a message of a device that logged in with `sas` or `x509` (azure-docs,
    /// iot-hub-devguide-messages-construct.md, "Anti-spoofing properties"); on return it is in the file, so that a PUBACK may follow.
    pub(crate) fn accept(
        &mut self,
        (device, login): (&str, &str),
        bag: &Bag,
        source: Source,
        body: &[u8],
    ) -> io::Result<()> {
        let method = format!(r#"{{"scope":"device","type":"{login}","issuer":"iothub"}}"#);
        let mut properties = BTreeMap::new();
        let mut system_properties = BTreeMap::from(
            [
                ("iothub-connection-device-id", device),
                ("iothub-connection-auth-method", &method),
                ("iothub-connection-auth-generation-id", "1"),
                ("iothub-message-source", "Telemetry"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        if source == Source::Will {
            properties.insert("iothub-MessageType".to_owned(), "Will".to_owned());
        }
        for (name, value) in &bag.0 {
            match SYSTEM_NAMES.iter().find(|(short, _)| short == name) {
                Some((_, long)) => system_properties.insert((*long).to_owned(), value.clone()),
                None => properties.insert(name.clone(), value.clone()),
            };
        }
        self.accepted += 1;
        self.append(device, Timestamp::now(), Written { body: body.to_vec(), properties, system_properties })
    }

    /// Notes what the hub itself has to say of a device, where a route takes it.
    pub(crate) fn notify(&mut self, device: &str, notice: &Notice<'_>) -> io::Result<()> {
        if !self.routes.take(notice) {
            return Ok(());
        }
        self.notices += 1;
        let now = Timestamp::now();
        self.append(device, now, notice.write(device, self.notices, now))
    }

    fn append(&mut self, device: &str, now: Timestamp, message: Written) -> io::Result<()> {
        use base64::Engine;
        let Written { body, properties, mut system_properties } = message;
        let partition = partition_of(device);
        let number = self.sequence_numbers.entry(partition.clone()).or_default();
        *number += 1;
        let sequence_number = *number;
        self.offset += body.len() as u64 + 100;
        let now = format!("{now:.3}");
        system_properties.insert("iothub-enqueuedtime".to_owned(), now.clone());
        let text = std::str::from_utf8(&body).ok().map(str::to_owned);
        let body_base64 = text.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(&body));
        let event = Event {
            partition,
            sequence_number,
            offset: self.offset.to_string(),
            enqueued_time: now,
            body: text,
            body_base64,
            properties,
            system_properties,
        };
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&event)?;
            line.push(b'\n');
            file.write_all(&line)?;
        }
        if self.recent.len() >= MAX_IN_MEMORY {
            self.recent.pop_front();
        }
        self.recent.push_back(event);
        Ok(())
    }
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Device,
    Will,
}

/// FNV-1a of the device id: stable, so that a test can rely on it.
fn partition_of(device: &str) -> String {
    let hash =
        device.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash % PARTITIONS).to_string()
}
