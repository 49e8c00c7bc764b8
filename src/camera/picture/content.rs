//! A picture as its source gave it.

use std::sync::Arc;

use super::{pixels::Pixels, raw::Raw};

/// A frame's picture, shared and never changed.
#[derive(Clone, Debug)]
pub enum Picture {
    /// A JPEG or PNG as it came, not looked at yet: it may be anything.
    Encoded(Arc<Vec<u8>>),
    /// What a camera sends without compression.
    Raw(Arc<Raw>),
    /// Pixels.
    Pixels(Arc<Pixels>),
    /// Something was taken, but no picture came of it; says why.
    Damaged(Arc<str>),
}
