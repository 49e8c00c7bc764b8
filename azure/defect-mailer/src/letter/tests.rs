use andon_telemetry::{Clock, Notify, Report, Severity, read};
use jiff::Timestamp;

use super::*;
use crate::incident::DeviceLog;

fn example() -> Report {
    read(include_bytes!("../../../telemetry/examples/opens-an-incident.json")).unwrap()
}

fn owed(report: &Report) -> Owed {
    let mut log = DeviceLog::new("press-3");
    log.take(report);
    log.owe("2026-11-23T06:41:09Z".parse().unwrap(), "plant.example");
    log.owed().next().unwrap().clone()
}

fn letter(report: &Report) -> Letter {
    Letter::write("press-3", &owed(report), &TimeZone::UTC)
}

fn message(letter: &Letter, owed: &Owed) -> String {
    let to = ["lead@plant.example".parse().unwrap(), "Schicht <shift@plant.example>".parse().unwrap()];
    let bytes = letter.message(owed, &"andon@plant.example".parse().unwrap(), &to).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// `BLESS=1` writes the golden mails anew.
#[test]
fn the_mails_read_as_the_golden_ones() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails");
    let first = example();
    let mut log = DeviceLog::new("press-3");
    log.take(&first);
    log.owe("2026-11-23T06:41:09Z".parse().unwrap(), "plant.example");
    let opening = log.owed().next().unwrap().clone();
    log.settle(&opening.message_id);
    for n in 2..=10 {
        let mut next = first.clone();
        next.report_id = format!("report-{n}");
        next.item.sequence += n;
        next.captured_at = format!("2026-11-23T06:{}:07.318Z", 40 + n);
        next.defects.truncate(1 + usize::from(n % 4 == 0));
        next.defects[0].confidence = 0.9 - 0.02 * f32::from(u8::try_from(n).unwrap());
        next.defects[0].severity = Severity::Major;
        next.clock = if n == 10 { Clock::Unsynchronised } else { Clock::Synchronised };
        next.station.id = "press-7".into();
        next.incident.count = n;
        next.incident.notify = if n == 10 { Notify::Update } else { Notify::None };
        log.take(&next);
    }
    let mut other = first.clone();
    (other.report_id, other.incident.id) = ("other-1".into(), "other".into());
    log.take(&other);
    log.owe("2026-11-23T06:50:09Z".parse().unwrap(), "plant.example");
    let update = log.owed().next().unwrap().clone();

    for (name, owed) in [("opening", opening), ("update", update)] {
        let letter = Letter::write("press-3", &owed, &TimeZone::get("Europe/Berlin").unwrap());
        for (kind, content) in
            [("txt", format!("{}\n\n{}", letter.subject, letter.text)), ("html", letter.html)]
        {
            let path = folder.join(format!("{name}.{kind}"));
            if std::env::var_os("BLESS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &content).unwrap();
            }
            let golden = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                content == golden,
                "{} differs; look at it, and BLESS=1 if it is right:\n{content}",
                path.display()
            );
        }
    }
}

#[test]
fn the_same_mail_owed_gives_the_same_bytes() {
    let owed = owed(&example());
    let bytes = || message(&letter(&example()), &owed);
    assert_eq!(bytes(), bytes());
    assert!(bytes().contains("Date: Mon, 23 Nov 2026 06:41:09 +0000\r\n"), "{}", bytes());
}

#[test]
fn nothing_in_a_report_can_add_a_header_or_markup() {
    let evil = "x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script>{{steps}}\u{202e}&\"'";
    let mut report = example();
    report.station.line = evil.into();
    report.station.product = evil.into();
    report.station.id = evil.into();
    report.defects[0].label = evil.into();
    report.model.name = evil.into();
    report.model.version = evil.into();
    report.agent.version = evil.into();
    report.captured_at = evil.into();
    report.incident.opened_at = evil.into();
    report.evidence = Some(evil.into());
    let letter = letter(&report);
    assert!(!letter.subject.contains(['\r', '\n', '\u{202e}']), "{}", letter.subject);
    assert!(!letter.html.contains("<script") && !letter.html.contains('\u{202e}'));
    assert_eq!(letter.html.matches("<ol>").count(), 1, "a value is not filled in again");
    let message = message(&letter, &owed(&report));
    assert!(!message.contains("\nBcc"), "{message}");
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("multipart/alternative"), "{head}");
}

