//! A hub and the network before it, in fake time: out of reach for minutes or a weekend, with logins refused,
//! connections that die without a word, and PUBACKs that are late or never come.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use andon::{
    delivery::{Link, Session, Unsendable},
    outbox::Entry,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant as Moment, sleep, sleep_until};

/// A token of an hour is renewed five minutes before its end.
const RENEWAL: Duration = Duration::from_secs(55 * 60);

const HOUR: u64 = 60 * 60;

/// More reports than any run makes. What the hub knows of them is in memory from the beginning, and so does not grow.
const REPORTS: usize = 1 << 18;

/// Nothing arrived under this number yet.
const MISSING: u64 = u64::MAX;

pub(super) struct Hub {
    chance: StdRng,
    /// What arrived, by sequence number: a digest of its id.
    reports: Vec<u64>,
    first: u64,
    /// Messages that had arrived before.
    pub(super) again: u64,
    pub(super) renewals: u64,
    down_until: Moment,
    next_outage: Moment,
}

impl Hub {
    pub(super) fn new(seed: u64) -> Self {
        let now = Moment::now();
        Self {
            chance: StdRng::seed_from_u64(seed),
            reports: vec![MISSING; REPORTS],
            first: 0,
            again: 0,
            renewals: 0,
            down_until: now,
            next_outage: now + Duration::from_secs(2 * HOUR),
        }
    }

    /// How many different reports arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.first
    }

    /// Begins an outage when its time has come.
    pub(super) fn weather(&mut self) {
        let now = Moment::now();
        if now >= self.next_outage {
            let seconds = match self.chance.random_range(0..20) {
                0 => 60 * HOUR,
                1..6 => self.chance.random_range(HOUR..8 * HOUR),
                _ => self.chance.random_range(60..30 * 60),
            };
            self.down_until = now + Duration::from_secs(seconds);
            let pause = self.chance.random_range(HOUR..24 * HOUR);
            self.next_outage = self.down_until + Duration::from_secs(pause);
        }
    }

    /// No outage any more.
    pub(super) fn clear_up(&mut self) {
        self.down_until = Moment::now();
        self.next_outage = self.down_until + Duration::from_secs(365 * 24 * HOUR);
    }

    fn is_down(&self) -> bool {
        Moment::now() < self.down_until
    }

    fn take(&mut self, entry: &Entry) {
        let mut hasher = DefaultHasher::new();
        (&entry.report_id, &entry.json).hash(&mut hasher);
        let (place, digest) = (usize::try_from(entry.sequence).unwrap(), hasher.finish());
        match self.reports[place] {
            MISSING => {
                assert_eq!(entry.sequence, self.first + 1, "reports arrive in order");
                self.reports[place] = digest;
                self.first += 1;
            }
            known => {
                assert_eq!(known, digest, "report {} came again as another", entry.sequence);
                self.again += 1;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Gone(&'static str);

/// The way to the hub.
pub(super) struct Line(pub(super) Arc<Mutex<Hub>>);

pub(super) struct Connection {
    hub: Arc<Mutex<Hub>>,
    renewal: Moment,
    /// From then on nothing gets through, and nobody says so.
    dies: Moment,
    pubacks: VecDeque<(Moment, u64)>,
}

impl Link for Line {
    type Session = Connection;

    async fn connect(&mut self) -> Result<Connection, Gone> {
        let pause = self.0.lock().unwrap().chance.random_range(20..2_000);
        sleep(Duration::from_millis(pause)).await;
        let mut hub = self.0.lock().unwrap();
        if hub.is_down() {
            return Err(Gone("no route to the hub"));
        }
        if hub.chance.random_ratio(1, 50) {
            return Err(Gone("the login is refused"));
        }
        let now = Moment::now();
        let life = hub.chance.random_range(60..12 * HOUR);
        Ok(Connection {
            hub: Arc::clone(&self.0),
            renewal: now + RENEWAL,
            dies: now + Duration::from_secs(life),
            pubacks: VecDeque::new(),
        })
    }
}

impl Session for Connection {
    type Error = Gone;

    fn publish(&mut self, entry: &Entry) -> Result<(), Unsendable> {
        let mut hub = self.hub.lock().unwrap();
        if hub.is_down() || Moment::now() >= self.dies {
            // What is lost within a connection is never followed by what is not.
            self.dies = self.dies.min(Moment::now());
            return Ok(());
        }
        hub.take(entry);
        if !hub.chance.random_ratio(1, 100) {
            let latest = if hub.chance.random_ratio(1, 20) { 20_000 } else { 300 };
            let late = hub.chance.random_range(1..latest);
            let at = Moment::now() + Duration::from_millis(late);
            let at = self.pubacks.back().map_or(at, |(last, _)| at.max(*last));
            self.pubacks.push_back((at, entry.sequence));
        }
        Ok(())
    }

    async fn acknowledged(&mut self) -> Result<Vec<u64>, Gone> {
        match self.pubacks.front() {
            Some((at, _)) if *at < self.dies => sleep_until(*at).await,
            // Half of the dead connections are found out by the missing PUBACK, the others are reset after a while.
            _ => {
                sleep_until(self.dies + Duration::from_secs(60)).await;
                return Err(Gone("the connection was reset"));
            }
        }
        if self.hub.lock().unwrap().is_down() {
            return Err(Gone("the connection was reset"));
        }
        let now = Moment::now();
        let count = self.pubacks.iter().take_while(|(at, _)| *at <= now).count();
        Ok(self.pubacks.drain(..count).map(|(_, sequence)| sequence).collect())
    }

    fn renewal(&self) -> Option<Instant> {
        Some(self.renewal.into_std())
    }

    async fn close(self) {
        if Moment::now() >= self.renewal {
            self.hub.lock().unwrap().renewals += 1;
        }
    }
}
