//! How the station logs in at its hub: where that is, as whom, and with what proof.

use std::time::Duration;

use percent_encoding::utf8_percent_encode;
use rumqttc::{MqttOptions, QoS};

use super::{
    certificate::ClientCertificate,
    checklist::Role,
    correspondence::Correspondence,
    desk::Desk,
    device::{Device, Proof},
    fault::{HubFault, Peer, clock},
    identity::{Account, Identity},
    provisioning::Provisioning,
    registration::Service,
    route::{Carrier, Route},
    session::{HubSession, IN_FLIGHT},
    token::Token,
    topic::RESERVED,
    trust::{Trust, TrustError},
};
use crate::{delivery::Link, report::is_known_wrong};

/// The newest version of the device API (iot-mqtt-connect-to-iot-hub).
const API_VERSION: &str = "2021-04-12";

/// What the station's twin and methods are described by: `azure/andon-station.dtdl.json`.
const MODEL_ID: &str = "dtmi:andon:Station;1";

/// The largest packets: cloud-to-device messages have at most 64 KiB, ours at most 256 KiB, plus their topics.
const LARGEST_PACKETS: (usize, usize) = (160 * 1024, 400 * 1024);

/// The hub ends a connection after 1.5 times the keep-alive, but never later than after 1767 s.
const LONGEST_KEEP_ALIVE: Duration = Duration::from_secs(1177);

/// How to reach the hub and log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// The machine to connect to, where it is not the one that the hub's name says.
    pub connect_host: Option<String>,
    /// TCP port.
    pub port: u16,
    /// Who may vouch for the hub.
    pub trust: Trust,
    /// Time between two signs of life, 1 s to 1177 s.
    pub keep_alive: Duration,
    /// How long connecting and logging in may take together, in whole seconds.
    pub connect_timeout: Duration,
    /// How long a token is good for.
    pub token_life: Duration,
    /// Program and version, shown by the hub as the device's client type.
    pub product: String,
    /// What carries MQTT over TLS.
    pub carrier: Carrier,
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            connect_host: None,
            port: Carrier::Tls.port(),
            trust: Trust::System,
            keep_alive: Duration::from_secs(240),
            connect_timeout: Duration::from_secs(30),
            token_life: Duration::from_secs(3600),
            product: concat!("andon/", env!("CARGO_PKG_VERSION")).to_owned(),
            carrier: Carrier::Tls,
        }
    }
}

/// The station's hub: makes sessions.
pub struct Hub {
    whereabouts: Whereabouts,
    certificate: Option<ClientCertificate>,
    settings: HubSettings,
    route: Route,
    desk: Option<Desk>,
}

/// Where the station is a device.
enum Whereabouts {
    Told(Box<Device>),
    Assigned(Box<Provisioning>),
}

impl Hub {
    /// Prepares to log in as this device.
    ///
    /// # Errors
    /// When the certificate authorities cannot be used.
    pub fn new(identity: Identity, settings: HubSettings) -> Result<Self, TrustError> {
        let Identity { account, certificate } = identity;
        let connector = settings.trust.connector(certificate.as_ref())?;
        let route = Route::new(connector, settings.carrier);
        let whereabouts = match account {
            Account::Device(device) => Whereabouts::Told(Box::new(device)),
            Account::Enrolment(enrolment) => {
                let service = Service { port: settings.port, route: route.clone(), enrolment };
                Whereabouts::Assigned(Box::new(Provisioning::new(service, settings.connect_timeout)))
            }
        };
        Ok(Self { whereabouts, certificate, settings, route, desk: None })
    }

    /// Where the hub's wishes arrive. Without anybody at it, sessions subscribe to nothing: a cloud-to-device message
    /// that is taken is gone.
    #[must_use]
    pub fn desk(&mut self) -> Desk {
        self.desk.get_or_insert_default().clone()
    }