#[test]
fn a_report_full_of_long_words_gives_a_short_mail() {
    let long = "ü".repeat(8000);
    let mut report = example();
    report.station.line = long.clone();
    report.station.product = long.clone();
    report.defects[0].label = long.clone();
    report.evidence = Some(long);
    let letter = letter(&report);
    assert!(letter.subject.chars().count() < 200, "{}", letter.subject);
    assert!(letter.text.len() + letter.html.len() < 16_000);
    let message = message(&letter, &owed(&report));
    assert!(message.is_ascii() && message.lines().all(|line| line.len() <= 998), "RFC 5322 2.1.1");
}

#[test]
fn each_severity_has_its_own_advice() {
    let cases = [
        (Severity::Critical, "[andon] NG CRITICAL ", "1. Stop line-1 at press-3"),
        (Severity::Major, "[andon] NG spur, short ", "1. Take out item no. 15204"),
        (Severity::Minor, "[andon] NG spur, short ", "aside for rework"),
    ];
    for (severity, subject, advice) in cases {
        let mut report = example();
        report.defects.reverse();
        for defect in &mut report.defects {
            defect.severity = severity;
        }
        let letter = letter(&report);
        assert!(letter.subject.starts_with(subject), "{}", letter.subject);
        assert!(letter.text.contains(advice), "{}", letter.text);
    }
}

#[test]
fn doubts_about_time_are_said() {
    let cases = [
        ("2026-11-23T06:40:00.000Z", Clock::Synchronised, None),
        ("2026-11-23T03:31:00.000Z", Clock::Synchronised, Some("3 h 10 min before")),
        ("2026-11-20T03:31:00.000Z", Clock::Synchronised, Some("3 days and 3 h before")),
        ("2026-11-23T07:41:10.000Z", Clock::Synchronised, Some("1 h 0 min ahead")),
        (
            "1970-01-01T00:00:09.000Z",
            Clock::Unsynchronised,
            Some("may be wrong. This mail was written at 06:41 UTC"),
        ),
        ("yesterday", Clock::Synchronised, None),
    ];
    for (captured_at, clock, doubt) in cases {
        let mut report = example();
        report.captured_at = captured_at.into();
        report.clock = clock;
        let text = letter(&report).text;
        assert_eq!(text.contains("Keep in mind"), doubt.is_some(), "{captured_at}: {text}");
        assert!(doubt.is_none_or(|doubt| text.contains(doubt)), "{captured_at}: {text}");
    }
}

#[test]
fn an_odd_report_still_makes_a_readable_mail() {
    let mut report = example();
    report.defects.clear();
    report.evidence = None;
    report.station.line = String::new();
    report.incident.count = u64::MAX;
    let letter = letter(&report);
    assert_eq!(letter.subject, "[andon] NG defect at unnamed line/press-3 (18446744073709551615 items)");
    assert!(letter.text.contains("kept no picture"), "{}", letter.text);
    assert!(letter.text.contains("gave no detail"), "{}", letter.text);
}

#[test]
fn the_page_loads_nothing_from_anywhere() {
    let html = letter(&example()).html;
    for means in ["http:", "https:", "src=", "url(", "@import", "<link", "<img", "<script"] {
        assert!(!html.contains(means), "{means}");
    }
    assert!(html.contains("prefers-color-scheme: dark"));
}

#[test]
fn times_are_given_in_the_readers_zone() {
    let owed = owed(&example());
    let zone = TimeZone::get("America/New_York").unwrap();
    let text = Letter::write("press-3", &owed, &zone).text;
    assert!(text.contains("Mon 23 Nov, 01:41:07 EST"), "{text}");
    assert_eq!(owed.written_at, "2026-11-23T06:41:09Z".parse::<Timestamp>().unwrap());
}
