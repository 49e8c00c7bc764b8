//! How MQTT gets to a hub or a provisioning service: by itself over TLS, or in WebSocket messages over TLS.

use std::time::{Duration, Instant};

use native_tls::TlsConnector;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, TlsConfiguration, Transport,
};

use super::fault::{HubFault, Peer};
#[cfg(feature = "websocket")]
use super::tunnel::{Blocked, Tunnel};

/// Whether this program can carry MQTT in WebSocket messages: it was built with its feature `websocket`.
pub const HAS_WEBSOCKET: bool = cfg!(feature = "websocket");

/// What carries MQTT over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing: TCP port 8883.
    #[default]
    Tls,
    /// WebSocket messages, for networks that let nothing but TCP port 443 out ([`HAS_WEBSOCKET`]).
    WebSocket,
}

impl Carrier {
    /// The TCP port that IoT Hub and the provisioning service have for it.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Tls => 8883,
            Self::WebSocket => 443,
        }
    }
}

/// The way to every peer of a station.
#[derive(Clone)]
pub(super) struct Route {
    connector: TlsConnector,
    carrier: Carrier,
}

impl Route {
    pub(super) fn new(connector: TlsConnector, carrier: Carrier) -> Self {
        Self { connector, carrier }
    }

    /// Connects to this peer and logs in as the MQTT client `id` with the options that `dress` adds; `requests` may wait
    /// in the client. Both together take `limit`, at least a second, and at most half a second more: what is left for the
    /// login counts in whole seconds.
    pub(super) async fn log_in(
        &self,
        peer: &Peer,
        id: &str,
        requests: usize,
        limit: Duration,
        dress: impl FnOnce(&mut MqttOptions),
    ) -> Result<(AsyncClient, EventLoop), HubFault> {
        let (began, limit) = (Instant::now(), limit.max(Duration::from_secs(1)));
        let mut options = match self.carrier {
            Carrier::Tls => self.over_tls(peer, id),
            #[cfg(feature = "websocket")]
            Carrier::WebSocket => self.over_websocket(peer, id, limit).await?,
            #[cfg(not(feature = "websocket"))]
            Carrier::WebSocket => return Err(peer.no_websocket("this andon was built without it".to_owned())),
        };
        dress(&mut options);
        let (client, mut events) = AsyncClient::new(options, requests);
        let mut network = NetworkOptions::new();
        let left = limit.saturating_sub(began.elapsed()).as_secs_f64().round().max(1.0);
        network.set_connection_timeout(left as u64).set_tcp_nodelay(true);
        events.set_network_options(network);
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => Ok((client, events)),
            Ok(other) => Err(peer.foreign(&other)),
            Err(error) => Err(peer.no_login(&error, limit)),
        }
    }

    fn over_tls(&self, peer: &Peer, id: &str) -> MqttOptions {
        let mut options = MqttOptions::new(id, &peer.host, peer.port);
        let tls = TlsConfiguration::NativeConnector(self.connector.clone());
        options.set_transport(Transport::tls_with_config(tls));
        options
    }

    #[cfg(feature = "websocket")]
    async fn over_websocket(&self, peer: &Peer, id: &str, limit: Duration) -> Result<MqttOptions, HubFault> {
        let tunnel = Tunnel::open(&self.connector, &peer.host, peer.port, limit).await;
        let tunnel = tunnel.map_err(|error| match error {
            Blocked::Connection(error) => peer.no_login(&error, limit),
            Blocked::NoWebSocket(cause) => peer.no_websocket(cause),
        })?;
        let mut options = MqttOptions::new(id, tunnel.name(), 0);
        options.set_transport(Transport::unix());
        tunnel.start();
        Ok(options)
    }
}
