//! Who the station is at its hub: the device's connection string, read strictly.

use std::fmt;

use azure_iot_sdk::DeviceKeyTokenSource;
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::utf8_percent_encode;

use super::topic::RESERVED;

/// The longest device id that IoT Hub takes (iot-hub-devguide-identity-registry).
const LONGEST_DEVICE: usize = 128;

/// Besides letters and digits, what a device id may hold (iot-hub-devguide-identity-registry).
const DEVICE_SIGNS: &str = "-.%_*?!(),:=@$'";

/// A device of an IoT Hub and its key. The key is in no output, not even in `Debug`.
#[derive(Clone)]
pub struct Identity {
    host: String,
    gateway: Option<String>,
    device: String,
    pub(super) source: DeviceKeyTokenSource,
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
    /// A part that no device's connection string with a key has.
    #[error(
        "part {number} of the connection string is none of HostName, DeviceId, SharedAccessKey and \
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
}

const HOST: &str = "HostName";
const DEVICE: &str = "DeviceId";
const KEY: &str = "SharedAccessKey";
const GATEWAY: &str = "GatewayHostName";

/// Parts of other connection strings of Azure, and what to tell their owner.
const UNSUITABLE: [(&str, &str); 5] = [
    ("SharedAccessKeyName", "that is the hub's own key, which opens every device; use the device's"),
    ("ModuleId", "module identities are not supported; use the device's"),
    ("x509", "certificates are not supported; register the device with a symmetric key"),
    ("SharedAccessSignature", "a ready-made token runs out; use the device's with its SharedAccessKey"),
    ("Endpoint", "that is the connection string of an Event Hub; use the device's"),
];

impl Identity {
    /// Reads `HostName=…;DeviceId=…;SharedAccessKey=…`, with `GatewayHostName=…` where the station reaches its hub
    /// through an edge gateway.
    ///
    /// # Errors
    /// When a part is missing, doubled, unknown or cannot be right.
    pub fn parse(connection_string: &str) -> Result<Self, IdentityError> {
        let [mut host, mut device, mut key, mut gateway] = [None; 4];
        for (index, part) in connection_string.trim().split(';').enumerate() {
            // Only the first `=`: keys end with it, and device ids may hold it.
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, slot) = match name {
                HOST => (HOST, &mut host),
                DEVICE => (DEVICE, &mut device),
                KEY => (KEY, &mut key),
                GATEWAY => (GATEWAY, &mut gateway),
                "" if part.is_empty() => continue,
                other => return Err(unknown(other, index + 1)),
            };
            if slot.replace(value).is_some() {
                return Err(IdentityError::Doubled(name));
            }
        }
        let host = host_name(HOST, host.ok_or(IdentityError::Missing(HOST))?)?;
        let device = device_id(device.ok_or(IdentityError::Missing(DEVICE))?)?;
        let key = key.ok_or(IdentityError::Missing(KEY))?;
        let gateway = gateway.map(|value| host_name(GATEWAY, value)).transpose()?;
        let source = token_source(&host, &device, key)?;
        Ok(Self { host, gateway, device, source })
    }

    /// The hub's name, as `contoso.azure-devices.net`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The machine to connect to: the gateway, or the hub itself.
    #[must_use]
    pub fn peer(&self) -> &str {
        self.gateway.as_deref().unwrap_or(&self.host)
    }

    /// The device's id.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("host", &self.host)
            .field("gateway", &self.gateway)
            .field("device", &self.device)
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

fn host_name(part: &'static str, value: &str) -> Result<String, IdentityError> {
    let malformed = |fault| Err(IdentityError::Malformed { part, fault });
    if value.is_empty() {
        return malformed("is empty");
    }
    if value.contains(['/', ':']) {
        return malformed(
            "must be a host name alone, without a scheme, a port or a path; the port is a setting",
        );
    }
    let fits = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    if value.len() > 253 || !value.split('.').all(fits) {
        return malformed("is not a host name");
    }
    Ok(value.to_owned())
}

fn device_id(value: &str) -> Result<String, IdentityError> {
    let malformed = |fault| Err(IdentityError::Malformed { part: DEVICE, fault });
    if value.is_empty() {
        return malformed("is empty");
    }
    if value.len() > LONGEST_DEVICE {
        return malformed("is longer than the 128 characters that IoT Hub takes");
    }
    if !value.chars().all(|it| it.is_ascii_alphanumeric() || DEVICE_SIGNS.contains(it)) {
        return malformed("holds a character that IoT Hub does not take in a device id");
    }
    Ok(value.to_owned())
}

/// The token source signs whatever it is given, so it gets what the hub will compare: the percent-encoded device id.
fn token_source(host: &str, device: &str, key: &str) -> Result<DeviceKeyTokenSource, IdentityError> {
    let malformed = |fault| IdentityError::Malformed { part: KEY, fault };
    match STANDARD.decode(key) {
        Ok(bytes) if bytes.is_empty() => return Err(malformed("is empty")),
        Ok(_) => {}
        Err(_) => {
            return Err(malformed("is not base64; it was probably cut off or changed when it was copied"));
        }
    }
    let device = utf8_percent_encode(device, RESERVED).to_string();
    DeviceKeyTokenSource::new(host, &device, key).map_err(|_| malformed("is not a usable key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TEXT: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";

    fn parse(text: &str) -> Result<Identity, IdentityError> {
        Identity::parse(&text.replace("KEY", KEY_TEXT))
    }

    #[test]
    fn a_connection_string_of_the_portal_is_understood() {
        let identity = parse("HostName=contoso.azure-devices.net;DeviceId=st-3;SharedAccessKey=KEY").unwrap();
        assert_eq!((identity.host(), identity.device()), ("contoso.azure-devices.net", "st-3"));
        assert_eq!(identity.peer(), "contoso.azure-devices.net");
    }

    #[test]
    fn a_gateway_is_connected_to_in_place_of_the_hub() {
        let text = "SharedAccessKey=KEY;DeviceId=a=b@c;GatewayHostName=127.0.0.1;HostName=h.example;\n";
        let identity = parse(text).unwrap();
        assert_eq!(
            (identity.peer(), identity.host(), identity.device()),
            ("127.0.0.1", "h.example", "a=b@c")
        );
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
            let error = Identity::parse(&format!("HostName=h;DeviceId=x;SharedAccessKey={key}")).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
            assert!(error.to_string().contains("not base64"), "{error}");
        }
        // A forgotten name or semicolon puts the key where a name is expected.
        for text in
            [&format!("HostName=h;DeviceId=x;{KEY_TEXT}"), KEY_TEXT, &format!("HostName=h;{KEY_TEXT}=1")]
        {
            let error = Identity::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
        }
        let identity = parse("HostName=h;DeviceId=x;SharedAccessKey=KEY").unwrap();
        assert!(!format!("{identity:?}").contains("c2Vj"));
    }
}
