//! A device of a hub and how it proves that it is it: the device's connection string, read strictly.

use std::fmt;

use azure_iot_sdk::DeviceKeyTokenSource;
use percent_encoding::utf8_percent_encode;

use super::{
    key::{Key, KeyError},
    topic::RESERVED,
};

/// The longest device id that IoT Hub takes (iot-hub-devguide-identity-registry).
const LONGEST_DEVICE: usize = 128;

/// Besides letters and digits, what a device id may hold (iot-hub-devguide-identity-registry).
const DEVICE_SIGNS: &str = "-.%_*?!(),:=@$'";

/// A device of an IoT Hub and its proof. No secret is in any output, not even in `Debug`.
#[derive(Clone)]
pub(super) struct Device {
    host: String,
    gateway: Option<String>,
    id: String,
    pub(super) proof: Proof,
}

/// How a device proves that it is it.
#[derive(Clone)]
pub(super) enum Proof {
    /// It signs tokens.
    Key(DeviceKeyTokenSource),
    /// It shows a certificate in the TLS handshake.
    Certificate,
}

/// What is wrong with a connection string; no text of it is repeated but the names of its parts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A part is absent.
    #[error(
        "the connection string has no {0}; copy the device's primary connection string from the portal whole"
    )]
    Missing(&'static str),
    /// A part stands there twice.
    #[error("the connection string has {0} twice; keep one")]
    Doubled(&'static str),
    /// A part that no device's connection string has.
    #[error(
        "part {number} of the connection string is none of HostName, DeviceId, SharedAccessKey, x509 and \
             GatewayHostName; copy the device's primary connection string from the portal whole"
    )]
    Unknown {
        /// Which part, from 1.
        number: usize,
    },
    /// A part that shows that it is the wrong kind of connection string.
    #[error("the connection string has {part}: {remedy}")]
    Unsuitable {
        /// The part's name.
        part: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A part's value cannot be right.
    #[error("{part} of the connection string {fault}")]
    Malformed {
        /// The part's name.
        part: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The key is none.
    #[error("SharedAccessKey of the connection string {0}")]
    Key(#[from] KeyError),
    /// It says `x509=true`, and there is no certificate.
    #[error("the connection string says x509=true, and no certificate is given with it")]
    NoCertificate,
}

const HOST: &str = "HostName";
const DEVICE: &str = "DeviceId";
const KEY: &str = "SharedAccessKey";
const X509: &str = "x509";
const GATEWAY: &str = "GatewayHostName";

/// Parts of other connection strings of Azure, and what to tell their owner.
const UNSUITABLE: [(&str, &str); 4] = [
    ("SharedAccessKeyName", "that is the hub's own key, which opens every device; use the device's"),
    ("ModuleId", "module identities are not supported; use the device's"),
    ("SharedAccessSignature", "a ready-made token runs out; use the device's with its SharedAccessKey"),
    ("Endpoint", "that is the connection string of an Event Hub; use the device's"),
];

impl Device {
    /// Reads `HostName=…;DeviceId=…;SharedAccessKey=…`, or `…;x509=true` where the device shows a certificate, with
    /// `GatewayHostName=…` where the station reaches its hub through an edge gateway.
    ///
    /// # Errors
    /// When a part is missing, doubled, unknown or cannot be right.
    pub(super) fn parse(connection_string: &str) -> Result<Self, IdentityError> {
        let [mut host, mut device, mut key, mut x509, mut gateway] = [None; 5];
        for (index, part) in connection_string.trim().split(';').enumerate() {
            // Only the first `=`: keys end with it, and device ids may hold it.
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, slot) = match name {
                HOST => (HOST, &mut host),
                DEVICE => (DEVICE, &mut device),
                KEY => (KEY, &mut key),
                X509 => (X509, &mut x509),
                GATEWAY => (GATEWAY, &mut gateway),
                "" if part.is_empty() => continue,
                other => return Err(unknown(other, index + 1)),
            };
            if slot.replace(value).is_some() {
                return Err(IdentityError::Doubled(name));
            }
        }
        let host = host_name(host.ok_or(IdentityError::Missing(HOST))?).map_err(malformed(HOST))?;
        let id = device_id(device.ok_or(IdentityError::Missing(DEVICE))?).map_err(malformed(DEVICE))?;
        let gateway = gateway.map(host_name).transpose().map_err(malformed(GATEWAY))?;
        let proof = match (key, x509) {
            (Some(key), None) => Proof::with_key(&host, &id, &Key::parse(key)?)?,
            (None, Some(value)) if value.eq_ignore_ascii_case("true") => Proof::Certificate,
            (None, Some(_)) => return Err(malformed(X509)("must be true")),
            (Some(_), Some(_)) => {
                let remedy =
                    "a device has either a key or a certificate; remove one of SharedAccessKey and x509";
                return Err(IdentityError::Unsuitable { part: X509, remedy });
            }
            (None, None) => return Err(IdentityError::Missing(KEY)),
        };
        Ok(Self { host, gateway, id, proof })
    }

    /// The device that a registration was assigned to; with no key it shows a certificate.
    ///
    /// # Errors
    /// What cannot be right about it.
    pub(super) fn assigned(host: &str, id: &str, key: Option<&Key>) -> Result<Self, IdentityError> {
        let (host, id) = (
            host_name(host).map_err(malformed("assignedHub"))?,
            device_id(id).map_err(malformed("deviceId"))?,
        );
        let proof = key.map_or(Ok(Proof::Certificate), |key| Proof::with_key(&host, &id, key))?;
        Ok(Self { host, gateway: None, id, proof })
    }

    /// The hub's name, as `contoso.azure-devices.net`.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The machine to connect to: the gateway, or the hub itself.
    pub(super) fn peer(&self) -> &str {
        self.gateway.as_deref().unwrap_or(&self.host)
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Proof {
    /// The token source signs whatever it is given, so it gets what the hub will compare: the percent-encoded device id.
    fn with_key(host: &str, device: &str, key: &Key) -> Result<Self, IdentityError> {
        let device = utf8_percent_encode(device, RESERVED).to_string();
        DeviceKeyTokenSource::new(host, &device, &key.reveal())
            .map(Self::Key)
            .map_err(|_| malformed(KEY)("is not a usable key"))
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Device")
            .field("host", &self.host)
            .field("gateway", &self.gateway)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn unknown(name: &str, number: usize) -> IdentityError {
    let unsuitable = UNSUITABLE.iter().find(|(part, _)| *part == name);
    unsuitable.map_or(IdentityError::Unknown { number }, |&(part, remedy)| IdentityError::Unsuitable {
        part,
        remedy,
    })
}

fn malformed(part: &'static str) -> impl Fn(&'static str) -> IdentityError {
    move |fault| IdentityError::Malformed { part, fault }
}

/// A host name alone, or what is wrong with it.
///
/// # Errors
/// In words that follow the part's name.
pub fn host_name(value: &str) -> Result<String, &'static str> {
    if value.is_empty() {
        return Err("is empty");
    }
    if value.contains(['/', ':']) {
        return Err("must be a host name alone, without a scheme, a port or a path; the port is a setting");
    }
    let fits = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    if value.len() > 253 || !value.split('.').all(fits) {
        return Err("is not a host name");
    }
    Ok(value.to_owned())
}

fn device_id(value: &str) -> Result<String, &'static str> {
    if value.is_empty() {
        return Err("is empty");
    }
    if value.len() > LONGEST_DEVICE {
        return Err("is longer than the 128 characters that IoT Hub takes");
    }
    if !value.chars().all(|it| it.is_ascii_alphanumeric() || DEVICE_SIGNS.contains(it)) {
        return Err("holds a character that IoT Hub does not take in a device id");
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TEXT: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";

    fn parse(text: &str) -> Result<Device, IdentityError> {
        Device::parse(&text.replace("KEY", KEY_TEXT))
    }

    #[test]
    fn a_connection_string_of_the_portal_is_understood() {
        let device = parse("HostName=contoso.azure-devices.net;DeviceId=st-3;SharedAccessKey=KEY").unwrap();
        assert_eq!((device.host(), device.id()), ("contoso.azure-devices.net", "st-3"));
        assert_eq!(device.peer(), "contoso.azure-devices.net");
    }

    #[test]
    fn a_gateway_is_connected_to_in_place_of_the_hub() {
        let text = "SharedAccessKey=KEY;DeviceId=a=b@c;GatewayHostName=127.0.0.1;HostName=h.example;\n";
        let device = parse(text).unwrap();
        assert_eq!((device.peer(), device.host(), device.id()), ("127.0.0.1", "h.example", "a=b@c"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "no HostName"),
            ("HostName", "HostName of the connection string is empty"),
            ("HostName=h;SharedAccessKey=KEY", "no DeviceId"),
            ("HostName=h;DeviceId=x", "no SharedAccessKey"),
            ("HostName=h;HostName=h;DeviceId=x;SharedAccessKey=KEY", "HostName twice"),
            ("HostName=h;DeviceId=x;SharedAccessKey=KEY;Colour=red", "part 4"),
            ("hostname=h;DeviceId=x;SharedAccessKey=KEY", "part 1"),
            ("HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=KEY", "opens every device"),
            ("HostName=h;DeviceId=x;ModuleId=m;SharedAccessKey=KEY", "module identities"),
            ("HostName=https://h;DeviceId=x;SharedAccessKey=KEY", "without a scheme"),
            ("HostName=h:8883;DeviceId=x;SharedAccessKey=KEY", "the port is a setting"),
            ("HostName=h h;DeviceId=x;SharedAccessKey=KEY", "not a host name"),
            ("HostName=h..h;DeviceId=x;SharedAccessKey=KEY", "not a host name"),
            ("HostName=h;DeviceId=;SharedAccessKey=KEY", "DeviceId of the connection string is empty"),
            ("HostName=h;DeviceId=a/#;SharedAccessKey=KEY", "does not take"),
            ("HostName=h;DeviceId=a+b;SharedAccessKey=KEY", "does not take"),
            ("HostName=h;DeviceId=ä;SharedAccessKey=KEY", "does not take"),
            ("HostName=h;DeviceId=x;SharedAccessKey=", "SharedAccessKey of the connection string is empty"),
            ("HostName=h;DeviceId=x;x509=true;SharedAccessKey=KEY", "either a key or a certificate"),
            ("HostName=h;DeviceId=x;x509=yes", "x509 of the connection string must be true"),
            ("HostName=h;DeviceId=x;x509=true;x509=true", "x509 twice"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let long = format!("HostName=h;DeviceId={};SharedAccessKey=KEY", "x".repeat(129));
        assert!(parse(&long).unwrap_err().to_string().contains("128"));
    }

    #[test]
    fn no_error_and_no_debug_output_repeats_the_key() {
        for key in ["c2VjcmV0LXNlY3JldC1zZWNyZXQ", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=x", "c2VjcmV0 c2Vj"] {
            let error = Device::parse(&format!("HostName=h;DeviceId=x;SharedAccessKey={key}")).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
            assert!(error.to_string().contains("not base64"), "{error}");
        }
        // A forgotten name or semicolon puts the key where a name is expected.
        for text in
            [&format!("HostName=h;DeviceId=x;{KEY_TEXT}"), KEY_TEXT, &format!("HostName=h;{KEY_TEXT}=1")]
        {
            let error = Device::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
        }
        let device = parse("HostName=h;DeviceId=x;SharedAccessKey=KEY").unwrap();
        assert!(!format!("{device:?}").contains("c2Vj"));
    }
}
