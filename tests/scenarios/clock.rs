//! Time without a clock that runs on: what a report says of it.

use std::{fs, os::unix::fs::PermissionsExt};

use andon_telemetry::Clock;

use crate::station::Station;

/// A stand-in for systemd's `timedatectl` that finds the kernel's clock synchronised, and the variable that leads to it.
fn confirmed_clock(station: &Station) -> (&'static str, String) {
    let folder = station.path("bin");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("timedatectl");
    let answer = "#!/bin/sh\n[ \"$*\" = 'show --property=NTPSynchronized --value' ] && echo yes\n";
    fs::write(&program, answer).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    ("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()))
}

#[test]
fn reports_say_that_the_clock_is_right_once_any_time_service_has_told_the_kernel() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let mut agent = station.starts_with(&[confirmed_clock(&station)]);
    station.waits_until("sure of its clock", |hub| {
        let bodies = hub.events().into_iter().filter_map(|event| event.body);
        bodies
            .map(|body| andon_telemetry::read(body.as_bytes()).unwrap())
            .any(|it| it.clock == Clock::Synchronised)
    });
    agent.gets("TERM");
    agent.ends_well();
}
