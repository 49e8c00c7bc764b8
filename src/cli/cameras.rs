//! `andon cameras`: which cameras there are, each with what belongs into a station's file.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use serde_json::{Value, json};

use super::outcome::{Failure, write_json};
use crate::camera::{Bus, Control, Fault, Identity, Machine, Offer, Rate, Rehearsal};

#[derive(Debug, Args)]
pub(super) struct CamerasArgument {
    /// One JSON object a line on standard output for each camera
    #[arg(long)]
    json: bool,
    /// A folder that plays cameras, in place of this machine's
    #[arg(long, value_name = "DIR")]
    rehearsal: Option<PathBuf>,
}

pub(super) fn run(
    arguments: &CamerasArgument,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Failure> {
    let bus: Box<dyn Bus> = match &arguments.rehearsal {
        Some(folder) => Box::new(Rehearsal::new(folder)),
        None => Box::new(Machine),
    };
    let cameras = bus.cameras().map_err(|fault| Failure::Failed(fault.to_string()))?;
    if cameras.is_empty() && !arguments.json {
        writeln!(
            notes,
            "no camera is there; plug one in, and see with `lsusb` whether the machine knows it"
        )?;
    }
    for camera in &cameras {
        let asked = bus.open(camera).and_then(|device| Ok((device.offers(None)?, device.controls()?)));
        if arguments.json {
            write_json(out, &line(camera, &asked))?;
        } else {
            show(camera, &asked, notes)?;
        }
    }
    Ok(())
}

/// What a camera can be set to, if it could be asked.
type Asked = Result<(Vec<Offer>, Vec<Control>), Fault>;

fn line(camera: &Identity, asked: &Asked) -> Value {
    let formats = asked.iter().flat_map(|(offers, _)| offers).map(|offer| {
        let rates: Vec<_> = offer.rates.iter().copied().map(Rate::a_second).collect();
        let [width, height] = offer.size;
        json!({"format": offer.format.word(), "width": width, "height": height, "frames_per_second": rates})
    });
    let controls = asked.iter().flat_map(|(_, controls)| controls).map(|it| {
        let choices: Vec<_> =
            it.choices.iter().map(|(value, name)| json!({"value": value, "name": name})).collect();
        json!({
            "id": it.id,
            "name": it.name,
            "least": it.least,
            "most": it.most,
            "step": it.step,
            "default": it.default,
            "value": it.value,
            "choices": choices,
        })
    });
    json!({
        "name": camera.name,
        "node": camera.node,
        "usb_path": camera.usb_path,
        "serial": camera.serial,
        "model": camera.model,
        "by_id": camera.by_id,
        "formats": formats.collect::<Vec<_>>(),
        "controls": controls.collect::<Vec<_>>(),
        "fault": asked.as_ref().err().map(Fault::to_string),
    })
}

fn show(camera: &Identity, asked: &Asked, notes: &mut dyn Write) -> io::Result<()> {
    writeln!(notes, "{} (now {})", camera.name, camera.node.display())?;
    writeln!(notes, "    [source.camera]")?;
    for (key, word) in keys(camera) {
        writeln!(notes, "    {key} = {}", quoted(word))?;
    }
    let (offers, controls) = match asked {
        Ok(asked) => asked,
        Err(fault) => return writeln!(notes, "    {fault}"),
    };
    if offers.is_empty() {
        writeln!(notes, "    no format that andon knows")?;
    }
    for offer in offers {
        writeln!(notes, "    {offer} frames a second")?;
    }
    for control in controls {
        let now = control.value.map(|value| format!(", now {value}")).unwrap_or_default();
        writeln!(notes, "    {control}{now}")?;
    }
    Ok(())
}

/// The keys of `[source.camera]` that name a camera.
pub(super) fn keys(camera: &Identity) -> Vec<(&'static str, &str)> {
    let keys = [
        ("usb_path", Some(&camera.usb_path)),
        ("serial", camera.serial.as_ref()),
        ("model", camera.model.as_ref()),
        ("by_id", camera.by_id.as_ref()),
    ];
    keys.into_iter().filter_map(|(key, word)| Some((key, word?.as_str()))).collect()
}

/// A text as TOML writes it, which has JSON's escapes.
pub(super) fn quoted(word: &str) -> String {
    Value::from(word).to_string()
}
