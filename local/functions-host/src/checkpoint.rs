//! How far each partition is done, kept in a file that a crash leaves either old or new.
//!
//! Azure keeps the same in blobs, one for each consumer group and partition.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The checkpoints of one app.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    file: Option<PathBuf>,
    kept: Kept,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Bytes of the events file that stood there before the first start and are not read: `initialOffsetOptions`.
    skipped_bytes: u64,
    /// By function and partition: the sequence number of the last event that is done.
    done: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Checkpoints {
    /// Reads the file; if there is none, starts it with `skipped_bytes`. Without a file they last as long as the host.
    pub(crate) fn open(file: Option<PathBuf>, skipped_bytes: u64) -> io::Result<Self> {
        let kept = match file.as_ref().map(fs::read) {
            Some(Ok(text)) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => Kept { skipped_bytes, ..Kept::default() },
        };
        let checkpoints = Self { file, kept };
        checkpoints.write()?;
        Ok(checkpoints)
    }

    /// Whether an event that begins at `start` and has this number is still to be delivered.
    pub(crate) fn wants(&self, function: &str, partition: &str, number: i64, start: u64) -> bool {
        let done = self.kept.done.get(function).and_then(|partitions| partitions.get(partition));
        start >= self.kept.skipped_bytes && done.is_none_or(|done| number > *done)
    }

    /// Notes that a partition is done up to and with this number.
    pub(crate) fn advance(&mut self, function: &str, partition: &str, number: i64) -> io::Result<()> {
        self.kept.done.entry(function.to_owned()).or_default().insert(partition.to_owned(), number);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let fresh = file.with_extension("new");
        let mut writer = File::create(&fresh)?;
        serde_json::to_writer(&mut writer, &self.kept)?;
        writer.flush()?;
        writer.sync_all()?;
        fs::rename(&fresh, file)?;
        // A rename is durable once its folder is.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(".".as_ref()))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_found_again_and_the_first_start_decides_what_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoints.json");
        let mut first = Checkpoints::open(Some(file.clone()), 100).unwrap();
        first.advance("mailer", "1", 41).unwrap();
        drop(first);

        let again = Checkpoints::open(Some(file), 5000).unwrap();
        assert!(!again.wants("mailer", "1", 41, 200) && again.wants("mailer", "1", 42, 200));
        assert!(again.wants("mailer", "0", 1, 200) && again.wants("other", "1", 1, 200));
        assert!(!again.wants("mailer", "0", 1, 99));
    }

    #[test]
    fn a_file_that_is_no_checkpoint_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoints.json");
        fs::write(&file, "half a").unwrap();
        assert!(Checkpoints::open(Some(file.clone()), 0).is_err());
        assert_eq!(fs::read_to_string(file).unwrap(), "half a");
    }
}
