use std::{sync::Arc, thread};

use proptest::prelude::*;

use super::*;
use crate::camera::{self, Picture};

const PATIENCE: Duration = Duration::from_secs(10);

fn look(item: u64, sequence: u64) -> Look {
    let picture = Picture::Encoded(Arc::from(Vec::new()));
    Look { item, region: None, frame: Frame { sequence, taken: camera::Taken::now(), picture, name: None } }
}

fn drain(handover: &Handover) -> (Vec<u64>, Vec<Departure>) {
    handover.close();
    let (mut frames, mut departures) = (Vec::new(), Vec::new());
    while let Some(taken) = handover.take(PATIENCE) {
        match taken {
            Taken::Look(look) => frames.push(look.frame.sequence),
            Taken::Departure(departure) => departures.push(departure),
            Taken::Nothing => {}
        }
    }
    (frames, departures)
}

#[test]
fn at_overload_the_newest_frames_win_and_the_others_are_counted() {
    let handover = Handover::new(2, true);
    (0..10).for_each(|sequence| handover.offer(look(1, sequence)));
    handover.depart(1);
    let (frames, departures) = drain(&handover);
    assert_eq!(frames, [8, 9]);
    assert_eq!(departures, [Departure { first: 1, last: 1, lost_looks: 8 }]);
    assert_eq!(handover.lost(), 8);
}

#[test]
fn a_source_that_can_wait_loses_nothing() {
    let handover = Handover::new(2, false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for item in 1..=500 {
                handover.offer(look(item, item));
                handover.depart(item);
            }
            handover.close();
        });
        let mut judged = 0;
        while let Some(taken) = handover.take(PATIENCE) {
            if let Taken::Departure(departure) = taken {
                judged += departure.last - departure.first + 1;
            }
        }
        assert_eq!(judged, 500);
    });
    assert_eq!(handover.lost(), 0);
}

#[test]
fn a_million_items_without_a_taker_stay_a_handful_of_entries() {
    let handover = Handover::new(2, true);
    for item in 1..=1_000_000 {
        handover.offer(look(item, item));
        handover.depart(item);
    }
    assert!(handover.lock().entries.len() <= 5);
    assert!(handover.lock().lost_of_item.is_empty());
    let (frames, departures) = drain(&handover);
    assert_eq!(frames.len(), 2);
    assert_eq!(departures.iter().map(|it| it.last - it.first + 1).sum::<u64>(), 1_000_000);
    assert_eq!(departures.iter().map(|it| it.lost_looks).sum::<u64>(), 999_998);
}

proptest! {
    #[test]
    fn whatever_happens_every_item_departs_once_and_every_look_is_taken_or_counted(
        steps in prop::collection::vec((0u8..4, 1u64..5), 0..200), capacity in 1usize..5
    ) {
        let handover = Handover::new(capacity, true);
        let (mut item, mut offered, mut looked, mut departed) = (1, 0u64, 0u64, Vec::new());
        for (kind, count) in steps {
            match kind {
                0 | 1 => for _ in 0..count { handover.offer(look(item, offered)); offered += 1; },
                2 => { handover.depart(item); item += 1; }
                _ => if !handover.lock().entries.is_empty() {
                    match handover.take(PATIENCE) {
                        Some(Taken::Departure(it)) => departed.extend(it.first..=it.last),
                        _ => looked += 1,
                    }
                },
            }
        }
        handover.depart(item);
        let (frames, departures) = drain(&handover);
        departed.extend(departures.iter().flat_map(|it| it.first..=it.last));
        prop_assert_eq!(departed, (1..=item).collect::<Vec<_>>());
        prop_assert_eq!(looked + frames.len() as u64 + handover.lost(), offered);
    }
}
