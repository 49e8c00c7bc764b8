//! The six kinds of defect of DeepPCB: where each can be on a board, and what it does to the copper.

use rand::Rng;
use rand::rngs::StdRng;

use super::geometry::{Point, Shape};
use super::layout::BOARD_SIDE;
use super::net::SPACING;
use super::raster::{Artwork, Raster, Roughness, SIDE};

/// A kind of defect, named as in DeepPCB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DefectKind {
    /// A trace is cut.
    Open,
    /// Two nets are joined.
    Short,
    /// A piece of a trace's edge is missing.
    Mousebite,
    /// A trace has grown an outgrowth.
    Spur,
    /// Copper lies where none belongs.
    Copper,
    /// There is a hole in the copper.
    Pinhole,
}

impl DefectKind {
    /// All kinds, in the order of DeepPCB's class numbers, which start at 1.
    pub const ALL: [DefectKind; 6] =
        [Self::Open, Self::Short, Self::Mousebite, Self::Spur, Self::Copper, Self::Pinhole];

    /// The label that detectors trained on DeepPCB give.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Short => "short",
            Self::Mousebite => "mousebite",
            Self::Spur => "spur",
            Self::Copper => "copper",
            Self::Pinhole => "pin-hole",
        }
    }
}

/// One defect on one board.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueDefect {
    /// What it is.
    pub kind: DefectKind,
    /// Where it is: x_min, y_min, x_max, y_max in pixels of the board, with the rim that DeepPCB's labels have.
    pub bounds: [f32; 4],
}

/// Rim of DeepPCB's boxes around what differs from the good board, in pixels.
const RIM: f32 = 9.0;
/// Least distance between the centres of two defects on one board, in pixels.
const APART: f32 = 90.0;
/// Places tried before a kind is given up for a board.
const TRIES: usize = 20_000;

/// What is done to the copper.
struct Change {
    kind: DefectKind,
    strokes: Vec<Shape>,
    adds: bool,
}

/// Puts a defect of `kind` on the board where the artwork has room for it, away from the ones already `there`.
/// `None` if no place was found.
pub(super) fn place(
    kind: DefectKind,
    artwork: &Artwork,
    board: &mut Raster,
    there: &[TrueDefect],
    rough: &Roughness,
    rng: &mut StdRng,
) -> Option<TrueDefect> {
    (0..TRIES).find_map(|_| {
        let spot = Point::new(rng.random_range(30.0..610.0), rng.random_range(30.0..610.0));
        if there.iter().any(|defect| distance_to_centre(spot, defect) < APART) {
            return None;
        }
        let change = match kind {
            DefectKind::Open => open(artwork, spot, rng),
            DefectKind::Short => short(artwork, spot, rng),
            DefectKind::Mousebite => mousebite(artwork, spot, rng),
            DefectKind::Spur => spur(artwork, spot, rng),
            DefectKind::Copper => copper(artwork, spot, rng),
            DefectKind::Pinhole => pinhole(artwork, spot, rng),
        }?;
        Some(apply(&change, artwork, board, rough))
    })
}

fn distance_to_centre(p: Point, defect: &TrueDefect) -> f32 {
    let [x0, y0, x1, y1] = defect.bounds;
    (p.x - (x0 + x1) / 2.0).hypot(p.y - (y0 + y1) / 2.0)
}

fn apply(change: &Change, artwork: &Artwork, board: &mut Raster, rough: &Roughness) -> TrueDefect {
    for stroke in &change.strokes {
        if change.adds {
            board.add(stroke, rough);
        } else {
            board.erase(stroke, rough);
        }
    }
    let reach =
        change.strokes.iter().map(Shape::bounds).fold([f32::MAX, f32::MAX, 0.0f32, 0.0f32], |all, one| {
            [all[0].min(one.min.x), all[1].min(one.min.y), all[2].max(one.max.x), all[3].max(one.max.y)]
        });
    TrueDefect { kind: change.kind, bounds: changed(artwork, board, reach) }
}

