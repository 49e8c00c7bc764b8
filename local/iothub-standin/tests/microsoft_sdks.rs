//! Microsoft's own device SDKs, unmodified, on the stand-in. `tests/sdk/install.sh` installs them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use iothub_standin::{
    Bag, Builder, DeviceAuthority, DeviceCertificate, Event, Faults, Scope, Standin, StartError, Validity,
};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tempfile::TempDir;

const DEVICE: &str = "press-3";
const HUB: &str = "standin.azure-devices.net";
const SCOPE: &str = "0ne0001";
const PATIENCE: Duration = Duration::from_secs(60);

/// The SDKs know no other port.
const PORT: u16 = 8883;

/// Starts the stand-in at the first loopback address whose port is free: tests run side by side.
fn start(builder: &Builder) -> Standin {
    let mut taken = String::new();
    for last in 2..=30 {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), PORT));
        match builder.clone().listen(address).start() {
            Ok(standin) => return standin,
            Err(error @ StartError::Listen(..)) => taken = error.to_string(),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("port {PORT} is free at no loopback address: {taken}")
}

#[derive(Clone, Copy, PartialEq)]
enum Sdk {
    Python,
    Node,
}

/// A program on an SDK, and the steps that it tells.
struct Program {
    child: Child,
    steps: mpsc::Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    ca_file: PathBuf,
}

impl Program {
    fn start(sdk: Sdk, role: &str, standin: &Standin, settings: &[(&str, &str)]) -> Self {
        let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("sdk");
        let is_there = installed.join("installed").exists();
        let how = "run `make test`, or local/iothub-standin/tests/sdk/install.sh";
        assert!(is_there, "Microsoft's SDKs are missing: {how} {}", installed.display());
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
        let mut command = match sdk {
            Sdk::Python => {
                let mut command = Command::new(installed.join("python/bin/python"));
                command.arg(programs.join("device.py"));
                command
            }
            Sdk::Node => {
                let mut command = Command::new("node");
                command.arg(programs.join("device.js")).env("NODE_PATH", installed.join("node/node_modules"));
                command
            }
        };
        let name = format!("sdk-ca-{}-{}.pem", std::process::id(), standin.address().ip());
        let ca_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&ca_file, standin.ca_pem()).unwrap();
        command.arg(role).env("CA_FILE", &ca_file).env("PYTHONDONTWRITEBYTECODE", "1");
        command.envs(settings.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python and node should run");
        let (told, steps) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let complaints = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self { child, steps, complaints: Some(complaints), ca_file }
    }

    /// What the program tells of its next step, which must be this one.
    fn step(&mut self, name: &str, standin: &Standin) -> Value {
        let told =
            self.steps.recv_timeout(PATIENCE).map(|line| serde_json::from_str::<Value>(&line).unwrap());
        match told {
            Ok(told) if told["step"] == name => told,
            other => {
                self.end();
                let complaints = self.complaints.take().map(|it| it.join().unwrap()).unwrap_or_default();
                panic!("not {name:?} but {other:?}; the hub says {:?}, the SDK {complaints}", standin.log())
            }
        }
    }

    /// Lets the program go on where it waits for that.
    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
        let _ = std::fs::remove_file(&self.ca_file);
    }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("no object: {value}") };
    object
}

/// What the SDKs take to reach a stand-in at a loopback address.
fn connection_string(standin: &Standin, key: Option<&str>) -> String {
    let own = standin.connection_string(DEVICE).unwrap();
    let own = own.split_once("SharedAccessKey=").unwrap().1;
    let (key, gateway) = (key.unwrap_or(own), standin.address().ip());
    format!("HostName={HUB};DeviceId={DEVICE};SharedAccessKey={key};GatewayHostName={gateway}")
}

fn is_report(event: &Event, number: u32) {
    assert_eq!((event.device(), event.message_id()), (DEVICE, &*format!("report {number}")));
    assert_eq!(event.body, Some(format!(r#"{{"n": {number}}}"#)));
    assert_eq!(event.system_properties["content-type"], "application/json");
    assert_eq!(event.system_properties["content-encoding"], "utf-8");
    assert_eq!(event.properties["line name"], "line 1/ü+");
}

/// Calls a method, which the program answers as its next step.
fn call(standin: &Standin, program: &mut Program, step: &str) {
    let payload = json!({"camera": 1});
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| standin.call_method(DEVICE, "look", &payload, PATIENCE));
        let told = program.step(step, standin);
        assert_eq!((&told["name"], &told["payload"]), (&json!("look"), &payload));
        let answer = answer.join().unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(serde_json::from_slice::<Value>(&answer.payload).unwrap(), json!({"seen": payload}));
    });
}

