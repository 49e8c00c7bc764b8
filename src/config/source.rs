//! `[source]`: where frames come from.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use toml::de::DeValue;

use super::{
    document::{Document, Section},
    value::{Wrong, flag, fraction, name, path, whole, word},
};
use crate::camera::{Controls, Pace, PixelFormat, Preference, UsbSettings, Which};

/// Faster than any camera of a station.
const MOST_FRAMES_PER_SECOND: f64 = 1000.0;

/// How many pixels a side of a camera's picture has.
const SIDES: RangeInclusive<u32> = 16..=16_384;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The pictures of a folder, in the order of their names.
    Folder {
        /// The folder, or one picture.
        path: PathBuf,
        /// How fast they come.
        pace: Pace,
        /// Whether the first follows the last.
        repeat: bool,
    },
    /// A camera of this machine.
    Usb(Box<UsbSettings>),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Folder,
    Usb,
}

/// The keys that only a folder has.
const FOLDER_ONLY: [&str; 2] = ["path", "repeat"];

pub(super) fn read(document: &Document<'_>, folder: &Path) -> Option<Source> {
    let section = document.section("source");
    let camera = document.section("source.camera");
    let controls = document.section("source.controls");
    let kinds = [("folder", Kind::Folder), ("usb", Kind::Usb)];
    let kind = section.required("kind", "\"folder\"", word(&kinds));
    let fits = |rate: f64| rate > 0.0 && rate <= MOST_FRAMES_PER_SECOND;
    let rate = section.optional("frames_per_second", fraction(fits, "greater than 0 and at most 1000"));
    // Also where they are refused they are no slips.
    section.know(&FOLDER_ONLY);
    camera.know(&CAMERA);
    controls.know(&CONTROLS);
    match kind {
        Some(Kind::Folder) => {
            for (section, keys) in [(&camera, &CAMERA[..]), (&controls, &CONTROLS[..])] {
                refuse(section, keys, "for a camera only", "remove it, or write kind = \"usb\"");
            }
            read_folder(&section, folder, rate)
        }
        Some(Kind::Usb) => {
            refuse(&section, &FOLDER_ONLY, "for a folder only", "remove it, or write kind = \"folder\"");
            read_camera(&section, [&camera, &controls], folder, rate)
        }
        None => None,
    }
}

fn refuse(section: &Section<'_>, keys: &[&'static str], whose: &str, remedy: &str) {
    for key in keys {
        section.refuse(key, &format!("this means something {whose}"), remedy);
    }
}

fn read_folder(section: &Section<'_>, folder: &Path, rate: Option<f64>) -> Option<Source> {
    let pictures = section.required("path", "\"pictures\"", path(folder));
    let pace = rate.map_or(Pace::AsFastAsPossible, Pace::FramesPerSecond);
    let repeat = section.or(false, "repeat", flag);
    Some(Source::Folder { path: pictures?, pace, repeat })
}

const CAMERA: [&str; 7] = ["usb_path", "serial", "by_id", "model", "format", "size", "rehearsal"];

fn read_camera(
    source: &Section<'_>,
    [section, controls]: [&Section<'_>; 2],
    folder: &Path,
    rate: Option<f64>,
) -> Option<Source> {
    let which = Which {
        usb_path: section.optional("usb_path", name),
        serial: section.optional("serial", name),
        by_id: section.optional("by_id", name),
        model: section.optional("model", name),
    };
    let formats = PixelFormat::ALL.map(|format| (format.word(), format));
    let format = section.optional("format", word(&formats));
    let size = section.optional("size", size);
    let rehearsal = section.optional("rehearsal", path(folder));
    let controls = read_controls(controls);
    let is_said = ["usb_path", "serial", "by_id"].iter().any(|key| section.is_written_key(key));
    if !is_said {
        let remedy = "`andon cameras` lists the cameras with their sections; add usb_path, serial or by_id to \
                      [source.camera]";
        source.refuse("kind", "it is not said which camera", remedy);
        return None;
    }
    let preference = Preference { format, size, rate };
    Some(Source::Usb(Box::new(UsbSettings { which, preference, controls, rehearsal })))
}

const CONTROLS: [&str; 5] =
    ["exposure_microseconds", "gain", "white_balance_kelvin", "focus", "power_line_hz"];

fn read_controls(section: &Section<'_>) -> Controls {
    let steps = || whole(0..=65_535, "the camera's own steps");
    Controls {
        exposure_microseconds: section
            .optional("exposure_microseconds", whole(100..=10_000_000, "microseconds")),
        gain: section.optional("gain", steps()),
        white_balance_kelvin: section.optional("white_balance_kelvin", whole(1000..=20_000, "kelvin")),
        focus: section.optional("focus", steps()),
        power_line_hz: section.optional("power_line_hz", hertz),
    }
}

fn hertz(value: &DeValue<'_>) -> Result<u32, Wrong> {
    let remedy = "write 50 or 60, or 0 to switch the filter off";
    let number =
        whole::<u32>(0..=60, "hertz")(value).map_err(|wrong| Wrong { remedy: remedy.into(), ..wrong })?;
    let is_known = [0, 50, 60].contains(&number);
    if is_known { Ok(number) } else { Err(Wrong::new("no mains has this frequency", remedy)) }
}

/// Width and height, as `"1280x720"`.
fn size(value: &DeValue<'_>) -> Result<[u32; 2], Wrong> {
    let remedy = "write width and height in pixels in quotes, as \"1280x720\"";
    let text = name(value).map_err(|wrong| Wrong { remedy: remedy.to_owned(), ..wrong })?;
    let side = |text: &str| text.parse().ok().filter(|it| SIDES.contains(it));
    let sides = text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| Wrong::new("this is not a picture's size", remedy))
}
