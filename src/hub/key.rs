//! A symmetric key: what a device or a registration signs with. It is in no output, not even in `Debug`.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Longer keys are none of Azure's: its own have 32 or 64 bytes.
const LONGEST: usize = 1024;

/// A key of a device, a registration or a group of enrolments.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// Why a text is no key; nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// It is not base64.
    #[error("is not base64; it was probably cut off or changed when it was copied")]
    NotBase64,
    /// It is far too long.
    #[error("is longer than any key of Azure; copy the key alone")]
    TooLong,
}

impl Key {
    /// Reads a key in base64, as the portal shows it.
    ///
    /// # Errors
    /// When it is empty, no base64 or longer than 1 KiB.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::NotBase64)?;
        match bytes.len() {
            0 => Err(KeyError::Empty),
            length if length > LONGEST => Err(KeyError::TooLong),
            _ => Ok(Self(bytes)),
        }
    }

    /// The key of a registration in the group whose key this is (azure-docs, "How to use symmetric key attestation with
    /// enrollment groups").
    #[must_use]
    pub fn derive(&self, registration: &str) -> Self {
        Self(self.mac(registration))
    }

    /// The key in base64: a secret.
    #[must_use]
    pub fn reveal(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// The signature of a text, in base64.
    pub(super) fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.mac(text))
    }

    fn mac(&self, text: &str) -> Vec<u8> {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrations_key_is_derived_from_its_groups() {
        // The example of azure-docs, "How to use symmetric key attestation with enrollment groups".
        let group =
            "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
        let key = Key::parse(group).unwrap().derive("sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6");
        assert_eq!(key.reveal(), "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
    }

    #[test]
    fn what_is_no_key_is_told_and_never_shown() {
        for (text, expected) in [
            ("", "is empty"),
            ("c2Vj cmV0", "not base64"),
            ("c2VjcmV", "not base64"),
            (&*STANDARD.encode([7; 1025]), "longer than any key"),
        ] {
            let error = Key::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
        }
        assert_eq!(format!("{:?}", Key::parse("c2VjcmV0").unwrap()), "Key");
    }
}
