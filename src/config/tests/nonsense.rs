//! Arbitrary text is refused with its faults or read, and never ends the process.

use proptest::prelude::*;

use super::{super::MAX_BYTES, parse, parse_more};

const EXAMPLE: &str = include_str!("../../../config/station.example.toml");

/// Values that people and machines write by mistake.
const ODD: [&str; 22] = [
    "nan",
    "-inf",
    "+inf",
    "0",
    "-1",
    "-0.0",
    "1e400",
    "5e-324",
    "18446744073709551616",
    "-9223372036854775809",
    "340282366920938463463374607431768211456000",
    "0xffff_ffff",
    "\"\"",
    "\"\\u0000\"",
    "\"\u{202e}x\"",
    "[]",
    "[[1], {}]",
    "{}",
    "1979-05-27T07:32:00Z",
    "true",
    "\"SharedAccessKey=c2Vj\"",
    "{ a.b.c = { d = [1] } }",
];

fn check(text: &str) {
    if let Err(error) = parse(text) {
        let words = error.to_string();
        assert!(!error.faults.is_empty(), "{text}");
        assert!(error.faults.iter().all(|fault| !fault.problem.is_empty()), "{words}");
        assert!(!words.contains("c2Vj"), "{words}");
        assert!(!words.contains(|it: char| it.is_control() && it != '\n'), "{words:?}");
        let last = text.split('\n').count();
        assert!(
            error.faults.iter().all(|fault| fault.line.is_none_or(|line| (1..=last).contains(&line))),
            "{words}"
        );
        serde_json::to_string(&error).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn arbitrary_toml_is_read_or_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\n", "'", "\"", "\"\"\"", "#", "hub", "station",
            "items", "region", "model", "thresholds", "port", "1", "-1.5", "inf", "id = \"x\"\n", "[hub]\n", "a", "\u{feff}",
            "\\u0000", "é",
        ]),
        0..40,
    )) {
        check(&words.concat());
    }

    #[test]
    fn an_example_with_an_odd_value_is_read_or_refused(line in 0usize..400, odd in prop::sample::select(&ODD[..])) {
        let switched_on = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') && !key.is_empty() => key,
            _ => line,
        });
        let changed: Vec<_> = switched_on.enumerate().map(|(index, it)| match it.split_once(" = ") {
            Some((key, _)) if index == line && !it.starts_with('#') => format!("{key} = {odd}"),
            _ => it.to_owned(),
        }).collect();
        check(&changed.join("\n"));
    }

    #[test]
    fn an_example_with_a_damaged_part_is_read_or_refused(
        from in 0usize..EXAMPLE.len(), length in 0usize..40, instead in "\\PC{0,8}|[\\[\\]{}=.\"\n]{0,8}",
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let to = (from + length).min(bytes.len());
        bytes.splice(from..to, instead.bytes());
        check(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn no_odd_value_of_any_key_panics_or_reaches_a_message_unescaped() {
    for key in [
        "station.id",
        "items.level",
        "hub.port",
        "incidents.update_counts",
        "model.threshold",
        "items.region",
    ] {
        for odd in ODD {
            check(&format!("{key} = {odd}\n"));
            check(&format!("{}{key} = {odd}\n", "[x]\n"));
        }
    }
}

#[test]
fn deep_and_wide_files_are_refused_in_bounded_time() {
    check(&"[".repeat(100_000));
    check(&format!("a = {}", "{ a = ".repeat(10_000)));
    check(&"a.".repeat(100_000));
    let many: String = (0..50_000).map(|index| format!("k{index} = 1\n")).collect();
    let error = parse_more(&format!("[hub]\n{many}")).unwrap_err();
    assert_eq!((error.faults.len(), error.unlisted), (200, 49_800));
    assert!(error.to_string().ends_with("\nand 49800 more"));
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_parsed() {
    let error = parse(&"#".repeat(10_000_000)).unwrap_err().to_string();
    assert_eq!(
        error,
        "/etc/andon/station.toml: this file is larger than 1 MiB; give a station's configuration"
    );
    assert!(parse_more(&"#".repeat(MAX_BYTES - super::LEAST.len())).is_ok());
}
