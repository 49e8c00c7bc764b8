//! One picture with the instant it was taken.

use std::time::{Instant, SystemTime};

use super::Picture;

/// One picture of a source, numbered in the order it was taken.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts the frames of a source from 0; a gap means that the source itself lost some.
    pub sequence: u64,
    /// When it was taken.
    pub taken: Taken,
    /// The picture; cheap to clone.
    pub picture: Picture,
    /// What the source calls it, where that means something: a file's name.
    pub name: Option<String>,
}

/// An instant on both clocks: durations come from the monotonic one, dates from the other, which may jump.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Never jumps.
    pub monotonic: Instant,
    /// What the station believed the time to be.
    pub wall: SystemTime,
}

impl Taken {
    /// This instant.
    #[must_use]
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}
