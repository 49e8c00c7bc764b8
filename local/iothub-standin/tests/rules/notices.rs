//! What the hub itself says of a device, where routes take it to the reader.

use iothub_standin::{Builder, Event, Routes, Standin};
use rumqttc::QoS;
use serde_json::{Map, Value, json};

use crate::client::{Client, DEVICE, PATIENCE, connect};

const TELEMETRY: &str = "devices/press-3/messages/events/";
const INBOX: &str = "devices/press-3/messages/devicebound/#";

fn routed(connections: bool, twins: bool) -> Standin {
    Builder::new().device(DEVICE).routes(Routes { connections, twins }).start().unwrap()
}

/// Waits until there are so many events; what happened, in the reader's words.
fn told(standin: &Standin, count: usize) -> Vec<String> {
    let enough = standin.wait_until(PATIENCE, |standin| standin.events().len() >= count);
    let word = |event: &Event| event.properties.get("opType").cloned().unwrap_or("telemetry".to_owned());
    let words: Vec<String> = standin.events().iter().map(word).collect();
    assert!(enough, "only {words:?}");
    words
}

fn report(client: &mut Client, properties: &Value) {
    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    client.publish(topic, QoS::AtLeastOnce, properties.to_string());
    client.back();
}

/// Rule 24.
#[test]
fn a_connection_is_told_once_it_is_used_for_messages_and_when_it_breaks() {
    let standin = routed(true, false);
    let mut client = Client::login(&standin);
    report(&mut client, &json!({"health": {"state": "ok"}}));
    assert_eq!(standin.events(), [], "a twin is no message");
    client.subscribe(INBOX);
    client.publish(TELEMETRY, QoS::AtLeastOnce, "{}");
    client.back();
    drop(client);
    assert_eq!(told(&standin, 3), ["deviceConnected", "telemetry", "deviceDisconnected"]);

    let events = standin.events();
    let gone = &events[2];
    assert_eq!(gone.system_properties["iothub-message-source"], "deviceConnectionStateEvents");
    assert_eq!(gone.properties["iothub-message-schema"], "deviceConnectionStateNotification");
    assert_eq!((gone.device(), gone.properties["deviceId"].as_str()), (DEVICE, DEVICE));
    assert_eq!(gone.partition, events[1].partition);
    let numbers: Vec<Value> = [&events[0], gone]
        .iter()
        .map(|it| serde_json::from_str(it.body.as_ref().unwrap()).unwrap())
        .collect();
    let number = |at: usize| numbers[at]["sequenceNumber"].as_str().unwrap();
    assert!(number(0).len() == 64 && number(0) < number(1), "{numbers:?}");
    assert_eq!(standin.accepted(), 1, "only the device's message counts");
}

/// Rule 24.
#[test]
fn a_connection_that_is_taken_over_is_told_as_lost_only_when_the_last_one_ends() {
    let standin = routed(true, false);
    let mut first = Client::login(&standin);
    first.subscribe(INBOX);
    let second = Client::login(&standin);
    first.back();
    drop(first);
    drop(second);
    assert_eq!(told(&standin, 2), ["deviceConnected", "deviceDisconnected"]);
}

/// Rule 24.
#[test]
fn whatever_ends_a_connection_it_is_told_as_lost() {
    type End = fn(&Standin);
    let ends: [End; 4] = [
        |standin| standin.cut(DEVICE),
        |standin| standin.set_listening(false),
        |standin| standin.set_enabled(DEVICE, false).unwrap(),
        |standin| standin.remove_device(DEVICE).unwrap(),
    ];
    for end in ends {
        let standin = routed(true, false);
        let mut client = Client::login_with(&standin, &mut connect(&standin)).unwrap();
        client.subscribe(INBOX);
        end(&standin);
        assert_eq!(told(&standin, 2), ["deviceConnected", "deviceDisconnected"]);
    }
}

/// Rule 25.
#[test]
fn a_change_of_either_half_of_a_twin_is_told_with_what_was_changed() {
    let standin = routed(false, true);
    let mut client = Client::login(&standin);
    report(&mut client, &json!({"health": {"state": "ok", "reason": ""}, "items": 1}));
    report(&mut client, &json!({"health": {"state": "blind"}}));
    report(&mut client, &json!({"a bad name": 1}));
    standin.set_desired(DEVICE, Map::from_iter([("paused".to_owned(), json!(true))])).unwrap();
    assert_eq!(told(&standin, 3), ["updateTwin", "updateTwin", "updateTwin"]);

    let events = standin.events();
    let source = &events[1].system_properties["iothub-message-source"];
    assert_eq!((source.as_str(), events[1].device()), ("twinChangeEvents", DEVICE));
    let body = |at: usize| serde_json::from_str::<Value>(events[at].body.as_ref().unwrap()).unwrap();
    let mut blind = body(1);
    let metadata = blind["properties"]["reported"].as_object_mut().unwrap().remove("$metadata").unwrap();
    assert!(metadata["health"]["state"]["$lastUpdated"].is_string(), "{metadata}");
    assert_eq!(
        blind,
        json!({"version": 3, "properties": {"reported": {"health": {"state": "blind"}, "$version": 3}}})
    );
    assert_eq!(body(2)["properties"]["desired"]["paused"], json!(true));
    assert_eq!(body(2)["version"], json!(4));
}

/// Rules 24 and 25.
#[test]
fn without_routes_nothing_but_telemetry_is_told() {
    let standin = routed(false, false);
    let mut client = Client::login(&standin);
    client.subscribe(INBOX);
    report(&mut client, &json!({"items": 1}));
    standin.set_desired(DEVICE, Map::new()).unwrap();
    standin.cut(DEVICE);
    assert!(standin.wait_until(PATIENCE, |standin| !standin.is_connected(DEVICE)));
    assert_eq!(standin.events(), []);
}
