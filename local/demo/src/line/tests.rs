//! What the line promises: repeatable frames, true boxes, a stated share of bad boards, none skipped.

use std::collections::{BTreeSet, HashSet};

use super::*;

fn line(change: impl FnOnce(&mut LineSettings)) -> SimulatedLine {
    let mut settings = LineSettings { products: 3, ..LineSettings::default() };
    change(&mut settings);
    SimulatedLine::new(settings).unwrap()
}

#[test]
fn a_frame_is_the_same_whatever_was_drawn_before_it() {
    let mut straight = line(|_| ());
    let mut jumping = line(|_| ());
    let wanted = straight.frame(57);
    for n in [900, 3, 57, 31] {
        let frame = jumping.frame(n);
        assert_eq!(frame == wanted, n == 57, "frame {n}");
    }
}

#[test]
fn another_seed_gives_another_line() {
    let first = line(|settings| settings.seed = 1);
    let second = line(|settings| settings.seed = 2);
    assert_ne!(first.board_picture(0), second.board_picture(0));
}

#[test]
fn a_board_differs_from_the_good_one_inside_its_true_boxes_and_nowhere_else() {
    let line = line(|settings| settings.ng_rate = 1.0);
    for board in 0..40 {
        let truth = line.truth(board);
        let (seen, good) = (line.board_picture(board), line.good_picture(&truth));
        let mut found = HashSet::new();
        for (at, (seen, good)) in seen.iter().zip(&good).enumerate() {
            if seen == good {
                continue;
            }
            let (x, y) = ((at as u32 % BOARD_SIDE) as f32, (at as u32 / BOARD_SIDE) as f32);
            let around: Vec<usize> = (0..truth.defects.len())
                .filter(|which| {
                    let [x0, y0, x1, y1] = truth.defects[*which].bounds;
                    (x0..x1).contains(&x) && (y0..y1).contains(&y)
                })
                .collect();
            assert!(!around.is_empty(), "board {board} differs at {x}, {y}, outside {:?}", truth.defects);
            if seen.abs_diff(*good) > 100 {
                found.extend(around);
            }
        }
        assert_eq!(found.len(), truth.defects.len(), "board {board}: {:?}", truth.defects);
    }
}

#[test]
fn a_good_board_is_the_artwork_of_its_product() {
    let line = line(|settings| settings.ng_rate = 0.0);
    for board in 0..10 {
        let truth = line.truth(board);
        assert!(!truth.is_ng());
        assert_eq!(line.board_picture(board), line.good_picture(&truth));
    }
}

#[test]
fn the_share_of_bad_boards_and_the_number_of_their_defects_are_as_set() {
    let line = line(|settings| settings.ng_rate = 0.3);
    let bad: Vec<_> = (0..400).map(|board| line.truth(board)).filter(BoardTruth::is_ng).collect();
    assert!((90..=150).contains(&bad.len()), "{} of 400", bad.len());
    assert!(bad.iter().all(|truth| (1..=3).contains(&truth.defects.len())));
}

