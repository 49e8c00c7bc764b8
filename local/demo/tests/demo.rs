//! The demo as `make demo` runs it: what it prints, how it ends, what it leaves behind.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use andon_telemetry::Report;
use serde_json::Value;

/// The repository's folder, from which `make demo` runs.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The demo with its files in `out`; the mailer that it needs is built by `cargo test --workspace`.
fn demo(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_andon-demo"));
    command.current_dir(root()).stdin(Stdio::null()).arg("--out").arg(out);
    command
}

fn summary(output: &Output) -> Value {
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{notes}", output.status);
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(out.lines().count(), 1, "one object and nothing else: {out}");
    serde_json::from_str(&out).unwrap()
}

fn number(summary: &Value, key: &str) -> u64 {
    summary[key].as_u64().unwrap_or_else(|| panic!("no {key} in {summary}"))
}

fn mails(out: &Path) -> Vec<String> {
    let files = fs::read_dir(out.join("mails")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|it| it.extension().unwrap() == "eml").map(|it| fs::read_to_string(it).unwrap()).collect()
}

/// The reports that the hub accepted.
fn reports(out: &Path) -> Vec<Report> {
    let events = fs::read_to_string(out.join("events.jsonl")).unwrap();
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let report = |line| andon_telemetry::read(event(line)["body"].as_str().unwrap().as_bytes()).unwrap();
    events.lines().map(report).collect()
}

#[test]
fn defects_on_the_simulated_line_reach_the_supervisor_and_the_score_adds_up() {
    let out = tempfile::tempdir().unwrap();
    let summary = summary(&demo(out.path()).arg("--json").output().unwrap());
    let of = |key| number(&summary, key);
    assert!(of("items") >= 15, "{summary}");
    assert_eq!(of("items"), of("ok") + of("ng") + of("not_inspected"), "{summary}");
    assert_eq!(of("lost"), 0, "{summary}");
    assert_eq!(of("truth_ng") + of("false_ng"), of("ng") + of("missed"), "{summary}");
    assert!((of("missed") + of("false_ng")) * 20 <= of("items"), "more than 5 % are wrong: {summary}");
    assert_eq!(of("reports"), of("ng"), "{summary}");
    assert_eq!(reports(out.path()).len() as u64, of("reports"), "{summary}");
    assert!(of("mails") >= 1, "{summary}");
    assert_eq!(mails(out.path()).len() as u64, of("mails"), "{summary}");
    let delay = &summary["frame_to_puback_ms"];
    assert!(
        delay["p50"].as_f64().unwrap() > 0.0 && delay["p99"].as_f64() >= delay["p50"].as_f64(),
        "{delay}"
    );
}

#[test]
fn pictures_of_a_folder_are_items_of_which_nobody_knows_the_truth() {
    let (pictures, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let board = root().join("models/pcb/parity.png");
    for name in ["1.png", "2.png"] {
        fs::copy(&board, pictures.path().join(name)).unwrap();
    }
    fs::write(pictures.path().join("3.png"), "not a picture").unwrap();
    let output = demo(out.path()).arg("--json").arg("--frames").arg(pictures.path()).output().unwrap();
    let summary = summary(&output);
    let of = |key| number(&summary, key);
    assert_eq!((of("items"), of("ng"), of("not_inspected")), (3, 2, 1), "{summary}");
    assert_eq!((of("reports"), of("mails"), of("lost")), (2, 1, 0), "one incident is one mail: {summary}");
    assert!(summary["truth_ng"].is_null() && summary["missed"].is_null(), "{summary}");
    let label = &reports(out.path())[0].defects[0].label;
    assert!(mails(out.path())[0].contains(label), "the mail does not name {label}");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(notes.contains("NOT INSPECTED: ") && notes.contains("3.png"), "{notes}");
}

#[test]
fn ctrl_c_ends_the_line_and_still_gives_the_summary() {
    let out = tempfile::tempdir().unwrap();
    let mut child =
        demo(out.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).arg("--json").spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let first = notes.find(|line| line.contains("item ")).unwrap();
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let rest: Vec<_> = notes.collect();
    let summary = summary(&child.wait_with_output().unwrap());
    let items = number(&summary, "items");
    assert!((1..10).contains(&items), "{first} {rest:?}");
    assert_eq!(number(&summary, "lost"), 0);
    assert!(number(&summary, "truth_ng") <= items, "boards that never came are not missed: {summary}");
}

#[test]
fn a_slip_in_the_arguments_is_told_before_anything_starts() {
    let out = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["--frames", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["--frames", empty.path().to_str().unwrap()], "no .png, .jpg or .jpeg file"),
        (&["--model", "/nowhere/pack"], "/nowhere/pack"),
        (&["--secnds", "5"], "--seconds"),
    ];
    for (arguments, expected) in cases {
        let output = demo(out.path()).args(arguments).output().unwrap();
        let notes = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && notes.contains(expected), "{arguments:?}: {notes}");
    }
}
