use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::hours::Hours;
use crate::notice::{RefusedNews, Root, StationNews, Trouble};
use crate::station::StationLog;

const GOOD: &str = include_str!("../../recipients.example.toml");

fn plan(text: &str) -> Result<Plan, Vec<String>> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    parse(text, zone, "plant.example", "").map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn notice(line: &str, severity: Severity, level: u8, at: &str, matter: Matter) -> Notice {
    let at: Timestamp = at.parse().unwrap();
    let own = Root { epoch: at, number: 1 };
    Notice { device: "press-3".into(), own, at, line: line.into(), severity, level, matter }
}

fn silent(at: &str) -> Matter {
    let since: Timestamp = at.parse().unwrap();
    let root = Root { epoch: since, number: 1 };
    Matter::Station(StationNews { trouble: Trouble::Disconnected, since, until: None, root })
}

/// An incident, as far as a plan looks at it.
fn incident(at: &str) -> Matter {
    let report = andon_telemetry::read(include_bytes!("../../../telemetry/examples/opens-an-incident.json"));
    let mut log = crate::station::StationLog::new("press-3", at.parse().unwrap());
    log.take(&report.unwrap(), at.parse().unwrap());
    log.decide(at.parse().unwrap(), &Policy::default());
    log.notices()[0].matter.clone()
}

#[test]
fn the_example_is_a_plan() {
    let plan = plan(GOOD).unwrap();
    assert_eq!(plan.recipients.len(), 4);
    let hours = Hours::new(plan.zone.clone(), Vec::new(), BTreeMap::new());
    let escalate_after = plan.policy.escalate_after.clone();
    assert_eq!(plan.policy, Policy { hours, escalate_after, ..Policy::default() });
}

