//! Who gives way when the outbox is full.

use rusqlite::{Connection, OptionalExtension};

use super::{Limits, OutboxError, counters::counter};

/// Drops waiting reports until one of `bytes` fits; how many. A repetition within an incident goes first, as the
/// supervisor knows of its incident already; then the oldest.
pub(super) fn make(connection: &Connection, limits: Limits, bytes: u64) -> Result<u64, OutboxError> {
    if bytes > limits.bytes {
        return Err(OutboxError::TooLarge { bytes, limit: limits.bytes });
    }
    let mut dropped = 0;
    while counter(connection, "waiting_reports")? + 1 > limits.reports.max(1)
        || counter(connection, "waiting_bytes")? + bytes > limits.bytes
    {
        let Some(victim) = victim(connection)? else { break };
        connection.execute("DELETE FROM report WHERE sequence = ?1", [victim])?;
        dropped += 1;
    }
    Ok(dropped)
}

fn victim(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    for sql in ["SELECT min(sequence) FROM report WHERE repeats = 1", "SELECT min(sequence) FROM report"] {
        let oldest: Option<Option<i64>> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
        if let Some(Some(sequence)) = oldest {
            return Ok(Some(sequence));
        }
    }
    Ok(None)
}
