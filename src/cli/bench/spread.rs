//! How durations are spread.

use std::time::Duration;

/// Percentiles by nearest rank and the maximum, in milliseconds: values that were seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one duration; of none all is 0.
    pub(super) fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut durations: Vec<Duration> = durations.into_iter().collect();
        durations.sort_unstable();
        let rank = |share: f64| {
            let at = ((share * durations.len() as f64).ceil() as usize).max(1) - 1;
            milliseconds(durations.get(at).copied().unwrap_or_default())
        };
        Self { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1.0) }
    }
}

/// Down to whole microseconds.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// For people: a digit behind the point.
pub(super) fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_values_that_were_seen() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis));
        assert_eq!(spread, Spread { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 });
        let single = Spread::of([Duration::from_micros(1_500)]);
        assert_eq!(single, Spread { p50: 1.5, p90: 1.5, p99: 1.5, max: 1.5 });
    }
}
