//! The camera's view: boards on a dark belt, moved by a fixed distance each frame.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::boards::{self, BoardTruth, Boards};
use super::layout::BOARD_SIDE;
use super::light::Light;
use super::raster::SIDE;

/// Grey level of the belt in even light.
const BELT: u8 = 22;

/// Which way the belt runs, as the camera sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Boards come in on the left.
    LeftToRight,
    /// Boards come in on the right.
    RightToLeft,
}

/// What a simulated line is like.
#[derive(Debug, Clone, PartialEq)]
pub struct LineSettings {
    /// Everything random follows from this number.
    pub seed: u64,
    /// Width of a frame in pixels; more than [`BOARD_SIDE`].
    pub width: u32,
    /// Height of a frame in pixels; at least [`BOARD_SIDE`].
    pub height: u32,
    /// Share of boards with one to three defects, 0..=1.
    pub ng_rate: f64,
    /// How far the belt moves from a frame to the next, in pixels. Above 0, and small enough that each board is in full
    /// view in at least one frame: at most `width - BOARD_SIDE`.
    pub speed_px_per_frame: f64,
    /// Bare belt between two boards, in pixels; at least 1.
    pub gap_px: u32,
    /// After so many boards the belt stays bare.
    pub boards: u64,
    /// Which way the belt runs.
    pub direction: Direction,
    /// Number of different products on the line, 1..=64; a board's product is random.
    pub products: usize,
    /// Standard deviation of the sensor's noise in grey levels, 0..=20.
    pub noise: f32,
    /// Share by which the light slowly rises and falls, 0..=0.2.
    pub light_drift: f32,
}

impl Default for LineSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            width: 960,
            height: 720,
            ng_rate: 0.2,
            speed_px_per_frame: 40.0,
            gap_px: 160,
            boards: u64::MAX,
            direction: Direction::RightToLeft,
            products: 8,
            noise: 3.0,
            light_drift: 0.06,
        }
    }
}

/// Why a line cannot be simulated.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("cannot simulate a line with {setting} = {value}; choose {range}")]
pub struct ImpossibleLine {
    setting: &'static str,
    value: String,
    range: String,
}

impl LineSettings {
    fn check(&self) -> Result<(), ImpossibleLine> {
        let side = BOARD_SIDE;
        let room = f64::from(self.width.saturating_sub(side));
        let ranges = [
            ("width", f64::from(self.width), f64::from(side + 1), 4096.0),
            ("height", f64::from(self.height), f64::from(side), 4096.0),
            ("ng_rate", self.ng_rate, 0.0, 1.0),
            ("speed_px_per_frame", self.speed_px_per_frame, 0.01, room),
            ("gap_px", f64::from(self.gap_px), 1.0, 100_000.0),
            ("products", self.products as f64, 1.0, 64.0),
            ("noise", f64::from(self.noise), 0.0, 20.0),
            ("light_drift", f64::from(self.light_drift), 0.0, 0.2),
        ];
        match ranges.into_iter().find(|(_, value, low, high)| !(low..=high).contains(&value)) {
            None => Ok(()),
            Some((setting, value, low, high)) => {
                Err(ImpossibleLine { setting, value: value.to_string(), range: format!("{low} to {high}") })
            }
        }
    }
}

/// A board in the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibleBoard {
    /// Which board of the line, counted from 0.
    pub board: u64,
    /// Where its left edge is in the frame, in pixels; negative when it is cut off.
    pub left: i64,
    /// Where its upper edge is in the frame, in pixels.
    pub top: u32,
    /// Whether all of it is in the frame.
    pub in_full_view: bool,
}

/// What the camera sees at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneFrame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Grey levels, row by row from the top left.
    pub grey: Vec<u8>,
    /// The boards in the view, the one that came first in front.
    pub boards: Vec<VisibleBoard>,
}

