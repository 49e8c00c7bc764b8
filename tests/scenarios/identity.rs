//! Who a station is at its hub: by a certificate, by a registration, and where its hub is.

use iothub_standin::{
    Builder, DeviceAuthority, DeviceCertificate, Faults, Provisioning, Scope,
    Validity::{self, Expired, NotYet, Now},
};

use crate::station::{DEVICE, Station, run_with};

const SCOPE: &str = "0ne0001";
const GROUP_KEY: &str = "Z3JvdXA=";

const BY_KEY: &str = "[hub.provisioning]\nhost = \"localhost\"\nid_scope = \"0ne0001\"\n";
const BY_CERTIFICATE: &str =
    "[hub.provisioning]\nhost = \"localhost\"\nid_scope = \"0ne0001\"\nattestation = \"certificate\"\n";

/// A station that shows this certificate; its connection string says so.
fn showing(certificate: &DeviceCertificate, hub: Builder, rest: &str) -> Station {
    let station = Station::at(hub, rest);
    station.keeps("secret", &format!("HostName=localhost;DeviceId={DEVICE};x509=true"));
    station.keeps("hub-certificate", &certificate.certificate_pem);
    station.keeps("hub-private-key", &certificate.key_pem);
    station
}

fn self_signed(validity: Validity) -> DeviceCertificate {
    DeviceCertificate::self_signed(DEVICE, validity).unwrap()
}

fn known(certificate: &DeviceCertificate) -> Builder {
    Builder::new().thumbprint_device(DEVICE, certificate.thumbprint())
}

/// A hub with a group of enrolments by key.
fn group() -> Builder {
    Builder::new().scope(SCOPE, Scope { group_key: Some(GROUP_KEY.to_owned()), ..Scope::default() })
}

/// What the command for the provisioning machine makes of the group's key.
fn derived() -> String {
    let done = run_with(&["hub", "derive-key", DEVICE], &format!("{GROUP_KEY}\n"));
    assert_eq!((done.code, &*done.notes), (Some(0), ""), "{done:?}");
    done.out
}

fn enrolled(hub: Builder) -> Station {
    let station = Station::at(hub, BY_KEY);
    station.keeps("hub-device-key", &derived());
    station
}

fn delivers(station: &Station) {
    station.starts().ends_well();
    assert_eq!(station.hub().accepted(), 1, "{}", station.log());
}

#[test]
fn a_station_with_a_certificate_delivers() {
    let own = self_signed(Now);
    delivers(&showing(&own, known(&own), ""));
}

#[test]
fn a_station_with_a_certificate_of_its_owners_authority_delivers() {
    let authority = DeviceAuthority::new("plant").unwrap();
    let own = authority.issue(DEVICE, Now).unwrap();
    delivers(&showing(&own, Builder::new().authority(&authority.pem()).ca_signed_device(DEVICE), ""));
}

#[test]
fn a_station_enrolled_by_itself_delivers() {
    let registrations = [(DEVICE.to_owned(), "c2VjcmV0".to_owned())].into();
    let station =
        Station::at(Builder::new().scope(SCOPE, Scope { registrations, ..Scope::default() }), BY_KEY);
    station.keeps("hub-device-key", "c2VjcmV0\n");
    delivers(&station);
}

#[test]
fn a_station_enrolled_in_a_group_delivers_and_remembers_its_hub() {
    let station = enrolled(group());
    station.hub().set_faults(Faults { provisioning: Provisioning::AfterAsks(1), ..Faults::default() });
    delivers(&station);
    // What is not asked for need not be answered.
    station.hub().set_faults(Faults { provisioning: Provisioning::Silent, ..Faults::default() });
    station.starts().ends_well();
    assert_eq!(station.hub().accepted(), 2, "{}", station.log());
    let remembered = std::fs::read_to_string(station.path("outbox.hub.json")).unwrap();
    assert!(remembered.contains("localhost") && !remembered.contains(derived().trim()), "{remembered}");
}

