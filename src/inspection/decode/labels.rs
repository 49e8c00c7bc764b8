//! A label for the whole picture.

use std::sync::Arc;

use crate::inspection::{Confidence, Finding};

/// Every label but the good ones that reaches the floor, surest first.
pub(super) fn findings(
    probabilities: &[f32],
    labels: &[Arc<str>],
    ok_labels: &[String],
    floor: Confidence,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = labels
        .iter()
        .zip(probabilities)
        .filter(|(label, value)| **value >= floor.value() && !ok_labels.iter().any(|ok| **ok == ***label))
        .filter_map(|(label, value)| Finding::scored(label, *value, None))
        .collect();
    found.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
    found
}

/// Logits to probabilities; the greatest logit is taken away first, so that none overflows.
pub(super) fn softmax(logits: &[f32]) -> Vec<f32> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - greatest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_labels_are_no_findings() {
        let labels: Vec<Arc<str>> = vec!["good".into(), "scratch".into(), "dent".into()];
        let floor = Confidence::new(0.2).unwrap();
        let found = findings(&[0.9, 0.3, 0.5], &labels, &["good".to_owned()], floor);
        let names: Vec<_> = found.iter().map(|it| &*it.label).collect();
        assert_eq!(names, ["dent", "scratch"]);
    }

    #[test]
    fn softmax_survives_huge_logits() {
        let probabilities = softmax(&[1e30, 0.0, -1e30]);
        assert_eq!(probabilities, [1.0, 0.0, 0.0]);
    }
}
