//! What the Functions host speaks: readiness, invocations, and JSON in every answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::json;

use crate::handler::{Answer, Handler};
use crate::invocation::Invocation;

/// The largest body in bytes. host.json allows 32 events of at most 256 KiB; the worst byte, a NUL, becomes 7
/// bytes in the host's JSON (`\\u0000`), so that the largest batch has 56 MiB and its metadata. A batch that is
/// refused for its size would be lost with all its events, hence the room.
pub const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// The paths that the host calls. Each function is named by its folder.
pub fn router(handler: Arc<Handler>) -> Router {
    Router::new()
        .route("/", get(ready))
        .route("/DefectMailer", post(invoke))
        .route("/Clock", post(clock))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "there is only /, /DefectMailer and /Clock") })
        .method_not_allowed_fallback(|| async {
            failure(StatusCode::METHOD_NOT_ALLOWED, "use GET for / and POST for /DefectMailer and /Clock")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(handler)
}

async fn ready() -> Response {
    answer(StatusCode::OK, &[])
}

/// What the timer's invocation says is of no interest: the clock on the wall is ours.
async fn clock(State(handler): State<Arc<Handler>>) -> Response {
    let Answer { done, logs } = handler.look_at_the_clock(Timestamp::now()).await;
    answer(if done { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &logs)
}

async fn invoke(
    State(handler): State<Arc<Handler>>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return failure(error.status(), &error.body_text()),
    };
    let invocation = match Invocation::read(&body) {
        Ok(invocation) => invocation,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    drop(body);
    let Answer { done, logs } = handler.invoke(invocation, Timestamp::now()).await;
    answer(if done { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &logs)
}

fn failure(status: StatusCode, reason: &str) -> Response {
    tracing::warn!(status = status.as_u16(), "{reason}");
    answer(status, &[reason.to_owned()])
}

/// Never empty: the host would wait for ever.
fn answer(status: StatusCode, logs: &[String]) -> Response {
    let body = json!({ "Outputs": {}, "Logs": logs, "ReturnValue": null });
    (status, [(CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_batch_that_host_json_allows_fits() {
        let host: serde_json::Value = serde_json::from_str(include_str!("../host.json")).unwrap();
        let events =
            usize::try_from(host["extensions"]["eventHubs"]["maxEventBatchSize"].as_u64().unwrap()).unwrap();
        // A NUL in an event, as JSON text in JSON text.
        let worst = serde_json::to_string(&serde_json::to_string("\0").unwrap()).unwrap();
        let expansion = worst.len() - r#""\"\"""#.len();
        assert_eq!(expansion, 7, "{worst}");
        let metadata = events * 8 * 1024;
        assert!(events * 256 * 1024 * expansion + metadata <= LARGEST_BODY);
    }
}
