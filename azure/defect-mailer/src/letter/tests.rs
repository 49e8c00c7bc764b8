use andon_telemetry::{Clock, Report, Severity, read};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::desk::{Claim, Desk};
use crate::health::Sign;
use crate::plan::Plan;
use crate::station::StationLog;

fn example() -> Report {
    read(include_bytes!("../../../telemetry/examples/opens-an-incident.json")).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A desk and one station before it.
struct Story {
    desk: Desk,
    plan: Plan,
    log: StationLog,
}

impl Story {
    fn new() -> Self {
        let mut plan = Plan::simple(
            vec!["lead@x.example".parse().unwrap()],
            TimeZone::UTC,
            "plant.example",
            "plant-hub",
        );
        plan.policy.escalate_after = vec![SignedDuration::from_mins(10)];
        Self { desk: Desk::new(), plan, log: StationLog::new("press-3", at("2026-11-23T06:00:00Z")) }
    }

    /// The mail that is due after these reports.
    fn then(&mut self, reports: &[Report], now: &str) -> Owed {
        let now = at(now);
        reports
            .iter()
            .for_each(|report| assert_eq!(self.log.take(report, now), crate::station::Taken::Folded));
        self.due(now)
    }

    fn sign(&mut self, sign: &Sign, now: &str) {
        self.log.observe(sign, at(now), &self.plan.policy);
    }

    fn due(&mut self, now: Timestamp) -> Owed {
        self.log.decide(now, &self.plan.policy);
        let notices = self.log.notices().to_vec();
        self.desk.take("press-3", &notices, None, now, &self.plan);
        self.log.handed_on(notices.last().map(|notice| notice.own), None);
        self.mail(now)
    }

    fn mail(&mut self, now: Timestamp) -> Owed {
        let claim = Claim { instance: "a".into(), run: "1".into(), until: now };
        let job = self.desk.claim(&claim, now, &self.plan).unwrap();
        let settled = crate::desk::Outcome { settled: true, ..Default::default() };
        self.desk.settle(&job, &settled, now, &self.plan.policy);
        job.mail
    }
}

fn owed(report: &Report) -> Owed {
    Story::new().then(std::slice::from_ref(report), "2026-11-23T06:41:09Z")
}

fn letter(report: &Report) -> Letter {
    Letter::write(&owed(report), Language::English, &TimeZone::UTC, "plant-hub")
}

fn message(letter: &Letter, owed: &Owed) -> String {
    let to = ["lead@plant.example".parse().unwrap(), "Schicht <shift@plant.example>".parse().unwrap()];
    let bytes = letter.message(owed, &"andon@plant.example".parse().unwrap(), &to).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Nine further items, after the example.
fn further() -> Vec<Report> {
    let one = |n: u64| {
        let mut next = example();
        next.report_id = format!("report-{n}");
        next.item.sequence += n;
        next.captured_at = format!("2026-11-23T06:{}:07.318Z", 40 + n);
        next.defects.truncate(1 + usize::from(n.is_multiple_of(4)));
        next.defects[0].confidence = 0.9 - 0.02 * f32::from(u8::try_from(n).unwrap());
        next.defects[0].severity = Severity::Major;
        next.clock = if n == 10 { Clock::Unsynchronised } else { Clock::Synchronised };
        next.station.id = "press-7".into();
        next.incident.count = n;
        next
    };
    (2..=10).map(one).collect()
}

/// A plant where much fails at once.
fn storm() -> Owed {
    let mut story = Story::new();
    let now = at("2026-11-23T06:41:09Z");
    let labels = ["short", "open", "spur", "mousebite", "pinhole"];
    for n in 0..48_usize {
        let device = format!("press-{n}");
        let mut log = StationLog::new(&device, now);
        let mut report = example();
        report.station.line = format!("line-{}", n / 6 + 1);
        report.station.id.clone_from(&device);
        report.defects.truncate(1);
        report.defects[0].label = labels[n % 5].into();
        report.defects[0].severity = [Severity::Major, Severity::Minor, Severity::Critical][n % 7 % 3];
        report.incident.count = (n * n % 23) as u64 + 1;
        log.take(&report, now);
        if n % 11 == 5 {
            log.observe(
                &Sign::Reported { health: Some(("degraded".into(), "camera: it is gone".into())) },
                at("2026-11-23T06:30:00Z"),
                &story.plan.policy,
            );
        }
        log.decide(now, &story.plan.policy);
        story.desk.take(&device, log.notices(), None, now, &story.plan);
    }
    story.mail(now)
}

fn refused() -> Owed {
    let mut story = Story::new();
    let now = at("2026-11-23T06:41:09Z");
    let reasons = [
        "the report is not JSON: expected value at line 1 column 1",
        "the report's schema is \"andon.defect/9\", this reader knows \"andon.defect/1\"",
    ];
    for n in 0..12 {
        story.desk.refuse(&n.to_string(), &format!("press-{}", n % 3), reasons[n % 2], now);
    }
    story.mail(at("2026-11-23T06:57:00Z"))
}

/// Every kind of mail.
fn all() -> Vec<(&'static str, Owed)> {
    let mut story = Story::new();
    let opening = story.then(&[example()], "2026-11-23T06:41:09Z");
    let update = story.then(&further(), "2026-11-23T06:50:09Z");
    let escalation = story.due(at("2026-11-23T06:52:00Z"));
    story.log.acknowledge(None, "Ada at press-3");
    let closing = story.due(at("2026-11-23T07:06:00Z"));
    story.sign(&Sign::Disconnected, "2026-11-23T08:00:00Z");
    let silent = story.due(at("2026-11-23T08:05:00Z"));
    story.sign(&Sign::Connected, "2026-11-23T09:12:00Z");
    let back = story.due(at("2026-11-23T09:12:10Z"));
    let blind = Sign::Reported { health: Some(("degraded".into(), "camera: no picture for 12 s".into())) };
    story.sign(&blind, "2026-11-23T10:00:00Z");
    let unwell = story.due(at("2026-11-23T10:02:00Z"));
    story.sign(&Sign::Reported { health: Some(("ok".into(), String::new())) }, "2026-11-23T10:30:00Z");
    story.due(at("2026-11-23T10:30:00Z"));
    let full = Sign::Reported { health: Some(("degraded".into(), "disk: 97 % full".into())) };
    story.sign(&full, "2026-11-23T11:00:00Z");
    let care = story.due(at("2026-11-23T11:02:00Z"));
    vec![
        ("opening", opening),
        ("update", update),
        ("escalation", escalation),
        ("closing", closing),
        ("silent", silent),
        ("back", back),
        ("unwell", unwell),
        ("care", care),
        ("storm", storm()),
        ("refused", refused()),
    ]
}

/// `BLESS=1` writes the golden mails anew.
#[test]
fn the_mails_read_as_the_golden_ones() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails");
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for (name, owed) in all() {
        for (language, code) in [(Language::English, "en"), (Language::German, "de")] {
            let letter = Letter::write(&owed, language, &zone, "plant-hub");
            for (kind, content) in
                [("txt", format!("{}\n\n{}", letter.subject, letter.text)), ("html", letter.html)]
            {
                let path = folder.join(format!("{name}.{code}.{kind}"));
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
}

#[test]
fn no_mail_has_an_empty_place_or_a_word_of_the_other_language() {
    for (name, owed) in all() {
        for language in [Language::English, Language::German] {
            let letter = Letter::write(&owed, language, &TimeZone::UTC, "plant-hub");
            for text in [&letter.subject, &letter.text] {
                let text = text.replace("{\"incident\":\"019ab0e2-5c00-7b11-9c44-0a1b2c3d4e5f\"}", "");
                assert!(
                    !text.contains(['{', '}']) && !text.contains("  (") && !text.contains(" ,"),
                    "{name}: {text}"
                );
            }
            let german = letter.text.contains(" ist ") || letter.text.contains("Station ");
            assert!(
                letter.subject.len() < 120 && letter.subject.starts_with("[andon] ")
                    || letter.subject.starts_with("Re: [andon] ")
            );
            let english = letter.text.contains(" the ");
            // The reasons that a station gives are its own words.
            let own = ["refused", "unwell", "care", "storm"].contains(&name);
            assert!(own || english != german, "{name}: {}", letter.text);
        }
    }
}

#[test]
fn the_same_mail_owed_gives_the_same_bytes() {
    let owed = owed(&example());
    let bytes = || message(&letter(&example()), &owed);
    assert_eq!(bytes(), bytes());
    assert!(bytes().contains("Date: Mon, 23 Nov 2026 06:41:09 +0000\r\n"), "{}", bytes());
    assert!(bytes().contains("X-Andon-New-Items: 1\r\n"), "{}", bytes());
}

const EVIL: &str = "x\r\nBcc: all@evil.example\r\n\r\n<script>alert(1)</script>{{steps}}{steps}\u{202e}&\"'";

fn is_harmless(letter: &Letter, owed: &Owed) {
    assert!(!letter.subject.contains(['\r', '\n', '\u{202e}']), "{}", letter.subject);
    assert!(!letter.html.contains("<script") && !letter.html.contains('\u{202e}'), "{}", letter.html);
    assert!(letter.html.matches("<ol>").count() <= 1, "a value is not filled in again: {}", letter.html);
    let message = message(letter, owed);
    assert!(!message.contains("\nBcc"), "{message}");
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("multipart/alternative"), "{head}");
}

/// The places of all texts in a document, as JSON pointers.
fn texts(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(_) => found.push(at.to_owned()),
        serde_json::Value::Array(all) => {
            all.iter().enumerate().for_each(|(n, inner)| texts(inner, &format!("{at}/{n}"), found));
        }
        serde_json::Value::Object(all) => {
            all.iter().for_each(|(name, inner)| texts(inner, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn no_text_of_a_report_can_add_a_header_or_markup() {
    let bytes = include_bytes!("../../../telemetry/examples/opens-an-incident.json");
    let good: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let mut places = Vec::new();
    texts(&good, "", &mut places);
    assert!(places.len() > 15, "{places:?}");
    let (mut told, mut everything) = (0, good.clone());
    for place in &places {
        let mut evil = good.clone();
        *evil.pointer_mut(place).unwrap() = EVIL.into();
        let Ok(report) = read(evil.to_string().as_bytes()) else { continue };
        *everything.pointer_mut(place).unwrap() = EVIL.into();
        is_harmless(&letter(&report), &owed(&report));
        told += 1;
    }
    assert!(told > 10, "only {told} are read at all");
    let report = read(everything.to_string().as_bytes()).unwrap();
    is_harmless(&letter(&report), &owed(&report));
}

#[test]
fn no_text_of_a_twin_and_no_reason_of_a_refusal_can_add_a_header_or_markup() {
    let mut story = Story::new();
    story.sign(&Sign::Reported { health: Some((EVIL.into(), EVIL.into())) }, "2026-11-23T06:00:00Z");
    let unwell = story.due(at("2026-11-23T06:02:00Z"));
    let mut seen = Story::new();
    seen.then(&[example()], "2026-11-23T06:41:09Z");
    seen.log.acknowledge(None, EVIL);
    let closing = seen.due(at("2026-11-23T07:06:00Z"));
    let mut refusing = Story::new();
    refusing.desk.refuse("1", EVIL, EVIL, at("2026-11-23T06:41:09Z"));
    let refused = refusing.mail(at("2026-11-23T06:57:00Z"));
    for owed in [unwell, closing, refused] {
        is_harmless(&Letter::write(&owed, Language::English, &TimeZone::UTC, "plant-hub"), &owed);
    }
}

#[test]
fn each_severity_has_its_own_advice_and_weight() {
    let cases = [
        (Severity::Critical, "[andon] line-1/press-3: NG CRITICAL ", "Stop line-1 at press-3"),
        (Severity::Major, "[andon] line-1/press-3: NG ", "Take out item no."),
        (Severity::Minor, "[andon] line-1/press-3: NG ", "for rework"),
    ];
    for (severity, subject, advice) in cases {
        let mut report = example();
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
        ("-009999-01-02T01:59:59Z", Clock::Synchronised, Some("before this mail")),
        ("9999-12-30T22:00:00Z", Clock::Synchronised, Some("ahead of")),
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
    assert_eq!(letter.subject, "[andon] unnamed line/press-3: NG defect");
    for part in ["18446744073709551615 items", "kept no picture", "gave no detail"] {
        assert!(letter.text.contains(part), "{}", letter.text);
    }
}

#[test]
fn ten_thousand_defects_and_endless_names_are_a_short_mail() {
    let mut report = example();
    let defect = report.defects[0].clone();
    report.defects = (0..10_000)
        .map(|n| andon_telemetry::Defect { label: format!("{n}{}", "x".repeat(1000)), ..defect.clone() })
        .collect();
    report.station.line = "y".repeat(60_000);
    let letter = letter(&report);
    assert!(letter.subject.len() < 300 && letter.html.len() < 16 * 1024, "{}", letter.html.len());
    assert!(letter.text.contains("9992 defects of other kinds"), "{}", letter.text);
}

#[test]
fn the_page_loads_nothing_from_anywhere() {
    for (name, owed) in all() {
        let html = Letter::write(&owed, Language::German, &TimeZone::UTC, "plant-hub").html;
        for means in ["http:", "https:", "src=", "url(", "@import", "<link", "<img", "<script"] {
            assert!(!html.contains(means), "{name}: {means}");
        }
        assert!(html.contains("prefers-color-scheme: dark") && html.contains("<html lang=\"de\">"));
    }
}

#[test]
fn times_are_given_in_the_readers_zone_and_language() {
    let owed = owed(&example());
    let zone = TimeZone::get("America/New_York").unwrap();
    let text = Letter::write(&owed, Language::English, &zone, "plant-hub").text;
    assert!(text.contains("Mon 23 Nov, 01:41:07 EST"), "{text}");
    let text = Letter::write(&owed, Language::German, &zone, "plant-hub").text;
    assert!(text.contains("Mo. 23. Nov., 01:41:07 EST"), "{text}");
}
