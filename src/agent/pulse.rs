//! Proof of life by work: what the watchdog looks at.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::items::Handover;

/// Counts what the threads got done.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    camera: AtomicU64,
    model: AtomicU64,
}

/// The counts at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beat {
    camera: u64,
    model: u64,
}

impl Pulse {
    /// The source answered within its time, be it with a frame or with a fault.
    pub(super) fn camera(&self) {
        self.camera.fetch_add(1, Ordering::Relaxed);
    }

    /// The model's thread finished something.
    pub(super) fn model(&self) {
        self.model.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether work went on since `before`, which is moved to now: the camera's thread came round, and the model's
    /// did too or had nothing to do.
    pub(super) fn went_on(&self, before: &mut Beat, handover: &Handover) -> bool {
        let now =
            Beat { camera: self.camera.load(Ordering::Relaxed), model: self.model.load(Ordering::Relaxed) };
        let went_on = now.camera != before.camera && (now.model != before.model || handover.is_empty());
        *before = now;
        went_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_hangs_with_work_waiting_is_no_life() {
        let (pulse, handover) = (Pulse::default(), Handover::new(2, true));
        let mut beat = Beat::default();
        pulse.camera();
        assert!(pulse.went_on(&mut beat, &handover), "nothing waits for the model");
        handover.depart(1);
        pulse.camera();
        assert!(!pulse.went_on(&mut beat, &handover), "an item waits and the model did nothing");
        pulse.camera();
        pulse.model();
        assert!(pulse.went_on(&mut beat, &handover));
        assert!(!pulse.went_on(&mut beat, &handover), "the camera did nothing");
    }
}
