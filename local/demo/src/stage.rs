//! The cloud half without a cloud, and a station on it: everything that a run needs besides the agent.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use functions_host::{FunctionsHost, HandlerOutput, HostError, HostOptions};
use iothub_standin::{Builder, Standin, StartError};
use tokio::runtime::Runtime;

use crate::mailbox::{Mailbox, MailboxError};

/// The device that the station logs in as.
pub const DEVICE: &str = "station-1";

/// The mailer's folder, as it is deployed.
const HOST_JSON: &str = include_str!("../../../azure/defect-mailer/host.json");
const FUNCTION_JSON: &str = include_str!("../../../azure/defect-mailer/DefectMailer/function.json");

/// How soon the mailer's progress is looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// Everything that runs besides the agent.
pub struct Stage {
    folder: PathBuf,
    standin: Standin,
    mailbox: Mailbox,
    runtime: Runtime,
    mailer: FunctionsHost,
}

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The output folder.
    #[error("cannot use {}: {cause}", path.display())]
    Folder {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The mailer was not built.
    #[error("there is no {}; build it: cargo build --package defect-mailer", .0.display())]
    NoMailer(PathBuf),
    /// The stand-in.
    #[error("the stand-in for IoT Hub did not start: {0}")]
    Standin(#[from] StartError),
    /// The mail server.
    #[error("the mail server did not start: {0}")]
    Mailbox(#[from] MailboxError),
    /// The Functions driver.
    #[error("the mailer did not start: {0}")]
    Mailer(#[from] HostError),
    /// No runtime.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

/// What the station takes its frames from.
#[derive(Clone, Debug)]
pub enum Frames {
    /// The simulated line.
    Line,
    /// Pictures in a folder, each an item.
    Folder(PathBuf),
}

/// What the mailer did with the accepted reports.
#[derive(Debug, Default)]
pub struct Taken {
    /// Reports that the mailer took.
    pub reports: HashSet<String>,
    /// Where the mails are.
    pub mails: Vec<PathBuf>,
}

impl Stage {
    /// Starts everything but the agent, on loopback, with all files in `folder`. `mailer` is the built executable.
    ///
    /// # Errors
    /// Says which part did not start.
    pub fn set(folder: &Path, mailer: &Path) -> Result<Self, StageError> {
        if !mailer.is_file() {
            return Err(StageError::NoMailer(mailer.to_owned()));
        }
        let folder = clear(folder)?;
        let standin = Builder::new().device(DEVICE).events(folder.join("events.jsonl")).start()?;
        write(&folder.join("hub-ca.pem"), &standin.ca_pem())?;
        let secret = standin.connection_string(DEVICE).unwrap_or_default();
        write(&folder.join("hub-connection-string"), &secret)?;
        let mailbox = Mailbox::start(folder.join("mails"))?;

        let app = folder.join("mailer");
        write(&app.join("host.json"), HOST_JSON)?;
        write(&app.join("DefectMailer/function.json"), FUNCTION_JSON)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(StageError::Runtime)?;
        let options = HostOptions {
            executable: Some(mailer.to_owned()),
            environment: settings(&mailbox, &folder),
            output: HandlerOutput::File(folder.join("mailer.log")),
            ..HostOptions::new(app, folder.join("events.jsonl"))
        };
        let mailer = runtime.block_on(FunctionsHost::start(options))?;
        Ok(Self { folder, standin, mailbox, runtime, mailer })
    }

    /// Where all files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The stand-in.
    #[must_use]
    pub fn hub(&self) -> &Standin {
        &self.standin
    }

    /// The mails that arrived until now.
    #[must_use]
    pub fn mails(&self) -> Vec<PathBuf> {
        self.mailbox.mails()
    }

    /// Writes the station's file; gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn station(&self, model: &Path, frames: &Frames) -> Result<PathBuf, StageError> {
        let path = self.folder.join("station.toml");
        write(&path, &station_toml(model, frames, self.standin.address().port()))?;
        Ok(path)
    }

    /// Waits until the mailer is done with every accepted report, but no longer than `patience`; then stops
    /// everything.
    ///
    /// # Errors
    /// When the mailer had stopped before.
    pub fn clear_away(self, patience: Duration) -> Result<Taken, StageError> {
        let deadline = Instant::now() + patience;
        let accepted = self.standin.accepted();
        while Instant::now() < deadline {
            let progress = self.mailer.progress();
            if progress.delivered + progress.given_up >= accepted {
                break;
            }
            std::thread::sleep(LOOK);
        }
        let progress = self.runtime.block_on(self.mailer.stop())?;
        let events = self.standin.events();
        // The driver takes events in order; one that was given up makes every one doubtful.
        let taken = if progress.given_up == 0 { usize::try_from(progress.delivered).unwrap_or(0) } else { 0 };
        Ok(Taken {
            reports: events.iter().take(taken).map(|event| event.message_id().to_owned()).collect(),
            mails: self.mailbox.stop(),
        })
    }
}

/// Makes the folder, and takes away what an earlier run left in it, but nothing else.
fn clear(folder: &Path) -> Result<PathBuf, StageError> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |cause| StageError::Folder { path, cause }
    };
    fs::create_dir_all(folder).map_err(fault(folder))?;
    let folder = folder.canonicalize().map_err(fault(folder))?;
    for entry in fs::read_dir(&folder).map_err(fault(&folder))? {
        let path = entry.map_err(fault(&folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_ours = ["mails", "mailer", "mailer-state", "evidence"].contains(&&*name);
        if is_ours && path.is_dir() {
            fs::remove_dir_all(&path).map_err(fault(&path))?;
        } else if name.starts_with("outbox.db") || name == "events.jsonl" {
            fs::remove_file(&path).map_err(fault(&path))?;
        }
    }
    Ok(folder)
}

/// Writes a file that nobody else may read, since some hold keys.
fn write(path: &Path, text: &str) -> Result<(), StageError> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| {
        // The mode counts only where the file is made.
        let _ = fs::remove_file(path);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    });
    written.map_err(|cause| StageError::Folder { path: path.to_owned(), cause })
}

fn settings(mailbox: &Mailbox, folder: &Path) -> BTreeMap<String, String> {
    let address = mailbox.address();
    [
        ("MAILER_SMTP_HOST", address.ip().to_string()),
        ("MAILER_SMTP_PORT", address.port().to_string()),
        ("MAILER_SMTP_SECURITY", "none".to_owned()),
        ("MAILER_SMTP_FROM", "andon <andon@example.com>".to_owned()),
        ("MAILER_TO", "Shift supervisor <supervisor@example.com>".to_owned()),
        ("MAILER_STATE", folder.join("mailer-state").display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn station_toml(model: &Path, frames: &Frames, port: u16) -> String {
    let model = model.canonicalize().unwrap_or_else(|_| model.to_owned());
    // A path between quotes in TOML: Debug escapes what must be escaped.
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    // The simulated line is no source that a station can have; `andon-demo` puts it in the folder's place.
    let (folder, items) = match frames {
        Frames::Line => (
            PathBuf::from("."),
            "mode = \"passing\"\nbelt = \"dark\"\nlevel = 80\ncoverage = 0.05\nmin_length_pixels = 200",
        ),
        Frames::Folder(folder) => {
            (folder.canonicalize().unwrap_or_else(|_| folder.clone()), "mode = \"frame\"")
        }
    };
    format!(
        "# Written by andon-demo; config/station.example.toml explains every key.
[station]
id = \"{DEVICE}\"
line = \"Line 1\"
product = \"Circuit board\"

[source]
kind = \"folder\"
path = {folder}

[items]
{items}

[model]
pack = {model}

[severity.labels]
open = \"critical\"
short = \"critical\"

[hub]
connection_string_file = \"hub-connection-string\"
ca_file = \"hub-ca.pem\"
port = {port}
",
        folder = quoted(&folder),
        model = quoted(&model),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use andon::{
        camera::{FrameSource, Next, Picture},
        config::Config,
        items::{ItemMode, Passing},
    };

    use super::*;
    use crate::{
        line::{BOARD_SIDE, LineSettings, SimulatedLine},
        simulated::SimulatedCamera,
    };

    const BOARDS: u64 = 25;

    /// The item mode that the demo's station runs with.
    fn passing() -> Passing {
        let text = station_toml(Path::new("/pack"), &Frames::Line, 8883);
        match Config::parse(&text, Path::new("/station.toml")).unwrap().items.mode {
            ItemMode::Passing(rule) => Passing::new(rule, 1),
            ItemMode::Frame { .. } => panic!("boards on a belt are not frames"),
        }
    }

    #[test]
    fn every_board_of_the_line_is_one_item_in_order_and_is_found_where_it_is() {
        let settings = LineSettings { boards: BOARDS, ..LineSettings::default() };
        let line = SimulatedLine::new(settings.clone()).unwrap();
        let frames = SimulatedCamera::frames_for(&settings, BOARDS);
        let truth = SimulatedLine::new(settings).unwrap();
        let mut camera = SimulatedCamera::new(line, Duration::ZERO, frames);
        let mut passing = passing();
        let (mut left, mut frame) = (Vec::new(), 0);
        while let Next::Frame(next) = camera.next_frame(Duration::ZERO).unwrap() {
            let Picture::Pixels(pixels) = &next.picture else { panic!("pixels") };
            let seen = passing.observe(&Arc::clone(pixels));
            for whole in &seen.whole {
                let board = truth.in_view(frame).into_iter().find(|it| it.board + 1 == whole.item);
                let board = board.filter(|it| it.in_full_view).expect("an item is the board of its number");
                let edges = [
                    (i64::from(whole.region.x), board.left),
                    (i64::from(whole.region.y), i64::from(board.top)),
                    (i64::from(whole.region.width), i64::from(BOARD_SIDE)),
                    (i64::from(whole.region.height), i64::from(BOARD_SIDE)),
                ];
                assert!(
                    edges.iter().all(|(found, is)| (found - is).abs() <= 12),
                    "{edges:?} in frame {frame}"
                );
            }
            left.extend(seen.left);
            frame += 1;
        }
        left.extend(passing.finish());
        assert_eq!(left, (1..=BOARDS).collect::<Vec<_>>());
    }
}
