//! Invariant 4: a hub or a source that is gone is a state with a reason, not an exit.

use std::{fs, time::Duration};

use andon::{
    delivery::{Delivery, Link, Pace},
    hub::{Hub, HubSettings, Identity, Trust},
    outbox::{Limits, Outbox, Outgoing},
};
use iothub_standin::{Builder, Faults, Standin};

use crate::{
    pictures::{DARK, shade},
    station::{DEVICE, Station},
};

#[test]
fn reports_made_while_the_hub_was_away_arrive_in_order_once_it_is_back() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    station.hub().set_listening(false);
    let mut agent = station.starts();
    station.waits_until("reported", |_| {
        // The agent is still making it at first.
        let outbox = Outbox::attach(&station.path("outbox.db"));
        outbox.and_then(|outbox| outbox.depth()).is_ok_and(|depth| depth.reports >= 20)
    });
    assert!(station.log().contains("offline, next try in"), "{}", station.log());
    station.hub().set_listening(true);
    station.waits_until("delivered", |hub| hub.accepted() >= 20);
    agent.gets("TERM");
    agent.ends_well();
    assert_eq!(sequences(station.hub()), (1..=station.hub().accepted()).collect::<Vec<_>>());
}

#[test]
fn a_connection_that_is_cut_again_and_again_loses_and_reorders_nothing() {
    let station = Station::that_sees(&[DARK; 60]);
    station.hub().set_faults(Faults { cut_after_publishes: Some(7), ..Faults::default() });
    let mut agent = station.starts();
    station.waits_until("cut", |hub| hub.logins() >= 3);
    station.hub().set_faults(Faults::default());
    agent.ends_well();
    let mut first_seen = sequences(station.hub());
    let mut known = std::collections::BTreeSet::new();
    first_seen.retain(|sequence| known.insert(*sequence));
    assert_eq!(first_seen, (1..=60).collect::<Vec<_>>());
}

#[test]
fn a_refused_login_says_what_to_look_at_and_is_tried_again() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    station.hub().set_faults(Faults { refuse_login: true, ..Faults::default() });
    let mut agent = station.starts();
    station.waits_until("refused", |_| station.log().contains("offline, next try in"));
    let log = station.log();
    for hint in ["clock", "key", "enabled"] {
        assert!(log.contains(hint), "no word of {hint}: {log}");
    }
    station.hub().set_faults(Faults::default());
    station.waits_until("delivered", |hub| hub.accepted() >= 1);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_hub_that_takes_logins_and_no_reports_is_told_apart_from_a_second_client() {
    let station = Station::that_sees(&[DARK]);
    station.hub().set_faults(Faults { cut_after_connack: true, ..Faults::default() });
    let mut agent = station.starts();
    station.waits_until("told", |_| station.log().contains("it took the login and no report"));
    assert!(station.log().contains("daily message quota"), "{}", station.log());
    station.hub().set_faults(Faults::default());
    agent.ends_well();
    assert_eq!(station.hub().accepted(), 1);
}

