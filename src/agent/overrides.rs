//! What was changed from afar, on disk beside the outbox: it holds after a restart without network, and the station's own
//! file stays what it is.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::hub::Properties;

/// The hub takes 32 KB of desired properties; a larger file is none of ours.
const MAX_BYTES: u64 = 256 * 1024;

/// What was changed from afar, each property accepted when it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overrides {
    /// The version of the desired properties that it is from.
    pub version: u64,
    /// Of the desired properties, those in force.
    pub properties: Properties,
    /// Whether the method `pause` was called, and `resume` was not called since.
    pub paused: bool,
}

impl Overrides {
    /// The file for the station whose outbox is this one.
    #[must_use]
    pub fn file(outbox: &Path) -> PathBuf {
        beside(outbox, ".twin.json")
    }

    /// Reads the file; nothing was changed where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what [`Overrides::store`] writes.
    pub fn load(file: &Path) -> io::Result<Self> {
        let opened = match File::open(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened?,
        };
        let mut text = Vec::new();
        opened.take(MAX_BYTES).read_to_end(&mut text)?;
        serde_json::from_slice(&text).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }

    /// Replaces the file, whole or not at all; durable on return.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn store(&self, file: &Path) -> io::Result<()> {
        let unfinished = beside(file, ".part");
        let written = File::create(&unfinished).and_then(|mut it| {
            it.write_all(&serde_json::to_vec_pretty(self)?)?;
            it.sync_data()?;
            fs::rename(&unfinished, file)
        });
        if written.is_err() {
            // On a full disk the half file would take what little room there is.
            let _ = fs::remove_file(&unfinished);
            return written;
        }
        let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    /// Renames a file that cannot be read.
    pub(super) fn set_aside(file: &Path) -> io::Result<PathBuf> {
        let to = beside(file, ".damaged");
        fs::rename(file, &to)?;
        Ok(to)
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_stored_is_there_again_and_a_missing_file_says_that_nothing_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = Overrides::file(&folder.path().join("outbox.db"));
        assert_eq!(Overrides::load(&file).unwrap(), Overrides::default());
        let properties = json!({"thresholds": {"short": 0.4}}).as_object().unwrap().clone();
        let overrides = Overrides { version: 7, properties, paused: true };
        overrides.store(&file).unwrap();
        assert_eq!(Overrides::load(&file).unwrap(), overrides);
        Overrides::default().store(&file).unwrap();
        assert_eq!(Overrides::load(&file).unwrap(), Overrides::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half done is left");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_an_error_and_not_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("twin");
        for text in ["", "{", "[]", r#"{"version": "1"}"#, r#"{"version":1,"properties":[],"paused":false}"#]
        {
            fs::write(&file, text).unwrap();
            assert!(Overrides::load(&file).is_err(), "{text}");
        }
    }
}