fn does_what_a_device_does(sdk: Sdk) {
    let standin = start(&Builder::new().device(DEVICE));
    standin.set_desired(DEVICE, object(json!({"threshold": 0.5}))).unwrap();
    let login = connection_string(&standin, None);
    let mut program = Program::start(sdk, "session", &standin, &[("CONNECTION_STRING", &login)]);
    program.step("connected", &standin);
    assert!(standin.is_connected(DEVICE));

    program.step("sent", &standin);
    let events = standin.events();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    is_report(event, 1);
    let telemetry = format!("devices/{DEVICE}/messages/events/");
    let wire = standin.wire_log();
    let sent = wire.iter().find(|packet| packet.topic.starts_with(&telemetry)).unwrap();
    assert!(sent.qos == 1 && sent.topic.contains("line%20name=line%201%2F%C3%BC%2B"), "{sent:?}");

    let told = program.step("twin", &standin);
    let known = json!({"threshold": 0.5, "$version": 2});
    match sdk {
        Sdk::Python => assert_eq!(told["twin"], json!({"desired": known, "reported": {"$version": 1}})),
        Sdk::Node => assert_eq!(told["desired"], known),
    }
    program.step("reported", &standin);
    let reported = json!({"threshold": 0.5, "model": {"name": "pcb"}, "$version": 2});
    assert_eq!(standin.twin(DEVICE).unwrap()["reported"], reported);

    standin.set_desired(DEVICE, object(json!({"threshold": 0.7}))).unwrap();
    assert_eq!(program.step("desired", &standin)["patch"], json!({"threshold": 0.7, "$version": 3}));
    call(&standin, &mut program, "method");

    let bag = [("$.mid", "order 7"), ("reason code", "too hot/ü+")];
    let bag = Bag(bag.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
    // The second report is accepted, and the connection cut before its PUBACK.
    standin.set_faults(Faults { cut_after_publishes: Some(2), ..Faults::default() });
    standin.send_to_device(DEVICE, bag, "stop").unwrap();
    let message = program.step("message", &standin);
    assert_eq!((&message["id"], &message["body"]), (&json!("order 7"), &json!("stop")));
    assert_eq!(message["properties"], json!({"reason code": "too hot/ü+"}));

    program.step("sent over a cut", &standin);
    let events = standin.events();
    assert!(events.len() > 2, "once before the cut, and again for its PUBACK: {events:?}");
    events[1..].iter().for_each(|event| is_report(event, 2));
    standin.set_faults(Faults::default());

    standin.set_listening(false);
    program.go_on();
    program.step("lost", &standin);
    standin.set_listening(true);
    program.step("sent again", &standin);
    is_report(standin.events().last().unwrap(), 3);

    standin.set_desired(DEVICE, object(json!({"threshold": 0.9}))).unwrap();
    assert_eq!(program.step("desired again", &standin)["patch"], json!({"threshold": 0.9, "$version": 4}));
    call(&standin, &mut program, "method again");
    let left = program.step("disconnected", &standin);
    assert_eq!(left["messages_left"], 0, "a message that was acknowledged came again");
    assert!(standin.wait_until(PATIENCE, |it| !it.is_connected(DEVICE)));
    let log = standin.log();
    assert!(log.len() == 1 && log[0].contains("cut on demand"), "no other end was out of order: {log:?}");
}

fn is_refused_with_another_key(sdk: Sdk, error: &str) {
    let standin = start(&Builder::new().device(DEVICE));
    let login = connection_string(&standin, Some("b3RoZXI="));
    let mut program = Program::start(sdk, "login", &standin, &[("CONNECTION_STRING", &login)]);
    assert_eq!(program.step("refused", &standin)["error"], error);
    assert_eq!(standin.logins(), 0);
    assert!(standin.log().iter().any(|line| line.contains("another key")), "{:?}", standin.log());
}

#[test]
fn python_does_what_a_device_does() {
    does_what_a_device_does(Sdk::Python);
}

#[test]
fn node_does_what_a_device_does() {
    does_what_a_device_does(Sdk::Node);
}

#[test]
fn python_is_refused_with_another_key() {
    is_refused_with_another_key(Sdk::Python, "CredentialError");
}

#[test]
fn node_is_refused_with_another_key() {
    is_refused_with_another_key(Sdk::Node, "UnauthorizedError");
}

fn comes_in_with_a_certificate(sdk: Sdk) {
    let plant = DeviceAuthority::new("plant").unwrap();
    let alone = DeviceCertificate::self_signed("press-5", Validity::Now).unwrap();
    let signed = plant.issue("press-6", Validity::Now).unwrap();
    let builder = Builder::new().thumbprint_device("press-5", alone.thumbprint());
    let standin = start(&builder.authority(&plant.pem()).ca_signed_device("press-6"));
    let host = standin.address().ip().to_string();
    for (number, (device, own)) in [("press-5", &alone), ("press-6", &signed)].into_iter().enumerate() {
        let files = Files::of(own);
        // The SDK for Node takes no gateway with a certificate.
        let login = format!("HostName={host};DeviceId={device};x509=true");
        let settings =
            [("HOST", &*host), ("HUB", HUB), ("DEVICE", device), ("CONNECTION_STRING", &login)].into_iter();
        let settings: Vec<_> = settings.chain(files.settings()).collect();
        let mut program = Program::start(sdk, "certificate", &standin, &settings);
        program.step("sent", &standin);
        let event = &standin.events()[number];
        assert_eq!((event.device(), event.message_id()), (device, "first"));
        program.step("twin", &standin);
    }
}

#[test]
fn python_comes_in_with_a_certificate() {
    comes_in_with_a_certificate(Sdk::Python);
}

#[test]
fn node_comes_in_with_a_certificate() {
    comes_in_with_a_certificate(Sdk::Node);
}

/// A certificate and its key where the SDKs can read them.
struct Files {
    _folder: TempDir,
    certificate: String,
    key: String,
}

impl Files {
    fn of(own: &DeviceCertificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name, text: &str| {
            let path = folder.path().join(name).display().to_string();
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (write("own.pem", &own.certificate_pem), write("key.pem", &own.key_pem));
        Self { _folder: folder, certificate, key }
    }

    fn settings(&self) -> [(&'static str, &str); 2] {
        [("CERTIFICATE_FILE", &self.certificate), ("KEY_FILE", &self.key)]
    }
}

/// Asks the provisioning service, and sends a message to the hub that it names.
fn is_provisioned(standin: &Standin, registration: &str, own: &[(&str, &str)]) {
    let host = standin.address().ip().to_string();
    let mut settings = vec![("HOST", &*host), ("ID_SCOPE", SCOPE), ("REGISTRATION", registration)];
    settings.extend(own);
    let mut program = Program::start(Sdk::Python, "provision", standin, &settings);
    let told = program.step("provisioned", standin);
    assert_eq!((&told["status"], &told["device"]), (&json!("assigned"), &json!(registration)));
    assert_eq!(told["hub"], HUB);
    program.step("sent", standin);
    let events = standin.events();
    let event = events.last().unwrap();
    assert_eq!((event.device(), event.message_id()), (registration, "first"));
}

#[test]
fn python_is_provisioned_and_comes_in_with_the_key_of_its_registration() {
    let scope = Scope {
        group_key: Some("Z3JvdXA=".to_owned()),
        registrations: [("own".to_owned(), "b3du".to_owned())].into(),
        hub: Some(HUB.to_owned()),
        ..Scope::default()
    };
    let standin = start(&Builder::new().scope(SCOPE, scope));
    let mut key = Hmac::<Sha256>::new_from_slice(b"group").unwrap();
    key.update(b"press-9");
    let derived = STANDARD.encode(key.finalize().into_bytes());
    for (registration, key) in [("press-9", &*derived), ("own", "b3du")] {
        is_provisioned(&standin, registration, &[("REGISTRATION_KEY", key)]);
    }
}

#[test]
fn python_is_provisioned_and_comes_in_with_the_certificate_of_its_registration() {
    let plant = DeviceAuthority::new("plant").unwrap();
    let alone = DeviceCertificate::self_signed("own", Validity::Now).unwrap();
    let scope = Scope {
        group_authority: Some(plant.pem()),
        thumbprints: [("own".to_owned(), alone.thumbprint().to_owned())].into(),
        hub: Some(HUB.to_owned()),
        ..Scope::default()
    };
    let standin = start(&Builder::new().scope(SCOPE, scope));
    let signed = plant.issue("press-9", Validity::Now).unwrap();
    for (registration, own) in [("press-9", &signed), ("own", &alone)] {
        let files = Files::of(own);
        is_provisioned(&standin, registration, &files.settings());
    }
}
