//! Who may connect: the devices file.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The `--devices` file, TOML.
///
/// ```toml
/// [devices.press-3]
/// key = "c2VjcmV0"            # base64
///
/// [provisioning.0ne00000001]  # an id scope
/// group_key = "Z3JvdXA="      # base64; any registration with a key derived from it
/// [provisioning.0ne00000001.registrations]
/// press-4 = "c2VjcmV0"        # an individual enrolment's key
/// ```
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceFile {
    /// By device id.
    pub devices: BTreeMap<String, DeviceEntry>,
    /// By id scope.
    pub provisioning: BTreeMap<String, Scope>,
}

/// One device.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEntry {
    /// Its primary key in base64.
    pub key: String,
    /// Whether it may connect.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// One instance of the provisioning service.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// The key of an enrolment group, in base64.
    pub group_key: Option<String>,
    /// Keys of individual enrolments by registration id, in base64.
    pub registrations: BTreeMap<String, String>,
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
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Where it cannot be read, holds an unknown key, or a key that is not base64.
    pub fn read(path: &Path) -> Result<Self, DeviceFileError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| DeviceFileError::Unreadable(name.clone(), error))?;
        let file: Self = toml::from_str(&text)
            .map_err(|error| DeviceFileError::Misfit(name.clone(), error.to_string()))?;
        let scopes = file.provisioning.values();
        let enrolled = scopes.flat_map(|it| it.registrations.values().chain(&it.group_key));
        for key in file.devices.values().map(|device| &device.key).chain(enrolled) {
            if STANDARD.decode(key).is_err() {
                return Err(DeviceFileError::Misfit(name, "a key is not base64".to_owned()));
            }
        }
        Ok(file)
    }
}

impl Scope {
    /// The key of a registration: its own, or the one derived from the group's (azure-docs, "How to use symmetric
    /// key attestation with enrollment groups": HMAC-SHA256 of the registration id with the group's key).
    pub(crate) fn key_of(&self, registration: &str) -> Option<Vec<u8>> {
        match self.registrations.get(registration) {
            Some(key) => STANDARD.decode(key).ok(),
            None => {
                let group = STANDARD.decode(self.group_key.as_ref()?).ok()?;
                crate::sas::mac(&group, registration.as_bytes())
            }
        }
    }
}
