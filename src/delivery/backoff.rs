//! How long to leave the hub in peace after an error.

use std::time::Duration;

/// Pauses that double from `shortest` to `longest` and start over only when the hub has acknowledged a report: a hub
/// over its quota accepts a login and cuts the connection right after, so a login proves nothing.
#[derive(Clone, Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts without failures.
    #[must_use]
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest: longest.max(shortest), failures: 0 }
    }

    /// Counts a failure; the pause after it. `jitter` in 0..1 spreads stations that lost the same hub at the same
    /// moment over the upper half of the pause.
    pub fn failed(&mut self, jitter: f64) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).and_then(|factor| self.shortest.checked_mul(factor));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.unwrap_or(self.longest).min(self.longest);
        whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// The hub acknowledged a report.
    pub fn acknowledged(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last acknowledged report.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_secs(1), Duration::from_secs(300))
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = backoff();
        let pauses: Vec<u64> = (0..12).map(|_| backoff.failed(1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn jitter_takes_at_most_half_of_a_pause() {
        for (jitter, milliseconds) in [(0.0, 500), (0.5, 750), (1.0, 1000), (-3.0, 500), (7.0, 1000)] {
            assert_eq!(backoff().failed(jitter).as_millis(), milliseconds, "jitter {jitter}");
        }
    }

    #[test]
    fn only_an_acknowledged_report_starts_over() {
        let mut backoff = backoff();
        backoff.failed(1.0);
        backoff.failed(1.0);
        backoff.acknowledged();
        assert_eq!((backoff.failures(), backoff.failed(1.0).as_secs()), (0, 1));
    }

    #[test]
    fn a_year_of_failures_neither_overflows_nor_exceeds_the_longest_pause() {
        let mut backoff = backoff();
        assert!((0..200_000).all(|_| backoff.failed(1.0) <= Duration::from_secs(300)));
    }
}
