//! State in a storage account: several instances, crashes and outages, and every report in exactly one mail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::azurite::Azurite;
use super::host::{batch, payload, report};
use super::mail_server::{Mail, MailServer, Turn};
use super::mailer::{Mailer, Start};

#[test]
fn a_container_keeps_what_a_folder_keeps_and_a_wrong_key_is_told() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let azurite = Azurite::start(folder.path());
    let start = azurite.keeps(Start::brisk(server.port, folder.path()));
    let mailer = start.go();
    assert_eq!(mailer.invoke(&batch(&[report("i1", 1, "open"), report("i1", 2, "none")])).0, 200);
    assert!(server.next().text().contains("2 items since"));
    mailer.kill();
    let mailer = start.go();
    assert_eq!(mailer.invoke(&batch(&[report("i1", 1, "open")])).0, 200);
    let poison = payload(&[("press-3", "poison".to_owned())]);
    assert_eq!(mailer.invoke(&poison).0, 200);
    assert_eq!(server.all(), []);

    let stranger = start.clone().with("MAILER_STATE_KEY", "c3RyYW5nZXI=").go();
    let (status, answer) = stranger.invoke(&batch(&[report("i2", 1, "open")]));
    assert!(status == 503 && answer.to_string().contains("Storage Blob Data Contributor"), "{answer}");
    assert!(!answer.to_string().contains("c3RyYW5nZXI="));
    drop(azurite);
    let (status, answer) = mailer.invoke(&batch(&[report("i2", 1, "open")]));
    assert!(status == 503 && answer.to_string().contains("cannot be reached"), "{answer}");
}

/// `FAULTY_EVENTS` says how many.
#[test]
fn crashes_conflicts_and_outages_leave_every_report_in_exactly_one_mail() {
    let events = std::env::var("FAULTY_EVENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    let folder = tempfile::tempdir().unwrap();
    let azurite = Azurite::start(folder.path());
    let server = MailServer::start(&[]);
    // No second is too long for a busy machine; a dead instance's mail is taken over after three times that and more.
    let start =
        azurite.keeps(Start::brisk(server.port, folder.path())).with("MAILER_SMTP_TIMEOUT_SECONDS", "5");
    // Two instances share the partitions, and change them: what one has in hand the other may get as well.
    let starts = ["one", "two"].map(|name| start.clone().with("WEBSITE_INSTANCE_ID", name));
    let (partitions, next) = (partitions(events), AtomicUsize::new(0));
    let mut mails = Vec::new();
    std::thread::scope(|scope| {
        for (index, start) in starts.iter().enumerate() {
            let (partitions, next) = (&partitions, &next);
            scope.spawn(move || drive(start, partitions, next, index));
        }
        mails = outages(&server, &next, partitions.len());
    });
    let mailer = starts[0].go();
    let told = |mails: &[Mail]| distinct(mails).values().sum::<u64>();
    mailer.ticks_until(|| {
        mails.extend(server.all());
        eprintln!("{} of {events} events told", told(&mails));
        (told(&mails) >= events as u64).then_some(())
    });
    mails.extend(server.all());
    assert_eq!(told(&mails), events as u64);
    println!(
        "{events} events, {} mails of which {} came twice",
        mails.len(),
        mails.len() - distinct(&mails).len()
    );
}

/// Batches of eight events of eight stations, each event twice, in the order of its partition.
fn partitions(events: usize) -> Vec<Vec<Value>> {
    let mut partitions: Vec<Vec<Value>> = Vec::new();
    for first in (0..events).step_by(8) {
        let bodies: Vec<(String, String)> = (first..events.min(first + 8))
            .map(|n| {
                let device = format!("press-{}", n % 40);
                // Each opens an incident: a later one of the same would be told only with its end.
                (device, report(&format!("i{n}"), 1, "open").to_string())
            })
            .collect();
        let twice: Vec<(&str, String)> =
            bodies.iter().chain(&bodies).map(|(device, body)| (device.as_str(), body.clone())).collect();
        partitions.push(vec![payload(&twice)]);
    }
    partitions
}

/// Brings batches as the host does, again until they are done, to a mailer that is killed now and then.
fn drive(start: &Start, partitions: &[Vec<Value>], next: &AtomicUsize, index: usize) {
    let mut mailer: Option<Mailer> = None;
    let mut sent = 0;
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some(batches) = partitions.get(number) else { return };
        for events in batches {
            loop {
                sent += 1;
                let live = mailer.get_or_insert_with(|| start.go());
                if (sent + index * 11).is_multiple_of(23) {
                    let pending = live.post("POST", "/DefectMailer", events.to_string().as_bytes());
                    std::thread::sleep(std::time::Duration::from_millis(sent as u64 % 17));
                    if let Some(mailer) = mailer.take() {
                        mailer.kill();
                    }
                    drop(pending);
                } else if live.invoke(events).0 == 200 {
                    break;
                }
            }
        }
    }
}

/// A mail server that takes mails, refuses them, cuts the connection, in turn, until all batches were brought.
fn outages(server: &MailServer, next: &AtomicUsize, batches: usize) -> Vec<Mail> {
    let mut mails = Vec::new();
    // Few enough that no mail fails often in a row, for then it would wait for a minute.
    let faults = [
        Turn::RefuseContent("452 4.2.2 quota"),
        Turn::CutAfterContent,
        Turn::RefuseSender("450 4.7.1 greylisted"),
    ];
    let mut turn = 0;
    while next.load(Ordering::SeqCst) < batches {
        if server.has_no_script() {
            server.then(if turn % 4 == 3 { faults[turn / 4 % 3] } else { Turn::Take });
            turn += 1;
        }
        mails.extend(server.all());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    mails.extend(server.all());
    mails
}

/// New items by Message-ID: a mail that arrives twice is the same mail, byte for byte.
fn distinct(mails: &[Mail]) -> BTreeMap<String, u64> {
    let mut contents: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for mail in mails {
        contents.entry(mail.id()).or_default().insert(&mail.content);
    }
    assert!(contents.values().all(|different| different.len() == 1), "one name for two mails");
    mails.iter().map(|mail| (mail.id(), mail.new_items())).collect()
}
