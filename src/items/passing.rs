//! Items that pass through the camera's view on a belt: each gets one number, however many frames show it.

use crate::{
    camera::Pixels,
    inspection::Region,
    items::profile::{PresenceRule, Stretch},
};

/// Follows items through the view.
///
/// It sees every frame, also those that the model has no time for, so that an item is counted even when none of its
/// frames is inspected.
pub struct Passing {
    rule: PresenceRule,
    next_item: u64,
    tracks: Vec<Track>,
}

/// What one frame shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Items that are wholly in view, each with the rectangle that it fills.
    pub whole: Vec<Whole>,
    /// Items of which no frame can follow that shows them whole: they can be judged now, before they are out of view.
    pub left: Vec<u64>,
}

/// An item that is wholly in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its number.
    pub item: u64,
    /// Where it is, in pixels of the picture.
    pub region: Region,
}

struct Track {
    item: u64,
    stretch: Stretch,
    /// Pixels a frame along the travel.
    speed: f32,
    /// In how many frames running it was not found.
    missing: u32,
    was_whole: bool,
    /// It was given as left; it is followed on only so that nobody takes it for another item.
    left: bool,
}

/// A frame that is too dark or smeared hides an item for a moment; it is not another item afterwards.
const MISSING_FRAMES: u32 = 2;

/// A stretch belongs to an item if it covers at least this share of the shorter of the two.
const SAME_ITEM_SHARE: f32 = 0.3;

impl Passing {
    /// Starts with an empty view; the first item gets the number `first_item`.
    #[must_use]
    pub fn new(rule: PresenceRule, first_item: u64) -> Self {
        Self { rule, next_item: first_item, tracks: Vec::new() }
    }

    /// Looks for items in another part of the picture from now on. Those in view stay the items that they are.
    pub fn set_region(&mut self, region: Option<Region>) {
        self.rule.region = region;
    }

    /// Looks at the next frame.
    pub fn observe(&mut self, pixels: &Pixels) -> Seen {
        let Some(view) = self.rule.view(pixels) else { return Seen::default() };
        let mut stretches = self.rule.stretches(pixels, view);
        let bounds = self.bounds(view);
        let mut seen = Seen::default();

        for mut track in std::mem::take(&mut self.tracks) {
            match take_nearest(&mut stretches, track.expected()) {
                Some(stretch) => {
                    track.meet(stretch);
                    self.tracks.push(track);
                }
                None if track.may_come_back(bounds) => {
                    track.missing += 1;
                    self.tracks.push(track);
                }
                None if track.left => {}
                None => seen.left.push(track.item),
            }
        }
        for stretch in stretches {
            self.tracks.push(Track::new(self.next_item, stretch));
            self.next_item += 1;
        }
        for track in self.tracks.iter_mut().filter(|track| track.missing == 0 && !track.left) {
            if is_inside(track.stretch, bounds) {
                track.was_whole = true;
                let region = self.rule.extent(pixels, view, track.stretch);
                seen.whole.push(Whole { item: track.item, region });
            } else if track.was_whole {
                track.left = true;
                seen.left.push(track.item);
            }
        }
        seen
    }

    /// Gives up every item in view: no frame will follow.
    pub fn finish(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.tracks).into_iter().filter(|it| !it.left).map(|it| it.item).collect()
    }

    /// The number that the next item will get.
    #[must_use]
    pub fn next_item(&self) -> u64 {
        self.next_item
    }

    fn bounds(&self, view: Region) -> Stretch {
        match self.rule.travel {
            super::Travel::Horizontal => Stretch { start: view.x, end: view.x + view.width },
            super::Travel::Vertical => Stretch { start: view.y, end: view.y + view.height },
        }
    }
}

impl Track {
    fn new(item: u64, stretch: Stretch) -> Self {
        Self { item, stretch, speed: 0.0, missing: 0, was_whole: false, left: false }
    }

    /// Where the item should be now: its last place, moved on.
    fn expected(&self) -> (f32, f32) {
        let shift = self.speed * (self.missing + 1) as f32;
        (self.stretch.start as f32 + shift, self.stretch.end as f32 + shift)
    }

    fn meet(&mut self, stretch: Stretch) {
        // An item that is cut off by the view's edge moves at one end only: the end that moved more tells its speed.
        let frames = (self.missing + 1) as f32;
        let by_start = (stretch.start as f32 - self.stretch.start as f32) / frames;
        let by_end = (stretch.end as f32 - self.stretch.end as f32) / frames;
        self.speed = if by_start.abs() > by_end.abs() { by_start } else { by_end };
        self.stretch = stretch;
        self.missing = 0;
    }

    fn may_come_back(&self, bounds: Stretch) -> bool {
        let (start, end) = self.expected();
        self.missing < MISSING_FRAMES && end > bounds.start as f32 && start < bounds.end as f32
    }
}

fn is_inside(stretch: Stretch, bounds: Stretch) -> bool {
    stretch.start > bounds.start && stretch.end < bounds.end
}

fn take_nearest(stretches: &mut Vec<Stretch>, (start, end): (f32, f32)) -> Option<Stretch> {
    let common = |stretch: &Stretch| end.min(stretch.end as f32) - start.max(stretch.start as f32);
    let (index, best) =
        stretches.iter().enumerate().max_by(|(_, a), (_, b)| common(a).total_cmp(&common(b)))?;
    let shorter = (end - start).min(best.length() as f32);
    (common(best) >= SAME_ITEM_SHARE * shorter).then(|| stretches.remove(index))
}

#[cfg(test)]
mod tests;
