//! How long the host waits after a failed invocation, and when it gives up.
//!
//! Strategies and keys: Microsoft Learn, "Azure Functions error handling and retries". The delays of the exponential
//! strategy: SDK source, `Timers/RandomizedExponentialBackoffStrategy.cs`.

use std::time::Duration;

use serde::Deserialize;

use crate::time_span;

/// What happens after a failed invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt; `None` for ever, from `maxRetryCount` -1.
    pub most: Option<u32>,
    strategy: Strategy,
}

#[derive(Debug, Clone, PartialEq)]
enum Strategy {
    Fixed(Duration),
    Exponential { least: Duration, most: Duration },
}

impl RetryPolicy {
    /// No retry at all: the Event Hubs trigger checkpoints a failed batch and goes on.
    pub fn none() -> Self {
        Self { most: Some(0), strategy: Strategy::Fixed(Duration::ZERO) }
    }

    /// Whether retry number `retry`, counted from 1, is still to be made.
    pub(crate) fn allows(&self, retry: u32) -> bool {
        self.most.is_none_or(|most| retry <= most)
    }

    /// The wait before retry number `retry`, counted from 1. `chance` is uniform in 0..1.
    pub(crate) fn delay(&self, retry: u32, chance: f64) -> Duration {
        match self.strategy {
            Strategy::Fixed(delay) => delay,
            Strategy::Exponential { least, most } if retry <= 1 => least.min(most),
            Strategy::Exponential { least, most } => {
                let growth = (0.8 + 0.4 * chance) * 2f64.powi(retry.min(34) as i32 - 2);
                let delay = least.as_secs_f64() * (1.0 + growth);
                Duration::from_secs_f64(delay.min(most.as_secs_f64()))
            }
        }
    }
}

/// `retry` in a `function.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "strategy")]
pub(crate) enum RawRetry {
    #[serde(rename_all = "camelCase")]
    FixedDelay {
        max_retry_count: i64,
        #[serde(deserialize_with = "time_span::deserialize")]
        delay_interval: Duration,
    },
    #[serde(rename_all = "camelCase")]
    ExponentialBackoff {
        max_retry_count: i64,
        #[serde(deserialize_with = "time_span::deserialize")]
        minimum_interval: Duration,
        #[serde(deserialize_with = "time_span::deserialize")]
        maximum_interval: Duration,
    },
}

impl TryFrom<RawRetry> for RetryPolicy {
    type Error = String;

    fn try_from(raw: RawRetry) -> Result<Self, String> {
        let (count, strategy) = match raw {
            RawRetry::FixedDelay { max_retry_count, delay_interval } => {
                (max_retry_count, Strategy::Fixed(delay_interval))
            }
            RawRetry::ExponentialBackoff { minimum_interval, maximum_interval, .. }
                if minimum_interval > maximum_interval =>
            {
                return Err("minimumInterval is longer than maximumInterval".to_owned());
            }
            RawRetry::ExponentialBackoff { max_retry_count, minimum_interval, maximum_interval } => {
                (max_retry_count, Strategy::Exponential { least: minimum_interval, most: maximum_interval })
            }
        };
        let most = match count {
            -1 => None,
            count => Some(
                u32::try_from(count).map_err(|_| format!("maxRetryCount is {count}; write -1, 0 or more"))?,
            ),
        };
        Ok(Self { most, strategy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Result<RetryPolicy, String> {
        let raw: RawRetry = serde_json::from_str(json).map_err(|error| error.to_string())?;
        RetryPolicy::try_from(raw)
    }

    #[test]
    fn the_exponential_delay_starts_at_the_least_doubles_and_stays_at_the_most() {
        let policy = policy(
            r#"{"strategy":"exponentialBackoff","maxRetryCount":10,"minimumInterval":"00:00:05","maximumInterval":"00:05:00"}"#,
        )
        .unwrap();
        let delays: Vec<f64> = (1..=10).map(|retry| policy.delay(retry, 0.5).as_secs_f64()).collect();
        assert_eq!(delays, [5.0, 10.0, 15.0, 25.0, 45.0, 85.0, 165.0, 300.0, 300.0, 300.0]);
        assert_eq!(policy.delay(3, 0.0).as_secs_f64(), 13.0);
        assert_eq!(policy.delay(u32::MAX, 1.0).as_secs_f64(), 300.0);
        assert!(policy.allows(10) && !policy.allows(11));
    }

    #[test]
    fn a_fixed_delay_stays_and_minus_one_never_ends() {
        let policy =
            policy(r#"{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:10"}"#).unwrap();
        assert_eq!(policy.delay(7, 0.9), Duration::from_secs(10));
        assert!(policy.allows(u32::MAX));
    }

    #[test]
    fn without_a_policy_there_is_no_retry() {
        assert!(!RetryPolicy::none().allows(1));
    }

    #[test]
    fn impossible_policies_are_refused() {
        for json in [
            r#"{"strategy":"exponentialBackoff","maxRetryCount":1,"minimumInterval":"00:01:00","maximumInterval":"00:00:05"}"#,
            r#"{"strategy":"fixedDelay","maxRetryCount":-2,"delayInterval":"00:00:10"}"#,
            r#"{"strategy":"fixedDelay","maxRetryCount":1,"delayInterval":"10"}"#,
            r#"{"strategy":"never","maxRetryCount":1}"#,
        ] {
            assert!(policy(json).is_err(), "{json}");
        }
    }
}
