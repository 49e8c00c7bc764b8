//! From a station's connection to the mail, through the real programs: nothing in between is made by a test.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::host::report;
use super::mail_server::{Mail, MailServer};
use super::mailer::{PATIENCE, Start};
use super::plant::Plant;

const AT_ONCE: &str = "[mails]\nstorm_mails = 10000\nretry_seconds = 1\n[rate]\nper_minute = 1000\nper_hour = 10000\n\
                       [stations]\nsilent_minutes = 0\nunwell_minutes = 0\n\
                       [[recipient]]\nname = \"all\"\nto = [\"lead@plant.example\"]\n";

fn subject(mail: &Mail) -> String {
    mail.header("Subject").unwrap()
}

#[test]
fn a_station_that_vanishes_and_one_that_cannot_see_are_told_and_so_is_the_return() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::new(server.port, state.path()).planned(state.path(), AT_ONCE);
    let plant = Plant::start(&["press-3"], 1, &mailer);
    let mut station = plant.station("press-3");
    station.says("ok", "");
    station.sends(&report("i1", 1, "open"));
    assert_eq!(subject(&server.next()), "[andon] line-1/press-3: NG short");
    drop(station);
    let silent = server.next();
    assert_eq!(subject(&silent), "[andon] line-1/press-3: silent");

    let mut station = plant.station("press-3");
    let back = server.next();
    assert_eq!(subject(&back), "Re: [andon] line-1/press-3: silent");
    assert_eq!(back.header("In-Reply-To"), Some(silent.id()));
    station.says("degraded", "camera: gone");
    let blind = server.next();
    assert_eq!(subject(&blind), "[andon] line-1/press-3: cannot inspect");
    assert!(blind.text().contains("camera: gone"), "{}", blind.text());
    station.says("ok", "");
    assert_eq!(subject(&server.next()), "Re: [andon] line-1/press-3: cannot inspect");
}

#[test]
fn a_mailer_killed_until_it_stays_dead_loses_no_report_and_tells_none_twice() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::new(server.port, state.path())
        .with("MAILER_SMTP_TIMEOUT_SECONDS", "1")
        .planned(state.path(), AT_ONCE);
    let names = ["press-1", "press-2", "press-3", "press-4"];
    let plant = Plant::start(&names, 2, &mailer);
    let mut stations: Vec<_> = names.iter().map(|name| plant.station(name)).collect();
    let mut sent = 0;
    let mut mails = Vec::new();
    let mut send = || {
        for station in &mut stations {
            sent += 1;
            station.sends(&report(&format!("i{sent}"), 1, "open"));
        }
        sent
    };
    for round in 1..=3 {
        send();
        // Now mails of this round are under way, and others wait.
        mails.push(server.next());
        plant.kill_mailer(0);
        wait(&plant, || plant.has_said("the handler ended by itself", round));
    }
    wait(&plant, || plant.has_said("an instance is gone", 1));
    let sent = send();
    wait(&plant, || {
        mails.extend(server.all());
        told(&mails).values().sum::<u64>() >= sent
    });
    let told = told(&mails);
    assert_eq!(told.values().sum::<u64>(), sent, "{told:?}");
    assert!(!plant.has_said("gave a batch up", 1), "{}", plant.said());
}

#[test]
fn mailers_that_join_among_reports_and_replace_a_dead_one_lose_no_report_and_tell_none_twice() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::new(server.port, state.path())
        .with("MAILER_SMTP_TIMEOUT_SECONDS", "1")
        .planned(state.path(), AT_ONCE);
    let names: Vec<String> = (1..=8).map(|n| format!("press-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plant = Plant::start(&names, 1, &mailer);
    let mut stations: Vec<_> = names.iter().map(|name| plant.station(name)).collect();
    let (mut sent, mut mails) = (0, Vec::new());
    let mut send = || {
        for station in &mut stations {
            sent += 1;
            station.sends(&report(&format!("i{sent}"), 1, "open"));
        }
        sent
    };
    send();
    for joined in 1..=2 {
        plant.adds_an_instance();
        // Reports are under way while partitions change hands.
        while !plant.has_said("an instance has joined", joined) {
            send();
            mails.push(server.next());
        }
        wait(&plant, || plant.has_said("took a partition over", joined));
        send();
    }
    for round in 1..=3 {
        mails.push(server.next());
        plant.kill_mailer(0);
        wait(&plant, || plant.has_said("the handler ended by itself", round));
        send();
    }
    wait(&plant, || plant.has_said("an instance is gone", 1));
    plant.adds_an_instance();
    wait(&plant, || plant.has_said("an instance has joined", 3));
    let sent = send();
    wait(&plant, || {
        mails.extend(server.all());
        told(&mails).values().sum::<u64>() >= sent
    });
    let told = told(&mails);
    assert_eq!(told.values().sum::<u64>(), sent, "{told:?}");
    assert!(!plant.has_said("gave a batch up", 1), "{}", plant.said());
}

/// New items by Message-ID: a mail that comes again is the same mail, byte for byte.
fn told(mails: &[Mail]) -> BTreeMap<String, u64> {
    let mut contents: BTreeMap<String, &str> = BTreeMap::new();
    for mail in mails.iter().filter(|mail| subject(mail).contains("NG")) {
        let known = contents.entry(mail.id()).or_insert(&mail.content);
        assert_eq!(*known, mail.content, "one name for two mails");
    }
    mails
        .iter()
        .filter(|mail| subject(mail).contains("NG"))
        .map(|mail| (mail.id(), mail.new_items()))
        .collect()
}

fn wait(plant: &Plant, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE * 2, "it does not come:\n{}", plant.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}
