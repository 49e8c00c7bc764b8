//! What leaves the station about an NG item, and which incident it belongs to.

mod time_service;
mod clock;
mod incidents;
mod reporter;

pub use clock::{corrected, is_known_wrong};
pub use incidents::{IncidentRule, Incidents, OpenIncident};
pub use reporter::{Draft, Origin, Reporter};
pub use time_service::{ask_time_service, clock_state, follow_time_service};
