//! Builds the parts, starts them, watches over them, stops them.
//!
//! ```text
//!               a station's                                        a station's
//! camera's thread ─looks─▶ pool's workers ─findings─▶ judge's thread ─report─▶ outbox ═▶ delivery's thread
//!        └───────────────── Pulse ─────────────────────────┴─────▶ this thread: watchdog, status, stop
//! ```
//!
//! Invariant: after [`run`] every item that a source showed has its verdict and every report is on disk, unless the
//! disk refused it; those are counted.

mod threads;
mod stop;
mod events;
mod pulse;
mod numbers;
mod rule;
mod overrides;
mod tuning;
mod parts;
mod controls;
mod watching;
mod judging;
mod delivering;
mod orders;
mod self_report;
mod steering;
mod station;
mod supervision;
mod assembly;

use std::time::Duration;

use crate::{delivery::Link, pool::Pool, systemd::Systemd};

pub use assembly::{AssemblyError, Prepared, assemble, identities, prepare, source};
pub use events::{Listener, Log};
pub use overrides::Overrides;
pub use parts::Parts;
pub use rule::{UnknownLabels, rule};
pub use station::Outcome;
pub use stop::Stop;
pub use threads::AgentError;
pub use tuning::Tuning;

use station::Station;
use supervision::Supervision;
use threads::{Place, spawn};

/// When a stop is asked for, looks that wait are inspected for so long; the whole stop may take 5 s.
const LAST_LOOKS: Duration = Duration::from_secs(1);

/// Runs stations on one pool of so many workers until their sources end or `stop` is set. A station whose source has
/// ended delivers until the others have ended too; then all wait a while for their last PUBACKs. The outcomes stand
/// in the order of the stations.
///
/// # Errors
/// When a thread cannot be started, or one ended by a bug; then the process should end too, and be started again.
pub fn run<L: Link + Send + 'static>(
    stations: Vec<Parts<L>>,
    workers: usize,
    systemd: Systemd,
    stop: &Stop,
) -> Result<Vec<Outcome>, AgentError> {
    let pool = Pool::new(workers);
    let sensing = Stop::default();
    let is_alone = stations.len() == 1;
    let workers = pool.workers().into_iter().map(|worker| spawn("worker", &Place::alone(), || worker.work()));
    let workers = workers.collect::<Result<Vec<_>, _>>()?;
    let started = stations.into_iter().map(|parts| {
        let place = if is_alone { Place::alone() } else { Place::of(&parts.origin.station.id) };
        Station::start(parts, &pool, &sensing, &place)
    });
    let mut stations = started.collect::<Result<Vec<_>, _>>()?;

    let supervision = Supervision { systemd, stop: stop.clone() };
    supervision.watch(&mut stations, &workers);
    sensing.set();
    if stop.is_set() {
        pool.hurry(LAST_LOOKS);
    }
    if workers.iter().any(|it| it.is_finished()) {
        // Looks that a worker has taken with it would be waited for for ever.
        pool.abandon();
    }
    let mut finished: Vec<_> = stations.into_iter().map(Station::finish_sensing).collect();
    pool.close();
    let worked: Vec<_> =
        workers.into_iter().map(|it| it.join().map_err(|_| AgentError::Bug("worker"))).collect();
    supervision.drain(&finished);
    finished.iter_mut().for_each(|it| it.ask_to_stop());
    let outcomes: Vec<_> = finished.into_iter().map(|it| it.conclude()).collect();
    worked.into_iter().collect::<Result<(), _>>()?;
    outcomes.into_iter().collect()
}
