use super::*;

fn event(body: &str) -> Event {
    Event { device: Some("press-3".into()), origin: "1/12".into(), telemetry: true, body: body.into() }
}

fn good() -> String {
    include_str!("../../../telemetry/examples/opens-an-incident.json").to_owned()
}

#[test]
fn each_event_goes_where_it_belongs() {
    let nameless = Event { device: None, ..event(&good()) };
    let notice = Event { telemetry: false, ..event("{}") };
    let long_id = good().replace("019ab0e2-5c01-7a3e-8f10-3d2c5b6a7e01", &"7".repeat(65));
    let empty_incident = good().replace("019ab0e2-5c00-7b11-9c44-0a1b2c3d4e5f", "");
    let cases = [
        (event(&good()), None),
        (nameless, Some("name no sender")),
        (event("poison"), Some("not JSON")),
        (event("{}"), Some("names no schema")),
        (event(&long_id), Some("report_id is not an id")),
        (event(&empty_incident), Some("incident.id is not an id")),
    ];
    for (event, reason) in cases {
        let intake = sort(vec![event]);
        assert_eq!(intake.sightings.len(), usize::from(reason.is_none()), "{intake:?}");
        assert_eq!(intake.refusals.len(), usize::from(reason.is_some()), "{intake:?}");
        assert!(intake.refusals.iter().all(|one| one.reason.contains(reason.unwrap())), "{intake:?}");
    }
    assert_eq!(sort(vec![notice]).notices, 1);
}