#[test]
fn a_station_enrolled_with_a_certificate_delivers_to_a_hub_by_another_name() {
    let own = self_signed(Now);
    let scope = Scope {
        thumbprints: [(DEVICE.to_owned(), own.thumbprint().to_owned())].into(),
        hub: Some("hub-2.example".to_owned()),
        ..Scope::default()
    };
    let hub = Builder::new().hub_name("hub-2.example").scope(SCOPE, scope);
    let station = showing(&own, hub, "");
    let text = std::fs::read_to_string(station.config()).unwrap();
    let text = text.replace("[log]", "connect_host = \"localhost\"\n[log]") + BY_CERTIFICATE;
    std::fs::write(station.config(), text).unwrap();
    delivers(&station);
}

#[test]
fn it_provisions_again_when_its_hub_refuses_it_for_good() {
    let mut station = enrolled(group());
    delivers(&station);
    // This one has never heard of the device that the other hub was given.
    station.moves_to(group(), BY_KEY);
    delivers(&station);
    let log = station.log();
    assert!(log.contains("refused the login of device press-3"), "{log}");
    assert_eq!(log.matches("is press-3 at localhost").count(), 2, "{log}");
}

#[test]
fn a_service_that_assigns_no_hub_is_told_with_what_it_said_and_is_asked_again() {
    let station = enrolled(group());
    station.hub().set_faults(Faults { provisioning: Provisioning::Disabled, ..Faults::default() });
    let check = station.does(&["check"]);
    assert!(
        check.notes.contains("assigns registration press-3") && check.notes.contains("disabled"),
        "{check:?}"
    );
    let mut agent = station.starts();
    station.waits_until("told", |_| station.log().contains("(disabled"));
    station.hub().set_faults(Faults::default());
    agent.ends_well();
    assert_eq!(station.hub().accepted(), 1, "{}", station.log());
}

#[test]
fn a_check_names_what_is_wrong_with_a_certificate() {
    let (own, other) = (self_signed(Now), self_signed(Now));
    let changed = |change: &dyn Fn(&mut DeviceCertificate)| {
        let mut changed = own.clone();
        change(&mut changed);
        changed
    };
    for (certificate, expected) in [
        (self_signed(Expired), "ran out at"),
        (self_signed(NotYet), "is not valid before 2090"),
        (changed(&|it| it.key_pem.clone_from(&other.key_pem)), "does not fit the certificate"),
        (changed(&|it| "nothing".clone_into(&mut it.certificate_pem)), "BEGIN CERTIFICATE"),
        (changed(&|it| "nothing".clone_into(&mut it.key_pem)), "BEGIN PRIVATE KEY"),
        (other.clone(), "refused the login of device press-3"),
    ] {
        let check = showing(&certificate, known(&own), "").does(&["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        assert!(check.notes.contains(expected), "{expected}: {}", check.notes);
        let secret = certificate.key_pem.lines().nth(1).unwrap_or("no secret");
        assert!(!check.notes.contains(secret), "{}", check.notes);
    }
}

#[test]
fn a_check_names_what_is_wrong_with_a_registration() {
    for (key, expected) in [
        ("", "the registration's key is empty"),
        ("c2VjcmV", "the registration's key is not base64"),
        ("b3RoZXI=", "refused the login of registration press-3"),
    ] {
        let station = enrolled(group());
        station.keeps("hub-device-key", key);
        let check = station.does(&["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        assert!(check.notes.contains(expected), "{expected}: {}", check.notes);
        assert!(!station.path("outbox.hub.json").exists(), "a check remembers nothing");
    }
    let own = DeviceCertificate::self_signed("press-4", Now).unwrap();
    let check = showing(&own, group(), BY_CERTIFICATE).does(&["check"]);
    assert!(check.notes.contains("common name is \"press-4\""), "{}", check.notes);
}

#[test]
fn a_groups_key_that_is_none_is_refused_and_not_shown() {
    let done = run_with(&["hub", "derive-key", DEVICE], "c2VjcmV");
    assert_eq!((done.code, &*done.out), (Some(1), ""), "{done:?}");
    assert!(done.notes.contains("not base64") && !done.notes.contains("c2Vj"), "{}", done.notes);
    let done = run_with(&["hub", "derive-key", "press 3"], GROUP_KEY);
    assert_eq!(done.code, Some(2), "{done:?}");
}
