//! The mailbox with clients of others (Python's smtplib, lettre) and with rude ones.

use std::process::Command;

use lettre::message::header::ContentType;
use lettre::{Message, SmtpTransport, Transport};

use super::*;

fn mailbox() -> (tempfile::TempDir, Mailbox) {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::start(folder.path().join("mails")).unwrap();
    (folder, mailbox)
}

/// Says some lines at once and returns all that the mailbox says until it hangs up.
fn talk(mailbox: &Mailbox, says: &[u8]) -> String {
    let mut client = TcpStream::connect(mailbox.address()).unwrap();
    // A mailbox that has hung up already takes no more.
    let _ = client.write_all(says);
    let _ = client.shutdown(std::net::Shutdown::Write);
    let mut heard = Vec::new();
    let _ = client.read_to_end(&mut heard);
    String::from_utf8(heard).unwrap()
}

fn codes(heard: &str) -> Vec<&str> {
    heard.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).map(|line| &line[..3]).collect()
}

fn content(mailbox: &Mailbox, number: usize) -> String {
    fs::read_to_string(&mailbox.mails()[number]).unwrap()
}

#[test]
fn a_mail_from_lettre_is_kept_as_it_was_sent() {
    let (_folder, mailbox) = mailbox();
    let mail = Message::builder()
        .from("station <andon@plant.example>".parse().unwrap())
        .to("lead@plant.example".parse().unwrap())
        .to("shift@plant.example".parse().unwrap())
        .subject("Kratzer über dem Grenzwert")
        .header(ContentType::TEXT_PLAIN)
        .body(".one dot\r\n..two\r\n.\r\nend".to_owned())
        .unwrap();
    let address = mailbox.address();
    let sender = SmtpTransport::builder_dangerous(address.ip().to_string()).port(address.port()).build();
    sender.send(&mail).unwrap();
    sender.send(&mail).unwrap();
    assert_eq!(mailbox.mails().len(), 2);
    let kept = content(&mailbox, 0);
    let (path, rest) = kept.split_at(kept.find("From:").unwrap());
    assert_eq!(
        path,
        "Return-Path: <andon@plant.example>\r\nDelivered-To: lead@plant.example\r\nDelivered-To: shift@plant.example\r\n"
    );
    // Ending the text needs a line of its own for the dot.
    assert_eq!(rest.trim_end(), String::from_utf8(mail.formatted()).unwrap().trim_end());
}

#[test]
fn a_mail_from_python_is_kept_as_it_was_sent() {
    let (_folder, mailbox) = mailbox();
    let script = format!(
        "import smtplib\n\
         with smtplib.SMTP('127.0.0.1', {}) as server:\n\
         \x20   assert server.noop()[0] == 250 and server.verify('x')[0] == 252\n\
         \x20   server.sendmail('a@b', ['c@d', 'e@f'], 'Subject: x\\r\\n\\r\\n.\\r\\n..\\r\\n.a\\r\\n'.encode())\n\
         \x20   server.sendmail('', 'c@d', b'Subject: y\\r\\n\\r\\n\\xc3\\xbc', ['BODY=8BITMIME'])\n\
         \x20   assert server.docmd('DATA')[0] == 503\n\
         \x20   server.rset()\n",
        mailbox.address().port()
    );
    let python = Command::new("python3").arg("-c").arg(script).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    assert_eq!(
        content(&mailbox, 0),
        "Return-Path: <a@b>\r\nDelivered-To: c@d\r\nDelivered-To: e@f\r\nSubject: x\r\n\r\n.\r\n..\r\n.a\r\n"
    );
    assert_eq!(content(&mailbox, 1), "Return-Path: <>\r\nDelivered-To: c@d\r\nSubject: y\r\n\r\nü\r\n");
}

