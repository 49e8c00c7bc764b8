//! What stands in the file, and how it is made and recognised.
//!
//! `report` holds what waits, `counter` the totals and the next sequence number, `memo` small state that is stored
//! together with reports, `set_aside` the last reports that the hub can never take. A report that is deleted by hand
//! is forgotten and nothing else breaks: triggers keep the counters true.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// "ANDN": tells this file from other SQLite files (`file` and `PRAGMA application_id` show it).
pub(super) const APPLICATION_ID: i64 = 0x414E_444E;

/// The layout below.
pub(super) const LAYOUT: i64 = 2;

/// How long to wait for another process that looks at the file.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE report (
    sequence INTEGER PRIMARY KEY, -- order of this station's reports, from 1, without gaps
    report_id TEXT NOT NULL UNIQUE,
    properties TEXT NOT NULL,     -- JSON: [[name, value], ...]
    json TEXT NOT NULL,           -- the report as it will travel
    bytes INTEGER NOT NULL,       -- length of json and properties
    repeats INTEGER NOT NULL,     -- 1: a repetition within an incident that nobody would be told about
    stored_at TEXT NOT NULL,      -- RFC 3339 by the station's clock
    incident TEXT,                -- the id of its incident
    follows INTEGER NOT NULL DEFAULT 0 -- 1: an earlier report of its incident waited when it came
) STRICT;
CREATE INDEX repetition ON report (sequence) WHERE repeats = 1;
CREATE INDEX follower ON report (sequence) WHERE follows = 1;
CREATE INDEX incident ON report (incident, sequence);

CREATE TABLE set_aside (
    sequence INTEGER PRIMARY KEY,
    report_id TEXT NOT NULL,
    properties TEXT NOT NULL,
    json TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES
    ('next_sequence', 1), ('waiting_reports', 0), ('waiting_bytes', 0),
    ('acknowledged', 0), ('dropped', 0), ('folded', 0), ('set_aside', 0), ('purged', 0);

CREATE TABLE memo (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TRIGGER report_added AFTER INSERT ON report BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'waiting_reports';
    UPDATE counter SET value = value + NEW.bytes WHERE name = 'waiting_bytes';
END;
CREATE TRIGGER report_gone AFTER DELETE ON report BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'waiting_reports';
    UPDATE counter SET value = value - OLD.bytes WHERE name = 'waiting_bytes';
END;
";

/// From layout 1, which knew no incidents.
const FROM_1: &str = "
ALTER TABLE report ADD COLUMN incident TEXT;
ALTER TABLE report ADD COLUMN follows INTEGER NOT NULL DEFAULT 0;
UPDATE report SET incident = json_extract(json, '$.incident.id') WHERE json_valid(json);
UPDATE report SET follows = 1 WHERE EXISTS
    (SELECT 1 FROM report AS earlier WHERE earlier.incident = report.incident AND earlier.sequence < report.sequence);
CREATE INDEX follower ON report (sequence) WHERE follows = 1;
CREATE INDEX incident ON report (incident, sequence);
INSERT OR IGNORE INTO counter VALUES ('folded', 0);
PRAGMA user_version = 2;
";

/// What a file turned out to be.
pub(super) enum Kind {
    Fresh,
    Ours,
    Foreign,
    TooNew(i64),
    Damaged(String),
}

/// What each connection sets for itself. Durability first: a commit is on the disk before it returns.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 8 << 20)
}

/// What stays in the file, and is only for the process that holds the lock: of two that convert a file at once, one
/// is told at once that it is locked.
pub(super) fn convert(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")
}

pub(super) fn recognise(connection: &Connection) -> rusqlite::Result<Kind> {
    // One look at one moment: another process may be making the tables just now.
    let _moment = connection.unchecked_transaction()?;
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, layout) = (number("application_id")?, number("user_version")?);
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Ok(if application == 0 && objects == 0 { Kind::Fresh } else { Kind::Foreign });
    }
    if layout > LAYOUT {
        return Ok(Kind::TooNew(layout));
    }
    let verdict: Option<String> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).optional()?;
    Ok(match verdict.as_deref() {
        Some("ok") => Kind::Ours,
        other => Kind::Damaged(other.unwrap_or("quick_check says nothing").to_owned()),
    })
}

/// Brings a file of an earlier version to the layout of this one; only for the process that holds the lock.
pub(super) fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout == 1 {
        transaction.execute_batch(FROM_1)?;
    }
    transaction.commit()
}

/// Makes the tables in one transaction: after a power cut there are all of them or none.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    convert(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()
}
