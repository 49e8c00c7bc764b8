//! `andon check`: stations' configurations and everything that they name, each finding with its remedy.

mod checked;
mod hub;
mod plant;

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};

use self::checked::{Checked, Level};
use super::{
    outcome::{Failure, write_json},
    stations::StationsArgument,
};
use crate::{
    agent::{self, Overrides, Tuning},
    camera::{Colour, Next, Picture, PictureError},
    config::{Config, ConfigError, Source},
    inspection::Model,
    outbox::{Outbox, OutboxError},
};

/// A source must give a frame within this time.
const SOURCE_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(
    stations: &StationsArgument,
    offline: bool,
    json: bool,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), Failure> {
    let configs = match Config::load_together(&stations.config) {
        Ok(configs) => configs,
        Err(error) => {
            if json {
                for line in lines(&error) {
                    write_json(out, &line)?;
                }
            }
            return Err(error.into());
        }
    };
    let mut faults = 0;
    for config in &configs {
        let id = &config.station.id;
        if configs.len() > 1 && !json {
            writeln!(notes, "{id}:")?;
        }
        check(config, &configs, offline, &mut |checked| {
            faults += u32::from(checked.level == Level::Fault);
            let level = match checked.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Fault => "fault",
            };
            if json {
                let (check, message) = (checked.subject, checked.message);
                write_json(out, &json!({"station": id, "check": check, "level": level, "message": message}))
            } else {
                writeln!(notes, "{level:<8} {:<14} {}", checked.subject, checked.message)
            }
        })?;
    }
    let whose = if configs.len() == 1 { "the station cannot" } else { "the stations cannot" };
    match faults {
        0 => Ok(()),
        1 => Err(Failure::Failed(format!("{whose} run as it is: correct the fault above"))),
        _ => Err(Failure::Failed(format!("{whose} run as it is: correct the {faults} faults above"))),
    }
}

/// Checks one of the stations that are to run together.
fn check(
    config: &Config,
    together: &[Config],
    offline: bool,
    tell: &mut dyn FnMut(Checked) -> io::Result<()>,
) -> io::Result<()> {
    tell(Checked::ok("configuration", "the file is in order"))?;
    match Model::load(&config.model.pack, &config.model.engine()) {
        Ok(loaded) => {
            tell(model(config, &loaded))?;
            tell(twin(config, Arc::new(loaded)))?;
        }
        Err(error) => tell(Checked::fault("model", error))?,
    }
    tell(source(config))?;
    for plant in plant::plant(config) {
        tell(plant)?;
    }
    tell(evidence(config))?;
    tell(outbox(config))?;
    tell(hub::clock())?;
    tell(hub::authorities(config))?;
    tell(hub::login(config, together, offline))
}

fn model(config: &Config, model: &Model) -> Checked {
    let pack = model.pack();
    match agent::rule(config, pack) {
        Err(error) => Checked::fault("model", error),
        Ok(_) => {
            let (name, version, labels) = (pack.name(), pack.version(), pack.labels().join(", "));
            Checked::ok("model", format!("{name} {version} computes what it should; labels: {labels}"))
        }
    }
}

/// What was changed from afar holds over the file, so whoever reads the file must know.
fn twin(config: &Config, model: Arc<Model>) -> Checked {
    let file = Overrides::file(&config.outbox.file);
    let overrides = match Overrides::load(&file) {
        Ok(overrides) => overrides,
        Err(error) => {
            let remedy = "remove it, and the hub says its wishes again";
            return Checked::fault("twin", format!("cannot read {}: {error}; {remedy}", file.display()));
        }
    };
    // Where the file itself is at fault, that was told.
    let Ok(tuning) = Tuning::with(config.clone(), model, overrides) else {
        return Checked::warning("twin", "cannot be looked at before the faults above are corrected");
    };
    match tuning.told() {
        told if told.is_empty() => Checked::ok("twin", "nothing was changed from afar"),
        told => Checked::warning("twin", format!("changed from afar, over the file: {}", told.join(", "))),
    }
}

fn source(config: &Config) -> Checked {
    if matches!(config.source, Source::Usb(_)) && Outbox::is_in_use(&config.outbox.file) {
        // A camera streams to one program only.
        return Checked::warning("source", "not opened, as its agent is running");
    }
    let mut source = agent::source(&config.source);
    match source.next_frame(SOURCE_PATIENCE) {
        Ok(Next::Frame(frame)) => match region(config, &frame.picture) {
            Some(error) => Checked::fault("source", error),
            None => Checked::ok("source", format!("{} gives frames", source.describe())),
        },
        Ok(Next::Late | Next::End) => {
            Checked::fault("source", format!("{} gave no frame within 5 s", source.describe()))
        }
        Err(error) => Checked::fault("source", error),
    }
}

/// What is wrong with the region, going by one picture; a picture that cannot be decoded says nothing of it.
fn region(config: &Config, picture: &Picture) -> Option<PictureError> {
    let region = config.items.mode.region()?;
    let pixels = picture.decode(Colour::Grey).ok()?;
    let (width, height) = (pixels.width, pixels.height);
    (!region.is_within([width, height])).then_some(PictureError::Region { region, width, height })
}

fn evidence(config: &Config) -> Checked {
    let Some(evidence) = &config.evidence else { return Checked::ok("evidence", "switched off") };
    let folder = evidence.folder.display();
    match is_writable(&evidence.folder) {
        Ok(()) => Checked::ok("evidence", format!("goes to {folder}")),
        Err(error) => Checked::fault(
            "evidence",
            format!("cannot write into {folder}: {error}; correct [evidence] folder or its permissions"),
        ),
    }
}

fn outbox(config: &Config) -> Checked {
    let path = &config.outbox.file;
    if Outbox::is_in_use(path) {
        return Checked::warning("outbox", format!("an agent is running on {}", path.display()));
    }
    match Outbox::attach(path).and_then(|outbox| outbox.depth()) {
        Ok(depth) => Checked::ok("outbox", format!("{} reports wait in {}", depth.reports, path.display())),
        Err(OutboxError::Absent(_)) => match is_writable(path.parent().unwrap_or(path)) {
            Ok(()) => Checked::ok("outbox", format!("the first run makes {}", path.display())),
            Err(error) => {
                let path = path.display();
                Checked::fault(
                    "outbox",
                    format!("cannot make {path}: {error}; correct [outbox] file or the folder's permissions"),
                )
            }
        },
        Err(error) => Checked::fault("outbox", error),
    }
}

/// The folder, or the nearest one above it that is there, takes files. Leaves nothing behind.
fn is_writable(folder: &Path) -> io::Result<()> {
    // A file's name alone has an empty folder, which is the current one.
    let folder = std::path::absolute(Path::new(".").join(folder))?;
    let there = folder.ancestors().find(|it| it.exists()).unwrap_or(&folder);
    if !there.is_dir() {
        return Err(io::Error::other(format!("{} is no folder", there.display())));
    }
    let probe = there.join(format!(".andon-check-{}", std::process::id()));
    std::fs::File::create_new(&probe)?;
    std::fs::remove_file(&probe)
}

fn lines(error: &ConfigError) -> Vec<Value> {
    let line = |fault: &crate::config::Fault| {
        let mut line = json!({"check": "configuration", "level": "fault", "message": fault.to_string()});
        if let (Some(line), Ok(Value::Object(fields))) = (line.as_object_mut(), serde_json::to_value(fault)) {
            line.extend(fields);
        }
        line
    };
    error.faults.iter().map(line).collect()
}
