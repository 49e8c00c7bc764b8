//! The simulated line as a source of frames.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use andon::camera::{CameraError, Frame, FrameSource, Next, Picture, Pixels, Taken};

use crate::line::{LineSettings, SimulatedLine};

/// A camera over the simulated line: live, so that whoever is too slow loses frames.
pub struct SimulatedCamera {
    line: SimulatedLine,
    interval: Duration,
    frames: u64,
    next: u64,
    started: Option<Instant>,
}

impl SimulatedCamera {
    /// Gives `frames` frames, one every `interval`, and then ends.
    #[must_use]
    pub fn new(line: SimulatedLine, interval: Duration, frames: u64) -> Self {
        Self { line, interval, frames, next: 0, started: None }
    }

    /// Leaves out the frames that a camera would have taken while nobody asked for one.
    fn skip_to_now(&mut self, started: Instant) {
        if !self.interval.is_zero() {
            let passed = started.elapsed().as_nanos() / self.interval.as_nanos();
            self.next =
                u64::try_from(passed).unwrap_or(u64::MAX).clamp(self.next, self.frames.saturating_sub(1));
        }
    }

    /// How many frames it takes until the last of `boards` boards has passed.
    #[must_use]
    pub fn frames_for(settings: &LineSettings, boards: u64) -> u64 {
        let board = f64::from(crate::line::BOARD_SIDE);
        let pitch = board + f64::from(settings.gap_px);
        let way = boards.saturating_sub(1) as f64 * pitch + board + f64::from(settings.width);
        // A few frames of bare belt at the end, so that the last board is seen to leave.
        (way / settings.speed_px_per_frame).ceil() as u64 + 4
    }
}

impl FrameSource for SimulatedCamera {
    fn next_frame(&mut self, patience: Duration) -> Result<Next, CameraError> {
        if self.next >= self.frames {
            return Ok(Next::End);
        }
        let started = *self.started.get_or_insert_with(Instant::now);
        self.skip_to_now(started);
        let due = started + self.interval.saturating_mul(u32::try_from(self.next).unwrap_or(u32::MAX));
        let wait = due.saturating_duration_since(Instant::now());
        if wait > patience {
            thread::sleep(patience);
            return Ok(Next::Late);
        }
        thread::sleep(wait);
        let scene = self.line.frame(self.next);
        let pixels = Pixels { width: scene.width, height: scene.height, channels: 1, samples: scene.grey };
        let frame = Frame {
            sequence: self.next,
            taken: Taken::now(),
            picture: Picture::Pixels(Arc::new(pixels)),
            name: None,
        };
        self.next += 1;
        Ok(Next::Frame(frame))
    }

    fn describe(&self) -> String {
        let settings = self.line.settings();
        format!(
            "simulated line ({}x{} pixels, {:.0} frames/s, {:.0} % of boards with defects)",
            settings.width,
            settings.height,
            1.0 / self.interval.as_secs_f64(),
            settings.ng_rate * 100.0
        )
    }

    fn is_live(&self) -> bool {
        true
    }
}
