//! How the station proves who it is, and for how long.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use azure_iot_sdk::{DeviceKeyTokenSource, TokenSource};
use chrono::DateTime;

/// The largest part of a token's life that is given up to replace it before the hub ends the connection.
const LONGEST_MARGIN: Duration = Duration::from_secs(120);

/// A shared access signature: the password of one login.
pub(super) struct Token {
    text: String,
    renewal: Instant,
}

impl Token {
    /// Signs a token that is good for `life` from now, whatever the station's clock believes to be now. `jitter` in
    /// 0..1 keeps stations that started together from renewing together.
    pub(super) fn sign(source: &DeviceKeyTokenSource, life: Duration, jitter: f64) -> Self {
        let (monotonic, wall) = (Instant::now(), SystemTime::now());
        let expiry = wall.duration_since(UNIX_EPOCH).unwrap_or_default() + life;
        // The hub counts in whole seconds; rounded up, or a short life would end before its renewal.
        let seconds = i64::try_from(expiry.as_secs().saturating_add(1)).unwrap_or(i64::MAX);
        let expiry = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
        Self { text: source.get(&expiry), renewal: monotonic + renewal_after(life, jitter) }
    }

    /// The password itself.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// When to log in anew.
    pub(super) fn renewal(&self) -> Instant {
        self.renewal
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("renewal", &self.renewal).finish_non_exhaustive()
    }
}

/// A token is used for three quarters of its life at least, and up to two minutes before its end at most.
fn renewal_after(life: Duration, jitter: f64) -> Duration {
    let margin = LONGEST_MARGIN.min(life / 8);
    life.saturating_sub(margin + margin.mul_f64(jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::device::{Device, Proof};

    fn source(connection_string: &str) -> DeviceKeyTokenSource {
        match Device::parse(connection_string).unwrap().proof {
            Proof::Key(source) => source,
            Proof::Certificate => panic!("it has a key"),
        }
    }

    /// The known answer of the token source's own documentation, through our way of feeding it.
    #[test]
    fn a_token_is_signed_as_the_hub_expects_it() {
        let text = "HostName=h.example;DeviceId=a:b@c;SharedAccessKey=c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
        let token = Token::sign(&source(text), Duration::from_secs(60), 0.0);
        let start = "SharedAccessSignature sr=h.example%2Fdevices%2Fa%3Ab%40c&sig=";
        assert!(token.text().starts_with(start), "{}", token.text());
    }

    #[test]
    fn a_token_is_replaced_before_its_end() {
        for (life, jitter, expected) in
            [(3600, 0.0, 3480), (3600, 1.0, 3360), (80, 0.0, 70), (80, 1.0, 60), (0, 1.0, 0)]
        {
            let after = renewal_after(Duration::from_secs(life), jitter);
            assert_eq!(after.as_secs(), expected, "life {life} jitter {jitter}");
        }
    }

    #[test]
    fn a_token_is_not_shown_in_debug_output() {
        let token = Token::sign(
            &source("HostName=h;DeviceId=x;SharedAccessKey=c2VjcmV0"),
            Duration::from_secs(60),
            0.0,
        );
        assert!(!format!("{token:?}").contains("sig="));
    }
}
