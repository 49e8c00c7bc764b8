//! The station's TOML file, read strictly: whatever is unknown, impossible or missing is told at once, each with its
//! line and its remedy.
//!
//! Invariant: `config` knows the stages that it configures, and none of them knows `config`.

mod document;
mod likeness;
mod value;
mod marks;
mod unknown;
mod fault;
mod secret;
mod station;
mod source;
mod items;
mod plant;
mod model;
mod incidents;
mod storage;
mod login;
mod hub;
mod log;
mod together;
mod points;
mod tuned;

#[cfg(test)]
mod tests;

pub use fault::{ConfigError, Fault, Key};
pub use hub::Hub;
pub use items::Items;
pub use log::LogLevel;
pub use login::{Login, LoginError};
pub use model::{Model, Severities};
pub use secret::SecretError;
pub use source::Source;
pub use storage::{Evidence, Outbox};
pub use tuned::TUNABLE;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use andon_telemetry::Station;

use crate::{
    plant::{OutputSettings, TriggerSettings},
    report::IncidentRule,
};
use document::Document;
use together::Own;

/// A larger file is no configuration.
const MAX_BYTES: usize = 1024 * 1024;

/// Everything that a station can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who it is, in its own words.
    pub station: Station,
    /// Where frames come from.
    pub source: Source,
    /// What an item is.
    pub items: Items,
    /// What says that an item is there; `None` where the camera's own pictures do.
    pub trigger: Option<TriggerSettings>,
    /// What the plant's controls are shown.
    pub outputs: Option<OutputSettings>,
    /// What inspects it.
    pub model: Model,
    /// How bad a defect is.
    pub severities: Severities,
    /// When like defects are one incident.
    pub incidents: IncidentRule,
    /// Where pictures of NG items are kept; `None` where none are.
    pub evidence: Option<Evidence>,
    /// Where reports wait for the hub.
    pub outbox: Outbox,
    /// The hub.
    pub hub: Hub,
    /// How much is told in the log.
    pub log: LogLevel,
    /// Whether nothing is inspected at the moment; not in the file, but only said from afar.
    pub paused: bool,
}

impl Config {
    /// Reads a station's file, at most 1 MiB.
    ///
    /// # Errors
    /// When the file cannot be read, and with every fault that it has.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_owning(path).map(|(config, _)| config)
    }

    /// Reads the files of stations that run in one process. A folder stands for the files in it that end in `.toml`.
    ///
    /// # Errors
    /// With every fault of every file, or else with what no two of the stations may share.
    pub fn load_together(paths: &[PathBuf]) -> Result<Vec<Self>, ConfigError> {
        let (mut configs, mut owns, mut found) = (Vec::new(), Vec::new(), ConfigError::default());
        for path in paths {
            let files = together::files(path).unwrap_or_else(|error| {
                found.add(error);
                Vec::new()
            });
            for file in files {
                match Self::load_owning(&file) {
                    Ok((config, own)) => {
                        configs.push(config);
                        owns.push((file, own));
                    }
                    Err(error) => found.add(error),
                }
            }
        }
        found.add(together::faults(&owns));
        if found.faults.is_empty() { Ok(configs) } else { Err(found) }
    }

    fn load_owning(path: &Path) -> Result<(Self, Vec<Own>), ConfigError> {
        let bytes = read(path).map_err(|cause| {
            let remedy = "give the station's file with --config, and make it readable for this user";
            ConfigError::whole(path, format!("cannot read the configuration: {cause}"), remedy)
        })?;
        let text = str::from_utf8(&bytes).map_err(|error| {
            let before = bytes.iter().take(error.valid_up_to());
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            ConfigError::at(path, Some(line), "this is not UTF-8 text", "save the file as UTF-8")
        })?;
        Self::parse_owning(text, path)
    }

    /// Reads the text of the file called `name`. Relative paths in it are taken from the folder of that file.
    ///
    /// # Errors
    /// With every fault that the text has; a syntax error stands alone.
    pub fn parse(text: &str, name: &Path) -> Result<Self, ConfigError> {
        Self::parse_owning(text, name).map(|(config, _)| config)
    }

    fn parse_owning(text: &str, name: &Path) -> Result<(Self, Vec<Own>), ConfigError> {
        if text.len() > MAX_BYTES {
            let remedy = "give a station's configuration";
            return Err(ConfigError::whole(name, "this file is larger than 1 MiB", remedy));
        }
        let document = Document::parse(text, name)?;
        let config = Self::read(&document, name.parent().unwrap_or(Path::new("")));
        // Now it is known which keys mean something.
        unknown::complain(&document);
        let own = config.as_ref().map(|config| {
            let evidence = config.evidence.as_ref().map(|it| it.folder.as_path());
            let secret = config.hub.login.own();
            let (id, outbox) = (&config.station.id, &config.outbox.file);
            let mut own = together::own(&document, id, outbox, evidence, secret, &config.source);
            let points = points::own(&document, config.trigger.as_ref(), config.outputs.as_ref());
            points::refuse_twice(&document, &points);
            own.extend(points);
            own
        });
        Ok((document.finish(config)?, own.unwrap_or_default()))
    }

    /// Every part is read before any may be missing, so that all faults are found.
    fn read(document: &Document<'_>, folder: &Path) -> Option<Self> {
        let station = station::read(document);
        let source = source::read(document, folder);
        let items = items::read(document);
        let trigger = plant::read_trigger(document, folder, source.as_ref(), &items.mode);
        let outputs = plant::read_outputs(document, folder);
        let model = model::read(document, folder);
        let severities = model::read_severities(document);
        let incidents = incidents::read(document);
        let evidence = storage::read_evidence(document, folder);
        let outbox = storage::read_outbox(document, folder);
        let id = station.as_ref().map(|station| station.id.as_str());
        let hub = hub::read(document, folder, login::read(document, folder, id, &outbox.file));
        let log = log::read(document);
        Some(Self {
            station: station?,
            source: source?,
            items,
            trigger,
            outputs,
            model: model?,
            severities,
            incidents,
            evidence,
            outbox,
            hub,
            log,
            paused: false,
        })
    }
}

/// One byte more than is allowed at most, for the size to be refused where its limit stands.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
