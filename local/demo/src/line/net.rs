//! Copper that is connected, and the room that it keeps.

use super::geometry::{Point, Shape};

/// Least clear distance between two nets, and between copper and the board's edge, in pixels.
pub(super) const SPACING: f32 = 11.0;

/// Copper that is connected, and the holes drilled through it.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) copper: Vec<Shape>,
    pub(super) drills: Vec<Shape>,
}

impl Net {
    pub(super) fn of(copper: Vec<Shape>) -> Self {
        Self { copper, drills: Vec::new() }
    }

    pub(super) fn transposed(self) -> Self {
        let turn = |shapes: Vec<Shape>| shapes.iter().map(Shape::transposed).collect();
        Self { copper: turn(self.copper), drills: turn(self.drills) }
    }
}

/// A polyline of one width.
pub(super) fn trace(points: &[Point], half_width: f32) -> impl Iterator<Item = Shape> + '_ {
    points.windows(2).map(move |ends| Shape::Stroke { from: ends[0], to: ends[1], half_width })
}
