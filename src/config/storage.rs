//! `[evidence]` and `[outbox]`: what the station keeps on its disk, and how much of it.

use std::path::{Path, PathBuf};

use super::{
    document::Document,
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

pub(super) fn read_evidence(document: &Document<'_>, folder: &Path) -> Option<Evidence> {
    let section = document.section("evidence");
    let enabled = section.or(true, "enabled", flag);
    let evidence = Evidence {
        folder: section.or(folder.join("evidence"), "folder", path(folder)),
        limit_bytes: MEGABYTE * section.or(1000, "limit_megabytes", whole(1..=MOST_MEGABYTES, "megabytes")),
    };
    enabled.then_some(evidence)
}

pub(super) fn read_outbox(document: &Document<'_>, folder: &Path) -> Outbox {
    let section = document.section("outbox");
    let reports = section.or(100_000, "limit_reports", whole(1..=10_000_000, "reports"));
    let megabytes: u64 = section.or(500, "limit_megabytes", whole(1..=MOST_MEGABYTES, "megabytes"));
    Outbox {
        file: section.or(folder.join("outbox.db"), "file", path(folder)),
        limits: Limits { reports, bytes: MEGABYTE * megabytes },
    }
}
