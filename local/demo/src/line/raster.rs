//! Artwork as pixels: how much of each is copper, whose copper it is, and how far its outline is away.

use super::geometry::{Point, Shape};
use super::layout::{BOARD_SIDE, Layout};

pub(super) const SIDE: usize = BOARD_SIDE as usize;

/// Copper of one board: 0 is bare board, 255 is copper, between them the outline.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    pub(super) copper: Vec<u8>,
}

impl Raster {
    fn bare() -> Self {
        Self { copper: vec![0; SIDE * SIDE] }
    }

    pub(super) fn add(&mut self, shape: &Shape, rough: &Roughness) {
        for_each_pixel(shape, rough, |at, covered| self.copper[at] = self.copper[at].max(covered));
    }

    pub(super) fn erase(&mut self, shape: &Shape, rough: &Roughness) {
        for_each_pixel(shape, rough, |at, covered| self.copper[at] = self.copper[at].min(255 - covered));
    }

    pub(super) fn is_copper(&self, at: usize) -> bool {
        self.copper[at] >= 128
    }
}

/// A good board, and what is needed to find places for defects on it.
#[derive(Debug)]
pub(super) struct Artwork {
    pub(super) raster: Raster,
    /// The net a pixel belongs to, counted from 1; 0 is bare board.
    pub(super) nets: Vec<u16>,
    /// Signed distance to the nearest outline in pixels: negative in copper.
    distance: Vec<f32>,
}

impl Artwork {
    pub(super) fn draw(layout: &Layout, rough: &Roughness) -> Self {
        let mut raster = Raster::bare();
        let mut nets = vec![0u16; SIDE * SIDE];
        for (number, net) in (1u16..).zip(&layout.nets) {
            for shape in &net.copper {
                raster.add(shape, rough);
                for_each_pixel(shape, rough, |at, covered| {
                    if covered >= 128 {
                        nets[at] = number;
                    }
                });
            }
            for drill in &net.drills {
                raster.erase(drill, rough);
            }
        }
        for (net, copper) in nets.iter_mut().zip(&raster.copper) {
            *net = if *copper >= 128 { *net } else { 0 };
        }
        let outside = distance_to(|at| raster.is_copper(at));
        let inside = distance_to(|at| !raster.is_copper(at));
        let distance = outside.iter().zip(&inside).map(|(out, within)| out - within).collect();
        Self { raster, nets, distance }
    }

    /// Signed distance at a point; the board's edge stands for points beyond it.
    pub(super) fn distance(&self, p: Point) -> f32 {
        self.distance[pixel(p)]
    }

    /// The net at a point, 0 where there is none.
    pub(super) fn net(&self, p: Point) -> u16 {
        self.nets[pixel(p)]
    }

    /// The direction that leads away from copper at a point on an outline, of length 1.
    pub(super) fn outward(&self, p: Point) -> Option<Point> {
        let slope = |dx: f32, dy: f32| {
            self.distance(p.along(Point::new(dx, dy), 1.0)) - self.distance(p.along(Point::new(dx, dy), -1.0))
        };
        let (x, y) = (slope(3.0, 0.0), slope(0.0, 3.0));
        let length = x.hypot(y);
        (length > 4.0).then(|| Point::new(x / length, y / length))
    }
}

/// Index of the pixel at a point.
pub(super) fn pixel(p: Point) -> usize {
    let index = |value: f32| (value.max(0.0) as usize).min(SIDE - 1);
    index(p.y) * SIDE + index(p.x)
}

/// The small unevenness that etching leaves on outlines: a tile of smooth noise in pixels, repeated over the board.
#[derive(Debug)]
pub(super) struct Roughness {
    tile: Vec<f32>,
    amplitude: f32,
}

impl Roughness {
    const SIDE: usize = 64;

    /// `amplitude` in pixels; `values` are uniform in -1..1, called once for each pixel of the tile.
    pub(super) fn new(amplitude: f32, mut values: impl FnMut() -> f32) -> Self {
        let raw: Vec<f32> = (0..Self::SIDE * Self::SIDE).map(|_| values()).collect();
        let at = |x: usize, y: usize| raw[(y % Self::SIDE) * Self::SIDE + x % Self::SIDE];
        let tile = (0..raw.len())
            .map(|i| {
                let (x, y) = (i % Self::SIDE, i / Self::SIDE);
                (0..3)
                    .flat_map(|dy| (0..3).map(move |dx| (dx, dy)))
                    .map(|(dx, dy)| at(x + dx, y + dy))
                    .sum::<f32>()
                    / 3.0
            })
            .collect();
        Self { tile, amplitude }
    }

    /// The same unevenness at another size.
    pub(super) fn scaled(&self, amplitude: f32) -> Self {
        Self { tile: self.tile.clone(), amplitude }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.amplitude * self.tile[(y % Self::SIDE) * Self::SIDE + x % Self::SIDE]
    }
}

/// Visits each pixel that the shape touches with its share covered, 1..=255.
fn for_each_pixel(shape: &Shape, rough: &Roughness, mut visit: impl FnMut(usize, u8)) {
    let bounds = shape.bounds().shrunk(-3.0);
    let range = |low: f32, high: f32| (low.max(0.0) as usize)..((high.max(0.0) as usize + 1).min(SIDE));
    for y in range(bounds.min.y, bounds.max.y) {
        for x in range(bounds.min.x, bounds.max.x) {
            let distance = shape.distance(Point::new(x as f32 + 0.5, y as f32 + 0.5)) + rough.at(x, y);
            let covered = ((0.5 - distance) * 255.0).clamp(0.0, 255.0) as u8;
            if covered > 0 {
                visit(y * SIDE + x, covered);
            }
        }
    }
}

/// Distance of every pixel to the nearest one that `is_goal`, by two chamfer passes (5-7 weights, within 4 %).
fn distance_to(is_goal: impl Fn(usize) -> bool) -> Vec<f32> {
    const FAR: f32 = 1e6;
    const DIAGONAL: f32 = 1.4;
    let mut distance: Vec<f32> = (0..SIDE * SIDE).map(|at| if is_goal(at) { 0.0 } else { FAR }).collect();
    let mut relax = |x: usize, y: usize, steps: [(isize, isize, f32); 4]| {
        let mut best = distance[y * SIDE + x];
        for (dx, dy, cost) in steps {
            let (nx, ny) = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
            if nx < SIDE && ny < SIDE {
                best = best.min(distance[ny * SIDE + nx] + cost);
            }
        }
        distance[y * SIDE + x] = best;
    };
    for y in 0..SIDE {
        for x in 0..SIDE {
            relax(x, y, [(-1, 0, 1.0), (0, -1, 1.0), (-1, -1, DIAGONAL), (1, -1, DIAGONAL)]);
        }
    }
    for y in (0..SIDE).rev() {
        for x in (0..SIDE).rev() {
            relax(x, y, [(1, 0, 1.0), (0, 1, 1.0), (1, 1, DIAGONAL), (-1, 1, DIAGONAL)]);
        }
    }
    distance
}
