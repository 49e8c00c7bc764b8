use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::camera::{Picture, Taken};

pub(in crate::pool) fn look(item: u64, sequence: u64) -> Look {
    let picture = Picture::Encoded(Arc::from(Vec::new()));
    Look { item, region: None, frame: Frame { sequence, taken: Taken::now(), picture, name: None } }
}

/// What came back of a look; its frame's number stands in the reason.
pub(in crate::pool) fn seen(look: &Look) -> Inspected {
    Inspected { item: look.item, seen: Err(look.frame.sequence.to_string()) }
}

/// Inspects and judges everything in order; the frames that were inspected, and the departures.
fn drain(queue: &mut Queue) -> (Vec<u64>, Vec<Departure>) {
    queue.close();
    let (mut frames, mut departures) = (Vec::new(), Vec::new());
    while let Some(coming) = queue.next() {
        match coming {
            Coming::Inspected(inspected) => frames.push(inspected.seen.unwrap_err().parse().unwrap()),
            Coming::Departure(departure) => departures.push(departure),
            Coming::Nothing => {
                let (ticket, look) = queue.take().unwrap();
                queue.bring_back(ticket, seen(&look));
            }
        }
    }
    (frames, departures)
}

#[test]
fn at_overload_the_newest_frames_win_and_the_others_are_counted() {
    let mut queue = Queue::new(2, 2);
    (0..10).for_each(|sequence| queue.offer(look(1, sequence)));
    queue.depart(1);
    let (frames, departures) = drain(&mut queue);
    assert_eq!(frames, [8, 9]);
    assert_eq!(departures, [Departure { first: 1, last: 1, lost_looks: 8, passed_over: false }]);
    assert_eq!(queue.lost(), 8);
}

#[test]
fn items_that_are_passed_over_depart_apart_from_those_that_are_judged() {
    let mut queue = Queue::new(2, 2);
    queue.depart(1);
    queue.pass_over(2);
    queue.pass_over(3);
    queue.depart(4);
    let (_, departures) = drain(&mut queue);
    let told: Vec<_> = departures.iter().map(|it| (it.first, it.last, it.passed_over)).collect();
    assert_eq!(told, [(1, 1, false), (2, 3, true), (4, 4, false)]);
}

#[test]
fn a_nudge_is_heard_once_though_nothing_came() {
    let mut queue = Queue::new(2, 2);
    assert!(!queue.has_next());
    queue.nudge();
    assert!(queue.has_next());
    assert!(matches!(queue.next(), Some(Coming::Nothing)));
    assert!(!queue.has_next());
}

#[test]
fn a_million_items_without_a_worker_stay_a_handful_of_entries() {
    let mut queue = Queue::new(2, 2);
    for item in 1..=1_000_000 {
        queue.offer(look(item, item));
        queue.depart(item);
    }
    assert!(queue.entries.len() <= 5);
    assert!(queue.lost_of_item.is_empty());
    let (frames, departures) = drain(&mut queue);
    assert_eq!(frames.len(), 2);
    assert_eq!(departures.iter().map(|it| it.last - it.first + 1).sum::<u64>(), 1_000_000);
    assert_eq!(departures.iter().map(|it| it.lost_looks).sum::<u64>(), 999_998);
}

#[test]
fn looks_come_to_the_judge_in_order_whichever_worker_is_first() {
    let mut queue = Queue::new(3, 3);
    (0..3).for_each(|sequence| queue.offer(look(1, sequence)));
    queue.depart(1);
    let mut away: Vec<_> = (0..3).map(|_| queue.take().unwrap()).collect();
    away.reverse();
    for (ticket, look) in away {
        assert!(!queue.has_next());
        queue.bring_back(ticket, seen(&look));
    }
    let (frames, departures) = drain(&mut queue);
    assert_eq!(frames, [0, 1, 2]);
    assert_eq!(departures, [Departure { first: 1, last: 1, lost_looks: 0, passed_over: false }]);
}

