//! What the hub itself says of its devices, where a route takes it to the reader.
//!
//! Forms: azure-docs, iot-hub-non-telemetry-event-schema.md.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What the hub calls itself in its notices.
const HUB: &str = "standin";

/// Which notices are routed to the endpoint of which the events file is the reader's view; none, as in a hub that has
/// no such routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// `deviceConnectionStateEvents`: a device has connected, or is no longer connected.
    pub connections: bool,
    /// `twinChangeEvents`: a device's twin was changed.
    pub twins: bool,
}

/// Something that the hub has seen.
pub(crate) enum Notice<'a> {
    Connected,
    Disconnected,
    /// A half of the twin was changed.
    Twin {
        /// Of the twin as a whole.
        version: u64,
        half: Half,
        /// Of the half.
        half_version: u64,
        patch: &'a Map<String, Value>,
    },
}

/// Which properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Desired,
    Reported,
}

/// A notice in the form of a message.
pub(crate) struct Written {
    pub(crate) body: Vec<u8>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) system_properties: BTreeMap<String, String>,
}

impl Routes {
    pub(crate) fn take(self, notice: &Notice<'_>) -> bool {
        match notice {
            Notice::Connected | Notice::Disconnected => self.connections,
            Notice::Twin { .. } => self.twins,
        }
    }
}

impl Notice<'_> {
    /// `number` grows with each notice of the hub.
    pub(crate) fn write(&self, device: &str, number: u64, now: Timestamp) -> Written {
        let (source, schema, operation) = match self {
            Self::Connected => {
                ("deviceConnectionStateEvents", "deviceConnectionStateNotification", "deviceConnected")
            }
            Self::Disconnected => {
                ("deviceConnectionStateEvents", "deviceConnectionStateNotification", "deviceDisconnected")
            }
            Self::Twin { .. } => ("twinChangeEvents", "twinChangeNotification", "updateTwin"),
        };
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        Written {
            body: self.body(number, now).to_string().into_bytes(),
            properties: texts(&[
                ("hubName", HUB),
                ("deviceId", device),
                ("operationTimestamp", &format!("{now:.7}")),
                ("iothub-message-schema", schema),
                ("opType", operation),
            ]),
            system_properties: texts(&[
                ("content-encoding", "utf-8"),
                ("content-type", "application/json"),
                ("correlation-id", &Uuid::now_v7().simple().to_string()),
                ("user-id", HUB),
                ("iothub-connection-device-id", device),
                ("iothub-message-source", source),
            ]),
        }
    }

    fn body(&self, number: u64, now: Timestamp) -> Value {
        match self {
            // 256 bits in hexadecimal digits, which grow.
            Self::Connected | Self::Disconnected => json!({"sequenceNumber": format!("{number:064X}")}),
            Self::Twin { version, half, half_version, patch } => {
                let mut properties = (*patch).clone();
                properties.insert("$metadata".to_owned(), metadata(patch, &format!("{now:.7}")));
                properties.insert("$version".to_owned(), json!(half_version));
                let half = if *half == Half::Desired { "desired" } else { "reported" };
                json!({"version": version, "properties": {half: properties}})
            }
        }
    }
}

/// When each property of a patch was changed: now.
fn metadata(patch: &Map<String, Value>, now: &str) -> Value {
    let mut all = Map::from_iter([("$lastUpdated".to_owned(), json!(now))]);
    for (name, value) in patch {
        let inner = value.as_object().cloned().unwrap_or_default();
        all.insert(name.clone(), metadata(&inner, now));
    }
    Value::Object(all)
}
