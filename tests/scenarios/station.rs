//! A station to play with: its folder, its hub, and the agent as a process.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use andon::outbox::Outbox;
use iothub_standin::{Builder, Standin};
use tempfile::TempDir;

use crate::pictures::{BRIGHT, DARK, shade};

pub(crate) const DEVICE: &str = "press-3";

/// Long enough for the slowest machine; a test that waits for it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Set up, but not running.
pub(crate) struct Station {
    folder: TempDir,
    hub: Standin,
}

impl Station {
    /// A station whose pictures are bright and dark in turns, `rate` a second and for ever: every second item is NG.
    pub(crate) fn that_sees_every_second_item_dark(rate: f64) -> Self {
        let station = Self::new();
        shade(&station.path("pictures/1.png"), BRIGHT);
        shade(&station.path("pictures/2.png"), DARK);
        station.configure(&format!("frames_per_second = {rate:?}\nrepeat = true"), "");
        station
    }

    /// A station with a folder of these shades, which it takes as fast as it can, once.
    pub(crate) fn that_sees(shades: &[u8]) -> Self {
        let station = Self::new();
        for (number, value) in shades.iter().enumerate() {
            shade(&station.path(&format!("pictures/{number:05}.png")), *value);
        }
        station.configure("", "");
        station
    }

    /// A station at this hub that sees one dark item. It has no connection string of its own; `rest` is added to its
    /// file.
    pub(crate) fn at(hub: Builder, rest: &str) -> Self {
        let station = Self::with(hub);
        shade(&station.path("pictures/1.png"), DARK);
        station.configure("", rest);
        station
    }

    /// From now on its hub is this one.
    pub(crate) fn moves_to(&mut self, hub: Builder, rest: &str) {
        self.hub = hub.start().unwrap();
        fs::write(self.path("ca.pem"), self.hub.ca_pem()).unwrap();
        self.configure("", rest);
    }

    /// Puts a secret into a file of its own.
    pub(crate) fn keeps(&self, name: &str, secret: &str) {
        let path = self.path(name);
        fs::write(&path, secret).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn new() -> Self {
        let station = Self::with(Builder::new().device(DEVICE));
        station.keeps("secret", &station.hub.connection_string(DEVICE).unwrap());
        station
    }

    fn with(hub: Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = hub.events(folder.path().join("events.jsonl")).start().unwrap();
        let station = Self { folder, hub };
        fs::create_dir(station.path("pictures")).unwrap();
        fs::write(station.path("ca.pem"), station.hub.ca_pem()).unwrap();
        station
    }

    /// Writes the station's file anew, with these lines added to [source] and to the end.
    pub(crate) fn configure(&self, source: &str, rest: &str) {
        self.configure_source(&format!("kind = \"folder\"\npath = \"pictures\"\n{source}"), rest);
    }

    /// Writes the station's file anew, with this source and these lines at the end.
    pub(crate) fn configure_source(&self, source: &str, rest: &str) {
        let text = format!(
            "[station]
id = \"{DEVICE}\"
line = \"Line 1\"
product = \"Plate\"
[source]
{source}
[model]
pack = {pack:?}
[hub]
connection_string_file = \"secret\"
ca_file = \"ca.pem\"
port = {port}
[log]
level = \"debug\"
{rest}
",
            pack = shade_pack().display().to_string(),
            port = self.hub.address().port(),
        );
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("station.toml")
    }

    pub(crate) fn hub(&self) -> &Standin {
        &self.hub
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::attach(&self.path("outbox.db")).unwrap()
    }

    /// Starts the agent.
    pub(crate) fn starts(&self) -> Agent {
        self.starts_with(&[])
    }

    /// Starts the agent with these variables besides.
    pub(crate) fn starts_with(&self, environment: &[(&str, String)]) -> Agent {
        Agent::starts(&["--config", self.config().to_str().unwrap()], environment, self.path("agent.log"))
    }

    /// Runs a command of `andon` on this station's file to its end.
    pub(crate) fn does(&self, arguments: &[&str]) -> Done {
        let mut all = vec![arguments[0], "--config"];
        let config = self.config().display().to_string();
        all.push(&config);
        all.extend(&arguments[1..]);
        run(&all)
    }

    /// Waits until `is_so`; fails the test with the agent's log otherwise.
    pub(crate) fn waits_until(&self, what: &str, is_so: impl FnMut(&Standin) -> bool) {
        assert!(self.hub.wait_until(PATIENCE, is_so), "never {what}; the agent said:\n{}", self.log());
    }

    /// From the start of an agent until a report of its arrived, on this machine and now; it is killed then.
    pub(crate) fn time_to_deliver(&self) -> Duration {
        let (start, before) = (Instant::now(), self.hub.accepted());
        let agent = self.starts();
        self.waits_until("delivered", |hub| hub.accepted() > before);
        agent.dies();
        start.elapsed()
    }

    /// What all agents of this station said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }
}

/// A running agent; it is killed when it is dropped.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts `andon run` with these arguments and variables; what it says is added to `log`.
    pub(crate) fn starts(arguments: &[&str], environment: &[(&str, String)], log: PathBuf) -> Self {
        let file = fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(andon())
            .arg("run")
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, at once.
    pub(crate) fn dies(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name: TERM, INT.
    pub(crate) fn gets(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; how it ended and how long it took.
    pub(crate) fn ends(&mut self) -> (ExitStatus, Duration) {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, since.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the agent does not end; it said:\n{}", fs::read_to_string(&self.log).unwrap_or_default());
    }

    pub(crate) fn ends_well(&mut self) {
        let (status, _) = self.ends();
        assert!(status.success(), "{status:?}: {}", fs::read_to_string(&self.log).unwrap_or_default());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) notes: String,
}

impl Done {
    /// Standard output as JSON lines.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `andon` with these arguments to its end.
pub(crate) fn run(arguments: &[&str]) -> Done {
    run_with(arguments, "")
}

/// Runs `andon` with these arguments and this, which a pipe holds, on its standard input to its end.
pub(crate) fn run_with(arguments: &[&str], input: &str) -> Done {
    let mut command = Command::new(andon());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Done {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        notes: String::from_utf8(stderr).unwrap(),
    }
}

pub(crate) fn andon() -> &'static str {
    env!("CARGO_BIN_EXE_andon")
}

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A pack that runs hundreds of times a second.
pub(crate) fn shade_pack() -> PathBuf {
    root().join("tests/packs/shade")
}

/// Reads a file whole.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
