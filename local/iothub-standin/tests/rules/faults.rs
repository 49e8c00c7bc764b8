//! Faults on demand do what they say.

use std::{net::TcpStream, time::Duration};

use iothub_standin::{Faults, Puback};
use rumqttc::{Packet, PubAck, QoS};

use crate::{
    client::{Back, Client, DEVICE, connect},
    standin,
};

const EVENTS: &str = "devices/press-3/messages/events/";

#[test]
fn a_hub_that_is_away_refuses_and_comes_back_at_the_same_address() {
    let standin = standin();
    let mut client = Client::login(&standin);
    standin.set_listening(false);
    assert_eq!(client.back(), Back::Closed);
    assert!(!standin.is_connected(DEVICE));
    assert!(TcpStream::connect(standin.address()).is_err());
    standin.set_listening(true);
    Client::login(&standin);
}

#[test]
fn a_hub_can_be_away_from_the_first_moment() {
    let standin = standin();
    standin.set_listening(false);
    assert!(TcpStream::connect(standin.address()).is_err());
}

#[test]
fn a_message_can_be_accepted_and_its_puback_lost() {
    let standin = standin();
    standin.set_faults(Faults { cut_after_publishes: Some(2), ..Faults::default() });
    let mut client = Client::login(&standin);
    client.publish(EVENTS, QoS::AtLeastOnce, "1");
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));
    client.publish(EVENTS, QoS::AtLeastOnce, "2");
    assert_eq!(client.back(), Back::Closed);
    assert_eq!(standin.accepted(), 2);
}

#[test]
fn pubacks_can_be_late_and_can_stay_away() {
    let standin = standin();
    let mut client = Client::login(&standin);
    standin.set_faults(Faults { puback: Puback::LateMs(300), ..Faults::default() });
    client.publish(EVENTS, QoS::AtLeastOnce, "1");
    client.send(Packet::PingReq);
    assert_eq!(client.back(), Back::Packet(Packet::PingResp), "the PUBACK is held back");
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));

    standin.set_faults(Faults { puback: Puback::Never, ..Faults::default() });
    client.publish(EVENTS, QoS::AtLeastOnce, "2");
    assert!(standin.wait_until(Duration::from_secs(20), |it| it.accepted() == 2));
    client.send(Packet::PingReq);
    assert_eq!(client.back(), Back::Packet(Packet::PingResp));
}

/// Rule 18.
#[test]
fn a_day_s_quota_is_used_up_by_messages_and_ends_with_the_fault() {
    let standin = standin();
    standin.set_faults(Faults { quota: Some(1), ..Faults::default() });
    let mut client = Client::login(&standin);
    client.publish(EVENTS, QoS::AtLeastOnce, "1");
    assert_eq!(client.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));
    client.publish(EVENTS, QoS::AtLeastOnce, "2");
    assert_eq!(client.back(), Back::Closed);
    assert_eq!(Client::login(&standin).back(), Back::Closed, "logged in, and cut");
    assert_eq!(standin.accepted(), 1);
    standin.set_faults(Faults::default());
    let mut next_day = Client::login(&standin);
    next_day.publish(EVENTS, QoS::AtLeastOnce, "2");
    assert_eq!(next_day.back(), Back::Packet(Packet::PubAck(PubAck::new(7))));
}

#[test]
fn a_session_can_be_said_to_be_present_or_not_whatever_is_true() {
    let standin = standin();
    for present in [true, false, true] {
        standin.set_faults(Faults { session_present: Some(present), ..Faults::default() });
        let mut client = Client::open(&standin);
        client.send(Packet::Connect(connect(&standin)));
        match client.back() {
            Back::Packet(Packet::ConnAck(ack)) => assert_eq!(ack.session_present, present),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_hub_over_its_quota_cuts_right_after_connack() {
    let standin = standin();
    standin.set_faults(Faults { cut_after_connack: true, ..Faults::default() });
    let mut client = Client::login(&standin);
    assert_eq!(client.back(), Back::Closed);
}
