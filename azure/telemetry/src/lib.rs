//! The report about one NG item, as JSON: the contract between a station and whoever reads its telemetry.
//!
//! The same contract is written down for other languages in `report.schema.json`, with golden examples in
//! `examples/`. Readers ignore fields they do not know; writers never drop one within a version.

mod read;
mod report;

pub use read::{ReadError, read};
pub use report::{
    Agent, Clock, Defect, Incident, Item, Model, Notify, Report, SCHEMA, Severity, Station, Uptime,
};

/// The largest report in bytes of JSON; larger ones are refused by [`read`] and never written by a station.
pub const MAX_BYTES: usize = 64 * 1024;
