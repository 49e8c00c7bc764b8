//! X.509 log-in (rule 9), and the certificates that the server shows.

use iothub_standin::{
    Builder, DeviceAuthority, DeviceCertificate, ServerCertificate, Standin,
    Validity::{Expired, NotYet, Now},
};
use rumqttc::{Connect, ConnectReturnCode, Packet, QoS};

use crate::{
    client::{Back, Client, DEVICE, PATIENCE, connect, user},
    standin,
};

const REFUSED: Option<ConnectReturnCode> = Some(ConnectReturnCode::NotAuthorized);

/// A user name, and no password.
fn log_in(
    standin: &Standin,
    device: &str,
    certificate: Option<&DeviceCertificate>,
) -> Result<Client, ConnectReturnCode> {
    let mut connect = Connect::new(device);
    connect.keep_alive = 60;
    connect.set_login(user(device), "");
    Client::try_open(standin, &standin.ca_pem(), certificate).unwrap().connect(&mut connect)
}

#[test]
fn a_device_comes_in_with_the_certificate_of_its_thumbprint_and_with_no_other() {
    let own = DeviceCertificate::self_signed(DEVICE, Now).unwrap();
    let other = DeviceCertificate::self_signed(DEVICE, Now).unwrap();
    let lower = own.thumbprint().to_lowercase().into_bytes();
    let with_colons: Vec<_> = lower.chunks(2).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
    for thumbprint in [own.thumbprint(), &with_colons.join(":")] {
        let standin = Builder::new().thumbprint_device(DEVICE, thumbprint).start().unwrap();
        let mut client = log_in(&standin, DEVICE, Some(&own)).unwrap();
        client.publish("devices/press-3/messages/events/", QoS::AtLeastOnce, "1");
        assert!(matches!(client.back(), Back::Packet(Packet::PubAck(_))));
        let method = &standin.events()[0].system_properties["iothub-connection-auth-method"];
        assert!(method.contains("\"type\":\"x509\""), "{method}");
        assert_eq!(log_in(&standin, DEVICE, Some(&other)).err(), REFUSED);
        assert_eq!(log_in(&standin, DEVICE, None).err(), REFUSED);
        assert_eq!(log_in(&standin, "somebody", Some(&own)).err(), REFUSED);
    }
}

#[test]
fn a_device_comes_in_with_a_certificate_for_its_name_from_an_authority_of_the_hub() {
    let plant = DeviceAuthority::new("plant").unwrap();
    let stranger = DeviceAuthority::new("stranger").unwrap();
    let standin = Builder::new().authority(&plant.pem()).ca_signed_device(DEVICE).start().unwrap();
    assert!(log_in(&standin, DEVICE, Some(&plant.issue(DEVICE, Now).unwrap())).is_ok());
    for (refused, why) in [
        (plant.issue("press-4", Now), "is for \"press-4\""),
        (plant.issue(DEVICE, Expired), "expired"),
        (plant.issue(DEVICE, NotYet), "not yet valid"),
        (stranger.issue(DEVICE, Now), "issuer"),
        (DeviceCertificate::self_signed(DEVICE, Now), "self"),
    ] {
        assert_eq!(log_in(&standin, DEVICE, Some(&refused.unwrap())).err(), REFUSED, "{why}");
        // The device may hear of it before the log does.
        let is_said = |it: &Standin| it.log().iter().any(|line| line.contains(why));
        assert!(standin.wait_until(PATIENCE, is_said), "{why}: {:?}", standin.log());
    }
    assert_eq!(log_in(&standin, DEVICE, None).err(), REFUSED);
}

/// A key is no substitute for a certificate, nor the other way round.
#[test]
fn a_device_with_a_key_is_not_let_in_by_a_certificate() {
    let standin = standin();
    let certificate = DeviceCertificate::self_signed(DEVICE, Now).unwrap();
    assert_eq!(log_in(&standin, DEVICE, Some(&certificate)).err(), REFUSED);
    let with_both = Client::try_open(&standin, &standin.ca_pem(), Some(&certificate)).unwrap();
    assert!(with_both.connect(&mut connect(&standin)).is_ok(), "its token counts, the certificate does not");
}

#[test]
fn a_hub_with_another_authority_is_believed_once_that_is_known() {
    let standin = standin();
    let old = standin.ca_pem();
    let mut before = Client::login(&standin);
    standin.change_authority().unwrap();
    assert!(Client::try_open(&standin, &old, None).is_err());
    assert!(Client::try_open(&standin, &standin.ca_pem(), None).is_ok());
    before.send(Packet::PingReq);
    assert_eq!(before.back(), Back::Packet(Packet::PingResp), "who is connected does not notice");
}

#[test]
fn a_hub_can_show_a_certificate_that_no_client_may_believe() {
    let standin = standin();
    let open = || Client::try_open(&standin, &standin.ca_pem(), None);
    for which in [ServerCertificate::Expired, ServerCertificate::NotYetValid, ServerCertificate::OtherName] {
        standin.show_certificate(which).unwrap();
        assert!(open().is_err(), "{which:?}");
    }
    standin.show_certificate(ServerCertificate::Good).unwrap();
    assert!(open().is_ok());
}

#[test]
fn a_device_that_is_disabled_or_removed_is_cut_and_refused() {
    let standin = standin();
    let good = connect(&standin);
    let mut client = Client::login(&standin);
    standin.set_enabled(DEVICE, false).unwrap();
    assert_eq!(client.back(), Back::Closed);
    assert_eq!(Client::login_with(&standin, &mut good.clone()).err(), REFUSED);
    standin.set_enabled(DEVICE, true).unwrap();
    let mut client = Client::login(&standin);
    standin.remove_device(DEVICE).unwrap();
    assert_eq!(client.back(), Back::Closed);
    assert_eq!(Client::login_with(&standin, &mut good.clone()).err(), REFUSED);
}
