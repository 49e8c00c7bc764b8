//! Where along the belt something stands that is not belt.

use crate::{camera::Pixels, inspection::Region};

/// How an item is told from the belt under it.
#[derive(Clone, Debug, PartialEq)]
pub struct PresenceRule {
    /// The part of the picture in which items are looked for; the whole picture where `None`.
    pub region: Option<Region>,
    /// Along which side of the picture items move.
    pub travel: Travel,
    /// Whether the empty belt is darker or lighter than what lies on it.
    pub belt: Belt,
    /// The grey value, 0..=255, between belt and item.
    pub level: u8,
    /// The share, 0..=1, of a line across the belt that must differ from the belt for the line to be part of an item.
    pub coverage: f32,
    /// The shortest item in pixels along the travel; anything shorter is dirt.
    pub min_length: u32,
}

/// Along which side of the picture items move; in which sense does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Left to right or right to left.
    Horizontal,
    /// Up or down.
    Vertical,
}

/// What the empty belt looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belt {
    /// Darker than items.
    Dark,
    /// Lighter than items.
    Light,
}

/// A stretch along the travel, in pixels of the picture; `end` is the first pixel beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Stretch {
    pub(super) fn length(self) -> u32 {
        self.end - self.start
    }
}

/// Only every so many pixels across the belt is looked at: presence is decided for every frame, also at overload.
const STEP: u32 = 4;

impl PresenceRule {
    /// The part of a picture that the rule looks at, clipped to the picture; `None` where nothing is left.
    pub(super) fn view(&self, pixels: &Pixels) -> Option<Region> {
        let whole = Region { x: 0, y: 0, width: pixels.width, height: pixels.height };
        let asked = self.region.unwrap_or(whole);
        let width = asked.width.min(pixels.width.saturating_sub(asked.x));
        let height = asked.height.min(pixels.height.saturating_sub(asked.y));
        (width > 0 && height > 0).then_some(Region { width, height, ..asked })
    }

    /// The stretches of the view that are covered by something long enough to be an item, in order.
    pub(super) fn stretches(&self, pixels: &Pixels, view: Region) -> Vec<Stretch> {
        let covered = |along: u32| self.is_covered(pixels, view, along);
        let (from, to) = match self.travel {
            Travel::Horizontal => (view.x, view.x + view.width),
            Travel::Vertical => (view.y, view.y + view.height),
        };
        // A dull line through an item must not cut it in two.
        let bridge = (self.min_length / 4).max(2);
        let mut found: Vec<Stretch> = Vec::new();
        for along in (from..to).filter(|&along| covered(along)) {
            match found.last_mut() {
                Some(last) if along - last.end <= bridge => last.end = along + 1,
                _ => found.push(Stretch { start: along, end: along + 1 }),
            }
        }
        found.retain(|stretch| stretch.length() >= self.min_length.max(1));
        found
    }

    /// The rectangle of the picture that the item in a stretch fills.
    pub(super) fn extent(&self, pixels: &Pixels, view: Region, stretch: Stretch) -> Region {
        let (from, to) = match self.travel {
            Travel::Horizontal => (view.y, view.y + view.height),
            Travel::Vertical => (view.x, view.x + view.width),
        };
        let covered = |across: u32| {
            let differing = (stretch.start..stretch.end)
                .step_by(STEP as usize)
                .filter(|&along| self.differs(pixels, along, across))
                .count();
            is_share(differing, stretch.length().div_ceil(STEP), self.coverage)
        };
        let first = (from..to).find(|&across| covered(across)).unwrap_or(from);
        let last = (first..to).rev().find(|&across| covered(across)).unwrap_or(to - 1);
        match self.travel {
            Travel::Horizontal => {
                Region { x: stretch.start, y: first, width: stretch.length(), height: last + 1 - first }
            }
            Travel::Vertical => {
                Region { x: first, y: stretch.start, width: last + 1 - first, height: stretch.length() }
            }
        }
    }

    fn is_covered(&self, pixels: &Pixels, view: Region, along: u32) -> bool {
        let (from, to) = match self.travel {
            Travel::Horizontal => (view.y, view.y + view.height),
            Travel::Vertical => (view.x, view.x + view.width),
        };
        let differing =
            (from..to).step_by(STEP as usize).filter(|&across| self.differs(pixels, along, across)).count();
        is_share(differing, (to - from).div_ceil(STEP), self.coverage)
    }

    fn differs(&self, pixels: &Pixels, along: u32, across: u32) -> bool {
        let (x, y) = match self.travel {
            Travel::Horizontal => (along, across),
            Travel::Vertical => (across, along),
        };
        let channels = usize::from(pixels.channels);
        let at = (y as usize * pixels.width as usize + x as usize) * channels;
        // Of colours, the second channel (green) carries most of the brightness.
        let Some(&value) = pixels.samples.get(at + channels / 2) else { return false };
        match self.belt {
            Belt::Dark => value > self.level,
            Belt::Light => value < self.level,
        }
    }
}

fn is_share(count: usize, of: u32, share: f32) -> bool {
    count > 0 && count as f32 >= share * of as f32
}
