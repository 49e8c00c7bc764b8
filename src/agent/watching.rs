//! A camera's thread: takes frames, finds items in them, hands both over and never waits for the model.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::{controls::Dial, numbers::ItemNumbers, pulse::Pulse, stop::Stop},
    camera::{Colour, Decoder, Frame, FrameSource, Next, Picture, PictureError, Pixels, Taken, Wanted},
    items::{ItemMode, Passing},
    plant::{Listening, Outputs},
    pool::{Handover, Look},
};

/// How long one look at the source may take: the longest that a stop has to wait for it.
const PATIENCE: Duration = Duration::from_millis(200);

/// How long to leave a source in peace after a fault.
const FAULT_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Watch {
    pub(super) source: Box<dyn FrameSource>,
    pub(super) mode: ItemMode,
    /// What says that an item is there, if not every frame is one.
    pub(super) trigger: Option<Listening>,
    pub(super) outputs: Option<Outputs>,
    pub(super) numbers: ItemNumbers,
    pub(super) handover: Handover,
    pub(super) pulse: Arc<Pulse>,
    pub(super) dial: Dial,
    pub(super) paused: bool,
    /// Items in view that were passed over in part.
    pub(super) skipped: BTreeSet<u64>,
    pub(super) stop: Stop,
    /// What was last said of the region.
    pub(super) region_fault: Option<String>,
}

impl Watch {
    /// Runs until the source ends or the stop is asked for; then every item that it counted has departed.
    pub(super) fn run(mut self) {
        let mut passing = match &self.mode {
            ItemMode::Frame { .. } => None,
            ItemMode::Passing(rule) => Some(Passing::new(rule.clone(), self.numbers.next())),
        };
        let mut decoder = Decoder::default();
        while !self.stop.is_set() {
            self.pulse.camera();
            self.turn(&mut passing);
            self.give_up_triggers(false);
            match self.source.next_frame(PATIENCE) {
                Ok(Next::Frame(frame)) => {
                    if self.pulse.frame() {
                        tracing::info!("frames come again from {}", self.source.describe());
                    }
                    if let Some(outputs) = &self.outputs {
                        outputs.saw();
                    }
                    if let Some(complaint) = self.pulse.complaint_changed(self.source.complaint()) {
                        tracing::error!("{}: {complaint}", self.source.describe());
                    }
                    match &mut passing {
                        None => self.single(frame),
                        Some(passing) => self.pass(passing, &mut decoder, frame),
                    }
                }
                Ok(Next::Late) => {}
                Ok(Next::End) => break,
                Err(error) => {
                    if self.pulse.absent(error.to_string()) {
                        tracing::error!("{error}");
                        // Nobody knows where those in view will be when frames come again.
                        for item in passing.iter_mut().flat_map(Passing::finish) {
                            self.depart(item, Instant::now());
                        }
                    }
                    self.stop.wait(FAULT_PAUSE);
                }
            }
        }
        for item in passing.iter_mut().flat_map(Passing::finish) {
            self.depart(item, Instant::now());
        }
        if let Some(listening) = &self.trigger {
            listening.triggers().close();
        }
        self.give_up_triggers(true);
        self.numbers.finish();
        self.handover.close();
    }

    /// A frame that shows one item, if it shows one.
    fn single(&mut self, frame: Frame) {
        match &self.trigger {
            None => {
                let moment = frame.taken.monotonic;
                self.item(frame, moment);
            }
            Some(listening) => match listening.triggers().take(frame.taken.monotonic) {
                Some(moment) => self.item(frame, moment),
                // Without a trigger there is nothing in front of the camera.
                None => self.pulse.empty_frame(),
            },
        }
    }

    fn item(&mut self, frame: Frame, moment: Instant) {
        let item = self.numbers.take();
        self.offer(Look { item, region: self.mode.region(), frame });
        self.depart(item, moment);
    }

    /// Triggers that waited too long for a frame are items all the same; at the end all that wait.
    fn give_up_triggers(&mut self, is_last: bool) {
        while let Some((unseen, patience)) = self.trigger.as_ref().and_then(|listening| {
            let triggers = listening.triggers();
            Some((triggers.take_unseen(Instant::now(), is_last)?, triggers.patience()))
        }) {
            let reason = match (unseen.is_overflow, is_last, self.pulse.absence()) {
                (true, ..) => "too many triggers waited for a frame".to_owned(),
                (_, true, _) => "the station stopped before its frame came".to_owned(),
                (.., Some(absence)) => format!("no frame came within {patience:?} of its trigger: {absence}"),
                (.., None) => format!("no frame came within {patience:?} of its trigger"),
            };
            let picture = Picture::Damaged(reason.into());
            let frame = Frame { sequence: 0, taken: Taken::now(), picture, name: None };
            self.item(frame, unseen.due);
        }
    }

    /// Brings other settings into force, if there are.
    fn turn(&mut self, passing: &mut Option<Passing>) {
        let Some(settings) = self.dial.turned() else { return };
        self.paused = settings.paused;
        if settings.region != self.mode.region() {
            self.mode = self.mode.clone().with_region(settings.region);
            passing.iter_mut().for_each(|it| it.set_region(settings.region));
        }
    }

    fn offer(&mut self, look: Look) {
        if self.paused {
            self.skipped.insert(look.item);
        } else {
            self.handover.offer(look);
        }
    }

    /// An item is gone; its verdict will come. One that was passed over in part is not judged by the rest of it.
    fn depart(&mut self, item: u64, moment: Instant) {
        if let Some(outputs) = &self.outputs {
            outputs.passed(item, moment);
        }
        if self.skipped.remove(&item) || self.paused {
            self.handover.pass_over(item);
        } else {
            self.handover.depart(item);
        }
    }

    fn pass(&mut self, passing: &mut Passing, decoder: &mut Decoder, frame: Frame) {
        // A frame that cannot be decoded shows no item; those in view are found again in the next one.
        let pixels = match decoder.decode(&frame.picture, &Wanted::all(Colour::Grey)) {
            Ok((pixels, _)) => pixels,
            Err(error) => {
                tracing::warn!(frame = frame.sequence, "{error}");
                return;
            }
        };
        self.pulse.shows([pixels.width, pixels.height]);
        self.complain_of_region(pixels);
        let seen = passing.observe(pixels);
        self.numbers.advance_to(passing.next_item());
        if seen.whole.is_empty() {
            self.pulse.empty_frame();
        }
        for whole in seen.whole {
            let frame = frame.clone();
            self.offer(Look { item: whole.item, region: Some(whole.region), frame });
        }
        for item in seen.left {
            self.depart(item, frame.taken.monotonic);
        }
    }

    /// Where the region is not in the picture no item may ever be seen, which must not be silent.
    fn complain_of_region(&mut self, pixels: &Pixels) {
        let (width, height) = (pixels.width, pixels.height);
        let fault = self.mode.region().filter(|region| !region.is_within([width, height]));
        let fault = fault.map(|region| PictureError::Region { region, width, height }.to_string());
        if let Some(fault) = fault.as_ref().filter(|_| self.region_fault != fault) {
            tracing::error!("{fault}");
        }
        self.region_fault = fault;
    }
}
