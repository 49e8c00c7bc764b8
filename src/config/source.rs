//! `[source]`: where frames come from.

use std::path::{Path, PathBuf};

use super::{
    document::Document,
    value::{flag, fraction, path, word},
};
use crate::camera::Pace;

/// Faster than any camera of a station.
const MOST_FRAMES_PER_SECOND: f64 = 1000.0;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The pictures of a folder, in the order of their names.
    Folder {
        /// The folder, or one picture.
        path: PathBuf,
        /// How fast they come.
        pace: Pace,
        /// Whether the first follows the last.
        repeat: bool,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Folder,
}

pub(super) fn read(document: &Document<'_>, folder: &Path) -> Option<Source> {
    let section = document.section("source");
    let kind = section.required("kind", "\"folder\"", word(&[("folder", Kind::Folder)]));
    let pictures = section.required("path", "\"pictures\"", path(folder));
    let fits = |rate: f64| rate > 0.0 && rate <= MOST_FRAMES_PER_SECOND;
    let rate = section.optional("frames_per_second", fraction(fits, "greater than 0 and at most 1000"));
    let pace = rate.map_or(Pace::AsFastAsPossible, Pace::FramesPerSecond);
    let repeat = section.or(false, "repeat", flag);
    match kind? {
        Kind::Folder => Some(Source::Folder { path: pictures?, pace, repeat }),
    }
}
