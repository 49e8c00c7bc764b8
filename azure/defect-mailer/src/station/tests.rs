use andon_telemetry::read;
use jiff::SignedDuration;

use super::*;
use crate::notice::{News, Phase, Trouble};

const EXAMPLE: &str = include_str!("../../../telemetry/examples/opens-an-incident.json");

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn report(incident: &str, n: u64) -> Report {
    let mut report = read(EXAMPLE.as_bytes()).unwrap();
    report.report_id = format!("{incident}-{n}");
    report.incident.id = incident.into();
    report.incident.count = n;
    report.defects.truncate(1);
    report.defects[0].severity = Severity::Major;
    report
}

fn policy() -> Policy {
    let minutes = SignedDuration::from_mins;
    Policy { escalate_after: vec![minutes(10), minutes(12)], ..Policy::default() }
}

/// What a person does or the clock shows.
enum Step {
    /// So many further items.
    Items(u64),
    /// One item that is worse.
    Worse,
    Acknowledged,
    Looks,
}

/// Plays a story; what was told at which minute, with the new items in it.
fn told(story: &[(i64, Step)]) -> Vec<(i64, Phase, u64)> {
    let mut log = StationLog::new("press-3", at(0));
    let (mut count, mut all) = (0, Vec::new());
    for (minute, step) in story {
        let items = match step {
            Step::Items(items) => *items,
            Step::Worse => 1,
            Step::Acknowledged | Step::Looks => 0,
        };
        for _ in 0..items {
            count += 1;
            let mut report = report("i1", count);
            if matches!(step, Step::Worse) {
                report.defects[0].severity = Severity::Critical;
            }
            assert_eq!(log.take(&report, at(*minute)), Taken::Folded);
        }
        if matches!(step, Step::Acknowledged) {
            assert!(log.acknowledge(Some("i1"), "Ada"));
        }
        log.decide(at(*minute), &policy());
        for notice in hand_on(&mut log) {
            let Matter::Incident(news) = notice.matter else { panic!("an incident") };
            all.push((*minute, news.phase, news.new_items));
        }
    }
    all
}

fn hand_on(log: &mut StationLog) -> Vec<Notice> {
    let notices = log.notices().to_vec();
    log.handed_on(notices.last().map(|notice| notice.own), None);
    notices
}

#[test]
fn an_incident_is_told_as_the_table_says() {
    use Phase::{Closing, Escalation, Opening, Update};
    use Step::{Acknowledged, Items, Looks, Worse};
    type Told = (i64, Phase, u64);
    type Case<'a> = (&'a str, Vec<(i64, Step)>, &'a [Told]);
    let cases: [Case<'_>; 9] = [
        ("it opens at once", vec![(0, Items(1))], &[(0, Opening, 1)]),
        ("all of a batch are in the opening", vec![(0, Items(60))], &[(0, Opening, 60)]),
        (
            "10 items are worth a word, 11 are not",
            vec![(0, Items(1)), (1, Items(8)), (2, Items(1)), (3, Items(1))],
            &[(0, Opening, 1), (2, Update, 9)],
        ),
        (
            "counts that are jumped over count",
            vec![(0, Items(1)), (1, Items(60))],
            &[(0, Opening, 1), (1, Update, 60)],
        ),
        (
            "what is worse is told at once",
            vec![(0, Items(1)), (1, Worse), (2, Worse)],
            &[(0, Opening, 1), (1, Update, 1)],
        ),
        (
            "nobody acknowledges",
            vec![(0, Items(1)), (9, Items(1)), (10, Looks), (12, Looks), (13, Looks)],
            &[(0, Opening, 1), (10, Escalation, 1), (12, Escalation, 0)],
        ),
        (
            "somebody does: only the end is told, with all",
            vec![(0, Items(1)), (1, Acknowledged), (2, Items(30)), (14, Looks), (17, Looks), (18, Looks)],
            &[(0, Opening, 1), (17, Closing, 30)],
        ),
        (
            "somebody does, but it gets worse",
            vec![(0, Items(1)), (1, Acknowledged), (2, Items(30)), (3, Worse)],
            &[(0, Opening, 1), (3, Update, 31)],
        ),
        (
            "it ends without anything new",
            vec![(0, Items(3)), (1, Acknowledged), (15, Looks), (16, Looks)],
            &[(0, Opening, 3), (15, Closing, 0)],
        ),
    ];
    for (case, story, expected) in cases {
        assert_eq!(told(&story), expected, "{case}");
    }
}

#[test]
fn an_incident_that_grows_slowly_is_told_every_half_hour() {
    let mut story = vec![(0, Step::Items(1)), (1, Step::Acknowledged)];
    assert_eq!(told(&story).len(), 1);
    story.truncate(1);
    story.extend((1..=6).map(|n| (n * 10, Step::Items(1))));
    let updates: Vec<_> = told(&story).into_iter().filter(|(_, phase, _)| *phase == Phase::Update).collect();
    // The escalations at 10 and 12 minutes told what there was.
    assert_eq!(updates, [(50, Phase::Update, 3)]);
}

