//! The numbers that stand in the file beside the reports.

use rusqlite::{Connection, OptionalExtension};

pub(super) fn counter(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM counter WHERE name = ?1";
    // One that an earlier version did not know yet has counted nothing.
    let value: Option<i64> = connection.query_row(sql, [name], |row| row.get(0)).optional()?;
    Ok(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0))
}

pub(super) fn add(connection: &Connection, name: &str, more: u64) -> rusqlite::Result<()> {
    if more > 0 {
        connection.execute("UPDATE counter SET value = value + ?2 WHERE name = ?1", (name, signed(more)))?;
    }
    Ok(())
}

/// SQLite's integers are signed; no count of ours comes near their end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
