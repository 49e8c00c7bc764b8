//! What is on a good board: regions, each filled with one pattern of copper that keeps the spacing rule.

use rand::Rng;
use rand::rngs::StdRng;

use super::geometry::Area;
use super::net::{Net, SPACING};
use super::patterns::{self, Pattern};

/// Side of a board in pixels, as in the DeepPCB pictures.
pub const BOARD_SIDE: u32 = 640;

/// The artwork of one product.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) nets: Vec<Net>,
}

impl Layout {
    /// Draws up a product: a bus, a plate and a lonely trace are always there, so that each kind of defect finds a place.
    pub(super) fn random(rng: &mut StdRng) -> Self {
        let side = BOARD_SIDE as f32;
        let mut regions = Vec::new();
        split(Area::new(14.0, 14.0, side - 14.0, side - 14.0), rng, &mut regions);
        regions.sort_by(|a, b| (b.width() * b.height()).total_cmp(&(a.width() * a.height())));
        let nets = regions
            .iter()
            .enumerate()
            .flat_map(|(place, region)| {
                let pattern = match place {
                    0 => Pattern::Bus,
                    1 => Pattern::Plate,
                    2 => Pattern::Lonely,
                    _ => Pattern::random(rng),
                };
                fill(pattern, region.shrunk(SPACING), rng)
            })
            .collect();
        Self { nets }
    }
}

/// Cuts a rectangle in two until the parts are of a size that a pattern fills well.
fn split(area: Area, rng: &mut StdRng, regions: &mut Vec<Area>) {
    let (width, height) = (area.width(), area.height());
    let long = width.max(height);
    if long < 340.0 && (long < 240.0 || rng.random_bool(0.6)) {
        regions.push(area);
        return;
    }
    let share = rng.random_range(0.38..0.62);
    let (mut first, mut second) = (area, area);
    if width >= height {
        first.max.x = area.min.x + width * share;
        second.min.x = first.max.x;
    } else {
        first.max.y = area.min.y + height * share;
        second.min.y = first.max.y;
    }
    split(first, rng, regions);
    split(second, rng, regions);
}

fn fill(pattern: Pattern, region: Area, rng: &mut StdRng) -> Vec<Net> {
    if region.width() >= region.height() {
        return patterns::draw(pattern, region, rng);
    }
    patterns::draw(pattern, region.transposed(), rng).into_iter().map(Net::transposed).collect()
}
