//! `andon cameras`: which cameras there are, each with what belongs into a station's file.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use serde_json::{Value, json};

use super::outcome::{Failure, write_json};
use crate::camera::{Bus, Fault, Identity, Machine, Offer, Rate, Rehearsal};

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
        let offers = bus.open(camera).and_then(|device| device.offers(None));
        if arguments.json {
            write_json(out, &line(camera, &offers))?;
        } else {
            show(camera, &offers, notes)?;
        }
    }
    Ok(())
}

fn line(camera: &Identity, offers: &Result<Vec<Offer>, Fault>) -> Value {
    let formats = offers.iter().flatten().map(|offer| {
        let rates: Vec<_> = offer.rates.iter().copied().map(Rate::a_second).collect();
        let [width, height] = offer.size;
        json!({"format": offer.format.word(), "width": width, "height": height, "frames_per_second": rates})
    });
    json!({
        "name": camera.name,
        "node": camera.node,
        "usb_path": camera.usb_path,
        "serial": camera.serial,
        "model": camera.model,
        "by_id": camera.by_id,
        "formats": formats.collect::<Vec<_>>(),
        "fault": offers.as_ref().err().map(Fault::to_string),
    })
}

fn show(camera: &Identity, offers: &Result<Vec<Offer>, Fault>, notes: &mut dyn Write) -> io::Result<()> {
    writeln!(notes, "{} (now {})", camera.name, camera.node.display())?;
    writeln!(notes, "    [source.camera]")?;
    let keys = [
        ("usb_path", Some(&camera.usb_path)),
        ("serial", camera.serial.as_ref()),
        ("model", camera.model.as_ref()),
        ("by_id", camera.by_id.as_ref()),
    ];
    for (key, word) in keys {
        if let Some(word) = word {
            writeln!(notes, "    {key} = {word:?}")?;
        }
    }
    match offers {
        Ok(offers) if offers.is_empty() => writeln!(notes, "    no format that andon knows")?,
        Ok(offers) => {
            for offer in offers {
                writeln!(notes, "    {offer} frames a second")?;
            }
        }
        Err(fault) => writeln!(notes, "    {fault}")?,
    }
    Ok(())
}
