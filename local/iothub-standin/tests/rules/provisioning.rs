//! The provisioning service (rule 30).

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use iothub_standin::{Builder, DeviceFile, Standin};
use rumqttc::{Connect, ConnectReturnCode, QoS};
use serde_json::Value;
use sha2::Sha256;

use crate::client::{Client, token};

const GROUP_KEY: &str = "Z3JvdXA=";

fn standin() -> Standin {
    let text = format!("[provisioning.0ne0001]\ngroup_key = \"{GROUP_KEY}\"\nregistrations.own = \"b3du\"\n");
    let file: DeviceFile = toml::from_str(&text).unwrap();
    Builder::new().devices(file).start().unwrap()
}

fn derived(registration: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(GROUP_KEY).unwrap()).unwrap();
    mac.update(registration.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn connect(id: &str, key: &str) -> Connect {
    let mut connect = Connect::new(id);
    connect.keep_alive = 60;
    let user = format!("0ne0001/registrations/{id}/api-version=2019-03-31&ClientVersion=test");
    connect.set_login(user, token(key, &format!("0ne0001/registrations/{id}"), 60));
    connect
}

#[test]
fn a_registration_is_assigned_to_the_hub_and_logs_in_there_with_the_same_key() {
    let standin = standin();
    for (id, key) in [("own", "b3du".to_owned()), ("press-9", derived("press-9"))] {
        let mut client = Client::login_with(&standin, &mut connect(id, &key)).unwrap();
        client.subscribe("$dps/registrations/res/#");
        let register = "$dps/registrations/PUT/iotdps-register/?$rid=1";
        client.publish(register, QoS::AtMostOnce, format!(r#"{{"registrationId":"{id}"}}"#));
        let assigning = client.message();
        assert!(
            assigning.topic.starts_with("$dps/registrations/res/202/?$rid=1&retry-after="),
            "{assigning:?}"
        );
        let assigning: Value = serde_json::from_slice(&assigning.payload).unwrap();
        let operation = assigning["operationId"].as_str().unwrap();
        let ask =
            format!("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}");
        client.publish(&ask, QoS::AtMostOnce, "");
        let assigned = client.message();
        assert_eq!(assigned.topic, "$dps/registrations/res/200/?$rid=2");
        let assigned: Value = serde_json::from_slice(&assigned.payload).unwrap();
        assert_eq!(assigned["status"], "assigned");
        assert_eq!(assigned["registrationState"]["deviceId"], id);
        let hub = assigned["registrationState"]["assignedHub"].as_str().unwrap();

        let mut device = Connect::new(id);
        let user = format!("{hub}/{id}/?api-version=2021-04-12");
        device.set_login(user, token(&key, &format!("{hub}/devices/{id}"), 60));
        assert!(Client::login_with(&standin, &mut device).is_ok());
    }
}

#[test]
fn a_registration_with_another_key_is_refused() {
    let refused = Client::login_with(&standin(), &mut connect("press-9", "b3RoZXI=")).err();
    assert_eq!(refused, Some(ConnectReturnCode::NotAuthorized));
}
