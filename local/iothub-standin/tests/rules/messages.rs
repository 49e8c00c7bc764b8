//! Telemetry and messages for the device.

use iothub_standin::{Bag, NotPossible, Standin};
use rumqttc::{Packet, PubAck, QoS, SubAck, SubscribeReasonCode};

use crate::{
    client::{Back, Client, DEVICE},
    standin,
};

const EVENTS: &str = "devices/press-3/messages/events/";

fn ends(standin: &Standin, act: impl FnOnce(&mut Client)) {
    let mut client = Client::login(standin);
    act(&mut client);
    assert_eq!(client.back(), Back::Closed);
}

/// Rule 10.
#[test]
fn a_message_arrives_with_its_properties_before_its_puback() {
    let standin = standin();
    let mut client = Client::login(&standin);
    let topic = format!("{EVENTS}%24.mid=r%201&%24.ct=application%2Fjson&%24.ce=utf-8&line=line%201");
    client.publish(&topic, QoS::AtLeastOnce, "{}");
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));
    let events = standin.events();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.device(), event.message_id()), (DEVICE, "r 1"));
    assert_eq!(event.system_properties["content-type"], "application/json");
    assert_eq!(event.system_properties["content-encoding"], "utf-8");
    assert_eq!(event.properties["line"], "line 1");
    assert_eq!(event.body.as_deref(), Some("{}"));
}

/// Rule 10.
#[test]
fn bytes_that_are_no_text_arrive_as_base64() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.publish(EVENTS, QoS::AtLeastOnce, [0xff, 0x00]);
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));
    assert_eq!(standin.events()[0].body_base64.as_deref(), Some("/wA="));
}

/// Rule 11.
#[test]
fn other_topics_end_the_connection() {
    let standin = standin();
    for topic in [
        "devices/press-4/messages/events/",
        "devices/press-3/messages/devicebound/",
        "devices/press-3/messages/events2/",
        "telemetry",
        "$iothub/anything",
        "devices/press-3/messages/events/a=%ff",
        "devices/press-3/messages/events/a=b+c",
    ] {
        ends(&standin, |client| client.publish(topic, QoS::AtLeastOnce, "{}"));
    }
    assert_eq!(standin.accepted(), 0);
}

/// Rule 12.
#[test]
fn quality_of_service_2_ends_the_connection() {
    ends(&standin(), |client| client.publish(EVENTS, QoS::ExactlyOnce, "{}"));
}

/// Rule 13.
#[test]
fn a_message_has_at_most_256_kib() {
    let standin = standin();
    let mut client = Client::login(&standin);
    client.publish(&format!("{EVENTS}ab=cd"), QoS::AtLeastOnce, vec![b'x'; 256 * 1024 - 4]);
    assert_eq!(
        client.back(),
        Back::Packet(Packet::PubAck(PubAck::new(7))),
        "with its properties exactly as large"
    );
    client.publish(&format!("{EVENTS}ab=cd"), QoS::AtLeastOnce, vec![b'x'; 256 * 1024 - 3]);
    assert_eq!(client.back(), Back::Closed);
    assert_eq!(standin.accepted(), 1);
}

/// Rule 13.
#[test]
fn a_packet_that_claims_to_be_huge_ends_the_connection_at_once() {
    ends(&standin(), |client| client.send_bytes(&[0x32, 0xff, 0xff, 0xff, 0x7f]));
}

/// Rule 14.
#[test]
fn a_retained_message_is_marked_and_not_kept() {
    let standin = standin();
    let mut client = Client::login(&standin);
    let mut publish = rumqttc::Publish::new(EVENTS, QoS::AtLeastOnce, "{}");
    (publish.retain, publish.pkid) = (true, 1);
    client.send(Packet::Publish(publish));
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(1))));
    assert_eq!(standin.events()[0].properties["mqtt-retain"], "true");
}

/// Rule 15.
#[test]
fn other_subscriptions_end_the_connection() {
    let standin = standin();
    for filter in
        ["#", "devices/+/messages/devicebound/#", "devices/press-4/messages/devicebound/#", "$iothub/#"]
    {
        let mut client = Client::login(&standin);
        assert_eq!(client.subscribe(filter), Back::Closed, "{filter}");
    }
}

/// Rule 16.
#[test]
fn a_message_for_the_device_waits_until_it_is_acknowledged() {
    let standin = standin();
    let bag = Bag(vec![("a b".to_owned(), "c".to_owned())]);
    standin.send_to_device(DEVICE, bag, "stop").unwrap();
    let inbox = format!("devices/{DEVICE}/messages/devicebound/#");

    let mut client = Client::login(&standin);
    let granted = SubAck::new(9, vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)]);
    assert_eq!(client.subscribe(&inbox), Back::Packet(Packet::SubAck(granted)));
    let first = client.message();
    assert_eq!(
        (&*first.topic, &first.payload[..]),
        ("devices/press-3/messages/devicebound/a%20b=c", &b"stop"[..])
    );
    drop(client);

    let mut client = Client::login(&standin);
    let again = client.message();
    assert_eq!(
        again.payload, first.payload,
        "the subscription was kept, and the message was not acknowledged"
    );
    client.send(Packet::PubAck(PubAck::new(again.pkid)));
    client.send(Packet::PingReq);
    assert_eq!(client.back(), Back::Packet(Packet::PingResp));
    drop(client);

    let mut client = Client::login(&standin);
    client.send(Packet::PingReq);
    assert_eq!(client.back(), Back::Packet(Packet::PingResp), "nothing waits any more");
}

/// Rule 16.
#[test]
fn a_queue_holds_fifty_messages() {
    let standin = standin();
    for _ in 0..50 {
        standin.send_to_device(DEVICE, Bag::default(), "x").unwrap();
    }
    assert_eq!(standin.send_to_device(DEVICE, Bag::default(), "x"), Err(NotPossible::QueueFull));
}
