//! From stations' configurations to their parts.

use std::{fs, path::PathBuf, sync::Arc};

use andon_telemetry::Agent;

use crate::{
    agent::{events::Log, parts::Parts, threads::Place},
    camera::{Folder, FrameSource, UsbCamera},
    config::{self, Config, SecretError},
    delivery::Pace,
    evidence::{Evidence, EvidenceError, EvidenceSettings},
    hub::{Hub, Identity, TrustError},
    inspection::{Engine, Model, Pack, PackError},
    items::Rule,
    outbox::{Opening, Outbox, OutboxError},
    report::Origin,
};

/// Why the parts cannot be built; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The model pack is refused.
    #[error("the model pack is refused: {0}")]
    Pack(#[from] PackError),
    /// The configuration speaks of labels that the pack does not have.
    #[error("{}", unknown_labels(.unknown, .known, .pack))]
    Labels {
        /// In [model.thresholds] or [severity.labels].
        unknown: Vec<String>,
        /// The pack's.
        known: Vec<String>,
        /// Its folder.
        pack: PathBuf,
    },
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The evidence folder cannot be used.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The connection string cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Two stations would log in as one device, of which IoT Hub allows one connection.
    #[error(
        "the stations {first} and {second} have the connection string of the same device, {device}; register a device for each, and name its file in [hub] connection_string_file"
    )]
    SameDevice {
        /// A station's id.
        first: String,
        /// Another's.
        second: String,
        /// Its id at the hub.
        device: String,
    },
    /// The certificate authorities cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Stations of which everything was looked at that can be without taking it: see [`prepare`].
pub struct Prepared(Vec<Station>);

struct Station {
    config: Config,
    place: Place,
    model: Arc<Model>,
    rule: Rule,
    link: Hub,
}

/// Builds the parts of stations that run in one process: see [`prepare`] and [`Prepared::open`].
///
/// # Errors
/// Says which part cannot be built and what to do.
pub fn assemble(stations: &[Config]) -> Result<Vec<Parts<Hub>>, AssemblyError> {
    prepare(stations)?.open()
}

/// Loads and checks each model pack once, reads secrets and authorities, compares labels. Takes nothing that stations
/// which run now may hold.
///
/// # Errors
/// Says what cannot be used and what to do.
pub fn prepare(stations: &[Config]) -> Result<Prepared, AssemblyError> {
    let identities = identities(stations)?;
    let mut models = Vec::new();
    let prepare = |(config, identity): (&Config, Identity)| {
        // What it starts says in the log whose it is.
        let place = if stations.len() == 1 { Place::alone() } else { Place::of(&config.station.id) };
        let model = load(config, &mut models)?;
        let rule = rule(config, model.pack())?;
        let link = Hub::new(identity, config.hub.settings.clone())?;
        Ok(Station { config: config.clone(), place, model, rule, link })
    };
    stations.iter().zip(identities).map(prepare).collect::<Result<_, _>>().map(Prepared)
}

impl Prepared {
    /// Opens outboxes and evidence folders and makes the parts; nothing is sent.
    ///
    /// # Errors
    /// Says which part cannot be opened and what to do.
    pub fn open(self) -> Result<Vec<Parts<Hub>>, AssemblyError> {
        let open = |station: Station| station.place.span.clone().in_scope(|| station.open());
        self.0.into_iter().map(open).collect()
    }
}

impl Station {
    fn open(self) -> Result<Parts<Hub>, AssemblyError> {
        let Self { config, model, rule, link, .. } = self;
        let (outbox, opening) = Outbox::open(&config.outbox.file, config.outbox.limits)?;
        tell(&opening);
        let evidence = config.evidence.map(|evidence| {
            let (folder, limit_bytes) = (evidence.folder, evidence.limit_bytes);
            Evidence::start(EvidenceSettings { folder, limit_bytes })
        });
        Ok(Parts {
            source: source(&config.source),
            mode: config.items.mode,
            trigger: config.trigger,
            outputs: config.outputs,
            rule,
            origin: origin(config.station, model.pack()),
            incidents: config.incidents,
            model,
            evidence: evidence.transpose()?,
            outbox,
            link,
            pace: Pace { window: config.hub.window, ..Pace::default() },
            listener: Arc::new(Log),
        })
    }
}

