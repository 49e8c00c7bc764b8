//! The mail server, the mailer or the disk fails, at the worst moment.

use super::host::{batch, payload, report};
use super::mail_server::{Mail, MailServer, Turn};
use super::mailer::{Start, answer, set_aside};

#[test]
fn a_server_that_is_down_costs_time_only_and_the_clock_counts_as_failed_meanwhile() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::down());
    let mailer = Start::brisk(server.port, state.path()).go();
    let events = batch(&[report("i1", 1, "open")]);
    let (status, answer) = mailer.invoke(&events);
    assert!(status == 200 && answer.to_string().contains("cannot be reached"), "{answer}");
    assert_eq!(mailer.request("POST", "/Clock", b"{}").0, 503);
    assert_eq!(mailer.invoke(&payload(&[("press-8", report("i1", 1, "open").to_string())])).0, 200);
    server.up();
    let (first, _) = mailer.ticks_until(|| server.now());
    let (second, _) = mailer.ticks_until(|| server.now());
    let subjects = [first, second].map(|mail| mail.header("Subject").unwrap());
    for device in ["press-3", "press-8"] {
        assert_eq!(subjects.iter().filter(|subject| subject.contains(device)).count(), 1, "{subjects:?}");
    }
    assert_eq!(mailer.invoke(&events).0, 200);
    assert_eq!(mailer.request("POST", "/Clock", b"{}").0, 200);
    assert_eq!(server.all(), []);
}

#[test]
fn a_mail_of_a_batch_that_comes_while_another_says_goodbye_goes_without_waiting_for_the_clock() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::HoldGoodbye]));
    let mailer = Start::brisk(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "60").go();
    let first = batch(&[report("i1", 1, "open")]);
    let pending = mailer.post("POST", "/DefectMailer", first.to_string().as_bytes());
    server.next();
    server.hears_goodbye();
    let (status, said) = mailer.invoke(&payload(&[("press-8", report("i1", 1, "open").to_string())]));
    assert_eq!((status, server.all().len()), (200, 0), "{said}");
    server.answers_goodbye();
    assert!(server.next().header("Subject").unwrap().contains("press-8"));
    assert_eq!(answer(pending).0, 200);
}

#[test]
fn what_is_owed_goes_after_a_restart_without_any_batch() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::down());
    let start = Start::brisk(server.port, state.path());
    let mailer = start.go();
    assert_eq!(mailer.invoke(&batch(&[report("i1", 1, "open")])).0, 200);
    mailer.kill();
    server.up();
    start.go().ticks_until(|| server.now());
}

#[test]
fn killed_between_the_servers_taking_the_mail_and_its_answer_the_same_mail_is_sent_again() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang]));
    let start = Start::brisk(server.port, state.path())
        .with("MAILER_SMTP_TIMEOUT_SECONDS", "60")
        .with("WEBSITE_INSTANCE_ID", "one");
    let mailer = start.go();
    let events = batch(&[report("i1", 1, "open"), report("i1", 2, "none")]);
    let pending = mailer.post("POST", "/DefectMailer", events.to_string().as_bytes());
    let first = server.next();
    mailer.kill();
    drop(pending);
    let mailer = start.go();
    // The host brings the batch again, cut differently.
    assert_eq!(mailer.invoke(&batch(&[report("i1", 1, "open")])).0, 200);
    assert_eq!(mailer.invoke(&batch(&[report("i1", 2, "none"), report("i1", 3, "none")])).0, 200);
    assert_eq!(mailer.ticks_until(|| server.now()).0, first, "byte for byte the same mail");
    assert_eq!(server.all(), []);
}

#[test]
fn a_server_that_falls_silent_does_not_hold_the_answer_up() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang, Turn::Hang]));
    let mailer = Start::brisk(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "1").go();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert!(status == 200 && answer.to_string().contains("no answer within 1 s"), "{answer}");
}

