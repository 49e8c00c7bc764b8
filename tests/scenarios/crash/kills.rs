//! SIGKILL.

use std::{collections::BTreeSet, thread};

use andon::outbox::Outbox;
use iothub_standin::{Faults, Puback};
use rand::{Rng, rngs::StdRng};

use super::{chance, reckon, rounds};
use crate::station::Station;

#[test]
fn kills_at_random_instants_lose_no_report() {
    let mut chance = chance("kills");
    let rounds = rounds(10);
    let station = Station::that_sees_every_second_item_dark(100.0);
    let longest = station.time_to_deliver() * 2;
    let mut seen = BTreeSet::new();
    for _ in 0..rounds {
        station.hub().set_listening(chance.random_bool(0.7));
        station.hub().set_faults(weather(&mut chance));
        let agent = station.starts();
        // A random instant is what this test is about; nothing is waited for.
        thread::sleep(longest.mul_f64(chance.random()));
        agent.dies();
        seen.extend(waiting(&station));
    }
    eprintln!("{rounds} kills: {}", reckon(&station, &seen));
}

fn weather(chance: &mut StdRng) -> Faults {
    let nothing = Faults::default();
    match chance.random_range(0..5) {
        0 => Faults { puback: Puback::Never, ..nothing },
        1 => Faults { puback: Puback::LateMs(100), ..nothing },
        2 => Faults { cut_after_publishes: Some(chance.random_range(1..10)), ..nothing },
        _ => nothing,
    }
}

/// The reports on disk.
pub(super) fn waiting(station: &Station) -> Vec<String> {
    // The kill may have come before the file was an outbox.
    let Ok(outbox) = Outbox::attach(&station.path("outbox.db")) else { return Vec::new() };
    outbox.waiting_after(0, 1_000_000).unwrap().into_iter().map(|entry| entry.report_id).collect()
}
