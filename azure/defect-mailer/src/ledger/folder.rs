//! The ledger as a folder: `devices/` with a JSON file a device, `refused/` with what was set aside, `lock`.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{Ledger, LedgerError, SetAside};
use crate::incident::{DeviceLog, VERSION, hex};

/// Devices remembered; an IoT Hub that has more needs another ledger.
const DEVICES: usize = 10_000;
/// Matters set aside; the oldest make room.
const REFUSED: usize = 1_000;

/// A folder on a disk, or on a share that knows locks and atomic renames.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    owing: Mutex<BTreeSet<String>>,
}

/// Released when dropped, and by the system when the process dies.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "holds the lock by being open")] File);

impl Folder {
    /// Opens the folder, makes it where it is missing, and looks up which mails are owed.
    ///
    /// # Errors
    /// When it cannot be made, read or written.
    pub fn open(root: &Path) -> Result<Self, LedgerError> {
        let folder = Self { root: root.to_owned(), owing: Mutex::default() };
        for part in [folder.devices(), folder.refused()] {
            fs::create_dir_all(&part).map_err(failed("creating", &part))?;
        }
        // Two mailers on one folder may start at once, with the same process id in two containers.
        let name = format!("probe-{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
        write(&folder.root, &name, b"")?;
        let probe = folder.root.join(name);
        fs::remove_file(&probe).map_err(failed("removing", &probe))?;
        for path in entries(&folder.devices())?.into_iter().map(|(path, _)| path) {
            if let Some(log) = folder.understood(&path)? {
                folder.remember(&log);
            }
        }
        Ok(folder)
    }

    fn devices(&self) -> PathBuf {
        self.root.join("devices")
    }

    fn refused(&self) -> PathBuf {
        self.root.join("refused")
    }

    /// A log file's content; `None` where there is no file or none that this program understands.
    fn understood(&self, path: &Path) -> Result<Option<DeviceLog>, LedgerError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("reading", path)(error)),
        };
        match serde_json::from_slice::<DeviceLog>(&bytes) {
            Ok(log) if log.version == VERSION => Ok(Some(log)),
            _ => {
                let aside = self.refused().join(format!("log-{}", file_name(path)));
                tracing::error!(
                    file = %aside.display(),
                    "a device's log cannot be understood and is set aside; its open incidents will be mailed anew"
                );
                fs::rename(path, &aside).map_err(failed("setting aside", path))?;
                Ok(None)
            }
        }
    }

    fn remember(&self, log: &DeviceLog) {
        let mut owing = self.owing_set();
        if log.owed().next().is_some() {
            owing.insert(log.device.clone());
        } else {
            owing.remove(&log.device);
        }
    }

    fn owing_set(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.owing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Folder {
    type Lock = FolderLock;

    fn try_lock(&self) -> Result<Option<FolderLock>, LedgerError> {
        let path = self.root.join("lock");
        let file = File::options().create(true).append(true).open(&path).map_err(failed("opening", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FolderLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
        }
    }

    fn log(&self, device: &str) -> Result<DeviceLog, LedgerError> {
        let log = self.understood(&self.devices().join(device_file(device)))?;
        let log = log.filter(|log| log.device == device).unwrap_or_else(|| DeviceLog::new(device));
        self.remember(&log);
        Ok(log)
    }

    fn keep(&self, log: &DeviceLog) -> Result<(), LedgerError> {
        let devices = self.devices();
        let bytes = serde_json::to_vec(log).map_err(|error| failed("writing", &devices)(error.into()))?;
        let name = device_file(&log.device);
        if !devices.join(&name).exists() {
            make_room(&devices, DEVICES)?;
        }
        write(&devices, &name, &bytes)?;
        self.remember(log);
        Ok(())
    }

    fn owing(&self) -> Vec<String> {
        self.owing_set().iter().cloned().collect()
    }

    fn set_aside(&self, key: &str, matter: &SetAside) -> Result<(), LedgerError> {
        let refused = self.refused();
        let bytes =
            serde_json::to_vec_pretty(matter).map_err(|error| failed("writing", &refused)(error.into()))?;
        let name = format!("{}-{}.json", matter.kind, hashed(key));
        if !refused.join(&name).exists() {
            make_room(&refused, REFUSED)?;
        }
        write(&refused, &name, &bytes)
    }
}

fn device_file(device: &str) -> String {
    format!("{}.json", hashed(device))
}

/// Names from outside become no file names.
fn hashed(key: &str) -> String {
    hex(&Sha256::digest(key)[..16])
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whole or not at all, and on the medium when it returns: file, name, folder.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
    let (path, draft) = (folder.join(name), folder.join(format!(".{name}.new")));
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, &path))
        .and_then(|()| File::open(folder)?.sync_all());
    written.map_err(failed("writing", &path))
}

/// Removes the files that were written longest ago, until one more fits.
fn make_room(folder: &Path, most: usize) -> Result<(), LedgerError> {
    let mut files = entries(folder)?;
    if files.len() < most {
        return Ok(());
    }
    files.sort_by_key(|(_, written)| *written);
    let surplus = files.len() + 1 - most;
    tracing::warn!(folder = %folder.display(), files = surplus, "the folder is full, the oldest files make room");
    for (path, _) in files.into_iter().take(surplus) {
        fs::remove_file(&path).map_err(failed("removing", &path))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, SystemTime)>, LedgerError> {
    let listed = fs::read_dir(folder).map_err(failed("listing", folder))?;
    let files = listed.filter_map(|entry| {
        let entry = entry.ok()?;
        let written = entry.metadata().ok()?.modified().ok()?;
        (!entry.file_name().as_encoded_bytes().starts_with(b".")).then(|| (entry.path(), written))
    });
    Ok(files.collect())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LedgerError {
    let path = path.display().to_string();
    move |source| LedgerError { action, path, source }
}

#[cfg(test)]
mod tests;
