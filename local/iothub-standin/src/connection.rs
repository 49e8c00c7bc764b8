//! One connection of a client: TLS, login, and packets until one side has had enough.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::BytesMut;
use rumqttc::{ConnAck, Connect, ConnectReturnCode, Packet, PubAck, mqttbytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    certificates::Certificate,
    device::Command,
    hub::Hub,
    login::{self, Admitted},
    provisioning::Registration,
    session::{Answer, Cut, MAX_MESSAGE, Session},
    websocket,
};

/// TLS and CONNECT must be there within this time.
const LOGIN_TIME: Duration = Duration::from_secs(30);

/// Whoever reads nothing for so long is gone.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// A message of the largest size with the longest topic, and its header.
const MAX_PACKET: usize = MAX_MESSAGE + 64 * 1024 + 16;

/// The longest silence that the hub bears, whatever the keep-alive (azure-docs, iot-mqtt-connect-to-iot-hub.md,
/// "Default keep-alive time-out": 29.45 minutes).
const LONGEST_SILENCE: Duration = Duration::from_secs(1767);

/// The first byte of a CONNECT packet (MQTT 3.1.1, 3.1.1).
const CONNECT: u8 = 0x10;

/// Where held-back PUBACKs are kept at most; beyond, the connection is cut.
const MAX_LATE: usize = 10_000;

/// How MQTT comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tls,
    WebSocket,
}

/// Serves one client to its end; the error says why the hub ended it.
pub(crate) async fn serve(
    stream: TcpStream,
    carrier: Carrier,
    acceptor: TlsAcceptor,
    hub: Arc<Hub>,
) -> Result<(), Cut> {
    let deadline = Instant::now() + LOGIN_TIME;
    let accepted = tokio::time::timeout_at(deadline, acceptor.accept(stream)).await;
    let stream = accepted.map_err(|_| cut("no TLS handshake in time"))?.map_err(|error| lost(&error))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(Certificate::shown);
    let stream: Box<dyn Stream> = match carrier {
        Carrier::Tls => Box::new(stream),
        Carrier::WebSocket => {
            let accepted = tokio::time::timeout_at(deadline, websocket::accept(stream)).await;
            Box::new(accepted.map_err(|_| cut("no WebSocket handshake in time"))??)
        }
    };
    let mut wire = Wire { stream, incoming: BytesMut::new() };
    let ended = attend(&mut wire, hub, certificate, deadline).await;
    // The client sees an orderly end of TLS, as from the hub.
    let _ = timeout(Duration::from_secs(1), wire.stream.shutdown()).await;
    ended
}

async fn attend(
    wire: &mut Wire,
    hub: Arc<Hub>,
    certificate: Option<Certificate>,
    deadline: Instant,
) -> Result<(), Cut> {
    let first = tokio::time::timeout_at(deadline, wire.connect()).await;
    let Some(connect) = first.map_err(|_| cut("no CONNECT in time"))?? else { return Ok(()) };
    let faults = hub.lock().faults.clone();
    let admitted = if faults.refuse_login {
        Err(login::Refused { code: ConnectReturnCode::NotAuthorized, reason: "refused on demand".to_owned() })
    } else {
        login::admit(&hub, &connect, certificate.as_ref())
    };
    match admitted {
        Err(refused) => {
            wire.write(&[Packet::ConnAck(ConnAck::new(refused.code, false))]).await?;
            Err(Cut(format!("login refused: {}", refused.reason)))
        }
        Ok(Admitted::Registration(registration, until)) => {
            wire.write(&[Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))]).await?;
            let (_none, commands) = mpsc::channel(1);
            Conversation::new(wire, Party::Registration(registration), &connect, until).run(commands).await
        }
        Ok(Admitted::Device(id, until)) => serve_device(wire, &hub, &connect, &id, until).await,
    }
}

async fn serve_device(
    wire: &mut Wire,
    hub: &Arc<Hub>,
    connect: &Connect,
    id: &str,
    until: SystemTime,
) -> Result<(), Cut> {
    let (number, commands, present) =
        hub.connect(id, connect.clean_session).ok_or_else(|| cut("the device is gone"))?;
    let session = Session::new(Arc::clone(hub), id, connect.clean_session);
    let (faults, is_over) = hub.faults();
    let present = faults.session_present.unwrap_or(present && !connect.clean_session);
    let mut ended = wire.write(&[Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, present))]).await;
    if ended.is_ok() {
        ended = if faults.cut_after_connack || is_over {
            Err(cut("cut after CONNACK on demand"))
        } else {
            Conversation::new(wire, Party::Device(session), connect, until).run(commands).await
        };
    }
    hub.disconnect(id, number);
    if let (Err(_), Some(will)) = (&ended, &connect.last_will) {
        login::publish_will(hub, id, will);
    }
    ended
}

/// Who is at the other end.
enum Party {
    Device(Session),
    Registration(Registration),
}

