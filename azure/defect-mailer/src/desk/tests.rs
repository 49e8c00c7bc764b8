use andon_telemetry::{Report, Severity, read};
use jiff::tz::TimeZone;

use super::*;
use crate::station::StationLog;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn plan() -> Plan {
    let mut plan = Plan::simple(vec!["lead@x.example".parse().unwrap()], TimeZone::UTC, "x.example", "");
    plan.policy.update_items = vec![2];
    plan
}

fn claim(instance: &str, second: i64) -> Claim {
    Claim { instance: instance.into(), run: "1".into(), until: at(second + 100) }
}

fn report(incident: &str, n: u64, severity: Severity) -> Report {
    let mut report = read(include_bytes!("../../../telemetry/examples/opens-an-incident.json")).unwrap();
    report.report_id = format!("{incident}-{n}");
    report.incident.id = incident.into();
    report.incident.count = n;
    report.defects.truncate(1);
    report.defects[0].severity = severity;
    report
}

/// A plant of stations before one desk.
struct Plant {
    desk: Desk,
    plan: Plan,
    logs: BTreeMap<String, StationLog>,
}

impl Plant {
    fn new(plan: Plan) -> Self {
        Self { desk: Desk::new(), plan, logs: BTreeMap::new() }
    }

    fn fails(&mut self, station: &str, n: u64, severity: Severity, second: i64) {
        let log = self.logs.entry(station.into()).or_insert_with(|| StationLog::new(station, at(second)));
        log.take(&report("i1", n, severity), at(second));
        log.decide(at(second), &self.plan.policy);
        let notices = log.notices().to_vec();
        self.desk.take(station, &notices, log.due_at(&self.plan.policy), at(second), &self.plan);
        log.handed_on(notices.last().map(|notice| notice.own), None);
    }

    /// Sends all that may go now: rows and new items of each mail.
    fn sends(&mut self, second: i64) -> Vec<(usize, u64)> {
        let mut sent = Vec::new();
        while let Some(job) = self.desk.claim(&claim("a", second), at(second), &self.plan) {
            let outcome = Outcome { reached: true, settled: true, ..Outcome::default() };
            self.desk.settle(&job, &outcome, at(second), &self.plan.policy);
            let rows = match &job.mail.content {
                Content::One(_) => 1,
                Content::Table(rows, _) => rows.len(),
            };
            sent.push((rows, job.mail.new_items()));
        }
        sent
    }
}

#[test]
fn few_matters_are_a_mail_each_and_a_storm_is_one_with_a_table() {
    let mut plant = Plant::new(plan());
    plant.fails("press-1", 1, Severity::Major, 0);
    plant.fails("press-2", 1, Severity::Major, 0);
    assert_eq!(plant.sends(0), [(1, 1), (1, 1)]);

    let mut plant = Plant::new(plan());
    (0..25).for_each(|n| plant.fails(&format!("press-{n}"), 1, Severity::Major, 0));
    assert_eq!(plant.sends(0), [(25, 25)]);
}

#[test]
fn a_storm_that_comes_drop_by_drop_is_gathered_after_a_few_mails() {
    let mut plant = Plant::new(plan());
    let mut mails = Vec::new();
    for n in 0..40_i64 {
        plant.fails(&format!("press-{n}"), 1, Severity::Major, n * 10);
        mails.extend(plant.sends(n * 10).into_iter().map(|mail| (n * 10, mail)));
    }
    mails.extend(plant.sends(1000).into_iter().map(|mail| (1000, mail)));
    assert_eq!(mails[..3], [(0, (1, 1)), (10, (1, 1)), (20, (1, 1))]);
    assert_eq!(mails[3], (300, (28, 28)), "gathered until five minutes after the first");
    assert!(mails.len() <= 7, "{mails:?}");
    assert_eq!(mails.iter().map(|(_, (_, items))| items).sum::<u64>(), 40);
}

#[test]
fn what_is_critical_and_new_is_gathered_for_a_minute_only() {
    let mut plant = Plant::new(plan());
    (0..3).for_each(|n| plant.fails(&format!("press-{n}"), 1, Severity::Major, 0));
    assert_eq!(plant.sends(0).len(), 3);
    plant.fails("press-8", 1, Severity::Major, 10);
    plant.fails("press-9", 1, Severity::Critical, 20);
    assert_eq!(plant.sends(79), []);
    assert_eq!(plant.sends(80), [(2, 2)]);
}

