//! The patterns that fill a region of a board, each in a rectangle that is at least as wide as high.
//!
//! Widths, gaps and pads follow what was measured on DeepPCB at 640 by 640 pixels: traces of 8 to 18 pixels, power
//! copper of 24 to 66, gaps of 11 to 40. What is legal there and yet looks like a defect is left out: drilled holes
//! small enough to pass for pin-holes, and pads joined over a short way.

use rand::Rng;
use rand::rngs::StdRng;

use super::geometry::{Area, Point, Shape};
use super::net::{Net, SPACING, trace};

/// Least length of a trace between a pad and a bend or another pad, in pixels: a shorter one looks like a short.
const STUB: f32 = 58.0;

/// A kind of artwork.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pattern {
    /// Parallel traces from pad to pad with a bend of 45 degrees.
    Bus,
    /// Broad parallel power traces.
    Stripes,
    /// A plane of copper with drilled holes, divided by a slit.
    Plate,
    /// Soldering pads, some of them joined in a row.
    Pads,
    /// Rings of copper round drilled holes, some joined.
    Rings,
    /// One trace with much free space around it.
    Lonely,
}

impl Pattern {
    pub(super) fn random(rng: &mut StdRng) -> Self {
        const ALL: [Pattern; 7] = [
            Pattern::Bus,
            Pattern::Bus,
            Pattern::Stripes,
            Pattern::Plate,
            Pattern::Pads,
            Pattern::Rings,
            Pattern::Lonely,
        ];
        ALL[rng.random_range(0..ALL.len())]
    }
}

/// Fills `area` with `pattern`; nets keep [`SPACING`] among themselves and stay within the area.
pub(super) fn draw(pattern: Pattern, area: Area, rng: &mut StdRng) -> Vec<Net> {
    match pattern {
        Pattern::Bus | Pattern::Lonely if area.width() < 4.0 * STUB => stripes(area, rng),
        Pattern::Bus => bus(area, rng),
        Pattern::Stripes => stripes(area, rng),
        Pattern::Plate => plate(area, rng),
        Pattern::Pads => pads(area, rng),
        Pattern::Rings => rings(area, rng),
        Pattern::Lonely => lonely(area, rng),
    }
}

fn bus(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let half_width = rng.random_range(4.0..7.5f32);
    let pad = half_width + rng.random_range(3.0..5.0f32);
    let pitch = 2.0 * pad + SPACING + rng.random_range(1.0..7.0f32);
    let shift = rng.random_range(0.0..(area.height() / 2.5).min(70.0)).floor();
    let shift = if area.width() - shift < 2.0 * STUB + 4.0 * pad + area.height() / 2.0 { 0.0 } else { shift };
    let down = rng.random_bool(0.5);
    let room = area.height() - 2.0 * pad - shift;
    let count = (room / pitch).floor().clamp(0.0, 8.0) as usize + 1;
    let square_ends = rng.random_bool(0.5);
    // The bends lie on the bisector of the two directions, so that the gap is the same before, in and after them.
    let slant = pitch * (std::f32::consts::PI / 8.0).tan() * if down { -1.0 } else { 1.0 };
    let spread = slant.abs() * count as f32;
    let middle = (area.min.x + area.max.x - shift) / 2.0 - slant * (count as f32 - 1.0) / 2.0;
    let freedom = ((area.width() - shift - spread) / 2.0 - STUB - 4.0 * pad).max(0.0);
    let bend = middle + rng.random_range(-1.0..=1.0f32) * freedom;

    (0..count)
        .map(|i| {
            let y = area.min.y + pad + if down { 0.0 } else { shift } + i as f32 * pitch;
            let after = if down { y + shift } else { y - shift };
            let x = bend + i as f32 * slant;
            let points = [
                Point::new(area.min.x + 1.4 * pad, y),
                Point::new(x, y),
                Point::new(x + shift, after),
                Point::new(area.max.x - 1.4 * pad, after),
            ];
            let mut copper: Vec<Shape> = trace(&points, half_width).collect();
            copper.extend([points[0], points[3]].map(|end| {
                if square_ends {
                    Shape::Pad { area: Area::around(end, 1.4 * pad, pad), corner: 4.0 }
                } else {
                    Shape::disc(end, pad)
                }
            }));
            Net::of(copper)
        })
        .collect()
}

fn stripes(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let mut nets = Vec::new();
    let mut y = area.min.y;
    loop {
        let height = rng.random_range(24.0..66.0f32).floor();
        if y + height > area.max.y {
            return nets;
        }
        let stripe = Area::new(area.min.x, y, area.max.x, y + height);
        nets.push(Net::of(vec![Shape::Pad { area: stripe, corner: 6.0 }]));
        y += height + rng.random_range(22.0..40.0f32).floor();
    }
}

