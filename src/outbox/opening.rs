//! From a path to an open outbox, also when the file there is damaged.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    OutboxError,
    schema::{self, Kind},
};

/// What [`Outbox::open`](super::Outbox::open) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// No file; a new outbox was made.
    Fresh,
    /// An outbox, with so many reports that still wait.
    Resumed {
        /// Waiting reports.
        waiting: u64,
    },
    /// A damaged file. It was renamed, so that a person can try to recover it, and a new outbox was made, which goes
    /// on counting where the old one stopped if that much could still be read.
    SetAside {
        /// Where the damaged file is now.
        to: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// At most so many damaged files are kept; a dying disk must not fill itself with them.
const KEPT: u32 = 3;

/// What goes on counting after a damaged file.
type Salvage = (Vec<(String, i64)>, Vec<(String, String)>);

/// Holds the lock that keeps a second agent away for as long as it lives; the system drops it with the process.
pub(super) fn lock(path: &Path) -> Result<File, OutboxError> {
    let unopened =
        |cause: io::Error| OutboxError::Unopened { path: path.to_owned(), cause: cause.to_string() };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(unopened)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutboxError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unopened(error)),
    }
}

/// Whether an agent holds the lock now. Makes nothing.
pub(super) fn is_locked(path: &Path) -> bool {
    let lock = File::open(beside(path, ".lock"));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Opens the file, makes it where there is none, and sets a damaged one aside.
pub(super) fn open(path: &Path) -> Result<(Connection, Opening), OutboxError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reason = match attempt(path, flags) {
        Ok((mut connection, Kind::Fresh)) => {
            schema::create(&mut connection)?;
            return Ok((connection, Opening::Fresh));
        }
        Ok((mut connection, Kind::Ours)) => {
            let converted = schema::convert(&connection).and_then(|()| schema::upgrade(&mut connection));
            converted.map_err(|error| unopened(path, &error))?;
            return Ok((connection, Opening::Resumed { waiting: 0 }));
        }
        Ok((_, Kind::Foreign)) => return Err(OutboxError::Foreign(path.to_owned())),
        Ok((_, Kind::TooNew(found))) => return Err(too_new(path, found)),
        Ok((_, Kind::Damaged(reason))) => reason,
        Err(error) if is_damage(&error) => error.to_string(),
        Err(error) => return Err(unopened(path, &error)),
    };
    let (counters, memos) = salvage(path);
    let to = set_aside(path)?;
    let (mut connection, _) = attempt(path, flags).map_err(|error| unopened(path, &error))?;
    schema::create(&mut connection)?;
    for (name, value) in counters {
        connection.execute("UPDATE counter SET value = ?2 WHERE name = ?1", (name, value))?;
    }
    for (key, value) in memos {
        connection.execute("INSERT OR REPLACE INTO memo VALUES (?1, ?2)", (key, value))?;
    }
    Ok((connection, Opening::SetAside { to, reason }))
}

/// Opens an outbox that must be there already, to look at it while its agent may be running.
pub(super) fn attach(path: &Path) -> Result<Connection, OutboxError> {
    if !path.exists() {
        return Err(OutboxError::Absent(path.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match attempt(path, flags).map_err(|error| unopened(path, &error))? {
        (connection, Kind::Ours) => Ok(connection),
        (_, Kind::Fresh) => Err(OutboxError::Absent(path.to_owned())),
        (_, Kind::Foreign) => Err(OutboxError::Foreign(path.to_owned())),
        (_, Kind::TooNew(found)) => Err(too_new(path, found)),
        (_, Kind::Damaged(cause)) => Err(OutboxError::Unopened { path: path.to_owned(), cause }),
    }
}

/// Opens an outbox that is open already, once more.
pub(super) fn again(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::prepare(&connection)?;
    Ok(connection)
}

fn attempt(path: &Path, flags: OpenFlags) -> rusqlite::Result<(Connection, Kind)> {
    let connection = Connection::open_with_flags(path, flags)?;
    schema::prepare(&connection)?;
    let kind = schema::recognise(&connection)?;
    Ok((connection, kind))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The counters and memos of a damaged file, as far as they can be read.
fn salvage(path: &Path) -> Salvage {
    let Ok(connection) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
        return Salvage::default();
    };
    let counters = pairs(
        &connection,
        "SELECT name, value FROM counter WHERE name NOT LIKE 'waiting%' AND typeof(value) = 'integer'",
    );
    (counters, pairs(&connection, "SELECT key, value FROM memo"))
}

fn pairs<V: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Vec<(String, V)> {
    let read = || {
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()
    };
    read().unwrap_or_default()
}

/// Renames the damaged file and its companions; where enough are kept already, the newest of them gives way.
fn set_aside(path: &Path) -> Result<PathBuf, OutboxError> {
    let name = |number| beside(path, &format!(".damaged-{number}"));
    let to = (1..=KEPT).map(name).find(|to| !to.exists()).unwrap_or_else(|| name(KEPT));
    for companion in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, companion), beside(&to, companion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OutboxError::NotSetAside { path: path.to_owned(), cause: error });
            }
            _ => {}
        }
    }
    Ok(to)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn unopened(path: &Path, error: &rusqlite::Error) -> OutboxError {
    OutboxError::Unopened { path: path.to_owned(), cause: error.to_string() }
}

fn too_new(path: &Path, found: i64) -> OutboxError {
    OutboxError::TooNew { path: path.to_owned(), found, known: schema::LAYOUT }
}
