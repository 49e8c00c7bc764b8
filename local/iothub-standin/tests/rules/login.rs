//! Who comes in, and for how long.

use std::{
    io::Read,
    net::TcpStream,
    time::{Duration, Instant},
};

use iothub_standin::{Builder, DeviceFile, Standin};
use rumqttc::{ConnectReturnCode, LastWill, Packet, Protocol, QoS};

use crate::{
    client::{Back, Client, DEVICE, connect, key, token, user},
    standin,
};

type Spoil = fn(&Standin, &mut rumqttc::Connect);

/// Rule 1.
#[test]
fn whoever_is_not_the_device_is_refused_with_connack_5() {
    let resource = format!("localhost/devices/{DEVICE}");
    let standin = standin();
    let cases: [(&str, Spoil); 9] = [
        ("no login", |_, it| it.login = None),
        ("an expired token", |standin, it| {
            it.set_login(user(DEVICE), token(&key(standin), &format!("localhost/devices/{DEVICE}"), -1));
        }),
        ("another key", |_, it| {
            it.set_login(user(DEVICE), token("b3RoZXI=", &format!("localhost/devices/{DEVICE}"), 60));
        }),
        ("a token for another device", |standin, it| {
            it.set_login(user(DEVICE), token(&key(standin), "localhost/devices/press-4", 60));
        }),
        ("a password that is no token", |_, it| {
            it.set_login(user(DEVICE), "hunter2");
        }),
        ("an unknown device", |standin, it| {
            it.client_id = "nobody".to_owned();
            it.set_login(user("nobody"), token(&key(standin), "localhost/devices/nobody", 60));
        }),
        ("a client id that is not the device's", |_, it| it.client_id = "somebody".to_owned()),
        ("no api-version", |standin, it| {
            let password = token(&key(standin), &format!("localhost/devices/{DEVICE}"), 60);
            it.set_login(format!("localhost/{DEVICE}"), password);
        }),
        ("another hub", |standin, it| {
            let password = token(&key(standin), &format!("other.net/devices/{DEVICE}"), 60);
            it.set_login(format!("other.net/{DEVICE}/?api-version=2021-04-12"), password);
        }),
    ];
    for (name, spoil) in cases {
        let mut spoilt = connect(&standin);
        spoil(&standin, &mut spoilt);
        let refused = Client::login_with(&standin, &mut spoilt).err();
        assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized), "{name}");
    }
    let mut good = connect(&standin);
    good.set_login(user(DEVICE), token(&key(&standin), &resource, 60));
    assert!(Client::login_with(&standin, &mut good).is_ok(), "and the device itself is not");
}

/// Rule 1.
#[test]
fn a_disabled_device_is_refused() {
    let file: DeviceFile = toml::from_str("[devices.press-3]\nkey = \"c2VjcmV0\"\nenabled = false").unwrap();
    let standin = Builder::new().devices(file).start().unwrap();
    let refused = Client::login_with(&standin, &mut connect(&standin)).err();
    assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized));
}

/// Rule 2.
#[test]
fn mqtt_5_is_refused() {
    let standin = standin();
    let mut connect = connect(&standin);
    connect.protocol = Protocol::V5;
    let refused = Client::login_with(&standin, &mut connect).err();
    assert_eq!(refused, Some(ConnectReturnCode::RefusedProtocolVersion));
}

/// Rule 3.
#[test]
fn anything_before_connect_ends_the_connection() {
    let standin = standin();
    for bytes in
        [&[0xC0, 0][..], &[0xff; 64], b"GET / HTTP/1.1\r\n\r\n", &[0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]]
    {
        let mut client = Client::open(&standin);
        client.send_bytes(bytes);
        assert_eq!(client.back(), Back::Closed, "{bytes:?}");
    }
}

