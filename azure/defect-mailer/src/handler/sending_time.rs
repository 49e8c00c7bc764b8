//! How long an invocation may send, and what time it is meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::health::after;

/// How long an invocation starts new mails. With the last mail's time-outs (twice 120 s at most) it ends well below
/// the `functionTimeout` of 10 minutes in host.json.
const SENDING: Duration = Duration::from_secs(120);

/// An invocation's time, in which it may send.
#[derive(Clone, Copy)]
pub(super) struct SendingTime {
    began: (Instant, Timestamp),
}

impl SendingTime {
    /// As soon as an invocation knows that it is now: what comes later is then later for it, too.
    pub(super) fn begin(now: Timestamp) -> Self {
        Self { began: (Instant::now(), now) }
    }

    pub(super) fn may_go_on(self) -> bool {
        self.began.0.elapsed() < SENDING
    }

    /// Pauses and rates count from when a mail goes, not from when the first of many did; and what others lay on the
    /// desk meanwhile is due as well.
    pub(super) fn now(self) -> Timestamp {
        let (instant, now) = self.began;
        after(now, instant.elapsed().try_into().unwrap_or_default())
    }
}
