//! Where frames come from.

mod folder;
mod frame;
mod picture;
mod usb;

pub use folder::{Folder, Pace, pictures_in, read_picture};
pub use frame::{Frame, Taken};
pub use picture::{
    Buffers, Colour, Decoder, Detail, Layout, Levels, Picture, PictureError, Pixels, Raw, Region, Wanted,
    Window,
};
pub use usb::{
    Bus, Control, Controls, Device, Fault, Grab, Identity, Machine, Mode, Offer, PixelFormat, Preference,
    Rate, Rehearsal, Streaming, UsbCamera, UsbSettings, Which, choose, pick,
};

use std::time::Duration;

/// A thing that frames can be taken from: a folder, a simulated line, a camera.
///
/// It lives on a thread of its own and may block, but for no longer than it is told to.
pub trait FrameSource: Send {
    /// Waits at most `patience` for the next frame.
    ///
    /// # Errors
    /// A fault that another call may find mended (a camera unplugged, a folder not readable just now).
    fn next_frame(&mut self, patience: Duration) -> Result<Next, CameraError>;

    /// What it is, for people: `folder boards/ (12 pictures)`.
    fn describe(&self) -> String;

    /// What is wrong with it although frames come: an exposure that did not hold.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Whether frames keep coming while nobody takes them, so that some must be dropped at overload. A source that
    /// is not live waits instead.
    fn is_live(&self) -> bool;
}

/// What a [`FrameSource`] had within the given time.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Frame),
    /// Nothing yet.
    Late,
    /// Nothing ever again: the folder's last picture was given.
    End,
}

/// Why a source gave no frame.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The source is not there or cannot be read now.
    #[error("cannot read frames from {source_name}: {reason}; {remedy}")]
    Unavailable {
        /// The source in the words of its configuration.
        source_name: String,
        /// What the system said.
        reason: String,
        /// What a person can do.
        remedy: String,
    },
    /// A camera gives no frames now.
    #[error("cannot take frames from the camera with {camera}: {reason}")]
    Camera {
        /// The camera in the words of its configuration.
        camera: String,
        /// What is wrong, and what a person can do.
        reason: String,
    },
}
