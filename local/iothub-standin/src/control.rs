//! The control address: what an owner of a hub does through Azure's APIs, over plain HTTP on loopback.
//!
//! | request | does |
//! |---|---|
//! | `GET /health` | 200 once devices can connect |
//! | `GET /devices/{id}/twin` | the twin as the device gets it |
//! | `PATCH /devices/{id}/twin` | merges the JSON object into the desired properties |
//! | `POST /devices/{id}/methods/{name}` | calls a direct method with the body as payload; the answer's status and payload as JSON |
//! | `POST /devices/{id}/c2d` | queues the body; properties from the query |
//! | `PUT /devices/{id}` | `{"enabled": false}` refuses the device and cuts it, `true` lets it in again |
//! | `DELETE /devices/{id}` | forgets the device and cuts it |
//! | `PATCH /provisioning/{scope}` | `{"hub": name}`: registrations are assigned to that hub from now on |
//! | `POST /authority` | takes another certificate authority; the answer is what clients must trust now, PEM |
//! | `POST /certificate` | shows another certificate: `"good"`, `"expired"`, `"not_yet_valid"`, `"other_name"` |
//! | `POST /faults` | sets all faults; `{}` mends everything |
//! | `GET /events` | the accepted messages |
//! | `GET /log` | why connections ended, the newest last |

use std::{net::TcpListener as StdListener, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    bag::Bag,
    faults::Faults,
    hub::{Hub, NotPossible},
    tls::{Identity, ServerCertificate},
};

/// A method that is not answered for so long is given up (the service's default responseTimeoutInSeconds).
const METHOD_TIME: Duration = Duration::from_secs(30);

pub(crate) async fn serve(hub: Arc<Hub>, identity: Arc<Identity>, listener: StdListener) {
    let routes = Router::new()
        .route("/health", get(health))
        .route("/events", get(events))
        .route("/log", get(log))
        .route("/faults", post(set_faults))
        .route("/devices/{id}/twin", get(twin).patch(desire))
        .route("/devices/{id}/methods/{name}", post(call))
        .route("/devices/{id}/c2d", post(send))
        .route("/devices/{id}", put(set_enabled).delete(remove))
        .route("/provisioning/{scope}", patch(assign))
        .with_state(hub)
        .merge(
            Router::new()
                .route("/authority", post(change_authority))
                .route("/certificate", post(show_certificate))
                .with_state(identity),
        );
    let served = match TcpListener::from_std(listener) {
        Ok(listener) => axum::serve(listener, routes).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        eprintln!("iothub-standin: the control address is gone: {error}");
    }
}

impl IntoResponse for NotPossible {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownDevice | Self::UnknownScope | Self::Offline => StatusCode::NOT_FOUND,
            Self::QueueFull => StatusCode::FORBIDDEN,
            Self::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
            Self::Refused(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

async fn health(State(hub): State<Arc<Hub>>) -> StatusCode {
    if hub.lock().is_listening { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn events(State(hub): State<Arc<Hub>>) -> Response {
    let events: Vec<_> = hub.lock().events.recent.iter().cloned().collect();
    Json(events).into_response()
}

async fn log(State(hub): State<Arc<Hub>>) -> Json<Vec<String>> {
    Json(hub.lock().log.iter().cloned().collect())
}

async fn set_faults(State(hub): State<Arc<Hub>>, Json(faults): Json<Faults>) -> StatusCode {
    hub.lock().faults = faults;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Admission {
    enabled: bool,
}

async fn set_enabled(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Json(wanted): Json<Admission>,
) -> Result<StatusCode, NotPossible> {
    hub.set_enabled(&id, wanted.enabled).map(|()| StatusCode::NO_CONTENT)
}

async fn remove(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Result<StatusCode, NotPossible> {
    hub.remove(&id).map(|()| StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignment {
    hub: String,
}

async fn assign(
    State(hub): State<Arc<Hub>>,
    Path(scope): Path<String>,
    Json(wanted): Json<Assignment>,
) -> Result<StatusCode, NotPossible> {
    hub.assign_to(&scope, &wanted.hub).map(|()| StatusCode::NO_CONTENT)
}

async fn change_authority(State(identity): State<Arc<Identity>>) -> Result<String, String> {
    identity.change_authority().map(|()| identity.pem())
}

async fn show_certificate(
    State(identity): State<Arc<Identity>>,
    Json(which): Json<ServerCertificate>,
) -> Result<StatusCode, String> {
    identity.show(which).map(|()| StatusCode::NO_CONTENT)
}

async fn twin(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Result<Json<Value>, NotPossible> {
    let known = hub.lock();
    known.devices.get(&id).map(|device| Json(device.twin.document())).ok_or(NotPossible::UnknownDevice)
}

async fn desire(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    Json(patch): Json<Map<String, Value>>,
) -> Result<Json<Value>, NotPossible> {
    Ok(Json(json!({"$version": hub.desire(&id, patch)?})))
}

async fn call(
    State(hub): State<Arc<Hub>>,
    Path((id, name)): Path<(String, String)>,
    payload: Bytes,
) -> Result<Json<Value>, NotPossible> {
    let answer = hub.call(&id, &name, payload.to_vec())?;
    match timeout(METHOD_TIME, answer).await {
        Ok(Ok(answer)) => {
            let payload: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
            Ok(Json(json!({"status": answer.status, "payload": payload})))
        }
        Ok(Err(_)) => Err(NotPossible::Offline),
        Err(_) => Err(NotPossible::NoAnswer),
    }
}

async fn send(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<StatusCode, Response> {
    let bag =
        Bag::parse(&query.unwrap_or_default()).ok_or_else(|| StatusCode::BAD_REQUEST.into_response())?;
    hub.send_to_device(&id, bag, body).map_err(IntoResponse::into_response)?;
    Ok(StatusCode::CREATED)
}
