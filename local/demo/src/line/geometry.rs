//! The shapes that copper is made of, as signed distances: negative inside, in pixels.

/// A place on the board, in pixels from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Point {
    pub(super) fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// This point moved `distance` pixels along `direction`.
    pub(super) fn along(self, direction: Point, distance: f32) -> Self {
        Self::new(self.x + direction.x * distance, self.y + direction.y * distance)
    }

    /// Mirrored at the diagonal, which turns a horizontal pattern into a vertical one.
    fn transposed(self) -> Self {
        Self::new(self.y, self.x)
    }
}

/// An upright rectangle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) min: Point,
    pub(super) max: Point,
}

impl Area {
    pub(super) fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { min: Point::new(x0, y0), max: Point::new(x1, y1) }
    }

    pub(super) fn around(centre: Point, half_width: f32, half_height: f32) -> Self {
        Self::new(
            centre.x - half_width,
            centre.y - half_height,
            centre.x + half_width,
            centre.y + half_height,
        )
    }

    pub(super) fn width(&self) -> f32 {
        self.max.x - self.min.x
    }

    pub(super) fn height(&self) -> f32 {
        self.max.y - self.min.y
    }

    /// This area without a rim of `by` pixels.
    pub(super) fn shrunk(&self, by: f32) -> Self {
        Self::new(self.min.x + by, self.min.y + by, self.max.x - by, self.max.y - by)
    }

    pub(super) fn transposed(&self) -> Self {
        Self { min: self.min.transposed(), max: self.max.transposed() }
    }
}

/// One stroke of the artwork.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A straight piece of trace with round ends; a disc when both ends agree.
    Stroke { from: Point, to: Point, half_width: f32 },
    /// A rectangle with rounded corners.
    Pad { area: Area, corner: f32 },
    /// A rectangle with corners cut at 45 degrees, `cut` pixels from each corner.
    Plate { area: Area, cut: f32 },
}

impl Shape {
    pub(super) fn disc(centre: Point, radius: f32) -> Self {
        Self::Stroke { from: centre, to: centre, half_width: radius }
    }

    /// Signed distance of `p` to the outline in pixels; exact for strokes and pads, never too large for plates.
    pub(super) fn distance(&self, p: Point) -> f32 {
        match *self {
            Self::Stroke { from, to, half_width } => distance_to_segment(p, from, to) - half_width,
            Self::Pad { area, corner } => distance_to_area(p, area.shrunk(corner)) - corner,
            Self::Plate { area, cut } => {
                let x = (p.x - (area.min.x + area.max.x) / 2.0).abs();
                let y = (p.y - (area.min.y + area.max.y) / 2.0).abs();
                let reach = (area.width() + area.height()) / 2.0 - cut;
                distance_to_area(p, area).max((x + y - reach) * std::f32::consts::FRAC_1_SQRT_2)
            }
        }
    }

    /// The smallest upright rectangle round the shape.
    pub(super) fn bounds(&self) -> Area {
        match *self {
            Self::Stroke { from, to, half_width } => {
                Area::new(from.x.min(to.x), from.y.min(to.y), from.x.max(to.x), from.y.max(to.y))
                    .shrunk(-half_width)
            }
            Self::Pad { area, .. } | Self::Plate { area, .. } => area,
        }
    }

    pub(super) fn transposed(&self) -> Self {
        match *self {
            Self::Stroke { from, to, half_width } => {
                Self::Stroke { from: from.transposed(), to: to.transposed(), half_width }
            }
            Self::Pad { area, corner } => Self::Pad { area: area.transposed(), corner },
            Self::Plate { area, cut } => Self::Plate { area: area.transposed(), cut },
        }
    }
}

fn distance_to_segment(p: Point, from: Point, to: Point) -> f32 {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length_squared = dx * dx + dy * dy;
    let t = if length_squared > 0.0 {
        (((p.x - from.x) * dx + (p.y - from.y) * dy) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (p.x - from.x - t * dx).hypot(p.y - from.y - t * dy)
}

fn distance_to_area(p: Point, area: Area) -> f32 {
    let dx = (area.min.x - p.x).max(p.x - area.max.x);
    let dy = (area.min.y - p.y).max(p.y - area.max.y);
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0)
}
