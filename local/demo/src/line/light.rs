//! What light and sensor do to the scene: a slow drift, an uneven field, and noise.

use rand::Rng;
use rand::rngs::StdRng;

/// Rows of noise, and the distance between their starts.
const TILE: usize = 1024;
/// Length of one cycle of the light's drift, in frames.
const DRIFT_PERIOD: f32 = 900.0;

/// Light over the camera's view and the noise of its sensor.
#[derive(Debug)]
pub(super) struct Light {
    /// Brightness along a row in 1/256, before the drift.
    across: Vec<u16>,
    /// Noise for any place of a frame, read from a place that the frame's number decides.
    noise: Vec<i8>,
    drift: f32,
}

impl Light {
    /// `noise` is the standard deviation in grey levels; `drift` the share by which the light rises and falls.
    pub(super) fn new(width: usize, noise: f32, drift: f32, rng: &mut StdRng) -> Self {
        // The sum of four uniform values is close enough to a normal distribution for a sensor.
        let tile = (0..TILE * TILE + TILE + width)
            .map(|_| {
                let sum: f32 = (0..4).map(|_| rng.random_range(-0.5..0.5f32)).sum();
                (sum * noise * 3f32.sqrt()).round().clamp(-127.0, 127.0) as i8
            })
            .collect();
        let across = (0..width)
            .map(|x| {
                let from_middle = x as f32 / width as f32 - 0.5;
                (256.0 * (1.0 - 0.2 * from_middle * from_middle)) as u16
            })
            .collect();
        Self { across, noise: tile, drift }
    }

    /// Turns the even scene of frame `n` into what the sensor delivers, in place.
    pub(super) fn expose(&self, n: u64, scene: &mut [u8]) {
        let width = self.across.len();
        let phase = (n % (DRIFT_PERIOD as u64)) as f32 / DRIFT_PERIOD * std::f32::consts::TAU;
        let level = (256.0 * (1.0 + self.drift * phase.sin())) as u32;
        let gains: Vec<u16> =
            self.across.iter().map(|gain| ((u32::from(*gain) * level) >> 8) as u16).collect();
        let scramble = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (right, down) = ((scramble >> 40) as usize % TILE, (scramble >> 20) as usize % TILE);
        for (y, row) in scene.chunks_exact_mut(width).enumerate() {
            let start = ((y + down) % TILE) * TILE + right;
            shade(row, &gains, &self.noise[start..start + width]);
        }
    }
}

fn shade(row: &mut [u8], gains: &[u16], noise: &[i8]) {
    for ((grey, gain), noise) in row.iter_mut().zip(gains).zip(noise) {
        *grey = lit(*grey, *gain, *noise);
    }
}

fn lit(grey: u8, gain: u16, noise: i8) -> u8 {
    (((i32::from(grey) * i32::from(gain)) >> 8) + i32::from(noise)).clamp(0, 255) as u8
}