#[test]
fn the_rate_folds_and_never_drops() {
    let mut plan = plan();
    (plan.policy.storm, plan.policy.per_minute, plan.policy.per_hour) = (100, 2, 4);
    let mut plant = Plant::new(plan);
    let mut mails = Vec::new();
    for second in 0..7200_i64 {
        if second < 3600 && second % 9 == 0 {
            plant.fails(&format!("press-{}", second / 9), 1, Severity::Minor, second);
        }
        mails.extend(plant.sends(second).into_iter().map(|mail| (second, mail)));
    }
    for (second, _) in &mails {
        let within =
            |span| mails.iter().filter(|(other, _)| (*second..second + span).contains(other)).count();
        assert!(within(60) <= 2 && within(3600) <= 4, "{mails:?}");
    }
    assert_eq!(mails.iter().map(|(_, (_, items))| items).sum::<u64>(), 400);
    assert_eq!(plant.desk.waiting(), 0);
}

#[test]
fn further_news_of_an_incident_that_waits_are_one_row() {
    let mut plan = plan();
    plan.policy.per_hour = 1;
    let mut plant = Plant::new(plan);
    plant.fails("press-0", 1, Severity::Major, 0);
    assert_eq!(plant.sends(0), [(1, 1)]);
    for n in 1..=2 {
        plant.fails("press-1", n, Severity::Major, 10);
    }
    assert_eq!((plant.sends(20), plant.desk.waiting()), (vec![], 1));
    assert_eq!(plant.sends(3601), [(1, 2)]);
}

#[test]
fn ten_thousand_matters_are_bounded_and_counted() {
    let mut plan = plan();
    // Also where nothing counts as a storm.
    (plan.policy.storm, plan.policy.per_minute) = (100_000, 100_000);
    let mut plant = Plant::new(plan);
    (0..10_000).for_each(|n| plant.fails(&format!("press-{n}"), 1, Severity::Major, 0));
    let bytes = serde_json::to_vec(&plant.desk.trays).unwrap().len();
    assert!(bytes < 1024 * 1024, "{bytes}");
    assert_eq!(plant.sends(0), [(40, 10_000)]);
}

#[test]
fn a_notice_is_taken_once_from_whoever_brings_it() {
    let (mut desk, plan) = (Desk::new(), plan());
    let mut log = StationLog::new("press-1", at(0));
    log.take(&report("i1", 1, Severity::Major), at(0));
    log.decide(at(0), &plan.policy);
    let first = log.notices().to_vec();
    desk.take("press-1", &first, None, at(0), &plan);
    log.take(&report("i2", 1, Severity::Major), at(1));
    log.decide(at(1), &plan.policy);
    desk.take("press-1", log.notices(), None, at(1), &plan);
    desk.take("press-1", &first, None, at(2), &plan);
    assert_eq!(desk.waiting(), 2);
    // A log that was lost counts anew.
    let mut log = StationLog::new("press-1", at(3));
    log.take(&report("i3", 1, Severity::Major), at(3));
    log.decide(at(3), &plan.policy);
    desk.take("press-1", log.notices(), None, at(3), &plan);
    assert_eq!(desk.waiting(), 3);
}

#[test]
fn a_mail_is_sent_by_one_instance_and_taken_over_from_a_dead_one() {
    let mut plant = Plant::new(plan());
    plant.fails("press-1", 1, Severity::Major, 0);
    let job = plant.desk.claim(&claim("a", 0), at(0), &plant.plan).unwrap();
    let again = Claim { run: "2".into(), ..claim("a", 1) };
    let cases = [
        ("another instance", claim("b", 1), 1, false),
        ("the same run", claim("a", 1), 1, false),
        ("the next run on the same instance", again, 1, true),
        ("another instance, later", claim("b", 100), 100, true),
    ];
    for (case, claim, second, takes_over) in cases {
        let mut desk = plant.desk.clone();
        let taken = desk.claim(&claim, at(second), &plant.plan);
        assert_eq!(taken.is_some(), takes_over, "{case}");
        if let Some(taken) = taken {
            assert_eq!(
                (taken.mail.message_id, taken.mail.content),
                (job.mail.message_id.clone(), job.mail.content.clone())
            );
        }
    }
}

