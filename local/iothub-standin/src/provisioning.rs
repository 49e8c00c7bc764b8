//! The Device Provisioning Service over MQTT (azure-docs, iot-mqtt-connect-to-iot-dps.md).

use std::{sync::Arc, time::SystemTime};

use rumqttc::{Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode};
use serde_json::{Value, json};

use crate::{
    bag::Bag,
    credentials::{Credentials, Proof, check_name},
    faults::Provisioning,
    hub::Hub,
    session::{Answer, Cut},
};

/// How long a device waits before it asks again, in seconds.
const RETRY_AFTER: u32 = 1;

/// A connection to the provisioning service.
pub(crate) struct Registration {
    hub: Arc<Hub>,
    scope: String,
    id: String,
    /// What the device will prove itself with to the hub.
    credentials: Credentials,
    operation: Option<String>,
    asks: u32,
    is_subscribed: bool,
}

/// `{idScope}/registrations/{registrationId}/api-version=...`
pub(crate) fn parse_user(user: &str) -> Option<(&str, &str)> {
    let (scope, rest) = user.split_once("/registrations/")?;
    let (id, query) = rest.split_once('/')?;
    query.starts_with("api-version=").then_some((scope, id))
}

impl Registration {
    /// Checks the password or certificate of a registration; until when it holds.
    pub(crate) fn open(
        hub: Arc<Hub>,
        (scope, id): (&str, &str),
        proof: &Proof<'_>,
    ) -> Result<(Self, SystemTime), String> {
        let with_certificate = proof.certificate.is_some();
        let enrolment = hub.lock().scopes.get(scope).and_then(|it| it.credentials(id, with_certificate));
        let enrolment =
            enrolment.ok_or_else(|| format!("no enrolment for {id:?} in the id scope {scope:?}"))?;
        let until = enrolment.check(id, &format!("{scope}/registrations/{id}"), proof)?;
        let credentials = match (enrolment, proof.certificate) {
            (key @ Credentials::Key(_), _) | (key, None) => key,
            // The device is known to its hub by the certificate that it had here (azure-docs, iot-dps/
            // how-to-roll-certificates.md).
            (_, Some(certificate)) => {
                check_name(id, certificate)?;
                Credentials::Thumbprints(certificate.thumbprint().into_iter().collect())
            }
        };
        let (scope, id) = (scope.to_owned(), id.to_owned());
        Ok((Self { hub, scope, id, credentials, operation: None, asks: 0, is_subscribed: false }, until))
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
        let (reply, bag) =
            if let Some(bag) = publish.topic.strip_prefix("$dps/registrations/PUT/iotdps-register/?") {
                (self.register(&publish.payload)?, bag)
            } else if let Some(bag) =
                publish.topic.strip_prefix("$dps/registrations/GET/iotdps-get-operationstatus/?")
            {
                (self.status(bag), bag)
            } else {
                return Err(Cut(format!("a registration must not publish to {:?}", publish.topic)));
            };
        let request = Bag::parse(bag).and_then(|bag| bag.get("$rid").map(str::to_owned)).unwrap_or_default();
        let answer = reply.filter(|_| self.is_subscribed).map(|Reply { status, body, is_for_later }| {
            let later = if is_for_later { format!("&retry-after={RETRY_AFTER}") } else { String::new() };
            let topic = format!("$dps/registrations/res/{status}/?$rid={request}{later}");
            Packet::Publish(Publish::new(topic, QoS::AtMostOnce, body.to_string()))
        });
        Ok(Answer { packets: puback.into_iter().chain(answer).collect(), later: None })
    }

    fn register(&mut self, payload: &[u8]) -> Result<Option<Reply>, Cut> {
        let asked: Value = serde_json::from_slice(payload).unwrap_or_default();
        if asked.get("registrationId").and_then(Value::as_str) != Some(&self.id) {
            return Err(Cut("the body names another registration".to_owned()));
        }
        let mishap = self.hub.lock().faults.provisioning;
        Ok(match mishap {
            Provisioning::Silent => None,
            Provisioning::Status(status) => Some(Reply::error(status)),
            _ => {
                self.operation = Some(uuid::Uuid::now_v7().to_string());
                self.asks = 0;
                Some(self.assigning())
            }
        })
    }

    fn status(&mut self, bag: &str) -> Option<Reply> {
        let operation = Bag::parse(bag).and_then(|bag| bag.get("operationId").map(str::to_owned));
        if operation.is_none() || operation != self.operation {
            return Some(Reply::error(404));
        }
        self.asks = self.asks.saturating_add(1);
        let mishap = self.hub.lock().faults.provisioning;
        match mishap {
            Provisioning::Silent => None,
            Provisioning::Status(status) => Some(Reply::error(status)),
            Provisioning::AfterAsks(asks) if self.asks <= asks => Some(self.assigning()),
            Provisioning::Failed => {
                Some(self.ended(
                    "failed",
                    json!({"errorCode": 400_207, "errorMessage": "custom allocation failed"}),
                ))
            }
            Provisioning::Disabled => Some(self.ended("disabled", json!({}))),
            Provisioning::Prompt | Provisioning::AfterAsks(_) => {
                let hub = self.assign();
                let state =
                    json!({"assignedHub": hub, "deviceId": self.id, "substatus": "initialAssignment"});
                Some(self.ended("assigned", state))
            }
        }
    }

    fn assigning(&self) -> Reply {
        let body = json!({"operationId": self.operation, "status": "assigning"});
        Reply { status: 202, body, is_for_later: true }
    }

    fn ended(&self, status: &str, mut state: Value) -> Reply {
        state["registrationId"] = json!(self.id);
        state["status"] = json!(status);
        let body = json!({"operationId": self.operation, "status": status, "registrationState": state});
        Reply { status: 200, body, is_for_later: false }
    }

    /// Makes the device known to its hub under the registration's name, and says which hub that is.
    fn assign(&self) -> String {
        let assigned = self.hub.lock().scopes.get(&self.scope).and_then(|it| it.hub.clone());
        let assigned = assigned.or_else(|| self.hub.names.first().cloned()).unwrap_or_default();
        self.hub.assign(&self.id, self.credentials.clone(), &assigned);
        assigned
    }
}

/// What the service answers.
struct Reply {
    status: u16,
    body: Value,
    /// Whether to say how long to wait before asking again.
    is_for_later: bool,
}

impl Reply {
    fn error(status: u16) -> Self {
        let body = json!({"errorCode": u32::from(status) * 1000 + 1, "message": "refused"});
        Self { status, body, is_for_later: status == 202 || status >= 429 }
    }
}
