//! `andon camera commission`: a camera, as it is set now, becomes a station's.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;

use super::{
    cameras::{keys, quoted},
    outcome::Failure,
};
use crate::{
    camera::{
        Bus, Controls, FrameSource, Identity, Next, Picture, Preference, UsbCamera, UsbSettings, Which, pick,
    },
    config::{Config, Source},
};

/// How long a camera gets to find its exposure and white balance before its picture is taken.
const SETTLING: Duration = Duration::from_secs(2);

/// How long it gets for its first frame.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct CommissionArguments {
    /// The station's file, whose [source] sections are written anew; the file as it was is kept beside it
    #[arg(long, value_name = "FILE", default_value = super::stations::USUAL)]
    config: PathBuf,
    /// The camera at this port, where there are several; `andon cameras` lists them
    #[arg(long, value_name = "PORT")]
    usb_path: Option<String>,
    /// The camera with this serial number
    #[arg(long, value_name = "NUMBER")]
    serial: Option<String>,
    /// Where the reference picture goes, without its ending [default: reference, beside the station's file]
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// A folder that plays cameras, in place of this machine's
    #[arg(long, value_name = "DIR")]
    rehearsal: Option<PathBuf>,
}

pub(super) fn run(arguments: &CommissionArguments, notes: &mut dyn Write) -> Result<(), Failure> {
    let config = &arguments.config;
    let refused = |cause: io::Error| Failure::Failed(format!("cannot read {}: {cause}", config.display()));
    let text = fs::read_to_string(config).map_err(refused)?;
    // What the file says of the format stays; a file that is not in order yet says nothing.
    let preference = match Config::parse(&text, config).map(|config| config.source) {
        Ok(Source::Usb(settings)) => settings.preference,
        _ => Preference::default(),
    };
    let rehearsal = arguments.rehearsal.as_deref().map(std::path::absolute).transpose()?;
    let mut settings = UsbSettings { preference, rehearsal, ..UsbSettings::default() };
    let camera = find(arguments, &*settings.bus())?;
    settings.which = which(&camera);
    writeln!(notes, "{camera}: waiting {} s for its picture to settle", SETTLING.as_secs())?;
    let picture = settled(&settings)?;
    // Only now: until it has settled its automatics change them.
    let there = settings.bus().open(&camera).and_then(|device| device.controls());
    let there = there.map_err(|fault| Failure::Failed(fault.to_string()))?;
    let sections = sections(&camera, &settings, &Controls::of(&there));
    let new = with_source(&text, &sections);
    Config::parse(&new, config).map_err(|error| {
        let file = config.display();
        Failure::WrongUse(format!(
            "{file} would not be in order, and is left as it is; correct it, or write these lines into it yourself:\n{sections}\n{error}"
        ))
    })?;
    let reference = arguments.reference.clone().unwrap_or_else(|| config.with_file_name("reference"));
    let kept = keep(&picture, &reference)?;
    replace(config, &text, &new)?;
    writeln!(
        notes,
        "{} has the camera now; what it was is in {}",
        config.display(),
        before(config).display()
    )?;
    writeln!(notes, "the reference picture is {}", kept.display())?;
    Ok(())
}

/// The camera that is meant, or the only one that is there.
fn find(arguments: &CommissionArguments, bus: &dyn Bus) -> Result<Identity, Failure> {
    let failed = |fault: crate::camera::Fault| Failure::Failed(fault.to_string());
    let cameras = bus.cameras().map_err(failed)?;
    let (usb_path, serial) = (arguments.usb_path.clone(), arguments.serial.clone());
    let is_said = usb_path.is_some() || serial.is_some();
    match &*cameras {
        [camera] if !is_said => Ok(camera.clone()),
        _ if !is_said => {
            let all: Vec<_> = cameras.iter().map(|it| format!("\n  {it}")).collect();
            let there = if all.is_empty() { "\n  none".to_owned() } else { all.concat() };
            Err(Failure::WrongUse(format!("say which camera with --usb-path or --serial; there are:{there}")))
        }
        _ => {
            let which = Which { usb_path, serial, ..Which::default() };
            pick(&cameras, &which, None).cloned().map_err(failed)
        }
    }
}

