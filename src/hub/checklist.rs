//! What a person should look at, by what was seen. MQTT 3.1.1 carries no reasons, so this is as far as troubles can be told
//! apart (azure-docs, troubleshoot-error-codes.md).

use std::time::Duration;

/// What a login is for and how it is proven: what may be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    DeviceWithKey,
    DeviceWithCertificate,
    RegistrationWithKey,
    RegistrationWithCertificate,
}

impl Role {
    /// Goes on a list that began with the clock.
    pub(super) fn checks(self) -> &'static str {
        match self {
            Self::DeviceWithKey => {
                "that the device is registered in this hub and enabled, that the key is one of its two, and that \
                 HostName names the hub it is registered in"
            }
            Self::DeviceWithCertificate => {
                "that the device is registered in this hub with the certificate's thumbprint, or the certificate's \
                 authority is verified in the hub and its common name is the device's id, that the device is enabled, \
                 and that HostName names the hub it is registered in"
            }
            Self::RegistrationWithKey => {
                "that id_scope is that of your provisioning service, that an enrolment bears this registration id, or \
                 a group is there, and is enabled, and that the key is the enrolment's, or was derived from the \
                 group's for this registration id (andon hub derive-key)"
            }
            Self::RegistrationWithCertificate => {
                "that id_scope is that of your provisioning service, that the certificate stands in an enrolment that \
                 is enabled, or its authority in a group that is, and that its common name is the registration id"
            }
        }
    }
}

/// A session that ended, as the station saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// How long it lasted.
    pub(super) lasted: Duration,
    /// A report was sent.
    pub(super) offered: bool,
    /// The hub acknowledged one.
    pub(super) delivered: bool,
}

/// A connection that ends sooner was hardly ended by the network.
const SOON: Duration = Duration::from_secs(300);

impl Seen {
    /// What to look at, the likeliest first.
    pub(super) fn checks(self) -> &'static str {
        match self {
            Self { delivered: true, lasted, .. } if lasted < SOON => {
                "if it happens again and again, another client most likely logs in as this device, and each ends the \
                 other's connection: look for a second station with the same connection string or certificate; else \
                 check the network, and that the device is enabled"
            }
            Self { delivered: false, offered: true, lasted } if lasted < SOON => {
                "it took the login and no report: check that the hub's daily message quota is not used up (it begins \
                 anew at midnight UTC), that no other client logs in as this device, and that the device is enabled"
            }
            _ => {
                "if it happens again and again, check the network, that no other client logs in as this device, and \
                 that the device is enabled"
            }
        }
    }
}

/// What to look at after a TLS handshake that failed, by the words of the TLS library.
pub(super) fn of_tls(cause: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|it| cause.contains(it));
    if says(&["not yet valid", "has expired"]) {
        "its certificate is not good at the station's time: check the station's clock first, and that no proxy opens TLS \
         connections on the way"
    } else if says(&["certificate signature failure"]) {
        "an authority bears the name of one that the station trusts and has another key: if the authority was made anew, \
         put its new certificate into the file that [hub] ca_file names; else check that no proxy opens TLS connections on \
         the way"
    } else if says(&["ostname mismatch", "address mismatch", "NotValidForName"]) {
        "it shows a certificate for another name: check HostName, GatewayHostName and connect_host, and that the name \
         server gives the right address"
    } else if says(&["local issuer", "self-signed", "self signed", "UnknownIssuer"]) {
        "nobody whom the station trusts vouches for it: check that the package ca-certificates is installed, that [hub] \
         ca_file names the private authority if there is one, and that no proxy opens TLS connections on the way"
    } else if says(&["protocol version", "unsupported protocol", "wrong version number", "handshake failure"])
    {
        "it speaks no TLS that IoT Hub speaks (1.2 or newer): check HostName and the port, and that no proxy is on the way"
    } else {
        "check the station's clock, that the package ca-certificates is installed, that a private authority is \
         configured if there is one, and that no proxy opens TLS connections on the way"
    }
}

/// What the TLS library said, without its numbers, functions and lines of code: the reason of the last error in its list
/// (`error:code:library:function:reason:file:line:data`, ERR_error_string(3)), and what was wrong with a certificate.
pub(super) fn plain_tls(cause: &str) -> String {
    let last = cause.rsplit("error:").next().unwrap_or(cause);
    let Some(reason) = last.split(':').nth(3).map(str::trim).filter(|it| !it.is_empty()) else {
        return cause.to_owned();
    };
    match last.rsplit_once(" (") {
        Some((_, detail)) => format!("{reason} ({detail}"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_the_tls_library_says_the_reason_is_left() {
        for (cause, expected) in [
            (
                "Native TLS error error:06880006:asn1 encoding routines:ASN1_item_verify_ctx:EVP lib:a.c:220:, \
                 error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:s.c:1889: \
                 (certificate signature failure)",
                "certificate verify failed (certificate signature failure)",
            ),
            (
                "Native TLS error error:0A00010B:SSL routines:ssl3_get_record:wrong version number:r.c:354:",
                "wrong version number",
            ),
            ("Native TLS error unexpected EOF", "Native TLS error unexpected EOF"),
            ("", ""),
        ] {
            assert_eq!(plain_tls(cause), expected, "{cause}");
        }
    }

    #[test]
    fn a_quota_a_second_client_and_the_network_are_told_apart_as_far_as_mqtt_allows() {
        let seen = |seconds, offered, delivered| {
            Seen { lasted: Duration::from_secs(seconds), offered, delivered }.checks()
        };
        assert!(seen(0, true, false).contains("quota"));
        assert!(seen(20, true, true).starts_with("if it happens again and again, another client"));
        assert!(seen(86_400, true, true).contains("check the network, that no other client"));
        assert!(!seen(0, false, false).contains("quota"), "an idle station's quota is not used up");
    }

    #[test]
    fn the_words_of_the_tls_library_lead_to_what_is_to_be_done() {
        for (cause, expected) in [
            ("certificate verify failed (certificate is not yet valid)", "clock first"),
            ("certificate verify failed (certificate has expired)", "clock first"),
            ("certificate verify failed (Hostname mismatch)", "another name"),
            ("certificate verify failed (unable to get local issuer certificate)", "ca-certificates"),
            ("certificate verify failed (self-signed certificate in certificate chain)", "ca_file"),
            ("certificate verify failed (certificate signature failure)", "its new certificate"),
            ("ssl3_get_record:wrong version number", "no TLS that IoT Hub speaks"),
            ("tlsv1 alert protocol version", "no TLS that IoT Hub speaks"),
            ("unexpected EOF", "check the station's clock, that"),
        ] {
            assert!(of_tls(cause).contains(expected), "{cause}: {}", of_tls(cause));
        }
    }
}
