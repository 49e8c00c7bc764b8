//! A TCP proxy between agent and hub that ends or spoils its connections when it is told to.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

/// How often a pump looks whether something else is wanted.
const LOOK: Duration = Duration::from_millis(5);

/// What happens to the connection on which the bytes run out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mishap {
    /// Both sides see an orderly end.
    Cut,
    /// Both sides see a reset.
    Reset,
    /// Nothing gets through in either direction, and nobody is told for so long; then it is reset, as a router does
    /// that has forgotten the connection.
    HalfOpen(Duration),
    /// Nothing gets through for so long; then all of it does.
    Stall(Duration),
}

/// What is to happen, and after how many bytes in both directions.
#[derive(Debug)]
struct Plan {
    after: usize,
    mishap: Mishap,
}

/// Listens on loopback and carries everything to the hub until a plan says otherwise; it stops when it is dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    hub: SocketAddr,
    plan: Mutex<Option<Plan>>,
    is_over: AtomicBool,
}

impl Proxy {
    pub(super) fn start(hub: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { hub, plan: Mutex::default(), is_over: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ours.is_over() {
                    return;
                }
                serve(&ours, client);
            }
        });
        Self { address, shared }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets this happen once so many more bytes have gone through.
    pub(super) fn plan(&self, after: usize, mishap: Mishap) {
        *self.shared.plan() = Some(Plan { after, mishap });
    }

    /// Whether what was planned has begun.
    pub(super) fn has_happened(&self) -> bool {
        self.shared.plan().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Option<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// How many of these bytes get through, and what happens then.
    fn spend(&self, bytes: usize) -> (usize, Option<Mishap>) {
        let mut plan = self.plan();
        match plan.as_mut() {
            Some(it) if it.after < bytes => {
                let (after, mishap) = (it.after, it.mishap);
                *plan = None;
                (after, Some(mishap))
            }
            Some(it) => {
                it.after -= bytes;
                (bytes, None)
            }
            None => (bytes, None),
        }
    }
}

/// One connection: a pump for each direction.
struct Pair {
    client: TcpStream,
    hub: TcpStream,
    /// Until then nothing is read.
    quiet_until: Mutex<Option<Instant>>,
    is_lost: AtomicBool,
}

fn serve(shared: &Arc<Shared>, client: TcpStream) {
    // A hub that refuses is seen as a connection that ends at once.
    let Ok(hub) = TcpStream::connect(shared.hub) else { return };
    for stream in [&client, &hub] {
        stream.set_read_timeout(Some(LOOK)).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    let pair = Pair { client, hub, quiet_until: Mutex::default(), is_lost: AtomicBool::new(false) };
    let pair = Arc::new(pair);
    for is_up in [true, false] {
        let (shared, pair) = (Arc::clone(shared), Arc::clone(&pair));
        thread::spawn(move || pump(&shared, &pair, is_up));
    }
}

/// Carries bytes in one direction until the connection ends.
fn pump(shared: &Shared, pair: &Pair, is_up: bool) {
    let (mut from, mut to) = if is_up { (&pair.client, &pair.hub) } else { (&pair.hub, &pair.client) };
    let mut chunk = [0; 4096];
    while !shared.is_over() && !pair.is_lost.load(Ordering::Relaxed) {
        if pair.is_quiet() {
            thread::sleep(LOOK);
            continue;
        }
        let count = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let (through, mishap) = shared.spend(count);
        if to.write_all(&chunk[..through]).is_err() {
            break;
        }
        match mishap {
            None => {}
            Some(Mishap::Cut) => break,
            Some(Mishap::Reset) => return pair.reset(),
            Some(Mishap::HalfOpen(time)) => {
                pair.be_quiet(time);
                thread::sleep(time);
                return pair.reset();
            }
            Some(Mishap::Stall(time)) => {
                pair.be_quiet(time);
                thread::sleep(time);
                if to.write_all(&chunk[through..count]).is_err() {
                    break;
                }
            }
        }
    }
    pair.is_lost.store(true, Ordering::Relaxed);
    for stream in [&pair.client, &pair.hub] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

impl Pair {
    fn is_quiet(&self) -> bool {
        self.quiet().is_some_and(|until| Instant::now() < until)
    }

    fn be_quiet(&self, time: Duration) {
        *self.quiet() = Some(Instant::now() + time);
    }

    fn quiet(&self) -> MutexGuard<'_, Option<Instant>> {
        self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sockets are closed with a reset as soon as the other pump has seen it.
    fn reset(&self) {
        for stream in [&self.client, &self.hub] {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.is_lost.store(true, Ordering::Relaxed);
    }
}