#[test]
fn every_report_is_told_once_whatever_happens() {
    let mut log = StationLog::new("press-3", at(0));
    let mut items = 0;
    for n in 0..400_u64 {
        let minute = i64::try_from(n * 7 % 97 + n / 4).unwrap();
        log.take(&report(&format!("i{}", n % 80), n), at(minute));
        log.take(&report(&format!("i{}", n % 80), n), at(minute));
        if n.is_multiple_of(3) {
            log.decide(at(minute), &policy());
        }
        items += hand_on(&mut log).iter().map(Notice::new_items).sum::<u64>();
    }
    log.decide(at(10_000), &policy());
    items += hand_on(&mut log).iter().map(Notice::new_items).sum::<u64>();
    assert_eq!(items, 400);
    assert_eq!(log.due_at(&policy()), None);
}

#[test]
fn what_was_handed_on_is_struck_and_nothing_else() {
    let mut log = StationLog::new("press-3", at(0));
    log.take(&report("i1", 1), at(0));
    log.decide(at(0), &policy());
    let first = log.notices().last().unwrap().own;
    log.take(&report("i2", 1), at(1));
    log.decide(at(1), &policy());
    assert!(log.handed_on(Some(first), None));
    assert_eq!(log.notices().len(), 1);
    let another = Root { epoch: at(9), number: 99 };
    assert!(!log.handed_on(Some(another), None), "of a log that was lost");
}

#[test]
fn the_desk_hears_of_a_device_only_when_it_is_due_earlier() {
    let mut log = StationLog::new("press-3", at(0));
    assert_eq!(log.to_hand_on(&policy(), false), None);
    log.take(&report("i1", 1), at(0));
    log.decide(at(0), &policy());
    assert_eq!(log.to_hand_on(&policy(), false), Some(Some(at(10))));
    let last = log.notices().last().map(|notice| notice.own);
    log.handed_on(last, Some(at(10)));
    log.take(&report("i1", 2), at(1));
    log.decide(at(1), &policy());
    assert_eq!(log.to_hand_on(&policy(), false), None);
    assert_eq!(log.to_hand_on(&policy(), true), Some(Some(at(10))), "unless the desk asks");
}

#[test]
fn a_log_stays_small_and_survives_being_written_and_read() {
    let mut log = StationLog::new("press-3", at(0));
    for n in 0..=(SEEN as u64 + 100) {
        log.take(&report(&format!("i{}", n % 200), n), at(0));
        if n.is_multiple_of(50) {
            hand_on(&mut log);
        }
    }
    assert_eq!((log.seen.len(), log.incidents.len()), (SEEN, INCIDENTS));
    let bytes = serde_json::to_vec(&log).unwrap();
    assert!(bytes.len() < 400 * 1024, "{}", bytes.len());
    assert_eq!(serde_json::from_slice::<StationLog>(&bytes).unwrap(), log);
}

#[test]
fn a_device_whose_notices_nobody_takes_must_wait() {
    let mut log = StationLog::new("press-3", at(0));
    let full = (0..2000).find(|n| log.take(&report(&format!("i{n}"), 1), at(0)) == Taken::Full);
    assert_eq!(full, Some(INCIDENTS as u64 + NOTICES as u64));
    hand_on(&mut log);
    assert_eq!(log.take(&report("one more", 1), at(0)), Taken::Folded);
}

#[test]
fn all_mails_of_an_incident_have_one_title_and_one_thread() {
    let mut log = StationLog::new("press-3", at(0));
    log.take(&report("i1", 1), at(0));
    log.decide(at(0), &policy());
    let mut worse = report("i1", 2);
    worse.defects[0].label = "burn".into();
    worse.defects[0].severity = Severity::Critical;
    log.take(&worse, at(1));
    log.decide(at(1), &policy());
    let notices = hand_on(&mut log);
    let news: Vec<&News> = notices
        .iter()
        .map(|notice| match &notice.matter {
            Matter::Incident(news) => &**news,
            _ => panic!("an incident"),
        })
        .collect();
    assert_eq!((news[0].root, &news[0].title), (news[1].root, &news[1].title));
    assert!(!notices[0].follows() && notices[1].follows());
    assert_eq!((notices[0].severity, notices[1].severity), (Severity::Major, Severity::Critical));
}

#[test]
fn a_station_that_is_silent_is_told_and_its_return_answers_that() {
    let mut log = StationLog::new("press-3", at(0));
    log.take(&report("i1", 1), at(0));
    log.decide(at(0), &policy());
    hand_on(&mut log);
    log.observe(&Sign::Disconnected, at(1), &policy());
    log.decide(at(6), &policy());
    log.observe(&Sign::Connected, at(7), &policy());
    log.decide(at(7), &policy());
    let notices = hand_on(&mut log);
    let [gone, back] = notices.as_slice() else { panic!("{notices:?}") };
    let Matter::Station(news) = &gone.matter else { panic!("{gone:?}") };
    assert_eq!((news.since, news.until, &news.trouble), (at(1), None, &Trouble::Disconnected));
    assert_eq!((back.root(), gone.line.as_str()), (gone.own, "line-1"));
}
