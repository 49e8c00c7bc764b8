//! From a model's raw numbers to scores.

/// The logistic function.
pub(super) fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Logits to probabilities; the greatest logit is taken away first, so that none overflows.
pub(super) fn softmax(logits: &[f32]) -> Vec<f32> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - greatest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The place and the value of the greatest score.
pub(super) fn surest(scores: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    scores.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_huge_logits() {
        let probabilities = softmax(&[1e30, 0.0, -1e30]);
        assert_eq!(probabilities, [1.0, 0.0, 0.0]);
    }
}
