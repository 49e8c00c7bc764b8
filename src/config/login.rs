//! How a station proves at its hub who it is: which secrets it takes for that, and who it is by them.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::{
    document::Document,
    secret::{Kind, Secret, SecretError},
    value::{Wrong, id, name, path, word},
};
use crate::hub::{
    Attestation, CertificateError, ClientCertificate, Enrolment, EnrolmentError, Identity, IdentityError,
    Key, KeyError, RegistrationId, host_name,
};

static CONNECTION_STRING: Kind = Kind {
    credential: "hub-connection-string",
    what: "the device's connection string",
    section: "hub",
    key: "connection_string_file",
    is_public: false,
};

static CERTIFICATE: Kind = Kind {
    credential: "hub-certificate",
    what: "the station's certificate",
    section: "hub",
    key: "certificate_file",
    is_public: true,
};

static PRIVATE_KEY: Kind = Kind {
    credential: "hub-private-key",
    what: "the certificate's private key",
    section: "hub",
    key: "private_key_file",
    is_public: false,
};

static DEVICE_KEY: Kind = Kind {
    credential: "hub-device-key",
    what: "the registration's key",
    section: "hub.provisioning",
    key: "device_key_file",
    is_public: false,
};

/// Who a station is at its hub, and where the proof is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    connection_string: Secret,
    certificate: Secret,
    private_key: Secret,
    provisioning: Option<Provisioning>,
}

/// A registration at the provisioning service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Provisioning {
    host: String,
    id_scope: String,
    registration: RegistrationId,
    by_certificate: bool,
    device_key: Secret,
    memory: PathBuf,
}

/// Why it is not known who the station is; no secret is repeated.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The text is no connection string of a device.
    #[error("{}: {fault}", path.display())]
    ConnectionString {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: IdentityError,
    },
    /// The certificate or its key cannot be used.
    #[error("{} and {}: {fault}", certificate.display(), key.display())]
    Certificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        fault: CertificateError,
    },
    /// The registration's key is none.
    #[error("{}: the registration's key {fault}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: KeyError,
    },
    /// The parts of an enrolment do not fit.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
}

impl Login {
    /// Reads the secrets that it takes.
    ///
    /// # Errors
    /// When one is not there, cannot be read, is open to other users or is not what it should be.
    pub fn read(&self) -> Result<Identity, LoginError> {
        if let Some(provisioning) = &self.provisioning {
            return self.enrolment(provisioning);
        }
        let (path, text) = self.connection_string.read()?;
        Identity::parse_with(&text, || self.certificate().map_err(Interim::Other)).map_err(
            |error| match error {
                Interim::Identity(fault) => LoginError::ConnectionString { path, fault },
                Interim::Other(error) => error,
            },
        )
    }

    /// The secret that no other station may have.
    pub(super) fn own(&self) -> &Secret {
        match &self.provisioning {
            Some(provisioning) if provisioning.by_certificate => &self.private_key,
            Some(provisioning) => &provisioning.device_key,
            None => &self.connection_string,
        }
    }

    fn certificate(&self) -> Result<ClientCertificate, LoginError> {
        let (certificate, chain) = self.certificate.read()?;
        let (key, key_text) = self.private_key.read()?;
        ClientCertificate::read(chain.as_bytes(), key_text.as_bytes())
            .map_err(|fault| LoginError::Certificate { certificate, key, fault })
    }

    fn enrolment(&self, provisioning: &Provisioning) -> Result<Identity, LoginError> {
        let Provisioning { host, id_scope, registration, by_certificate, device_key, memory } = provisioning;
        let attestation = if *by_certificate {
            Attestation::Certificate(Box::new(self.certificate()?))
        } else {
            let (path, text) = device_key.read()?;
            Attestation::Key(Key::parse(text.trim()).map_err(|fault| LoginError::Key { path, fault })?)
        };
        let (host, scope) = (host.clone(), id_scope.clone());
        Ok(Enrolment::new(host, scope, registration.clone(), attestation, memory.clone())?.into())
    }
}

/// While a connection string is read: its own fault, or one of what it asks for.
enum Interim {
    Identity(IdentityError),
    Other(LoginError),
}

impl From<IdentityError> for Interim {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

/// The login of the station `id`, whose file is in this folder; `outbox` is where it keeps its reports.
pub(super) fn read(document: &Document<'_>, folder: &Path, id: Option<&str>, outbox: &Path) -> Login {
    let section = document.section("hub");
    let secret = |kind, key| Secret::new(kind, section.optional(key, path(folder)), folder);
    Login {
        connection_string: secret(&CONNECTION_STRING, "connection_string_file"),
        certificate: secret(&CERTIFICATE, "certificate_file"),
        private_key: secret(&PRIVATE_KEY, "private_key_file"),
        provisioning: read_provisioning(document, folder, id, outbox),
    }
}

fn read_provisioning(
    document: &Document<'_>,
    folder: &Path,
    station: Option<&str>,
    outbox: &Path,
) -> Option<Provisioning> {
    let section = document.section("hub.provisioning");
    let id_scope = section.optional("id_scope", id);
    let named = section.optional("registration_id", registration);
    let host = section.or("global.azure-devices-provisioning.net".to_owned(), "host", machine);
    let by_certificate = section.or(false, "attestation", word(&[("key", false), ("certificate", true)]));
    let device_key = Secret::new(&DEVICE_KEY, section.optional("device_key_file", path(folder)), folder);
    if !section.is_written_key("id_scope") {
        let meant = by_certificate.then_some("attestation");
        for key in ["registration_id", "device_key_file"].into_iter().chain(meant) {
            section.refuse(key, "without an id_scope nothing is provisioned", "add id_scope, or remove this");
        }
    }
    let usual = station.and_then(|id| RegistrationId::parse(id).ok());
    if station.is_some() && usual.is_none() && !section.is_written_key("registration_id") {
        section.refuse("id_scope", "the station's id cannot be a registration id", "add registration_id");
    }
    Some(Provisioning {
        host,
        id_scope: id_scope?,
        registration: named.or(usual)?,
        by_certificate,
        device_key,
        memory: outbox.with_extension("hub.json"),
    })
}

fn registration(value: &DeValue<'_>) -> Result<RegistrationId, Wrong> {
    let remedy = "write the registration id of the station's enrolment";
    RegistrationId::parse(&name(value)?).map_err(|fault| Wrong::new(format!("this {fault}"), remedy))
}

/// The name or the address of a machine.
pub(super) fn machine(value: &DeValue<'_>) -> Result<String, Wrong> {
    let remedy = "write the name of a machine, as \"contoso.azure-devices.net\"";
    host_name(&name(value)?).map_err(|fault| Wrong::new(format!("this {fault}"), remedy))
}
