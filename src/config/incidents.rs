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
    let section = document.section("incidents");
    let minutes: u64 = section.or(10, "quiet_minutes", whole(1..=1440, "minutes"));
    let counts = growing(2..=LARGEST_COUNT, MOST_UPDATES);
    IncidentRule {
        quiet: Duration::from_secs(60 * minutes),
        updates: section.optional("update_counts", counts).unwrap_or_else(|| vec![10, 100, 1000]),
    }
}