#[test]
fn a_notice_goes_to_those_whom_it_concerns() {
    use Severity::{Critical, Major, Minor};
    let plan = plan(
        r#"
        [mails]
        escalate_minutes = [15]
        [shift.early]
        hours = "06:00-14:00"
        days = ["mon-fri"]
        [shift.night]
        hours = "22:00-06:00"
        days = ["sun", "mon"]
        [[recipient]]
        name = "early"
        to = ["a@x.example"]
        lines = ["Line 1"]
        shifts = ["early"]
        [[recipient]]
        name = "night"
        to = ["b@x.example"]
        shifts = ["night"]
        severity = "major"
        stations = false
        [[recipient]]
        name = "chief"
        to = ["c@x.example"]
        level = 1
        [[recipient]]
        name = "rest"
        to = ["d@x.example"]
        rest = true
        refused = true
        "#,
    )
    .unwrap();
    // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC.
    let (morning, noon) = ("2026-11-23T05:00:00Z", "2026-11-23T13:00:00Z");
    let (late, dawn, sunday) = ("2026-11-23T21:30:00Z", "2026-11-24T04:59:59Z", "2026-11-22T08:00:00Z");
    let wednesday = "2026-11-25T22:00:00Z";
    type Case<'a> = (&'a str, Severity, u8, &'a str, bool, &'a [&'a str]);
    let cases: [Case<'_>; 11] = [
        ("Line 1", Minor, 0, morning, false, &["early"]),
        ("Line 1", Minor, 0, noon, false, &["rest"]),
        ("Line 2", Minor, 0, morning, false, &["rest"]),
        ("Line 2", Major, 0, late, false, &["night"]),
        ("Line 2", Minor, 0, late, false, &["rest"]),
        ("Line 2", Critical, 0, dawn, false, &["night"]),
        ("Line 2", Critical, 0, wednesday, false, &["rest"]),
        ("Line 1", Critical, 0, sunday, false, &["rest"]),
        ("Line 1", Major, 1, morning, false, &["early", "chief"]),
        ("Line 1", Major, 0, morning, true, &["early"]),
        ("Line 2", Major, 0, late, true, &["rest"]),
    ];
    for (line, severity, level, at, about_station, expected) in cases {
        let matter = if about_station { silent(at) } else { incident(at) };
        let notice = notice(line, severity, level, at, matter);
        assert_eq!(plan.recipients_of(&notice), expected, "{line} {severity:?} {level} {at} {about_station}");
    }
    let refused = notice("", Minor, 0, noon, Matter::Refused(RefusedNews::default()));
    assert_eq!(plan.recipients_of(&refused), ["rest"]);
}

#[test]
fn a_line_is_found_by_the_name_that_its_stations_give_it_however_long() {
    let long = format!("Line {}", "1".repeat(123));
    for name in [long.as_str(), " Line\u{a0}7 ", "Linie 3 – Lötstraße"] {
        let plan = plan(&format!(
            "[[recipient]]\nname = \"theirs\"\nto = [\"a@x.example\"]\nlines = [{}]\n\
             [[recipient]]\nname = \"rest\"\nto = [\"b@x.example\"]\nrest = true\n",
            serde_json::Value::from(name)
        ))
        .unwrap();
        let mut report =
            andon_telemetry::read(include_bytes!("../../../telemetry/examples/opens-an-incident.json"))
                .unwrap();
        report.station.line = name.to_owned();
        let mut log = StationLog::new("press-3", Timestamp::UNIX_EPOCH);
        log.take(&report, Timestamp::UNIX_EPOCH);
        log.decide(Timestamp::UNIX_EPOCH, &plan.policy);
        assert_eq!(plan.recipients_of(&log.notices()[0]), ["theirs"], "{name}");
    }
}

#[test]
fn silence_counts_in_the_shifts_that_the_plan_names_for_a_line_or_for_all() {
    let plan = plan(
        r#"
        [stations]
        silent_minutes = 0
        shifts = ["day"]
        line_shifts = { "Line 2" = [] }
        [shift.day]
        hours = "06:00-14:00"
        [[recipient]]
        name = "all"
        to = ["a@x.example"]
        "#,
    )
    .unwrap();
    // Berlin is an hour ahead of UTC.
    let night: Timestamp = "2026-11-23T22:00:00Z".parse().unwrap();
    for (line, told) in [("Line 1", "2026-11-24T05:00:00Z"), ("Line 2", "2026-11-23T22:00:00Z")] {
        let due = plan.policy.hours.silent_for(line, night, plan.policy.silent_after);
        assert_eq!(due, Some(told.parse().unwrap()), "{line}");
    }
}

#[test]
fn a_plan_that_cannot_be_meant_is_refused_with_its_faults() {
    let one = "[[recipient]]\nname = \"a\"\nto = [\"a@x.example\"]\n";
    let day = "[shift.day]\nhours = \"06:00-06:10\"\n";
    let cases: [(String, &[&str]); 20] = [
        (String::new(), &["nobody gets what no other gets"]),
        ("[mail]\n".into(), &["line 1", "unknown field"]),
        (format!("[rate]\nper_minute = 0\n{one}"), &["rate.per_minute: is 0", "1 to 10000"]),
        (format!("[rate]\nper_hour = \"x\"\n{one}"), &["line 2"]),
        (format!("[mails]\nupdate_items = [50, 10]\n{one}"), &["mails.update_items"]),
        (format!("[mails]\nclose_minutes = 2000\n{one}"), &["mails.close_minutes: is 2000"]),
        (format!("[mails]\nescalate_minutes = [15]\n{one}"), &["no recipient has level = 1"]),
        (format!("{one}level = 1\n"), &["level 1 is never reached", "nobody gets"]),
        (format!("{one}{one}"), &["two of this name"]),
        (format!("{one}shifts = [\"early\"]\nrest = true\n"), &["there is no [shift.early]"]),
        (format!("{one}lines = [\"Line 1\"]\n"), &["nobody gets what no other gets"]),
        (format!("{one}language = \"fr\"\n"), &["line 4", "unknown variant"]),
        (format!("[stations]\nshifts = [\"day\"]\n{one}"), &["stations.shifts: there is no [shift.day]"]),
        (format!("[stations.line_shifts]\nL = [\"day\"]\n{one}"), &["stations.line_shifts: there is no"]),
        (
            format!("{day}[stations]\nshifts = [\"day\"]\n{one}"),
            &["stations.shifts: no stretch of these shifts is longer than heartbeat_minutes"],
        ),
        (
            format!("{day}[stations]\nline_shifts = {{ L = [\"day\"] }}\n{one}"),
            &["stations.line_shifts.L: no stretch of these shifts is longer than heartbeat_minutes"],
        ),
        (
            format!("{day}[stations]\nheartbeat_minutes = 0\nline_shifts = {{ L = [\"day\"] }}\n{one}"),
            &["stations.heartbeat_minutes: is 0"],
        ),
        (one.replace("a@x.example", "nobody"), &["\"nobody\" is no mail address"]),
        (one.replace("\"a@x.example\"", ""), &["to must hold 1 to 50 addresses"]),
        (
            format!(
                "{one}[shift.x]\nhours = \"6-14\"\n[shift.y]\nhours = \"06:00-06:00\"\n[shift.z]\nhours = \"06:00-07:00\"\ndays = [\"someday\"]\n"
            ),
            &["shift.x", "shift.y", "no length", "someday"],
        ),
    ];
    for (text, expected) in cases {
        let faults = plan(&text).expect_err(&text).join("\n");
        for part in expected {
            assert!(faults.contains(part), "{part} is not in\n{faults}\nof\n{text}");
        }
    }
}
