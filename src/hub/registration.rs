//! The talk with the Device Provisioning Service over MQTT (azure-docs, iot-mqtt-connect-to-iot-dps.md): one login, one
//! question, and the same again until there is an answer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    assignment::Assignment,
    checklist::{Role, Seen},
    enrolment::Enrolment,
    fault::{HubFault, Peer},
    route::Route,
};

const API_VERSION: &str = "2019-03-31";

const ANSWERS: &str = "$dps/registrations/res/";

/// How long the service may take to find a hub; it allots one in seconds, or in a minute where it asks a function.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the password of one talk is good.
const PASSWORD_LIFE: Duration = Duration::from_secs(3600);

/// More words of the service than anybody reads.
const LONGEST_CAUSE: usize = 300;

/// The provisioning service, seen by one registration.
pub(super) struct Service {
    pub(super) port: u16,
    pub(super) route: Route,
    pub(super) enrolment: Enrolment,
}

/// What the service says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Assigned {
        hub: String,
        device: String,
    },
    /// Not yet; ask after this operation, or, without one, as at first.
    Wait {
        operation: Option<String>,
        pause: Duration,
    },
    /// The service is not well.
    Unavailable,
    /// No, in its words.
    Refused(String),
}

impl Service {
    /// Asks for the hub; connecting and logging in may take `limit` together.
    pub(super) async fn register(&self, limit: Duration) -> Result<Assignment, HubFault> {
        let peer = self.peer();
        let id = self.enrolment.registration.as_str();
        let dress = |options: &mut MqttOptions| self.dress(options);
        let (client, events) = self.route.log_in(&peer, id, 8, limit, dress).await?;
        let talk = self.talk(&peer, &client, events);
        timeout(PATIENCE, talk).await.unwrap_or_else(|_| {
            let cause = format!("it gave no answer within {} s", PATIENCE.as_secs());
            Err(self.unassigned(&peer, cause))
        })
    }

    async fn talk(
        &self,
        peer: &Peer,
        client: &AsyncClient,
        events: EventLoop,
    ) -> Result<Assignment, HubFault> {
        // A task of its own, because a dropped poll could lose half a packet; it ends with this set.
        let (sender, mut answers) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(events, sender));
        let gone = |_| peer.ended(Seen::default());
        client.try_subscribe(format!("{ANSWERS}#"), QoS::AtLeastOnce).map_err(gone)?;
        let mut request = 1;
        self.ask(client, request, None).map_err(gone)?;
        loop {
            let publish = match answers.recv().await {
                Some(Ok(publish)) => publish,
                Some(Err(error)) => return Err(peer.lost(&error, Seen::default())),
                None => return Err(peer.ended(Seen::default())),
            };
            let Some((about, answer)) = understood(&publish.topic, &publish.payload) else {
                return Err(HubFault::Foreign {
                    peer: peer.name(),
                    cause: "it gives an answer that no provisioning service gives".to_owned(),
                });
            };
            // An answer to a question before, come late.
            if about != request {
                continue;
            }
            match answer {
                Answer::Assigned { hub, device } => {
                    let _ = client.try_disconnect();
                    return Ok(Assignment::of(&self.enrolment, &hub, &device));
                }
                Answer::Wait { operation, pause } => {
                    sleep(pause).await;
                    request += 1;
                    self.ask(client, request, operation.as_deref()).map_err(gone)?;
                }
                Answer::Unavailable => return Err(HubFault::Unavailable { peer: peer.name() }),
                Answer::Refused(cause) => return Err(self.unassigned(peer, cause)),
            }
        }
    }

    fn ask(
        &self,
        client: &AsyncClient,
        request: u32,
        operation: Option<&str>,
    ) -> Result<(), rumqttc::ClientError> {
        match operation {
            None => {
                let body = json!({"registrationId": self.enrolment.registration.as_str()}).to_string();
                let topic = format!("$dps/registrations/PUT/iotdps-register/?$rid={request}");
                client.try_publish(topic, QoS::AtLeastOnce, false, body)
            }
            Some(operation) => {
                let topic = format!(
                    "$dps/registrations/GET/iotdps-get-operationstatus/?$rid={request}&operationId={operation}"
                );
                client.try_publish(topic, QoS::AtLeastOnce, false, "")
            }
        }
    }

    fn dress(&self, options: &mut MqttOptions) {
        let Enrolment { scope, registration, .. } = &self.enrolment;
        let id = registration.as_str();
        let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + PASSWORD_LIFE;
        options
            .set_credentials(
                format!("{scope}/registrations/{id}/api-version={API_VERSION}"),
                self.enrolment.password(until.as_secs()),
            )
            .set_clean_session(true)
            .set_keep_alive(Duration::from_secs(60));
    }

    fn peer(&self) -> Peer {
        let role = match self.enrolment.key() {
            Some(_) => Role::RegistrationWithKey,
            None => Role::RegistrationWithCertificate,
        };
        let (host, who) = (self.enrolment.service.clone(), self.enrolment.to_string());
        Peer { host, port: self.port, who, role }
    }

    fn unassigned(&self, peer: &Peer, cause: String) -> HubFault {
        HubFault::Unassigned { peer: peer.name(), who: self.enrolment.to_string(), cause }
    }
}

