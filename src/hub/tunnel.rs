//! MQTT in WebSocket messages (azure-docs, iot-mqtt-connect-to-iot-hub.md, "Using the MQTT protocol directly over
//! WebSockets"), with the same TLS library and the same authorities as without.
//!
//! rumqttc's own WebSocket works with rustls alone. So rumqttc talks to a Unix socket of this process, and what it says
//! there is carried to the peer.

use std::{io, time::Duration};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use native_tls::TlsConnector;
use rumqttc::{ConnectionError, TlsError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream, UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_native_tls::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message, client::IntoClientRequest, handshake::client::Request, http::HeaderValue,
        protocol::WebSocketConfig,
    },
};

/// Of hubs and provisioning services alike (azure-iot-device 2.14.0, `mqtt_transport.py`).
const PATH: &str = "/$iothub/websocket";
const PROTOCOL: &str = "mqtt";

/// The largest message that is taken; MQTT packets of a hub have at most 64 KiB and a topic.
const MAX_MESSAGE: usize = 1 << 20;

/// What is read from rumqttc at once.
const CHUNK: usize = 16 * 1024;

/// A peer that takes nothing for so long is gone, as rumqttc's keep-alive has noticed.
const STALL: Duration = Duration::from_secs(60);

/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) enum Blocked {
    /// No TCP or no TLS.
    Connection(ConnectionError),
    /// The other side does not change over to WebSocket; what it does instead.
    NoWebSocket(String),
}

/// A WebSocket to a peer, and where rumqttc is waited for.
pub(super) struct Tunnel {
    socket: Socket,
    listener: UnixListener,
    name: String,
}

impl Tunnel {
    /// Connects within this time.
    pub(super) async fn open(
        connector: &TlsConnector,
        host: &str,
        port: u16,
        limit: Duration,
    ) -> Result<Self, Blocked> {
        let connected = timeout(limit, connect(connector, host, port)).await;
        let socket = connected.unwrap_or(Err(Blocked::Connection(ConnectionError::NetworkTimeout)))?;
        // A name that begins with NUL stands in no file system, and nobody can guess it.
        let name = format!("\0andon-{:032x}", rand::random::<u128>());
        let listener = UnixListener::bind(&name).map_err(io_fault)?;
        Ok(Self { socket, listener, name })
    }

    /// The Unix socket's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Carries what comes from the socket until either side ends.
    pub(super) fn start(self) {
        tokio::spawn(async move {
            // rumqttc comes at once or never.
            let Ok(Ok(mqtt)) = timeout(STALL, own(&self.listener)).await else { return };
            drop(self.listener);
            carry(self.socket, mqtt).await;
        });
    }
}

async fn connect(connector: &TlsConnector, host: &str, port: u16) -> Result<Socket, Blocked> {
    let stream = TcpStream::connect((host, port)).await.map_err(io_fault)?;
    stream.set_nodelay(true).map_err(io_fault)?;
    let connector = tokio_native_tls::TlsConnector::from(connector.clone());
    let stream = connector.connect(host, stream).await;
    let stream = stream.map_err(|error| Blocked::Connection(TlsError::NativeTls(error).into()))?;
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let request = request(host, port).map_err(|error| Blocked::NoWebSocket(error.to_string()))?;
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Io(error)) => Err(io_fault(error)),
        Err(Error::Http(answer)) => Err(Blocked::NoWebSocket(format!("HTTP status {}", answer.status()))),
        Err(error) => Err(Blocked::NoWebSocket(error.to_string())),
    }
}

fn request(host: &str, port: u16) -> Result<Request, Error> {
    let mut request = format!("wss://{host}:{port}{PATH}").into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(PROTOCOL));
    Ok(request)
}

fn io_fault(error: io::Error) -> Blocked {
    Blocked::Connection(ConnectionError::Io(error))
}

/// The connection of this very process; any other that finds the name is sent away.
async fn own(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        let from = stream.peer_cred()?.pid().and_then(|it| u32::try_from(it).ok());
        if from == Some(std::process::id()) {
            return Ok(stream);
        }
    }
}

async fn carry(socket: Socket, mqtt: UnixStream) {
    let (mut sink, source) = socket.split();
    let (from_mqtt, to_mqtt) = mqtt.into_split();
    // Each by itself, so that a peer that does not read can still be heard.
    tokio::select! {
        () = carry_out(from_mqtt, &mut sink) => {}
        () = carry_in(source, to_mqtt) => {}
    }
    // Whoever is gone does not hear it.
    let _ = timeout(GOODBYE, sink.close()).await;
}

async fn carry_out(mut mqtt: OwnedReadHalf, sink: &mut SplitSink<Socket, Message>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = mqtt.read(&mut chunk).await {
        let sent = timeout(STALL, sink.send(Message::binary(chunk[..count].to_vec()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

async fn carry_in(mut source: SplitStream<Socket>, mut mqtt: OwnedWriteHalf) {
    loop {
        match source.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                if mqtt.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            // The library answers them.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            // Text is no MQTT (MQTT 3.1.1, 6.0), and everything else is an end.
            _ => return,
        }
    }
}
