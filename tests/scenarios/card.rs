//! An SD card wears out by writing: what a station writes, as the kernel counts it for the process.

use std::fs;

use crate::{
    pictures::{BRIGHT, DARK, shade},
    station::Station,
};

/// Bytes that the process made dirty in files on a disk (proc_pid_io(5)); none in a file system in memory.
fn written(process: u32) -> u64 {
    let counters = fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn a_day_of_a_thousand_items_an_hour_with_one_of_a_hundred_ng_writes_megabytes() {
    let station = Station::that_sees_every_second_item_dark(1.0);
    for number in 1..=100 {
        shade(&station.path(&format!("pictures/{number}.png")), if number == 50 { DARK } else { BRIGHT });
    }
    station.configure("frames_per_second = 100.0\nrepeat = true", "");
    // The journal is written by another process.
    let quiet = fs::read_to_string(station.config()).unwrap().replace("\"debug\"", "\"error\"");
    fs::write(station.config(), quiet).unwrap();
    let mut agent = station.starts();
    station.waits_until("delivered", |hub| hub.accepted() >= 3);
    let before = (written(agent.process()), station.hub().accepted());
    station.waits_until("delivered", |hub| hub.accepted() >= before.1 + 12);
    let (bytes, reports) = (written(agent.process()) - before.0, station.hub().accepted() - before.1);
    // A hundred items each, which is what the item numbers cost besides.
    let day = bytes / reports * 240;
    eprintln!(
        "{} bytes a report; {:.1} MB a day of 24,000 items and 240 reports",
        bytes / reports,
        day as f64 / 1e6
    );
    assert!(day < 60_000_000, "{day} bytes a day");
    agent.gets("TERM");
    agent.ends_well();
}
