//! `[incidents]`: when like defects are one incident, and what a person is told of it.

use std::time::Duration;

use super::{
    document::Document,
    value::{growing, whole},
};
use crate::report::IncidentRule;

/// More updates than anybody reads about one incident.
const MOST_UPDATES: usize = 32;

/// More items than a line makes in years.
const LARGEST_COUNT: u64 = 1_000_000_000;

pub(super) fn read(document: &Document<'_>) -> IncidentRule {
    let usual = IncidentRule { quiet: Duration::from_secs(600), updates: vec![10, 100, 1000] };
    read_over(document, &usual)
}

/// What is written, in place of `usual`.
pub(super) fn read_over(document: &Document<'_>, usual: &IncidentRule) -> IncidentRule {
    let section = document.section("incidents");
    let minutes: Option<u64> = section.optional("quiet_minutes", whole(1..=1440, "minutes"));
    let counts = growing(2..=LARGEST_COUNT, MOST_UPDATES);
    IncidentRule {
        quiet: minutes.map_or(usual.quiet, |minutes| Duration::from_secs(60 * minutes)),
        updates: section.optional("update_counts", counts).unwrap_or_else(|| usual.updates.clone()),
    }
}
