//! From the body that the Functions host posts to the events in it, whatever layer came as text.
//!
//! The host sends `Data.events` as a text that holds an array of texts that hold JSON, and most metadata as
//! texts that hold arrays. Its code decides so by type, and the shape was not captured from a live host:
//! therefore each layer is taken as it comes, as a value or as the text of that value, plain or in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::Value;

/// The system property that says which device sent an event; the hub writes it, a device cannot.
const DEVICE: &str = "iothub-connection-device-id";
/// The system property that tells telemetry from the hub's own notices.
const SOURCE: &str = "iothub-message-source";
/// IoT Hub allows device ids of at most 128 characters.
const LONGEST_DEVICE: usize = 128;

/// One batch of events of one partition.
#[derive(Debug)]
pub struct Invocation {
    /// In the partition's order.
    pub events: Vec<Event>,
}

/// One message that the hub accepted from a device.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Who sent it, as the hub knows; `None` when the metadata do not say so beyond doubt.
    pub device: Option<String>,
    /// `partition/sequence number`, as far as known, for people who look for the event.
    pub origin: String,
    /// Whether a device sent it, or which of the hub's own notices it is.
    pub source: Source,
    /// When the hub took it, where the metadata say so.
    pub enqueued: Option<Timestamp>,
    /// What the device sent.
    pub body: Vec<u8>,
}

/// What an event is, as the hub says; a device can send nothing but telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A device's message.
    Telemetry,
    /// A device has connected.
    Connected,
    /// A device is no longer connected.
    Disconnected,
    /// A device's twin has changed.
    Twin,
    /// Another notice of the hub.
    Other,
}

/// Why a body is no invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// Not JSON at all.
    #[error("the body is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but without events.
    #[error("the body holds no Data.events; only the Functions host should call this address")]
    NoEvents,
}

impl Invocation {
    /// Reads the host's body.
    ///
    /// # Errors
    /// Only when the body as a whole is not the host's; a strange event is still an event.
    pub fn read(body: &[u8]) -> Result<Self, InvocationError> {
        let mut body: Value = serde_json::from_slice(body).map_err(InvocationError::NotJson)?;
        let bodies = bodies(events_field(&mut body)?)?;
        let metadata = body.get("Metadata").cloned().map_or(Value::Null, unwrapped);
        let count = bodies.len();
        let properties = column(&metadata, "SystemPropertiesArray", "SystemProperties", count);
        let numbers = column(&metadata, "SequenceNumberArray", "SequenceNumber", count);
        let operations = column(&metadata, "PropertiesArray", "Properties", count);
        let instants = column(&metadata, "EnqueuedTimeUtcArray", "EnqueuedTimeUtc", count);
        let partition = metadata.get("PartitionContext").cloned().map(unwrapped);
        let partition = partition.as_ref().and_then(|context| context.get("PartitionId")).map(word);

        let events = bodies.into_iter().enumerate().map(|(index, body)| {
            let system = properties.get(index).cloned().map_or(Value::Null, unwrapped);
            let number = numbers.get(index).map(word);
            Event {
                device: device(&system),
                origin: format!(
                    "{}/{}",
                    partition.as_deref().unwrap_or("?"),
                    number.as_deref().unwrap_or("?")
                ),
                source: source(&system, operations.get(index)),
                enqueued: instants.get(index).and_then(instant),
                body,
            }
        });
        Ok(Self { events: events.collect() })
    }
}

/// `Data.events`, or the only field of `Data` where the binding has another name.
fn events_field(body: &mut Value) -> Result<Value, InvocationError> {
    let data = body.get_mut("Data").and_then(Value::as_object_mut).ok_or(InvocationError::NoEvents)?;
    if let Some(events) = data.get_mut("events") {
        return Ok(events.take());
    }
    match data.len() {
        1 => data.values_mut().next().map(Value::take).ok_or(InvocationError::NoEvents),
        _ => Err(InvocationError::NoEvents),
    }
}

fn bodies(events: Value) -> Result<Vec<Vec<u8>>, InvocationError> {
    match events {
        Value::Array(events) => Ok(events.into_iter().map(bytes).collect()),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Array(events)) => Ok(events.into_iter().map(bytes).collect()),
            Ok(Value::String(event)) => Ok(vec![bytes(Value::String(event))]),
            _ => Ok(vec![bytes(Value::String(text))]),
        },
        Value::Object(event) => Ok(vec![bytes(Value::Object(event))]),
        Value::Null | Value::Bool(_) | Value::Number(_) => Err(InvocationError::NoEvents),
    }
}

/// The bytes that the device sent, as far as the host left them recognisable.
fn bytes(event: Value) -> Vec<u8> {
    let Value::String(text) = event else { return event.to_string().into_bytes() };
    let start = text.trim_start();
    if start.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(&text)
    {
        return inner.into_bytes();
    }
    if !start.starts_with('{')
        && let Ok(decoded) = STANDARD.decode(text.trim())
        && decoded.trim_ascii_start().starts_with(b"{")
    {
        return decoded;
    }
    text.into_bytes()
}

/// A metadata array with a value an event; empty when its length differs, for then nobody knows which value
/// belongs to which event, and an event must not be laid at another device's door.
fn column(metadata: &Value, many: &str, one: &str, events: usize) -> Vec<Value> {
    let values = match metadata.get(many).cloned().map(unwrapped) {
        Some(Value::Array(values)) => values,
        _ => metadata.get(one).cloned().into_iter().collect(),
    };
    if values.len() == events { values } else { Vec::new() }
}

/// A text that holds JSON becomes what it holds; everything else stays.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

fn device(system: &Value) -> Option<String> {
    let name = system.get(DEVICE)?.as_str()?;
    let fits = !name.is_empty() && name.len() <= LONGEST_DEVICE && name.chars().all(|c| c.is_ascii_graphic());
    fits.then(|| name.to_owned())
}

/// Microsoft Learn, "Azure IoT Hub non-telemetry event schemas": the source is a system property, what happened an
/// application property that the hub writes.
fn source(system: &Value, properties: Option<&Value>) -> Source {
    let properties = properties.cloned().map_or(Value::Null, unwrapped);
    let operation = properties.get("opType").and_then(Value::as_str).unwrap_or_default();
    match (system.get(SOURCE).and_then(Value::as_str), operation) {
        (None | Some("Telemetry"), _) => Source::Telemetry,
        (Some("deviceConnectionStateEvents"), "deviceConnected") => Source::Connected,
        (Some("deviceConnectionStateEvents"), "deviceDisconnected") => Source::Disconnected,
        (Some("twinChangeEvents"), _) => Source::Twin,
        (Some(_), _) => Source::Other,
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn word(value: &Value) -> String {
    crate::plain::plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), 40)
}

#[cfg(test)]
mod tests;