#[test]
fn a_judge_that_is_slow_keeps_workers_from_bringing_more_than_there_is_air_for() {
    let mut queue = Queue::new(2, 2);
    for sequence in 0..100 {
        queue.offer(look(1, sequence));
        if let Some((ticket, look)) = queue.take() {
            queue.bring_back(ticket, seen(&look));
        }
    }
    assert_eq!(queue.entries.len(), 4);
    let (frames, _) = drain(&mut queue);
    assert_eq!(frames, [0, 1, 98, 99]);
    assert_eq!(queue.lost(), 96);
}

#[test]
fn an_item_that_was_seen_enough_takes_no_worker_and_loses_nothing() {
    let mut queue = Queue::new(2, 2);
    queue.offer(look(1, 0));
    queue.offer(look(2, 1));
    queue.enough(1);
    queue.offer(look(1, 2));
    assert!(queue.has_room_for(1));
    queue.depart(1);
    queue.enough(1);
    assert!(queue.enough.is_empty(), "an item that has left is not remembered");
    queue.depart(2);
    let (frames, departures) = drain(&mut queue);
    assert_eq!(frames, [1]);
    assert_eq!(departures.len(), 1);
    assert_eq!(queue.lost(), 0);
}

#[test]
fn a_look_that_no_worker_brings_back_is_lost_and_holds_nothing_up() {
    let mut queue = Queue::new(2, 2);
    queue.offer(look(1, 0));
    queue.depart(1);
    queue.offer(look(2, 1));
    queue.depart(2);
    let (ticket, taken) = queue.take().unwrap();
    queue.abandon();
    queue.bring_back(ticket, seen(&taken));
    let (frames, departures) = drain(&mut queue);
    assert_eq!(frames, [0; 0]);
    assert_eq!(departures, [Departure { first: 1, last: 2, lost_looks: 2, passed_over: false }]);
}

proptest! {
    #[test]
    fn whatever_happens_every_item_departs_once_in_order_and_every_look_is_judged_or_counted(
        steps in prop::collection::vec((0u8..7, 0u64..5), 0..300), room in 1usize..5, air in 1usize..5
    ) {
        let mut queue = Queue::new(room, air);
        let (mut item, mut offered, mut unneeded) = (1, 0u64, 0u64);
        let (mut away, mut frames, mut departed) = (Vec::new(), Vec::<u64>::new(), Vec::new());
        let mut note = |coming: Option<Coming>| match coming {
            Some(Coming::Inspected(it)) => frames.push(it.seen.unwrap_err().parse().unwrap()),
            Some(Coming::Departure(it)) => departed.extend(it.first..=it.last),
            _ => {}
        };
        for (kind, count) in steps {
            match kind {
                0 | 1 => for _ in 0..count {
                    unneeded += u64::from(queue.enough.contains(&item));
                    queue.offer(look(item, offered));
                    offered += 1;
                },
                2 => { queue.depart(item); item += 1; }
                3 => away.extend(queue.take()),
                4 => if !away.is_empty() {
                    let (ticket, look) = away.swap_remove(count as usize % away.len());
                    queue.bring_back(ticket, seen(&look));
                },
                5 => note(queue.next()),
                _ => if count == 0 {
                    let before = queue.waiting;
                    queue.enough(item);
                    unneeded += (before - queue.waiting) as u64;
                },
            }
            prop_assert!(queue.waiting <= room && queue.in_air <= air);
            prop_assert!(queue.entries.len() <= 2 * (room + air) + 1);
        }
        queue.depart(item);
        for (ticket, look) in away {
            queue.bring_back(ticket, seen(&look));
        }
        let (rest, departures) = drain(&mut queue);
        frames.extend(rest);
        departed.extend(departures.iter().flat_map(|it| it.first..=it.last));
        prop_assert_eq!(departed, (1..=item).collect::<Vec<_>>());
        prop_assert!(frames.is_sorted(), "in the order in which they came");
        prop_assert_eq!(frames.len() as u64 + queue.lost() + unneeded, offered);
    }
}
