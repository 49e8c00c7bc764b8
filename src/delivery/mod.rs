//! From the outbox to the hub: a bounded window in flight, each report matched to its PUBACK, everything
//! unacknowledged unsent again after any error.
//!
//! The hub's side is behind [`Link`] and [`Session`], as the stages must not know those after them.

mod backoff;
mod hush;
mod courier;
mod link;
mod state;
mod window;

#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use courier::{Delivery, Pace};
pub use link::{Link, Session, Unsendable};
pub use state::{Counters, Counts, State};