/// The box round the pixels that differ from the good board within `reach`, with its rim.
fn changed(artwork: &Artwork, board: &Raster, reach: [f32; 4]) -> [f32; 4] {
    let side = BOARD_SIDE as f32;
    let index = |value: f32| value.clamp(0.0, side - 1.0) as usize;
    let mut found = [side, side, 0.0f32, 0.0f32];
    for y in index(reach[1] - 3.0)..=index(reach[3] + 3.0) {
        for x in index(reach[0] - 3.0)..=index(reach[2] + 3.0) {
            if artwork.raster.copper[y * SIDE + x] != board.copper[y * SIDE + x] {
                let (x, y) = (x as f32, y as f32);
                found = [found[0].min(x), found[1].min(y), found[2].max(x + 1.0), found[3].max(y + 1.0)];
            }
        }
    }
    [
        (found[0] - RIM).max(0.0),
        (found[1] - RIM).max(0.0),
        (found[2] + RIM).min(side),
        (found[3] + RIM).min(side),
    ]
}

/// A cut through a straight trace, a little slanted.
fn open(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let edge = Edge::at(artwork, spot, 26.0)?;
    let width = edge.march(artwork, -1.0, 34.0, |distance| distance > 0.0)?;
    let far = Edge::at(artwork, spot.along(edge.outward, -width), 26.0)?;
    if width < 7.0 || dot(far.outward, edge.outward) > -0.97 {
        return None;
    }
    let half_gap = rng.random_range(3.6..5.4f32) + width / 24.0;
    let slant = rng.random_range(-0.4..0.4f32) * width;
    let from = spot.along(edge.outward, 2.0);
    let to = spot.along(edge.outward, -width - 2.0).along(edge.tangent(), slant);
    change(DefectKind::Open, vec![Shape::Stroke { from, to, half_width: half_gap }], false)
}

/// A bridge between two neighbouring nets.
fn short(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let edge = Edge::at(artwork, spot, 12.0)?;
    let gap = edge.march(artwork, 1.0, 40.0, |distance| distance < 0.0)?;
    let here = artwork.net(spot.along(edge.outward, -3.0));
    let there = artwork.net(spot.along(edge.outward, gap + 3.0));
    if gap < SPACING - 2.0 || here == 0 || there == 0 || here == there {
        return None;
    }
    let half_width = rng.random_range(2.8..4.6);
    let from = spot.along(edge.outward, -3.0);
    let to = spot.along(edge.outward, gap + 3.0).along(edge.tangent(), rng.random_range(-3.0..3.0));
    let middle = spot.along(edge.outward, gap / 2.0).along(edge.tangent(), rng.random_range(-3.5..3.5));
    let strokes =
        vec![Shape::Stroke { from, to: middle, half_width }, Shape::Stroke { from: middle, to, half_width }];
    change(DefectKind::Short, strokes, true)
}

/// A notch in a straight edge that leaves at least a third of the trace.
fn mousebite(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let edge = Edge::at(artwork, spot, 16.0)?;
    let width = edge.march(artwork, -1.0, 60.0, |distance| distance > 0.0).unwrap_or(60.0);
    if width < 9.0 || artwork.distance(spot.along(edge.outward, 5.0)) < 4.0 {
        return None;
    }
    let depth = (width * rng.random_range(0.5..0.62f32)).min(rng.random_range(7.5..11.0));
    let radius = rng.random_range(3.6..4.6f32);
    let deep = spot.along(edge.outward, radius - depth);
    let aside = rng.random_range(2.0..5.0) * if rng.random_bool(0.5) { 1.0 } else { -1.0 };
    let mouth = spot.along(edge.outward, 1.0);
    let strokes = vec![
        Shape::Stroke { from: deep, to: mouth, half_width: radius },
        Shape::Stroke { from: mouth, to: mouth.along(edge.tangent(), aside), half_width: radius * 0.9 },
    ];
    change(DefectKind::Mousebite, strokes, false)
}

