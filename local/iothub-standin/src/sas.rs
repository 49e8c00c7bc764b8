//! Shared access signatures (azure-docs, "Control access to IoT Hub by using shared access signatures").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the password is no shared access signature")]
    NotASignature,
    #[error("the signature is for another resource")]
    OtherResource,
    #[error("the signature has expired")]
    Expired,
    #[error("the signature was made with another key")]
    OtherKey,
}

/// Checks a password for a resource (unencoded: `host/devices/id`) against any of the keys and says until when it is
/// good.
///
/// The string to sign is the resource as it stands in the token, a line feed, and the expiry.
pub(crate) fn check<'a>(
    password: &str,
    resource: &str,
    keys: impl IntoIterator<Item = &'a [u8]>,
    now: SystemTime,
) -> Result<SystemTime, Refusal> {
    let fields = password.strip_prefix("SharedAccessSignature ").ok_or(Refusal::NotASignature)?;
    let field = |name: &str| {
        let mut values = fields.split('&').filter_map(|field| field.split_once('='));
        values.find(|(key, _)| *key == name).map(|(_, value)| value).ok_or(Refusal::NotASignature)
    };
    let (sr, sig, se) = (field("sr")?, field("sig")?, field("se")?);
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    if !decode(sr).is_some_and(|named| named.eq_ignore_ascii_case(resource)) {
        return Err(Refusal::OtherResource);
    }
    let expiry = se.parse::<u64>().ok().and_then(|it| UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    let expiry = expiry.ok_or(Refusal::NotASignature)?;
    let signature = decode(sig).and_then(|text| STANDARD.decode(text).ok()).ok_or(Refusal::NotASignature)?;
    let signed = format!("{sr}\n{se}");
    let is_signed_with = |key: &[u8]| mac(key, signed.as_bytes()).is_some_and(|it| it == signature);
    if !keys.into_iter().any(is_signed_with) {
        return Err(Refusal::OtherKey);
    }
    if expiry <= now { Err(Refusal::Expired) } else { Ok(expiry) }
}

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    fn token(resource: &str, key: &[u8], se: u64) -> String {
        let sr = utf8_percent_encode(resource, NON_ALPHANUMERIC).to_string();
        let sig = STANDARD.encode(mac(key, format!("{sr}\n{se}").as_bytes()).unwrap());
        format!("SharedAccessSignature sr={sr}&sig={}&se={se}", utf8_percent_encode(&sig, NON_ALPHANUMERIC))
    }

    #[test]
    fn a_signature_holds_for_its_key_its_resource_and_its_time() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let good = token("hub/devices/dev1", b"key", 1000);
        let check = |token: &str, resource, key: &[u8], now| check(token, resource, [key], at(now));
        assert_eq!(check(&good, "hub/devices/dev1", b"key", 999), Ok(at(1000)));
        assert_eq!(check(&good, "hub/devices/dev1", b"key", 1000), Err(Refusal::Expired));
        assert_eq!(check(&good, "hub/devices/dev1", b"other", 999), Err(Refusal::OtherKey));
        assert_eq!(check(&good, "hub/devices/dev2", b"key", 999), Err(Refusal::OtherResource));
        for nonsense in ["", "SharedAccessSignature", "SharedAccessSignature sr=a&sig=b", "hunter2"] {
            assert_eq!(check(nonsense, "hub/devices/dev1", b"key", 0), Err(Refusal::NotASignature));
        }
    }
}
