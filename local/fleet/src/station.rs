//! One station: an MQTT session with the hub, and the reports that it has under way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::{AsyncClient, ClientError, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS, Transport};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use crate::verdicts::Line;

/// Reports that may be under way unacknowledged, as the agent's default.
const IN_FLIGHT: u16 = 20;
/// What IoT Hub allows at most is 1177 s; the agent takes less.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// For the life of a run.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Everything but what a topic name may hold as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a station reaches the hub.
#[derive(Clone)]
pub struct Access {
    /// The device's id.
    pub device: String,
    /// The hub's name, which tokens are for.
    pub hub: String,
    /// The device's key, in base64.
    pub key: String,
    /// Where the hub listens.
    pub port: u16,
    /// TLS with the hub's authority.
    pub transport: Transport,
}

/// What all stations have done together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sessions that are open.
    pub connected: AtomicU64,
    /// Sessions that were lost or refused.
    pub lost: AtomicU64,
    /// Items judged.
    pub items: AtomicU64,
    /// Reports published.
    pub published: AtomicU64,
    /// Reports acknowledged by the hub.
    pub acknowledged: AtomicU64,
    /// Microseconds from publishing to the acknowledgement, summed, and the longest.
    pub waited: AtomicU64,
    /// See `waited`.
    pub longest: AtomicU64,
}

/// When stations work.
#[derive(Clone)]
pub struct Shift {
    /// Time between two items.
    pub interval: Duration,
    /// How long before the first, so that not all stations work at the same instant.
    pub delay: Duration,
    /// `false` until all sessions are open, and again when it is over.
    pub working: watch::Receiver<bool>,
    /// `true` when everybody goes home.
    pub over: watch::Receiver<bool>,
}

/// Runs a station until the shift is over; what is unacknowledged at a break is counted as lost, for there is no outbox.
pub async fn run(access: Access, mut line: Line, shift: Shift, counters: Arc<Counters>) {
    let Shift { interval, delay, mut working, mut over } = shift;
    let at_work = working.clone();
    let (client, mut events) = open(&access);
    let mut under_way: VecDeque<Instant> = VecDeque::new();
    let mut is_connected = false;
    let begin = async {
        let _ = working.wait_for(|working| *working).await;
    };
    let mut begin = std::pin::pin!(begin);
    let mut begun = false;
    let mut ticks = interval_at(tokio::time::Instant::now() + delay, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = async { let _ = over.wait_for(|over| *over).await; } => break,
            () = &mut begin, if !begun => {
                begun = true;
                ticks.reset_after(delay);
            }
            _ = ticks.tick(), if begun && is_connected && *at_work.borrow() => {
                counters.items.fetch_add(1, Ordering::Relaxed);
                if let Some(report) = line.next_item(jiff::Timestamp::now())
                    && publish(&client, &access.device, &report).is_ok()
                {
                    counters.published.fetch_add(1, Ordering::Relaxed);
                    under_way.push_back(Instant::now());
                }
            }
            event = events.poll() => match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    is_connected = true;
                    counters.connected.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Event::Incoming(Packet::PubAck(_))) => {
                    counters.acknowledged.fetch_add(1, Ordering::Relaxed);
                    if let Some(sent) = under_way.pop_front() {
                        let waited = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
                        counters.waited.fetch_add(waited, Ordering::Relaxed);
                        counters.longest.fetch_max(waited, Ordering::Relaxed);
                    }
                }
                Ok(Event::Outgoing(Outgoing::Disconnect)) => break,
                Ok(_) => {}
                Err(_) => {
                    counters.lost.fetch_add(1, Ordering::Relaxed);
                    if std::mem::take(&mut is_connected) {
                        counters.connected.fetch_sub(1, Ordering::Relaxed);
                    }
                    under_way.clear();
                    sleep(Duration::from_secs(1)).await;
                }
            },
        }
    }
    if is_connected {
        counters.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

fn open(access: &Access) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(&access.device, "localhost", access.port);
    options
        .set_credentials(
            format!("{}/{}/?api-version=2021-04-12", access.hub, access.device),
            token(&access.hub, &access.device, &access.key),
        )
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(false)
        .set_inflight(IN_FLIGHT)
        .set_max_packet_size(64 * 1024, 300 * 1024)
        .set_transport(access.transport.clone());
    AsyncClient::new(options, 64)
}

fn publish(
    client: &AsyncClient,
    device: &str,
    report: &andon_telemetry::Report,
) -> Result<(), Box<ClientError>> {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let topic = format!(
        "devices/{device}/messages/events/%24.mid={}&%24.ct=application%2Fjson&%24.ce=utf-8&schema={}&severity={}&line={}",
        encoded(&report.report_id),
        encoded(&report.schema),
        report.severity().as_str(),
        encoded(&report.station.line),
    );
    let body = serde_json::to_vec(report).unwrap_or_default();
    client.try_publish(topic, QoS::AtLeastOnce, false, body).map_err(Box::new)
}

/// Microsoft Learn, "Control access to IoT Hub by using shared access signatures".
fn token(hub: &str, device: &str, key: &str) -> String {
    let resource = utf8_percent_encode(&format!("{hub}/devices/{device}"), ENCODED).to_string();
    let expiry = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TOKEN_LIFE;
    let expiry = expiry.as_secs();
    let key = STANDARD.decode(key).unwrap_or_default();
    let signature = Hmac::<Sha256>::new_from_slice(&key).map(|mut mac| {
        mac.update(format!("{resource}\n{expiry}").as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    let signature = utf8_percent_encode(&signature.unwrap_or_default(), ENCODED).to_string();
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}")
}
