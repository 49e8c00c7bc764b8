//! The hub's wishes: the twin's desired properties, direct methods, cloud-to-device messages; and what a station reports
//! of itself.

use iothub_standin::{Bag, MethodAnswer, Standin};
use serde_json::{Value, json};

use crate::station::{DEVICE, PATIENCE, Station};

fn reported(hub: &Standin) -> Value {
    hub.twin(DEVICE).unwrap()["reported"].clone()
}

/// Patches desired properties.
fn desire(station: &Station, patch: Value) -> u64 {
    station.hub().set_desired(DEVICE, patch.as_object().unwrap().clone()).unwrap()
}

/// Patches desired properties and waits until the station has answered for this one; its answer.
fn desire_and_hear(station: &Station, name: &str, value: Value) -> Value {
    let version = desire(station, json!({name: value}));
    station.waits_until(&format!("answered for {name}"), |hub| reported(hub)[name]["av"] == version);
    reported(station.hub())[name].clone()
}

/// Calls a method; its status and its payload.
fn call(station: &Station, name: &str, payload: Value) -> (u16, Value) {
    let answer = station.hub().call_method(DEVICE, name, &payload, PATIENCE);
    let MethodAnswer { status, payload } =
        answer.unwrap_or_else(|error| panic!("{name}: {error}\n{}", station.log()));
    (status, serde_json::from_slice(&payload).unwrap())
}

fn until_it_listens(station: &Station) {
    station.waits_until("reported", |hub| reported(hub)["health"]["state"] == "ok");
}

fn not_inspected(station: &Station) -> u64 {
    station.log().matches("NOT INSPECTED: inspection is paused").count() as u64
}

