//! What is lost when the process, the network or the power goes at a random instant: nothing. `make crash-test` plays
//! many rounds of each, `make test` a few.

mod proxy;
mod kills;
mod network;
mod recording;
mod disk;
mod writer;
mod power;

use std::collections::{BTreeMap, BTreeSet};

use iothub_standin::Faults;
use rand::{SeedableRng, rngs::StdRng};

use crate::station::Station;

/// How many rounds are played: as many as the environment wants, or these few.
fn rounds(few: u32) -> u32 {
    std::env::var("ANDON_CRASH_ROUNDS").ok().map_or(few, |it| it.parse().expect("a number of rounds"))
}

/// Chance with a seed that is told, so that a round can be played again.
fn chance(test: &str) -> StdRng {
    let given = std::env::var("ANDON_CRASH_SEED").ok();
    let seed: u64 = given.map_or_else(rand::random, |it| it.parse().expect("a number as seed"));
    eprintln!("{test}: seed {seed}");
    StdRng::seed_from_u64(seed)
}

/// What a station reported and what became of it.
struct Reckoning {
    /// Reports that were ever stored.
    stored: u64,
    /// Messages that the hub accepted, with those that it accepted again.
    accepted: u64,
}

/// Lets the station send what is left, and compares: each report that was stored arrived, and what arrived more than
/// once is the same report to the last byte. `seen` are reports that were found on disk meanwhile.
fn reckon(station: &Station, seen: &BTreeSet<String>) -> Reckoning {
    station.hub().set_faults(Faults::default());
    station.hub().set_listening(true);
    station.configure("", "");
    station.starts().ends_well();

    assert_eq!(station.outbox().depth().unwrap().reports, 0, "{}", station.log());
    let totals = station.outbox().totals().unwrap();
    assert_eq!((totals.dropped, totals.set_aside, totals.purged), (0, 0, 0), "nothing was given up");
    let events = station.hub().events();
    assert_eq!(events.len() as u64, station.hub().accepted(), "the stand-in remembers all of them");
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut numbers: BTreeMap<u64, &str> = BTreeMap::new();
    for event in &events {
        let (id, body) = (event.message_id(), event.body.as_deref().unwrap());
        assert_eq!(*bodies.entry(id).or_insert(body), body, "one id, two reports");
        let number = andon_telemetry::read(body.as_bytes()).unwrap().sequence;
        assert_eq!(*numbers.entry(number).or_insert(id), id, "one report, two ids");
    }
    let lost: Vec<_> = seen.iter().filter(|id| !bodies.contains_key(id.as_str())).collect();
    assert!(lost.is_empty(), "on disk once, and never arrived: {lost:?}");
    assert!(numbers.keys().copied().eq(1..=totals.appended), "a gap among {} reports", totals.appended);
    Reckoning { stored: totals.appended, accepted: events.len() as u64 }
}

impl std::fmt::Display for Reckoning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let again = self.accepted - self.stored;
        write!(f, "{} reports stored, 0 lost, {again} arrived again with the same id", self.stored)
    }
}
