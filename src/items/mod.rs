//! From frames to one verdict an item.
//!
//! An item is found in the frames in which it is seen ([`Passing`]; or every frame is an item of its own) and judged
//! once, from all of them ([`Judgement`]). Between the two stands the [`pool`](crate::pool) of workers.
//!
//! Invariant: every item number that was given out comes back in exactly one [`Judged`], whatever was dropped on
//! the way. So items = OK + NG + NOT INSPECTED.

mod passing;
mod profile;
mod decisive;
mod sightings;
mod judgement;
mod tally;

pub use decisive::Decisive;
pub use judgement::{Defect, Judged, Judgement, Reason, Rule, Verdict};
pub use passing::{Passing, Seen, Whole};
pub use profile::{Belt, PresenceRule, Travel};
pub use tally::Tally;

use crate::inspection::Region;

/// What an item is at a station.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemMode {
    /// Every frame shows one item: pictures in a folder, or a camera that a sensor triggers.
    Frame {
        /// The part of the picture that is inspected; the whole picture where `None`.
        region: Option<Region>,
    },
    /// Items pass through the view on a belt.
    Passing(PresenceRule),
}

impl ItemMode {
    /// The part of the picture outside of which nothing is looked at; the whole picture where `None`.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        match self {
            Self::Frame { region } => *region,
            Self::Passing(rule) => rule.region,
        }
    }

    /// The same with another region.
    #[must_use]
    pub fn with_region(self, region: Option<Region>) -> Self {
        match self {
            Self::Frame { .. } => Self::Frame { region },
            Self::Passing(rule) => Self::Passing(PresenceRule { region, ..rule }),
        }
    }
}
