//! Proof of life by work: what the watchdog looks at.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what a station's threads got done.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    camera: AtomicU64,
    judge: AtomicU64,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beat {
    camera: u64,
    judge: u64,
}

impl Pulse {
    /// The source answered within its time, be it with a frame or with a fault.
    pub(super) fn camera(&self) {
        self.camera.fetch_add(1, Ordering::Relaxed);
    }

    /// What a worker saw came to the judge, or an item was judged.
    pub(super) fn judge(&self) {
        self.judge.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether work went on since `before`, which is moved to now: the camera's thread came round, and what it handed
    /// over came through the workers to the judge, or `nothing_waits`.
    pub(super) fn went_on(&self, before: &mut Beat, nothing_waits: bool) -> bool {
        let now =
            Beat { camera: self.camera.load(Ordering::Relaxed), judge: self.judge.load(Ordering::Relaxed) };
        let went_on = now.camera != before.camera && (now.judge != before.judge || nothing_waits);
        *before = now;
        went_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_waits_and_is_not_done_is_no_life() {
        let (pulse, mut beat) = (Pulse::default(), Beat::default());
        pulse.camera();
        assert!(pulse.went_on(&mut beat, true), "nothing waits");
        pulse.camera();
        assert!(!pulse.went_on(&mut beat, false), "an item waits and nothing came to the judge");
        pulse.camera();
        pulse.judge();
        assert!(pulse.went_on(&mut beat, false));
        assert!(!pulse.went_on(&mut beat, false), "the camera did nothing");
    }
}
