//! A camera as a source of frames.

use std::{io, thread, time::Duration};

use super::{capture::Capture, identity::Which, settings::UsbSettings, slot::Slot};
use crate::camera::{CameraError, FrameSource, Next};

/// How long the capture thread gets to end; one that a driver holds is left behind.
const END: Duration = Duration::from_secs(2);

/// A camera, wherever it is plugged in just now. It has a thread of its own, which opens it, reads it and opens it again
/// after every fault, until the source is dropped.
pub struct UsbCamera {
    which: Which,
    slot: Slot,
    /// Overruns that were told.
    told: u64,
    /// Why there is no thread.
    broken: Option<io::Error>,
}

impl UsbCamera {
    /// Starts to look for the camera.
    #[must_use]
    pub fn start(settings: &UsbSettings) -> Self {
        let slot = Slot::default();
        let capture = Capture::new(settings.bus(), settings.clone(), slot.clone());
        let span = tracing::Span::current();
        let started = thread::Builder::new().name("capture".to_owned()).spawn(move || {
            span.in_scope(|| capture.run());
        });
        Self { which: settings.which.clone(), slot, told: 0, broken: started.err() }
    }

    fn tell_overruns(&mut self) {
        let overrun = self.slot.overrun();
        // The first is news, then every power of two: a station that is always too slow does not fill the log.
        if overrun > self.told && overrun.ilog2() > self.told.max(1).ilog2() || self.told == 0 && overrun > 0
        {
            tracing::warn!(
                "{overrun} frames since the start came faster than they were taken from the camera"
            );
            self.told = overrun;
        }
    }

    fn unavailable(&self, reason: String) -> CameraError {
        CameraError::Camera { camera: self.which.to_string(), reason }
    }
}

impl FrameSource for UsbCamera {
    fn next_frame(&mut self, patience: Duration) -> Result<Next, CameraError> {
        if let Some(error) = &self.broken {
            return Err(self.unavailable(format!("cannot start its thread: {error}")));
        }
        let taken = self.slot.take(patience);
        self.tell_overruns();
        match taken {
            Ok(Some(frame)) => Ok(Next::Frame(frame)),
            Ok(None) => Ok(Next::Late),
            Err(fault) => Err(self.unavailable(fault.to_string())),
        }
    }

    fn describe(&self) -> String {
        match self.slot.camera() {
            Some(camera) => format!("camera {camera}"),
            None => format!("the camera with {}", self.which),
        }
    }

    fn complaint(&self) -> Option<String> {
        self.slot.complaint()
    }

    fn is_live(&self) -> bool {
        true
    }
}

impl Drop for UsbCamera {
    fn drop(&mut self) {
        self.slot.stop();
        if self.broken.is_none() && !self.slot.wait_for_end(END) {
            tracing::warn!("the camera's driver holds its thread, which is left behind");
        }
    }
}
