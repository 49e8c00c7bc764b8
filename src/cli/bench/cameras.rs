//! Several simulated cameras at one pool of workers: what a frame costs must not depend on their number.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    spread::{milliseconds, tenths},
    trial::{FLOOR, Trial},
    usage::{self, Memory, memory},
};
use crate::{
    camera::{Frame, Picture, Taken},
    cli::outcome::Failure,
    inspection::{Confidence, Finding, Model, Region},
    pool::{Coming, Handover, Look, Pool, Terms},
};

/// Longer than any frame takes; whoever waits is woken.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was measured with a number of cameras.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    cameras: usize,
    workers: usize,
    /// Of all cameras.
    frames: u32,
    wall: Duration,
    cpu: Duration,
    /// Of the process so far.
    memory: Memory,
}

/// Cameras that show these pictures in turns, as fast as they are inspected.
pub(super) struct Cameras {
    model: Arc<Model>,
    pictures: Vec<Picture>,
    region: Option<Region>,
}

impl Cameras {
    /// With the pictures and the region of a trial.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(super) fn new(model: Arc<Model>, trial: &Trial) -> Result<Self, Failure> {
        let pictures: Result<Vec<_>, _> = (0..trial.pictures()).map(|number| trial.picture(number)).collect();
        Ok(Self { model, pictures: pictures?, region: trial.region })
    }

    /// So many cameras, so many frames each.
    ///
    /// # Errors
    /// When a frame cannot be inspected, or one camera's picture is judged differently than another's.
    pub(super) fn show(&self, cameras: usize, frames: u32) -> Result<Shared, Failure> {
        let workers = Pool::usual_workers();
        let pool = Pool::new(workers);
        let floor = Confidence::new(FLOOR).unwrap_or(Confidence::CERTAIN);
        let terms = Terms { model: Arc::clone(&self.model), floor };
        let handovers: Vec<Handover> = (0..cameras).map(|_| pool.join(terms.clone(), false)).collect();
        let (cpu, start) = (usage::cpu(), Instant::now());
        let seen = thread::scope(|scope| {
            for worker in pool.workers() {
                scope.spawn(|| worker.work());
            }
            let judges: Vec<_> = handovers
                .iter()
                .map(|handover| {
                    scope.spawn(|| self.film(handover, frames));
                    scope.spawn(|| self.judge(handover).inspect_err(|_| handover.close()))
                })
                .collect();
            let bug = || Err("a thread ended by a bug".to_owned());
            let seen: Vec<_> =
                judges.into_iter().map(|judge| judge.join().unwrap_or_else(|_| bug())).collect();
            pool.close();
            seen
        });
        let (wall, cpu) = (start.elapsed(), usage::cpu() - cpu);
        let seen: Vec<Seen> = seen.into_iter().collect::<Result<_, _>>().map_err(Failure::Failed)?;
        let first = &seen[0];
        if seen.iter().any(|it| it.findings != first.findings || it.frames != frames) {
            let what =
                "cameras that showed the same were not judged alike; do not trust this build on this machine";
            return Err(Failure::Failed(what.to_owned()));
        }
        let frames = frames * u32::try_from(cameras).unwrap_or(u32::MAX);
        Ok(Shared { cameras, workers, frames, wall, cpu, memory: memory()? })
    }

    fn film(&self, handover: &Handover, frames: u32) {
        for (sequence, picture) in (0..u64::from(frames)).zip(self.pictures.iter().cycle()) {
            let frame = Frame { sequence, taken: Taken::now(), picture: picture.clone(), name: None };
            handover.offer(Look { item: sequence + 1, region: self.region, frame });
            handover.depart(sequence + 1);
        }
        handover.close();
    }

    /// Sees all that comes back; every picture must be seen the same each time.
    fn judge(&self, handover: &Handover) -> Result<Seen, String> {
        let mut seen = Seen { frames: 0, findings: vec![None; self.pictures.len()] };
        while let Some(coming) = handover.next(PATIENCE) {
            let Coming::Inspected(inspected) = coming else { continue };
            let findings = inspected.seen?.findings;
            seen.frames += 1;
            let picture = (inspected.item - 1) as usize % self.pictures.len();
            if seen.findings[picture].get_or_insert_with(|| findings.clone()) != &findings {
                return Err(format!("picture {} was seen differently than before", picture + 1));
            }
        }
        Ok(seen)
    }
}

/// What came of one camera's frames.
struct Seen {
    frames: u32,
    /// Of each picture.
    findings: Vec<Option<Vec<Finding>>>,
}

impl Shared {
    /// A table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(all: &[Self], notes: &mut dyn Write) -> io::Result<()> {
        writeln!(
            notes,
            "\n{:<10}{:>8}{:>12}{:>12}{:>10}",
            "cameras", "workers", "frames/s", "ms a frame", "MB"
        )?;
        for it in all {
            let (cpu, peak, speed) = (milliseconds(it.cpu()), it.memory.peak, it.frames_a_second());
            writeln!(notes, "{:<10}{:>8}{speed:>12.1}{cpu:>12.3}{peak:>10.1}", it.cameras, it.workers)?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "cameras": self.cameras,
            "workers": self.workers,
            "frames": self.frames,
            "cpu_milliseconds": milliseconds(self.cpu()),
            "frames_per_second": tenths(self.frames_a_second()),
            "memory": {"now": tenths(self.memory.now), "peak": tenths(self.memory.peak)},
        })
    }

    /// Processor time of a frame.
    pub(super) fn cpu(&self) -> Duration {
        self.cpu / self.frames.max(1)
    }

    pub(super) fn frames_a_second(&self) -> f64 {
        f64::from(self.frames) / self.wall.as_secs_f64()
    }
}
