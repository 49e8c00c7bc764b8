//! Who may connect: the devices file.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::credentials::Credentials;

/// The `--devices` file, TOML; README.md shows one. Certificates are file names beside it, or the PEM text itself.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceFile {
    /// The hub itself.
    pub hub: HubEntry,
    /// By device id.
    pub devices: BTreeMap<String, DeviceEntry>,
    /// By id scope.
    pub provisioning: BTreeMap<String, Scope>,
}

/// The hub.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubEntry {
    /// Names under which it is addressed besides `localhost` and `standin.azure-devices.net`.
    pub names: Vec<String>,
    /// Authorities of `ca_signed` devices, PEM.
    pub authorities: Vec<String>,
}

/// One device, which proves itself in exactly one of three ways.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEntry {
    /// By its key, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// By a certificate with one of these thumbprints (SHA-1 or SHA-256, hexadecimal).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbprints: Vec<String>,
    /// By a certificate with its id as common name, from one of the hub's authorities.
    #[serde(default)]
    pub ca_signed: bool,
    /// Whether it may connect.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// One instance of the provisioning service.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The key of an enrolment group, in base64; the key of a device is derived from it.
    pub group_key: Option<String>,
    /// The authority of an enrolment group, PEM.
    pub group_authority: Option<String>,
    /// Keys of individual enrolments by registration id, in base64.
    pub registrations: BTreeMap<String, String>,
    /// Thumbprints of individual enrolments by registration id.
    pub thumbprints: BTreeMap<String, String>,
    /// The hub that devices are assigned to; the stand-in's first name where nothing is said.
    pub hub: Option<String>,
}

/// Why a devices file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceFileError {
    /// It cannot be read.
    #[error("cannot read the devices file {0}: {1}")]
    Unreadable(String, std::io::Error),
    /// It is not as it must be.
    #[error("the devices file {0} cannot be used: {1}")]
    Misfit(String, String),
}

fn yes() -> bool {
    true
}

impl DeviceFile {
    /// Reads and checks a file, and takes in the certificates that it names.
    ///
    /// # Errors
    /// Where it cannot be read, holds an unknown key, a key that is not base64, a device with no way to prove itself or
    /// several, or names a certificate that cannot be read.
    pub fn read(path: &Path) -> Result<Self, DeviceFileError> {
        let name = path.display().to_string();
        let text =
            fs::read_to_string(path).map_err(|error| DeviceFileError::Unreadable(name.clone(), error))?;
        let mut file: Self = toml::from_str(&text)
            .map_err(|error| DeviceFileError::Misfit(name.clone(), error.to_string()))?;
        let beside = path.parent().unwrap_or(Path::new("."));
        file.take_in(beside)
            .and_then(|()| file.check())
            .map_err(|fault| DeviceFileError::Misfit(name, fault))?;
        Ok(file)
    }

    fn take_in(&mut self, beside: &Path) -> Result<(), String> {
        let groups = self.provisioning.values_mut().filter_map(|it| it.group_authority.as_mut());
        for pem in self.hub.authorities.iter_mut().chain(groups) {
            if !pem.starts_with("-----BEGIN") {
                let path = beside.join(&*pem);
                *pem = fs::read_to_string(&path)
                    .map_err(|error| format!("cannot read the certificate {}: {error}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Whether every entry can be used.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (id, device) in &self.devices {
            device.credentials(&[]).map_err(|fault| format!("device {id}: {fault}"))?;
        }
        let scopes = self.provisioning.values();
        for key in scopes.flat_map(|it| it.registrations.values().chain(&it.group_key)) {
            STANDARD.decode(key).map_err(|_| "a key is not base64")?;
        }
        Ok(())
    }
}

impl DeviceEntry {
    /// A device with a key (base64).
    pub(crate) fn with_key(key: String) -> Self {
        Self { key: Some(key), ..Self::nothing() }
    }

    /// A device with a certificate of this thumbprint.
    pub(crate) fn with_thumbprint(thumbprint: &str) -> Self {
        Self { thumbprints: vec![thumbprint.to_owned()], ..Self::nothing() }
    }

    /// A device with a certificate from the hub's authorities.
    pub(crate) fn ca_signed() -> Self {
        Self { ca_signed: true, ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self { key: None, thumbprints: Vec::new(), ca_signed: false, enabled: true }
    }

    pub(crate) fn credentials(&self, authorities: &[String]) -> Result<Credentials, String> {
        match (&self.key, self.thumbprints.is_empty(), self.ca_signed) {
            (Some(key), true, false) => {
                STANDARD.decode(key).map(Credentials::Key).map_err(|_| "a key is not base64".to_owned())
            }
            (None, false, false) => Ok(Credentials::Thumbprints(self.thumbprints.clone())),
            (None, true, true) => Ok(Credentials::Authorities(authorities.to_vec())),
            _ => Err("give one of `key`, `thumbprints` and `ca_signed`".to_owned()),
        }
    }
}

impl Scope {
    /// What a registration proves itself with: its own enrolment, or a group's. A group's key is derived (azure-docs,
    /// "How to use symmetric key attestation with enrollment groups": HMAC-SHA256 of the registration id with the
    /// group's key).
    pub(crate) fn credentials(&self, registration: &str, with_certificate: bool) -> Option<Credentials> {
        if let Some(key) = self.registrations.get(registration) {
            return STANDARD.decode(key).ok().map(Credentials::Key);
        }
        if let Some(thumbprint) = self.thumbprints.get(registration) {
            return Some(Credentials::Thumbprints(vec![thumbprint.clone()]));
        }
        match &self.group_authority {
            Some(pem) if with_certificate => Some(Credentials::Authorities(vec![pem.clone()])),
            _ => {
                let group = STANDARD.decode(self.group_key.as_ref()?).ok()?;
                crate::sas::mac(&group, registration.as_bytes()).map(Credentials::Key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_proves_itself_in_exactly_one_way() {
        for (entry, is_good) in [
            ("key = \"c2VjcmV0\"", true),
            ("thumbprints = [\"00\"]", true),
            ("ca_signed = true", true),
            ("enabled = true", false),
            ("key = \"c2VjcmV0\"\nca_signed = true", false),
            ("key = \"not base64!\"", false),
        ] {
            let file: DeviceFile = toml::from_str(&format!("[devices.a]\n{entry}")).unwrap();
            assert_eq!(file.check().is_ok(), is_good, "{entry}");
        }
    }
}
