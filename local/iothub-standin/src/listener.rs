//! Listening, not listening, and listening again.

use std::{net::SocketAddr, net::TcpListener as StdListener, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{connection, control, hub::Hub, tls::Identity};

/// What the owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    Up,
    Down,
    Stop,
}

/// More connections at once are refused.
const MAX_CONNECTIONS: usize = 1_000;

/// Serves until it is told to stop.
pub(crate) async fn run(
    hub: Arc<Hub>,
    tls: Arc<ServerConfig>,
    (listener, address): (StdListener, SocketAddr),
    control: Option<(StdListener, Arc<Identity>)>,
    mut wish: watch::Receiver<Listening>,
) {
    if let Some((listener, identity)) = control {
        tokio::spawn(control::serve(Arc::clone(&hub), identity, listener));
    }
    let acceptor = TlsAcceptor::from(tls);
    let mut first = TcpListener::from_std(listener).ok();
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
                    None => TcpListener::bind(address).await,
                };
                match listener {
                    Ok(listener) => accept(&hub, &acceptor, listener, &mut wish).await,
                    Err(error) => {
                        eprintln!("iothub-standin: cannot listen on {address} again: {error}");
                        sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }
}

/// Takes connections until something else is wanted; then all of them are cut.
async fn accept(
    hub: &Arc<Hub>,
    acceptor: &TlsAcceptor,
    listener: TcpListener,
    wish: &mut watch::Receiver<Listening>,
) {
    set_listening(hub, true);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = wish.changed() => {
                if changed.is_err() || *wish.borrow() != Listening::Up {
                    break;
                }
            }
            Ok((stream, _)) = listener.accept() => {
                let refuse = hub.lock().faults.refuse_connections;
                if !refuse && connections.len() < MAX_CONNECTIONS {
                    connections.spawn(serve(stream, acceptor.clone(), Arc::clone(hub)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
    hub.forget_links();
    set_listening(hub, false);
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, hub: Arc<Hub>) {
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr();
    if let Err(cut) = connection::serve(stream, acceptor, Arc::clone(&hub)).await {
        let peer = peer.map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
        hub.note(format!("{peer}: {}", cut.0));
    }
}

fn set_listening(hub: &Hub, listening: bool) {
    hub.lock().is_listening = listening;
    hub.changed.notify_all();
}
