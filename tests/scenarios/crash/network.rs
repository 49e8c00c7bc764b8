//! Cuts, resets, half-open connections and stalls.

use std::{collections::BTreeSet, fs, time::Duration};

use rand::{Rng, rngs::StdRng};

use super::{
    chance, kills,
    proxy::{Mishap, Proxy},
    reckon, rounds,
};
use crate::station::Station;

/// A login takes about 5,000 bytes and a report 1,500: mishaps fall into both, and between reports.
const BYTES: usize = 20_000;

#[test]
fn cuts_of_the_network_at_random_instants_lose_no_report() {
    let mut chance = chance("network");
    let rounds = rounds(3);
    let station = Station::that_sees_every_second_item_dark(40.0);
    let proxy = Proxy::start(station.hub().address());
    let direct = format!("port = {}", station.hub().address().port());
    let config = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), config.replace(&direct, &format!("port = {}", proxy.port()))).unwrap();

    let mut seen = BTreeSet::new();
    let mut agent = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() > 0);
    for _ in 0..rounds {
        proxy.plan(chance.random_range(0..BYTES), mishap(&mut chance));
        station.waits_until("met its mishap", |_| proxy.has_happened());
        seen.extend(kills::waiting(&station));
        // The pause before the next try grows until a report is acknowledged; another mishap waits for that.
        let before = station.hub().accepted();
        station.waits_until("delivered again", |hub| hub.accepted() > before + 1);
    }
    agent.gets("TERM");
    agent.ends_well();
    let logins = station.hub().logins();
    eprintln!("{rounds} cuts of the network, {logins} logins: {}", reckon(&station, &seen));
}

fn mishap(chance: &mut StdRng) -> Mishap {
    let time = Duration::from_millis(chance.random_range(0..2_000));
    match chance.random_range(0..4) {
        0 => Mishap::Cut,
        1 => Mishap::Reset,
        2 => Mishap::HalfOpen(time),
        _ => Mishap::Stall(time),
    }
}
