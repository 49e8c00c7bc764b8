//! One login at the hub: publishes reports at QoS 1 and matches their PUBACKs.
//!
//! rumqttc forgets unacknowledged publishes when the hub does not resume a session, so nothing is left to it: it is
//! made anew for every login, and whatever it had not acknowledged is sent again from the outbox.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use percent_encoding::utf8_percent_encode;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Outgoing, Packet, Publish,
    QoS, TlsConfiguration, Transport,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant as Moment, sleep_until, timeout},
};

use super::{
    certificate::ClientCertificate,
    checklist::{Role, Seen},
    correspondence::{Correspondence, Mail},
    desk::Desk,
    device::{Device, Proof},
    fault::{HubFault, Peer, clock},
    identity::{Account, Identity},
    provisioning::Provisioning,
    registration::Service,
    token::Token,
    topic::{self, RESERVED},
    trust::{Trust, TrustError},
};
use crate::{
    delivery::{Link, Session, Unsendable},
    outbox::Entry,
    report::is_known_wrong,
};

/// The newest version of the device API (iot-mqtt-connect-to-iot-hub).
const API_VERSION: &str = "2021-04-12";

/// What the station's twin and methods are described by: `azure/andon-station.dtdl.json`.
const MODEL_ID: &str = "dtmi:andon:Station;1";

/// Packets that rumqttc may have in flight: more than any window of delivery, so that it never holds one back.
const IN_FLIGHT: u16 = 1_024;

/// The largest packets: cloud-to-device messages have at most 64 KiB, ours at most 256 KiB, plus their topics.
const LARGEST_PACKETS: (usize, usize) = (160 * 1024, 400 * 1024);

/// The hub ends a connection after 1.5 times the keep-alive, but never later than after 1767 s.
const LONGEST_KEEP_ALIVE: Duration = Duration::from_secs(1177);

/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// How to reach the hub and log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSettings {
    /// The machine to connect to, where it is not the one that the hub's name says.
    pub connect_host: Option<String>,
    /// TCP port of MQTT over TLS.
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
}

