//! Between a camera's capture thread and whoever takes its frames: the newest few, or why there are none.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::fault::Fault;
use crate::camera::Frame;

/// Frames that may wait; a station that is slower than its camera gets the newest.
const ROOM: usize = 4;

/// Clones are the same slot.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<(Mutex<Held>, Condvar)>);

#[derive(Default)]
struct Held {
    frames: VecDeque<Frame>,
    fault: Option<Fault>,
    /// What the camera is and how it streams, while it does.
    camera: Option<String>,
    /// What is wrong although it streams.
    complaint: Option<String>,
    overrun: u64,
    is_stopping: bool,
    has_ended: bool,
}

impl Slot {
    /// Gives a frame; the oldest makes room. A fault is over.
    pub(super) fn put(&self, frame: Frame) {
        let mut held = self.lock();
        held.fault = None;
        if held.frames.len() >= ROOM {
            held.frames.pop_front();
            held.overrun += 1;
        }
        held.frames.push_back(frame);
        self.0.1.notify_all();
    }

    /// Says what streams now.
    pub(super) fn connected(&self, camera: String) {
        self.lock().camera = Some(camera);
    }

    /// Says why no frames come.
    pub(super) fn fault(&self, fault: Fault) {
        let mut held = self.lock();
        held.fault = Some(fault);
        held.camera = None;
        held.complaint = None;
        self.0.1.notify_all();
    }

    /// Waits at most `patience` for a frame or a fault. Frames that were taken before a fault come first.
    pub(super) fn take(&self, patience: Duration) -> Result<Option<Frame>, Fault> {
        let has_nothing = |held: &mut Held| held.frames.is_empty() && held.fault.is_none();
        let waited = self.0.1.wait_timeout_while(self.lock(), patience, has_nothing);
        let mut held = waited.unwrap_or_else(PoisonError::into_inner).0;
        match (held.frames.pop_front(), &held.fault) {
            (None, Some(fault)) => Err(fault.clone()),
            (frame, _) => Ok(frame),
        }
    }

    /// What streams now.
    pub(super) fn camera(&self) -> Option<String> {
        self.lock().camera.clone()
    }

    /// Says what is wrong although frames come, or that nothing is.
    pub(super) fn complain(&self, complaint: Option<String>) {
        self.lock().complaint = complaint;
    }

    /// What is wrong although frames come.
    pub(super) fn complaint(&self) -> Option<String> {
        self.lock().complaint.clone()
    }

    /// How many frames nobody took in time.
    pub(super) fn overrun(&self) -> u64 {
        self.lock().overrun
    }

    /// Asks the capture thread to end.
    pub(super) fn stop(&self) {
        self.lock().is_stopping = true;
        self.0.1.notify_all();
    }

    /// Whether the capture thread shall end.
    pub(super) fn is_stopping(&self) -> bool {
        self.lock().is_stopping
    }

    /// The capture thread waits at most `pause`; whether it shall end.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(self.lock(), pause, |held| !held.is_stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_stopping
    }

    /// The capture thread has ended.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.0.1.notify_all();
    }

    /// Waits at most `patience` for the capture thread's end; whether it came.
    pub(super) fn wait_for_end(&self, patience: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(self.lock(), patience, |held| !held.has_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Picture, Taken};

    fn frame(sequence: u64) -> Frame {
        Frame { sequence, taken: Taken::now(), picture: Picture::Damaged("x".into()), name: None }
    }

    #[test]
    fn the_newest_frames_are_kept_and_the_others_counted() {
        let slot = Slot::default();
        (0..10).for_each(|sequence| slot.put(frame(sequence)));
        let taken: Vec<_> =
            std::iter::from_fn(|| slot.take(Duration::ZERO).unwrap()).map(|it| it.sequence).collect();
        assert_eq!((taken, slot.overrun()), (vec![6, 7, 8, 9], 6));
    }

    #[test]
    fn a_fault_stands_until_the_next_frame_and_hides_none_before_it() {
        let slot = Slot::default();
        slot.put(frame(0));
        slot.fault(Fault::Gone);
        assert_eq!(slot.take(Duration::ZERO).unwrap().unwrap().sequence, 0);
        for _ in 0..2 {
            assert_eq!(slot.take(Duration::ZERO).unwrap_err(), Fault::Gone);
        }
        slot.put(frame(1));
        assert_eq!(slot.take(Duration::ZERO).unwrap().unwrap().sequence, 1);
        assert!(slot.take(Duration::ZERO).unwrap().is_none());
    }
}
