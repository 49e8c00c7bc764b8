use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::inspection::Confidence;

const INPUT: [u32; 2] = [320, 256];

fn found(label: &Arc<str>, confidence: f32, area: Area) -> Finding {
    Finding { label: Arc::clone(label), confidence: Confidence::new(confidence).unwrap(), area: Some(area) }
}

/// What a model that sees everything finds in the tiles of a region: of each thing the part that lies in the tile.
fn seen_in_tiles(tiles: &Tiles, region: Region, things: &[(Arc<str>, Area)]) -> Vec<Finding> {
    let grid = tiles.grid(region, INPUT).unwrap();
    let mut seams = Seams::default();
    for (number, tile) in grid.tiles().enumerate() {
        let (x, y) = (tile.x as f32, tile.y as f32);
        let clip = |area: &Area| Area {
            x_min: area.x_min.max(x),
            y_min: area.y_min.max(y),
            x_max: area.x_max.min(x + tile.width as f32),
            y_max: area.y_max.min(y + tile.height as f32),
        };
        let visible = things.iter().map(|(label, area)| (label, clip(area)));
        let visible = visible.filter(|(_, part)| part.x_min < part.x_max && part.y_min < part.y_max);
        let confidence = 0.5 + (number % 5) as f32 * 0.1;
        let findings = visible.map(|(label, part)| found(label, confidence, part)).collect();
        seams.add(&grid, tile, tiles.scale, findings);
    }
    seams.findings()
}

#[test]
fn a_scratch_across_many_tiles_is_one() {
    let (tiles, scratch): (_, Arc<str>) = (Tiles { overlap: 40, scale: 1.0 }, "scratch".into());
    let region = Region { x: 100, y: 50, width: 2000, height: 900 };
    let area = Area { x_min: 130.0, y_min: 400.0, x_max: 2050.0, y_max: 430.0 };
    let found = seen_in_tiles(&tiles, region, &[(scratch, area)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].area, Some(area));
}

#[test]
fn neighbours_and_other_labels_stay_apart() {
    let (hole, dirt): (Arc<str>, Arc<str>) = ("hole".into(), "dirt".into());
    let tiles = Tiles { overlap: 64, scale: 1.0 };
    let region = Region { x: 0, y: 0, width: 1000, height: 256 };
    let at = |x: f32| Area { x_min: x, y_min: 100.0, x_max: x + 20.0, y_max: 120.0 };
    let things: Vec<_> = (0..40).map(|n| (Arc::clone(&hole), at(n as f32 * 24.0))).collect();
    assert_eq!(seen_in_tiles(&tiles, region, &things).len(), 40);
    let things = [(hole, at(310.0)), (dirt, at(310.0))];
    assert_eq!(seen_in_tiles(&tiles, region, &things).len(), 2);
}

#[test]
fn what_cannot_be_cut_into_tiles_is_refused() {
    let tiles = |overlap, scale| Tiles { overlap, scale };
    assert_eq!(tiles(64, 1.0).faults(Task::Detect, INPUT), [] as [String; 0]);
    for (tiles, task, words) in [
        (tiles(200, 1.0), Task::Detect, "overlap"),
        (tiles(0, 0.0), Task::Segment, "scale"),
        (tiles(0, f32::NAN), Task::Segment, "scale"),
        (tiles(64, 1.0), Task::Classify, "classifier"),
    ] {
        let faults = tiles.faults(task, INPUT);
        assert!(faults.len() == 1 && faults[0].contains(words), "{faults:?}");
    }
    let vast = Region { x: 0, y: 0, width: 60_000, height: 1000 };
    assert!(tiles(100, 1.0).grid(vast, INPUT).unwrap_err().contains("tiles.scale"));
}

proptest! {
    #[test]
    fn the_tiles_of_a_region_cover_it_and_share_what_they_should(
        x in 0u32..500, y in 0u32..500, width in 1u32..3000, height in 1u32..2000, overlap in 0u32..100, scale in 0.5f32..2.0
    ) {
        let region = Region { x, y, width, height };
        let tiles = Tiles { overlap, scale };
        let Ok(grid) = tiles.grid(region, INPUT) else { return Ok(()) };
        let all: Vec<Region> = grid.tiles().collect();
        prop_assert_eq!((all[0].x, all[0].y), (x, y));
        let last = all[all.len() - 1];
        prop_assert_eq!((last.x + last.width, last.y + last.height), (x + width, y + height));
        for pair in all.windows(2).filter(|pair| pair[0].y == pair[1].y) {
            prop_assert!(pair[1].x + overlap <= pair[0].x + pair[0].width, "{:?}", pair);
        }
    }

    #[test]
    fn a_box_anywhere_comes_back_where_it_is_whatever_the_tiles(
        (width, height) in (300u32..1500, 200u32..1200), overlap in 40u32..80, scale in 0.6f32..1.6,
        (left, top) in (0.0f32..1.0, 0.0f32..1.0), (wide, high) in (4.0f32..40.0, 4.0f32..40.0)
    ) {
        let region = Region { x: 37, y: 11, width, height };
        let x_min = 37.0 + left * (width as f32 - wide);
        let y_min = 11.0 + top * (height as f32 - high);
        let area = Area { x_min, y_min, x_max: x_min + wide, y_max: y_min + high };
        let tiles = Tiles { overlap, scale };
        let found = seen_in_tiles(&tiles, region, &[("hole".into(), area)]);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!(found[0].area, Some(area));
    }
}
