use proptest::prelude::*;
use serde_json::json;

use super::*;

fn events(body: &Value) -> Vec<Event> {
    Invocation::read(body.to_string().as_bytes()).unwrap().events
}

fn text(value: &Value) -> Value {
    Value::String(value.to_string())
}

#[test]
fn the_hosts_golden_payload_gives_its_three_reports() {
    let golden = include_bytes!("../../tests/payloads/many-as-text.json");
    let events = Invocation::read(golden).unwrap().events;
    assert_eq!(events.len(), 3);
    for (event, origin) in events.iter().zip(["1/12", "1/13", "1/14"]) {
        assert_eq!((event.device.as_deref(), event.origin.as_str()), (Some("press-3"), origin));
        assert!(andon_telemetry::read(&event.body).is_ok(), "{event:?}");
    }
}

#[test]
fn each_layer_may_come_as_value_as_text_or_in_base64() {
    let report = json!({ "v": "kratzer ü" });
    let base64 = Value::String(STANDARD.encode(report.to_string()));
    let shapes = [
        json!([report]),
        json!([text(&report)]),
        json!([text(&text(&report))]),
        json!([base64]),
        text(&json!([report])),
        text(&json!([text(&report)])),
        text(&json!([base64])),
        text(&report),
        text(&text(&report)),
        base64.clone(),
        report.clone(),
    ];
    for shape in shapes {
        let events = events(&json!({ "Data": { "events": shape } }));
        assert_eq!(events.len(), 1, "{shape}");
        assert_eq!(serde_json::from_slice::<Value>(&events[0].body).unwrap(), report, "{shape}");
    }
}

#[test]
fn what_is_no_json_stays_as_it_came() {
    for body in ["", "plain words", "AAAA", "{\"broken\":", "\u{0}\u{fffd}"] {
        let events = events(&json!({ "Data": { "events": text(&json!([body, 7, null])) } }));
        let bodies: Vec<&[u8]> = events.iter().map(|event| event.body.as_slice()).collect();
        assert_eq!(bodies, [body.as_bytes(), b"7", b"null"]);
    }
}

#[test]
fn metadata_that_do_not_match_the_events_name_nobody() {
    let one = json!({ "iothub-connection-device-id": "press-3" });
    let cases = [
        (json!({ "SystemPropertiesArray": [one, one] }), [Some("press-3"), Some("press-3")]),
        (json!({ "SystemPropertiesArray": text(&json!([text(&one), {}])) }), [Some("press-3"), None]),
        (json!({ "SystemPropertiesArray": [one] }), [None, None]),
        (json!({ "SystemPropertiesArray": [one, one, one] }), [None, None]),
        (json!({ "SystemPropertiesArray": "nonsense" }), [None, None]),
        (json!({ "SystemProperties": one }), [None, None]),
        (
            json!({ "SystemPropertiesArray": [one, { "iothub-connection-device-id": "a\r\nb" }] }),
            [Some("press-3"), None],
        ),
        (
            json!({ "SystemPropertiesArray": [one, { "iothub-connection-device-id": 7 }] }),
            [Some("press-3"), None],
        ),
        (json!(null), [None, None]),
    ];
    for (metadata, expected) in cases {
        let events = events(&json!({ "Data": { "events": ["{}", "{}"] }, "Metadata": metadata }));
        let devices: Vec<Option<&str>> = events.iter().map(|event| event.device.as_deref()).collect();
        assert_eq!(devices, expected, "{metadata}");
    }
}

#[test]
fn the_hubs_own_notices_are_told_apart() {
    let cases = [
        ("Telemetry", "deviceDisconnected", Source::Telemetry),
        ("deviceLifecycleEvents", "deleteDeviceIdentity", Source::Other),
        ("deviceConnectionStateEvents", "deviceConnected", Source::Connected),
        ("deviceConnectionStateEvents", "deviceDisconnected", Source::Disconnected),
        ("deviceConnectionStateEvents", "", Source::Other),
        ("twinChangeEvents", "updateTwin", Source::Twin),
    ];
    for (source, operation, expected) in cases {
        let system = json!({ "iothub-connection-device-id": "press-3", "iothub-message-source": source });
        let body = json!({
            "Data": { "events": ["{}"] },
            "Metadata": {
                "SystemPropertiesArray": [system],
                "PropertiesArray": [{ "opType": operation }],
                "EnqueuedTimeUtcArray": ["2026-11-23T04:05:06Z"],
            },
        });
        let event = &events(&body)[0];
        assert_eq!(event.source, expected, "{source} {operation}");
        assert_eq!(event.enqueued.unwrap().to_string(), "2026-11-23T04:05:06Z");
    }
}

#[test]
fn only_a_body_without_events_is_refused() {
    for body in
        ["", "[]", "null", "{}", "{\"Data\":{}}", "{\"Data\":{\"a\":1,\"b\":2}}", "{\"Data\":{\"events\":1}}"]
    {
        assert!(Invocation::read(body.as_bytes()).is_err(), "{body}");
    }
    assert_eq!(events(&json!({ "Data": { "events": [] } })), []);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z-]{0,30}", inner.clone(), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            inner.prop_map(|inner| Value::String(inner.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = Invocation::read(&bytes);
    }

    #[test]
    fn no_shape_makes_it_panic(events in any_json(), system in any_json(), context in any_json()) {
        let body = json!({
            "Data": { "events": events },
            "Metadata": { "SystemPropertiesArray": system, "PartitionContext": context, "SequenceNumberArray": system },
        });
        let _ = Invocation::read(body.to_string().as_bytes());
    }
}
