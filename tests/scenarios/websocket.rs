//! MQTT in WebSocket messages, for plants that let nothing but port 443 out.

use std::{collections::BTreeSet, fs};

use iothub_standin::{Builder, DeviceCertificate, Faults, Scope, Validity};

use crate::{
    pictures::{DARK, shade},
    station::{DEVICE, Station},
};

/// A hub that is also reached by WebSocket.
fn hub() -> Builder {
    Builder::new().websocket("127.0.0.1:0".parse().unwrap())
}

/// From now on the station comes by WebSocket, to this port.
fn goes_through(station: &Station, port: u16) {
    let text = fs::read_to_string(station.config()).unwrap();
    let mqtt = format!("port = {}", station.hub().address().port());
    let text = text.replace(&mqtt, &format!("carrier = \"websocket\"\nport = {port}"));
    fs::write(station.config(), text).unwrap();
}

fn goes_by_websocket(station: &Station) {
    goes_through(station, station.hub().websocket_address().unwrap().port());
}

fn with_a_key() -> Station {
    let station = Station::at(hub().device(DEVICE), "");
    station.keeps("secret", &station.hub().connection_string(DEVICE).unwrap());
    station
}

#[test]
fn a_report_arrives_in_websocket_messages() {
    let station = with_a_key();
    goes_by_websocket(&station);
    station.starts().ends_well();
    assert_eq!(station.hub().accepted(), 1, "{}", station.log());
}

#[test]
fn a_hub_is_assigned_and_a_certificate_is_shown_in_websocket_messages() {
    let own = DeviceCertificate::self_signed(DEVICE, Validity::Now).unwrap();
    let thumbprints = [(DEVICE.to_owned(), own.thumbprint().to_owned())].into();
    let scope = Scope { thumbprints, ..Scope::default() };
    let enrolled =
        "[hub.provisioning]\nhost = \"localhost\"\nid_scope = \"0ne0001\"\nattestation = \"certificate\"";
    let station = Station::at(hub().scope("0ne0001", scope), enrolled);
    station.keeps("hub-certificate", &own.certificate_pem);
    station.keeps("hub-private-key", &own.key_pem);
    goes_by_websocket(&station);
    station.starts().ends_well();
    assert_eq!(station.hub().accepted(), 1, "{}", station.log());
}

#[test]
fn a_websocket_that_is_cut_again_and_again_loses_nothing() {
    let station = with_a_key();
    for number in 0..40 {
        shade(&station.path(&format!("pictures/{number:05}.png")), DARK);
    }
    goes_by_websocket(&station);
    station.hub().set_faults(Faults { cut_after_publishes: Some(7), ..Faults::default() });
    let mut agent = station.starts();
    station.waits_until("cut", |hub| hub.logins() >= 3);
    station.hub().set_faults(Faults::default());
    agent.ends_well();
    let read = |body: &String| andon_telemetry::read(body.as_bytes()).unwrap().sequence;
    let arrived: BTreeSet<_> =
        station.hub().events().iter().filter_map(|event| event.body.as_ref().map(read)).collect();
    assert_eq!(arrived, (1..=41).collect());
}

#[test]
fn a_peer_that_speaks_no_websocket_is_told() {
    let station = with_a_key();
    goes_through(&station, station.hub().address().port());
    let mut agent = station.starts();
    station.waits_until("told", |_| station.log().contains("opens no WebSocket"));
    assert!(station.log().contains("that the port is 443, and that no proxy"), "{}", station.log());
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn an_authority_that_nobody_knows_vouches_for_no_websocket() {
    let station = with_a_key();
    goes_by_websocket(&station);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("ca_file = \"ca.pem\"\n", "")).unwrap();
    let mut agent = station.starts();
    station.waits_until("told", |_| station.log().contains("no secure connection to localhost"));
    agent.gets("TERM");
    agent.ends_well();
    assert_eq!(station.hub().logins(), 0);
}
