//! Debian's postfix with its own configuration, queue and port, which delivers into a maildir.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::mail_server::Mail;
use super::mailer::PATIENCE;
use super::real_mail_server::{Certificates, target};

/// How often another port is tried, where somebody took the free one before postfix did.
const PORTS: usize = 5;

pub(crate) struct Postfix {
    server: Child,
    work: TempDir,
    pub(crate) certificates: Certificates,
    pub(crate) port: u16,
}

impl Postfix {
    /// `mode` as in `tests/postfix/serve.sh`.
    pub(crate) fn start(mode: &str) -> Self {
        let mut said = String::new();
        for _ in 0..PORTS {
            let work = tempfile::tempdir().unwrap();
            let certificates = Certificates::make(work.path());
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = serve(work.path(), port, mode);
            let mut line = String::new();
            BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "ready\n" {
                return Self { server, work, certificates, port };
            }
            server.wait().unwrap();
            said.clear();
            server.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        }
        panic!("postfix did not start:\n{said}");
    }

    /// The mails that were delivered to lead@plant.example, oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let Ok(files) = std::fs::read_dir(self.work.path().join("mail/lead/new")) else { return Vec::new() };
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        let read = |path| Mail {
            to: vec!["lead@plant.example".to_owned()],
            content: std::fs::read_to_string(path).unwrap().replace('\n', "\r\n"),
        };
        paths.into_iter().map(read).collect()
    }

    /// What postfix has written into its log, once this is in it.
    pub(crate) fn log_until(&self, awaited: &str) -> String {
        let begin = Instant::now();
        loop {
            let log = std::fs::read_to_string(self.work.path().join("maillog")).unwrap();
            if log.contains(awaited) {
                return log;
            }
            assert!(begin.elapsed() < PATIENCE, "postfix did not log {awaited:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // It ends with its standard input, and takes its children with it.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn serve(work: &Path, port: u16, mode: &str) -> Child {
    let root = target().join("postfix/root");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postfix/serve.sh");
    assert!(
        root.exists(),
        "{} is missing: run `make test`, or {} {}",
        root.display(),
        script.with_file_name("install.sh").display(),
        target().join("postfix").display()
    );
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if is_root { Command::new("sh") } else { Command::new("sudo") };
    if !is_root {
        command.args(["-n", "sh"]);
    }
    command.arg(script).arg(root.canonicalize().unwrap()).arg(work).args([&port.to_string(), mode]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
