//! What leaves the station about an NG item, and which incident it belongs to.

mod clock;
mod incidents;
mod reporter;

pub use clock::{clock_state, corrected, is_known_wrong};
pub use incidents::{IncidentRule, Incidents, OpenIncident};
pub use reporter::{Draft, Origin, Reporter};
