//! What is in force at a station: its file, and over it what was changed from afar.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use crate::{
    agent::{
        overrides::Overrides,
        rule::{UnknownLabels, rule},
    },
    config::{Config, TUNABLE},
    hub::{Desired, Properties},
    inspection::{Model, Region},
    items::Rule,
    report::IncidentRule,
};

/// A station's configuration as it is in force, and what became of each wish to change it.
pub struct Tuning {
    base: Config,
    model: Arc<Model>,
    file: PathBuf,
    overrides: Overrides,
    in_force: InForce,
    answers: BTreeMap<String, Verdict>,
}

#[derive(Clone)]
struct InForce {
    config: Config,
    rule: Rule,
}

/// What became of a desired property, in the form of IoT Plug and Play (concepts-convention).
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    code: u16,
    version: u64,
    reason: String,
}

/// What a station's threads need to know of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a finding is a defect.
    pub rule: Rule,
    /// When an incident ends.
    pub incidents: IncidentRule,
    /// The part of the picture that is looked at.
    pub region: Option<Region>,
    /// How much evidence may take; `None` where none is kept.
    pub evidence_bytes: Option<u64>,
    /// Whether nothing is inspected.
    pub paused: bool,
}

/// Desired properties of other names are answered, but not without end.
const MOST_STRANGERS: usize = 8;

/// The longest name of a stranger that is repeated.
const LONGEST_STRANGER: usize = 64;

impl Tuning {
    /// Reads what was changed from afar before. What does not hold any more, because the station's file or its model
    /// changed, is left out and told in the log.
    ///
    /// # Errors
    /// When the station's own file names labels that the pack does not have.
    pub fn open(base: Config, model: Arc<Model>) -> Result<Self, UnknownLabels> {
        let file = Overrides::file(&base.outbox.file);
        let overrides = Overrides::load(&file).unwrap_or_else(|error| {
            let aside = Overrides::set_aside(&file).map_or_else(
                |error| format!("it could not be renamed: {error}"),
                |to| format!("it was renamed to {}", to.display()),
            );
            tracing::error!(
                "what was changed from afar cannot be read from {} ({error}); {aside}. The station's own file is in \
                 force until the hub says it again",
                file.display()
            );
            Overrides::default()
        });
        let tuning = Self::with(base, model, overrides)?;
        for (name, verdict) in tuning.answers.iter().filter(|(_, verdict)| verdict.code != 200) {
            tracing::warn!("{name} was changed from afar and holds no more: {}", verdict.reason);
        }
        Ok(tuning)
    }

    /// What is in force with these changes; reads no file.
    ///
    /// # Errors
    /// When the station's own file names labels that the pack does not have.
    pub fn with(base: Config, model: Arc<Model>, overrides: Overrides) -> Result<Self, UnknownLabels> {
        let file = Overrides::file(&base.outbox.file);
        let in_force = InForce { rule: rule(&base, model.pack())?, config: base.clone() };
        let mut tuning = Self { base, model, file, overrides, in_force, answers: BTreeMap::new() };
        let desired =
            Desired { version: tuning.overrides.version, properties: tuning.overrides.properties.clone() };
        let (in_force, answers, properties) = tuning.judge(&desired, None);
        (tuning.in_force, tuning.answers, tuning.overrides.properties) = (in_force, answers, properties);
        Ok(tuning)
    }

