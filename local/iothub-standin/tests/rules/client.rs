//! A client that does what it is told, also what no client should.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use hmac::{Hmac, Mac};
use iothub_standin::{DeviceCertificate, Standin};
use native_tls::{Certificate, Identity, TlsConnector, TlsStream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::{Connect, ConnectReturnCode, Packet, Publish, QoS, Subscribe, mqttbytes};
use sha2::Sha256;

pub(crate) const DEVICE: &str = "press-3";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) enum Back {
    Packet(Packet),
    /// The other side ended the connection.
    Closed,
}

pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    incoming: BytesMut,
}

impl Client {
    /// TLS, but no CONNECT yet.
    pub(crate) fn open(standin: &Standin) -> Self {
        Self::try_open(standin, &standin.ca_pem(), None).unwrap()
    }

    /// TLS with a certificate of its own, or why the server's is not believed.
    pub(crate) fn try_open(
        standin: &Standin,
        ca_pem: &str,
        own: Option<&DeviceCertificate>,
    ) -> Result<Self, String> {
        let ca = Certificate::from_pem(ca_pem.as_bytes()).unwrap();
        let mut builder = TlsConnector::builder();
        builder.add_root_certificate(ca);
        if let Some(DeviceCertificate { certificate_pem, key_pem, .. }) = own {
            let identity = Identity::from_pkcs8(certificate_pem.as_bytes(), key_pem.as_bytes());
            builder.identity(identity.unwrap());
        }
        let tcp = TcpStream::connect(standin.address()).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let stream = builder.build().unwrap().connect("localhost", tcp);
        Ok(Self { stream: stream.map_err(|error| error.to_string())?, incoming: BytesMut::new() })
    }

    /// Logged in as [`DEVICE`] with a good token.
    pub(crate) fn login(standin: &Standin) -> Self {
        Self::login_with(standin, &mut connect(standin)).unwrap()
    }

    /// CONNECT as given; the CONNACK's code where it is a refusal.
    pub(crate) fn login_with(standin: &Standin, connect: &mut Connect) -> Result<Self, ConnectReturnCode> {
        Self::open(standin).connect(connect)
    }

    /// As [`Client::login_with`], on what is open already.
    pub(crate) fn connect(mut self, connect: &mut Connect) -> Result<Self, ConnectReturnCode> {
        self.send(Packet::Connect(connect.clone()));
        match self.back() {
            Back::Packet(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success => Ok(self),
            Back::Packet(Packet::ConnAck(ack)) => {
                assert_eq!(self.back(), Back::Closed, "a refused client is sent away");
                Err(ack.code)
            }
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    pub(crate) fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, usize::MAX).unwrap();
        self.send_bytes(&bytes);
    }

    /// The peer may close while we still write; what it said is read by [`Client::back`].
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    pub(crate) fn publish(&mut self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) {
        let mut publish = Publish::new(topic, qos, payload.into());
        publish.pkid = if qos == QoS::AtMostOnce { 0 } else { 7 };
        self.send(Packet::Publish(publish));
    }

    pub(crate) fn subscribe(&mut self, filter: &str) -> Back {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 9;
        self.send(Packet::Subscribe(subscribe));
        self.back()
    }

    /// The next packet, or that the connection ended; panics when neither comes.
    pub(crate) fn back(&mut self) -> Back {
        let deadline = Instant::now() + PATIENCE;
        let mut chunk = [0; 4096];
        loop {
            match Packet::read(&mut self.incoming, usize::MAX) {
                Ok(packet) => return Back::Packet(packet),
                Err(mqttbytes::Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("the stand-in sent no MQTT: {error:?}"),
            }
            assert!(Instant::now() < deadline, "nothing came");
            match self.stream.read(&mut chunk) {
                Ok(0) => return Back::Closed,
                Ok(count) => self.incoming.extend_from_slice(&chunk[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing came")
                }
                Err(_) => return Back::Closed,
            }
        }
    }

    /// The next publish.
    pub(crate) fn message(&mut self) -> Publish {
        match self.back() {
            Back::Packet(Packet::Publish(publish)) => publish,
            other => panic!("no message but {other:?}"),
        }
    }
}

/// A good CONNECT, to be spoilt.
pub(crate) fn connect(standin: &Standin) -> Connect {
    let mut connect = Connect::new(DEVICE);
    connect.keep_alive = 60;
    connect.clean_session = false;
    connect.set_login(user(DEVICE), token(&key(standin), &format!("localhost/devices/{DEVICE}"), 3600));
    connect
}

pub(crate) fn user(device: &str) -> String {
    format!("localhost/{device}/?api-version=2021-04-12")
}

/// The device's key in base64.
pub(crate) fn key(standin: &Standin) -> String {
    let text = standin.connection_string(DEVICE).unwrap();
    text.split_once("SharedAccessKey=").unwrap().1.to_owned()
}

/// A shared access signature that is good for so many seconds, written from the documentation and not from the code
/// under test.
pub(crate) fn token(key: &str, resource: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expiry = now.saturating_add_signed(seconds);
    let resource = utf8_percent_encode(resource, NON_ALPHANUMERIC);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}")
}
