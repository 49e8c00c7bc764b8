//! What delivery needs of a hub.

use std::{error::Error, future::Future, time::Instant};

use crate::outbox::Entry;

/// Makes sessions with the hub, one after the other.
pub trait Link: Send {
    /// A session that this link makes.
    type Session: Session;

    /// Connects and logs in, in bounded time. Every error is worth another try after a pause.
    fn connect(
        &mut self,
    ) -> impl Future<Output = Result<Self::Session, <Self::Session as Session>::Error>> + Send;
}

/// One login at the hub. Whatever it has not acknowledged when it is dropped counts as unsent.
pub trait Session: Send {
    /// Why the session broke; its text is shown to people, with what they can do.
    type Error: Error + Send;

    /// Hands a report to the network, after those handed over before; does not wait.
    ///
    /// # Errors
    /// When the hub could never take this report, in whatever session.
    fn publish(&mut self, entry: &Entry) -> Result<(), Unsendable>;

    /// Waits for PUBACKs; the sequence numbers of all that are there, at least one. Loses none when it is dropped
    /// before it is ready.
    fn acknowledged(&mut self) -> impl Future<Output = Result<Vec<u64>, Self::Error>> + Send;

    /// When the session should be replaced by a new one, before the hub ends it.
    fn renewal(&self) -> Option<Instant>;

    /// Says good-bye, in bounded time.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Why the hub can never take a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsendable(pub String);
