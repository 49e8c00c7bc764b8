use serde_json::json;

use super::*;

fn report(defects: &serde_json::Value, item: u64) -> Report {
    let example = include_str!("../../../telemetry/examples/opens-an-incident.json");
    let mut value: serde_json::Value = serde_json::from_str(example).unwrap();
    value["defects"] = defects.clone();
    value["item"]["sequence"] = item.into();
    value["incident"]["count"] = item.into();
    value["evidence"] = format!("picture {item}").into();
    serde_json::from_value(value).unwrap()
}

fn defect(label: &str, severity: &str, confidence: f64) -> serde_json::Value {
    json!({ "label": label, "severity": severity, "confidence": confidence })
}

#[test]
fn items_are_counted_not_defects() {
    let mut tally = Tally::of(
        "press-3",
        &report(&json!([defect("short", "major", 0.5), defect("short", "minor", 0.9)]), 1),
    );
    tally.add("press-3", &report(&json!([defect("spur", "critical", 0.4)]), 2));
    tally.add("press-3", &report(&json!([defect("short", "minor", 0.7)]), 3));
    let labels: Vec<_> =
        tally.labels.iter().map(|l| (l.name.as_str(), l.severity, l.items, l.confidence)).collect();
    assert_eq!(
        labels,
        [("spur", Severity::Critical, 1, (0.4, 0.4)), ("short", Severity::Major, 2, (0.7, 0.9))]
    );
    assert_eq!((tally.items, tally.total, tally.last_item), (3, 3, 3));
    assert_eq!(tally.severity, Severity::Critical);
}

#[test]
fn a_tally_stays_small_whatever_is_folded() {
    let many: Vec<_> = (0..500).map(|n| defect(&format!("{n}{}", "x".repeat(90)), "minor", 1e30)).collect();
    let mut tally = Tally::of("press-3", &report(&json!(many), 1));
    for item in 2..50 {
        tally.add("press-3", &report(&json!(many), item));
    }
    assert_eq!((tally.labels.len(), tally.pictures.len()), (LABELS, PICTURES));
    assert_eq!(tally.other_defects, 49 * (500 - LABELS as u64));
    assert_eq!(tally.pictures.last().unwrap(), "picture 49");
    assert!(
        tally.labels.iter().all(|label| label.name.chars().count() <= SHORT && label.confidence.1 <= 1.0)
    );
    assert!(serde_json::to_vec(&tally).unwrap().len() < 4096);
}

#[test]
fn the_stations_own_name_is_kept_only_where_it_differs() {
    let report = report(&json!([]), 1);
    assert_eq!(Tally::of("press-3", &report).claimed, None);
    assert_eq!(Tally::of("press-4", &report).claimed.as_deref(), Some("press-3"));
}

#[test]
fn a_place_is_one_of_nine_or_unknown() {
    let cases = [
        ([0.0, 0.0, 0.1, 0.1], Some((0, 0))),
        ([0.4, 0.4, 0.6, 0.6], Some((1, 1))),
        ([0.9, 0.4, 1.0, 0.6], Some((2, 1))),
        ([0.9, 0.9, 1.0, 1.0], Some((2, 2))),
        ([5.0, 0.0, 6.0, 0.1], None),
        ([f32::INFINITY, 0.0, 0.0, 0.1], None),
        ([f32::NAN, 0.0, 0.0, 0.1], None),
    ];
    for (area, expected) in cases {
        assert_eq!(Place::of(area).map(|place| (place.column, place.row)), expected, "{area:?}");
    }
}
