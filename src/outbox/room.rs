//! Who gives way when the outbox is full.

use andon_telemetry::Notify;
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::{
    Limits, OutboxError,
    counters::{counter, signed},
};

/// What it cost to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) dropped: u64,
    pub(super) folded: u64,
    /// The lowest and the highest sequence number that is missing now.
    pub(super) lost: Option<(u64, u64)>,
}

/// Whether a report of `bytes` could ever fit.
pub(super) fn check(limits: Limits, bytes: u64) -> Result<(), OutboxError> {
    if bytes > limits.bytes {
        return Err(OutboxError::TooLarge { bytes, limit: limits.bytes });
    }
    Ok(())
}

/// Makes room for the report `newest`, which stands among the others already. The newest follower within an incident is
/// folded into its predecessor first, as the count goes on in it; then repetitions go that nobody would be told about;
/// then the oldest.
pub(super) fn make(connection: &Connection, limits: Limits, newest: u64) -> Result<Cost, OutboxError> {
    let mut cost = Cost::default();
    while counter(connection, "waiting_reports")? > limits.reports.max(1)
        || counter(connection, "waiting_bytes")? > limits.bytes
    {
        let gone = match fold(connection)? {
            Some(folded) => {
                cost.folded += 1;
                folded
            }
            None => {
                let Some(victim) = victim(connection, newest)? else { break };
                cost.dropped += 1;
                victim
            }
        };
        connection.execute("DELETE FROM report WHERE sequence = ?1", [gone])?;
        let gone = u64::try_from(gone).unwrap_or(0);
        cost.lost =
            cost.lost.map_or(Some((gone, gone)), |(first, last)| Some((first.min(gone), last.max(gone))));
    }
    Ok(cost)
}

/// Hands the count of the newest follower to its predecessor; the follower's sequence number.
fn fold(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    loop {
        let sql =
            "SELECT sequence, incident, json FROM report WHERE follows = 1 ORDER BY sequence DESC LIMIT 1";
        let follower = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let Some((sequence, incident, json)) = follower.optional()? else { return Ok(None) };
        let (sequence, incident, json): (i64, Option<String>, String) = (sequence, incident, json);
        let sql = "SELECT sequence, json FROM report WHERE incident = ?1 AND sequence < ?2
                   ORDER BY sequence DESC LIMIT 1";
        let earlier = connection.query_row(sql, (incident, sequence), |row| Ok((row.get(0)?, row.get(1)?)));
        let earlier: Option<(i64, String)> = earlier.optional()?;
        if let Some((predecessor, old)) = earlier
            && let Some(new) = folded(&old, &json)
        {
            connection.execute(
                "UPDATE report SET json = ?2, repeats = repeats AND ?3 WHERE sequence = ?1",
                (predecessor, &new, is_repetition(&new)),
            )?;
            return Ok(Some(sequence));
        }
        // Its predecessor is with the hub by now.
        connection.execute("UPDATE report SET follows = 0 WHERE sequence = ?1", [sequence])?;
    }
}

/// The earlier report with the later one's count, and the louder of their words; `None` for what is no report.
fn folded(earlier: &str, later: &str) -> Option<String> {
    let (before, after) = (report(earlier)?, report(later)?);
    let mut json: Value = serde_json::from_str(earlier).ok()?;
    let incident = json.get_mut("incident")?;
    incident["count"] = after.incident.count.max(before.incident.count).into();
    if before.incident.notify == Notify::None {
        incident["notify"] = serde_json::to_value(after.incident.notify).ok()?;
    }
    Some(json.to_string())
}

fn is_repetition(json: &str) -> bool {
    report(json).is_some_and(|report| report.incident.notify == Notify::None)
}

fn report(json: &str) -> Option<andon_telemetry::Report> {
    andon_telemetry::read(json.as_bytes()).ok()
}

fn victim(connection: &Connection, newest: u64) -> rusqlite::Result<Option<i64>> {
    for sql in [
        "SELECT min(sequence) FROM report WHERE repeats = 1 AND sequence < ?1",
        "SELECT min(sequence) FROM report WHERE sequence < ?1",
    ] {
        let oldest: Option<Option<i64>> =
            connection.query_row(sql, [signed(newest)], |row| row.get(0)).optional()?;
        if let Some(Some(sequence)) = oldest {
            return Ok(Some(sequence));
        }
    }
    Ok(None)
}
