//! Invariant 4: a hub or a source that is gone is a state with a reason, not an exit.

use std::{fs, time::Duration};

use andon::{
    delivery::{Delivery, Pace},
    hub::{Hub, HubSettings, Identity, Trust},
    outbox::{Limits, Outbox, Outgoing},
};
use iothub_standin::{Faults, Standin};

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
fn a_token_is_renewed_before_the_hub_cuts_the_connection() {
    let station = Station::that_sees(&[]);
    let identity = Identity::parse(&station.hub().connection_string(DEVICE).unwrap()).unwrap();
    // Minutes are the shortest life that a station can be given; the parts themselves take seconds.
    let settings = HubSettings {
        port: station.hub().address().port(),
        trust: Trust::Only(station.path("ca.pem")),
        token_life: Duration::from_secs(8),
        ..HubSettings::default()
    };
    let limits = Limits { reports: 10_000, bytes: 1 << 30 };
    let (outbox, _) = Outbox::open(&station.path("outbox.db"), limits).unwrap();
    let delivery =
        Delivery::new(outbox.clone(), Hub::new(identity, settings).unwrap(), Pace::default(), |_, _| {});
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
