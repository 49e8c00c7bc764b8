//! What can be changed from afar, and what is said of what cannot.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Config, TUNABLE};

fn config() -> Config {
    let text = "
        [station]\nid = 's'\nline = 'l'\nproduct = 'p'\n[source]\nkind = 'folder'\npath = 'x'\n[model]\npack = 'm'
        [model.thresholds]\nspur = 0.6\n[hub]\nconnection_string_file = 'k'";
    Config::parse(text, Path::new("s.toml")).unwrap()
}

#[test]
fn a_right_value_changes_what_it_names_and_nothing_else() {
    for (name, value, stands) in [
        ("thresholds", json!({"short": 0.25}), json!({"short": 0.25, "spur": 0.6})),
        ("thresholds", json!({"spur": 1}), json!({"spur": 1.0})),
        ("severities", json!({"short": "critical"}), json!({"short": "critical"})),
        (
            "region",
            json!({"x": 1, "y": 2, "width": 3, "height": 4}),
            json!({"x": 1, "y": 2, "width": 3, "height": 4}),
        ),
        (
            "incidents",
            json!({"quiet_minutes": 3}),
            json!({"quiet_minutes": 3, "update_counts": [10, 100, 1000]}),
        ),
        ("incidents", json!({"update_counts": []}), json!({"quiet_minutes": 10, "update_counts": []})),
        ("evidence", json!({"limit_megabytes": 5}), json!({"limit_megabytes": 5})),
        ("paused", json!(true), json!(true)),
        ("thresholds", json!({}), json!({"spur": 0.6})),
    ] {
        let (before, tuned) = (config(), config().tuned(name, &value).unwrap());
        assert_eq!(tuned.tunable(name), stands, "{name} {value}");
        for other in TUNABLE.into_iter().filter(|other| *other != name) {
            assert_eq!(tuned.tunable(other), before.tunable(other), "{name} changed {other}");
        }
    }
}

#[test]
fn a_wrong_value_is_refused_by_what_refuses_it_in_the_file() {
    for (name, value, reason) in [
        (
            "thresholds",
            json!({"short": 40}),
            "[thresholds] short = 40: a confidence is between 0 and 1; 0.4?",
        ),
        ("thresholds", json!({"short": null}), "null has no meaning here"),
        ("thresholds", json!([0.5]), "thresholds must be an object"),
        ("severities", json!({"short": "criticl"}), "did you mean \"critical\"?"),
        ("region", json!({"x": 0, "y": 0, "width": 640}), "[region] height: this key is required"),
        ("region", json!({"x": -1, "y": 0, "width": 640, "height": 1}), "[region] x = -1: this is too small"),
        ("incidents", json!({"quiet_minuts": 5}), "did you mean quiet_minutes?"),
        ("incidents", json!({"update_counts": [5, 4]}), "not greater than the number before it"),
        ("evidence", json!({"limit_megabytes": 0}), "this is too small"),
        ("evidence", json!({"limit_megabytes": 1e3}), "this is a number with a fraction"),
        ("paused", json!("yes"), "write true or false"),
        ("paused", json!({"on": [1, {"a": "b"}]}), "write true or false"),
    ] {
        let refused = config().tuned(name, &value).unwrap_err();
        assert!(refused.contains(reason), "{name} {value}: {refused}");
    }
}

#[test]
fn no_secret_is_repeated() {
    let value = json!({"short": "HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0LXNlY3JldC1zZWNyZXQ="});
    let refused = config().tuned("severities", &value).unwrap_err();
    assert!(!refused.contains("c2VjcmV0"), "{refused}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            Just("x".to_owned()),
            Just("quiet_minutes".to_owned()),
            Just("limit_megabytes".to_owned()),
            ".{0,12}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_too_strange_to_be_refused_in_a_few_words(value in value(), name in prop::sample::select(&TUNABLE)) {
        if let Err(reason) = config().tuned(name, &value) {
            prop_assert!(!reason.is_empty() && reason.chars().count() <= 240, "{}", reason);
        }
    }
}
