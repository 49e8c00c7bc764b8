//! Invariant 3: nothing that was reported is lost, whatever happens to the process or the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, thread,
};

use andon_demo::mailbox::Mailbox;
use functions_host::{FunctionsHost, HandlerOutput, HostOptions};
use iothub_standin::{Event, Faults, Puback};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::station::{Station, andon, root};

const KILLS: u32 = 200;

#[test]
fn two_hundred_kills_with_the_hub_up_and_down_lose_no_report_and_mail_none_twice() {
    let station = Station::that_sees_every_second_item_dark(100.0);
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let longest = station.time_to_deliver().mul_f64(1.5);
    let mut seen_waiting = BTreeSet::new();
    for _ in 0..KILLS {
        station.hub().set_listening(rng.random_bool(0.7));
        station.hub().set_faults(weather(&mut rng));
        let agent = station.starts();
        // A random moment is what this test is about; nothing is waited for.
        thread::sleep(longest.mul_f64(rng.random()));
        agent.dies();
        if station.path("outbox.db").exists() {
            seen_waiting.extend(waiting(&station));
        }
    }

    station.hub().set_faults(Faults::default());
    station.hub().set_listening(true);
    station.configure("", "");
    let mut last = station.starts();
    last.ends_well();

    let events = station.hub().events();
    let accepted: BTreeSet<String> = events.iter().map(|event| event.message_id().to_owned()).collect();
    let appended = station.outbox().totals().unwrap().appended;
    assert_eq!(station.outbox().depth().unwrap().reports, 0, "{}", station.log());
    assert_eq!(seen_waiting.difference(&accepted).count(), 0, "a report that was on disk never arrived");
    assert_eq!(accepted.len() as u64, appended, "every report that was ever stored arrived");
    let numbers: BTreeMap<u64, String> = events.iter().map(numbered).collect();
    assert!(numbers.keys().copied().eq(1..=appended), "sequence numbers without a gap or a double");
    assert_eq!(numbers.into_values().collect::<BTreeSet<_>>(), accepted, "a number for each report");
    eprintln!("{appended} reports, {} of them accepted more than once", events.len() - accepted.len());
    assert!(appended >= 50, "too few reports to prove anything: {appended}");
    assert!(
        events.len() > accepted.len(),
        "no kill fell between a PUBLISH and its PUBACK: nothing was proven"
    );

    mails_once(&station, &events);
}

fn weather(rng: &mut StdRng) -> Faults {
    match rng.random_range(0..5) {
        0 => Faults { puback: Puback::Never, ..Faults::default() },
        1 => Faults { puback: Puback::LateMs(100), ..Faults::default() },
        2 => Faults { cut_after_publishes: Some(rng.random_range(1..10)), ..Faults::default() },
        _ => Faults::default(),
    }
}

fn waiting(station: &Station) -> Vec<String> {
    // The kill may have come before the file was an outbox.
    let Ok(outbox) = andon::outbox::Outbox::attach(&station.path("outbox.db")) else { return Vec::new() };
    let entries = outbox.waiting_after(0, 1_000_000).unwrap_or_default();
    entries.into_iter().map(|entry| entry.report_id).collect()
}

fn numbered(event: &Event) -> (u64, String) {
    let report = andon_telemetry::read(event.body.as_ref().unwrap().as_bytes()).unwrap();
    assert_eq!(report.report_id, event.message_id());
    (report.sequence, report.report_id)
}

/// Lets the built mailer read all events: as many mails as there are incidents to tell of, and none twice.
fn mails_once(station: &Station, events: &[Event]) {
    let mailbox = Mailbox::start(station.path("mails")).unwrap();
    let mailer = std::path::Path::new(andon()).with_file_name("defect-mailer");
    assert!(mailer.is_file(), "build the workspace first: cargo build --workspace");
    let host = HostOptions {
        executable: Some(mailer),
        // fromEnd, as shipped, would pass over what is in the file already; a deployed mailer has a checkpoint.
        checkpoint: Some(checkpoint_at_the_start(station)),
        environment: [
            ("MAILER_SMTP_HOST", mailbox.address().ip().to_string()),
            ("MAILER_SMTP_PORT", mailbox.address().port().to_string()),
            ("MAILER_SMTP_SECURITY", "none".to_owned()),
            ("MAILER_SMTP_FROM", "andon@example.com".to_owned()),
            ("MAILER_TO", "supervisor@example.com".to_owned()),
            ("MAILER_STATE", station.path("mailer-state").display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        output: HandlerOutput::File(station.path("mailer.log")),
        ..HostOptions::new(root().join("azure/defect-mailer"), station.path("events.jsonl"))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let host = runtime.block_on(FunctionsHost::start(host)).unwrap();
    let all = events.len() as u64;
    station.waits_until("mailed", |_| host.progress().delivered + host.progress().given_up >= all);
    let progress = runtime.block_on(host.stop()).unwrap();
    assert_eq!((progress.delivered, progress.given_up, progress.unreadable), (all, 0, 0));

    let telling: BTreeSet<&str> = events.iter().filter(|event| tells(event)).map(Event::message_id).collect();
    let mails: Vec<String> = mailbox.stop().iter().map(|mail| fs::read_to_string(mail).unwrap()).collect();
    let ids: BTreeSet<&str> = mails.iter().map(|mail| message_id(mail)).collect();
    assert_eq!(ids.len(), mails.len(), "a mail came twice");
    assert!(
        (1..=telling.len()).contains(&mails.len()),
        "{} mails for {} reports to tell of",
        mails.len(),
        telling.len()
    );
    eprintln!("{} mails", mails.len());
}

fn tells(event: &Event) -> bool {
    let report = andon_telemetry::read(event.body.as_ref().unwrap().as_bytes()).unwrap();
    report.incident.notify != andon_telemetry::Notify::None
}

fn message_id(mail: &str) -> &str {
    let line = mail.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:")).unwrap();
    line.split_once(':').unwrap().1.trim()
}

fn checkpoint_at_the_start(station: &Station) -> std::path::PathBuf {
    let path = station.path("checkpoint.json");
    fs::write(&path, r#"{"skipped_bytes": 0, "done": {}}"#).unwrap();
    path
}

#[test]
fn a_report_survives_a_power_cut_between_the_disk_and_the_network() {
    let station = Station::that_sees_every_second_item_dark(50.0);
    station.hub().set_listening(false);
    let agent = station.starts();
    station.waits_until("a report on disk", |_| {
        station.path("outbox.db").exists() && !waiting(&station).is_empty()
    });
    agent.dies();
    let on_disk: BTreeSet<String> = waiting(&station).into_iter().collect();

    station.hub().set_listening(true);
    let agent = station.starts();
    station.waits_until("all delivered", |hub| {
        let accepted: BTreeSet<String> = hub.events().iter().map(|it| it.message_id().to_owned()).collect();
        on_disk.is_subset(&accepted)
    });
    drop(agent);
}
