//! The Device Provisioning Service over MQTT (azure-docs, iot-mqtt-connect-to-iot-dps.md).

use std::{sync::Arc, time::SystemTime};

use rumqttc::{Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode};
use serde_json::json;

use crate::{
    bag::Bag,
    hub::Hub,
    sas,
    session::{Answer, Cut},
};

/// How long a device waits before it asks again, in seconds.
const RETRY_AFTER: u32 = 1;

/// A connection to the provisioning service.
pub(crate) struct Registration {
    hub: Arc<Hub>,
    scope: String,
    id: String,
    operation: Option<String>,
    is_subscribed: bool,
}

/// `{idScope}/registrations/{registrationId}/api-version=...`
pub(crate) fn parse_user(user: &str) -> Option<(&str, &str)> {
    let (scope, rest) = user.split_once("/registrations/")?;
    let (id, query) = rest.split_once('/')?;
    query.starts_with("api-version=").then_some((scope, id))
}

impl Registration {
    /// Checks the password of a registration; until when it holds.
    pub(crate) fn open(
        hub: Arc<Hub>,
        (scope, id): (&str, &str),
        password: &str,
    ) -> Result<(Self, SystemTime), String> {
        let key = hub.lock().scopes.get(scope).and_then(|it| it.key_of(id));
        let key = key.ok_or_else(|| format!("no enrolment for {id:?} in the id scope {scope:?}"))?;
        let resource = format!("{scope}/registrations/{id}");
        let until = sas::check(password, &resource, [key.as_slice()], SystemTime::now())
            .map_err(|refusal| refusal.to_string())?;
        let (scope, id) = (scope.to_owned(), id.to_owned());
        Ok((Self { hub, scope, id, operation: None, is_subscribed: false }, until))
    }

    /// Takes a packet of the device.
    pub(crate) fn packet(&mut self, packet: Packet) -> Result<Answer, Cut> {
        match packet {
            Packet::Subscribe(subscribe) => {
                if subscribe.filters.iter().any(|filter| filter.path != "$dps/registrations/res/#") {
                    return Err(Cut("a registration subscribes to its answers only".to_owned()));
                }
                self.is_subscribed = true;
                let codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); subscribe.filters.len()];
                Ok(Answer::of(Packet::SubAck(SubAck::new(subscribe.pkid, codes))))
            }
            Packet::Publish(publish) => self.publish(&publish),
            Packet::PingReq => Ok(Answer::of(Packet::PingResp)),
            Packet::PubAck(_) => Ok(Answer::default()),
            other => Err(Cut(format!("a registration does not send {other:?}"))),
        }
    }

    fn publish(&mut self, publish: &Publish) -> Result<Answer, Cut> {
        let puback = (publish.qos == QoS::AtLeastOnce).then(|| Packet::PubAck(PubAck::new(publish.pkid)));
        let (status, extra, body, bag) =
            if let Some(bag) = publish.topic.strip_prefix("$dps/registrations/PUT/iotdps-register/?") {
                let asked: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap_or_default();
                if asked.get("registrationId").and_then(serde_json::Value::as_str) != Some(&self.id) {
                    return Err(Cut("the body names another registration".to_owned()));
                }
                let operation = uuid::Uuid::now_v7().to_string();
                let body = json!({"operationId": operation, "status": "assigning"});
                self.operation = Some(operation);
                (202, format!("&retry-after={RETRY_AFTER}"), body, bag)
            } else if let Some(bag) =
                publish.topic.strip_prefix("$dps/registrations/GET/iotdps-get-operationstatus/?")
            {
                let operation = Bag::parse(bag).and_then(|bag| bag.get("operationId").map(str::to_owned));
                if operation.is_none() || operation != self.operation {
                    (404, String::new(), json!({"errorCode": 404201}), bag)
                } else {
                    (200, String::new(), self.assign(), bag)
                }
            } else {
                return Err(Cut(format!("a registration must not publish to {:?}", publish.topic)));
            };
        let request = Bag::parse(bag).and_then(|bag| bag.get("$rid").map(str::to_owned)).unwrap_or_default();
        let topic = format!("$dps/registrations/res/{status}/?$rid={request}{extra}");
        let answer = Publish::new(topic, QoS::AtMostOnce, body.to_string());
        let answer = self.is_subscribed.then_some(Packet::Publish(answer));
        Ok(Answer { packets: puback.into_iter().chain(answer).collect(), later: None })
    }

    /// Makes the device known to the hub under its registration's name and key.
    fn assign(&self) -> serde_json::Value {
        let key = self.hub.lock().scopes.get(&self.scope).and_then(|it| it.key_of(&self.id));
        self.hub.add(&self.id, key.unwrap_or_default(), true);
        let hub = self.hub.names.first().cloned().unwrap_or_default();
        json!({
            "operationId": self.operation,
            "status": "assigned",
            "registrationState": {
                "registrationId": self.id,
                "assignedHub": hub,
                "deviceId": self.id,
                "status": "assigned",
                "substatus": "initialAssignment",
            },
        })
    }
}
