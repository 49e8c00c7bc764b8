//! Documents as blobs of a container in an Azure storage account, by the Blob service's REST interface.
//!
//! Microsoft Learn, "Blob service REST API": Get Blob, Put Blob, List Blobs, and "Specifying conditional headers":
//! `If-Match` and `If-None-Match: *` make a write fail with 412 or 409 where somebody else was quicker.

mod exchange;
mod credentials;

use hyper::{Method, StatusCode};

use super::document::{Expected, StoreError, Versioned, failed};
use crate::settings::Secret;
pub use credentials::Credentials;
use credentials::Signer;
use exchange::{Answer, Connections, Endpoint, Request};

/// A container.
#[derive(Debug)]
pub struct Blob {
    connections: Connections,
    signer: Signer,
    /// With slashes around: `/container/`, or `/account/container/` with an emulator.
    path: String,
}

/// The address or the credentials of a container cannot be right.
#[derive(Debug, thiserror::Error)]
#[error("MAILER_STATE: {0}")]
pub struct BlobError(String);

impl Blob {
    /// Prepares the way to `https://ACCOUNT.blob.core.windows.net/CONTAINER`; connects to nothing yet. An emulator's
    /// address, `http://127.0.0.1:PORT/ACCOUNT/CONTAINER`, is taken on loopback only.
    ///
    /// # Errors
    /// When the address is none, or there are no credentials for it.
    pub fn new(address: &str, key: Option<&Secret>) -> Result<Self, BlobError> {
        let (endpoint, path) = Endpoint::parse(address).map_err(BlobError)?;
        let mut parts = path.trim_matches('/').split('/');
        let account = if endpoint.tls {
            endpoint.host.split('.').next().unwrap_or_default().to_owned()
        } else {
            parts.next().unwrap_or_default().to_owned()
        };
        let rest: Vec<&str> = parts.collect();
        let [container] = rest.as_slice() else {
            return Err(BlobError(format!("{address:?} names no container; end it with /CONTAINER")));
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if account.is_empty() || container.len() < 3 || !container.chars().all(fits) {
            return Err(BlobError(format!("{address:?} is no address of an account and a container in it")));
        }
        let credentials = Credentials::find(key, std::env::vars()).map_err(BlobError)?;
        let connections = Connections::new(endpoint).map_err(BlobError)?;
        let path = format!("/{}/", path.trim_matches('/'));
        Ok(Self { connections, signer: Signer::new(account, credentials), path })
    }

    /// Makes the container where it is missing.
    ///
    /// # Errors
    /// When the storage cannot be reached or refuses us.
    pub async fn open(&self) -> Result<(), StoreError> {
        let mut request = Request::new(Method::PUT, self.path.trim_end_matches('/').to_owned());
        request.query = vec![("restype", "container".to_owned())];
        let answer = self.send(request, "opening", "the container").await?;
        match answer.status {
            StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
            // An identity may write blobs but make no container; then it must be there.
            StatusCode::FORBIDDEN => self.list("refused/").await.map(drop),
            _ => Err(refused("opening", "the container", &answer)),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        let answer = self.send(Request::new(Method::GET, self.at(key)), "reading", key).await?;
        match (answer.status, answer.header("etag")) {
            (StatusCode::OK, Some(version)) => Ok(Some(Versioned { version, bytes: answer.body })),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            _ => Err(refused("reading", key, &answer)),
        }
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        expected: Expected<'_>,
    ) -> Result<bool, StoreError> {
        let mut request = Request::new(Method::PUT, self.at(key));
        request.body = bytes;
        request.headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
        match expected {
            Expected::Absent => request.if_none_match = Some("*".to_owned()),
            Expected::Version(version) => request.if_match = Some(version.to_owned()),
            Expected::Anything => {}
        }
        let answer = self.send(request, "writing", key).await?;
        match answer.status {
            StatusCode::CREATED => Ok(true),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(false),
            _ => Err(refused("writing", key, &answer)),
        }
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let (mut all, mut marker) = (Vec::new(), String::new());
        loop {
            let mut request = Request::new(Method::GET, self.path.trim_end_matches('/').to_owned());
            let query = [("comp", "list"), ("prefix", prefix), ("restype", "container"), ("marker", &marker)];
            let given = query.iter().filter(|(_, value)| !value.is_empty());
            request.query = given.map(|(name, value)| (*name, (*value).to_owned())).collect();
            let answer = self.send(request, "listing", prefix).await?;
            if answer.status != StatusCode::OK {
                return Err(refused("listing", prefix, &answer));
            }
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            all.extend(listed(&text));
            match between(&text, "<NextMarker>", "</NextMarker>") {
                Some(next) if !next.is_empty() => marker = next.to_owned(),
                _ => return Ok(all),
            }
        }
    }

    /// Keys are made of letters, digits, `/`, `-` and `.` only, which need no encoding.
    fn at(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    async fn send(
        &self,
        mut request: Request,
        action: &'static str,
        key: &str,
    ) -> Result<Answer, StoreError> {
        let sent = async {
            self.signer.sign(&mut request).await?;
            self.connections.exchange(&request).await
        };
        sent.await.map_err(|reason| failed(action, &format!("{key} in {}", self.connections), &reason))
    }
}

/// Names and instants in the XML of a list. The names are ours and hold nothing that XML escapes.
fn listed(xml: &str) -> impl Iterator<Item = (String, i64)> {
    xml.split("<Blob>").skip(1).filter_map(|blob| {
        let name = between(blob, "<Name>", "</Name>")?;
        let written = between(blob, "<Last-Modified>", "</Last-Modified>")?;
        let written = jiff::fmt::rfc2822::parse(written).ok()?.timestamp().as_second();
        Some((name.to_owned(), written))
    })
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(behind).map(|(inner, _)| inner)
}

fn refused(action: &'static str, key: &str, answer: &Answer) -> StoreError {
    let code = answer.header("x-ms-error-code").unwrap_or_default();
    let remedy = match answer.status.as_u16() {
        401 | 403 => {
            "; give the app's identity the role Storage Blob Data Contributor, or check the key and the clock"
        }
        404 => "; the container is missing",
        _ => "",
    };
    failed(action, key, &format!("the storage account answered {} {code}{remedy}", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_from_its_xml() {
        let xml = "<Blobs><Blob><Name>stations/ab.json</Name><Properties><Last-Modified>Wed, 25 Nov 2026 01:00:00 GMT\
                   </Last-Modified></Properties></Blob><Blob><Name>x</Name></Blob></Blobs><NextMarker />";
        assert_eq!(listed(xml).collect::<Vec<_>>(), [("stations/ab.json".to_owned(), 1_795_568_400)]);
        assert_eq!(between(xml, "<NextMarker>", "</NextMarker>"), None);
    }

    #[test]
    fn only_addresses_of_a_container_are_taken() {
        let key = Secret::new("a2V5".to_owned());
        for good in
            ["https://plant.blob.core.windows.net/andon", "http://127.0.0.1:10000/devstoreaccount1/andon"]
        {
            assert!(Blob::new(good, Some(&key)).is_ok(), "{good}");
        }
        for bad in [
            "https://plant.blob.core.windows.net",
            "https://plant.blob.core.windows.net/a/b",
            "https://plant.blob.core.windows.net/UPPER",
            "http://plant.blob.core.windows.net/plant/andon",
            "http://127.0.0.1:10000/andon",
            "https://",
        ] {
            assert!(Blob::new(bad, Some(&key)).is_err(), "{bad}");
        }
    }
}