#[test]
fn a_second_client_with_the_same_identity_is_guessed_from_how_connections_end() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() >= 1);
    let mut other = Hub::new(identity(&station), settings(&station)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let session = runtime.block_on(other.connect()).unwrap();
    station
        .waits_until("told", |_| station.log().contains("another client most likely logs in as this device"));
    // The other one is cut in its turn, and nothing is lost between them.
    let before = station.hub().accepted();
    station.waits_until("delivered again", |hub| hub.accepted() > before + 5);
    drop(session);
    agent.gets("TERM");
    agent.ends_well();
    let mut arrived = sequences(station.hub());
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived, (1..=arrived.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_hub_for_which_nobody_vouches_is_told_and_delivered_to_once_its_authority_is_there() {
    let station = Station::that_sees(&[DARK; 3]);
    let (right, text) =
        (fs::read(station.path("ca.pem")).unwrap(), fs::read_to_string(station.config()).unwrap());
    // Every stand-in's authority has the same name and a key of its own.
    let another = Builder::new().start().unwrap();
    fs::write(station.path("ca.pem"), another.ca_pem()).unwrap();
    let without = text.replace("ca_file = \"ca.pem\"\n", "");
    for (text, told) in [
        (&without, "vouches for it: check that the package ca-certificates is installed, that [hub] ca_file"),
        (&text, "bears the name of one that the station trusts and has another key"),
    ] {
        fs::write(station.config(), text).unwrap();
        let mut agent = station.starts();
        station.waits_until(told, |_| station.log().contains(told));
        agent.gets("TERM");
        agent.ends_well();
    }
    assert_eq!(station.hub().logins(), 0);
    fs::write(station.path("ca.pem"), right).unwrap();
    station.starts().ends_well();
    assert_eq!(station.hub().accepted(), 9, "{}", station.log());
}

/// Who the station is.
fn identity(station: &Station) -> Identity {
    Identity::parse(&station.hub().connection_string(DEVICE).unwrap()).unwrap()
}

/// How it reaches its hub.
fn settings(station: &Station) -> HubSettings {
    HubSettings {
        port: station.hub().address().port(),
        trust: Trust::Only(station.path("ca.pem")),
        ..HubSettings::default()
    }
}

#[test]
fn a_token_is_renewed_before_the_hub_cuts_the_connection() {
    let station = Station::that_sees(&[]);
    // Minutes are the shortest life that a station can be given; the parts themselves take seconds.
    let settings = HubSettings { token_life: Duration::from_secs(8), ..settings(&station) };
    let limits = Limits { reports: 10_000, bytes: 1 << 30 };
    let (outbox, _) = Outbox::open(&station.path("outbox.db"), limits).unwrap();
    let delivery = Delivery::new(
        outbox.clone(),
        Hub::new(identity(&station), settings).unwrap(),
        Pace::default(),
        |_, _| {},
    );
    let counters = delivery.counters();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let delivering = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(delivery.run(async { drop(stopped.await) }));
    });
    station.waits_until("logged in for the third time", |hub| {
        // Something is always under way, also while one connection takes over from the other.
        let number = outbox.totals().unwrap().appended + 1;
        let report = Outgoing { report_id: number.to_string(), properties: Vec::new(), json: b"{}".to_vec() };
        outbox.append(|_| Ok(report), &[]).unwrap();
        hub.logins() >= 3
    });
    station.waits_until("all delivered", |_| outbox.depth().unwrap().reports == 0);
    stop.send(()).unwrap();
    delivering.join().unwrap();
    assert_eq!(counters.counts().failures, 0, "{:?}", station.hub().log());
    assert!(!station.hub().log().iter().any(|line| line.contains("expired")), "{:?}", station.hub().log());
    let ids: std::collections::BTreeSet<_> =
        station.hub().events().iter().map(|event| event.message_id().to_owned()).collect();
    assert_eq!(ids.len() as u64, outbox.totals().unwrap().appended);
}

#[test]
fn a_folder_that_is_not_there_yet_is_waited_for() {
    let station = Station::that_sees(&[]);
    fs::remove_dir(station.path("pictures")).unwrap();
    let mut agent = station.starts();
    station.waits_until("missed", |_| station.log().contains("cannot read frames from"));
    assert!(station.log().contains("correct [source] path"), "{}", station.log());
    let later = station.path("later");
    fs::create_dir(&later).unwrap();
    shade(&later.join("1.png"), DARK);
    fs::rename(later, station.path("pictures")).unwrap();
    station.waits_until("delivered", |hub| hub.accepted() == 1);
    agent.ends_well();
}

fn sequences(hub: &Standin) -> Vec<u64> {
    let read = |body: &String| andon_telemetry::read(body.as_bytes()).unwrap().sequence;
    hub.events().iter().filter_map(|event| event.body.as_ref().map(read)).collect()
}
