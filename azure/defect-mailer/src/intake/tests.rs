use super::*;

fn now() -> Timestamp {
    "2026-11-25T01:00:00Z".parse().unwrap()
}

fn event(source: Source, body: &str) -> Event {
    let (device, origin) = (Some("press-3".into()), "1/12".into());
    Event { device, origin, source, enqueued: None, body: body.into() }
}

fn good() -> String {
    include_str!("../../../telemetry/examples/opens-an-incident.json").to_owned()
}

#[test]
fn each_event_goes_where_it_belongs() {
    let telemetry = |body: &str| event(Source::Telemetry, body);
    let nameless = Event { device: None, ..telemetry(&good()) };
    let long_id = good().replace("019ab0e2-5c01-7a3e-8f10-3d2c5b6a7e01", &"7".repeat(65));
    let empty_incident = good().replace("019ab0e2-5c00-7b11-9c44-0a1b2c3d4e5f", "");
    let cases = [
        (telemetry(&good()), None),
        (nameless, Some("name no sender")),
        (telemetry("poison"), Some("not JSON")),
        (telemetry("{}"), Some("names no schema")),
        (telemetry(&long_id), Some("report_id is not an id")),
        (telemetry(&empty_incident), Some("incident.id is not an id")),
    ];
    for (event, reason) in cases {
        let intake = sort(vec![event], now());
        assert_eq!(intake.facts.len(), usize::from(reason.is_none()), "{intake:?}");
        assert_eq!(intake.refusals.len(), usize::from(reason.is_some()), "{intake:?}");
        assert!(intake.refusals.iter().all(|one| one.reason.contains(reason.unwrap())), "{intake:?}");
    }
}

#[test]
fn what_the_hub_says_of_a_station_is_a_sign() {
    let unwell = r#"{"version": 7, "properties": {"reported": {"health": {"state": "blind", "reason": "camera\r\ngone"},
        "$metadata": {}, "$version": 7}}}"#;
    let seen = r#"{"properties": {"reported": {"acknowledged": {"incident": "i1", "by": "Ada"}}}}"#;
    let cases: [(Source, &str, &str); 9] = [
        (Source::Connected, "{}", "[Sign(Connected, NOW)]"),
        (Source::Disconnected, "not even JSON", "[Sign(Disconnected, NOW)]"),
        (Source::Twin, unwell, r#"[Sign(Reported { health: Some(("blind", "camera  gone")) }, NOW)]"#),
        (
            Source::Twin,
            seen,
            r#"[Sign(Reported { health: None }, NOW), Acknowledged { incident: "i1", by: "Ada" }]"#,
        ),
        (
            Source::Twin,
            r#"{"properties": {"reported": {"acknowledged": {"incident": "", "by": ""}}}}"#,
            "[Sign(Reported { health: None }, NOW)]",
        ),
        (
            Source::Twin,
            r#"{"properties": {"reported": {"items": 7}}}"#,
            "[Sign(Reported { health: None }, NOW)]",
        ),
        (Source::Twin, r#"{"properties": {"desired": {"x": 1}}}"#, ""),
        (Source::Twin, "[[[", ""),
        (Source::Other, "{}", ""),
    ];
    for (source, body, expected) in cases {
        let intake = sort(vec![event(source, body)], now());
        let facts = intake.facts.get("press-3").map_or(String::new(), |facts| format!("{facts:?}"));
        assert_eq!(facts.replace("2026-11-25T01:00:00Z", "NOW"), expected, "{body}");
        assert_eq!(intake.notices, usize::from(expected.is_empty()));
    }
}

#[test]
fn a_sign_is_of_when_the_hub_took_it_but_never_of_the_future() {
    for (enqueued, expected) in
        [("2026-11-25T00:50:00Z", "2026-11-25T00:50:00Z"), ("2999-01-01T00:00:00Z", "2026-11-25T01:00:00Z")]
    {
        let enqueued = Some(enqueued.parse().unwrap());
        let intake = sort(vec![Event { enqueued, ..event(Source::Disconnected, "") }], now());
        let [Fact::Sign(Sign::Disconnected, at)] = intake.facts["press-3"].as_slice() else { panic!() };
        assert_eq!(at.to_string(), expected);
    }
}