#[test]
fn commands_out_of_turn_or_out_of_form_are_refused() {
    let (_folder, mailbox) = mailbox();
    for (says, wanted) in [
        ("MAIL FROM:<a@b>\r\nQUIT\r\n", &["503", "221"][..]),
        ("EHLO\r\nHELO x\r\nRCPT TO:<a@b>\r\nDATA\r\nQUIT\r\n", &["501", "250", "503", "503", "221"]),
        (
            "EHLO x\r\nMAIL FROM:a@b\r\nMAIL FROM:<a@b>x\r\nMAIL TO:<a@b>\r\nQUIT\r\n",
            &["250", "501", "501", "501", "221"],
        ),
        (
            "EHLO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\nDATA\r\n",
            &["250", "250", "503", "501", "503", "421"],
        ),
        (
            "EHLO x\r\nMAIL FROM:<a@b> SIZE=99999999\r\nMAIL FROM:<a@b> AUTH=<>\r\nQUIT\r\n",
            &["250", "552", "555", "221"],
        ),
        (
            "ehlo x\r\nmail from:<a@b> size=5\r\nrset\r\ndata\r\nSTARTTLS\r\nquit\r\n",
            &["250", "250", "250", "503", "502", "221"],
        ),
        ("EHLO \u{fc}\r\n\r\nM\u{0}\r\nQUIT\r\n", &["500", "502", "500", "221"]),
        ("EHLO x\n", &["500"]),
    ] {
        let heard = talk(&mailbox, says.as_bytes());
        assert_eq!(codes(&heard)[1..], *wanted, "{says:?}: {heard}");
    }
    assert!(mailbox.mails().is_empty());
}

#[test]
fn a_dot_after_a_lone_line_feed_smuggles_no_second_mail() {
    let (_folder, mailbox) = mailbox();
    let heard = talk(
        &mailbox,
        b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\none\n.\r\nMAIL FROM:<e@f>\r\n\n.\n\r.\r\n.\r\nQUIT\r\n",
    );
    assert_eq!(codes(&heard), ["220", "250", "250", "250", "354", "250", "221"]);
    assert_eq!(mailbox.mails().len(), 1);
    assert!(content(&mailbox, 0).ends_with("one\n.\r\nMAIL FROM:<e@f>\r\n\n.\n\r.\r\n"));
}

#[test]
fn a_mail_over_the_limit_is_refused_and_the_next_is_taken() {
    let (_folder, mailbox) = mailbox();
    let mut says = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n".to_vec();
    says.resize(says.len() + LARGEST_MAIL + 1, b'x');
    says.extend(b"\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nsmall\r\n.\r\nQUIT\r\n");
    let heard = talk(&mailbox, &says);
    assert_eq!(codes(&heard), ["220", "250", "250", "250", "354", "552", "250", "250", "354", "250", "221"]);
    assert!(content(&mailbox, 0).ends_with("\r\nsmall\r\n"));
}

#[test]
fn a_long_line_whose_pieces_meet_at_its_end_is_kept_whole() {
    let (_folder, mailbox) = mailbox();
    for length in [64 * 1024 - 2, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1] {
        let line = "y".repeat(length);
        let says =
            format!("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n{line}\r\n..z\r\n.\r\nQUIT\r\n");
        let heard = talk(&mailbox, says.as_bytes());
        assert_eq!(codes(&heard).last(), Some(&"221"), "{length}: {heard}");
        let kept = content(&mailbox, mailbox.mails().len() - 1);
        assert!(kept.ends_with(&format!("\r\n{line}\r\n.z\r\n")), "{length}");
    }
}

#[test]
fn a_client_that_breaks_off_or_rambles_harms_nobody() {
    let (_folder, mailbox) = mailbox();
    talk(&mailbox, b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf a mail");
    assert!(talk(&mailbox, &vec![b'x'; 100_000]).ends_with("closing\r\n"));
    let heard = talk(&mailbox, "NONSENSE\r\n".repeat(30).as_bytes());
    assert_eq!(codes(&heard).len(), 22);
    let recipients = format!("EHLO x\r\nMAIL FROM:<a@b>\r\n{}", "RCPT TO:<c@d>\r\n".repeat(101));
    assert_eq!(codes(&talk(&mailbox, recipients.as_bytes()))[103], "452");
    assert!(mailbox.mails().is_empty());
    let clients: Vec<_> = (0..MOST_CLIENTS).map(|_| greeted(&mailbox)).collect();
    assert!(talk(&mailbox, b"").starts_with("421"));
    drop(clients);
}

/// A client that the mailbox has taken: the greeting has come.
fn greeted(mailbox: &Mailbox) -> TcpStream {
    let mut greeting = String::new();
    // Clients that were here before may still be leaving.
    loop {
        let client = TcpStream::connect(mailbox.address()).unwrap();
        greeting.clear();
        BufReader::new(client.try_clone().unwrap()).read_line(&mut greeting).unwrap();
        if greeting.starts_with("220") {
            return client;
        }
    }
}

#[test]
fn a_stopped_mailbox_takes_no_clients() {
    let (_folder, mailbox) = mailbox();
    let address = mailbox.address();
    assert!(mailbox.stop().is_empty());
    assert!(TcpStream::connect(address).is_err());
}
