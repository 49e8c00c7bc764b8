//! The mail server, the mailer or the disk fails, at the worst moment.

use std::net::TcpListener;

use super::host::{batch, payload, report};
use super::mail_server::{MailServer, Turn};
use super::mailer::{Start, answer, set_aside};

#[test]
fn a_server_that_is_down_is_a_5xx_and_the_mail_goes_when_it_is_up() {
    let state = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = Start::new(port, state.path()).go();
    let events = batch(&[report("i1", 1, "open")]);
    for _ in 0..3 {
        let (status, answer) = mailer.invoke(&events);
        assert!(status == 503 && answer.to_string().contains("cannot be reached"), "{answer}");
    }
    let server = MailServer::on(port);
    assert_eq!(mailer.invoke(&events).0, 200);
    server.next();
    assert_eq!(mailer.invoke(&events).0, 200);
    assert_eq!(server.all(), []);
}

#[test]
fn what_the_host_has_given_up_on_goes_with_the_next_batch() {
    let state = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = Start::new(port, state.path()).go();
    assert_eq!(mailer.invoke(&payload(&[("press-8", report("i1", 1, "open").to_string())])).0, 503);
    let server = MailServer::on(port);
    assert_eq!(mailer.invoke(&batch(&[report("i2", 1, "open")])).0, 200);
    let subjects = [server.next(), server.next()].map(|mail| mail.header("Subject").unwrap());
    for device in ["press-3", "press-8"] {
        assert_eq!(subjects.iter().filter(|subject| subject.contains(device)).count(), 1, "{subjects:?}");
    }
}

#[test]
fn what_is_owed_goes_after_a_restart_without_any_batch() {
    let state = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = Start::new(port, state.path());
    let mailer = start.go();
    assert_eq!(mailer.invoke(&batch(&[report("i1", 1, "open")])).0, 503);
    mailer.kill();
    let server = MailServer::on(port);
    let _mailer = start.go();
    server.next();
}

#[test]
fn killed_between_the_servers_taking_the_mail_and_its_answer_the_same_mail_is_sent_again() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang]));
    let start = Start::new(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "60");
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
    assert_eq!(server.next(), first, "byte for byte the same mail");
    assert_eq!(server.all(), []);
}

#[test]
fn a_server_that_falls_silent_does_not_hold_the_answer_up() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang, Turn::Hang]));
    let mailer = Start::new(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "1").go();
    let begin = std::time::Instant::now();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert!(status == 503 && answer.to_string().contains("no answer within 1 s"), "{answer}");
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

#[test]
fn a_passing_trouble_with_one_mail_does_not_hold_up_the_others() {
    let script = [Turn::RefuseContent("451 4.3.0 not now"), Turn::CutAfterContent, Turn::Take];
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&script));
    let mailer = Start::new(server.port, state.path()).go();
    let events = payload(&[
        ("press-1", report("i1", 1, "open").to_string()),
        ("press-2", report("i2", 1, "open").to_string()),
        ("press-3", report("i3", 1, "open").to_string()),
    ]);
    assert_eq!(mailer.invoke(&events).0, 503);
    let first: Vec<String> = server.all().iter().map(super::mail_server::Mail::id).collect();
    assert_eq!(first.len(), 3);
    assert_eq!(mailer.invoke(&events).0, 200);
    let second: Vec<String> = server.all().iter().map(super::mail_server::Mail::id).collect();
    assert_eq!(second, first[..2], "the third was taken");
}

#[test]
fn batches_of_several_partitions_at_once_lose_and_repeat_nothing() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    // Two mailers on one folder, as after a scale-out.
    let start = Start::new(server.port, state.path());
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
    let mut ids: Vec<String> = server.all().iter().map(super::mail_server::Mail::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

#[test]
fn a_mail_server_down_for_long_costs_counted_events_and_no_unbounded_memory() {
    let state = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = Start::new(port, state.path()).go();
    for n in 0..70 {
        assert_eq!(mailer.invoke(&batch(&[report(&format!("i{n}"), 1, "open")])).0, 503, "{n}");
    }
    let aside = set_aside(state.path());
    assert_eq!(aside.len(), 6, "64 incidents of a device may wait");
    assert!(aside[0]["reason"].as_str().unwrap().contains("too many incidents"), "{aside:?}");
}

#[test]
fn sigterm_ends_it_cleanly_also_in_the_middle_of_a_mail() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[Turn::Hang]));
    let mailer = Start::new(server.port, state.path()).with("MAILER_SMTP_TIMEOUT_SECONDS", "2").go();
    let pending =
        mailer.post("POST", "/DefectMailer", batch(&[report("i1", 1, "open")]).to_string().as_bytes());
    server.next();
    let (status, log) = mailer.terminate();
    assert!(status.success(), "{status}: {log}");
    assert_eq!(answer(pending).0, 503, "the batch in hand is answered before the end");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_5xx_and_nothing_is_mailed() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::new(server.port, state.path()).go();
    let devices = state.path().join("devices");
    std::fs::remove_dir(&devices).unwrap();
    std::fs::write(&devices, "in the way").unwrap();
    let events = batch(&[report("i1", 1, "open")]);
    let (status, answer) = mailer.invoke(&events);
    assert!(status == 503 && answer.to_string().contains("MAILER_STATE"), "{answer}");
    assert_eq!(server.all(), []);
    std::fs::remove_file(&devices).unwrap();
    std::fs::create_dir(&devices).unwrap();
    assert_eq!(mailer.invoke(&events).0, 200);
    server.next();
}
