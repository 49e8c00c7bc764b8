//! A folder that plays cameras, to rehearse what a station does when its camera fails.
//!
//! Each folder in it is a camera that is plugged in: rename it, and it was unplugged. It holds a `camera.json` with what
//! the camera is and offers (see [`Played`]) and its frames, taken in the order of their names again and again: files
//! that end in the word of a format, `.mjpeg`, `.yuyv`, `.grey` or `.nv12`. Empty files beside them are faults, as long
//! as they are there: `busy` (another program has it), `stalled` (no frames come), `halved` (half of each frame comes),
//! `flagged` (the driver calls every frame damaged). The value of a control is in the file `control-ID`, once it was set.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{
    content::MAX_FRAME_BYTES,
    control::Control,
    device::{Bus, Device, Grab, Streaming},
    fault::Fault,
    identity::Identity,
    mode::{Mode, Offer, PixelFormat, Rate},
};
use crate::camera::picture::Levels;

/// A folder that plays cameras.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    folder: PathBuf,
}

/// What a `camera.json` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Played {
    name: String,
    usb_path: String,
    serial: Option<String>,
    model: Option<String>,
    by_id: Option<String>,
    formats: Vec<PlayedFormat>,
    #[serde(default)]
    controls: Vec<PlayedControl>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlayedFormat {
    format: String,
    width: u32,
    height: u32,
    frames_per_second: Vec<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlayedControl {
    id: u32,
    name: String,
    least: i64,
    most: i64,
    default: i64,
}

/// A larger file describes no camera.
const MAX_DESCRIPTION: u64 = 1024 * 1024;

impl Rehearsal {
    /// The cameras are looked for in this folder at each call.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl Bus for Rehearsal {
    fn cameras(&self) -> Result<Vec<Identity>, Fault> {
        let refused = |error: io::Error| Fault::Refused {
            attempt: "cannot list the rehearsal's cameras",
            reason: format!("{}: {error}", self.folder.display()),
        };
        let mut cameras = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(refused)? {
            let node = entry.map_err(refused)?.path();
            // One that is being put there or taken away is not plugged in.
            let Ok(Played { name, usb_path, serial, model, by_id, .. }) = played(&node) else { continue };
            cameras.push(Identity { node, name, usb_path, serial, model, by_id });
        }
        cameras.sort_by(|a, b| a.usb_path.cmp(&b.usb_path));
        Ok(cameras)
    }

    fn open(&self, camera: &Identity) -> Result<Box<dyn Device>, Fault> {
        if camera.node.join("busy").exists() {
            return Err(Fault::Busy);
        }
        let played = played(&camera.node)?;
        Ok(Box::new(Player {
            folder: camera.node.clone(),
            played,
            files: Vec::new(),
            interval: Duration::ZERO,
            due: Instant::now(),
            sequence: 0,
            frame: Vec::new(),
        }))
    }
}

fn played(folder: &Path) -> Result<Played, Fault> {
    let file = folder.join("camera.json");
    let refused =
        |reason: String| Fault::Refused { attempt: "cannot read the rehearsal's camera.json", reason };
    let is_large = fs::metadata(&file).map_err(|_| Fault::Gone)?.len() > MAX_DESCRIPTION;
    if is_large {
        return Err(refused("it is larger than 1 MiB".to_owned()));
    }
    let text = fs::read(&file).map_err(|_| Fault::Gone)?;
    serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))
}

/// A camera that is played.
struct Player {
    folder: PathBuf,
    played: Played,
    files: Vec<PathBuf>,
    interval: Duration,
    due: Instant,
    sequence: u32,
    frame: Vec<u8>,
}

impl Player {
    fn has(&self, fault: &str) -> bool {
        self.folder.join(fault).exists()
    }
}

impl Device for Player {
    fn offers(&self, _wanted: Option<[u32; 2]>) -> Result<Vec<Offer>, Fault> {
        let offers = self.played.formats.iter().filter_map(|it| {
            let format = PixelFormat::ALL.into_iter().find(|format| format.word() == it.format)?;
            let rates = it.frames_per_second.iter().map(|frames| Rate { frames: *frames, seconds: 1 });
            Some(Offer { format, size: [it.width, it.height], rates: rates.collect() })
        });
        Ok(offers.collect())
    }

    fn controls(&self) -> Result<Vec<Control>, Fault> {
        let controls = self.played.controls.iter().map(|it| Control {
            id: it.id,
            name: it.name.clone(),
            least: it.least,
            most: it.most,
            step: 1,
            default: it.default,
            value: self.control(it.id).ok(),
            choices: Vec::new(),
        });
        Ok(controls.collect())
    }

    fn control(&self, id: u32) -> Result<i64, Fault> {
        let absent = || Fault::Control("the rehearsal's camera.json has no such control".to_owned());
        let control = self.played.controls.iter().find(|it| it.id == id).ok_or_else(absent)?;
        let text = fs::read_to_string(self.folder.join(format!("control-{id}")));
        Ok(text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(control.default))
    }

    fn set_control(&mut self, id: u32, value: i64) -> Result<(), Fault> {
        fs::write(self.folder.join(format!("control-{id}")), value.to_string()).map_err(|_| Fault::Gone)
    }

    fn start(&mut self, mode: &Mode) -> Result<Streaming, Fault> {
        let listed = fs::read_dir(&self.folder).map_err(|_| Fault::Gone)?;
        let is_frame = |path: &PathBuf| path.extension().is_some_and(|it| it == mode.format.word());
        self.files = listed.filter_map(|entry| Some(entry.ok()?.path())).filter(is_frame).collect();
        self.files.sort();
        let rate = mode.rate.map_or(1.0, Rate::a_second).max(0.01);
        self.interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        self.due = Instant::now();
        Ok(Streaming { mode: *mode, stride: 0, levels: Levels::Full })
    }

    fn grab(&mut self, patience: Duration) -> Result<Option<Grab<'_>>, Fault> {
        let wait = self.due.saturating_duration_since(Instant::now());
        thread::sleep(wait.min(patience));
        if !self.folder.join("camera.json").exists() {
            return Err(Fault::Gone);
        }
        if wait > patience || self.has("stalled") || self.files.is_empty() {
            // A stalled camera does not wake anybody.
            thread::sleep(patience.saturating_sub(wait));
            return Ok(None);
        }
        self.due += self.interval;
        let file = &self.files[self.sequence as usize % self.files.len()];
        let length = fs::metadata(file).map_err(|_| Fault::Gone)?.len();
        if length > MAX_FRAME_BYTES as u64 {
            return Err(Fault::Damaged(format!("{} has {length} bytes", file.display())));
        }
        self.frame = fs::read(file).map_err(|_| Fault::Gone)?;
        if self.has("halved") {
            self.frame.truncate(self.frame.len() / 2);
        }
        self.sequence = self.sequence.wrapping_add(1);
        let is_damaged = self.has("flagged");
        Ok(Some(Grab { bytes: &self.frame, is_damaged, sequence: self.sequence, age: Some(Duration::ZERO) }))
    }
}