    /// Logs in as this device.
    async fn log_in(&self, device: Device) -> Result<HubSession, HubFault> {
        let (role, token) = match &device.proof {
            Proof::Key(source) => {
                let token = Token::sign(source, self.settings.token_life, rand::random());
                (Role::DeviceWithKey, Some(token))
            }
            Proof::Certificate => (Role::DeviceWithCertificate, None),
        };
        let host = self.settings.connect_host.as_deref().unwrap_or(device.peer()).to_owned();
        let peer = Peer { host, port: self.settings.port, who: format!("device {}", device.id()), role };
        let dress = |options: &mut MqttOptions| self.dress(options, &device, token.as_ref());
        let limit = self.settings.connect_timeout;
        let (client, events) = self.route.log_in(&peer, device.id(), IN_FLIGHT.into(), limit, dress).await?;
        let letters = self.desk.clone().map(|desk| Correspondence::new(desk, device.id()));
        for topic in letters.iter().flat_map(Correspondence::subscriptions) {
            // One each, as Microsoft's own clients do; the queue is empty, so it has room.
            let _ = client.try_subscribe(topic, QoS::AtLeastOnce);
        }
        let renewal = token.map(|token| token.renewal());
        Ok(HubSession::start(client, events, letters, peer, device.id().to_owned(), renewal))
    }

    fn dress(&self, options: &mut MqttOptions, device: &Device, token: Option<&Token>) {
        let user = format!(
            "{}/{}/?api-version={API_VERSION}&DeviceClientType={}&model-id={}",
            device.host(),
            device.id(),
            utf8_percent_encode(&self.settings.product, RESERVED),
            utf8_percent_encode(MODEL_ID, RESERVED)
        );
        options
            .set_credentials(user, token.map_or("", Token::text))
            // A session that is resumed brings the messages that wait for the device, and taking them is their end.
            .set_clean_session(self.desk.is_none())
            .set_keep_alive(self.settings.keep_alive.clamp(Duration::from_secs(1), LONGEST_KEEP_ALIVE))
            .set_inflight(IN_FLIGHT)
            .set_max_packet_size(LARGEST_PACKETS.0, LARGEST_PACKETS.1);
    }
}

impl Link for Hub {
    type Session = HubSession;

    async fn connect(&mut self) -> Result<HubSession, HubFault> {
        is_time_for(self.certificate.as_ref(), jiff::Timestamp::now())?;
        let device = match &mut self.whereabouts {
            Whereabouts::Told(device) => Device::clone(device),
            Whereabouts::Assigned(provisioning) => provisioning.device().await?,
        };
        let session = self.log_in(device).await;
        if let Whereabouts::Assigned(provisioning) = &mut self.whereabouts {
            provisioning.heard(session.as_ref().map(|_| ()));
        }
        session
    }
}

/// Whether a login can succeed at this time at all.
fn is_time_for(certificate: Option<&ClientCertificate>, now: jiff::Timestamp) -> Result<(), HubFault> {
    if is_known_wrong(now) {
        return Err(HubFault::ClockWrong { clock: clock() });
    }
    match certificate.and_then(|it| it.stale_at(now)) {
        Some(stale) => Err(HubFault::Stale { stale, clock: clock() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::certificate::tests::pair;

    #[test]
    fn no_login_is_tried_by_a_clock_that_is_known_to_be_wrong_or_outside_of_the_certificates_time() {
        let (certificate, key) = pair("press-3");
        let certificate = ClientCertificate::read(certificate.as_bytes(), key.as_bytes()).unwrap();
        let fault = |certificate, now: &str| {
            let refused = is_time_for(certificate, now.parse().unwrap());
            refused.map_err(|fault| fault.to_string()).err().unwrap_or_default()
        };
        assert!(fault(None, "1970-01-01T00:00:12Z").contains("clock is wrong"));
        assert!(fault(Some(&certificate), "1970-01-01T00:00:12Z").contains("clock is wrong"));
        assert!(fault(Some(&certificate), "2025-06-01T00:00:00Z").contains("not valid before"));
        assert!(fault(Some(&certificate), "2029-01-01T00:00:00Z").contains("ran out at"));
        assert_eq!(fault(Some(&certificate), "2026-06-01T00:00:00Z"), "");
        assert_eq!(fault(None, "2029-01-01T00:00:00Z"), "");
    }
}
