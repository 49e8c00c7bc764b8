//! The published contract: golden examples, the schema file, and what a reader must bear.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use andon_telemetry::{MAX_BYTES, ReadError, SCHEMA, read};
use proptest::prelude::*;
use serde_json::Value;

const EXAMPLES: [(&str, &str); 3] = [
    ("opens-an-incident", include_str!("../examples/opens-an-incident.json")),
    (
        "updates-an-incident-with-an-unsynchronised-clock",
        include_str!("../examples/updates-an-incident-with-an-unsynchronised-clock.json"),
    ),
    ("one-more-of-the-same", include_str!("../examples/one-more-of-the-same.json")),
];

fn example() -> Value {
    serde_json::from_str(EXAMPLES[0].1).unwrap()
}

fn read_value(value: &Value) -> Result<andon_telemetry::Report, ReadError> {
    read(value.to_string().as_bytes())
}

/// `f32` confidences come back as the nearest `f64`; numbers are compared as near enough, all else exactly.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => {
            l == r || (l.as_f64().unwrap() - r.as_f64().unwrap()).abs() < 1e-6
        }
        (Value::Array(l), Value::Array(r)) => l.len() == r.len() && l.iter().zip(r).all(|(l, r)| same(l, r)),
        (Value::Object(l), Value::Object(r)) => {
            l.len() == r.len() && l.iter().all(|(key, l)| r.get(key).is_some_and(|r| same(l, r)))
        }
        _ => left == right,
    }
}

#[test]
fn every_example_is_read_and_written_again_without_loss() {
    for (name, text) in EXAMPLES {
        let report = read(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = serde_json::to_value(&report).unwrap();
        let original: Value = serde_json::from_str(text).unwrap();
        assert!(same(&written, &original), "{name}:\n{written:#}\n{original:#}");
    }
}

#[test]
fn every_file_among_the_examples_is_tested() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut tested: Vec<String> = EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    files.sort();
    tested.sort();
    assert_eq!(files, tested);
}

#[test]
fn unknown_fields_are_ignored_at_every_level() {
    let mut value = example();
    let expected = read_value(&value).unwrap();
    value["shift"] = "night".into();
    value["station"]["room"] = 4.into();
    value["incident"]["mood"] = Value::Null;
    value["defects"][0]["depth"] = serde_json::json!({"mm": 0.2});
    assert_eq!(read_value(&value).unwrap(), expected);
}