#[test]
fn a_station_says_of_itself_what_it_is_and_how_it_stands() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    let reported = reported(station.hub());
    assert_eq!(reported["agent"], json!({"version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(reported["model"]["name"], "shade");
    assert_eq!(reported["health"], json!({"state": "ok", "reason": ""}));
    let counters = &reported["counters"];
    let count = |name: &str| counters[name].as_u64().unwrap();
    assert_eq!(count("items"), count("ok") + count("ng") + count("not_inspected"));
    assert!(reported["outbox"]["oldest_age_seconds"].is_u64(), "{reported}");
    let own = &reported["paused"];
    assert_eq!((&own["value"], &own["ac"], &own["av"]), (&json!(false), &json!(203), &json!(0)));
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn while_it_is_paused_from_afar_every_item_is_not_inspected_and_says_why() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    let answer = desire_and_hear(&station, "paused", json!(true));
    assert_eq!((&answer["value"], &answer["ac"]), (&json!(true), &json!(200)));
    station.waits_until("paused", |hub| reported(hub)["health"]["state"] == "paused");
    station.waits_until("passed items over", |_| not_inspected(&station) >= 10);
    let (status, refusal) = call(&station, "resume", json!(null));
    assert_eq!(status, 409, "{refusal}");
    let accepted = station.hub().accepted();
    let answer = desire_and_hear(&station, "paused", json!(false));
    assert_eq!(answer["value"], json!(false));
    station.waits_until("inspected again", |hub| hub.accepted() >= accepted + 5);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_pause_by_method_outlives_a_restart_without_network() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    let agent = station.starts();
    until_it_listens(&station);
    assert_eq!(call(&station, "pause", json!({})), (200, json!({"paused": true})));
    agent.dies();
    let before = not_inspected(&station);
    station.hub().set_listening(false);
    let mut agent = station.starts();
    station.waits_until("passed items over", |_| not_inspected(&station) >= before + 5);
    let check = station.does(&["check", "--offline"]);
    assert!(check.notes.contains("paused by the method pause"), "{}", check.notes);
    station.hub().set_listening(true);
    station.waits_until("logged in", |hub| {
        reported(hub)["health"]["state"] == "paused" && hub.is_connected(DEVICE)
    });
    let accepted = station.hub().accepted();
    station.waits_until("resumed", |hub| {
        // It may still be subscribing.
        hub.call_method(DEVICE, "resume", &json!(null), PATIENCE).is_ok_and(|answer| answer.status == 200)
    });
    station.waits_until("inspected again", |hub| hub.accepted() > accepted);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_method_that_is_unknown_or_called_wrongly_is_told_so() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    let (status, pong) = call(&station, "ping", json!(null));
    assert_eq!((status, &pong["station"]), (200, &json!(DEVICE)));
    for (name, payload, expected) in [
        ("reboot", json!(null), 404),
        ("ping", json!([1]), 400),
        ("pause", json!({"minutes": 5}), 400),
        ("acknowledge", json!({}), 400),
        ("acknowledge", json!({"incident": "none like that"}), 404),
    ] {
        let (status, answer) = call(&station, name, payload);
        assert_eq!(status, expected, "{name}: {answer}");
        assert!(answer["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer}");
    }
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn an_acknowledged_incident_is_closed_and_the_next_defect_opens_another() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    station.waits_until("reported", |hub| hub.accepted() >= 2);
    let incident = |number: usize| {
        let events = station.hub().events();
        let report = andon_telemetry::read(events[number].body.as_ref().unwrap().as_bytes()).unwrap();
        (report.incident.id, report.incident.count)
    };
    let (first, _) = incident(0);
    let (status, answer) = call(&station, "acknowledge", json!({"incident": first}));
    assert_eq!((status, &answer["closed"]["id"]), (200, &json!(first)));
    station.waits_until("told", |hub| reported(hub)["acknowledged"]["incident"] == json!(first));
    station.waits_until("opened another", |hub| incident(hub.events().len() - 1).0 != first);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn counters_start_over_when_they_are_reset() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    assert_eq!(call(&station, "pause", json!(null)).0, 200);
    let items = |reported: &Value| reported["counters"]["items"].as_u64().unwrap();
    let (status, counters) = call(&station, "reset_counters", json!(null));
    assert_eq!((status, items(&json!({"counters": counters}))), (200, 0));
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn messages_from_the_cloud_are_taken_shown_and_never_fill_the_queue() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    // The hub's queue holds 50 for a device.
    for number in 0..60 {
        let body = format!("message {number} of sixty\u{7}");
        station.waits_until("had room", |hub| {
            hub.send_to_device(DEVICE, Bag::default(), body.clone().into_bytes()).is_ok()
        });
    }
    station.waits_until("shown", |_| station.log().contains("message 59 of sixty"));
    let (_, bundle) = call(&station, "diagnostics", json!(null));
    let text = bundle["text"].as_str().unwrap();
    assert!(text.contains("message 59 of sixty") && !text.contains('\u{7}'), "{text}");
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn diagnostics_tell_how_things_stand_and_hold_no_secret() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    desire_and_hear(&station, "incidents", json!({"quiet_minutes": 3}));
    let (status, bundle) = call(&station, "diagnostics", json!(null));
    let text = bundle["text"].as_str().unwrap();
    for part in [
        "station press-3",
        "model shade",
        "health ok",
        "hub online",
        "counters",
        "outbox",
        "\"quiet_minutes\":3",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert_eq!(status, 200);
    let secret = std::fs::read_to_string(station.path("secret")).unwrap();
    let key = secret.split("SharedAccessKey=").nth(1).unwrap();
    assert!(!text.contains(key));
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_threshold_from_afar_is_in_force_at_once_and_after_a_restart() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    station.waits_until("reported", |hub| hub.accepted() >= 1);
    // Nothing is that sure.
    let answer = desire_and_hear(&station, "thresholds", json!({"dark": 1.0}));
    assert_eq!((&answer["value"], &answer["ac"]), (&json!({"dark": 1.0}), &json!(200)));
    let wrong = desire_and_hear(&station, "thresholds", json!({"dark": 50}));
    assert_eq!((&wrong["value"], &wrong["ac"]), (&json!({"dark": 1.0}), &json!(400)));
    assert!(wrong["ad"].as_str().unwrap().contains("between 0 and 1"), "{wrong}");
    agent.gets("TERM");
    agent.ends_well();
    let before = station.log().len();
    let check = station.does(&["check", "--offline"]);
    assert!(check.notes.contains("changed from afar") && check.notes.contains("dark"), "{}", check.notes);
    let mut agent = station.starts();
    station.waits_until("reported again", |_| station.log()[before..].contains("logged in at the hub"));
    agent.gets("TERM");
    agent.ends_well();
    let log = station.log();
    assert!(log[before..].contains(" 0 NG,"), "{}", &log[before..]);
}

#[test]
fn the_model_of_the_station_describes_what_it_takes_and_what_it_reports() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    let model =
        std::fs::read_to_string(crate::station::root().join("azure/andon-station.dtdl.json")).unwrap();
    let model: Value = serde_json::from_str(&model).unwrap();
    let named = |kind: &str| -> std::collections::BTreeSet<String> {
        let contents = model["contents"].as_array().unwrap().iter().filter(|it| it["@type"] == kind);
        contents.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let reported = reported(station.hub());
    let own = reported.as_object().unwrap().keys().filter(|name| !name.starts_with('$'));
    assert_eq!(own.cloned().collect::<std::collections::BTreeSet<_>>(), named("Property"));
    for content in model["contents"].as_array().unwrap().iter().filter(|it| it["@type"] == "Property") {
        let (name, is_writable) = (content["name"].as_str().unwrap(), content["writable"] == true);
        assert_eq!(reported[name].get("ac").is_some(), is_writable, "{name}");
    }
    for name in named("Command") {
        assert_ne!(call(&station, &name, json!({"nonsense": 1})).0, 404, "{name}");
    }
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_disk_that_takes_no_report_is_a_state_with_a_reason_and_loses_none() {
    let station = Station::that_sees_every_second_item_dark(2.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    let disk = rusqlite::Connection::open(station.path("outbox.db")).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    station.waits_until("told of its disk", |hub| reported(hub)["health"]["state"] == "degraded");
    let reason = reported(station.hub())["health"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("disk: "), "{reason}");
    disk.execute_batch("ROLLBACK").unwrap();
    station.waits_until("recovered", |hub| reported(hub)["health"]["state"] == "ok");
    agent.gets("TERM");
    agent.ends_well();
    assert_eq!(station.outbox().totals().unwrap().dropped, 0);
    assert!(!station.log().contains("is lost"));
}

#[test]
fn what_a_full_outbox_costs_is_told_to_the_hub_once_it_is_back() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    station.configure("frames_per_second = 50.0\nrepeat = true", "[outbox]\nlimit_reports = 5");
    station.hub().set_listening(false);
    let mut agent = station.starts();
    station.waits_until("folded", |_| station.log().contains("the outbox is full"));
    station.hub().set_listening(true);
    station
        .waits_until("told of the gap", |hub| reported(hub)["outbox"]["gap"]["folded"].as_u64() >= Some(1));
    let outbox = reported(station.hub())["outbox"].clone();
    assert_eq!(outbox["dropped"], 0, "one incident's reports are folded: {outbox}");
    assert!(
        outbox["gap"]["since"].is_string() && outbox["gap"]["first_sequence"].as_u64() >= Some(2),
        "{outbox}"
    );
    agent.gets("TERM");
    agent.ends_well();
    let list = station.does(&["outbox", "list"]).notes;
    assert!(list.contains("folded into earlier ones") && list.contains("the last gap, from 20"), "{list}");
}

#[test]
fn a_region_outside_of_the_stations_pictures_is_refused_with_their_size() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts();
    until_it_listens(&station);
    station.waits_until("reported", |hub| hub.accepted() >= 1);
    let beyond = json!({"x": 0, "y": 0, "width": 10_000, "height": 10});
    let answer = desire_and_hear(&station, "region", beyond);
    assert_eq!(answer["ac"], 400, "{answer}");
    assert!(answer["ad"].as_str().unwrap().contains("not within the station's pictures"), "{answer}");
    assert_eq!(answer["value"], json!({}), "the whole picture, as before");
    agent.gets("TERM");
    agent.ends_well();
}
