//! One HTTP exchange with the handler, and what the host makes of the answer.
//!
//! Host source, `Workers/Http/DefaultHttpWorkerService.cs`.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use uuid::Uuid;

/// Largest answer that is read.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// What this driver calls itself in the headers of the host.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    #[error("the handler cannot be reached or hung up: {0}")]
    Unreachable(String),
    #[error("the handler answered with status {0}; only 2xx counts")]
    Refused(u16),
    #[error("the handler answered with what the host cannot read: {0}")]
    Unreadable(String),
    #[error("the invocation took longer than functionTimeout")]
    TooLong,
}

/// Asks for `/`: any HTTP answer means that the handler is ready.
pub(crate) async fn ping(port: u16) -> Result<(), InvocationError> {
    exchange(port, request(port, Method::GET, "/", Bytes::new())?).await.map(drop)
}

/// Posts a batch to a function and waits until the host would call it done.
///
/// It never returns on an answer that the host never completes: the caller's time-out ends it.
pub(crate) async fn invoke(port: u16, function: &str, body: Bytes) -> Result<(), InvocationError> {
    let answer = exchange(port, request(port, Method::POST, &format!("/{function}"), body)?).await?;
    if !answer.status().is_success() {
        return Err(InvocationError::Refused(answer.status().as_u16()));
    }
    match read_answer(answer.headers().get(header::CONTENT_TYPE), answer.body())? {
        Some(logs) => logs.iter().for_each(|line| tracing::info!(function, "{line}")),
        None => {
            tracing::error!(
                function,
                "the handler's answer is empty or null, which the host never completes"
            );
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}

fn request(
    port: u16,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, InvocationError> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, format!("Azure-Functions-Host/{VERSION}"))
        .header("X-Azure-Functions-HostVersion", VERSION)
        .header("X-Azure-Functions-InvocationId", Uuid::new_v4().to_string())
        .body(Full::new(body))
        .map_err(|error| InvocationError::Unreachable(error.to_string()))
}

async fn exchange(port: u16, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, InvocationError> {
    let unreachable = |error: &dyn std::error::Error| InvocationError::Unreachable(error.to_string());
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| unreachable(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    let talk = async {
        let (head, body) =
            sender.send_request(request).await.map_err(|error| unreachable(&error))?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| InvocationError::Unreadable(error.to_string()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // The connection must be driven for the exchange to go on; which of the two ends first does not matter.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = talk => answer,
        () = driven => Err(InvocationError::Unreachable("the connection ended".to_owned())),
    }
}

/// The answer's log lines, or `None` for an answer that stands for null.
///
/// Names are matched in any case, as Newtonsoft.Json does; `Outputs` and `ReturnValue` mean nothing to a function
/// without output bindings.
fn read_answer(
    kind: Option<&header::HeaderValue>,
    body: &[u8],
) -> Result<Option<Vec<String>>, InvocationError> {
    if body.is_empty() {
        return Ok(None);
    }
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("").split(';').next().unwrap_or("").trim();
    if !["application/json", "text/json"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(InvocationError::Unreadable(format!(
            "its content type is \"{kind}\", not application/json"
        )));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| InvocationError::Unreadable(error.to_string()))?;
    let Value::Object(fields) = answer else {
        return if answer.is_null() {
            Ok(None)
        } else {
            Err(InvocationError::Unreadable("it is JSON but no object".to_owned()))
        };
    };
    let logs = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("logs"));
    let Some((_, logs)) = logs else { return Ok(Some(Vec::new())) };
    serde_json::from_value::<Option<Vec<String>>>(logs)
        .map(|logs| Some(logs.unwrap_or_default()))
        .map_err(|_| InvocationError::Unreadable("Logs is no array of strings".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_the_host_reads_it() {
        let read = |kind: &'static str, body: &str| {
            read_answer(Some(&header::HeaderValue::from_static(kind)), body.as_bytes()).ok()
        };
        let json = "application/json";
        for (kind, body, wanted) in [
            (json, "{}", Some(Some(vec![]))),
            ("application/json; charset=utf-8", r#"{"Outputs":{},"ReturnValue":null}"#, Some(Some(vec![]))),
            (json, r#"{"logs":["a","b"]}"#, Some(Some(vec!["a".to_owned(), "b".to_owned()]))),
            (json, r#"{"Logs":null}"#, Some(Some(vec![]))),
            (json, "", Some(None)),
            ("text/plain", "", Some(None)),
            (json, "null", Some(None)),
            (json, "  \n", Some(None)),
            (json, r#"{"Logs":"a"}"#, None),
            (json, r#"{"Logs":[{"a":1}]}"#, None),
            (json, "[]", None),
            (json, "{", None),
            ("text/plain", "{}", None),
            ("", "{}", None),
        ] {
            assert_eq!(read(kind, body), wanted, "{kind}: {body}");
        }
    }
}