#[test]
fn a_mail_that_failed_comes_again_later_and_a_server_that_fails_is_left_alone() {
    let mut plant = Plant::new(plan());
    plant.fails("press-1", 1, Severity::Major, 0);
    plant.fails("press-2", 1, Severity::Major, 0);
    let job = plant.desk.claim(&claim("a", 0), at(0), &plant.plan).unwrap();
    plant.desk.settle(
        &job,
        &Outcome { done: vec!["a@x".into()], reached: true, ..Outcome::default() },
        at(0),
        &plant.plan.policy,
    );
    let other = plant.desk.claim(&claim("a", 0), at(0), &plant.plan).unwrap();
    assert_ne!(other.mail.message_id, job.mail.message_id, "the first waits");
    plant.desk.settle(&other, &Outcome { rest: true, ..Outcome::default() }, at(0), &plant.plan.policy);
    assert!(plant.desk.in_trouble());
    assert_eq!(plant.desk.claim(&claim("a", 1), at(1), &plant.plan), None);
    let first = plant.desk.claim(&claim("a", 70), at(70), &plant.plan).unwrap();
    assert_eq!((first.mail.message_id, first.mail.done), (job.mail.message_id, vec!["a@x".to_owned()]));
}

#[test]
fn a_failure_that_several_instances_meet_at_once_is_one_failure() {
    let mut plan = plan();
    (plan.policy.storm, plan.policy.per_minute, plan.policy.per_hour) = (100, 100, 100);
    plan.policy.retry = SignedDuration::from_secs(10);
    let mut plant = Plant::new(plan);
    (0..8).for_each(|n| plant.fails(&format!("press-{n}"), 1, Severity::Major, 0));
    let mut now = 0;
    for pause in [10, 20, 40] {
        let claims = ["a", "b", "c"].map(|instance| claim(instance, now));
        let jobs = claims.map(|claim| plant.desk.claim(&claim, at(now), &plant.plan).unwrap());
        for job in &jobs {
            plant.desk.settle(
                job,
                &Outcome { rest: true, ..Outcome::default() },
                at(now),
                &plant.plan.policy,
            );
        }
        assert_eq!(plant.desk.claim(&claim("d", now), at(now + pause - 1), &plant.plan), None, "{pause} s");
        now += pause;
    }
    assert!(plant.desk.claim(&claim("d", now), at(now), &plant.plan).is_some());
}

#[test]
fn refused_events_are_counted_once_and_told_after_a_while() {
    let (mut desk, plan) = (Desk::new(), plan());
    for n in 0..50 {
        desk.refuse(&format!("key {n}"), "press-1", "no JSON", at(n));
        desk.refuse(&format!("key {n}"), "press-1", "no JSON", at(n));
        desk.refuse(&format!("other {n}"), &format!("press-{n}"), "unknown version", at(n));
    }
    assert_eq!(desk.claim(&claim("a", 60), at(60), &plan), None);
    let job = desk.claim(&claim("a", 900), at(900), &plan).unwrap();
    let Content::One(notice) = &job.mail.content else { panic!("{job:?}") };
    let Matter::Refused(news) = &notice.matter else { panic!("{job:?}") };
    assert_eq!((news.events, news.groups[0].events, news.groups.len()), (100, 50, GROUPS));
}

#[test]
fn threads_hold_together_and_no_two_mails_have_one_name() {
    let mut plant = Plant::new(plan());
    plant.fails("press-1", 1, Severity::Major, 0);
    let opening = plant.desk.claim(&claim("a", 0), at(0), &plant.plan).unwrap();
    plant.desk.settle(
        &opening,
        &Outcome { reached: true, settled: true, ..Outcome::default() },
        at(0),
        &plant.plan.policy,
    );
    plant.fails("press-1", 2, Severity::Major, 60);
    let update = plant.desk.claim(&claim("a", 60), at(60), &plant.plan).unwrap();
    assert_eq!(opening.mail.in_reply_to, None);
    assert_eq!(update.mail.in_reply_to.as_ref(), Some(&opening.mail.message_id));
    assert_ne!(update.mail.message_id, opening.mail.message_id);
    assert!(opening.mail.message_id.ends_with("@x.example>"));
}
