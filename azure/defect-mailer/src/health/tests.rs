use jiff::tz::TimeZone;

use super::*;
use crate::hours::{Hours, Shift};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn reported(state: &str, reason: &str) -> Sign {
    Sign::Reported { health: Some((state.to_owned(), reason.to_owned())) }
}

/// The words for what is told at each minute.
fn told(story: &[(i64, Option<Sign>)]) -> Vec<String> {
    let (mut health, policy) = (Health::default(), Policy::default());
    let mut told = Vec::new();
    for (minute, sign) in story {
        if let Some(sign) = sign {
            health.observe(sign, at(*minute), &policy);
        }
        let word = match health.decide(at(*minute), "line-1", &policy) {
            None => continue,
            Some(Change::Trouble(Trouble::Disconnected, _)) => "disconnected".to_owned(),
            Some(Change::Trouble(Trouble::NoHeartbeat, _)) => "no heartbeat".to_owned(),
            Some(Change::Trouble(Trouble::Unwell { reason, .. }, _)) => reason,
            Some(Change::Over(..)) => "over".to_owned(),
        };
        told.push(format!("{minute}: {word}"));
    }
    told
}

#[test]
fn a_station_is_told_as_the_table_says() {
    use Sign::{Connected, Disconnected, Report};
    let heartbeat = || Some(Sign::Reported { health: None });
    type Case<'a> = (&'a str, Vec<(i64, Option<Sign>)>, &'a [&'a str]);
    let cases: [Case<'_>; 10] = [
        ("a short cut", vec![(0, Some(Disconnected)), (3, Some(Connected)), (9, None)], &[]),
        (
            "a long cut",
            vec![(0, Some(Disconnected)), (4, None), (5, None), (6, None), (20, Some(Connected)), (21, None)],
            &["5: disconnected", "20: over"],
        ),
        ("a report is a sign as well", vec![(0, Some(Disconnected)), (1, Some(Report)), (9, None)], &[]),
        ("one that never reported its health", vec![(0, Some(Connected)), (600, None)], &[]),
        (
            "the heartbeat stops and comes back",
            vec![(0, heartbeat()), (14, None), (15, None), (16, None), (17, heartbeat())],
            &["15: no heartbeat", "17: over"],
        ),
        (
            "the heartbeat stops, then the connection",
            vec![(0, heartbeat()), (15, None), (16, Some(Disconnected)), (21, None)],
            &["15: no heartbeat", "21: disconnected"],
        ),
        (
            "the camera is gone",
            vec![(0, Some(reported("degraded", "camera gone"))), (1, None), (2, None), (9, heartbeat())],
            &["2: camera gone"],
        ),
        (
            "the camera is back",
            vec![(0, Some(reported("degraded", "dark"))), (2, None), (5, Some(reported("paused", "")))],
            &["2: dark", "5: over"],
        ),
        (
            "the camera flickers",
            vec![(0, Some(reported("degraded", "dark"))), (1, Some(reported("ok", ""))), (9, None)],
            &[],
        ),
        (
            "another reason is no other matter",
            vec![
                (0, Some(reported("degraded", "dark"))),
                (2, None),
                (3, Some(reported("degraded", "blurred"))),
            ],
            &["2: dark"],
        ),
    ];
    for (case, story, expected) in cases {
        assert_eq!(told(&story), expected, "{case}");
    }
}

/// 1,800,000,000 is a Friday at 08:00 UTC.
#[test]
fn a_station_that_is_off_for_the_night_is_told_when_it_is_not_back_for_work() {
    let work = Shift::parse("06:00-14:00", &["mon-fri".to_owned()]).unwrap();
    let hours = Hours::new(TimeZone::UTC, vec![work], std::collections::BTreeMap::new());
    let policy = Policy { hours, ..Policy::default() };
    let (end, monday) = (6 * 60, (3 * 24 - 2) * 60);
    let told = |back: i64| {
        let mut health = Health::default();
        health.observe(&reported("ok", ""), at(end - 1), &policy);
        health.observe(&Sign::Disconnected, at(end + 1), &policy);
        let mut told = Vec::new();
        // Not so long that the heartbeat would be missing as well.
        for minute in end..back + 10 {
            if minute == back {
                health.observe(&Sign::Connected, at(minute), &policy);
            }
            told.extend(health.decide(at(minute), "line-1", &policy).map(|change| (minute, change)));
        }
        told
    };
    assert_eq!(told(monday + 4), [], "it was off for the weekend");
    let gone_since = at(end + 1);
    assert_eq!(
        told(monday + 30),
        [
            (monday + 5, Change::Trouble(Trouble::Disconnected, gone_since)),
            (monday + 30, Change::Over(Trouble::Disconnected, gone_since))
        ]
    );
}

#[test]
fn a_station_that_says_at_night_that_it_is_unwell_is_told_at_night() {
    let work = Shift::parse("06:00-14:00", &[]).unwrap();
    let hours = Hours::new(TimeZone::UTC, vec![work], std::collections::BTreeMap::new());
    let policy = Policy { hours, ..Policy::default() };
    let mut health = Health::default();
    let night = 12 * 60;
    health.observe(&reported("degraded", "dark"), at(night), &policy);
    assert_eq!(health.due_at("line-1", &policy), Some(at(night + 2)));
    assert!(health.decide(at(night + 2), "line-1", &policy).is_some());
}

#[test]
fn the_clock_is_asked_for_the_first_deadline_only() {
    let (mut health, policy) = (Health::default(), Policy::default());
    assert_eq!(health.due_at("line-1", &policy), None);
    health.observe(&reported("degraded", "dark"), at(0), &policy);
    assert_eq!(health.due_at("line-1", &policy), Some(at(2)));
    health.decide(at(2), "line-1", &policy);
    assert_eq!(health.due_at("line-1", &policy), Some(at(15)), "the heartbeat is still owed");
    health.observe(&Sign::Disconnected, at(3), &policy);
    assert_eq!(health.due_at("line-1", &policy), Some(at(8)));
}

#[test]
fn a_heartbeat_a_minute_is_not_a_write_a_minute() {
    let (mut health, policy) = (Health::default(), Policy::default());
    let beat = Sign::Reported { health: None };
    let kept = (0..15).filter(|minute| health.observe(&beat, at(*minute), &policy)).count();
    assert_eq!(kept, 3);
}

#[test]
fn instants_at_the_end_of_time_do_no_harm() {
    let (mut health, policy) = (Health::default(), Policy::default());
    health.observe(&Sign::Disconnected, Timestamp::MAX, &policy);
    assert_eq!(health.due_at("line-1", &policy), Some(Timestamp::MAX));
    assert_eq!(health.decide(at(0), "line-1", &policy), None);
}
