//! What the outbox and a session with the hub cost, for `make bench`: figures as JSON lines.
//!
//!     delivery FOLDER append COUNT
//!     delivery FOLDER drain COUNT PORT CA_FILE CONNECTION_STRING_FILE
//!
//! `append` makes so many reports durable, one after the other; `drain` has so many waiting and delivers them.
#![allow(clippy::print_stdout, reason = "the figures go to a program that reads them")]

use std::{error::Error, fs, path::PathBuf, sync::Arc, time::Instant};

use andon::{
    delivery::{Delivery, Pace},
    hub::{Hub, HubSettings, Identity, Trust},
    outbox::{Limits, Outbox, Outgoing},
};
use cpu_time::ProcessTime;
use tokio::sync::Notify;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// As long as a report with one defect.
const BYTES: usize = 900;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [folder, "append", count] => append(&open(folder)?, count.parse()?),
        [folder, "drain", count, port, ca, login] => {
            let identity = Identity::parse(fs::read_to_string(login)?.trim())?;
            let trust = Trust::Only(PathBuf::from(ca));
            let settings = HubSettings { port: port.parse()?, trust, ..HubSettings::default() };
            drain(&open(folder)?, count.parse()?, Hub::new(identity, settings)?)
        }
        _ => {
            Err("use: delivery FOLDER append COUNT | drain COUNT PORT CA_FILE CONNECTION_STRING_FILE".into())
        }
    }
}

fn open(folder: &str) -> Outcome<Outbox> {
    let limits = Limits { reports: 1_000_000, bytes: 1 << 30 };
    Ok(Outbox::open(&PathBuf::from(folder).join("outbox.db"), limits)?.0)
}

fn store(outbox: &Outbox, number: u64) -> Outcome<()> {
    let json = format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(BYTES)).into_bytes();
    let report_id = uuid::Uuid::now_v7().to_string();
    let properties = vec![("severity".to_owned(), "major".to_owned())];
    outbox.append(|_| Ok(Outgoing { report_id, properties, json }), &[("incidents", "[]")])?;
    Ok(())
}

fn append(outbox: &Outbox, count: u64) -> Outcome<()> {
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    for number in 0..count {
        store(outbox, number)?;
    }
    tell(count, wall, cpu);
    Ok(())
}

fn drain(outbox: &Outbox, count: u64, hub: Hub) -> Outcome<()> {
    for number in 0..count {
        store(outbox, number)?;
    }
    let all = Arc::new(Notify::new());
    let heard = Arc::clone(&all);
    let delivery = Delivery::new(outbox.clone(), hub, Pace::default(), move |sequence, _| {
        if sequence == count {
            heard.notify_one();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    // An orderly stop, so that the last of them is struck out as well.
    runtime.block_on(delivery.run(async move { all.notified().await }));
    tell(count, wall, cpu);
    let left = outbox.depth()?.reports;
    if left > 0 { Err(format!("{left} reports are left").into()) } else { Ok(()) }
}

fn tell(reports: u64, wall: Instant, cpu: ProcessTime) {
    let (seconds, cpu) = (wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    println!("{{\"reports\": {reports}, \"seconds\": {seconds}, \"cpu_seconds\": {cpu}}}");
}
