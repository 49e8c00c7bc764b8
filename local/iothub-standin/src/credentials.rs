//! What a device or a registration proves itself with: a key, or a certificate.

use std::time::{Duration, SystemTime};

use crate::{certificates::Certificate, sas};

/// What the service knows of somebody who may come in.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// A symmetric key: the password is a signature made with it.
    Key(Vec<u8>),
    /// Certificates by their thumbprints; nothing else of them counts.
    Thumbprints(Vec<String>),
    /// A certificate for its name from one of these authorities (PEM).
    Authorities(Vec<String>),
}

/// What a client shows.
pub(crate) struct Proof<'a> {
    pub(crate) password: &'a str,
    pub(crate) certificate: Option<&'a Certificate>,
}

/// A certificate has no end that would cut a connection; nor is a timer set for longer.
const LONG: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Credentials {
    /// As a hub names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "sas",
            Self::Thumbprints(_) | Self::Authorities(_) => "x509",
        }
    }

    /// Until when somebody with this name is let in to the resource, or why not.
    pub(crate) fn check(&self, name: &str, resource: &str, proof: &Proof<'_>) -> Result<SystemTime, String> {
        let now = SystemTime::now();
        let certificate = || proof.certificate.ok_or_else(|| format!("{name:?} showed no certificate"));
        match self {
            Self::Key(key) => {
                return sas::check(proof.password, resource, [key.as_slice()], now)
                    .map_err(|refusal| refusal.to_string());
            }
            Self::Thumbprints(known) => {
                let certificate = certificate()?;
                if !known.iter().any(|it| certificate.has_thumbprint(it)) {
                    return Err(format!("the certificate of {name:?} has another thumbprint"));
                }
            }
            Self::Authorities(authorities) => {
                let certificate = certificate()?;
                certificate.check_issued_by(authorities)?;
                check_name(name, certificate)?;
            }
        }
        Ok(now + LONG)
    }
}

/// Whether a certificate is for this device or registration id (azure-docs, iot-hub-x509ca-overview.md, and
/// iot-dps/concepts-x509-attestation.md).
pub(crate) fn check_name(name: &str, certificate: &Certificate) -> Result<(), String> {
    match certificate.common_name() {
        Some(common) if common == name => Ok(()),
        other => Err(format!("the certificate is for {:?}, not for {name:?}", other.unwrap_or_default())),
    }
}