    /// What is in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let InForce { config, rule } = &self.in_force;
        Settings {
            rule: rule.clone(),
            incidents: config.incidents.clone(),
            region: config.items.mode.region(),
            evidence_bytes: config.evidence.as_ref().map(|evidence| evidence.limit_bytes),
            paused: config.paused || self.overrides.paused,
        }
    }

    /// Takes the desired properties: what is right is in force afterwards and on disk, what is not leaves things as they
    /// were. `size` is the width and height of the station's pictures, if one was seen. [`Tuning::reported`] says what became of each.
    pub fn desire(&mut self, desired: &Desired, size: Option<[u32; 2]>) {
        let (in_force, mut answers, properties) = self.judge(desired, size);
        let overrides = Overrides { version: desired.version, properties, ..self.overrides.clone() };
        if overrides != self.overrides
            && let Err(error) = overrides.store(&self.file)
        {
            let reason = format!("cannot be stored on the station's disk, so nothing was changed: {error}");
            tracing::error!("what the hub wants {reason}");
            for verdict in answers.values_mut().filter(|verdict| verdict.code == 200) {
                *verdict = Verdict { code: 500, version: desired.version, reason: reason.clone() };
            }
            self.answers = answers;
            return;
        }
        for name in TUNABLE {
            let (old, new) = (self.in_force.config.tunable(name), in_force.config.tunable(name));
            if old != new {
                tracing::info!("{name} changed from afar from {old} to {new}");
            }
        }
        for (name, verdict) in answers.iter().filter(|(_, verdict)| verdict.code >= 400) {
            tracing::warn!("{name} was not changed from afar: {}", verdict.reason);
        }
        (self.in_force, self.answers, self.overrides) = (in_force, answers, overrides);
    }

    /// Pauses or resumes by a method.
    ///
    /// # Errors
    /// When it cannot be stored; then nothing has changed.
    pub fn pause(&mut self, paused: bool) -> Result<(), String> {
        let overrides = Overrides { paused, ..self.overrides.clone() };
        if overrides != self.overrides {
            overrides.store(&self.file).map_err(|error| format!("cannot be stored on the disk: {error}"))?;
            self.overrides = overrides;
        }
        Ok(())
    }

    /// Whether the desired property `paused` is in force.
    #[must_use]
    pub fn is_paused_by_property(&self) -> bool {
        self.in_force.config.paused
    }

    /// Each property that can be changed, as it is in force and with what became of the wish to change it.
    #[must_use]
    pub fn reported(&self) -> Properties {
        let strangers = self.answers.iter().map(|(name, verdict)| (name.clone(), verdict.tell(&json!(""))));
        let mut reported: Properties = strangers.collect();
        for name in TUNABLE {
            let own = Verdict { code: 203, version: 0, reason: "as in the station's file".to_owned() };
            let verdict = self.answers.get(name).unwrap_or(&own);
            reported.insert(name.to_owned(), verdict.tell(&self.in_force.config.tunable(name)));
        }
        reported
    }

    /// What was changed from afar, a line each.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let version = self.overrides.version;
        let config = &self.in_force.config;
        let told = |name: &String| format!("{name} is {} (version {version})", config.tunable(name));
        let mut lines: Vec<_> = self.overrides.properties.keys().map(told).collect();
        if self.overrides.paused {
            lines.push("paused by the method pause".to_owned());
        }
        lines
    }

    /// What would be in force, what is said of each wish, and which wishes are kept.
    fn judge(
        &self,
        desired: &Desired,
        size: Option<[u32; 2]>,
    ) -> (InForce, BTreeMap<String, Verdict>, Properties) {
        let (mut config, mut kept) = (self.base.clone(), Properties::new());
        let mut answers = self.strangers(desired);
        for name in TUNABLE {
            let Some(wish) = desired.properties.get(name) else { continue };
            let tried = self.attempt(&config, name, wish, size);
            let verdict = match &tried {
                Ok(_) => Verdict { code: 200, version: desired.version, reason: "in force".to_owned() },
                Err(reason) => Verdict { code: 400, version: desired.version, reason: reason.clone() },
            };
            answers.insert(name.to_owned(), verdict);
            // What is refused leaves in force what was there before it.
            let stands = tried.ok().map(|next| (next, wish)).or_else(|| {
                let old = self.overrides.properties.get(name)?;
                Some((self.attempt(&config, name, old, size).ok()?, old))
            });
            if let Some((next, value)) = stands {
                config = next;
                kept.insert(name.to_owned(), value.clone());
            }
        }
        // Whatever is in force was tried.
        let rule = rule(&config, self.model.pack()).unwrap_or_else(|_| self.in_force.rule.clone());
        (InForce { config, rule }, answers, kept)
    }

    fn attempt(
        &self,
        config: &Config,
        name: &str,
        value: &Value,
        size: Option<[u32; 2]>,
    ) -> Result<Config, String> {
        let tuned = config.tuned(name, value)?;
        if let (Some(size), Some(region), "region") = (size, tuned.items.mode.region(), name)
            && !region.is_within(size)
        {
            let [width, height] = size;
            return Err(format!(
                "it is not within the station's pictures, which have {width}x{height} pixels"
            ));
        }
        rule(&tuned, self.model.pack()).map_err(|error| {
            let (unknown, known) = (error.unknown.join(", "), error.known.join(", "));
            let reason = format!("the model does not know {unknown}; its labels are {known}");
            reason.chars().take(LONGEST_REASON).collect::<String>()
        })?;
        Ok(tuned)
    }

    fn strangers(&self, desired: &Desired) -> BTreeMap<String, Verdict> {
        let names = desired.properties.keys().filter(|name| !TUNABLE.contains(&name.as_str()));
        let short = names.filter(|name| name.len() <= LONGEST_STRANGER).take(MOST_STRANGERS);
        let reason = format!("there is no such property; there are {}", TUNABLE.join(", "));
        let verdict = Verdict { code: 404, version: desired.version, reason };
        short.map(|name| (name.clone(), verdict.clone())).collect()
    }
}

/// The longest reason that is reported, in characters.
const LONGEST_REASON: usize = 240;

impl Verdict {
    fn tell(&self, value: &Value) -> Value {
        json!({"value": value, "ac": self.code, "av": self.version, "ad": self.reason})
    }
}

#[cfg(test)]
mod tests;
