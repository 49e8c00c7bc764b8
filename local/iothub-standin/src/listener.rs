//! Listening, not listening, and listening again.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    connection::{self, Carrier},
    control,
    hub::Hub,
    tls::Identity,
};

/// What the owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    Up,
    Down,
    Stop,
}

/// Where devices connect: MQTT over TLS, and in WebSocket messages if that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) mqtt: SocketAddr,
    pub(crate) websocket: Option<SocketAddr>,
}

/// The same, listening already.
pub(crate) struct Bound {
    pub(crate) addresses: Addresses,
    pub(crate) mqtt: StdListener,
    pub(crate) websocket: Option<StdListener>,
}

struct Doors {
    mqtt: TcpListener,
    websocket: Option<TcpListener>,
}

impl Doors {
    fn of(bound: Bound) -> io::Result<Self> {
        let websocket = bound.websocket.map(TcpListener::from_std).transpose()?;
        Ok(Self { mqtt: TcpListener::from_std(bound.mqtt)?, websocket })
    }

    async fn open(addresses: Addresses) -> io::Result<Self> {
        let websocket = match addresses.websocket {
            Some(address) => Some(TcpListener::bind(address).await?),
            None => None,
        };
        Ok(Self { mqtt: TcpListener::bind(addresses.mqtt).await?, websocket })
    }

    async fn knock(&self) -> io::Result<(TcpStream, Carrier)> {
        let over_websocket = async {
            match &self.websocket {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = self.mqtt.accept() => Ok((accepted?.0, Carrier::Tls)),
            accepted = over_websocket => Ok((accepted?.0, Carrier::WebSocket)),
        }
    }
}

/// More connections at once are refused.
const MAX_CONNECTIONS: usize = 1_000;

/// Serves until it is told to stop.
pub(crate) async fn run(
    hub: Arc<Hub>,
    tls: Arc<ServerConfig>,
    bound: Bound,
    control: Option<(StdListener, Arc<Identity>)>,
    mut wish: watch::Receiver<Listening>,
) {
    if let Some((listener, identity)) = control {
        tokio::spawn(control::serve(Arc::clone(&hub), identity, listener));
    }
    let acceptor = TlsAcceptor::from(tls);
    let addresses = bound.addresses;
    let mut first = Doors::of(bound).ok();
    loop {
        let wanted = *wish.borrow_and_update();
        match wanted {
            Listening::Stop => return,
            Listening::Down => {
                first = None;
                set_listening(&hub, false);
                if wish.changed().await.is_err() {
                    return;
                }
            }
            Listening::Up => {
                let listener = match first.take() {
                    Some(listener) => Ok(listener),
                    None => Doors::open(addresses).await,
                };
                match listener {
                    Ok(listener) => accept(&hub, &acceptor, listener, &mut wish).await,
                    Err(error) => {
                        eprintln!("iothub-standin: cannot listen on {addresses:?} again: {error}");
                        sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }
}

/// Takes connections until something else is wanted; then all of them are cut.
async fn accept(hub: &Arc<Hub>, acceptor: &TlsAcceptor, doors: Doors, wish: &mut watch::Receiver<Listening>) {
    set_listening(hub, true);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = wish.changed() => {
                if changed.is_err() || *wish.borrow() != Listening::Up {
                    break;
                }
            }
            Ok((stream, carrier)) = doors.knock() => {
                let refuse = hub.lock().faults.refuse_connections;
                if !refuse && connections.len() < MAX_CONNECTIONS {
                    connections.spawn(serve(stream, carrier, acceptor.clone(), Arc::clone(hub)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(doors);
    connections.shutdown().await;
    hub.forget_links();
    set_listening(hub, false);
}

async fn serve(stream: TcpStream, carrier: Carrier, acceptor: TlsAcceptor, hub: Arc<Hub>) {
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr();
    if let Err(cut) = connection::serve(stream, carrier, acceptor, Arc::clone(&hub)).await {
        let peer = peer.map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
        hub.note(format!("{peer}: {}", cut.0));
    }
}

fn set_listening(hub: &Hub, listening: bool) {
    hub.lock().is_listening = listening;
    hub.changed.notify_all();
}
