//! The provisioning service (rules 30 to 33).

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use iothub_standin::{
    Builder, DeviceAuthority, DeviceCertificate, Faults, Provisioning, Scope, Standin, Validity::Now,
};
use rumqttc::{Connect, ConnectReturnCode, QoS};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::{Client, token};

const GROUP_KEY: &str = "Z3JvdXA=";
const SCOPE: &str = "0ne0001";
const REFUSED: Option<ConnectReturnCode> = Some(ConnectReturnCode::NotAuthorized);

fn scope() -> Scope {
    Scope {
        group_key: Some(GROUP_KEY.to_owned()),
        registrations: [("own".to_owned(), "b3du".to_owned())].into(),
        ..Scope::default()
    }
}

fn start(scope: Scope) -> Standin {
    Builder::new().hub_name("hub-2.example").scope(SCOPE, scope).start().unwrap()
}

fn derived(registration: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(GROUP_KEY).unwrap()).unwrap();
    mac.update(registration.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn with_key(standin: &Standin, id: &str, key: &str) -> Result<Client, ConnectReturnCode> {
    let mut connect = connect(id);
    connect.set_login(registration(id), token(key, &format!("{SCOPE}/registrations/{id}"), 60));
    Client::login_with(standin, &mut connect)
}

fn with_certificate(
    standin: &Standin,
    id: &str,
    own: &DeviceCertificate,
) -> Result<Client, ConnectReturnCode> {
    let mut connect = connect(id);
    connect.set_login(registration(id), "");
    Client::try_open(standin, &standin.ca_pem(), Some(own)).unwrap().connect(&mut connect)
}

fn connect(id: &str) -> Connect {
    let mut connect = Connect::new(id);
    connect.keep_alive = 60;
    connect
}

fn registration(id: &str) -> String {
    format!("{SCOPE}/registrations/{id}/api-version=2019-03-31&ClientVersion=test")
}

/// Status, whether it says when to ask again, and body of the answer to a registration.
fn register(client: &mut Client, id: &str) -> (u16, bool, Value) {
    client.subscribe("$dps/registrations/res/#");
    let topic = "$dps/registrations/PUT/iotdps-register/?$rid=1";
    client.publish(topic, QoS::AtMostOnce, json!({"registrationId": id}).to_string());
    answer(client)
}

fn ask(client: &mut Client, operation: &Value) -> (u16, bool, Value) {
    let operation = operation["operationId"].as_str().unwrap();
    let topic = format!("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId={operation}");
    client.publish(&topic, QoS::AtMostOnce, "");
    answer(client)
}

fn answer(client: &mut Client) -> (u16, bool, Value) {
    let message = client.message();
    let rest = message.topic.strip_prefix("$dps/registrations/res/").unwrap();
    let (status, bag) = rest.split_once("/?$rid=1").unwrap();
    (
        status.parse().unwrap(),
        bag.starts_with("&retry-after="),
        serde_json::from_slice(&message.payload).unwrap(),
    )
}

/// The state of a registration that is assigned.
fn assigned(client: &mut Client, id: &str) -> Value {
    let (status, is_for_later, operation) = register(client, id);
    assert_eq!((status, is_for_later, &operation["status"]), (202, true, &json!("assigning")));
    let (status, is_for_later, body) = ask(client, &operation);
    assert_eq!((status, is_for_later, &body["status"]), (200, false, &json!("assigned")));
    assert_eq!(body["registrationState"]["deviceId"], id);
    body["registrationState"].clone()
}

fn device(id: &str, hub: &str, key: Option<&str>) -> Connect {
    let mut device = connect(id);
    let password = key.map_or_else(String::new, |key| token(key, &format!("{hub}/devices/{id}"), 60));
    device.set_login(format!("{hub}/{id}/?api-version=2021-04-12"), password);
    device
}

/// Rule 30.
#[test]
fn a_registration_is_assigned_to_the_hub_and_logs_in_there_with_the_same_key() {
    let standin = start(scope());
    for (id, key) in [("own", "b3du".to_owned()), ("press-9", derived("press-9"))] {
        let state = assigned(&mut with_key(&standin, id, &key).unwrap(), id);
        assert_eq!(state["assignedHub"], "localhost");
        assert!(Client::login_with(&standin, &mut device(id, "localhost", Some(&key))).is_ok());
    }
}

/// Rule 31.
#[test]
fn a_registration_with_a_certificate_logs_in_at_the_hub_with_the_same_one() {
    let plant = DeviceAuthority::new("plant").unwrap();
    let own = DeviceCertificate::self_signed("own", Now).unwrap();
    let scope = Scope {
        group_authority: Some(plant.pem()),
        thumbprints: [("own".to_owned(), own.thumbprint().to_owned())].into(),
        ..Scope::default()
    };
    let standin = start(scope);
    let of_group = plant.issue("press-9", Now).unwrap();
    for (id, certificate) in [("own", &own), ("press-9", &of_group)] {
        let state = assigned(&mut with_certificate(&standin, id, certificate).unwrap(), id);
        assert_eq!(state["assignedHub"], "localhost");
        let open = Client::try_open(&standin, &standin.ca_pem(), Some(certificate)).unwrap();
        assert!(open.connect(&mut device(id, "localhost", None)).is_ok(), "{id}");
        let other = plant.issue(id, Now).unwrap();
        let open = Client::try_open(&standin, &standin.ca_pem(), Some(&other)).unwrap();
        assert_eq!(open.connect(&mut device(id, "localhost", None)).err(), REFUSED, "{id}");
    }
}

/// Rules 30 and 31.
#[test]
fn a_registration_that_cannot_prove_itself_is_refused() {
    let plant = DeviceAuthority::new("plant").unwrap();
    let standin = start(Scope { group_authority: Some(plant.pem()), ..scope() });
    let stranger = DeviceAuthority::new("stranger").unwrap();
    assert_eq!(with_key(&standin, "press-9", "b3RoZXI=").err(), REFUSED, "another key");
    assert_eq!(with_key(&standin, "own", &derived("own")).err(), REFUSED, "its own enrolment is another");
    for certificate in [plant.issue("press-8", Now), stranger.issue("press-9", Now)] {
        assert_eq!(with_certificate(&standin, "press-9", &certificate.unwrap()).err(), REFUSED);
    }
}

/// Rule 32.
#[test]
fn a_registration_that_moves_is_refused_by_its_old_hub_and_let_in_by_the_new() {
    let standin = start(scope());
    let key = derived("press-9");
    assigned(&mut with_key(&standin, "press-9", &key).unwrap(), "press-9");
    standin.assign_to(SCOPE, "hub-2.example").unwrap();
    let state = assigned(&mut with_key(&standin, "press-9", &key).unwrap(), "press-9");
    assert_eq!(state["assignedHub"], "hub-2.example");
    let log_in = |hub| Client::login_with(&standin, &mut device("press-9", hub, Some(&key))).err();
    assert_eq!(log_in("localhost"), REFUSED);
    assert_eq!(log_in("hub-2.example"), None);
}

/// Rule 33, and what goes wrong on demand.
#[test]
fn a_registration_can_have_to_wait_and_can_be_refused() {
    let standin = start(scope());
    let set = |provisioning| standin.set_faults(Faults { provisioning, ..Faults::default() });
    let client = || with_key(&standin, "own", "b3du").unwrap();

    set(Provisioning::AfterAsks(2));
    let mut patient = client();
    let (_, _, operation) = register(&mut patient, "own");
    let said: Vec<_> = (0..3).map(|_| ask(&mut patient, &operation).2["status"].clone()).collect();
    assert_eq!(said, ["assigning", "assigning", "assigned"]);
    assert_eq!(ask(&mut patient, &json!({"operationId": "another"})).0, 404);

    for (status, is_for_later) in [(401, false), (404, false), (429, true), (503, true)] {
        set(Provisioning::Status(status));
        let (said, later, _) = register(&mut client(), "own");
        assert_eq!((said, later), (status, is_for_later));
    }
    for (mishap, name) in [(Provisioning::Failed, "failed"), (Provisioning::Disabled, "disabled")] {
        set(mishap);
        let mut refused = client();
        let (_, _, operation) = register(&mut refused, "own");
        let (status, _, body) = ask(&mut refused, &operation);
        assert_eq!((status, &body["registrationState"]["status"]), (200, &json!(name)));
    }
}
