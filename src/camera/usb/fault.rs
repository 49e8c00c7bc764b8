//! What can go wrong with a camera, and how long to leave it in peace then.

use std::time::Duration;

/// Why a camera gives no frames now. Each is a state that is tried to be left again and again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No camera fits.
    #[error(
        "the camera with {wanted} is not there; plug it in, or correct [source.camera]; there are: {there}"
    )]
    Absent {
        /// What was asked for.
        wanted: String,
        /// What is there.
        there: String,
    },
    /// Another camera is in its place.
    #[error(
        "another camera is there than the one with {wanted}: {found}; plug the right one in, or correct [source.camera] and start again"
    )]
    Swapped {
        /// What was asked for, or was there before.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// Several cameras fit.
    #[error("several cameras have {wanted}: {fitting}; say which with usb_path in [source.camera]")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Those that fit.
        fitting: String,
    },
    /// Somebody else has it.
    #[error("the camera is busy: another program uses it; end that program")]
    Busy,
    /// The system does not let this user have it.
    #[error("this user may not open the camera; add the user to the group video")]
    Denied,
    /// What is wanted of it is not offered.
    #[error("the camera has no such format: {wanted}; correct [source.camera]; it offers: {offered}")]
    Formats {
        /// Format, size and rate, as far as they were asked for or were there before.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// It is not there any more.
    #[error("the camera was unplugged; plug it in again")]
    Gone,
    /// It gives nothing.
    #[error("the camera has stalled: no frame for {0:?}; if this returns, look at its cable and its power")]
    Stalled(Duration),
    /// It gives frames of which none is whole.
    #[error("the camera gives damaged frames only ({0}); if this returns, look at its cable and its power")]
    Damaged(String),
    /// The control does not exist or does not take the value.
    #[error("{0}")]
    Control(String),
    /// Anything else that the system says.
    #[error("{attempt}: {reason}; if this returns, unplug the camera and plug it in again")]
    Refused {
        /// What was attempted.
        attempt: &'static str,
        /// What the system said.
        reason: String,
    },
}

/// The first pause before a camera that gave up is opened again.
const FIRST: Duration = Duration::from_millis(500);

/// The longest.
const LONGEST: Duration = Duration::from_secs(10);

impl Fault {
    /// What the system's error means.
    pub(super) fn of(attempt: &'static str, error: &std::io::Error) -> Self {
        // errno(3): the numbers of Linux.
        match error.raw_os_error() {
            Some(16) => Self::Busy,
            Some(1 | 13) => Self::Denied,
            Some(2 | 6 | 19) => Self::Gone,
            _ => Self::Refused { attempt, reason: error.to_string() },
        }
    }

    /// How long to wait before the next attempt, the `failed`th running (from 1) without a frame between.
    ///
    /// Looking whether a camera is plugged in costs nothing, so that is done often. One that is there and does not work
    /// is opened ever more seldom: opening may wedge a camera that is about to come up.
    #[must_use]
    pub fn pause(&self, failed: u32) -> Duration {
        match self {
            Self::Absent { .. } | Self::Gone | Self::Swapped { .. } | Self::Ambiguous { .. } => FIRST,
            Self::Busy => 2 * FIRST,
            Self::Denied | Self::Formats { .. } | Self::Control(_) => 4 * FIRST,
            Self::Stalled(_) | Self::Damaged(_) | Self::Refused { .. } => {
                let doublings = failed.saturating_sub(1).min(8);
                (FIRST * (1 << doublings)).min(LONGEST)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_gone_is_looked_for_often_and_one_that_does_not_work_is_left_in_peace() {
        let stalled = Fault::Stalled(Duration::from_secs(2));
        let seconds = |fault: &Fault, failed| fault.pause(failed).as_secs_f64();
        for (fault, expected) in [
            (&Fault::Gone, [0.5, 0.5, 0.5, 0.5, 0.5]),
            (&Fault::Busy, [1.0, 1.0, 1.0, 1.0, 1.0]),
            (&stalled, [0.5, 1.0, 2.0, 4.0, 10.0]),
        ] {
            assert_eq!([1, 2, 3, 4, u32::MAX].map(|failed| seconds(fault, failed)), expected, "{fault}");
        }
    }

    #[test]
    fn the_systems_errors_have_names() {
        for (errno, expected) in [(16, Fault::Busy), (13, Fault::Denied), (19, Fault::Gone), (2, Fault::Gone)]
        {
            let error = std::io::Error::from_raw_os_error(errno);
            assert_eq!(Fault::of("cannot open the camera", &error), expected);
        }
        let full = Fault::of("cannot start the stream", &std::io::Error::from_raw_os_error(28)).to_string();
        assert!(full.contains("cannot start the stream") && full.contains("No space left"), "{full}");
    }
}
