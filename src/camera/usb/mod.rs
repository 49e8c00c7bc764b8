//! Cameras on this machine: which one, how it is set up, its frames, and what happens when it is gone.
//!
//! ```text
//! Bus ─Identity─▶ pick ─▶ Device ─offers─▶ choose ─Mode─▶ stream ─▶ Slot ─▶ UsbCamera (a FrameSource)
//!  ▲                              capture's thread                    │
//!  └──────────── a fault: a reason, a pause, from the start ◀────────┘
//! ```
//!
//! **Where nokhwa ends.** nokhwa finds the cameras and names them ([`Machine`]). From the opening on it is `v4l`, on which
//! nokhwa's V4L2 backend stands, because nokhwa 0.10 cannot do what a station needs: its `frame()` has no time-out, so a
//! stalled camera blocks it for ever; it hides the driver's error flag, bytes used and sequence number, so half a frame
//! looks like a whole one; it opens by number only, and hands out a dead handle after a replug; it refuses a camera whose
//! *current* rate is a fraction or whose format it does not know; it never matches grey; its time stamps are moved to
//! the wall clock. Each was seen or read, none can be configured.
//!
//! Decisions are pure: which camera ([`pick`]), which format ([`choose`]), what a fault does ([`Fault::pause`]). The world
//! is behind [`Bus`] and [`Device`], of which the machine's V4L2 is one implementation and a folder that plays cameras
//! ([`Rehearsal`]) the other, so that a station's reaction to faults can be rehearsed without touching its camera.

mod identity;
mod mode;
mod fault;
mod control;
mod device;
mod sysfs;
mod video;
mod machine;
mod rehearsal;
mod content;
mod settings;
mod slot;
mod lock;
mod capture;
mod source;

pub use control::{Control, Controls};
pub use device::{Bus, Device, Grab, Streaming};
pub use fault::Fault;
pub use identity::{Identity, Which, pick};
pub use machine::Machine;
pub use mode::{Mode, Offer, PixelFormat, Preference, Rate, choose};
pub use rehearsal::Rehearsal;
pub use settings::UsbSettings;
pub use source::UsbCamera;
