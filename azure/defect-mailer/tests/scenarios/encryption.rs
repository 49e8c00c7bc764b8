//! A real mail server with STARTTLS and AUTH (`make test` installs it).

use super::host::{batch, report};
use super::mailer::{Start, set_aside};
use super::real_mail_server::{Certificates, RealMailServer, secured};

#[test]
fn a_mail_goes_over_starttls_with_a_login() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let server = RealMailServer::start(Some(&certificates), "none");
    let mailer = secured(server.port, state.path(), &certificates).go();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open"), report("i2", 1, "open")]));
    assert_eq!(status, 200, "{answer}");
    assert!(server.next().contains("Subject: [andon] line-1/press-3: NG short"));
    assert!(server.next().contains("Subject: [andon] line-1/press-3: NG short"));
}

#[test]
fn a_wrong_password_keeps_the_mail_says_so_loudly_and_shows_no_secret() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let server = RealMailServer::start(Some(&certificates), "none");
    let start = secured(server.port, state.path(), &certificates);
    let mailer = start.clone().with("MAILER_SMTP_PASSWORD", "wrong-0815").go();
    let events = batch(&[report("i1", 1, "open")]);
    let (_, answer) = mailer.invoke(&events);
    assert!(answer.to_string().contains("CHECK THE SETTINGS"), "{answer}");
    let (_, log) = mailer.terminate();
    assert!(log.contains("535") && log.contains("MAILER_SMTP_USER"), "{log}");
    for secret in ["wrong-0815", "AHdyb25n", "d3JvbmctMDgxNQ"] {
        assert!(!log.contains(secret) && !answer.to_string().contains(secret), "{log}");
    }
    assert!(server.got_nothing());
    let (mail, _) = start.go().ticks_until(|| server.now());
    assert!(mail.contains("Message-ID"));
}

#[test]
fn nothing_is_sent_where_no_tls_is_offered_or_the_certificate_is_a_strangers() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let certificates = Certificates::make(ours.path());
    let strangers = Certificates::make(theirs.path());
    let cases = [
        (None, "localhost", "does not offer STARTTLS"),
        (Some(&strangers), "localhost", "no trusted encryption"),
        (Some(&certificates), "127.0.0.1", "no trusted encryption"),
    ];
    for (offered, host, reason) in cases {
        let state = tempfile::tempdir().unwrap();
        let server = RealMailServer::start(offered, "none");
        let mailer = secured(server.port, state.path(), &certificates).with("MAILER_SMTP_HOST", host).go();
        let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
        assert!(answer.to_string().contains(reason), "{answer}");
        assert!(server.got_nothing());
    }
}

#[test]
fn a_real_server_that_defers_gets_the_mail_later() {
    let cases = [("full", "(452): 4.2.2"), ("greylist", "(450): 4.7.1"), ("quota", "(452): 4.5.3")];
    for (fault, reason) in cases {
        let state = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(state.path());
        let server = RealMailServer::start(Some(&certificates), fault);
        let mailer = secured(server.port, state.path(), &certificates).go();
        let (_, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
        assert!(answer.to_string().contains(reason), "{answer}");
        mailer.ticks_until(|| server.now());
        assert_eq!(set_aside(state.path()).len(), 0);
    }
}

#[test]
fn a_connection_cut_after_the_content_brings_the_same_mail_again() {
    let state = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(state.path());
    let server = RealMailServer::start(Some(&certificates), "cut");
    let mailer = secured(server.port, state.path(), &certificates).go();
    let events = batch(&[report("i1", 1, "open")]);
    mailer.invoke(&events);
    let first = server.next();
    assert_eq!(mailer.ticks_until(|| server.now()).0, first, "byte for byte the same mail");
    assert_eq!(mailer.invoke(&events).0, 200);
    assert!(server.got_nothing());
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
