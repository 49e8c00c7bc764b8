//! Why there is no session, and what a person can do about it.
//!
//! Every fault is worth another try: a disabled device is enabled again, a clock is set, a quota starts over at
//! midnight. MQTT 3.1.1 carries no reasons, so most of the texts are check-lists (troubleshoot-error-codes).

use std::{io, time::Duration};

use andon_telemetry::Clock;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError};

use super::{
    certificate::Stale,
    checklist::{Role, Seen, of_tls, plain_tls},
};
use crate::report::clock_state;

/// Why there is no session with the hub.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubFault {
    /// No connection to the hub's machine.
    #[error(
        "cannot reach {peer}: {cause}; check the network cable or Wi-Fi, the name server, and that the plant's \
             firewall lets TCP port {port} out"
    )]
    Unreachable {
        /// Host name and port.
        peer: String,
        /// The port alone.
        port: u16,
        /// What the system said.
        cause: String,
    },
    /// Nobody answered in time.
    #[error("no login at {peer} within {} s; check that the plant's firewall lets TCP port {port} out and that no \
             proxy holds the connection", limit.as_secs_f64())]
    TimedOut {
        /// Host name and port.
        peer: String,
        /// The port alone.
        port: u16,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The peer is not who it claims to be, as far as the station knows.
    #[error("no secure connection to {peer}: {cause}; {checks} (now {clock})")]
    Untrusted {
        /// Host name and port.
        peer: String,
        /// What the TLS library said.
        cause: String,
        /// The station's time (RFC 3339).
        clock: String,
        /// What may be wrong.
        checks: &'static str,
    },
    /// The peer refused the login.
    #[error(
        "{peer} refused the login of {who} ({code}); check that the station's clock is right (now {clock}; more than 5 \
             minutes off is refused), {checks}"
    )]
    Refused {
        /// Host name and port.
        peer: String,
        /// Who logged in.
        who: String,
        /// The return code's name (MQTT 3.1.1, 3.2.2.3).
        code: &'static str,
        /// The station's time (RFC 3339).
        clock: String,
        /// What else may be wrong.
        checks: &'static str,
    },
    /// The clock cannot be right, so no login is tried.
    #[error(
        "the station's clock is wrong (now {clock}), and the hub refuses logins by a wrong clock; none is tried until it is \
         right: check that the station reaches a time server (timedatectl timesync-status; UDP port 123), or set it with \
         timedatectl set-time"
    )]
    ClockWrong {
        /// The station's time (RFC 3339).
        clock: String,
    },
    /// The station's own certificate is not good at this time, so no login is tried.
    #[error("the station's certificate {stale} (now {clock}); no login is tried")]
    Stale {
        /// Why.
        stale: Stale,
        /// The station's time (RFC 3339).
        clock: String,
    },
    /// The provisioning service knows the station and gives it no hub.
    #[error(
        "the provisioning service {peer} assigns {who} to no hub ({cause}); check that its enrolment is enabled, that \
             a hub is linked to the service, and that the enrolment's allocation policy leaves one"
    )]
    Unassigned {
        /// Host name and port.
        peer: String,
        /// Who asked.
        who: String,
        /// What the service said.
        cause: String,
    },
    /// The hub cannot take logins at the moment.
    #[error("{peer} is not available at the moment (it said so); nothing to do here unless it lasts")]
    Unavailable {
        /// Host name and port.
        peer: String,
    },
    /// The connection ended without a word.
    #[error("{peer} ended the connection of {who} ({cause}); {checks}")]
    Lost {
        /// Host name and port.
        peer: String,
        /// Who was logged in.
        who: String,
        /// What was seen.
        cause: String,
        /// What may be wrong.
        checks: &'static str,
    },
    /// The peer, or something on the way, does not change over to WebSocket.
    #[error(
        "{peer} opens no WebSocket ({cause}); check HostName, GatewayHostName and connect_host, that the port is 443, and \
             that no proxy on the way answers in the hub's place"
    )]
    NoWebSocket {
        /// Host name and port.
        peer: String,
        /// What it did instead.
        cause: String,
    },
    /// The peer does not speak MQTT as it should.
    #[error("{peer} does not answer as an IoT Hub ({cause}); check HostName and the port")]
    Foreign {
        /// Host name and port.
        peer: String,
        /// What was seen.
        cause: String,
    },
}

/// With whom a session was tried: what every fault tells.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) host: String,
    pub(super) port: u16,
    /// `device press-3`.
    pub(super) who: String,
    pub(super) role: Role,
}

