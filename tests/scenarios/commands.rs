//! `andon check`, `outbox` and `bench`, and how the command line refuses.

use std::fs;

use andon::outbox::Outbox;
use serde_json::Value;

use crate::{
    pictures::DARK,
    station::{Station, run, shade_pack},
};

#[test]
fn a_station_in_order_passes_its_check() {
    let station = Station::that_sees(&[DARK]);
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.json();
    let levels: Vec<_> = lines.iter().map(|line| (&line["check"], &line["level"])).collect();
    assert!(levels.iter().all(|(_, level)| **level == "ok"), "{levels:?}");
    assert_eq!(station.hub().logins(), 1, "it logged in");
    assert!(!station.path("outbox.db").exists(), "and left nothing behind");

    let offline = station.does(&["check", "--offline"]);
    assert_eq!((offline.code, station.hub().logins()), (Some(0), 1), "{offline:?}");
}

#[test]
fn a_check_tells_every_fault_with_its_remedy() {
    let station = Station::that_sees(&[DARK]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("\"pictures\"", "\"pictrues\"").replace("shade\"", "shdae\""))
        .unwrap();
    station.hub().set_listening(false);
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let faults: Vec<Value> = done.json().into_iter().filter(|line| line["level"] == "fault").collect();
    let of = |subject: &str| {
        faults.iter().find(|line| line["check"] == subject).map(|line| line["message"].to_string())
    };
    assert!(of("model").is_some_and(|it| it.contains("shdae")), "{faults:?}");
    assert!(of("source").is_some_and(|it| it.contains("correct [source] path")), "{faults:?}");
    assert!(of("hub").is_some(), "{faults:?}");
}

#[test]
fn a_check_tells_every_fault_of_the_file_with_its_line() {
    let station = Station::that_sees(&[DARK]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("id = ", "idd = ").replace("port = ", "prot = ")).unwrap();
    let done = station.does(&["check", "--json"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    let lines: Vec<_> = done.json().iter().filter_map(|line| line["line"].as_u64()).collect();
    assert!(lines.contains(&2) && lines.len() >= 2, "{}", done.out);
}

#[test]
fn a_check_never_takes_a_running_agents_connection() {
    let station = Station::that_sees_every_second_item_dark(10.0);
    let mut agent = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() >= 1);
    let done = station.does(&["check"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.notes.contains("its agent is running"), "{}", done.notes);
    assert_eq!(station.hub().logins(), 1);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn the_outbox_is_listed_shown_and_purged_by_hand() {
    let station = Station::that_sees(&[DARK; 3]);
    station.hub().set_listening(false);
    let mut agent = station.starts();
    station.waits_until("reported", |_| {
        let depth = Outbox::attach(&station.path("outbox.db")).and_then(|outbox| outbox.depth());
        depth.is_ok_and(|depth| depth.reports == 3)
    });
    agent.gets("TERM");
    agent.ends_well();

    let listed = station.does(&["outbox", "list", "--json"]).json();
    assert_eq!(listed.len(), 3);
    let id = listed[1]["report_id"].as_str().unwrap();
    let shown = station.does(&["outbox", "show", id]);
    let report = andon_telemetry::read(shown.out.trim().as_bytes()).unwrap();
    assert_eq!((report.report_id.as_str(), report.sequence), (id, 2));
    assert_eq!(station.does(&["outbox", "purge"]).code, Some(2), "not without a confirmation");
    assert_eq!(station.does(&["outbox", "purge", "--yes"]).code, Some(0));
    assert_eq!(station.does(&["outbox", "list", "--json"]).out, "");
}

#[test]
fn a_bench_gives_the_stages_of_a_frame() {
    let pack = shade_pack().display().to_string();
    let done = run(&["bench", "--model", &pack, "--frames", "20", "--json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let bench = &done.json()[0];
    assert_eq!(bench["frames"], 20);
    for stage in ["decode", "prepare", "infer", "judge", "frame"] {
        let [p50, p99] = ["p50", "p99"].map(|it| bench["milliseconds"][stage][it].as_f64().unwrap());
        assert!(p50 <= p99, "{stage}: {bench}");
    }
    assert_eq!(run(&["bench", "--model", &pack, "--frames", "0"]).code, Some(2));
}

#[test]
fn wrong_use_is_told_on_standard_error_with_exit_2() {
    for arguments in [&["rnu"][..], &["run", "--confg", "x"], &["inspect", "--model", "x"], &[]] {
        let done = run(arguments);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{arguments:?}: {done:?}");
        assert!(!done.notes.is_empty());
    }
    assert_eq!(run(&["--help"]).code, Some(0));
    assert!(run(&["--version"]).out.starts_with("andon "));
}
