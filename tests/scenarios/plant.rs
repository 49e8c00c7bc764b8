//! A station between a controller's trigger and its reject: pymodbus is the controller, a folder plays the camera.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::{
    cameras::plug_in,
    station::{Station, root},
    systemd::Manager,
};

const TRIGGER: &str = "coil 0";
const REJECT: &str = "coil 10";
const LIGHT: &str = "coil 11";
const READY: &str = "coil 12";
const HEARTBEAT: &str = "register 20";

/// A Modbus TCP server that we did not write.
struct Controller {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl Controller {
    fn start() -> Self {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let python = target.join("modbus-venv/bin/python");
        assert!(
            python.exists(),
            "no {}: run local/venv.sh modbus tests/modbus/requirements.txt",
            python.display()
        );
        let mut child = Command::new(python)
            .arg(root().join("tests/modbus/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asked, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut controller = Self { child, asked, answers, port: 0 };
        controller.port = u16::try_from(controller.answer()).unwrap();
        controller
    }

    fn answer(&mut self) -> u32 {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    fn has(&mut self, what: &str) -> u32 {
        writeln!(self.asked, "{what}").unwrap();
        self.answer()
    }

    /// Sets the trigger's coil, and waits until the station has taken it back.
    fn triggers(&mut self, station: &Station) {
        writeln!(self.asked, "set 0 1").unwrap();
        self.answer();
        station.waits_until("heard the trigger", |_| self.has(TRIGGER) == 0);
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn station(controller: &Controller) -> Station {
    let station = Station::that_sees(&[]);
    plug_in(&station.path("cameras/a"), "A1");
    // Every item is NG.
    fs::remove_file(station.path("cameras/a/2.grey")).unwrap();
    let server = format!("server = \"127.0.0.1:{}\"", controller.port);
    station.configure_source(
        "kind = \"usb\"\n[source.camera]\nrehearsal = \"cameras\"\nserial = \"A1\"",
        &format!(
            "[trigger]\npatience_milliseconds = 300\n[trigger.modbus]\n{server}\ncoil = 0\n[outputs]\nreject_pulse_milliseconds = 60000\n\
             [outputs.modbus]\n{server}\nreject_coil = 10\nlight_coil = 11\nready_coil = 12\nheartbeat_register = 20"
        ),
    );
    station
}

#[test]
fn every_trigger_gets_one_verdict_and_the_controller_hears_of_it() {
    let mut controller = Controller::start();
    let station = station(&controller);
    let mut agent = station.starts();
    station.waits_until("was ready", |_| controller.has(READY) == 1);
    assert_eq!(controller.has(REJECT), 0);
    for _ in 0..5 {
        controller.triggers(&station);
    }
    station.waits_until("reported each item", |hub| hub.accepted() >= 5);
    station.waits_until("rejected", |_| controller.has(REJECT) == 1);
    station.waits_until("lit the andon", |_| controller.has(LIGHT) == 1);
    let beat = controller.has(HEARTBEAT);
    station.waits_until("counted on", |_| controller.has(HEARTBEAT) >= beat + 2);

    fs::rename(station.path("cameras/a"), station.path("unplugged")).unwrap();
    station.waits_until("said that it is blind", |_| controller.has(READY) == 0);
    controller.triggers(&station);
    station.waits_until("gave the verdict", |_| {
        station.log().contains("NOT INSPECTED: the picture cannot be decoded: no frame came within 300ms")
    });
    fs::rename(station.path("unplugged"), station.path("cameras/a")).unwrap();
    station.waits_until("was ready again", |_| controller.has(READY) == 1);

    agent.gets("TERM");
    agent.ends_well();
    let log = station.log();
    assert!(log.contains("6 items: 0 OK, 5 NG, 1 NOT INSPECTED"), "{log}");
    assert!(log.contains("6 triggers, each with its verdict"), "{log}");
    assert_eq!([REJECT, LIGHT, READY].map(|coil| controller.has(coil)), [0; 3], "all is off at the end");
}

#[test]
fn a_station_that_waits_for_its_first_trigger_is_ready_and_alive() {
    let controller = Controller::start();
    let station = station(&controller);
    let manager = Manager::of(&station);
    let mut agent = station.starts_with(&manager.environment(Duration::from_secs(2)));
    manager.hears("READY=1");
    let status = manager.hears("STATUS=0 items of 0 triggers");
    assert!(status.contains("0 OK, 0 NG"), "{status}");
    manager.hears("WATCHDOG=1");
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_controller_that_is_away_is_a_state_with_a_reason_and_check_says_so() {
    let controller = Controller::start();
    let station = station(&controller);
    let done = station.does(&["check", "--offline"]);
    assert!(done.notes.contains("ok       trigger        can be used"), "{}", done.notes);
    drop(controller);
    let done = station.does(&["check", "--offline"]);
    assert_eq!(done.code, Some(1));
    for subject in ["trigger", "outputs"] {
        let line = done.notes.lines().find(|line| line.contains(subject) && line.starts_with("fault"));
        assert!(line.is_some_and(|line| line.contains("cannot reach the Modbus server")), "{}", done.notes);
    }
    let mut agent = station.starts();
    station.waits_until("told", |_| station.log().contains("the outputs cannot be set: cannot reach"));
    station.waits_until("told", |_| station.log().contains("no triggers come: cannot reach"));
    agent.gets("TERM");
    agent.ends_well();
}
