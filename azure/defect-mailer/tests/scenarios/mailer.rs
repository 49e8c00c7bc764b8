//! The built binary as the host starts it, and the host's HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Longer than anything that works takes here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a mailer sends in one go, two minutes and the last mail, or than a dead one's claim on a mail holds.
const LONG_PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Mailer {
    child: Child,
    port: u16,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A mailer about to be started.
#[derive(Clone)]
pub(crate) struct Start {
    environment: Vec<(String, String)>,
}

impl Start {
    pub(crate) fn new(smtp_port: u16, state: &Path) -> Self {
        let start = Self { environment: Vec::new() };
        start
            .with("MAILER_SMTP_HOST", "127.0.0.1")
            .with("MAILER_SMTP_PORT", &smtp_port.to_string())
            .with("MAILER_SMTP_FROM", "Andon <andon@plant.example>")
            .with("MAILER_SMTP_TIMEOUT_SECONDS", "3")
            .with("MAILER_TO", "lead@plant.example")
            .with("MAILER_STATE", state.to_str().unwrap())
    }

    /// A plan with one recipient that holds nothing back and tries again soon.
    pub(crate) fn brisk(smtp_port: u16, state: &Path) -> Self {
        Self::brisk_to(smtp_port, state, "lead@plant.example")
    }

    pub(crate) fn brisk_to(smtp_port: u16, state: &Path, to: &str) -> Self {
        let to: Vec<&str> = to.split(", ").collect();
        let plan = format!(
            "[mails]\nstorm_mails = 10000\nretry_seconds = 1\n[rate]\nper_minute = 10000\nper_hour = 100000\n\
             [[recipient]]\nname = \"all\"\nto = {to:?}\n"
        );
        Self::new(smtp_port, state).planned(state, &plan)
    }

    pub(crate) fn planned(mut self, state: &Path, plan: &str) -> Self {
        let path = state.join("plan.toml");
        std::fs::write(&path, plan).unwrap();
        self.environment.retain(|(known, _)| known != "MAILER_TO");
        self.with("MAILER_PLAN", path.to_str().unwrap())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All settings, for whoever else starts it.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.environment.iter().cloned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_defect-mailer"));
        command.env_clear().envs(self.environment.iter().cloned());
        command
    }

    pub(crate) fn go(&self) -> Mailer {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = self.command();
        command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = mpsc::channel();
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if line.contains("ready") {
                    let _ = ready.send(());
                }
                *lines.lock().unwrap() += &(line + "\n");
            }
        });
        let mailer = Mailer { child, port, log, reader: Some(reader) };
        if is_ready.recv_timeout(PATIENCE).is_err() {
            panic!("the mailer did not get ready:\n{}", mailer.log());
        }
        mailer
    }

    /// Runs a mailer that should refuse to start; its exit code and what it says.
    pub(crate) fn refuses(&self) -> (Option<i32>, String) {
        let output = self.command().output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Mailer {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Status and JSON of an answer.
    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let stream = self.post(method, path, body);
        answer(stream)
    }

    pub(crate) fn invoke(&self, payload: &Value) -> (u16, Value) {
        let (status, answer) = self.request("POST", "/DefectMailer", payload.to_string().as_bytes());
        assert!(answer["Outputs"].is_object(), "{answer}");
        assert!(answer["Logs"].as_array().unwrap().iter().all(Value::is_string), "{answer}");
        assert_eq!(answer.get("ReturnValue"), Some(&Value::Null), "{answer}");
        (status, answer)
    }

    /// Lets the clock tick until something has happened; what the clock said meanwhile.
    pub(crate) fn ticks_until<T>(&self, mut happened: impl FnMut() -> Option<T>) -> (T, String) {
        let (begin, mut said) = (std::time::Instant::now(), String::new());
        loop {
            let (status, answer) = self.request("POST", "/Clock", b"{}");
            said += &format!("{status} {answer}\n");
            if let Some(it) = happened() {
                return (it, said);
            }
            assert!(
                begin.elapsed() < LONG_PATIENCE,
                "nothing happened, the clock said:\n{said}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn post(&self, method: &str, path: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LONG_PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses a body for its size may close before it has read all of it.
        let _ = stream.write_all(body);
        stream
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as the host does; the exit status and the whole log.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }
}

impl Drop for Mailer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn answer(mut stream: TcpStream) -> (u16, Value) {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = serde_json::from_str(body).unwrap_or_else(|_| panic!("the answer is no JSON: {text:?}"));
    (status, json)
}

/// What was set aside, as JSON.
pub(crate) fn set_aside(state: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(state.join("refused")).unwrap();
    files.map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap()).collect()
}
