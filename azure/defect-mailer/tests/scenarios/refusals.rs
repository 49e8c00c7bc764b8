//! A mail server that says no.

use super::host::{batch, report};
use super::mail_server::{MailServer, Turn};
use super::mailer::{Start, set_aside};

const TWO: &str = "gone@plant.example, lead@plant.example";

#[test]
fn a_recipient_who_is_refused_for_good_is_set_aside_and_the_other_gets_the_mail() {
    let script = [Turn::RefuseRecipient("gone", "550 5.1.1 no such user")];
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&script));
    let mailer = Start::brisk_to(server.port, state.path(), TWO).go();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.next().to, ["lead@plant.example"]);
    let aside = set_aside(state.path());
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0]["kind"], "mail");
    assert!(aside[0]["reason"].as_str().unwrap().starts_with("gone@plant.example: "), "{aside:?}");
    assert!(aside[0]["content"].as_str().unwrap().contains("What to do"), "the mail can still be read");
}

#[test]
fn a_mail_that_all_refuse_is_set_aside_and_not_tried_again() {
    let cases =
        [Turn::RefuseRecipient("lead", "550 5.1.1 no such user"), Turn::RefuseContent("554 5.6.0 looks odd")];
    for turn in cases {
        let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[turn]));
        let mailer = Start::brisk(server.port, state.path()).go();
        let events = batch(&[report("i1", 1, "open")]);
        assert_eq!(mailer.invoke(&events).0, 200);
        assert_eq!(set_aside(state.path()).len(), 1);
        let _ = server.all();
        assert_eq!(mailer.invoke(&events).0, 200);
        assert_eq!(server.all(), []);
        assert_eq!(mailer.invoke(&batch(&[report("i2", 1, "open")])).0, 200);
        server.next();
    }
}

#[test]
fn a_recipient_who_must_wait_gets_the_mail_later_and_nobody_gets_it_twice() {
    let script = [Turn::RefuseRecipient("gone", "452 4.2.2 mailbox full")];
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&script));
    let mailer = Start::brisk_to(server.port, state.path(), TWO).go();
    let events = batch(&[report("i1", 1, "open")]);
    assert_eq!(mailer.invoke(&events).0, 200);
    let first = server.next();
    assert_eq!(first.to, ["lead@plant.example"]);
    let (second, _) = mailer.ticks_until(|| server.now());
    assert_eq!(second.to, ["gone@plant.example"]);
    assert_eq!(second.content, first.content);
    assert_eq!(mailer.invoke(&events).0, 200);
    assert_eq!(server.all(), []);
}

#[test]
fn a_sender_without_rights_is_a_matter_of_settings_and_the_mail_waits() {
    let turns = [
        Turn::RefuseSender("550 5.7.60 not allowed to send as this sender"),
        Turn::RefuseContent("554 5.7.1 sender is not authorised"),
        Turn::RefuseRecipient("lead", "550 5.7.1 relaying denied"),
    ];
    for turn in turns {
        let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[turn]));
        let mailer = Start::brisk(server.port, state.path()).go();
        let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
        assert!(answer.to_string().contains("5.7."), "{answer}");
        assert_eq!(set_aside(state.path()).len(), 0);
        let _ = server.all();
        server.then(Turn::Take);
        mailer.ticks_until(|| server.now());
    }
}