impl Default for HubSettings {
    fn default() -> Self {
        Self {
            connect_host: None,
            port: 8883,
            trust: Trust::System,
            keep_alive: Duration::from_secs(240),
            connect_timeout: Duration::from_secs(30),
            token_life: Duration::from_secs(3600),
            product: concat!("andon/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The station's hub: makes sessions.
pub struct Hub {
    whereabouts: Whereabouts,
    certificate: Option<ClientCertificate>,
    settings: HubSettings,
    transport: Transport,
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
        let transport = Transport::tls_with_config(TlsConfiguration::NativeConnector(connector));
        let whereabouts = match account {
            Account::Device(device) => Whereabouts::Told(Box::new(device)),
            Account::Enrolment(enrolment) => {
                let service = Service { port: settings.port, transport: transport.clone(), enrolment };
                Whereabouts::Assigned(Box::new(Provisioning::new(service, settings.connect_timeout)))
            }
        };
        Ok(Self { whereabouts, certificate, settings, transport, desk: None })
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
        let options = self.options(&device, &peer, token.as_ref());
        let (client, mut events) = AsyncClient::new(options, IN_FLIGHT.into());
        let limit = self.settings.connect_timeout.max(Duration::from_secs(1));
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(limit.as_secs()).set_tcp_nodelay(true);
        events.set_network_options(network);
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {}
            Ok(other) => return Err(peer.foreign(&other)),
            Err(error) => return Err(peer.no_login(&error, limit)),
        }
        let letters = self.desk.clone().map(|desk| Correspondence::new(desk, device.id()));
        for topic in letters.iter().flat_map(Correspondence::subscriptions) {
            // One each, as Microsoft's own clients do; the queue is empty, so it has room.
            let _ = client.try_subscribe(topic, QoS::AtLeastOnce);
        }
        // Its own task, because a dropped poll could lose half a packet.
        let (sender, news) = mpsc::channel(usize::from(IN_FLIGHT));
        Ok(HubSession {
            letters,
            client,
            pump: tokio::spawn(pump(events, sender)),
            news,
            peer,
            device: device.id().to_owned(),
            renewal: token.map(|token| token.renewal()),
            since: Instant::now(),
            has_offered: false,
            has_delivered: false,
            unnumbered: VecDeque::new(),
            in_flight: HashMap::new(),
        })
    }

    fn options(&self, device: &Device, peer: &Peer, token: Option<&Token>) -> MqttOptions {
        let id = device.id();
        let mut options = MqttOptions::new(id, &peer.host, peer.port);
        let user = format!(
            "{}/{id}/?api-version={API_VERSION}&DeviceClientType={}&model-id={}",
            device.host(),
            utf8_percent_encode(&self.settings.product, RESERVED),
            utf8_percent_encode(MODEL_ID, RESERVED)
        );
        options
            .set_credentials(user, token.map_or("", Token::text))
            // A session that is resumed brings the messages that wait for the device, and taking them is their end.
            .set_clean_session(self.desk.is_none())
            .set_keep_alive(self.settings.keep_alive.clamp(Duration::from_secs(1), LONGEST_KEEP_ALIVE))
            .set_inflight(IN_FLIGHT)
            .set_max_packet_size(LARGEST_PACKETS.0, LARGEST_PACKETS.1)
            .set_transport(self.transport.clone());
        options
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

/// What the event loop saw.
#[derive(Debug)]
enum News {
    Numbered(u16),
    Acknowledged(u16),
    Subscribed,
    Arrived(Publish),
    Ended(ConnectionError),
}

/// Turns rumqttc's event loop until the connection ends.
async fn pump(mut events: EventLoop, news: mpsc::Sender<News>) {
    loop {
        let ended = match events.poll().await {
            Ok(event) => match told(event) {
                Some(told) => news.send(told).await.is_err(),
                None => false,
            },
            Err(error) => {
                // PUBACKs that came in one read with the end are still in there.
                for told in std::mem::take(&mut events.state.events).into_iter().filter_map(told) {
                    let _ = news.send(told).await;
                }
                let _ = news.send(News::Ended(error)).await;
                true
            }
        };
        if ended {
            return;
        }
    }
}

fn told(event: Event) -> Option<News> {
    match event {
        // Letters about the twin and answers to methods go without a number.
        Event::Outgoing(Outgoing::Publish(0)) => None,
        Event::Outgoing(Outgoing::Publish(number)) => Some(News::Numbered(number)),
        Event::Incoming(Packet::PubAck(puback)) => Some(News::Acknowledged(puback.pkid)),
        Event::Incoming(Packet::SubAck(_)) => Some(News::Subscribed),
        Event::Incoming(Packet::Publish(publish)) => Some(News::Arrived(publish)),
        _ => None,
    }
}

/// One login at the hub.
pub struct HubSession {
    letters: Option<Correspondence>,
    client: AsyncClient,
    pump: JoinHandle<()>,
    news: mpsc::Receiver<News>,
    peer: Peer,
    /// Its id.
    device: String,
    renewal: Option<Instant>,
    since: Instant,
    has_offered: bool,
    has_delivered: bool,
    /// Handed to rumqttc, which gives packet numbers in the same order when it writes them.
    unnumbered: VecDeque<u64>,
    /// From packet number to sequence number.
    in_flight: HashMap<u16, u64>,
}

impl HubSession {
    /// Notes what came; the sequence number that it acknowledges, if any.
    fn note(&mut self, news: News) -> Result<Option<u64>, HubFault> {
        match news {
            News::Numbered(number) => {
                if let Some(sequence) = self.unnumbered.pop_front() {
                    self.in_flight.insert(number, sequence);
                }
                Ok(None)
            }
            News::Acknowledged(number) => {
                self.has_delivered = true;
                Ok(self.in_flight.remove(&number))
            }
            News::Subscribed => {
                self.letters.iter_mut().for_each(Correspondence::confirmed);
                Ok(None)
            }
            News::Arrived(publish) => {
                if let Some(letters) = &mut self.letters {
                    letters.receive(&publish.topic, &publish.payload, Instant::now());
                }
                Ok(None)
            }
            News::Ended(error) => Err(self.peer.lost(&error, self.seen())),
        }
    }

    /// Sends the letters that are due.
    fn post(&mut self) {
        let Some(letters) = &mut self.letters else { return };
        while let Some(Mail { topic, payload }) = letters.next(Instant::now()) {
            // Whoever waits for it asks again; if the connection has ended, the next session begins anew.
            if let Err(error) = self.client.try_publish(topic, QoS::AtMostOnce, false, payload) {
                tracing::debug!("a letter was not handed over: {error}");
            }
        }
    }

    /// Waits for the next news; sends letters meanwhile. Loses nothing when it is dropped.
    async fn hear(&mut self) -> Result<News, HubFault> {
        loop {
            self.post();
            let letters = &self.letters;
            let wakes = letters.as_ref().and_then(Correspondence::wakes).map(Moment::from_std);
            tokio::select! {
                news = self.news.recv() => return match news {
                    Some(news) => Ok(news),
                    None => Err(self.peer.ended(self.seen())),
                },
                () = leaves(letters) => {}
                () = async { if let Some(moment) = wakes { sleep_until(moment).await } }, if wakes.is_some() => {}
            }
        }
    }
}

async fn leaves(letters: &Option<Correspondence>) {
    match letters {
        Some(letters) => letters.leaves().await,
        None => std::future::pending().await,
    }
}

impl HubSession {
    fn seen(&self) -> Seen {
        Seen { lasted: self.since.elapsed(), offered: self.has_offered, delivered: self.has_delivered }
    }
}

impl Session for HubSession {
    type Error = HubFault;

    fn publish(&mut self, entry: &Entry) -> Result<(), Unsendable> {
        let topic = topic::of_report(&self.device, entry)?;
        self.has_offered = true;
        match self.client.try_publish(topic, QoS::AtLeastOnce, false, entry.json.clone()) {
            Ok(()) => self.unnumbered.push_back(entry.sequence),
            // The connection has just ended; it is told by the next `acknowledged`, and the report is sent again.
            Err(error) => tracing::debug!("a report was not handed over: {error}"),
        }
        Ok(())
    }

    async fn acknowledged(&mut self) -> Result<Vec<u64>, HubFault> {
        loop {
            // From here to the return nothing waits, so a dropped future loses nothing.
            let first = self.hear().await?;
            let mut sequences = Vec::new();
            let mut next = Some(first);
            while let Some(news) = next {
                match self.note(news) {
                    Ok(sequence) => sequences.extend(sequence),
                    Err(fault) if sequences.is_empty() => return Err(fault),
                    Err(fault) => {
                        tracing::debug!("the connection ended after its last PUBACKs: {fault}");
                        break;
                    }
                }
                next = self.news.try_recv().ok();
            }
            if !sequences.is_empty() {
                return Ok(sequences);
            }
        }
    }

    fn renewal(&self) -> Option<Instant> {
        self.renewal
    }

    async fn close(mut self) {
        if self.client.try_disconnect().is_ok() {
            let _ = timeout(GOODBYE, async { while self.news.recv().await.is_some() {} }).await;
        }
    }
}

impl Drop for HubSession {
    fn drop(&mut self) {
        self.pump.abort();
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