impl Peer {
    /// Why a login failed.
    pub(super) fn no_login(&self, error: &ConnectionError, limit: Duration) -> HubFault {
        let (peer, port) = (self.name(), self.port);
        match error {
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
                HubFault::TimedOut { peer, port, limit }
            }
            ConnectionError::Io(error) if is_network(error) => {
                HubFault::Unreachable { peer, port, cause: error.to_string() }
            }
            ConnectionError::Tls(TlsError::Io(error)) if is_network(error) => {
                HubFault::Unreachable { peer, port, cause: error.to_string() }
            }
            ConnectionError::Tls(error) => {
                let cause = error.to_string();
                let checks = of_tls(&cause);
                HubFault::Untrusted { peer, cause: plain_tls(&cause), checks, clock: clock() }
            }
            ConnectionError::ConnectionRefused(code) => self.refused(*code),
            ConnectionError::MqttState(_) | ConnectionError::Io(_) => self.lost(error, Seen::default()),
            other => HubFault::Foreign { peer, cause: other.to_string() },
        }
    }

    /// Why a session broke.
    pub(super) fn lost(&self, error: &ConnectionError, seen: Seen) -> HubFault {
        let cause = match error {
            ConnectionError::MqttState(StateError::AwaitPingResp) => "it answers no ping".to_owned(),
            ConnectionError::MqttState(StateError::ConnectionAborted) => "without giving a reason".to_owned(),
            ConnectionError::MqttState(error) => error.to_string(),
            other => other.to_string(),
        };
        self.gone(cause, seen)
    }

    /// The connection ended and nothing says how.
    pub(super) fn ended(&self, seen: Seen) -> HubFault {
        self.gone("without giving a reason".to_owned(), seen)
    }

    fn gone(&self, cause: String, seen: Seen) -> HubFault {
        HubFault::Lost { peer: self.name(), who: self.who.clone(), cause, checks: seen.checks() }
    }

    /// The first answer was no answer to a login.
    pub(super) fn foreign(&self, event: &rumqttc::Event) -> HubFault {
        HubFault::Foreign { peer: self.name(), cause: format!("{event:?}") }
    }

    /// The other side does not speak WebSocket.
    pub(super) fn no_websocket(&self, cause: String) -> HubFault {
        HubFault::NoWebSocket { peer: self.name(), cause }
    }

    fn refused(&self, code: ConnectReturnCode) -> HubFault {
        let refused = |code| HubFault::Refused {
            peer: self.name(),
            who: self.who.clone(),
            code,
            clock: clock(),
            checks: self.role.checks(),
        };
        match code {
            ConnectReturnCode::ServiceUnavailable => HubFault::Unavailable { peer: self.name() },
            ConnectReturnCode::BadUserNamePassword => refused("bad user name or password"),
            ConnectReturnCode::NotAuthorized => refused("not authorised"),
            ConnectReturnCode::BadClientId => refused("bad client id"),
            ConnectReturnCode::RefusedProtocolVersion => {
                HubFault::Foreign { peer: self.name(), cause: "it refuses MQTT 3.1.1".to_owned() }
            }
            ConnectReturnCode::Success => refused("accepted, then refused"),
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Whether it came about before there was a connection; a failed name look-up has no kind that can be named, so what a peer
/// does is named in its place.
fn is_network(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof};
    !matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | InvalidData | UnexpectedEof)
}

/// The station's time, and whether anybody confirmed it.
pub(super) fn clock() -> String {
    let doubt = match clock_state() {
        Clock::Synchronised => "",
        Clock::Unsynchronised => ", as far as it knows: no time server has confirmed it",
    };
    format!("{:.0}{doubt}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::*;

    fn told(error: io::Error) -> String {
        let peer = Peer {
            host: "plant-hub.example".to_owned(),
            port: 8883,
            who: "device press-3".to_owned(),
            role: Role::DeviceWithKey,
        };
        peer.no_login(&ConnectionError::Io(error), Duration::from_secs(30)).to_string()
    }

    #[test]
    fn a_name_that_nobody_knows_is_the_networks_fault_and_a_cut_is_the_peers() {
        // No name server is asked for a name of this length.
        let unknown = ("x".repeat(300), 8883).to_socket_addrs().unwrap_err();
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        for error in [unknown, refused] {
            let told = told(error);
            assert!(told.starts_with("cannot reach plant-hub.example:8883"), "{told}");
            assert!(told.contains("the name server"), "{told}");
        }
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            let told = told(io::Error::from(kind));
            assert!(told.starts_with("plant-hub.example:8883 ended the connection"), "{told}");
        }
    }
}
