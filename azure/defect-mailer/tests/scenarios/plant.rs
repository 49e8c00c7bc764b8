//! The whole cloud half as real processes: the hub's stand-in, the Functions driver and the mailer; and stations.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, QoS, TlsConfiguration, Transport};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use super::mailer::{PATIENCE, Start};

/// The key of every station here.
const KEY: &[u8] = b"a key for tests";

pub(crate) struct Plant {
    folder: TempDir,
    standin: Process,
    host: Process,
}

/// A program of this workspace, and what it said.
struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Plant {
    /// Stations of these names may connect; `instances` mailers share what they send.
    pub(crate) fn start(stations: &[&str], instances: usize, mailer: &Start) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = STANDARD.encode(KEY);
        let devices = stations.iter().map(|station| format!("[devices.{station}]\nkey = \"{key}\"\n"));
        std::fs::write(path("devices.toml"), devices.collect::<String>()).unwrap();
        let mut standin = program("iothub-standin");
        standin.args(["--listen", "127.0.0.1:0", "--route", "connections", "--route", "twins"]);
        standin.arg("--devices").arg(path("devices.toml")).arg("--ca-out").arg(path("ca.pem"));
        standin.arg("--events").arg(path("events.jsonl"));
        let standin = Process::start(standin, "devices connect to");
        function_app(&path("app"));
        let mut host = program("functions-host");
        host.args(["--retry-scale", "0.002", "--instances", &instances.to_string()]);
        host.arg("--app").arg(path("app")).arg("--events").arg(path("events.jsonl"));
        host.arg("--executable").arg(env!("CARGO_BIN_EXE_defect-mailer"));
        host.arg("--checkpoint").arg(path("checkpoints.json"));
        host.env_clear().envs(mailer.settings()).env("IOTHUB_EVENTS_NAME", "events");
        let host = Process::start(host, "the handler is ready");
        Self { folder, standin, host }
    }

    fn port(&self) -> u16 {
        let log = self.standin.log.lock().unwrap();
        let address = log.split("devices connect to 127.0.0.1:").nth(1).unwrap();
        address.lines().next().unwrap().parse().unwrap()
    }

    pub(crate) fn station(&self, id: &str) -> Station {
        let mut options = MqttOptions::new(id, "localhost", self.port());
        options.set_credentials(format!("localhost/{id}/?api-version=2021-04-12"), token(id));
        let ca = std::fs::read(self.folder.path().join("ca.pem")).unwrap();
        options.set_transport(Transport::tls_with_config(TlsConfiguration::SimpleNative {
            ca,
            client_auth: None,
        }));
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, connection) = Client::new(options, 100);
        let mut station = Station { id: id.to_owned(), client, connection };
        station.client.subscribe(format!("devices/{id}/messages/devicebound/#"), QoS::AtLeastOnce).unwrap();
        station.until(|packet| matches!(packet, Incoming::SubAck(_)));
        station
    }

    /// Kills the mailer of an instance; its process.
    pub(crate) fn kill_mailer(&self, instance: usize) -> u32 {
        let (begin, wanted) = (Instant::now(), format!("WEBSITE_INSTANCE_ID=instance-{instance}"));
        let is_it = |process: &u32| {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        };
        loop {
            if let Some(process) = children(self.host.child.id()).into_iter().find(is_it) {
                assert!(signal("-KILL", process));
                return process;
            }
            assert!(begin.elapsed() < PATIENCE, "there is no {wanted}:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has one more mailer join.
    pub(crate) fn adds_an_instance(&self) {
        assert!(signal("-USR1", self.host.child.id()));
    }

    /// Whether the driver has said this so often.
    pub(crate) fn has_said(&self, text: &str, times: usize) -> bool {
        self.said().matches(text).count() >= times
    }

    /// What the driver and its mailers have said.
    pub(crate) fn said(&self) -> String {
        self.host.log.lock().unwrap().clone()
    }
}

/// A device with a connection to the hub; dropped, it vanishes without a word.
pub(crate) struct Station {
    id: String,
    client: Client,
    connection: Connection,
}

impl Station {
    /// Sends a report, whose item was found NG.
    pub(crate) fn sends(&mut self, report: &Value) {
        let topic = format!("devices/{}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8", self.id);
        self.publishes(&topic, report);
    }

    /// Reports its health into its twin.
    pub(crate) fn says(&mut self, state: &str, reason: &str) {
        let health = json!({ "health": { "state": state, "reason": reason } });
        self.publishes("$iothub/twin/PATCH/properties/reported/?$rid=1", &health);
    }

    fn publishes(&mut self, topic: &str, body: &Value) {
        self.client.publish(topic, QoS::AtLeastOnce, false, body.to_string()).unwrap();
        self.until(|packet| matches!(packet, Incoming::PubAck(_)));
    }

    fn until(&mut self, wanted: impl Fn(&Incoming) -> bool) {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < PATIENCE, "the hub does not answer {}", self.id);
            match self.connection.recv_timeout(PATIENCE).unwrap().unwrap() {
                Event::Incoming(packet) if wanted(&packet) => return,
                _ => {}
            }
        }
    }
}

impl Process {
    fn start(mut command: Command, ready: &str) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *lines.lock().unwrap() += &(line + "\n");
            }
        });
        let (begin, process) = (Instant::now(), Self { child, log });
        while !process.log.lock().unwrap().contains(ready) {
            assert!(begin.elapsed() < PATIENCE, "it is not ready:\n{}", process.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Not SIGKILL: a driver that is asked takes its mailers with it.
        signal("-TERM", self.child.id());
        let _ = self.child.wait();
    }
}

/// `cargo test --workspace` builds them.
fn program(name: &str) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_defect-mailer")).with_file_name(name);
    assert!(path.exists(), "{} is missing: run `make test`, or cargo build -p {name}", path.display());
    Command::new(path)
}

/// The mailer's own folder, but that its clock ticks every second.
fn function_app(folder: &Path) {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for name in ["host.json", "DefectMailer/function.json", "Clock/function.json"] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = std::fs::read_to_string(own.join(name)).unwrap();
        std::fs::write(path, text.replace("0 * * * * *", "* * * * * *")).unwrap();
    }
}

fn token(id: &str) -> String {
    let expiry = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    let resource = utf8_percent_encode(&format!("localhost/devices/{id}"), NON_ALPHANUMERIC).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}")
}

fn children(parent: u32) -> Vec<u32> {
    let numbers =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let parent_of = |process: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // After the program's name, which may hold anything: state and parent.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    numbers
        .filter_map(|number| number.parse().ok())
        .filter(|number| parent_of(*number) == Some(parent))
        .collect()
}

fn signal(which: &str, process: u32) -> bool {
    Command::new("kill").args([which, &process.to_string()]).status().is_ok_and(|status| status.success())
}