fn which(camera: &Identity) -> Which {
    Which {
        usb_path: Some(camera.usb_path.clone()),
        serial: camera.serial.clone(),
        model: camera.model.clone(),
        by_id: camera.by_id.clone(),
    }
}

/// A whole picture, once the camera has had time.
fn settled(settings: &UsbSettings) -> Result<Picture, Failure> {
    let mut source = UsbCamera::start(settings);
    let started = Instant::now();
    let (mut first, mut last) = (None, None);
    while started.elapsed() < PATIENCE {
        match source.next_frame(Duration::from_millis(200)) {
            Ok(Next::Frame(frame)) => {
                let since = *first.get_or_insert_with(Instant::now);
                if !matches!(frame.picture, Picture::Damaged(_)) {
                    last = Some(frame.picture);
                }
                if since.elapsed() >= SETTLING && last.is_some() {
                    break;
                }
            }
            Ok(Next::Late | Next::End) => {}
            Err(error) => return Err(Failure::Failed(error.to_string())),
        }
    }
    last.ok_or_else(|| Failure::Failed("the camera gave no whole picture; look at its cable".to_owned()))
}

/// The sections of a station's file for a camera.
fn sections(camera: &Identity, settings: &UsbSettings, controls: &Controls) -> String {
    let Preference { format, size, rate } = settings.preference;
    let mut text = "[source]\nkind = \"usb\"\n".to_owned();
    // Writing to a text cannot fail.
    if let Some(rate) = rate {
        let _ = writeln!(text, "frames_per_second = {rate}");
    }
    text += "\n[source.camera]\n";
    for (key, word) in keys(camera) {
        let _ = writeln!(text, "{key} = {}", quoted(word));
    }
    if let Some(format) = format {
        let _ = writeln!(text, "format = \"{}\"", format.word());
    }
    if let Some([width, height]) = size {
        let _ = writeln!(text, "size = \"{width}x{height}\"");
    }
    if let Some(folder) = &settings.rehearsal {
        let _ = writeln!(text, "rehearsal = {}", quoted(&folder.display().to_string()));
    }
    text += "\n[source.controls]\n";
    for (key, value) in controls.keys() {
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// The sections that are written anew.
const OURS: [&str; 3] = ["source", "source.camera", "source.controls"];

/// The text with these sections in the place of those that it has of a source. Comments above the next section stay.
fn with_source(text: &str, sections: &str) -> String {
    let (mut kept, mut dropped): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let (mut place, mut is_ours) = (None, false);
    for line in text.lines() {
        let header = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if let Some((name, _)) = header {
            let was_ours = std::mem::replace(&mut is_ours, OURS.contains(&name.trim()));
            if was_ours && !is_ours {
                kept.extend(comment_above(&dropped));
            }
            dropped.clear();
            if is_ours {
                place.get_or_insert(kept.len());
            }
        }
        if is_ours { dropped.push(line) } else { kept.push(line) }
    }
    let place = place.unwrap_or(kept.len());
    let block = sections.lines().chain([""]);
    let all: Vec<&str> =
        kept[..place].iter().copied().chain(block).chain(kept[place..].iter().copied()).collect();
    let mut text = all.join("\n").trim_end().to_owned();
    text.push('\n');
    text
}

/// The comment that ends a stretch of lines, which belongs to what follows it.
fn comment_above<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let comment = lines.iter().rev().take_while(|line| line.starts_with('#')).count();
    let from = lines.len() - comment;
    // Without a blank line above, it is the last key's.
    let is_apart = comment > 0 && lines[..from].last().is_some_and(|line| line.trim().is_empty());
    if is_apart { lines[from - 1..].to_vec() } else { vec![""] }
}

/// Writes the picture, its ending chosen by what it is.
fn keep(picture: &Picture, stem: &Path) -> Result<PathBuf, Failure> {
    let named = |ending: &str| PathBuf::from(format!("{}.{ending}", stem.display()));
    let failed = |path: &Path, cause: &dyn std::fmt::Display| {
        Failure::Failed(format!("cannot write the reference picture {}: {cause}", path.display()))
    };
    if let Picture::Encoded(bytes) = picture {
        let path = named("jpg");
        fs::write(&path, bytes.as_slice()).map_err(|cause| failed(&path, &cause))?;
        return Ok(path);
    }
    let path = named("png");
    let pixels = picture.decode(crate::camera::Colour::Rgb).map_err(|cause| failed(&path, &cause))?;
    let colour = if pixels.channels == 1 { image::ColorType::L8 } else { image::ColorType::Rgb8 };
    let saved = image::save_buffer(&path, &pixels.samples, pixels.width, pixels.height, colour);
    saved.map_err(|cause| failed(&path, &cause))?;
    Ok(path)
}

fn before(config: &Path) -> PathBuf {
    PathBuf::from(format!("{}.before", config.display()))
}

/// Puts the new text in the old one's place, which is kept: whatever happens, one of the two is there whole.
fn replace(config: &Path, old: &str, new: &str) -> Result<(), Failure> {
    let failed = |cause: io::Error| {
        let file = config.display();
        Failure::Failed(format!("cannot write {file}: {cause}; run this as the user whose file it is"))
    };
    fs::write(before(config), old).map_err(failed)?;
    let written = PathBuf::from(format!("{}.new", config.display()));
    let mut file = File::create(&written).map_err(failed)?;
    file.set_permissions(fs::metadata(config).map_err(failed)?.permissions()).map_err(failed)?;
    file.write_all(new.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&written, config).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sections_of_the_source_are_written_anew() {
        let sections = "[source]\nkind = \"usb\"\n";
        for (text, expected) in [
            ("a = 1\n", "a = 1\n[source]\nkind = \"usb\"\n"),
            (
                "[station]\nid = \"a\"\n\n[source]\nkind = \"folder\"\n#x = 1\n\n# The model.\n[model]\npack = \"p\"\n",
                "[station]\nid = \"a\"\n\n[source]\nkind = \"usb\"\n\n\n# The model.\n[model]\npack = \"p\"\n",
            ),
            (
                "[source]\nkind = \"usb\"\n[source.camera]\nserial = \"x\"\n[log]\nlevel = \"info\"\n[source.controls]\ngain = 1",
                "[source]\nkind = \"usb\"\n\n\n[log]\nlevel = \"info\"\n",
            ),
        ] {
            assert_eq!(with_source(text, sections), expected);
        }
    }

    #[test]
    fn the_shipped_example_can_be_given_a_camera() {
        let example = include_str!("../../config/station.example.toml");
        let camera = Identity {
            usb_path: "usb-x-1".to_owned(),
            serial: Some("A \"1\"".to_owned()),
            ..Identity::default()
        };
        let preference = Preference { size: Some([640, 480]), rate: Some(12.5), ..Preference::default() };
        let settings = UsbSettings { preference, ..UsbSettings::default() };
        let controls = Controls { gain: Some(7), ..Controls::default() };
        let text = with_source(example, &sections(&camera, &settings, &controls));
        let config = Config::parse(&text, Path::new("/etc/andon/station.toml")).unwrap();
        let expected = UsbSettings { which: which(&camera), controls, ..settings };
        assert_eq!(config.source, Source::Usb(Box::new(expected)));
        assert!(text.contains("# What one product (\"item\") is."), "the comments of other sections stay");
        let twice = with_source(&text, &sections(&camera, &UsbSettings::default(), &controls));
        assert_eq!(twice.matches("[source.camera]").count(), 1);
    }
}
