//! From stations' configurations to their parts.

use std::{fs, path::PathBuf, sync::Arc};

use andon_telemetry::Agent;

use crate::{
    agent::{
        events::Log,
        parts::Parts,
        rule::{UnknownLabels, rule},
        threads::Place,
        tuning::Tuning,
    },
    camera::{Folder, FrameSource, UsbCamera},
    config::{self, Config, LoginError},
    delivery::Pace,
    evidence::{Evidence, EvidenceError, EvidenceSettings},
    hub::{Hub, Identity, TrustError},
    inspection::{Engine, Model, Pack, PackError},
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
    #[error(transparent)]
    Labels(#[from] UnknownLabels),
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The evidence folder cannot be used.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It is not known who a station is at its hub.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Two stations would log in as one device, of which IoT Hub allows one connection.
    #[error(
        "the stations {first} and {second} are the same device, {device}; register a device for each, and give each its own connection string or registration in [hub]"
    )]
    SameDevice {
        /// A station's id.
        first: String,
        /// Another's.
        second: String,
        /// Who that is at the hub.
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
        rule(config, model.pack())?;
        let link = Hub::new(identity, config.hub.settings.clone())?;
        Ok(Station { config: config.clone(), place, model, link })
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
        let Self { config, model, mut link, .. } = self;
        let tuning = Tuning::open(config.clone(), Arc::clone(&model))?;
        let (outbox, opening) = Outbox::open(&config.outbox.file, config.outbox.limits)?;
        tell(&opening);
        let evidence = config.evidence.map(|evidence| {
            let limit_bytes = tuning.settings().evidence_bytes.unwrap_or(evidence.limit_bytes);
            Evidence::start(EvidenceSettings { folder: evidence.folder, limit_bytes })
        });
        Ok(Parts {
            source: source(&config.source),
            mode: config.items.mode,
            trigger: config.trigger,
            outputs: config.outputs,
            tuning,
            origin: origin(config.station, model.pack()),
            model,
            evidence: evidence.transpose()?,
            outbox,
            desk: link.desk(),
            link,
            pace: Pace { window: config.hub.window, ..Pace::default() },
            listener: Arc::new(Log),
        })
    }
}

/// Who the stations are at the hub.
///
/// # Errors
/// When a secret cannot be used, or two stations are one device.
pub fn identities(stations: &[Config]) -> Result<Vec<Identity>, AssemblyError> {
    let identities: Result<Vec<_>, _> = stations.iter().map(|it| it.hub.login.read()).collect();
    let identities = identities?;
    for (number, identity) in identities.iter().enumerate() {
        let is_same = |it: &Identity| it.is_same_device(identity);
        if let Some(first) = identities[..number].iter().position(is_same) {
            let id = |number: usize| stations[number].station.id.clone();
            let device = identity.to_string();
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
    let model = Arc::new(Model::load(pack, &engine)?);
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
