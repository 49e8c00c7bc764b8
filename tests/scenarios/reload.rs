//! SIGHUP: the station's file is read again, and the old one stays in force if the new one is bad.

use std::{fs, thread, time::Duration};

use crate::{
    station::{PATIENCE, Station},
    systemd::Manager,
};

#[test]
fn a_new_configuration_takes_effect_without_a_restart_and_without_a_lost_report() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let manager = Manager::of(&station);
    let mut agent = station.starts_with(&manager.environment(PATIENCE));
    manager.hears("READY=1");
    station.waits_until("a report of plates", |hub| hub.accepted() > 0);

    let config = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), config.replace("\"Plate\"", "\"Disc\"")).unwrap();
    agent.gets("HUP");
    let reloading = manager.hears("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    manager.hears("READY=1");
    let made = |event: &iothub_standin::Event| {
        let report = andon_telemetry::read(event.body.as_ref().unwrap().as_bytes()).unwrap();
        (report.sequence, report.station.product)
    };
    station.waits_until("a report of discs", |hub| hub.events().iter().any(|event| made(event).1 == "Disc"));

    agent.gets("TERM");
    manager.hears("STOPPING=1");
    agent.ends_well();
    let waiting = station.outbox().depth().unwrap().reports;
    let mut numbers: Vec<_> = station.hub().events().iter().map(|event| made(event).0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let stored = station.outbox().totals().unwrap().appended;
    assert!(numbers.into_iter().eq(1..=stored - waiting), "no gap between the two");
}

#[test]
fn a_bad_configuration_is_refused_while_the_old_one_runs_on() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    station.waits_until("a first report", |hub| hub.accepted() > 0);
    let config = fs::read_to_string(station.config()).unwrap();
    let bad = [
        config.replace("product =", "prodcut ="),
        config.replace("pack = ", "pack = \"nowhere\" #"),
        config.replace("level = \"debug\"", "level = \"debug\"\n[severity.labels]\nscratch = \"minor\""),
    ];
    for (number, text) in bad.iter().enumerate() {
        assert_ne!(*text, config);
        fs::write(station.config(), text).unwrap();
        agent.gets("HUP");
        waits_for_refusal(&station, number + 1);
    }
    let log = station.log();
    for remedy in ["prodcut", "nowhere", "scratch"] {
        assert!(log.contains(remedy), "{log}");
    }
    let before = station.hub().accepted();
    station.waits_until("a report after the refusals", |hub| hub.accepted() > before);
    agent.gets("TERM");
    agent.ends_well();
    assert_eq!(station.log().matches("inspecting folder").count(), 1, "it never began anew");
}

fn waits_for_refusal(station: &Station, times: usize) {
    let since = std::time::Instant::now();
    while station.log().matches("the new configuration is refused").count() < times {
        assert!(since.elapsed() < PATIENCE, "never refused {times} times:\n{}", station.log());
        thread::sleep(Duration::from_millis(10));
    }
}