#[test]
fn each_kind_of_defect_occurs_on_each_product() {
    let line = line(|settings| {
        settings.ng_rate = 1.0;
        settings.products = 8;
    });
    let found: HashSet<(usize, DefectKind)> = (0..500)
        .map(|board| line.truth(board))
        .flat_map(|truth| truth.defects.into_iter().map(move |defect| (truth.product, defect.kind)))
        .collect();
    let missing: Vec<_> = (0..8)
        .flat_map(|product| DefectKind::ALL.map(|kind| (product, kind)))
        .filter(|pair| !found.contains(pair))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_board_comes_into_full_view_in_its_turn() {
    for direction in [Direction::LeftToRight, Direction::RightToLeft] {
        for speed in [0.7, 41.3, 320.0] {
            let line = line(|settings| {
                settings.direction = direction;
                settings.speed_px_per_frame = speed;
            });
            let frames = (20.0 * 800.0 / speed) as u64;
            let in_turn: Vec<u64> = (0..frames)
                .flat_map(|n| line.in_view(n))
                .filter(|seen| seen.in_full_view)
                .map(|seen| seen.board)
                .collect();
            assert!(in_turn.is_sorted());
            let distinct: BTreeSet<u64> = in_turn.into_iter().collect();
            let count = distinct.len() as u64;
            assert!(count > 15, "{direction:?} at {speed}: {count}");
            assert_eq!(distinct, (0..count).collect(), "{direction:?} at {speed}");
        }
    }
}

#[test]
fn a_board_in_view_is_where_the_frame_says() {
    for direction in [Direction::LeftToRight, Direction::RightToLeft] {
        let mut line = line(|settings| settings.direction = direction);
        for n in [0, 4, 17, 20, 33, 40, 55] {
            let frame = line.frame(n);
            for x in 0..frame.width {
                let inside = frame
                    .boards
                    .iter()
                    .any(|seen| (seen.left..seen.left + i64::from(BOARD_SIDE)).contains(&i64::from(x)));
                // The rim of a board is bare and bright, the belt is dark.
                let y = frame.boards.first().map_or(50, |seen| seen.top + 5);
                let grey = frame.grey[(y * frame.width + x) as usize];
                assert_eq!(grey > 128, inside, "frame {n} at {x}: {grey}");
            }
        }
    }
}

#[test]
fn light_and_noise_stay_within_what_was_set() {
    let mut line = line(|settings| {
        settings.noise = 3.0;
        settings.light_drift = 0.05;
    });
    let bare: Vec<f64> = (0..900)
        .step_by(75)
        .filter_map(|n| {
            let frame = line.frame(n);
            let seen = frame.boards.first().filter(|seen| seen.in_full_view)?;
            let start = (seen.top as usize + 4) * frame.width as usize + seen.left as usize;
            let rim: Vec<f64> = frame.grey[start..start + 600].iter().map(|grey| f64::from(*grey)).collect();
            Some(rim.iter().sum::<f64>() / rim.len() as f64)
        })
        .collect();
    let (least, most) =
        bare.iter().fold((f64::MAX, 0.0f64), |(least, most), level| (least.min(*level), most.max(*level)));
    assert!(most - least > 5.0 && most / least < 1.15, "{bare:?}");
}

#[test]
fn nets_keep_their_distance_on_every_product() {
    for seed in 0..30 {
        let shortest = scene_clearance(seed);
        assert!(shortest >= 9.0, "seed {seed}: nets only {shortest} pixels apart");
    }
}

/// The least distance between two nets of a product, looked for along rows and columns.
fn scene_clearance(seed: u64) -> f32 {
    use rand::{SeedableRng, rngs::StdRng};
    let mut rng = StdRng::seed_from_u64(seed);
    let smooth = raster::Roughness::new(0.0, || 0.0);
    let artwork = raster::Artwork::draw(&layout::Layout::random(&mut rng), &smooth);
    let side = raster::SIDE;
    let mut least = f32::MAX;
    for line in 0..side {
        for step in [1, side] {
            let start = if step == 1 { line * side } else { line };
            let mut last: Option<(usize, u16)> = None;
            for place in 0..side {
                let net = artwork.nets[start + place * step];
                if net == 0 {
                    continue;
                }
                if let Some((before, other)) = last
                    && other != net
                {
                    least = least.min((place - before - 1) as f32);
                }
                last = Some((place, net));
            }
        }
    }
    least
}

#[test]
fn impossible_settings_are_refused_with_their_range() {
    let refused = |change: fn(&mut LineSettings)| {
        let mut settings = LineSettings::default();
        change(&mut settings);
        SimulatedLine::new(settings).unwrap_err().to_string()
    };
    let speed = refused(|settings| settings.speed_px_per_frame = 321.0);
    assert_eq!(speed, "cannot simulate a line with speed_px_per_frame = 321; choose 0.01 to 320");
    let others: [fn(&mut LineSettings); 7] = [
        |settings| settings.speed_px_per_frame = 0.0,
        |settings| settings.speed_px_per_frame = f64::NAN,
        |settings| settings.ng_rate = 1.1,
        |settings| settings.width = 640,
        |settings| settings.height = 100,
        |settings| settings.gap_px = 0,
        |settings| settings.products = 0,
    ];
    for change in others {
        assert!(refused(change).starts_with("cannot simulate a line with "));
    }
}