#[test]
fn each_missing_field_is_named() {
    for field in [
        "report_id",
        "sequence",
        "station",
        "agent",
        "item",
        "captured_at",
        "clock",
        "defects",
        "model",
        "incident",
    ] {
        let mut value = example();
        value.as_object_mut().unwrap().remove(field);
        let error = read_value(&value).unwrap_err();
        assert!(matches!(error, ReadError::Misfit(_)), "{field}: {error}");
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
}

#[test]
fn score_evidence_and_box_may_be_absent() {
    let mut value = example();
    value.as_object_mut().unwrap().remove("score");
    value.as_object_mut().unwrap().remove("evidence");
    value["defects"][0].as_object_mut().unwrap().remove("box");
    let report = read_value(&value).unwrap();
    assert_eq!((report.score, report.evidence, report.defects[0].area), (None, None, None));
}

#[test]
fn what_is_no_report_is_refused_with_its_reason() {
    let mut other_version = example();
    other_version["schema"] = "andon.defect/2".into();
    let mut negative = example();
    negative["sequence"] = (-1).into();
    let cases = [
        (b"".to_vec(), "not JSON"),
        (b"\xff\xfe{}".to_vec(), "not JSON"),
        (b"[]".to_vec(), "names no schema"),
        (b"{\"schema\": 1}".to_vec(), "names no schema"),
        (other_version.to_string().into_bytes(), "andon.defect/2"),
        (negative.to_string().into_bytes(), "does not fit"),
        (vec![b' '; MAX_BYTES + 1], "at most 65536"),
    ];
    for (bytes, reason) in cases {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(reason), "{error} should say {reason}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    let deep = "[".repeat(MAX_BYTES);
    assert!(matches!(read(deep.as_bytes()), Err(ReadError::NotJson(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_damage_to_a_report_makes_it_panic(
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        // Without its last newline, which a report does not need.
        let whole = EXAMPLES[0].1.trim_end().as_bytes();
        prop_assert!(read(&whole[..cut.index(whole.len())]).is_err());
        let mut damaged = whole.to_vec();
        damaged[at.index(whole.len())] = byte;
        let _ = read(&damaged);
    }

    #[test]
    fn any_finite_confidence_survives(confidence in 0.0f32..=1.0) {
        let mut report = read(EXAMPLES[0].1.as_bytes()).unwrap();
        report.defects[0].confidence = confidence;
        let again = read(&serde_json::to_vec(&report).unwrap()).unwrap();
        prop_assert_eq!(again, report);
    }
}

/// The part of JSON Schema that `report.schema.json` uses, so that schema, examples and types cannot part ways.
mod schema {
    use super::*;

    fn schema() -> Value {
        serde_json::from_str(include_str!("../report.schema.json")).unwrap()
    }

    fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
        match node.get("$ref").and_then(Value::as_str) {
            Some(path) => root.pointer(path.trim_start_matches('#')).expect("a $ref that leads somewhere"),
            None => node,
        }
    }

    fn is_of(kind: &str, value: &Value) -> bool {
        match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            other => panic!("the schema uses the type {other}, teach this test"),
        }
    }

    fn faults(root: &Value, node: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let node = resolve(root, node);
        if let Some(kinds) = node.get("type") {
            let kinds = kinds.as_array().cloned().unwrap_or_else(|| vec![kinds.clone()]);
            if !kinds.iter().any(|kind| is_of(kind.as_str().unwrap(), value)) {
                found.push(format!("{at}: not of type {kinds:?}"));
            }
        }
        if node.get("const").is_some_and(|constant| constant != value) {
            found.push(format!("{at}: another constant"));
        }
        if node.get("enum").is_some_and(|words| !words.as_array().unwrap().contains(value)) {
            found.push(format!("{at}: a word that the schema does not list"));
        }
        let required = node.get("required").and_then(Value::as_array);
        for field in required.into_iter().flatten().filter_map(Value::as_str) {
            if value.get(field).is_none() {
                found.push(format!("{at}.{field}: missing"));
            }
        }
        if let Some(fields) = value.as_object() {
            for (field, value) in fields {
                match node.get("properties").and_then(|known| known.get(field)) {
                    Some(known) => faults(root, known, value, &format!("{at}.{field}"), found),
                    None => found.push(format!("{at}.{field}: the schema does not know it")),
                }
            }
        }
        if let (Some(items), Some(values)) = (node.get("items"), value.as_array()) {
            for value in values {
                faults(root, items, value, &format!("{at}[]"), found);
            }
        }
    }

    fn faults_of(value: &Value) -> Vec<String> {
        let (root, mut found) = (schema(), Vec::new());
        faults(&root, &root, value, "report", &mut found);
        found
    }

    #[test]
    fn whatever_the_types_write_is_in_the_schema() {
        for (name, text) in EXAMPLES {
            let written = serde_json::to_value(read(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(faults_of(&written), Vec::<String>::new(), "{name}");
        }
        assert_eq!(schema()["properties"]["schema"]["const"], SCHEMA);
    }

    #[test]
    fn the_check_notices_missing_unknown_and_misspelt() {
        let mut value = example();
        value.as_object_mut().unwrap().remove("clock");
        value["stattion"] = "x".into();
        value["incident"]["notify"] = "opne".into();
        assert_eq!(faults_of(&value).len(), 3, "{:?}", faults_of(&value));
    }
}
