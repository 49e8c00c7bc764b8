//! Twin and direct methods, over the wire and over the control address.

use std::time::Duration;

use iothub_standin::{Builder, NotPossible};
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};

use crate::{
    client::{Back, Client, DEVICE, connect},
    standin,
};

fn json_of(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap()
}

/// Rule 20.
#[test]
fn a_device_gets_its_twin_and_reports_into_it() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.subscribe("$iothub/twin/res/#");

    client.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", QoS::AtMostOnce, r#"{"version":"1"}"#);
    assert_eq!(client.message().topic, "$iothub/twin/res/204/?$rid=1&$version=2");

    client.publish("$iothub/twin/GET/?$rid=2", QoS::AtMostOnce, "");
    let twin = client.message();
    assert_eq!(twin.topic, "$iothub/twin/res/200/?$rid=2");
    assert_eq!(
        json_of(&twin.payload),
        json!({"desired": {"$version": 1}, "reported": {"version": "1", "$version": 2}})
    );
}

/// Rule 21.
#[test]
fn a_twin_refuses_nonsense_and_more_than_32_kib() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.subscribe("$iothub/twin/res/#");
    let large: serde_json::Map<_, _> = (0..33).map(|it| (it.to_string(), json!("x".repeat(1024)))).collect();
    let large = json!(large).to_string();
    for (payload, status) in [("no json", 400), (r#"{"a b": 1}"#, 400), (large.as_str(), 413)] {
        client.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", QoS::AtMostOnce, payload);
        assert_eq!(client.message().topic, format!("$iothub/twin/res/{status}/?$rid=1"));
    }
}

/// Rule 22.
#[test]
fn a_wish_reaches_a_device_that_listens() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.subscribe("$iothub/twin/PATCH/properties/desired/#");
    let Value::Object(patch) = json!({"threshold": 0.5}) else { unreachable!() };
    assert_eq!(standin.set_desired(DEVICE, patch), Ok(2));
    let wish = client.message();
    assert_eq!(wish.topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    assert_eq!(json_of(&wish.payload), json!({"threshold": 0.5, "$version": 2}));
}

/// Rule 8.
#[test]
fn a_session_that_is_kept_listens_on_and_another_hears_nothing() {
    let standin = standin();
    let wish = |number: u64| {
        let Value::Object(patch) = json!({"threshold": number}) else { unreachable!() };
        standin.set_desired(DEVICE, patch).unwrap()
    };
    Client::login(&standin).subscribe("$iothub/twin/PATCH/properties/desired/#");
    let mut kept = Client::login(&standin);
    wish(1);
    assert_eq!(kept.message().topic, "$iothub/twin/PATCH/properties/desired/?$version=2");

    let mut clean = connect(&standin);
    clean.clean_session = true;
    let mut clean = Client::login_with(&standin, &mut clean).unwrap();
    wish(2);
    clean.send(Packet::PingReq);
    assert_eq!(clean.back(), Back::Packet(Packet::PingResp), "no wish came before it");
}

/// Rule 23.
#[test]
fn a_method_is_called_and_answered() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.subscribe("$iothub/methods/POST/#");
    let device = std::thread::spawn(move || {
        let call = client.message();
        let request = call.topic.strip_prefix("$iothub/methods/POST/ping/?$rid=").unwrap().to_owned();
        client.publish(&format!("$iothub/methods/res/200/?$rid={request}"), QoS::AtMostOnce, r#"{"pong":1}"#);
        (call.payload, client)
    });
    let answer = standin.call_method(DEVICE, "ping", &json!({"n": 1}), Duration::from_secs(20)).unwrap();
    assert_eq!((answer.status, json_of(&answer.payload)), (200, json!({"pong": 1})));
    assert_eq!(json_of(&device.join().unwrap().0), json!({"n": 1}));
}

/// Rule 23.
#[test]
fn a_method_of_a_device_that_is_away_is_refused_at_once() {
    let standin = standin();
    let called = |device| standin.call_method(device, "ping", &json!({}), Duration::from_secs(20));
    assert_eq!(called(DEVICE), Err(NotPossible::Offline));
    assert_eq!(called("nobody"), Err(NotPossible::UnknownDevice));
}

/// The control address does over HTTP what the handle does.
#[test]
fn the_control_address_reads_the_twin_sends_wishes_and_sets_faults() {
    let standin = Builder::new().device(DEVICE).control(([127, 0, 0, 1], 0).into()).start().unwrap();
    let control = standin.control_address().unwrap();
    let ask = |method: &str, path: &str, body: &str| -> (u16, Value) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(control).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    };
    assert_eq!(ask("GET", "/health", "").0, 200);
    assert_eq!(ask("PATCH", "/devices/press-3/twin", r#"{"a": 1}"#), (200, json!({"$version": 2})));
    assert_eq!(ask("GET", "/devices/press-3/twin", "").1["desired"], json!({"a": 1, "$version": 2}));
    assert_eq!(ask("GET", "/devices/nobody/twin", "").0, 404);
    assert_eq!(ask("POST", "/devices/press-3/methods/ping", "{}").0, 404);
    assert_eq!(ask("POST", "/devices/press-3/c2d?a=b", "stop").0, 201);
    assert_eq!(ask("PATCH", "/provisioning/0ne0001", r#"{"hub": "hub-2.example"}"#).0, 404);
    let authority = standin.ca_pem();
    assert_eq!(ask("POST", "/authority", "").0, 200);
    assert_ne!(standin.ca_pem(), authority);
    assert_eq!(ask("POST", "/certificate", r#""expired""#).0, 204);
    assert!(Client::try_open(&standin, &standin.ca_pem(), None).is_err());
    assert_eq!(ask("POST", "/certificate", r#""good""#).0, 204);
    assert_eq!(ask("PUT", "/devices/press-3", r#"{"enabled": true}"#).0, 204);
    let faults =
        r#"{"refuse_login": true, "quota": 5, "provisioning": {"after_asks": 2}, "puback": {"late_ms": 5}}"#;
    assert_eq!(ask("POST", "/faults", faults).0, 204);
    assert_eq!(ask("POST", "/faults", r#"{"no_such_fault": true}"#).0, 422);
    let refused = Client::login_with(&standin, &mut connect(&standin)).err();
    assert_eq!(refused, Some(rumqttc::ConnectReturnCode::NotAuthorized));
    assert_eq!(ask("DELETE", "/devices/press-3", "").0, 204);
    assert_eq!(ask("GET", "/devices/press-3/twin", "").0, 404);
}
