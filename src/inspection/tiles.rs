//! Large pictures in tiles, for defects that would be lost if the whole were shrunk to the model's input.

use serde::Deserialize;

use crate::inspection::{Area, Finding, Region, decode::Task};

/// More tiles than any station has the time for.
const MAX_TILES: usize = 256;

/// The surest so many findings of a picture are kept.
const MAX_FINDINGS: usize = 1000;

/// What ends so near to a tile's border, in pixels of the model's input, may go on beyond it.
const NEAR: f32 = 4.0;

/// Two whole boxes of one label that overlap more are the same thing seen twice.
const SAME: f32 = 0.45;

/// How a region is cut into tiles: `[tiles]` of the manifest.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tiles {
    /// What neighbours share at least, in pixels of the picture: as much as the largest defect that must be seen whole.
    overlap: u32,
    /// Pixels of the model's input for each of the picture's.
    #[serde(default = "one")]
    pub(super) scale: f32,
}

fn one() -> f32 {
    1.0
}

/// The tiles of one region, evenly spread.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    region: Region,
    tile: [u32; 2],
    count: [usize; 2],
}

/// What was found in the tiles of a region, as if it had been one picture.
#[derive(Debug, Default)]
pub(super) struct Seams {
    /// With whether something may be missing of it.
    kept: Vec<(Finding, bool)>,
}

impl Tiles {
    /// What is impossible in it, each with its remedy.
    pub(super) fn faults(&self, task: Task, input: [u32; 2]) -> Vec<String> {
        let mut faults = Vec::new();
        if !(self.scale.is_finite() && (1.0 / 64.0..=8.0).contains(&self.scale)) {
            faults.push("`tiles.scale` must be 1/64 to 8".to_owned());
        } else if self.tile(input).iter().any(|side| self.overlap > side / 2) {
            faults.push("`tiles.overlap` must be at most half of a tile's side".to_owned());
        }
        if task == Task::Classify {
            faults
                .push("`tiles` cannot be used by a classifier, which speaks of the whole picture".to_owned());
        }
        faults
    }

    /// A tile's width and height in pixels of the picture.
    fn tile(&self, input: [u32; 2]) -> [u32; 2] {
        input.map(|side| (side as f32 / self.scale).round().max(1.0) as u32)
    }

    /// The tiles of a region.
    ///
    /// # Errors
    /// When there would be too many.
    pub(super) fn grid(&self, region: Region, input: [u32; 2]) -> Result<Grid, String> {
        let sides = [region.width, region.height];
        let whole = self.tile(input);
        let tile = [0, 1].map(|axis| whole[axis].min(sides[axis]));
        let count = [0, 1].map(|axis| {
            let step = tile[axis].saturating_sub(self.overlap).max(1);
            1 + (sides[axis] - tile[axis]).div_ceil(step) as usize
        });
        if count[0] * count[1] > MAX_TILES {
            return Err(format!(
                "a region of {}x{} pixels has {}x{} tiles, at most {MAX_TILES} are allowed; choose a smaller region, or \
                 a smaller `tiles.scale` in model.toml",
                region.width, region.height, count[0], count[1]
            ));
        }
        Ok(Grid { region, tile, count })
    }
}

impl Grid {
    /// All of them, row by row.
    pub(super) fn tiles(&self) -> impl Iterator<Item = Region> {
        (0..self.count[0] * self.count[1]).map(|number| self.tile(number))
    }

    fn tile(&self, number: usize) -> Region {
        let at = [number % self.count[0], number / self.count[0]];
        let sides = [self.region.width, self.region.height];
        let [x, y] = [0, 1].map(|axis| {
            let room = (sides[axis] - self.tile[axis]) as usize;
            (room * at[axis] / (self.count[axis] - 1).max(1)) as u32
        });
        let [width, height] = self.tile;
        Region { x: self.region.x + x, y: self.region.y + y, width, height }
    }

    /// Whether an area ends at a border of a tile behind which there is another.
    fn is_cut(&self, tile: Region, area: &Area, scale: f32) -> bool {
        let near = NEAR / scale;
        let region = self.region;
        let low = |edge: u32, start: u32, at: f32| edge > start && at <= edge as f32 + near;
        let high = |edge: u32, end: u32, at: f32| edge < end && at >= edge as f32 - near;
        low(tile.x, region.x, area.x_min)
            || low(tile.y, region.y, area.y_min)
            || high(tile.x + tile.width, region.x + region.width, area.x_max)
            || high(tile.y + tile.height, region.y + region.height, area.y_max)
    }
}

impl Seams {
    /// Adds what was found in a tile, in pixels of the picture. A piece of something that goes on in another tile becomes
    /// one with its rest, and what two tiles show wholly counts once.
    pub(super) fn add(&mut self, grid: &Grid, tile: Region, scale: f32, findings: Vec<Finding>) {
        let others = self.kept.len();
        for finding in findings {
            let Some(area) = finding.area else { continue };
            let is_cut = grid.is_cut(tile, &area, scale);
            self.join(finding, area, is_cut, others);
        }
        self.kept.sort_by(|(a, _), (b, _)| b.confidence.value().total_cmp(&a.confidence.value()));
        self.kept.truncate(MAX_FINDINGS);
    }

    /// `others` were found in other tiles.
    fn join(&mut self, mut finding: Finding, mut area: Area, is_cut: bool, mut others: usize) {
        let mut is_open = is_cut;
        // What is joined may reach another piece.
        while let Some(place) = self.kept[..others].iter().position(|(other, other_is_cut)| {
            let is_same = |other: &Area| match is_open || *other_is_cut {
                true => overlaps(other, &area),
                false => other.overlap(&area) > SAME,
            };
            other.label == finding.label && other.area.as_ref().is_some_and(is_same)
        }) {
            let (other, other_is_cut) = self.kept.remove(place);
            others -= 1;
            if let Some(known) = other.area.filter(|_| is_open || other_is_cut) {
                area = united(&known, &area);
            } else if other.confidence > finding.confidence {
                area = other.area.unwrap_or(area);
            }
            if other.confidence > finding.confidence {
                finding.confidence = other.confidence;
            }
            is_open = is_open && other_is_cut;
        }
        finding.area = Some(area);
        self.kept.push((finding, is_open));
    }

    /// All of it, surest first.
    pub(super) fn findings(self) -> Vec<Finding> {
        self.kept.into_iter().map(|(finding, _)| finding).collect()
    }
}

fn united(a: &Area, b: &Area) -> Area {
    Area {
        x_min: a.x_min.min(b.x_min),
        y_min: a.y_min.min(b.y_min),
        x_max: a.x_max.max(b.x_max),
        y_max: a.y_max.max(b.y_max),
    }
}

fn overlaps(a: &Area, b: &Area) -> bool {
    a.x_min < b.x_max && b.x_min < a.x_max && a.y_min < b.y_max && b.y_min < a.y_max
}

#[cfg(test)]
mod tests;
