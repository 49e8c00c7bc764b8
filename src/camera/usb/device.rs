//! The world's edge: where cameras are found, and one that is open.

use std::time::Duration;

use super::{
    control::Control,
    fault::Fault,
    identity::Identity,
    mode::{Mode, Offer},
};
use crate::camera::picture::Levels;

/// Where cameras are plugged in.
pub trait Bus: Send {
    /// Those that are there now.
    ///
    /// # Errors
    /// When that cannot be told.
    fn cameras(&self) -> Result<Vec<Identity>, Fault>;

    /// Opens one.
    ///
    /// # Errors
    /// When it is gone, busy or not allowed.
    fn open(&self, camera: &Identity) -> Result<Box<dyn Device>, Fault>;
}

/// An open camera. Dropping it lets others have it.
pub trait Device {
    /// What it can stream, bounded whatever it claims. Of a range of sizes some are given, among them `wanted` if it is
    /// in the range.
    ///
    /// # Errors
    /// When it is gone, or its answers make no sense.
    fn offers(&self, wanted: Option<[u32; 2]>) -> Result<Vec<Offer>, Fault>;

    /// Its controls, bounded whatever it claims.
    ///
    /// # Errors
    /// When it is gone, or its answers make no sense.
    fn controls(&self) -> Result<Vec<Control>, Fault>;

    /// What a control has now.
    ///
    /// # Errors
    /// When it is gone, or has no such control.
    fn control(&self, id: u32) -> Result<i64, Fault>;

    /// Sets a control; the driver may round.
    ///
    /// # Errors
    /// When it is gone or refuses.
    fn set_control(&mut self, id: u32, value: i64) -> Result<(), Fault>;

    /// Starts to stream; what it really does is returned, which may be another rate.
    ///
    /// # Errors
    /// When it is gone or busy, or makes something else of the format or size.
    fn start(&mut self, mode: &Mode) -> Result<Streaming, Fault>;

    /// Waits at most `patience` for a frame; `None` if none came.
    ///
    /// # Errors
    /// When it is gone or its driver failed; then it must be opened anew.
    fn grab(&mut self, patience: Duration) -> Result<Option<Grab<'_>>, Fault>;
}

/// How the pictures of a stream are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    /// How it streams.
    pub mode: Mode,
    /// Bytes from row to row; 0 where rows are not padded.
    pub stride: u32,
    /// What black and white are.
    pub levels: Levels,
}

/// A frame as it lies in the driver's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Grab<'d> {
    /// As many bytes as the driver says were filled.
    pub bytes: &'d [u8],
    /// The driver says that it is damaged.
    pub is_damaged: bool,
    /// Counts the frames of the stream, also those that were lost.
    pub sequence: u32,
    /// How long ago it was taken, where the driver's clock tells.
    pub age: Option<Duration>,
}
