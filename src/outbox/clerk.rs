//! The handle: takes reports in, shows what waits, strikes out what arrived.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use andon_telemetry::Notify as Word;
use rusqlite::{
    Connection, OptionalExtension, Row, ToSql, TransactionBehavior,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::Notify;

use super::{
    Appended, Depth, Entry, Gap, Limits, Opening, OutboxError, Outgoing, SetAside, Totals, WriteError,
    counters::{add, counter, signed},
    opening, room,
};

/// Whoever only looks makes no room.
const UNLIMITED: Limits = Limits { reports: u64::MAX, bytes: u64::MAX };

/// Under this key stands what the limits cost last.
const GAP: &str = "gap";

/// So many of the reports that the hub can never take are kept.
const SET_ASIDE: i64 = 100;

/// The open outbox; cheap to clone, every clone is the same one. Its calls block on the disk for milliseconds.
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    connection: Mutex<Connection>,
    limits: Limits,
    changed: Notify,
    _lock: Option<File>,
}

impl Outbox {
    /// Opens the outbox of this agent, or makes it; a damaged one is set aside and a new one made.
    ///
    /// # Errors
    /// When another agent has it, the file belongs to another program or version, or the disk refuses.
    pub fn open(path: &Path, limits: Limits) -> Result<(Self, Opening), OutboxError> {
        let lock = opening::lock(path)?;
        let (connection, mut opening) = opening::open(path)?;
        if let Opening::Resumed { waiting } = &mut opening {
            *waiting = counter(&connection, "waiting_reports")?;
        }
        Ok((Self::new(path, connection, limits, Some(lock)), opening))
    }

