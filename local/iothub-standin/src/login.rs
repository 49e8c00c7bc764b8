//! CONNECT: who may come in.

use std::{sync::Arc, time::SystemTime};

use rumqttc::{Connect, ConnectReturnCode, LastWill, Protocol};

use crate::{
    bag::Bag,
    certificates::Certificate,
    credentials::Proof,
    events::Source,
    hub::{Hub, WirePacket},
    provisioning::{self, Registration},
    session::MAX_MESSAGE,
};

/// Who came in, and until when its token holds.
pub(crate) enum Admitted {
    Device(String, SystemTime),
    Registration(Registration, SystemTime),
}

pub(crate) struct Refused {
    pub(crate) code: ConnectReturnCode,
    pub(crate) reason: String,
}

/// Checks version, names, and password or certificate.
pub(crate) fn admit(
    hub: &Arc<Hub>,
    connect: &Connect,
    certificate: Option<&Certificate>,
) -> Result<Admitted, Refused> {
    if connect.protocol != Protocol::V4 {
        let reason = "the hub speaks MQTT 3.1.1 alone".to_owned();
        return Err(Refused { code: ConnectReturnCode::RefusedProtocolVersion, reason });
    }
    check(hub, connect, certificate)
        .map_err(|reason| Refused { code: ConnectReturnCode::NotAuthorized, reason })
}

fn check(hub: &Arc<Hub>, connect: &Connect, certificate: Option<&Certificate>) -> Result<Admitted, String> {
    let login = connect.login.as_ref().ok_or("no user name")?;
    let proof = Proof { password: &login.password, certificate };
    if let Some(registration) = provisioning::parse_user(&login.username) {
        if connect.client_id != registration.1 {
            return Err("the client id is not the registration id".to_owned());
        }
        let (registration, until) = Registration::open(Arc::clone(hub), registration, &proof)?;
        return Ok(Admitted::Registration(registration, until));
    }
    let (host, device) = parse_user(&login.username)
        .ok_or_else(|| format!("the user name {:?} is not host/device/?api-version=…", login.username))?;
    if connect.client_id != device {
        return Err(format!("the client id {:?} is not the device id {device:?}", connect.client_id));
    }
    if let Some(will) = &connect.last_will
        && will_bag(device, will).is_none()
    {
        return Err("the will is not for the device's own telemetry".to_owned());
    }
    let until = authenticate(hub, host, device, &proof)?;
    Ok(Admitted::Device(device.to_owned(), until))
}

/// Until when a device is let in.
fn authenticate(hub: &Hub, host: &str, id: &str, proof: &Proof<'_>) -> Result<SystemTime, String> {
    if !hub.names.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Err(format!("the user name is for the hub {host:?}, this one is {:?}", hub.names));
    }
    let (credentials, enabled, assigned) = {
        let known = hub.lock();
        let device = known.devices.get(id).ok_or_else(|| format!("no device {id:?}"))?;
        (device.credentials.clone(), device.enabled, device.assigned.clone())
    };
    if !enabled {
        return Err(format!("the device {id:?} is disabled"));
    }
    if let Some(assigned) = assigned.filter(|it| !it.eq_ignore_ascii_case(host)) {
        return Err(format!("the device {id:?} is assigned to {assigned:?}, not to {host:?}"));
    }
    credentials.check(id, &format!("{host}/devices/{id}"), proof)
}

/// `{host}/{device}/?api-version=…` (azure-docs, iot-mqtt-connect-to-iot-hub.md).
fn parse_user(user: &str) -> Option<(&str, &str)> {
    let (host, rest) = user.split_once('/')?;
    let (device, query) = rest.split_once("/?")?;
    let is_plain = !host.is_empty() && !device.is_empty() && !device.contains('/');
    (is_plain && query.split('&').any(|pair| pair.starts_with("api-version="))).then_some((host, device))
}

fn will_bag(device: &str, will: &LastWill) -> Option<Bag> {
    let rest = will.topic.strip_prefix(&format!("devices/{device}/messages/events"))?;
    let bag = if rest.is_empty() { Bag::default() } else { Bag::parse(rest.strip_prefix('/')?)? };
    (will.message.len() + bag.size() <= MAX_MESSAGE).then_some(bag)
}

/// A device that went without DISCONNECT leaves its will as telemetry.
pub(crate) fn publish_will(hub: &Hub, device: &str, will: &LastWill) {
    let Some(bag) = will_bag(device, will) else { return };
    hub.overhear(WirePacket {
        device: device.to_owned(),
        topic: will.topic.clone(),
        qos: will.qos as u8,
        payload: will.message.to_vec(),
    });
    // The device is gone: there is nobody to tell that the events file cannot be written.
    let _ = hub.accept(device, &bag, Source::Will, &will.message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_host_device_and_version() {
        assert_eq!(parse_user("hub.net/dev/?api-version=2021-04-12"), Some(("hub.net", "dev")));
        assert_eq!(parse_user("hub.net/dev/?DeviceClientType=a&api-version=1"), Some(("hub.net", "dev")));
        for other in [
            "",
            "hub.net",
            "hub.net/dev",
            "hub.net/dev/",
            "hub.net/dev/?",
            "/dev/?api-version=1",
            "h/d/m/?api-version=1",
        ] {
            assert_eq!(parse_user(other), None, "{other}");
        }
    }
}
