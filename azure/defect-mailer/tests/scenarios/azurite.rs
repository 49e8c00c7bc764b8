//! Microsoft's storage emulator as a process (`make test` installs it), with a container for one test.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::mailer::{PATIENCE, Start};

/// The account and key that the emulator has by itself, published in its manual.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub(crate) struct Azurite {
    child: Child,
    port: u16,
}

impl Azurite {
    pub(crate) fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| package.join("../../target"), PathBuf::from);
        let program = target.join("azurite/node_modules/azurite/dist/src/blob/main.js");
        assert!(
            program.exists(),
            "{} is missing: run `make test`, or azure/defect-mailer/tests/azurite/install.sh target/azurite",
            program.display()
        );
        let child = Command::new("node")
            .arg(program)
            .args([
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                &port.to_string(),
                "--silent",
                "--disableTelemetry",
            ])
            .arg("--location")
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let azurite = Self { child, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "the emulator did not start");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        azurite
    }

    /// A mailer that keeps its state here.
    pub(crate) fn keeps(&self, start: Start) -> Start {
        let address = format!("http://127.0.0.1:{}/{ACCOUNT}/andon", self.port);
        start.with("MAILER_STATE", &address).with("MAILER_STATE_KEY", KEY)
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