    /// Opens an outbox that is there already, for a person to look at; its agent may be running.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn attach(path: &Path) -> Result<Self, OutboxError> {
        Ok(Self::new(path, opening::attach(path)?, UNLIMITED, None))
    }

    /// Another handle on the same file, to look at it: it does not wait while this one waits for the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn beside(&self) -> Result<Self, OutboxError> {
        Ok(Self::new(&self.0.path, opening::again(&self.0.path)?, UNLIMITED, None))
    }

    /// Whether an agent is at work on the outbox in this file; makes nothing.
    #[must_use]
    pub fn is_in_use(path: &Path) -> bool {
        opening::is_locked(path)
    }

    fn new(path: &Path, connection: Connection, limits: Limits, lock: Option<File>) -> Self {
        let (path, connection) = (path.to_owned(), Mutex::new(connection));
        Self(Arc::new(Shared { path, connection, limits, changed: Notify::new(), _lock: lock }))
    }

    /// Stores a report and, in the same transaction, what must be remembered with it; durable on return. `write` gets
    /// the report's sequence number: one more than that of the report before, over restarts and purges.
    ///
    /// # Errors
    /// When `write` fails, the report is larger than the limit, or the disk refuses. Then nothing is stored and the
    /// sequence number is given again.
    pub fn append(
        &self,
        write: impl FnOnce(u64) -> Result<Outgoing, WriteError>,
        memo: &[(&str, &str)],
    ) -> Result<Appended, OutboxError> {
        let appended = {
            let mut connection = self.connection();
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sequence = counter(&transaction, "next_sequence")?;
            let outgoing = write(sequence).map_err(OutboxError::Unwritten)?;
            let properties = properties_text(&outgoing.properties);
            let bytes = (outgoing.json.len() + properties.len()) as u64;
            room::check(self.0.limits, bytes)?;
            let (incident, repeats) = incident(&outgoing.json);
            transaction.execute(
                "INSERT INTO report VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                 EXISTS (SELECT 1 FROM report WHERE incident = ?8))",
                (
                    signed(sequence),
                    &outgoing.report_id,
                    properties,
                    Text(&outgoing.json),
                    signed(bytes),
                    repeats,
                    now(),
                    incident,
                ),
            )?;
            add(&transaction, "next_sequence", 1)?;
            let cost = room::make(&transaction, self.0.limits, sequence)?;
            if let Some(lost) = cost.lost {
                add(&transaction, "dropped", cost.dropped)?;
                add(&transaction, "folded", cost.folded)?;
                let gap =
                    Gap::after(gap(&transaction)?, lost, cost.dropped, cost.folded, jiff::Timestamp::now());
                set_memo(&transaction, GAP, &serde_json::to_string(&gap).unwrap_or_default())?;
            }
            for (key, value) in memo {
                set_memo(&transaction, key, value)?;
            }
            transaction.commit()?;
            Appended { sequence, dropped: cost.dropped, folded: cost.folded }
        };
        if appended.dropped + appended.folded > 0 {
            tracing::warn!(
                dropped = appended.dropped,
                folded = appended.folded,
                "the outbox is full: reports that never reached the hub made room for a new one"
            );
        }
        self.0.changed.notify_one();
        Ok(appended)
    }

    /// What was remembered under this key.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn memo(&self, key: &str) -> Result<Option<String>, OutboxError> {
        let sql = "SELECT value FROM memo WHERE key = ?1";
        Ok(self.connection().query_row(sql, [key], |row| row.get(0)).optional()?)
    }

    /// Remembers a small value; durable on return.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn set_memo(&self, key: &str, value: &str) -> Result<(), OutboxError> {
        Ok(set_memo(&self.connection(), key, value)?)
    }

    /// At most `limit` waiting reports with a sequence number above `cursor`, in order.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn waiting_after(&self, cursor: u64, limit: usize) -> Result<Vec<Entry>, OutboxError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT sequence, report_id, properties, json, stored_at FROM report
             WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )?;
        let rows = statement.query_map((signed(cursor), signed(limit as u64)), entry)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The waiting report with this id.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn find(&self, report_id: &str) -> Result<Option<Entry>, OutboxError> {
        let sql = "SELECT sequence, report_id, properties, json, stored_at FROM report WHERE report_id = ?1
                   UNION ALL
                   SELECT sequence, report_id, properties, json, stored_at FROM set_aside WHERE report_id = ?1";
        Ok(self.connection().query_row(sql, [report_id], entry).optional()?)
    }

    /// Removes reports that the hub acknowledged. A number that does not wait any more is no error.
    ///
    /// # Errors
    /// When the disk refuses; then all of them still wait.
    pub fn acknowledge(&self, sequences: &[u64]) -> Result<(), OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut removed = 0;
        for sequence in sequences {
            removed += transaction.execute("DELETE FROM report WHERE sequence = ?1", [signed(*sequence)])?;
        }
        add(&transaction, "acknowledged", removed as u64)?;
        Ok(transaction.commit()?)
    }

    /// Takes a report that the hub can never accept out of the way; the last few are kept with the reason.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn set_aside(&self, sequence: u64, reason: &str) -> Result<(), OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let moved = transaction.execute(
            "INSERT OR REPLACE INTO set_aside
             SELECT sequence, report_id, properties, json, stored_at, ?2 FROM report WHERE sequence = ?1",
            (signed(sequence), reason),
        )?;
        transaction.execute("DELETE FROM report WHERE sequence = ?1", [signed(sequence)])?;
        transaction.execute(
            "DELETE FROM set_aside WHERE sequence NOT IN
             (SELECT sequence FROM set_aside ORDER BY sequence DESC LIMIT ?1)",
            [SET_ASIDE],
        )?;
        add(&transaction, "set_aside", moved as u64)?;
        Ok(transaction.commit()?)
    }

    /// The last reports that the hub could never take, in order.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn aside(&self) -> Result<Vec<SetAside>, OutboxError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT sequence, report_id, properties, json, stored_at, reason FROM set_aside ORDER BY sequence",
        )?;
        let rows = statement.query_map([], |row| Ok(SetAside { entry: entry(row)?, reason: row.get(5)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Removes every waiting report unsent, because a person wants it; how many. Sequence numbers go on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn purge(&self) -> Result<u64, OutboxError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let waiting = counter(&transaction, "waiting_reports")?;
        transaction.execute("DELETE FROM report", [])?;
        add(&transaction, "purged", waiting)?;
        transaction.commit()?;
        Ok(waiting)
    }

    /// How much waits.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn depth(&self) -> Result<Depth, OutboxError> {
        let connection = self.connection();
        let sql = "SELECT stored_at FROM report ORDER BY sequence LIMIT 1";
        Ok(Depth {
            reports: counter(&connection, "waiting_reports")?,
            bytes: counter(&connection, "waiting_bytes")?,
            oldest: connection.query_row(sql, [], |row| row.get(0)).optional()?,
        })
    }

    /// What the limits cost last; `None` where they never cost anything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn gap(&self) -> Result<Option<Gap>, OutboxError> {
        Ok(gap(&self.connection())?)
    }

    /// What happened to reports until now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn totals(&self) -> Result<Totals, OutboxError> {
        let connection = self.connection();
        let of = |name| counter(&connection, name);
        Ok(Totals {
            appended: of("next_sequence")?.saturating_sub(1),
            acknowledged: of("acknowledged")?,
            dropped: of("dropped")?,
            folded: of("folded")?,
            set_aside: of("set_aside")?,
            purged: of("purged")?,
        })
    }

    /// Waits until a report was stored since the last call; for one waiter, which misses none.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// A panic elsewhere leaves no half transaction behind: it is rolled back when it is dropped.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are UTF-8 by contract, bound as text without another look at them.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

fn set_memo(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO memo VALUES (?1, ?2)", (key, value))?;
    Ok(())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let sequence: i64 = row.get(0)?;
    let properties: String = row.get(2)?;
    Ok(Entry {
        sequence: u64::try_from(sequence).unwrap_or(0),
        report_id: row.get(1)?,
        // Only a person with an editor can have broken them; the report itself matters more.
        properties: serde_json::from_str(&properties).unwrap_or_default(),
        json: row.get_ref(3)?.as_bytes().map(<[u8]>::to_vec).unwrap_or_default(),
        stored_at: row.get(4)?,
    })
}

fn properties_text(properties: &[(String, String)]) -> String {
    serde_json::to_string(properties).unwrap_or_else(|_| "[]".to_owned())
}

/// Its incident's id, and whether nobody would be told about it.
fn incident(json: &[u8]) -> (Option<String>, bool) {
    match andon_telemetry::read(json) {
        Ok(report) => (Some(report.incident.id), report.incident.notify == Word::None),
        Err(_) => (None, false),
    }
}

/// Only a person with an editor can have broken it.
fn gap(connection: &Connection) -> rusqlite::Result<Option<Gap>> {
    let sql = "SELECT value FROM memo WHERE key = ?1";
    let text: Option<String> = connection.query_row(sql, [GAP], |row| row.get(0)).optional()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
