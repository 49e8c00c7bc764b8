//! Invariant 8 and the unit file: what systemd hears, and that it starts what there is.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::station::{PATIENCE, Station, root};

/// A service manager's end of sd_notify(3).
pub(crate) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    pub(crate) fn of(station: &Station) -> Self {
        Self::at(station.path("notify"))
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// Waits for a message that begins so, and gives it.
    pub(crate) fn hears(&self, word: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 4096];
        while Instant::now() < deadline {
            let length =
                self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("never {word}: {error}"));
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.starts_with(word) {
                return message;
            }
        }
        panic!("never {word}");
    }

    pub(crate) fn environment(&self, watchdog: Duration) -> Vec<(&'static str, String)> {
        vec![
            ("NOTIFY_SOCKET", self.path.display().to_string()),
            ("WATCHDOG_USEC", watchdog.as_micros().to_string()),
        ]
    }
}

#[test]
fn systemd_hears_ready_how_things_stand_proof_of_work_and_stopping() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    let manager = Manager::of(&station);
    let mut agent = station.starts_with(&manager.environment(Duration::from_secs(1)));
    manager.hears("READY=1");
    let status = manager.hears("STATUS=");
    assert!(status.contains("items:") && status.contains("NOT INSPECTED"), "{status}");
    manager.hears("WATCHDOG=1");
    agent.gets("TERM");
    manager.hears("STOPPING=1");
    agent.ends_well();
}

#[test]
fn a_station_without_its_source_is_ready_and_says_so() {
    let station = Station::that_sees_every_second_item_dark(20.0);
    fs::rename(station.path("pictures"), station.path("elsewhere")).unwrap();
    let manager = Manager::of(&station);
    let mut agent = station.starts_with(&manager.environment(PATIENCE));
    manager.hears("READY=1");
    let status = manager.hears("STATUS=");
    assert!(status.contains("0 items") && status.contains("; no frames: "), "{status}");
    fs::rename(station.path("elsewhere"), station.path("pictures")).unwrap();
    station.waits_until("a report once the source is there", |hub| hub.accepted() > 0);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_station_whose_source_is_silent_for_a_good_reason_is_still_alive() {
    let station = Station::that_sees(&[]);
    let manager = Manager::of(&station);
    let mut agent = station.starts_with(&manager.environment(Duration::from_secs(3)));
    manager.hears("WATCHDOG=1");
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn the_unit_starts_what_there_is_and_loads_the_secret_that_the_agent_looks_for() {
    let unit = fs::read_to_string(root().join("systemd/andon.service")).unwrap();
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let start = value("ExecStart");
    let (program, arguments) = start.split_once(' ').unwrap();
    assert_eq!(program, "/usr/bin/andon");
    assert_eq!(arguments, "run --config /etc/andon/station.toml");
    assert!(crate::station::run(&["run", "--help"]).notes.is_empty());
    assert_eq!(value("Type"), "notify");
    assert_eq!(value("RestartPreventExitStatus"), "2");
    let (credential, _) =
        value("LoadCredential").split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(credential, "hub-connection-string");
    assert!(value("ExecReload").contains("kill -HUP $MAINPID"));
    let stop: u64 = value("TimeoutStopSec").parse().unwrap();
    assert!(stop > 5, "the agent may take 5 s to end");
}

#[test]
fn a_credential_of_systemd_is_found_without_a_word_in_the_configuration() {
    let station = Station::that_sees(&[crate::pictures::DARK]);
    let config = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), config.replace("connection_string_file = \"secret\"\n", "")).unwrap();
    fs::create_dir(station.path("credentials")).unwrap();
    fs::rename(station.path("secret"), station.path("credentials/hub-connection-string")).unwrap();
    let folder = station.path("credentials").display().to_string();
    let mut agent = station.starts_with(&[("CREDENTIALS_DIRECTORY", folder)]);
    agent.ends_well();
    assert_eq!(station.hub().accepted(), 1);
}
