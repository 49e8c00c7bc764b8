//! Several stations in one process: each with its own identity and outbox, all on one pool of workers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    thread,
    time::Duration,
};

use andon::outbox::Outbox;
use andon_telemetry::Report;
use iothub_standin::{Builder, Standin};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    pictures::{BRIGHT, DARK, shade},
    station::{Agent, Done, PATIENCE, run, shade_pack},
    systemd::Manager,
};

const STATIONS: [&str; 2] = ["press-3", "press-4"];

/// The stations' files in one folder each, and one hub that knows them all.
struct Plant {
    folder: TempDir,
    hub: Standin,
}

impl Plant {
    /// Two stations that see bright and dark pictures in turns, each with these lines in its [source].
    fn with_sources(sources: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = STATIONS.iter().fold(Builder::new(), |hub, id| hub.device(id)).start().unwrap();
        let plant = Self { folder, hub };
        fs::write(plant.path("ca.pem"), plant.hub.ca_pem()).unwrap();
        for (id, source) in STATIONS.iter().zip(sources) {
            fs::create_dir_all(plant.path(id).join("pictures")).unwrap();
            shade(&plant.path(id).join("pictures/1.png"), BRIGHT);
            shade(&plant.path(id).join("pictures/2.png"), DARK);
            let secret = plant.path(id).join("secret");
            fs::write(&secret, plant.hub.connection_string(id).unwrap()).unwrap();
            fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
            plant.configure(id, source);
        }
        plant
    }

