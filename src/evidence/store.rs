//! The folder: what is ours in it, how much that is, and room for the next picture.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// A file name that only this module gives: a UUIDv7 and `.jpg`. Its order is that of the reports' age.
///
/// Nothing else in the folder is ever removed, and a name cannot lead out of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(Uuid);

impl Name {
    /// `None` if that is not the id of a report.
    pub(super) fn of_report(report_id: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(report_id).ok()?;
        let canonical = uuid.get_version_num() == 7 && uuid.to_string() == report_id;
        canonical.then_some(Self(uuid))
    }

    fn of_file(file_name: &str) -> Option<Self> {
        Self::of_report(file_name.strip_suffix(".jpg")?)
    }

    /// Whether a crash of ours left this file half written.
    fn is_leftover(file_name: &str) -> bool {
        let name = file_name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
        name.and_then(Self::of_file).is_some()
    }

    fn while_unfinished(self) -> String {
        format!(".{self}.part")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.jpg", self.0)
    }
}

/// The pictures in the folder, kept within a quota.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    limit: u64,
    /// Bytes of each picture, the oldest first.
    pictures: BTreeMap<Name, u64>,
    removed: u64,
}

impl Store {
    /// Makes the folder if need be, removes what a crash left half written, and brings a lowered limit into force.
    pub(super) fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut store = Self { folder: folder.to_owned(), limit, pictures: BTreeMap::new(), removed: 0 };
        store.scan()?;
        store.prove_writable()?;
        store.shrink_to(limit)?;
        Ok(store)
    }

    /// Brings another limit into force.
    pub(super) fn set_limit(&mut self, limit: u64) -> io::Result<()> {
        self.limit = limit;
        self.shrink_to(limit)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many pictures went since the last call.
    pub(super) fn take_removed(&mut self) -> u64 {
        std::mem::take(&mut self.removed)
    }

    /// Writes a picture, complete or not at all; the oldest go until it fits.
    pub(super) fn write(&mut self, name: Name, jpeg: &[u8]) -> io::Result<()> {
        let bytes = jpeg.len() as u64;
        let Some(room) = self.limit.checked_sub(bytes) else {
            return Err(io::Error::other(format!(
                "one picture of {bytes} bytes is larger than all evidence may be ({} bytes)",
                self.limit
            )));
        };
        self.shrink_to(room)?;
        let unfinished = self.folder.join(name.while_unfinished());
        let written = write_durably(&unfinished, jpeg)
            .and_then(|()| fs::rename(&unfinished, self.folder.join(name.to_string())));
        if written.is_err() {
            // On a full disk the half picture would take what little room there is.
            let _ = fs::remove_file(&unfinished);
        } else {
            self.pictures.insert(name, bytes);
        }
        written
    }

    /// Removes the oldest pictures until the rest has at most so many bytes.
    fn shrink_to(&mut self, room: u64) -> io::Result<()> {
        let mut total: u64 = self.pictures.values().sum();
        while total > room
            && let Some((&oldest, &bytes)) = self.pictures.first_key_value()
        {
            match fs::remove_file(self.folder.join(oldest.to_string())) {
                Ok(()) => {
                    self.pictures.remove(&oldest);
                    self.removed += 1;
                    total -= bytes;
                }
                // Somebody tidied up by hand, maybe more than this one.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.scan()?;
                    total = self.pictures.values().sum();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks what is there; leftovers of a crash are removed.
    fn scan(&mut self) -> io::Result<()> {
        self.pictures.clear();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else { continue };
            // Not followed: a link is not of our making.
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            if let Some(name) = Name::of_file(file_name) {
                self.pictures.insert(name, metadata.len());
            } else if Name::is_leftover(file_name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// At start a person still reads the message.
    fn prove_writable(&self) -> io::Result<()> {
        let probe = self.folder.join(Name(Uuid::now_v7()).while_unfinished());
        File::create(&probe)?;
        fs::remove_file(&probe)
    }
}

/// Without the sync a power cut after the rename could leave a name with nothing behind it.
fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}
