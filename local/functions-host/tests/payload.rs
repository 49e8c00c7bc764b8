//! The payload against a golden copy of the real host's shape, made with the real serialiser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use functions_host::{App, Context, Event, payload};
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("fixtures/payload-many.json");

fn event(sequence_number: i64, offset: &str, second: u32, properties: Value) -> Event {
    let line = json!({
        "partition": "1",
        "sequence_number": sequence_number,
        "offset": offset,
        "enqueued_time": format!("2026-11-23T04:05:0{second}Z"),
        "body": "{\"v\":1,\"station\":\"line-1/st-3\",\"defect\":\"kratzer ü\"}",
        "properties": properties,
        "system_properties": {
            "iothub-connection-device-id": "st-3",
            "iothub-connection-auth-method":
                "{\"scope\":\"device\",\"type\":\"sas\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":null}",
            "iothub-connection-auth-generation-id": "637",
            "iothub-enqueuedtime": "2026-11-23T04:05:06Z",
            "iothub-message-source": "Telemetry",
            "message-id": "01J",
            "content-type": "application/json",
            "content-encoding": "utf-8",
        },
    });
    Event::parse(line.to_string().as_bytes()).unwrap()
}

fn app(folder: &std::path::Path, data_type: &str) -> App {
    let host = json!({ "customHandler": { "description": { "defaultExecutablePath": "mailer" } } });
    let trigger = json!({
        "bindings": [{
            "type": "eventHubTrigger", "name": "events", "eventHubName": "%IOTHUB_EVENTS_NAME%",
            "connection": "IOTHUB_EVENTS", "consumerGroup": "mailer", "cardinality": "many", "dataType": data_type,
        }],
        "retry": { "strategy": "fixedDelay", "maxRetryCount": 4, "delayInterval": "00:00:10" },
    });
    std::fs::create_dir_all(folder.join("DefectMailer")).unwrap();
    std::fs::write(folder.join("host.json"), host.to_string()).unwrap();
    std::fs::write(folder.join("DefectMailer/function.json"), trigger.to_string()).unwrap();
    let settings = [
        ("IOTHUB_EVENTS_NAME", "testhub"),
        ("IOTHUB_EVENTS", "Endpoint=sb://ihsuprod.servicebus.windows.net/;SharedAccessKeyName=service"),
    ];
    App::read(folder, &settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap()
}

fn context(retry: Option<(u32, String)>) -> Context {
    Context {
        now: "2026-11-23T04:45:43.955012Z".to_owned(),
        random_id: "be979a10-c773-42e3-a7ce-12d882d7b626".to_owned(),
        retry,
    }
}

/// Opens the layers that are texts of JSON, so that only spelling within JSON may differ.
fn opened(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Array(_) | Value::Object(_))) => json!({ "text of": opened(&inner) }),
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(opened).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), opened(value))).collect())
        }
        _ => value.clone(),
    }
}

#[test]
fn a_batch_is_posted_in_the_three_layers_of_the_real_host() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path(), "string");
    let mut events = [event(12, "4711", 6, json!({ "level": "alert" })), event(13, "4800", 7, json!({}))];
    // The golden copy shows the same system properties for both events.
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let made = payload(&app.functions[0], "1", &events, &context(None));
    let (mut made, mut golden) = (opened(&made), opened(&golden));
    let second = "/Metadata/SystemPropertiesArray/text of/1";
    let own = made.pointer_mut(second).map(Value::take).unwrap();
    golden.pointer_mut(second).map(Value::take).unwrap();
    assert_eq!(made, golden);
    assert_eq!((&own["SequenceNumber"], &own["Offset"]), (&json!(13), &json!(4800)));

    events[1].body = vec![0xff, b'a'];
    let made = payload(&app.functions[0], "1", &events[1..], &context(None));
    assert_eq!(made["Data"]["events"], json!("[\"\u{fffd}a\"]"), "what is no UTF-8 is replaced");
}

#[test]
fn a_retry_says_so_in_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path(), "string");
    let events = [event(12, "4711", 6, json!({}))];
    let first = payload(&app.functions[0], "1", &events, &context(None));
    assert_eq!(first["Metadata"].get("RetryContext"), None);
    let second = payload(&app.functions[0], "1", &events, &context(Some((2, "status 500".to_owned()))));
    let wanted = json!({ "RetryCount": 2, "MaxRetryCount": 4, "Exception": { "Message": "status 500" } });
    assert_eq!(second["Metadata"]["RetryContext"], wanted);
}

#[test]
fn binary_events_are_base64() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path(), "binary");
    let mut events = [event(12, "4711", 6, json!({}))];
    events[0].body = vec![0xff, 0x00];
    let made = payload(&app.functions[0], "1", &events, &context(None));
    assert_eq!(made["Data"]["events"], json!("[\"/wA=\"]"));
}
