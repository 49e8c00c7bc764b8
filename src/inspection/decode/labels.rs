//! A label for the whole picture.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, Task, pick},
    scores::softmax,
};
use crate::inspection::Finding;

/// One tensor [1, labels] of probabilities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Probabilities {
    name: Option<String>,
    /// Labels that are no finding.
    ok_labels: Vec<String>,
}

/// One tensor [1, labels] of logits, of which softmax makes probabilities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Logits {
    name: Option<String>,
    /// Labels that are no finding.
    ok_labels: Vec<String>,
}

impl Decode for Probabilities {
    fn task(&self) -> Task {
        Task::Classify
    }

    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, labels: &[String]) -> Vec<String> {
        faults(&self.ok_labels, labels)
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let probabilities = one_for_each_label(answers, scene)?;
        Ok(findings(probabilities, &self.ok_labels, scene))
    }
}

impl Decode for Logits {
    fn task(&self) -> Task {
        Task::Classify
    }

    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, labels: &[String]) -> Vec<String> {
        faults(&self.ok_labels, labels)
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let logits = one_for_each_label(answers, scene)?;
        Ok(findings(&softmax(logits), &self.ok_labels, scene))
    }
}

fn faults(ok_labels: &[String], labels: &[String]) -> Vec<String> {
    let mut faults = Faults::default();
    faults.known("ok_labels", ok_labels, labels);
    faults.0
}

/// Some exports keep the picture's axes at length 1: [1, labels, 1, 1].
fn one_for_each_label<'a>(answers: &[Answer<'a>], scene: &Scene<'_>) -> Result<&'a [f32], DecodeError> {
    let labels = scene.labels.len();
    match answers {
        [answer] if answer.values.len() == labels && answer.shape.contains(&labels) => Ok(answer.values),
        _ => mismatch(answers, 0, format_args!("[1, {labels}]")),
    }
}

/// Every label but the good ones that reaches the floor, surest first.
fn findings(probabilities: &[f32], ok_labels: &[String], scene: &Scene<'_>) -> Meaning {
    let mut findings: Vec<Finding> = scene
        .labels
        .iter()
        .zip(probabilities)
        .filter(|(label, value)| {
            **value >= scene.floor.value() && !ok_labels.iter().any(|ok| **ok == ***label)
        })
        .filter_map(|(label, value)| Finding::scored(label, *value, None))
        .collect();
    findings.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
    Meaning { findings, score: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inspection::Confidence;

    #[test]
    fn good_labels_are_no_findings() {
        let labels: Vec<Arc<str>> = vec!["good".into(), "scratch".into(), "dent".into()];
        let scene = Scene { labels: &labels, input: [16, 16], floor: Confidence::new(0.2).unwrap() };
        let found = findings(&[0.9, 0.3, 0.5], &["good".to_owned()], &scene).findings;
        let names: Vec<_> = found.iter().map(|it| &*it.label).collect();
        assert_eq!(names, ["dent", "scratch"]);
    }
}
