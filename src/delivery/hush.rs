//! How often the log is told that the hub is away.

use std::time::{Duration, Instant};

/// A check-list is read once; further ones would only push other messages out of the journal.
const SILENCE: Duration = Duration::from_secs(60);

/// Lets one message through a minute.
#[derive(Debug, Default)]
pub(super) struct Hush {
    spoke: Option<Instant>,
    held: u64,
}

impl Hush {
    /// Whether a message may be told now; how many were held back since the last one.
    pub(super) fn speak(&mut self, now: Instant) -> Option<u64> {
        if self.spoke.is_some_and(|spoke| now.saturating_duration_since(spoke) < SILENCE) {
            self.held += 1;
            return None;
        }
        self.spoke = Some(now);
        Some(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_a_minute_is_told_and_the_others_are_counted() {
        let (mut hush, start) = (Hush::default(), Instant::now());
        let told: Vec<_> =
            [0, 1, 3, 59, 60, 61, 500].map(|it| hush.speak(start + Duration::from_secs(it))).to_vec();
        assert_eq!(told, [Some(0), None, None, None, Some(3), None, Some(1)]);
    }
}
