//! Mails that postfix takes, or does not, and what lies in the mailbox (`make test` fetches it).

use super::host::{batch, report};
use super::mailer::{Start, set_aside};
use super::postfix::Postfix;
use super::real_mail_server::secured;

fn through(postfix: &Postfix, state: &std::path::Path) -> Start {
    secured(postfix.port, state, &postfix.certificates)
}

#[test]
fn mails_of_an_incident_lie_in_the_mailbox_as_one_thread() {
    let (state, postfix) = (tempfile::tempdir().unwrap(), Postfix::start("plain"));
    let mailer = through(&postfix, state.path()).go();
    mailer.invoke(&batch(&[report("i1", 1, "open")]));
    mailer.ticks_until(|| (postfix.mails().len() == 1).then_some(()));
    mailer.invoke(&batch(&(2..=10).map(|n| report("i1", n, "none")).collect::<Vec<_>>()));
    mailer.ticks_until(|| (postfix.mails().len() == 2).then_some(()));

    let mails = postfix.mails();
    let (opening, update) = (&mails[0], &mails[1]);
    for (mail, items) in [(opening, 1), (update, 9)] {
        assert_eq!(mail.header("Return-Path").unwrap(), "<andon@plant.example>");
        assert_eq!(mail.header("From").unwrap(), "Andon <andon@plant.example>");
        assert_eq!(mail.header("To").unwrap(), "lead@plant.example");
        assert_eq!(mail.header("Auto-Submitted").unwrap(), "auto-generated");
        // ESMTPSA: with encryption and a login (RFC 3848).
        assert!(mail.content.contains("(Postfix) with ESMTPSA id"), "{}", mail.content);
        assert_eq!(mail.new_items(), items);
        assert!(mail.text().contains("What to do"), "{}", mail.content);
    }
    let subject = "[andon] line-1/press-3: NG short";
    assert_eq!(opening.header("Subject").unwrap(), subject);
    assert_eq!(update.header("Subject").unwrap(), format!("Re: {subject}"));
    assert_eq!(opening.header("In-Reply-To"), None);
    assert_eq!(update.header("In-Reply-To"), Some(opening.id()));
    assert_eq!(update.header("References"), Some(opening.id()));
    assert_ne!(update.id(), opening.id());
}

#[test]
fn postfix_refuses_a_wrong_password_and_the_mail_waits_for_the_right_one() {
    let (state, postfix) = (tempfile::tempdir().unwrap(), Postfix::start("plain"));
    let start = through(&postfix, state.path());
    let mailer = start.clone().with("MAILER_SMTP_PASSWORD", "wrong-0815").go();
    let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert!(answer.to_string().contains("CHECK THE SETTINGS"), "{answer}");
    let (_, log) = mailer.terminate();
    assert!(log.contains("535") && !log.contains("wrong-0815"), "{log}");
    assert!(postfix.mails().is_empty());
    start.go().ticks_until(|| postfix.mails().pop());
}

#[test]
fn postfix_without_encryption_gets_neither_a_login_nor_a_mail() {
    let (state, postfix) = (tempfile::tempdir().unwrap(), Postfix::start("no-tls"));
    let mailer = through(&postfix, state.path()).go();
    let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert!(answer.to_string().contains("does not offer STARTTLS"), "{answer}");
    mailer.terminate();
    let log = postfix.log_until("disconnect from");
    assert!(!log.contains("auth=") && !log.contains("mail="), "{log}");
    assert!(postfix.mails().is_empty());
}

#[test]
fn postfix_with_greylisting_gets_the_mail_at_the_next_try() {
    let (state, postfix) = (tempfile::tempdir().unwrap(), Postfix::start("greylist"));
    let mailer = through(&postfix, state.path()).go();
    let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert!(answer.to_string().contains("(450): 4.7.1"), "{answer}");
    mailer.ticks_until(|| postfix.mails().pop());
    assert_eq!((postfix.mails().len(), set_aside(state.path()).len()), (1, 0));
}

#[test]
fn a_mailbox_that_postfix_does_not_know_is_set_aside_and_the_other_gets_the_mail() {
    let (state, postfix) = (tempfile::tempdir().unwrap(), Postfix::start("plain"));
    let start = through(&postfix, state.path());
    let plan = "[[recipient]]\nname = \"two\"\nto = [\"gone@plant.example\", \"lead@plant.example\"]\n";
    let mailer = start.planned(state.path(), plan).go();
    mailer.invoke(&batch(&[report("i1", 1, "open")]));
    mailer.ticks_until(|| postfix.mails().pop());
    let aside = set_aside(state.path());
    assert_eq!(aside.len(), 1);
    let reason = aside[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("gone@plant.example: ") && reason.contains("5.1.1"), "{reason}");
}
