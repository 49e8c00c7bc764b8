//! `[evidence]` and `[outbox]`: what the station keeps on its disk, and how much of it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    document::{Document, Section},
    value::{flag, path, whole},
};
use crate::outbox::Limits;

/// The megabyte of these keys, as disks are sold.
const MEGABYTE: u64 = 1_000_000;

/// A terabyte, in megabytes.
const MOST_MEGABYTES: u64 = 1_000_000;

/// Pictures of NG items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Where they are kept.
    pub folder: PathBuf,
    /// How much they may take together.
    pub limit_bytes: u64,
}

/// Reports that wait for the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// The SQLite file.
    pub file: PathBuf,
    /// What it holds at most.
    pub limits: Limits,
}

/// Where systemd keeps configuration, and where `StateDirectory=andon` in the unit lets the service write
/// (file-hierarchy(7)).
const INSTALLED: (&str, &str) = ("/etc/andon", "/var/lib/andon");

/// Where a station whose file is in this folder keeps things that it was not told where to keep: there, or where the
/// service may write if it is the service's own folder. Every command finds the same outbox so, and not the service alone.
pub(super) fn state_folder(folder: &Path) -> PathBuf {
    let somewhere = if folder.as_os_str() == OsStr::new("") { Path::new(".") } else { folder };
    match std::path::absolute(somewhere) {
        Ok(folder) if folder == Path::new(INSTALLED.0) => PathBuf::from(INSTALLED.1),
        _ => folder.to_owned(),
    }
}

pub(super) fn read_evidence(document: &Document<'_>, folder: &Path) -> Option<Evidence> {
    let section = document.section("evidence");
    let enabled = section.or(true, "enabled", flag);
    let evidence = Evidence {
        folder: section.or(state_folder(folder).join("evidence"), "folder", path(folder)),
        limit_bytes: read_limit(&section).unwrap_or(1000 * MEGABYTE),
    };
    enabled.then_some(evidence)
}

/// `limit_megabytes`, in bytes.
pub(super) fn read_limit(section: &Section<'_>) -> Option<u64> {
    let megabytes: Option<u64> = section.optional("limit_megabytes", whole(1..=MOST_MEGABYTES, "megabytes"));
    megabytes.map(|megabytes| MEGABYTE * megabytes)
}

pub(super) fn read_outbox(document: &Document<'_>, folder: &Path) -> Outbox {
    let section = document.section("outbox");
    let reports = section.or(100_000, "limit_reports", whole(1..=10_000_000, "reports"));
    let megabytes: u64 = section.or(500, "limit_megabytes", whole(1..=MOST_MEGABYTES, "megabytes"));
    Outbox {
        file: section.or(state_folder(folder).join("outbox.db"), "file", path(folder)),
        limits: Limits { reports, bytes: MEGABYTE * megabytes },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_writes_where_it_may_and_everything_else_stays_beside_its_file() {
        for (folder, expected) in [
            ("/etc/andon", "/var/lib/andon"),
            ("/etc/andon/", "/var/lib/andon"),
            ("/etc/andon/old", "/etc/andon/old"),
            ("/srv/press-3", "/srv/press-3"),
            ("stations", "stations"),
            ("", ""),
        ] {
            assert_eq!(state_folder(Path::new(folder)), Path::new(expected), "{folder:?}");
        }
    }
}