/// Who the stations are at the hub.
///
/// # Errors
/// When a connection string cannot be used, or two are those of one device.
pub fn identities(stations: &[Config]) -> Result<Vec<Identity>, AssemblyError> {
    let identities: Result<Vec<_>, _> = stations.iter().map(|it| it.hub.connection_string.read()).collect();
    let identities = identities?;
    for (number, identity) in identities.iter().enumerate() {
        let is_same = |it: &Identity| it.device() == identity.device() && it.host() == identity.host();
        if let Some(first) = identities[..number].iter().position(is_same) {
            let id = |number: usize| stations[number].station.id.clone();
            let device = identity.device().to_owned();
            return Err(AssemblyError::SameDevice { first: id(first), second: id(number), device });
        }
    }
    Ok(identities)
}

/// The model of a station's pack, loaded if none of the stations before has loaded it for the same engine.
fn load(
    config: &Config,
    loaded: &mut Vec<(PathBuf, Engine, Arc<Model>)>,
) -> Result<Arc<Model>, AssemblyError> {
    let (pack, engine) = (&config.model.pack, config.model.engine());
    let folder = fs::canonicalize(pack).unwrap_or_else(|_| pack.to_owned());
    if let Some((.., model)) = loaded.iter().find(|(it, by, _)| *it == folder && *by == engine) {
        return Ok(Arc::clone(model));
    }
    let model = Arc::new(Model::load_for(pack, &engine)?);
    loaded.push((folder, engine, Arc::clone(&model)));
    Ok(model)
}

/// The source that the configuration names.
#[must_use]
pub fn source(source: &config::Source) -> Box<dyn FrameSource> {
    match source {
        config::Source::Folder { path, pace, repeat } => Box::new(Folder::new(path, *pace, *repeat)),
        config::Source::Usb(settings) => Box::new(UsbCamera::start(settings)),
    }
}

/// The configuration's thresholds over the pack's, and its severities.
///
/// # Errors
/// When the configuration names a label that the pack does not have.
pub fn rule(config: &Config, pack: &Pack) -> Result<Rule, AssemblyError> {
    let is_unknown = |label: &&String| !pack.labels().contains(label);
    let named = config.model.thresholds.keys().chain(config.severities.by_label.keys());
    let mut unknown: Vec<String> = named.filter(is_unknown).cloned().collect();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(AssemblyError::Labels {
            unknown,
            known: pack.labels().to_vec(),
            pack: config.model.pack.clone(),
        });
    }
    let threshold_of = |label: &String| {
        let own = config.model.thresholds.get(label).copied().or(config.model.threshold);
        own.unwrap_or_else(|| pack.threshold(label))
    };
    Ok(Rule {
        // Every finding bears one of the pack's labels, each of which has a threshold below.
        threshold: config.model.threshold.unwrap_or(crate::inspection::Confidence::CERTAIN),
        thresholds: pack.labels().iter().map(|label| (label.clone(), threshold_of(label))).collect(),
        severity: config.severities.other,
        severities: config.severities.by_label.clone(),
        frames_enough: config.items.frames_enough,
    })
}

fn origin(station: andon_telemetry::Station, pack: &Pack) -> Origin {
    let (name, version) = (pack.name().to_owned(), pack.version().to_owned());
    Origin {
        station,
        agent: Agent { version: env!("CARGO_PKG_VERSION").to_owned() },
        model: andon_telemetry::Model { name, version, sha256: pack.sha256() },
    }
}

fn tell(opening: &Opening) {
    match opening {
        Opening::Fresh => tracing::info!("a new outbox was made"),
        Opening::Resumed { waiting } => tracing::info!("{waiting} reports from before wait for the hub"),
        Opening::SetAside { to, reason } => tracing::error!(
            "the outbox was damaged ({reason}) and was renamed to {}; a new one was made",
            to.display()
        ),
    }
}

fn unknown_labels(unknown: &[String], known: &[String], pack: &std::path::Path) -> String {
    format!(
        "[model.thresholds] or [severity.labels] names {}, which the model pack {} does not know; its labels are {}",
        unknown.join(", "),
        pack.display(),
        known.join(", ")
    )
}
