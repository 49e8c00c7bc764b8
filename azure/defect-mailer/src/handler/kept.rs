//! What became of a batch, between the logs and the desk.

use jiff::Timestamp;

use crate::notice::Notice;

/// What a batch came to.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) handed: Vec<Handed>,
    pub(super) folded: usize,
    pub(super) duplicates: usize,
    /// Reports for which there was no room.
    pub(super) full: usize,
}

/// What the desk must be told of a device.
pub(super) struct Handed {
    pub(super) device: String,
    pub(super) notices: Vec<Notice>,
    pub(super) due: Option<Timestamp>,
}
