use andon_telemetry::read;

use super::*;

const EXAMPLE: &str = include_str!("../../../telemetry/examples/opens-an-incident.json");

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn report(incident: &str, n: u64, notify: Notify) -> Report {
    let mut report = read(EXAMPLE.as_bytes()).unwrap();
    report.report_id = format!("{incident}-{n}");
    report.incident.id = incident.into();
    report.incident.count = n;
    report.incident.notify = notify;
    report
}

/// A log in which nobody waits for a mail of this incident.
fn told(incident: &str) -> DeviceLog {
    let mut log = DeviceLog::new("press-3");
    log.take(&report(incident, 1, Notify::Open));
    log.owe(at(0), "x.example");
    send(&mut log);
    log
}

fn owed(log: &DeviceLog) -> Vec<(String, u64)> {
    log.owed().map(|owed| (owed.incident.clone(), owed.tally.items)).collect()
}

fn send(log: &mut DeviceLog) {
    for id in log.owed().map(|owed| owed.message_id.clone()).collect::<Vec<_>>() {
        log.settle(&id);
    }
}

#[test]
fn a_mail_is_due_as_the_table_says() {
    use Notify::{None, Open, Update};
    let unknown = DeviceLog::new("press-3");
    let cases: [(&str, &DeviceLog, &[Notify], usize); 8] = [
        ("a new incident", &unknown, &[Open], 1),
        ("its opening report was lost", &unknown, &[None], 1),
        ("its opening report was lost, an update came", &unknown, &[Update], 1),
        ("opening and update in one batch", &unknown, &[Open, None, Update], 1),
        ("one more of the same", &told("i1"), &[None], 0),
        ("an update", &told("i1"), &[Update], 1),
        ("several updates in one batch", &told("i1"), &[Update, None, Update], 1),
        ("opened twice", &told("i1"), &[Open], 1),
    ];
    for (case, log, notify, mails) in cases {
        let mut log = log.clone();
        for (n, notify) in (2..).zip(notify) {
            assert_eq!(log.take(&report("i1", n, *notify)), Taken::Folded, "{case}");
        }
        assert_eq!(log.owe(at(1), "x.example"), mails, "{case}");
        let all = u64::try_from(notify.len()).unwrap();
        assert!(log.owed().all(|owed| owed.tally.items == all), "{case}: every report is in the mail");
    }
}

#[test]
fn a_report_counts_once() {
    let mut log = told("i1");
    assert_eq!(log.take(&report("i1", 1, Notify::Open)), Taken::Duplicate);
    assert_eq!(log.take(&report("i1", 2, Notify::Update)), Taken::Folded);
    assert_eq!(log.take(&report("i1", 2, Notify::Update)), Taken::Duplicate);
    log.owe(at(1), "x.example");
    assert_eq!(owed(&log), [("i1".into(), 1)]);
}

#[test]
fn an_owed_mail_never_changes_and_later_reports_wait_for_the_next() {
    let mut log = DeviceLog::new("press-3");
    log.take(&report("i1", 1, Notify::Open));
    log.owe(at(0), "x.example");
    let first = log.owed().next().unwrap().clone();
    log.take(&report("i1", 2, Notify::Update));
    log.take(&report("i1", 3, Notify::None));
    assert_eq!(log.owe(at(1), "x.example"), 0);
    assert_eq!(log.owed().collect::<Vec<_>>(), [&first]);
    log.settle(&first.message_id);
    assert_eq!(log.owe(at(2), "x.example"), 1);
    let second = log.owed().next().unwrap();
    assert_eq!((second.tally.items, second.in_reply_to.as_ref()), (2, Some(&first.message_id)));
    assert_ne!(second.message_id, first.message_id);
}

#[test]
fn the_message_id_depends_on_device_and_report_alone() {
    let id = |device: &str, earlier: u64| {
        let mut log = DeviceLog::new(device);
        log.take(&report("i0", earlier, Notify::Open));
        log.owe(at(0), "x.example");
        send(&mut log);
        log.take(&report("i1", 1, Notify::Open));
        log.owe(at(1), "x.example");
        log.owed().next().unwrap().message_id.clone()
    };
    assert_eq!(id("press-3", 1), id("press-3", 2));
    assert_ne!(id("press-3", 1), id("press-4", 1));
    assert!(id("press-3", 1).starts_with("<andon-") && id("press-3", 1).ends_with("@x.example>"));
}

#[test]
fn what_ended_quietly_is_told_once_by_the_next_mail() {
    let mut log = told("i1");
    log.take(&report("i1", 2, Notify::None));
    log.take(&report("i1", 3, Notify::None));
    assert_eq!(log.owe(at(1), "x.example"), 0);
    log.take(&report("i2", 1, Notify::Open));
    log.take(&report("i3", 1, Notify::Open));
    log.owe(at(2), "x.example");
    let also: Vec<(u64, u64)> =
        log.owed().flat_map(|owed| &owed.also).map(|also| (also.items, also.total)).collect();
    assert_eq!(also, [(2, 3)]);
}

#[test]
fn idle_incidents_make_room_and_their_untold_items_are_not_forgotten() {
    let mut log = DeviceLog::new("press-3");
    for n in 0..INCIDENTS {
        log.take(&report(&format!("i{n}"), 1, Notify::Open));
    }
    assert_eq!(log.take(&report("one too many", 1, Notify::Open)), Taken::Full);
    assert_eq!(log.owe(at(0), "x.example"), INCIDENTS);
    assert_eq!(log.take(&report("one too many", 1, Notify::Open)), Taken::Full);
    send(&mut log);
    for n in 0..INCIDENTS {
        log.take(&report(&format!("i{n}"), 2, Notify::None));
    }
    assert_eq!(log.take(&report("one too many", 1, Notify::Open)), Taken::Folded);
    log.owe(at(1), "x.example");
    let owed = log.owed().next().unwrap();
    assert_eq!((owed.leftover, owed.also.len()), (1, ALSO));
    assert_eq!(log.incidents.len(), INCIDENTS);
}

#[test]
fn a_log_stays_small() {
    let mut log = told("i1");
    for n in 2..=(SEEN as u64 + 100) {
        log.take(&report("i1", n, Notify::None));
    }
    assert_eq!(log.seen.len(), SEEN);
    assert!(serde_json::to_vec(&log).unwrap().len() < 512 * 1024);
}

#[test]
fn a_mail_is_settled_for_some_recipients_first() {
    let mut log = DeviceLog::new("press-3");
    log.take(&report("i1", 1, Notify::Open));
    log.owe(at(0), "x.example");
    let id = log.owed().next().unwrap().message_id.clone();
    log.note(&id, &["a@x.example".into()], true);
    log.note(&id, &["b@x.example".into()], false);
    log.note("<unknown>", &["c@x.example".into()], true);
    let owed = log.owed().next().unwrap();
    assert_eq!((owed.done.len(), owed.reached), (2, true));
}

#[test]
fn a_log_survives_being_written_and_read() {
    let mut log = told("i1");
    log.take(&report("i1", 2, Notify::Update));
    log.take(&report("i2", 1, Notify::Open));
    log.owe(at(1), "x.example");
    let again: DeviceLog = serde_json::from_slice(&serde_json::to_vec(&log).unwrap()).unwrap();
    assert_eq!(again, log);
}