struct Conversation<'a> {
    wire: &'a mut Wire,
    party: Party,
    /// The longest silence.
    silence: Duration,
    token_ends: Instant,
    late: VecDeque<(Instant, u16)>,
}

impl<'a> Conversation<'a> {
    fn new(wire: &'a mut Wire, party: Party, connect: &Connect, until: SystemTime) -> Self {
        let silence = match connect.keep_alive {
            0 => LONGEST_SILENCE,
            seconds => (Duration::from_secs(seconds.into()) * 3 / 2).min(LONGEST_SILENCE),
        };
        let left = until.duration_since(SystemTime::now()).unwrap_or_default();
        // A token may be good for longer than a timer can be set.
        let token_ends = Instant::now() + left.min(Duration::from_secs(10 * 365 * 24 * 3600));
        Self { wire, party, silence, token_ends, late: VecDeque::new() }
    }

    /// Goes on until DISCONNECT (`Ok`), or until either side ends it otherwise.
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<(), Cut> {
        if let Party::Device(session) = &mut self.party {
            let waiting = session.deliver();
            self.give(waiting).await?;
        }
        let mut commands_open = true;
        let mut quiet_until = Instant::now() + self.silence;
        loop {
            let late = self.late.front().map_or_else(|| Instant::now() + LONGEST_SILENCE, |(at, _)| *at);
            tokio::select! {
                packet = self.wire.read() => {
                    quiet_until = Instant::now() + self.silence;
                    match packet? {
                        None => return Err(cut("the client closed without DISCONNECT")),
                        Some(Packet::Disconnect) => return Ok(()),
                        Some(packet) => {
                            let answer = match &mut self.party {
                                Party::Device(session) => session.packet(packet)?,
                                Party::Registration(registration) => registration.packet(packet)?,
                            };
                            self.give(answer).await?;
                        }
                    }
                }
                command = commands.recv(), if commands_open => match (command, &mut self.party) {
                    (Some(command), Party::Device(session)) => {
                        let answer = session.command(command)?;
                        self.give(answer).await?;
                    }
                    (None, Party::Device(_)) => return Err(cut("another connection took over")),
                    (_, Party::Registration(_)) => commands_open = false,
                },
                () = sleep_until(late) => {
                    if let Some((_, pkid)) = self.late.pop_front() {
                        self.wire.write(&[Packet::PubAck(PubAck::new(pkid))]).await?;
                    }
                }
                () = sleep_until(quiet_until) => return Err(cut("silent for longer than 1.5 times its keep-alive")),
                () = sleep_until(self.token_ends) => return Err(cut("its token has expired")),
            }
        }
    }

    async fn give(&mut self, answer: Answer) -> Result<(), Cut> {
        if let Some((pkid, delay)) = answer.later {
            if self.late.len() >= MAX_LATE {
                return Err(cut("too many PUBACKs are held back"));
            }
            self.late.push_back((Instant::now() + delay, pkid));
        }
        self.wire.write(&answer.packets).await
    }
}

/// Bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Packets over TLS.
struct Wire {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
}

impl Wire {
    /// The first packet; whoever begins with another is sent away at its first byte.
    async fn connect(&mut self) -> Result<Option<Connect>, Cut> {
        if self.incoming.is_empty() {
            self.stream.read_buf(&mut self.incoming).await.map_err(|error| lost(&error))?;
        }
        if self.incoming.first().is_some_and(|first| *first != CONNECT) {
            return Err(cut("the first packet is not CONNECT"));
        }
        match self.read().await? {
            Some(Packet::Connect(connect)) => Ok(Some(connect)),
            _ => Ok(None),
        }
    }

    /// The next packet; `None` at the end. Loses nothing when it is dropped before it is ready.
    async fn read(&mut self) -> Result<Option<Packet>, Cut> {
        loop {
            match Packet::read(&mut self.incoming, MAX_PACKET) {
                Ok(packet) => return Ok(Some(packet)),
                Err(mqttbytes::Error::InsufficientBytes(missing)) => {
                    self.incoming.reserve(missing.min(MAX_PACKET))
                }
                Err(error) => return Err(Cut(format!("not MQTT 3.1.1 as the hub takes it: {error:?}"))),
            }
            match self.stream.read_buf(&mut self.incoming).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    async fn write(&mut self, packets: &[Packet]) -> Result<(), Cut> {
        let mut outgoing = BytesMut::new();
        for packet in packets {
            packet
                .write(&mut outgoing, MAX_PACKET)
                .map_err(|error| Cut(format!("cannot write: {error:?}")))?;
        }
        let sent = async {
            self.stream.write_all(&outgoing).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_TIME, sent).await {
            Ok(sent) => sent.map_err(|error| lost(&error)),
            Err(_) => Err(cut("the client does not read")),
        }
    }
}

fn cut(reason: &str) -> Cut {
    Cut(reason.to_owned())
}

fn lost(error: &io::Error) -> Cut {
    Cut(format!("the connection broke: {error}"))
}
