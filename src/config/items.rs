//! `[items]`: what an item is, and when it was seen enough.

use super::{
    document::{Document, Section},
    value::{fraction, whole, word},
};
use crate::{
    inspection::Region,
    items::{Belt, ItemMode, PresenceRule, Travel},
};

/// No camera's picture is wider or higher, in pixels.
const LONGEST_SIDE: u64 = 65_535;

/// What an item is at this station.
#[derive(Clone, Debug, PartialEq)]
pub struct Items {
    /// How items are found in frames.
    pub mode: ItemMode,
    /// After so many usable frames an item was seen enough; 1..=1000.
    pub frames_enough: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Frame,
    Passing,
}

/// The keys that only the mode "passing" has.
const PASSING_ONLY: [&str; 5] = ["travel", "belt", "level", "coverage", "min_length_pixels"];

pub(super) fn read(document: &Document<'_>) -> Items {
    let section = document.section("items");
    let region = document.section("items.region");
    region.know(&["x", "y", "width", "height"]);
    // A mode that is misspelt is one fault and makes no others.
    let mode = section.optional("mode", word(&[("frame", Mode::Frame), ("passing", Mode::Passing)]));
    let frames_enough = section.or(8, "frames_enough", whole(1..=1000, "frames"));
    let is_frame = mode == Some(Mode::Frame) || !section.is_written_key("mode");
    if is_frame {
        refuse_passing(&section);
    }
    let rule = (!is_frame).then(|| presence(&section, &region));
    let frame = || ItemMode::Frame { region: is_frame.then(|| read_region(&region)).flatten() };
    Items { mode: rule.map_or_else(frame, ItemMode::Passing), frames_enough }
}

fn refuse_passing(section: &Section<'_>) {
    let problem = "this means something for passing items only";
    let remedy = "remove it, or write mode = \"passing\"";
    for key in PASSING_ONLY {
        section.refuse(key, problem, remedy);
    }
}

fn presence(section: &Section<'_>, region: &Section<'_>) -> PresenceRule {
    let travels = [("horizontal", Travel::Horizontal), ("vertical", Travel::Vertical)];
    let belts = [("dark", Belt::Dark), ("light", Belt::Light)];
    let share = fraction(|share| share > 0.0 && share < 1.0, "greater than 0 and less than 1");
    PresenceRule {
        region: read_region(region),
        travel: section.or(Travel::Horizontal, "travel", word(&travels)),
        belt: section.or(Belt::Dark, "belt", word(&belts)),
        level: section.or(100, "level", whole(1..=254, "grey value")),
        coverage: section.or(0.5, "coverage", share) as f32,
        min_length: section.or(64, "min_length_pixels", whole(2..=LONGEST_SIDE, "pixels")),
    }
}

pub(super) fn read_region(section: &Section<'_>) -> Option<Region> {
    if !section.is_written() {
        return None;
    }
    let [x, y] = ["x", "y"].map(|key| section.required(key, "0", whole(0..=LONGEST_SIDE, "pixels")));
    let [width, height] =
        ["width", "height"].map(|key| section.required(key, "640", whole(1..=LONGEST_SIDE, "pixels")));
    Some(Region { x: x?, y: y?, width: width?, height: height? })
}