    fn configure(&self, id: &str, source: &str) {
        let (pack, port) = (shade_pack().display().to_string(), self.hub.address().port());
        let text = format!(
            "station = {{ id = \"{id}\", line = \"Line 1\", product = \"Plate\" }}
model = {{ pack = {pack:?} }}
hub = {{ connection_string_file = \"secret\", ca_file = \"../ca.pem\", port = {port} }}
log = {{ level = \"debug\" }}
[source]
kind = \"folder\"
path = \"pictures\"
{source}
"
        );
        fs::write(self.config(id), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, id: &str) -> PathBuf {
        self.path(id).join("station.toml")
    }

    fn arguments(&self) -> Vec<String> {
        STATIONS
            .iter()
            .flat_map(|id| ["--config".to_owned(), self.config(id).display().to_string()])
            .collect()
    }

    fn starts(&self, more: &[&str], environment: &[(&str, String)]) -> Agent {
        let arguments = self.arguments();
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Agent::starts(&all, environment, self.path("agent.log"))
    }

    fn does(&self, command: &str, more: &[&str]) -> Done {
        let arguments = self.arguments();
        let all = [command].into_iter().chain(arguments.iter().map(String::as_str));
        run(&all.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    fn waits_until(&self, what: &str, is_so: impl FnMut(&Standin) -> bool) {
        assert!(self.hub.wait_until(PATIENCE, is_so), "never {what}; the agent said:\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }

    fn outbox(&self, id: &str) -> Outbox {
        Outbox::attach(&self.path(id).join("outbox.db")).unwrap()
    }

    /// What the hub accepted, by device.
    fn reports(&self) -> BTreeMap<String, Vec<Report>> {
        let mut reports: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in self.hub.events() {
            let report = andon_telemetry::read(event.body.as_ref().unwrap().as_bytes()).unwrap();
            reports.entry(event.device().to_owned()).or_default().push(report);
        }
        reports
    }
}

fn delivered(hub: &Standin, id: &str) -> usize {
    hub.events().iter().filter(|event| event.device() == id).count()
}

#[test]
fn two_stations_in_one_process_report_each_under_its_own_identity() {
    let plant = Plant::with_sources(["", ""]);
    plant.starts(&[], &[]).ends_well();
    let reports = plant.reports();
    assert_eq!(reports.keys().collect::<Vec<_>>(), STATIONS.iter().collect::<Vec<_>>());
    for (device, reports) in reports {
        assert_eq!(reports.len(), 1, "{device}");
        assert_eq!((&reports[0].station.id, reports[0].item.sequence), (&device, 2));
    }
    let log = plant.log();
    assert!(log.contains("press-3: 2 items: 1 OK, 1 NG") && log.contains("press-4: 2 items"), "{log}");
    assert!(log.contains("station{id=press-4}"), "{log}");
}

#[test]
fn a_folder_of_stations_is_all_of_them() {
    let plant = Plant::with_sources(["", ""]);
    fs::create_dir(plant.path("stations")).unwrap();
    for id in STATIONS {
        let text = fs::read_to_string(plant.config(id)).unwrap();
        let text = text.replace("\"pictures\"", &format!("\"../{id}/pictures\""));
        let text = text.replace("\"secret\"", &format!("\"../{id}/secret\""));
        let own =
            format!("[outbox]\nfile = \"../{id}/outbox.db\"\n[evidence]\nfolder = \"../{id}/evidence\"\n");
        fs::write(plant.path("stations").join(format!("{id}.toml")), text + &own).unwrap();
    }
    let folder = plant.path("stations").display().to_string();
    Agent::starts(&["--config", &folder], &[], plant.path("agent.log")).ends_well();
    assert_eq!(plant.reports().len(), 2, "{}", plant.log());
}

#[test]
fn a_flood_of_frames_at_one_station_does_not_starve_the_other() {
    let plant = Plant::with_sources([
        "frames_per_second = 1000\nrepeat = true",
        "frames_per_second = 5\nrepeat = true",
    ]);
    let mut agent = plant.starts(&["--workers", "1"], &[]);
    plant.waits_until("delivered by the slow one", |hub| delivered(hub, "press-4") >= 5);
    assert!(plant.log().contains("station{id=press-3}: NOT INSPECTED: overload"), "{}", plant.log());
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn kills_lose_nothing_of_either_station() {
    let endless = "frames_per_second = 100\nrepeat = true";
    let plant = Plant::with_sources([endless, endless]);
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for run in 1..=25 {
        plant.hub.set_listening(rng.random_bool(0.7));
        let agent = plant.starts(&[], &[]);
        plant.waits_until("at work", |_| plant.log().matches("INFO inspecting").count() == 2 * run);
        // A random moment is what this test is about; nothing is waited for.
        thread::sleep(Duration::from_millis(rng.random_range(0..300)));
        agent.dies();
    }
    plant.hub.set_listening(true);
    STATIONS.iter().for_each(|id| plant.configure(id, ""));
    plant.starts(&[], &[]).ends_well();
    let accepted = plant.reports();
    for id in STATIONS {
        let appended = plant.outbox(id).totals().unwrap().appended;
        assert_eq!(plant.outbox(id).depth().unwrap().reports, 0, "{id}: {}", plant.log());
        let numbers: BTreeSet<u64> = accepted[id].iter().map(|report| report.sequence).collect();
        assert!(numbers.into_iter().eq(1..=appended), "{id}: sequence numbers without a gap");
        assert!(appended >= 5, "{id}: too few reports to prove anything: {appended}");
    }
}

#[test]
fn a_station_without_pictures_and_one_that_the_hub_refuses_hold_up_nobody() {
    let endless = "frames_per_second = 50\nrepeat = true";
    let plant = Plant::with_sources([endless, endless]);
    fs::remove_dir_all(plant.path("press-4/pictures")).unwrap();
    let mut agent = plant.starts(&[], &[]);
    plant.waits_until("delivered", |hub| delivered(hub, "press-3") >= 3);
    agent.gets("TERM");
    agent.ends_well();
    assert!(plant.log().contains("station{id=press-4}: cannot read frames"), "{}", plant.log());

    let plant = Plant::with_sources([endless, endless]);
    let stranger = plant.hub.connection_string("press-4").unwrap().replace("press-4", "press-5");
    fs::write(plant.path("press-4/secret"), stranger).unwrap();
    let mut agent = plant.starts(&[], &[]);
    plant.waits_until("refused and delivered", |hub| {
        delivered(hub, "press-3") >= 3 && plant.log().contains("station{id=press-4}: offline")
    });
    agent.gets("TERM");
    let (status, took) = agent.ends();
    assert!(status.success() && took < Duration::from_secs(5), "{status:?} after {took:?}");
    assert_eq!(delivered(&plant.hub, "press-4"), 0);
    let waiting = plant.outbox("press-4").depth().unwrap().reports;
    assert!(waiting > 0 && waiting == plant.outbox("press-4").totals().unwrap().appended, "{waiting}");
}

#[test]
fn stations_that_share_what_must_be_their_own_are_refused_with_line_and_remedy() {
    let plant = Plant::with_sources(["", ""]);
    let text = fs::read_to_string(plant.config("press-4")).unwrap();
    let text = text.replace("press-4", "press-3") + "[outbox]\nfile = \"../press-3/outbox.db\"\n";
    fs::write(plant.config("press-4"), text).unwrap();
    for command in ["run", "check"] {
        let done = plant.does(command, &[]);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.notes.contains("press-4/station.toml:1: [station] id = \"press-3\""), "{done:?}");
        assert!(done.notes.contains("press-3/station.toml:1 has the same"), "{done:?}");
        assert!(done.notes.contains("press-4/station.toml:10: [outbox] file"), "{done:?}");
        assert!(done.notes.contains("name another file here"), "{done:?}");
    }
}

#[test]
fn stations_that_are_one_device_at_the_hub_are_refused_before_either_logs_in() {
    let plant = Plant::with_sources(["", ""]);
    fs::copy(plant.path("press-3/secret"), plant.path("press-4/secret")).unwrap();
    let done = plant.does("run", &[]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(
        done.notes.contains("the same device, press-3 at localhost; register a device for each"),
        "{done:?}"
    );
    let checked = plant.does("check", &["--offline"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.notes.contains("register a device for each"), "{checked:?}");
    assert_eq!(plant.hub.logins(), 0);
}

#[test]
fn several_stations_are_checked_one_after_the_other() {
    let plant = Plant::with_sources(["", ""]);
    let done = plant.does("check", &["--json"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let ids: BTreeSet<String> = done.json().iter().map(|line| line["station"].to_string()).collect();
    assert_eq!(ids.len(), 2, "{done:?}");
    assert_eq!(plant.hub.logins(), 2);
}

#[test]
fn the_number_of_workers_changes_no_verdict() {
    let mut items = Vec::new();
    for workers in ["1", "4"] {
        let plant = Plant::with_sources(["", ""]);
        for number in 0..60u8 {
            let shade_of = if number % 3 == 0 { DARK } else { BRIGHT };
            shade(&plant.path(&format!("press-3/pictures/{number:03}.png")), shade_of);
        }
        plant.starts(&["--workers", workers], &[]).ends_well();
        let reports = plant.reports();
        items.push(reports["press-3"].iter().map(|report| report.item.sequence).collect::<Vec<_>>());
    }
    assert_eq!(items[0], items[1]);
    assert_eq!(items[0].len(), 21);
}

#[test]
fn systemd_hears_of_each_station_and_gets_proof_of_work_while_one_has_no_source() {
    let endless = "frames_per_second = 20\nrepeat = true";
    let plant = Plant::with_sources([endless, endless]);
    fs::remove_dir_all(plant.path("press-4/pictures")).unwrap();
    let manager = Manager::at(plant.path("notify"));
    let mut agent = plant.starts(&[], &manager.environment(Duration::from_secs(3)));
    let status = manager.hears("STATUS=");
    assert!(status.contains("press-3: ") && status.contains(" | press-4: "), "{status}");
    manager.hears("WATCHDOG=1");
    agent.gets("TERM");
    manager.hears("STOPPING=1");
    agent.ends_well();
}
