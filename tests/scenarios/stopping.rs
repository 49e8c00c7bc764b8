//! Starting, stopping, and starting twice.

use std::time::Duration;

use crate::{
    pictures::{BRIGHT, DARK},
    station::Station,
};

/// What systemd, a person and the design give it.
const LONGEST_STOP: Duration = Duration::from_secs(5);

#[test]
fn sigterm_ends_it_within_five_seconds_with_nothing_lost() {
    for (signal, hub_is_up) in [("TERM", true), ("TERM", false), ("INT", true)] {
        let station = Station::that_sees_every_second_item_dark(100.0);
        let mut agent = station.starts();
        station.waits_until("delivered", |hub| hub.accepted() >= 5);
        station.hub().set_listening(hub_is_up);
        agent.gets(signal);
        let (status, took) = agent.ends();
        assert!(status.success(), "{signal}, hub up {hub_is_up}: {status:?}\n{}", station.log());
        assert!(took < LONGEST_STOP, "{signal}, hub up {hub_is_up}: {took:?}");

        let totals = station.outbox().totals().unwrap();
        let waiting = station.outbox().depth().unwrap().reports;
        assert_eq!(totals.appended, totals.acknowledged + waiting, "delivered or on disk: {totals:?}");
        assert!(totals.acknowledged <= station.hub().accepted());
    }
}

#[test]
fn a_stop_while_the_hub_never_acknowledges_leaves_every_report_on_disk() {
    let station = Station::that_sees_every_second_item_dark(100.0);
    let puback = iothub_standin::Puback::Never;
    station.hub().set_faults(iothub_standin::Faults { puback, ..Default::default() });
    let mut agent = station.starts();
    station.waits_until("sent", |hub| hub.accepted() >= 3);
    agent.gets("TERM");
    let (status, took) = agent.ends();
    assert!(status.success() && took < LONGEST_STOP, "{status:?} after {took:?}\n{}", station.log());
    let totals = station.outbox().totals().unwrap();
    assert_eq!((totals.acknowledged, totals.appended), (0, station.outbox().depth().unwrap().reports));
}

#[test]
fn a_second_agent_on_one_station_is_refused_and_harms_nothing() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut first = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() >= 1);
    let second = station.does(&["run"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.notes.contains("is in use by another agent"), "{}", second.notes);
    let before = station.hub().accepted();
    station.waits_until("delivered on", |hub| hub.accepted() > before);
    assert_eq!(station.hub().logins(), 1, "the first kept its connection");
    first.gets("TERM");
    first.ends_well();
}

#[test]
fn item_numbers_and_incidents_go_on_after_a_restart() {
    let station = Station::that_sees(&[DARK, BRIGHT, DARK]);
    station.starts().ends_well();
    station.starts().ends_well();
    let reports: Vec<_> = station
        .hub()
        .events()
        .iter()
        .map(|event| andon_telemetry::read(event.body.as_ref().unwrap().as_bytes()).unwrap())
        .collect();
    let items: Vec<u64> = reports.iter().map(|report| report.item.sequence).collect();
    assert_eq!(items, [1, 3, 4, 6]);
    let counts: Vec<u64> = reports.iter().map(|report| report.incident.count).collect();
    assert_eq!(counts, [1, 2, 3, 4], "one incident over both runs");
}
