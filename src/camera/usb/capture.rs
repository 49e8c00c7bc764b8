//! The thread that reads a camera: finds it, opens it, streams, and starts anew after every fault.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    content::picture,
    control::plan,
    device::{Bus, Device, Grab, Streaming},
    fault::Fault,
    identity::{Identity, pick},
    lock::Lock,
    mode::{Preference, choose},
    settings::UsbSettings,
    slot::Slot,
};
use crate::camera::{Buffers, Frame, Picture, Taken};

/// The longest that the thread is deaf to a stop.
const TURN: Duration = Duration::from_millis(100);

/// A camera that gives nothing for so long, and for so many of its frames, has stalled.
const STALL: (Duration, u32) = (Duration::from_secs(2), 5);

/// So many damaged frames running, over so long a time, are no accident.
const DAMAGED: (u32, Duration) = (10, Duration::from_secs(2));

/// A gap in the driver's count that is longer is no count.
const LONGEST_GAP: u32 = 1_000_000;

pub(super) struct Capture {
    bus: Box<dyn Bus>,
    settings: UsbSettings,
    slot: Slot,
    buffers: Buffers,
    /// The camera that was bound, and the size that its pictures had: a station's regions are pixels.
    bound: Option<(Identity, [u32; 2])>,
    sequence: u64,
    /// Attempts without a frame since the last one.
    failed: u32,
}

impl Capture {
    pub(super) fn new(bus: Box<dyn Bus>, settings: UsbSettings, slot: Slot) -> Self {
        let buffers = Buffers::default();
        Self { bus, settings, slot, buffers, bound: None, sequence: 0, failed: 0 }
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            // The crates below take a driver's word for many things and panic where it makes no sense.
            let ended = catch_unwind(AssertUnwindSafe(|| self.stream())).unwrap_or_else(|panic| {
                let reason = panic.downcast_ref::<String>().map_or("its answers make no sense", |it| it);
                Err(Fault::Refused { attempt: "cannot talk with the camera's driver", reason: reason.into() })
            });
            let Err(fault) = ended else { break };
            self.failed += 1;
            let pause = fault.pause(self.failed);
            self.slot.fault(fault);
            if self.slot.pause(pause) {
                break;
            }
        }
        self.slot.end();
    }

    /// Streams until it is told to stop.
    fn stream(&mut self) -> Result<(), Fault> {
        let cameras = self.bus.cameras()?;
        let bound = self.bound.as_ref();
        let camera = pick(&cameras, &self.settings.which, bound.map(|(camera, _)| camera))?;
        let mut device = self.bus.open(camera)?;
        let wanted = Preference {
            size: bound.map(|(_, size)| *size).or(self.settings.preference.size),
            ..self.settings.preference
        };
        let mode = choose(&device.offers(wanted.size)?, &wanted)?;
        let settings = plan(&self.settings.controls, &device.controls()?)?;
        let streaming = device.start(&mode)?;
        // Only now: a change of format may reset them.
        let mut lock = Lock::new(settings);
        self.slot.complain(lock.look(&mut *device)?);
        let shown = format!("{camera}: {}", streaming.mode);
        tracing::info!("the camera is {shown}");
        self.slot.connected(shown);
        self.bound = Some((camera.clone(), mode.size));
        self.read(&mut *device, &streaming, &mut lock)
    }

    fn read(&mut self, device: &mut dyn Device, streaming: &Streaming, lock: &mut Lock) -> Result<(), Fault> {
        let patience = stall(streaming);
        let mut last = Instant::now();
        let mut damaged: Option<(u32, Instant)> = None;
        let mut count: Option<u32> = None;
        while !self.slot.is_stopping() {
            if lock.is_due(Instant::now()) {
                self.slot.complain(lock.look(device)?);
            }
            let Some(grab) = device.grab(TURN)? else {
                if last.elapsed() >= patience {
                    return Err(Fault::Stalled(patience));
                }
                continue;
            };
            last = Instant::now();
            let gap = count.map_or(1, |before| grab.sequence.wrapping_sub(before)).clamp(1, LONGEST_GAP);
            count = Some(grab.sequence);
            self.sequence += u64::from(gap);
            match picture(&grab, streaming, &mut self.buffers) {
                Ok(picture) => {
                    damaged = None;
                    self.failed = 0;
                    self.give(&grab, picture);
                }
                Err(reason) => {
                    let (running, since) = damaged.get_or_insert((0, Instant::now()));
                    *running += 1;
                    if *running >= DAMAGED.0 && since.elapsed() >= DAMAGED.1 {
                        return Err(Fault::Damaged(reason));
                    }
                    // It is a frame all the same: what it should show is not inspected.
                    self.give(&grab, Picture::Damaged(Arc::from(reason)));
                }
            }
        }
        Ok(())
    }

    fn give(&self, grab: &Grab<'_>, picture: Picture) {
        let age = grab.age.unwrap_or_default();
        let (now, wall) = (Instant::now(), SystemTime::now());
        let taken = Taken {
            monotonic: now.checked_sub(age).unwrap_or(now),
            wall: wall.checked_sub(age).unwrap_or(wall),
        };
        self.slot.put(Frame { sequence: self.sequence - 1, taken, picture, name: None });
    }
}

/// From which silence on a stream has stalled.
fn stall(streaming: &Streaming) -> Duration {
    let slowest = streaming.mode.rate.map_or(0.0, |rate| f64::from(STALL.1) / rate.a_second().max(0.01));
    STALL.0.max(Duration::try_from_secs_f64(slowest).unwrap_or(STALL.0))
}
