use super::*;
use crate::items::{Belt, Travel};

const WIDTH: u32 = 400;
const HEIGHT: u32 = 64;
const LENGTH: i64 = 150;

fn rule() -> PresenceRule {
    PresenceRule {
        region: None,
        travel: Travel::Horizontal,
        belt: Belt::Dark,
        level: 60,
        coverage: 0.5,
        min_length: 40,
    }
}

/// A belt with items whose left edges stand at the given places.
fn belt(edges: &[i64]) -> Pixels {
    let mut samples = vec![20; (WIDTH * HEIGHT) as usize];
    for row in samples.chunks_exact_mut(WIDTH as usize).skip(8).take(48) {
        for &edge in edges {
            for x in edge.max(0)..(edge + LENGTH).clamp(0, i64::from(WIDTH)) {
                row[x as usize] = 180;
            }
        }
    }
    Pixels { width: WIDTH, height: HEIGHT, channels: 1, samples }
}

/// Lets `count` items pass at a speed and says which were seen whole, how often, and which left.
fn pass(count: i64, speed: i64, pitch: i64) -> (Vec<u64>, Vec<u64>) {
    let mut passing = Passing::new(rule(), 1);
    let (mut whole, mut left) = (Vec::new(), Vec::new());
    let frames = (count * pitch + i64::from(WIDTH) + LENGTH) / speed + 2;
    for frame in 0..frames {
        let edges: Vec<i64> = (0..count).map(|n| frame * speed - LENGTH - n * pitch).collect();
        let seen = passing.observe(&belt(&edges));
        whole.extend(seen.whole.iter().map(|whole| whole.item));
        left.extend(seen.left);
    }
    assert!(passing.finish().is_empty());
    (whole, left)
}

#[test]
fn every_passing_item_gets_one_number_and_leaves_once() {
    for (speed, pitch) in [(7, 200), (40, 170), (90, 260)] {
        let (whole, left) = pass(9, speed, pitch);
        assert_eq!(left, (1..=9).collect::<Vec<_>>(), "speed {speed}");
        assert!((1..=9).all(|item| whole.contains(&item)), "speed {speed}");
    }
}

#[test]
fn an_item_too_fast_to_be_wholly_in_view_is_still_counted() {
    let mut passing = Passing::new(rule(), 1);
    let mut left = Vec::new();
    for edges in [vec![], vec![-60], vec![330], vec![], vec![], vec![]] {
        let seen = passing.observe(&belt(&edges));
        assert!(seen.whole.is_empty());
        left.extend(seen.left);
    }
    left.extend(passing.finish());
    assert!(!left.is_empty() && left.iter().all(|item| *item <= 2));
}

#[test]
fn an_item_hidden_for_two_frames_keeps_its_number() {
    let mut passing = Passing::new(rule(), 5);
    for edge in [60, 70, 80] {
        assert_eq!(passing.observe(&belt(&[edge])).whole[0].item, 5);
    }
    assert_eq!(passing.observe(&belt(&[])), Seen::default());
    assert_eq!(passing.observe(&belt(&[])), Seen::default());
    assert_eq!(passing.observe(&belt(&[110])).whole[0].item, 5);
}

#[test]
fn the_region_of_a_whole_item_is_the_rectangle_that_it_fills() {
    let mut passing = Passing::new(rule(), 1);
    let seen = passing.observe(&belt(&[100]));
    assert_eq!(seen.whole[0].region, Region { x: 100, y: 8, width: 150, height: 48 });
}

#[test]
fn dirt_on_the_belt_is_no_item() {
    let mut picture = belt(&[]);
    for y in 0..HEIGHT as usize {
        picture.samples[y * WIDTH as usize + 200] = 255;
    }
    assert_eq!(Passing::new(rule(), 1).observe(&picture), Seen::default());
}

#[test]
fn a_region_outside_the_picture_shows_nothing_instead_of_failing() {
    let outside = Region { x: 4000, y: 0, width: 10, height: 10 };
    let mut passing = Passing::new(PresenceRule { region: Some(outside), ..rule() }, 1);
    assert_eq!(passing.observe(&belt(&[100])), Seen::default());
}

#[test]
fn an_item_can_be_judged_as_soon_as_it_is_no_longer_whole() {
    let mut passing = Passing::new(rule(), 1);
    let left_at: Vec<i64> = (0..60)
        .map(|frame| frame * 20 - LENGTH)
        .filter(|&edge| !passing.observe(&belt(&[edge])).left.is_empty())
        .collect();
    assert_eq!(left_at, [250]);
}