/// A line of boards passing a camera. Frame `n` follows from the settings and `n` alone.
#[derive(Debug)]
pub struct SimulatedLine {
    settings: LineSettings,
    boards: Boards,
    light: Light,
    /// Photographs of boards in or near the view.
    album: VecDeque<(u64, Vec<u8>)>,
}

impl SimulatedLine {
    /// Sets the line up; this draws the artwork of its products, some tens of milliseconds each.
    ///
    /// # Errors
    /// A setting is out of its range.
    pub fn new(settings: LineSettings) -> Result<Self, ImpossibleLine> {
        settings.check()?;
        let mut rng = StdRng::seed_from_u64(settings.seed.rotate_left(32));
        Ok(Self {
            boards: Boards::new(settings.seed, settings.ng_rate, settings.products),
            light: Light::new(settings.width as usize, settings.noise, settings.light_drift, &mut rng),
            album: VecDeque::new(),
            settings,
        })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &LineSettings {
        &self.settings
    }

    /// Frame number `n`, counted from 0. The first board enters with the first frames.
    pub fn frame(&mut self, n: u64) -> SceneFrame {
        let (width, height) = (self.settings.width as usize, self.settings.height as usize);
        let mut grey = vec![BELT; width * height];
        let boards = self.in_view(n);
        for seen in &boards {
            let photograph = self.photograph(seen.board);
            let from = (-seen.left).max(0) as usize;
            let left = seen.left.max(0) as usize;
            let shown = (SIDE - from).min(width - left);
            for (row, line) in
                photograph.chunks_exact(SIDE).zip(grey.chunks_exact_mut(width).skip(seen.top as usize))
            {
                line[left..left + shown].copy_from_slice(&row[from..from + shown]);
            }
        }
        self.light.expose(n, &mut grey);
        SceneFrame { width: self.settings.width, height: self.settings.height, grey, boards }
    }

    /// The boards in frame `n`, without drawing it.
    pub fn in_view(&self, n: u64) -> Vec<VisibleBoard> {
        let side = i64::from(BOARD_SIDE);
        let width = i64::from(self.settings.width);
        let pitch = side + i64::from(self.settings.gap_px);
        // How far the first board's leading edge has come into the view.
        let way = (n as f64 * self.settings.speed_px_per_frame) as i64;
        let first_to_see = ((way - width - side) / pitch).max(0);
        let last = i64::try_from(self.settings.boards).unwrap_or(i64::MAX) - 1;
        (first_to_see..=last.min(way / pitch))
            .filter_map(|board| {
                let entered = way - board * pitch;
                let left = match self.settings.direction {
                    Direction::LeftToRight => entered - side,
                    Direction::RightToLeft => width - entered,
                };
                (left > -side && left < width).then(|| VisibleBoard {
                    board: board as u64,
                    left,
                    top: (self.settings.height - BOARD_SIDE) / 2,
                    in_full_view: left >= 0 && left + side <= width,
                })
            })
            .collect()
    }

    /// What is truly on a board.
    pub fn truth(&self, board: u64) -> BoardTruth {
        self.boards.make(board).1
    }

    /// A board alone in even light without noise, [`BOARD_SIDE`] by [`BOARD_SIDE`] grey levels row by row.
    pub fn board_picture(&self, board: u64) -> Vec<u8> {
        boards::photograph(&self.boards.make(board).0)
    }

    /// The good board of a board's product, drawn as [`Self::board_picture`] draws it.
    pub fn good_picture(&self, truth: &BoardTruth) -> Vec<u8> {
        boards::photograph(self.boards.good(truth.product))
    }

    fn photograph(&mut self, board: u64) -> &[u8] {
        const KEPT: usize = 4;
        let at = match self.album.iter().position(|(number, _)| *number == board) {
            Some(at) => at,
            None => {
                self.album.truncate(KEPT - 1);
                self.album.push_front((board, self.board_picture(board)));
                0
            }
        };
        &self.album[at].1
    }
}
