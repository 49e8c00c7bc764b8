//! Documents as files of a folder on a disk, or on a share that knows file locks and atomic renames.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::document::{Expected, StoreError, Versioned, failed};
use crate::station::hex;

/// Matters set aside that are kept; the oldest make room.
const REFUSED: usize = 1_000;
/// How long a writer waits for another to be done.
const TURN: Duration = Duration::from_secs(30);

/// A folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder and makes it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let folder = Self { root: root.to_owned() };
        for part in ["stations", "refused"] {
            let part = root.join(part);
            fs::create_dir_all(&part).map_err(|error| failed("creating", &shown(&part), &error))?;
        }
        // Two mailers on one folder may start at once, with the same process id in two containers.
        let name = format!("probe-{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
        folder.write(&name, b"")?;
        let probe = root.join(name);
        fs::remove_file(&probe).map_err(|error| failed("removing", &shown(&probe), &error))?;
        Ok(folder)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        match fs::read(self.root.join(key)) {
            Ok(bytes) => Ok(Some(Versioned { version: version(&bytes), bytes })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("reading", key, &error)),
        }
    }

    pub(super) async fn put(
        &self,
        key: &str,
        bytes: &[u8],
        expected: Expected<'_>,
    ) -> Result<bool, StoreError> {
        let _lock = self.lock().await?;
        let found = self.get(key)?;
        let fits = match expected {
            Expected::Anything => true,
            Expected::Absent => found.is_none(),
            Expected::Version(wanted) => found.as_ref().is_some_and(|found| found.version == wanted),
        };
        if fits {
            if found.is_none() && key.starts_with("refused/") {
                self.make_room()?;
            }
            self.write(key, bytes)?;
        }
        Ok(fits)
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let folder = prefix.trim_end_matches('/');
        let since = |written: SystemTime| written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let files = entries(&self.root.join(folder))?.into_iter().map(|(path, written)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let seconds = i64::try_from(since(written).as_secs()).unwrap_or(i64::MAX);
            (format!("{folder}/{name}"), seconds)
        });
        Ok(files.collect())
    }

    /// Released when dropped, and by the system when the process dies.
    async fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join("lock");
        let fail = |error: &dyn std::fmt::Display| failed("locking", &shown(&path), error);
        let file = File::options().create(true).append(true).open(&path).map_err(|error| fail(&error))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if start.elapsed() < TURN => {
                    sleep(Duration::from_millis(3)).await;
                }
                Err(TryLockError::WouldBlock) => return Err(fail(&"another mailer holds it")),
                Err(TryLockError::Error(error)) => return Err(fail(&error)),
            }
        }
    }

    /// Whole or not at all, and on the medium when it returns: file, name, folder.
    fn write(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(key);
        let folder = path.parent().unwrap_or(&self.root);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = folder.join(format!(".{name}.new"));
        let written = File::create(&draft)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|error| failed("writing", &shown(&path), &error))
    }

    /// Removes what was set aside longest ago, until one more fits.
    fn make_room(&self) -> Result<(), StoreError> {
        let mut files = entries(&self.root.join("refused"))?;
        if files.len() < REFUSED {
            return Ok(());
        }
        files.sort_by_key(|(_, written)| *written);
        let surplus = files.len() + 1 - REFUSED;
        tracing::warn!(files = surplus, "refused/ is full, the oldest matters make room");
        for (path, _) in files.into_iter().take(surplus) {
            fs::remove_file(&path).map_err(|error| failed("removing", &shown(&path), &error))?;
        }
        Ok(())
    }
}

fn version(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, SystemTime)>, StoreError> {
    let listed = fs::read_dir(folder).map_err(|error| failed("listing", &shown(folder), &error))?;
    let files = listed.filter_map(|entry| {
        let entry = entry.ok()?;
        let written = entry.metadata().ok()?.modified().ok()?;
        (!entry.file_name().as_encoded_bytes().starts_with(b".")).then(|| (entry.path(), written))
    });
    Ok(files.collect())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
