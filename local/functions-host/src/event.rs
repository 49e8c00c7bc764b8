//! One event as the stand-in writes it: a line of JSON in the shape in which an Event Hubs reader sees it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value};

/// An accepted message.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which partition it is in.
    pub partition: String,
    /// Its place in the partition.
    pub sequence_number: i64,
    /// Its offset in the partition, which Event Hubs treats as a text.
    pub offset: String,
    /// When it was accepted, RFC 3339.
    pub enqueued_time: String,
    /// What the device sent.
    pub body: Vec<u8>,
    /// Application properties.
    pub properties: Map<String, Value>,
    /// System properties, the hub's own included.
    pub system_properties: Map<String, Value>,
}

impl Event {
    /// Reads a line of the events file.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let raw: RawEvent = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let body = match (raw.body, raw.body_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => STANDARD.decode(text).map_err(|error| format!("body_base64: {error}"))?,
            _ => return Err("there must be either body or body_base64".to_owned()),
        };
        Ok(Self {
            partition: raw.partition,
            sequence_number: raw.sequence_number,
            offset: raw.offset,
            enqueued_time: raw.enqueued_time,
            body,
            properties: raw.properties,
            system_properties: raw.system_properties,
        })
    }
}

#[derive(Deserialize)]
struct RawEvent {
    partition: String,
    sequence_number: i64,
    offset: String,
    enqueued_time: String,
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
    #[serde(default)]
    system_properties: Map<String, Value>,
}