/// An outgrowth of a straight edge that reaches no other copper.
fn spur(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let edge = Edge::at(artwork, spot, 14.0)?;
    let length = rng.random_range(9.0..15.0f32);
    if edge.march(artwork, 1.0, length + 9.0, |distance| distance < 0.0).is_some()
        || edge.march(artwork, -1.0, 6.0, |distance| distance > 0.0).is_some()
    {
        return None;
    }
    let half_width = rng.random_range(3.0..4.4f32);
    let lean = rng.random_range(-0.35..0.35) * length;
    let tip = spot.along(edge.outward, length - half_width).along(edge.tangent(), lean);
    if artwork.distance(tip) < half_width + 1.0 {
        return None;
    }
    let root = spot.along(edge.outward, -2.0);
    let strokes = vec![
        Shape::Stroke { from: root, to: tip, half_width },
        Shape::Stroke { from: root, to: root.along(edge.outward, 3.0), half_width: half_width * 1.3 },
    ];
    change(DefectKind::Spur, strokes, true)
}

/// A splash of copper on bare board.
fn copper(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let reach = rng.random_range(7.0..10.0);
    if artwork.distance(spot) < reach + 8.0 || near_rim(spot, reach + 20.0) {
        return None;
    }
    change(DefectKind::Copper, blob(spot, reach, rng), true)
}

/// A hole within broad copper.
fn pinhole(artwork: &Artwork, spot: Point, rng: &mut StdRng) -> Option<Change> {
    let reach = rng.random_range(6.5..9.5);
    if artwork.distance(spot) > -(reach + 6.0) {
        return None;
    }
    change(DefectKind::Pinhole, blob(spot, reach, rng), false)
}

fn change(kind: DefectKind, strokes: Vec<Shape>, adds: bool) -> Option<Change> {
    Some(Change { kind, strokes, adds })
}

/// An irregular spot that stays within `reach` pixels of its centre.
fn blob(centre: Point, reach: f32, rng: &mut StdRng) -> Vec<Shape> {
    let half_width = reach * rng.random_range(0.38..0.6f32);
    let arm = |rng: &mut StdRng| {
        let angle = rng.random_range(0.0..std::f32::consts::TAU);
        centre.along(Point::new(angle.cos(), angle.sin()), reach - half_width)
    };
    (0..2).map(|_| Shape::Stroke { from: arm(rng), to: arm(rng), half_width }).collect()
}

fn near_rim(p: Point, by: f32) -> bool {
    let side = BOARD_SIDE as f32;
    p.x < by || p.y < by || p.x > side - by || p.y > side - by
}

/// A straight piece of outline.
struct Edge {
    at: Point,
    outward: Point,
}

impl Edge {
    /// The outline through `at`, if there is one and it is straight for `reach` pixels to both sides.
    fn at(artwork: &Artwork, at: Point, reach: f32) -> Option<Self> {
        if artwork.distance(at).abs() > 1.5 {
            return None;
        }
        let edge = Self { at, outward: artwork.outward(at)? };
        let straight = [-1.0, -0.5, 0.5, 1.0].iter().all(|share| {
            let beside = at.along(edge.tangent(), share * reach);
            artwork.distance(beside).abs() <= 2.0
                && artwork.outward(beside).is_some_and(|outward| dot(outward, edge.outward) > 0.97)
        });
        straight.then_some(edge)
    }

    fn tangent(&self) -> Point {
        Point::new(-self.outward.y, self.outward.x)
    }

    /// How far one must go outwards (`sense` 1) or inwards (-1) until `arrived` says so of the distance field.
    fn march(&self, artwork: &Artwork, sense: f32, most: f32, arrived: impl Fn(f32) -> bool) -> Option<f32> {
        let mut gone = 4.0;
        while gone <= most {
            if arrived(artwork.distance(self.at.along(self.outward, sense * gone))) {
                return Some(gone);
            }
            gone += 0.5;
        }
        None
    }
}

fn dot(a: Point, b: Point) -> f32 {
    a.x * b.x + a.y * b.y
}
