//! The body of an invocation, in three layers as the host makes it.
//!
//! Host source, `Extensions/ScriptInvocationContextExtensions.cs`: an object stays an object, everything else that is no
//! text becomes the text of its JSON. So `Data.<binding>` is a text that holds an array of texts that hold what the
//! devices sent, and the metadata arrays are texts too.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::app::Function;
use crate::event::Event;

/// What is in the payload besides the events.
#[derive(Debug, Clone)]
pub struct Context {
    /// `sys.UtcNow`, RFC 3339.
    pub now: String,
    /// `sys.RandGuid`.
    pub random_id: String,
    /// Which retry this is, from 1, and why the attempt before it failed; `None` for a first attempt.
    pub retry: Option<(u32, String)>,
}

/// The body for a batch of events of one partition.
pub fn payload(function: &Function, partition: &str, events: &[Event], context: &Context) -> Value {
    let bodies: Vec<String> = events.iter().map(|event| body(function, event)).collect();
    let mut metadata = json!({
        "PartitionContext": {
            "FullyQualifiedNamespace": function.namespace,
            "EventHubName": function.event_hub,
            "ConsumerGroup": function.consumer_group,
            "PartitionId": partition,
        },
        "PartitionKeyArray": column(events, |_| Value::Null),
        "OffsetArray": column(events, |event| json!(event.offset)),
        "SequenceNumberArray": column(events, |event| json!(event.sequence_number)),
        "EnqueuedTimeUtcArray": column(events, |event| json!(event.enqueued_time)),
        "PropertiesArray": column(events, |event| Value::Object(event.properties.clone())),
        "SystemPropertiesArray": column(events, |event| Value::Object(system_properties(event))),
        "sys": { "MethodName": function.name, "UtcNow": context.now, "RandGuid": context.random_id },
    });
    if let Some((retry, reason)) = &context.retry {
        let most = function.retry.most.map_or(-1, i64::from);
        metadata["RetryContext"] =
            json!({ "RetryCount": retry, "MaxRetryCount": most, "Exception": { "Message": reason } });
    }
    let data = Map::from_iter([(function.binding.clone(), text(&json!(bodies)))]);
    json!({ "Data": data, "Metadata": metadata })
}

/// With `dataType` binary an event is base64; as text, .NET replaces what is no UTF-8.
fn body(function: &Function, event: &Event) -> String {
    if function.binary {
        STANDARD.encode(&event.body)
    } else {
        String::from_utf8_lossy(&event.body).into_owned()
    }
}

/// The extension adds its own view of an event to the hub's system properties.
fn system_properties(event: &Event) -> Map<String, Value> {
    let mut properties = event.system_properties.clone();
    let offset = event.offset.parse::<i64>().map_or_else(|_| json!(event.offset), |number| json!(number));
    let own = [
        ("x-opt-sequence-number", json!(event.sequence_number)),
        ("SequenceNumber", json!(event.sequence_number)),
        ("Offset", offset),
        ("PartitionKey", Value::Null),
        ("EnqueuedTimeUtc", json!(event.enqueued_time)),
    ];
    properties.extend(own.map(|(name, value)| (name.to_owned(), value)));
    properties
}

fn column(events: &[Event], value: impl Fn(&Event) -> Value) -> Value {
    text(&Value::Array(events.iter().map(value).collect()))
}

/// A value as the text of its JSON.
fn text(value: &Value) -> Value {
    Value::String(value.to_string())
}