/// Rule 3.
#[test]
fn a_client_without_tls_gets_no_mqtt() {
    let standin = standin();
    let mut plain = TcpStream::connect(standin.address()).unwrap();
    let mut bytes = bytes::BytesMut::new();
    connect(&standin).write(&mut bytes).unwrap();
    std::io::Write::write_all(&mut plain, &bytes).unwrap();
    let mut back = Vec::new();
    // A reset is as good an end as any.
    let _ = plain.read_to_end(&mut back);
    assert!(back.first().is_none_or(|first| *first == 0x15), "nothing but a TLS alert: {back:?}");
}

/// Rule 4.
#[test]
fn a_second_login_of_a_device_ends_the_first() {
    let standin = standin();
    let mut first = Client::login(&standin);
    let mut second = Client::login(&standin);
    assert_eq!(first.back(), Back::Closed);
    second.send(Packet::PingReq);
    assert_eq!(second.back(), Back::Packet(Packet::PingResp));
    assert!(standin.is_connected(DEVICE));
}

/// Rule 5.
#[test]
fn a_connection_ends_with_its_token() {
    let standin = standin();
    let mut connect = connect(&standin);
    connect.set_login(user(DEVICE), token(&key(&standin), &format!("localhost/devices/{DEVICE}"), 2));
    let mut client = Client::login_with(&standin, &mut connect).unwrap();
    assert_eq!(client.back(), Back::Closed);
    let is_said = |it: &Standin| it.log().iter().any(|line| line.contains("token has expired"));
    assert!(standin.wait_until(Duration::from_secs(20), is_said), "{:?}", standin.log());
}

/// Rule 6.
#[test]
fn silence_beyond_one_and_a_half_keep_alives_ends_the_connection() {
    let standin = standin();
    let mut connect = connect(&standin);
    connect.keep_alive = 2;
    let mut client = Client::login_with(&standin, &mut connect).unwrap();
    let since = Instant::now();
    assert_eq!(client.back(), Back::Closed);
    assert!(since.elapsed() >= Duration::from_millis(2_900), "not before its time: {:?}", since.elapsed());
}

/// Rule 7.
#[test]
fn a_device_that_goes_without_a_word_leaves_its_will() {
    let standin = standin();
    let mut connect = connect(&standin);
    let topic = format!("devices/{DEVICE}/messages/events/reason=gone");
    connect.last_will = Some(LastWill::new(topic, "bye", QoS::AtLeastOnce, false));

    let mut orderly = Client::login_with(&standin, &mut connect).unwrap();
    orderly.send(Packet::Disconnect);
    assert_eq!(orderly.back(), Back::Closed);
    assert_eq!(standin.accepted(), 0, "an orderly DISCONNECT leaves no will");

    drop(Client::login_with(&standin, &mut connect).unwrap());
    assert!(standin.wait_until(Duration::from_secs(20), |it| it.accepted() == 1));
    let event = &standin.events()[0];
    assert_eq!(event.body.as_deref(), Some("bye"));
    assert_eq!(event.properties["iothub-MessageType"], "Will");
    assert_eq!(event.properties["reason"], "gone");
}

/// Rule 7.
#[test]
fn a_will_on_anything_but_own_telemetry_is_refused() {
    let standin = standin();
    let mut connect = connect(&standin);
    connect.last_will = Some(LastWill::new("devices/other/messages/events/", "bye", QoS::AtMostOnce, false));
    assert_eq!(Client::login_with(&standin, &mut connect).err(), Some(ConnectReturnCode::NotAuthorized));
}

/// Rule 8.
#[test]
fn a_session_is_present_for_a_device_that_wanted_it_kept() {
    let standin = standin();
    let present = |clean: bool| {
        let mut connect = connect(&standin);
        connect.clean_session = clean;
        let mut client = Client::open(&standin);
        client.send(Packet::Connect(connect));
        match client.back() {
            Back::Packet(Packet::ConnAck(ack)) => ack.session_present,
            other => panic!("{other:?}"),
        }
    };
    assert!(!present(false), "the first");
    assert!(present(false), "the second of one that is kept");
    assert!(!present(true), "one that is not kept");
    assert!(!present(false), "the first after one that was not kept");
}