/// Hands on what is published until the connection ends.
async fn listen(mut events: EventLoop, answers: mpsc::Sender<Result<Publish, ConnectionError>>) {
    loop {
        let told = match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => Ok(publish),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        let is_over = told.is_err();
        if answers.send(told).await.is_err() || is_over {
            return;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    operation_id: Option<String>,
    status: Option<String>,
    registration_state: Option<State>,
    error_code: Option<u64>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    assigned_hub: Option<String>,
    device_id: Option<String>,
    error_code: Option<u64>,
    error_message: Option<String>,
}

/// To which request an answer belongs and what it says; `None` if it is none.
fn understood(topic: &str, payload: &[u8]) -> Option<(u32, Answer)> {
    let (status, query) = topic.strip_prefix(ANSWERS)?.split_once("/?")?;
    let status: u16 = status.parse().ok()?;
    let field = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let request = field("$rid")?.parse().ok()?;
    let pause = field("retry-after").and_then(|it| it.parse().ok()).unwrap_or(2).clamp(1, 60);
    let pause = Duration::from_secs(pause);
    let answer = match status {
        429 => Answer::Wait { operation: None, pause },
        500.. => Answer::Unavailable,
        200..300 => of_body(serde_json::from_slice(payload).ok()?, pause)?,
        _ => {
            let body: Option<Body> = serde_json::from_slice(payload).ok();
            let (code, message) = body.map_or((None, None), |it| (it.error_code, it.message));
            Answer::Refused(cause(&format!("status {status}"), code, message.as_deref()))
        }
    };
    Some((request, answer))
}

fn of_body(body: Body, pause: Duration) -> Option<Answer> {
    match body.status.as_deref()? {
        "assigned" => {
            let state = body.registration_state?;
            Some(Answer::Assigned { hub: state.assigned_hub?, device: state.device_id? })
        }
        "assigning" | "unassigned" => {
            Some(Answer::Wait { operation: Some(plain(&body.operation_id?)?), pause })
        }
        status => {
            let state = body.registration_state;
            let (code, message) = state.map_or((None, None), |it| (it.error_code, it.error_message));
            Some(Answer::Refused(cause(status, code, message.as_deref())))
        }
    }
}

/// An operation's id goes back in a topic.
fn plain(operation: &str) -> Option<String> {
    let fits = |it: char| it.is_ascii_alphanumeric() || "-._".contains(it);
    (operation.len() <= 256 && operation.chars().all(fits)).then(|| operation.to_owned())
}

fn cause(status: &str, code: Option<u64>, message: Option<&str>) -> String {
    let mut text = status.to_owned();
    if let Some(code) = code {
        text += &format!(", error {code}");
    }
    if let Some(message) = message {
        text += &format!(": {message}");
    }
    text.chars().filter(|it| !it.is_control()).take(LONGEST_CAUSE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(topic: &str, payload: &str) -> Option<(u32, Answer)> {
        super::understood(topic, payload.as_bytes())
    }

    #[test]
    fn the_answers_of_the_service_are_understood() {
        let wait = |operation: Option<&str>, seconds| Answer::Wait {
            operation: operation.map(str::to_owned),
            pause: Duration::from_secs(seconds),
        };
        let refused = |text: &str| Answer::Refused(text.to_owned());
        let assigned = r#"{"operationId":"4.5","status":"assigned","registrationState":{"registrationId":"press-3",
            "assignedHub":"h.example","deviceId":"press-3","status":"assigned","substatus":"initialAssignment"}}"#;
        let failed = r#"{"operationId":"4.5","status":"failed","registrationState":{"errorCode":400207,
            "errorMessage":"Custom allocation failed","status":"failed"}}"#;
        for (status, query, body, expected) in [
            (
                200,
                "",
                assigned,
                Answer::Assigned { hub: "h.example".to_owned(), device: "press-3".to_owned() },
            ),
            (202, "&retry-after=3", r#"{"operationId":"4.5","status":"assigning"}"#, wait(Some("4.5"), 3)),
            (200, "", r#"{"operationId":"4.5","status":"assigning"}"#, wait(Some("4.5"), 2)),
            (202, "&retry-after=99999", r#"{"operationId":"a","status":"unassigned"}"#, wait(Some("a"), 60)),
            (202, "&retry-after=0", r#"{"operationId":"a","status":"assigning"}"#, wait(Some("a"), 1)),
            (429, "&retry-after=5", "", wait(None, 5)),
            (503, "", "", Answer::Unavailable),
            (200, "", failed, refused("failed, error 400207: Custom allocation failed")),
            (200, "", r#"{"status":"disabled"}"#, refused("disabled")),
            (
                401,
                "",
                r#"{"errorCode":401002,"message":"no\nway"}"#,
                refused("status 401, error 401002: noway"),
            ),
            (404, "", "nonsense", refused("status 404")),
        ] {
            let topic = format!("$dps/registrations/res/{status}/?$rid=7{query}");
            assert_eq!(understood(&topic, body), Some((7, expected)), "{topic} {body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let assigning = r#"{"operationId":"a","status":"assigning"}"#;
        for (topic, body) in [
            ("", assigning),
            ("$dps/registrations/res/", assigning),
            ("$dps/registrations/res/200", assigning),
            ("$dps/registrations/res/ok/?$rid=1", assigning),
            ("$dps/registrations/res/200/?", assigning),
            ("$dps/registrations/res/200/?$rid=x", assigning),
            ("$dps/registrations/res/200/?$rid=1", ""),
            ("$dps/registrations/res/200/?$rid=1", "[]"),
            ("$dps/registrations/res/200/?$rid=1", r#"{"status":"assigned"}"#),
            ("$dps/registrations/res/200/?$rid=1", r#"{"status":"assigning"}"#),
            ("$dps/registrations/res/200/?$rid=1", r#"{"operationId":"a/#","status":"assigning"}"#),
            ("$dps/registrations/res/200/?$rid=1", r#"{"status":"assigned","registrationState":{}}"#),
        ] {
            assert_eq!(understood(topic, body), None, "{topic} {body}");
        }
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(10_000));
        let Some((_, Answer::Refused(cause))) = understood("$dps/registrations/res/400/?$rid=1", &long)
        else {
            panic!("it is refused")
        };
        assert_eq!(cause.len(), LONGEST_CAUSE);
    }
}
