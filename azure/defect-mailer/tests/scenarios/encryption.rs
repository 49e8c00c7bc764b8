//! A real mail server with STARTTLS and AUTH (`make test` installs it).

use std::net::TcpListener;

use super::host::{batch, report};
use super::mailer::{Start, set_aside};
use super::real_mail_server::{Certificates, RealMailServer, secured};

#[test]
fn a_mail_goes_over_starttls_with_a_login() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let server = RealMailServer::start(Some(&certificates), 0, "none");
    let mailer = secured(server.port, state.path(), &certificates).go();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open"), report("i2", 1, "open")]));
    assert_eq!(status, 200, "{answer}");
    assert!(server.next().contains("Subject: [andon] NG short"));
    assert!(server.next().contains("Subject: [andon] NG short"));
}

#[test]
fn a_wrong_password_keeps_the_mail_says_so_loudly_and_shows_no_secret() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let server = RealMailServer::start(Some(&certificates), 0, "none");
    let start = secured(server.port, state.path(), &certificates);
    let mailer = start.clone().with("MAILER_SMTP_PASSWORD", "wrong-0815").go();
    let events = batch(&[report("i1", 1, "open")]);
    let (status, answer) = mailer.invoke(&events);
    assert_eq!(status, 503, "{answer}");
    assert!(answer.to_string().contains("CHECK THE SETTINGS"), "{answer}");
    let (_, log) = mailer.terminate();
    assert!(log.contains("535") && log.contains("MAILER_SMTP_USER"), "{log}");
    for secret in ["wrong-0815", "AHdyb25n", "d3JvbmctMDgxNQ"] {
        assert!(!log.contains(secret) && !answer.to_string().contains(secret), "{log}");
    }
    assert!(server.got_nothing());
    assert_eq!(start.go().invoke(&events).0, 200);
    assert!(server.next().contains("Message-ID"));
}

#[test]
fn nothing_is_sent_where_no_tls_is_offered_or_the_certificate_is_a_strangers() {
    let (state, strangers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificates = Certificates::make(state.path());
    let events = batch(&[report("i1", 1, "open")]);

    let open = RealMailServer::start(None, 0, "none");
    let (status, answer) = secured(open.port, state.path(), &certificates).go().invoke(&events);
    assert!(status == 503 && answer.to_string().contains("does not offer STARTTLS"), "{answer}");
    assert!(open.got_nothing());

    let stranger = RealMailServer::start(Some(&Certificates::make(strangers.path())), 0, "none");
    let (status, answer) = secured(stranger.port, state.path(), &certificates).go().invoke(&events);
    assert!(status == 503 && answer.to_string().contains("no trusted encryption"), "{answer}");
    assert!(stranger.got_nothing());

    let other_name = RealMailServer::start(Some(&certificates), 0, "none");
    let start = secured(other_name.port, state.path(), &certificates).with("MAILER_SMTP_HOST", "127.0.0.1");
    let (status, answer) = start.go().invoke(&events);
    assert!(status == 503 && answer.to_string().contains("no trusted encryption"), "{answer}");
    assert!(other_name.got_nothing());
}

#[test]
fn a_full_mailbox_and_a_cut_connection_are_tried_again_with_the_same_message() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = secured(port, state.path(), &certificates).go();
    let events = batch(&[report("i1", 1, "open")]);

    let (status, answer) = mailer.invoke(&events);
    assert!(status == 503 && answer.to_string().contains("cannot be reached"), "{answer}");

    let full = RealMailServer::start(Some(&certificates), port, "full");
    let (status, answer) = mailer.invoke(&events);
    assert!(status == 503 && answer.to_string().contains("452"), "{answer}");
    drop(full);

    let cut = RealMailServer::start(Some(&certificates), port, "cut");
    let (status, answer) = mailer.invoke(&events);
    assert_eq!(status, 503, "{answer}");
    let first = cut.next();
    drop(cut);

    let up = RealMailServer::start(Some(&certificates), port, "none");
    assert_eq!(mailer.invoke(&events).0, 200);
    assert_eq!(up.next(), first, "byte for byte the same mail");
    assert_eq!(mailer.invoke(&events).0, 200);
    assert!(up.got_nothing());
    assert_eq!(set_aside(state.path()).len(), 0);
}

#[test]
fn a_certificate_file_that_is_none_is_refused_at_the_start() {
    let state = tempfile::tempdir().unwrap();
    let junk = state.path().join("junk.pem");
    std::fs::write(&junk, "junk").unwrap();
    for path in [junk.to_str().unwrap(), "/nowhere/ca.pem"] {
        let start = Start::new(25, state.path())
            .with("FUNCTIONS_CUSTOMHANDLER_PORT", "1")
            .with("MAILER_SMTP_SECURITY", "tls")
            .with("MAILER_SMTP_CA", path);
        let (code, text) = start.refuses();
        assert!(code == Some(2) && text.contains("MAILER_SMTP_CA"), "{text}");
    }
}
