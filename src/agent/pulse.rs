//! Proof of life by work: what the watchdog looks at.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// A source that gives neither a frame nor a fault for so long after the start has nothing to show now.
const SILENCE: Duration = Duration::from_secs(10);

/// Counts what a station's threads got done.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    camera: AtomicU64,
    judge: AtomicU64,
    has_frames: AtomicBool,
    has_empty_frame: AtomicBool,
    /// Why no frames come.
    absence: Mutex<Option<String>>,
    /// What is wrong with the source although frames come.
    complaint: Mutex<Option<String>>,
    /// Width and height of the last picture.
    size: Mutex<Option<[u32; 2]>>,
    /// What is wrong with the disk that reports go to.
    disk: Mutex<Option<String>>,
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

    /// The source gave a frame. Whether none came before it for a reason.
    pub(super) fn frame(&self) -> bool {
        self.has_frames.store(true, Ordering::Relaxed);
        self.absence.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// The source's pictures have this width and height, in pixels.
    pub(super) fn shows(&self, size: [u32; 2]) {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = Some(size);
    }

    /// Width and height of the source's pictures, in pixels; `None` before one was seen.
    pub(super) fn size(&self) -> Option<[u32; 2]> {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame was looked at, and there was no item in it to be inspected.
    pub(super) fn empty_frame(&self) {
        self.has_empty_frame.store(true, Ordering::Relaxed);
    }

    /// No frames come, for this reason. Whether that is news.
    pub(super) fn absent(&self, reason: String) -> bool {
        let mut absence = self.absence.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = absence.as_ref() != Some(&reason);
        *absence = Some(reason);
        is_news
    }

    /// Takes what is wrong with the source although frames come, and gives it if it is news.
    pub(super) fn complaint_changed(&self, complaint: Option<String>) -> Option<String> {
        let mut known = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *known != complaint;
        *known = complaint;
        known.clone().filter(|_| is_news)
    }

    /// What is wrong with the source although frames come.
    fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why no frames come, if none do.
    pub(super) fn absence(&self) -> Option<String> {
        self.absence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The disk that reports go to is in this trouble, or in none.
    pub(super) fn disk(&self, trouble: Option<String>) {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Everything that is wrong, in one line; `None` where all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let absence = self.absence().map(|reason| format!("no frames: {reason}"));
        let complaint = self.complaint().map(|it| format!("camera: {it}"));
        let troubles = [absence, complaint, disk.map(|it| format!("disk: {it}"))];
        let troubles: Vec<_> = troubles.into_iter().flatten().collect();
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }

    /// Whether it is known how the station stands, `waited` after its start: its first frame was judged, or its source
    /// has none.
    pub(super) fn is_known(&self, waited: Duration) -> bool {
        self.judge.load(Ordering::Relaxed) > 0
            || self.has_empty_frame.load(Ordering::Relaxed)
            || self.absence().is_some()
            || (waited >= SILENCE && !self.has_frames.load(Ordering::Relaxed))
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

    #[test]
    fn a_station_is_known_once_its_first_frame_was_judged_or_its_source_has_none() {
        let late = SILENCE;
        let known = |what: fn(&Pulse), waited| {
            let pulse = Pulse::default();
            pulse.camera();
            what(&pulse);
            pulse.is_known(waited)
        };
        assert!(!known(|_| {}, Duration::ZERO), "the source may be slow");
        assert!(known(|_| {}, late), "it is silent");
        assert!(!known(|it| _ = it.frame(), late), "the frame is not judged yet, however long that takes");
        assert!(known(|it| it.judge(), Duration::ZERO));
        assert!(known(|it| it.empty_frame(), Duration::ZERO));
        assert!(known(|it| _ = it.absent("unplugged".to_owned()), Duration::ZERO));
    }

    #[test]
    fn why_no_frames_come_is_news_once_and_over_with_the_next_frame() {
        let pulse = Pulse::default();
        assert!(!pulse.frame(), "nothing was wrong");
        assert!(pulse.absent("unplugged".to_owned()));
        assert!(!pulse.absent("unplugged".to_owned()));
        assert!(pulse.absent("busy".to_owned()));
        assert_eq!(pulse.absence().as_deref(), Some("busy"));
        assert!(pulse.frame());
        assert_eq!(pulse.absence(), None);
    }

    #[test]
    fn everything_that_is_wrong_stands_in_one_line() {
        let pulse = Pulse::default();
        assert_eq!(pulse.trouble(), None);
        pulse.disk(Some("full".to_owned()));
        assert_eq!(pulse.trouble().as_deref(), Some("disk: full"));
        pulse.absent("unplugged".to_owned());
        pulse.complaint_changed(Some("the exposure does not hold".to_owned()));
        let all = "no frames: unplugged; camera: the exposure does not hold; disk: full";
        assert_eq!(pulse.trouble().as_deref(), Some(all));
    }
}
