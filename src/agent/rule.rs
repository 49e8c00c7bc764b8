//! From a configuration and a model pack to what makes a finding a defect.

use std::path::PathBuf;

use crate::{
    config::Config,
    inspection::{Confidence, Pack},
    items::Rule,
};

/// The configuration speaks of labels that the pack does not have.
#[derive(Debug, thiserror::Error)]
#[error(
    "[model.thresholds] or [severity.labels] names {}, which the model pack {} does not know; its labels are {}",
    unknown.join(", "),
    pack.display(),
    known.join(", ")
)]
pub struct UnknownLabels {
    /// In [model.thresholds] or [severity.labels].
    pub unknown: Vec<String>,
    /// The pack's.
    pub known: Vec<String>,
    /// Its folder.
    pub pack: PathBuf,
}

/// The configuration's thresholds over the pack's, and its severities.
///
/// # Errors
/// When the configuration names a label that the pack does not have.
pub fn rule(config: &Config, pack: &Pack) -> Result<Rule, UnknownLabels> {
    let is_unknown = |label: &&String| !pack.labels().contains(label);
    let named = config.model.thresholds.keys().chain(config.severities.by_label.keys());
    let mut unknown: Vec<String> = named.filter(is_unknown).cloned().collect();
    unknown.dedup();
    if !unknown.is_empty() {
        let (known, pack) = (pack.labels().to_vec(), config.model.pack.clone());
        return Err(UnknownLabels { unknown, known, pack });
    }
    let threshold_of = |label: &String| {
        let own = config.model.thresholds.get(label).copied().or(config.model.threshold);
        own.unwrap_or_else(|| pack.threshold(label))
    };
    Ok(Rule {
        // Every finding bears one of the pack's labels, each of which has a threshold below.
        threshold: config.model.threshold.unwrap_or(Confidence::CERTAIN),
        thresholds: pack.labels().iter().map(|label| (label.clone(), threshold_of(label))).collect(),
        severity: config.severities.other,
        severities: config.severities.by_label.clone(),
        frames_enough: config.items.frames_enough,
    })
}
