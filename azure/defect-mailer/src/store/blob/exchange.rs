//! HTTP over kept connections, with TLS but on loopback; each exchange has a time limit.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, StatusCode, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For one exchange, connecting included.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that are kept for later.
const KEPT: usize = 16;
/// A desk of a large plant has some megabytes, a page of a list of 5,000 names two.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) tls: bool,
    pub(super) host: String,
    port: u16,
}

/// A request before it is sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: header::HeaderMap,
    pub(super) body: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connections to one endpoint.
pub(super) struct Connections {
    endpoint: Endpoint,
    tls: Option<tokio_native_tls::TlsConnector>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Endpoint {
    /// The endpoint and the path of an address.
    pub(super) fn parse(address: &str) -> Result<(Self, String), String> {
        let wrong = || format!("{address:?} is no address like https://host/path");
        let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
            None => (authority, None),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if host.is_empty() || !host.chars().all(fits) || path.contains(['?', '#', ' ']) {
            return Err(wrong());
        }
        let tls = match scheme {
            "https" => true,
            // Identities' tokens come from link-local addresses, emulators listen on loopback.
            "http" if is_here(host) => false,
            "http" => return Err(format!("{address:?} is not this machine: use https")),
            _ => return Err(wrong()),
        };
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok((Self { tls, host: host.to_owned(), port }, format!("/{path}")))
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback() || address.is_link_local())
}

impl Request {
    pub(super) fn new(method: Method, path: String) -> Self {
        let (query, headers, body) = (Vec::new(), Vec::new(), Vec::new());
        Self { method, path, query, headers, if_match: None, if_none_match: None, body }
    }

    fn to_http(&self, host: &str) -> Result<hyper::Request<Full<Bytes>>, String> {
        let encoded = |(name, value): &(&str, String)| {
            format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
        };
        let query: Vec<String> = self.query.iter().map(encoded).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let uri = format!("{}{mark}{}", self.path, query.join("&"));
        let mut request = hyper::Request::builder().method(&self.method).uri(uri).header(header::HOST, host);
        // A PUT without a body must say so.
        if self.body.is_empty() && self.method == Method::PUT {
            request = request.header(header::CONTENT_LENGTH, 0);
        }
        let conditions = [(header::IF_MATCH, &self.if_match), (header::IF_NONE_MATCH, &self.if_none_match)];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(Bytes::from(self.body.clone()))).map_err(|error| error.to_string())
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }
}

impl Connections {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, String> {
        let tls = if endpoint.tls {
            let connector = native_tls::TlsConnector::new().map_err(|error| error.to_string())?;
            Some(tokio_native_tls::TlsConnector::from(connector))
        } else {
            None
        };
        Ok(Self { endpoint, tls, idle: Mutex::default() })
    }

    /// Sends a request. One that meets a kept connection's end is sent again on a new one: what we write carries
    /// a condition, so that its second coming changes nothing.
    pub(super) async fn exchange(&self, request: &Request) -> Result<Answer, String> {
        let exchanged = async {
            while let Some(mut kept) = self.take() {
                if kept.ready().await.is_ok()
                    && let Ok(answer) = self.exchange_on(kept, request).await
                {
                    return Ok(answer);
                }
            }
            let fresh = self.connect().await?;
            self.exchange_on(fresh, request).await
        };
        timeout(PATIENCE, exchanged)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn exchange_on(
        &self,
        mut connection: SendRequest<Full<Bytes>>,
        request: &Request,
    ) -> Result<Answer, String> {
        let http = request.to_http(&self.authority())?;
        let (head, body) =
            connection.send_request(http).await.map_err(|error| error.to_string())?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|error| error.to_string())?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT && !connection.is_closed() {
            idle.push(connection);
        }
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes().to_vec() })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let tcp = TcpStream::connect((self.endpoint.host.as_str(), self.endpoint.port)).await;
        let tcp = tcp.map_err(|error| format!("it cannot be reached: {error}"))?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => Box::new(
                tls.connect(&self.endpoint.host, tcp)
                    .await
                    .map_err(|error| format!("no trusted encryption: {error}"))?,
            ),
        };
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        // It ends with the sender, or with the server.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn authority(&self) -> String {
        match (self.endpoint.tls, self.endpoint.port) {
            (true, 443) | (false, 80) => self.endpoint.host.clone(),
            (_, port) => format!("{}:{port}", self.endpoint.host),
        }
    }
}

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
