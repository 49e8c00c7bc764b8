//! Who we are to the storage account: the function app's managed identity, or the account's key.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use hyper::Method;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Deserialize;
use sha2::Sha256;
use tokio::sync::Mutex;

use super::exchange::{Connections, Endpoint, Request};
use crate::settings::Secret;

/// The service's version, of which the documents were read.
const VERSION: &str = "2021-12-02";
/// A token is renewed so long before its end.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// What proves who we are.
#[derive(Debug)]
pub enum Credentials {
    /// The account's key, decoded: for emulators, and for accounts that allow it.
    Key(SecretBytes),
    /// The endpoint on this machine that gives tokens of the managed identity, and the word that it wants.
    Identity {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
    },
}

/// Bytes that show themselves to nobody.
pub struct SecretBytes(Vec<u8>);

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Credentials {
    /// The key where there is one, else the identity that the Functions host offers.
    ///
    /// # Errors
    /// When there is neither.
    pub fn find(
        key: Option<&Secret>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        if let Some(key) = key {
            let bytes = STANDARD.decode(key.reveal().trim()).map_err(|_| "MAILER_STATE_KEY is not base64")?;
            return Ok(Self::Key(SecretBytes(bytes)));
        }
        let (mut endpoint, mut header) = (None, None);
        for (name, value) in environment {
            match name.as_str() {
                "IDENTITY_ENDPOINT" => endpoint = Some(value),
                "IDENTITY_HEADER" => header = Some(Secret::new(value)),
                _ => {}
            }
        }
        match (endpoint, header) {
            (Some(endpoint), Some(header)) => Ok(Self::Identity { endpoint, header }),
            _ => {
                Err("there is no managed identity and no MAILER_STATE_KEY; give the function app an identity"
                    .into())
            }
        }
    }
}

/// Signs requests for one account.
#[derive(Debug)]
pub(super) struct Signer {
    account: String,
    credentials: Credentials,
    token: Mutex<Option<(Secret, Timestamp)>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Seconds since the epoch, as text or as a number.
    expires_on: serde_json::Value,
}

impl Signer {
    pub(super) fn new(account: String, credentials: Credentials) -> Self {
        Self { account, credentials, token: Mutex::new(None) }
    }

    pub(super) async fn sign(&self, request: &mut Request) -> Result<(), String> {
        let now = Timestamp::now();
        let date = now.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        request.headers.push(("x-ms-date", date));
        request.headers.push(("x-ms-version", VERSION.to_owned()));
        let authorization = match &self.credentials {
            Credentials::Key(key) => {
                let text = to_sign(&self.account, request);
                let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).map_err(|error| error.to_string())?;
                mac.update(text.as_bytes());
                format!("SharedKey {}:{}", self.account, STANDARD.encode(mac.finalize().into_bytes()))
            }
            Credentials::Identity { endpoint, header } => {
                format!("Bearer {}", self.token(endpoint, header, now).await?)
            }
        };
        request.headers.push(("authorization", authorization));
        Ok(())
    }

    /// Microsoft Learn, "How to use managed identities for App Service", REST endpoint reference.
    async fn token(&self, endpoint: &str, header: &Secret, now: Timestamp) -> Result<String, String> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = kept.as_ref()
            && until.duration_since(now) > EARLY
        {
            return Ok(token.reveal().to_owned());
        }
        let (endpoint, path) = Endpoint::parse(endpoint)?;
        let mut request = Request::new(Method::GET, path);
        request.query = vec![
            ("api-version", "2019-08-01".to_owned()),
            ("resource", "https://storage.azure.com/".to_owned()),
        ];
        request.headers.push(("x-identity-header", header.reveal().to_owned()));
        let answer = Connections::new(endpoint)?.exchange(&request).await?;
        if !answer.status.is_success() {
            return Err(format!("the managed identity got no token: {}", answer.status));
        }
        let answer: TokenAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| "the managed identity's answer holds no token".to_owned())?;
        let seconds = match &answer.expires_on {
            serde_json::Value::String(text) => text.parse().unwrap_or_default(),
            other => other.as_i64().unwrap_or_default(),
        };
        let until = Timestamp::from_second(seconds).unwrap_or(now);
        *kept = Some((Secret::new(answer.access_token.clone()), until));
        Ok(answer.access_token)
    }
}

/// Microsoft Learn, "Authorize with Shared Key": verb, eleven headers, `x-ms-` headers, resource.
fn to_sign(account: &str, request: &Request) -> String {
    let length = if request.body.is_empty() { String::new() } else { request.body.len().to_string() };
    let if_match = request.if_match.as_deref().unwrap_or_default();
    let if_none_match = request.if_none_match.as_deref().unwrap_or_default();
    let mut headers: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    headers.sort();
    let mut query: Vec<String> =
        request.query.iter().map(|(name, value)| format!("\n{name}:{value}")).collect();
    query.sort();
    format!(
        "{}\n\n\n{length}\n\n\n\n\n{if_match}\n{if_none_match}\n\n\n{}/{account}{}{}",
        request.method,
        headers.concat(),
        request.path,
        query.concat()
    )
}
