//! aiosmtpd with STARTTLS and AUTH, and a certificate authority of the test's own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use super::mailer::{PATIENCE, Start};

pub(crate) struct RealMailServer {
    child: Child,
    pub(crate) port: u16,
    lines: mpsc::Receiver<String>,
}

/// A certificate for localhost and its authority, as PEM files.
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Certificates {
    pub(crate) fn make(folder: &Path) -> Self {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            ca: write("ca.pem", ca_pem),
            cert: write("cert.pem", leaf),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}

impl RealMailServer {
    pub(crate) fn start(certificates: Option<&Certificates>, fault: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = target().join("smtp-venv/bin/python");
        assert!(
            python.exists(),
            "{} is missing: run `make test`, or local/venv.sh smtp azure/defect-mailer/tests/smtp/requirements.txt",
            python.display()
        );
        let mut command = Command::new(python);
        command.arg(folder.join("tests/smtp/server.py")).args(["--fault", fault]);
        if let Some(certificates) = certificates {
            command.arg("--cert").arg(&certificates.cert).arg("--key").arg(&certificates.key);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let port = lines.recv_timeout(PATIENCE).expect("the mail server should start").parse().unwrap();
        Self { child, port, lines }
    }

    pub(crate) fn next(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE).expect("a mail should have arrived");
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn now(&self) -> Option<String> {
        self.lines.try_recv().ok().map(|line| serde_json::from_str(&line).unwrap())
    }

    pub(crate) fn got_nothing(&self) -> bool {
        self.lines.try_recv().is_err()
    }
}

impl Drop for RealMailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `make test` installs what the tests need.
pub(crate) fn target() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or(beside, PathBuf::from)
}

/// A mailer that logs in over STARTTLS.
pub(crate) fn secured(port: u16, state: &Path, certificates: &Certificates) -> Start {
    Start::brisk(port, state)
        .with("MAILER_SMTP_HOST", "localhost")
        .with("MAILER_SMTP_SECURITY", "starttls")
        .with("MAILER_SMTP_CA", certificates.ca.to_str().unwrap())
        .with("MAILER_SMTP_USER", "andon")
        .with("MAILER_SMTP_PASSWORD", "geheim-4711")
        .with("MAILER_SMTP_TIMEOUT_SECONDS", "20")
}