#[test]
fn a_passing_trouble_with_one_mail_does_not_hold_up_the_others() {
    let script = [Turn::RefuseContent("451 4.3.0 not now"), Turn::CutAfterContent, Turn::Take];
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&script));
    let mailer = Start::brisk(server.port, state.path()).go();
    let events = payload(&[
        ("press-1", report("i1", 1, "open").to_string()),
        ("press-2", report("i2", 1, "open").to_string()),
        ("press-3", report("i3", 1, "open").to_string()),
    ]);
    assert_eq!(mailer.invoke(&events).0, 200);
    let first: Vec<String> = server.all().iter().map(Mail::id).collect();
    assert_eq!(first.len(), 3);
    let mut second: Vec<String> = (0..2).map(|_| mailer.ticks_until(|| server.now()).0.id()).collect();
    second.sort();
    let mut failed = first[..2].to_vec();
    failed.sort();
    assert_eq!(second, failed, "the third was taken");
}

#[test]
fn batches_of_several_partitions_at_once_lose_and_repeat_nothing() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    // Two mailers on one folder, as after a scale-out.
    let start = Start::brisk(server.port, state.path());
    let mailers = [start.go(), start.go()];
    let pending: Vec<_> = (0..12)
        .map(|n| {
            let device = format!("press-{}", n % 4);
            let body = report(&format!("i{n}"), 1, "open").to_string();
            let events = payload(&[(&device, body.clone()), (&device, body)]).to_string();
            mailers.each_ref().map(|mailer| mailer.post("POST", "/DefectMailer", events.as_bytes()))
        })
        .collect();
    for stream in pending.into_iter().flatten() {
        assert_eq!(answer(stream).0, 200);
    }
    let (mut mails, mut items) = (Vec::new(), 0);
    mailers[0].ticks_until(|| {
        let new = server.all();
        items += new.iter().map(Mail::new_items).sum::<u64>();
        mails.extend(new);
        (items >= 12).then_some(())
    });
    assert_eq!(items, 12);
    let mut ids: Vec<String> = mails.iter().map(Mail::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), mails.len());
}

#[test]
fn a_mail_server_down_for_long_costs_no_report_and_no_unbounded_memory() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::down());
    let mailer = Start::brisk(server.port, state.path()).go();
    for n in 0..250 {
        assert_eq!(mailer.invoke(&batch(&[report(&format!("i{n}"), 1, "open")])).0, 200, "{n}");
    }
    assert_eq!(set_aside(state.path()).len(), 0);
    let desk = std::fs::metadata(state.path().join("desk.json")).unwrap().len();
    assert!(desk < 512 * 1024, "{desk}");
    server.up();
    let mut items = 0;
    mailer.ticks_until(|| {
        items += server.all().iter().map(Mail::new_items).sum::<u64>();
        (items >= 250).then_some(())
    });
    assert_eq!(items, 250);
}

#[test]
fn sigterm_ends_it_cleanly_also_in_the_middle_of_a_mail() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang]));
    let mailer = Start::brisk(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "2").go();
    let pending =
        mailer.post("POST", "/DefectMailer", batch(&[report("i1", 1, "open")]).to_string().as_bytes());
    server.next();
    let (status, log) = mailer.terminate();
    assert!(status.success(), "{status}: {log}");
    assert_eq!(answer(pending).0, 200, "the batch in hand is answered before the end");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_5xx_and_nothing_is_mailed() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let stations = state.path().join("stations");
    std::fs::remove_dir(&stations).unwrap();
    std::fs::write(&stations, "in the way").unwrap();
    let events = batch(&[report("i1", 1, "open")]);
    let (status, answer) = mailer.invoke(&events);
    assert!(status == 503 && answer.to_string().contains("MAILER_STATE"), "{answer}");
    assert_eq!(server.all(), []);
    std::fs::remove_file(&stations).unwrap();
    std::fs::create_dir(&stations).unwrap();
    assert_eq!(mailer.invoke(&events).0, 200);
    server.next();
}