fn plate(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let slit = rng.random_range(13.0..24.0f32).floor();
    let at = area.min.x + area.width() * rng.random_range(0.35..0.65f32);
    let mut parts = [area, area];
    parts[0].max.x = at - slit / 2.0;
    parts[1].min.x = at + slit / 2.0;
    parts
        .into_iter()
        .map(|part| {
            let small = part.width().min(part.height());
            let cut = (small * 0.35).min(rng.random_range(8.0..42.0f32));
            let mut net = Net::of(vec![Shape::Plate { area: part, cut }]);
            let radius = rng.random_range(24.0..32.0f32);
            if small > 2.0 * (radius + 26.0) {
                let inner = part.shrunk(radius + 24.0);
                let hole = Point::new(
                    rng.random_range(inner.min.x..=inner.max.x),
                    rng.random_range(inner.min.y..=inner.max.y),
                );
                net.drills.push(Shape::disc(hole, radius));
            }
            net
        })
        .collect()
}

fn pads(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let (half_x, half_y) = (rng.random_range(13.0..18.0f32), rng.random_range(16.0..24.0f32));
    let half_trace = rng.random_range(6.0..8.5f32);
    let grid =
        Grid::new(area, half_x, half_y, STUB + rng.random_range(0.0..18.0), rng.random_range(20.0..30.0));
    let pad = |place| Shape::Pad { area: Area::around(place, half_x, half_y), corner: 5.0 };
    rows_of_chains(&grid, 0.62, half_trace, pad, rng)
}

fn rings(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let radius = rng.random_range(32.0..39.0f32);
    let drill = radius - rng.random_range(13.0..15.0f32);
    let half_trace = rng.random_range(5.0..7.5f32);
    let grid =
        Grid::new(area, radius, radius, STUB + rng.random_range(0.0..18.0), rng.random_range(24.0..36.0));
    let mut nets = rows_of_chains(&grid, 0.45, half_trace, |place| Shape::disc(place, radius), rng);
    for net in &mut nets {
        let centres: Vec<Point> = net.copper.iter().filter_map(|shape| disc_centre(shape, radius)).collect();
        net.drills = centres.into_iter().map(|centre| Shape::disc(centre, drill)).collect();
    }
    nets
}

fn lonely(area: Area, rng: &mut StdRng) -> Vec<Net> {
    let half_width = rng.random_range(4.5..8.0f32);
    let pad = rng.random_range(14.0..19.0f32);
    let low = area.max.y - pad;
    let straight = area.width() - 2.0 * pad - 2.0 * STUB;
    let high = (area.min.y + pad).max(low - straight.max(0.0));
    let rise = low - high;
    let bend = area.min.x + pad + STUB + (straight - rise).max(0.0) * rng.random_range(0.0..1.0f32);
    let points = [
        Point::new(area.min.x + pad, low),
        Point::new(bend, low),
        Point::new(bend + rise, high),
        Point::new(area.max.x - pad, high),
    ];
    let mut copper: Vec<Shape> = trace(&points, half_width).collect();
    copper.extend([points[0], points[3]].map(|end| Shape::disc(end, pad)));
    vec![Net::of(copper)]
}

/// Places in rows and columns, as many as fit, centred.
struct Grid {
    first: Point,
    step: Point,
    columns: usize,
    rows: usize,
}

impl Grid {
    fn new(area: Area, half_x: f32, half_y: f32, gap_x: f32, gap_y: f32) -> Self {
        let step = Point::new(2.0 * half_x + gap_x, 2.0 * half_y + gap_y);
        let columns = ((area.width() - 2.0 * half_x) / step.x).floor().max(0.0) as usize + 1;
        let rows = ((area.height() - 2.0 * half_y) / step.y).floor().max(0.0) as usize + 1;
        let left = (area.width() - (columns - 1) as f32 * step.x) / 2.0;
        let top = (area.height() - (rows - 1) as f32 * step.y) / 2.0;
        Self { first: Point::new(area.min.x + left, area.min.y + top), step, columns, rows }
    }

    fn place(&self, column: usize, row: usize) -> Point {
        Point::new(self.first.x + column as f32 * self.step.x, self.first.y + row as f32 * self.step.y)
    }
}

/// Fills each row of the grid with `part`, joining a part to the next one in `joined` of the cases.
fn rows_of_chains(
    grid: &Grid,
    joined: f64,
    half_trace: f32,
    part: impl Fn(Point) -> Shape,
    rng: &mut StdRng,
) -> Vec<Net> {
    let mut nets = Vec::new();
    for row in 0..grid.rows {
        let mut net = Net::default();
        for column in 0..grid.columns {
            let place = grid.place(column, row);
            net.copper.push(part(place));
            if column + 1 < grid.columns && rng.random_bool(joined) {
                net.copper.extend(trace(&[place, grid.place(column + 1, row)], half_trace));
            } else {
                nets.push(std::mem::take(&mut net));
            }
        }
    }
    nets
}

fn disc_centre(shape: &Shape, radius: f32) -> Option<Point> {
    match *shape {
        Shape::Stroke { from, to, half_width } if from == to && half_width == radius => Some(from),
        _ => None,
    }
}
