//! Stations and workers driven by hand, in simulated time.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use proptest::prelude::*;

use super::{
    queue::tests::{look, seen},
    state::{Receipt, State},
    *,
};

/// A station of the simulation.
#[derive(Clone, Debug)]
struct Habit {
    /// Milliseconds between two items of one frame each.
    every: u64,
    /// Milliseconds that a worker needs for one.
    cost: u64,
    /// When it begins and ends, in milliseconds.
    from: u64,
    to: u64,
}

/// What became of a station.
#[derive(Debug, Default)]
struct Fate {
    items: u64,
    judged: Vec<u64>,
    inspected: u64,
    lost: u64,
    /// Milliseconds of workers until its source ended.
    had: u64,
    /// The longest time that it had something waiting and none of its looks went to a worker.
    longest_wait: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Back { worker: usize, station: usize },
    Frame { station: usize },
}

/// Runs stations on workers until everything is judged.
fn simulate(habits: &[Habit], workers: usize) -> Vec<Fate> {
    let mut state = State::<()>::default();
    let mut fates: Vec<Fate> = habits.iter().map(|_| Fate::default()).collect();
    let mut events = BinaryHeap::new();
    for (station, habit) in habits.iter().enumerate() {
        state.join(Queue::new(workers + 1, workers + 1), (), Arc::default());
        events.push((Reverse(habit.from), Event::Frame { station }));
    }
    let mut busy: Vec<Option<(Receipt, Look)>> = (0..workers).map(|_| None).collect();
    let mut waiting_since: Vec<Option<u64>> = vec![None; habits.len()];
    while let Some((Reverse(now), event)) = events.pop() {
        match event {
            Event::Frame { station } => {
                let habit = &habits[station];
                fates[station].items += 1;
                let item = fates[station].items;
                state.at(station, |queue| queue.offer(look(item, item)));
                state.at(station, |queue| queue.depart(item));
                if now + habit.every < habit.to {
                    events.push((Reverse(now + habit.every), Event::Frame { station }));
                }
            }
            Event::Back { worker, station } => {
                let (receipt, look) = busy[worker].take().unwrap();
                let cost = Duration::from_millis(habits[station].cost);
                state.bring_back(&receipt, seen(&look), cost);
            }
        }
        for (station, fate) in fates.iter_mut().enumerate() {
            while let Some(coming) = state.at(station, Queue::next).flatten() {
                match coming {
                    Coming::Inspected(_) => fate.inspected += 1,
                    Coming::Departure(it) => fate.judged.extend(it.first..=it.last),
                    Coming::Nothing => break,
                }
            }
        }
        // At one instant everything that happens is seen before anybody is served.
        if events.peek().is_some_and(|(Reverse(next), _)| *next == now) {
            continue;
        }
        for (station, since) in waiting_since.iter_mut().enumerate() {
            let ready = state.read(station, Queue::ready).unwrap() > 0;
            *since = if ready { since.or(Some(now)) } else { None };
        }
        for (worker, busy) in busy.iter_mut().enumerate().filter(|(_, busy)| busy.is_none()) {
            let Some(job) = state.take(worker) else { continue };
            let station = job.receipt.station;
            let (habit, fate) = (&habits[station], &mut fates[station]);
            if let Some(since) = waiting_since[station].replace(now) {
                fate.longest_wait = fate.longest_wait.max(now - since);
            }
            if now < habit.to {
                fate.had += habit.cost;
            }
            events.push((Reverse(now + habit.cost), Event::Back { worker, station }));
            *busy = Some((job.receipt, job.look));
        }
    }
    for (station, fate) in fates.iter_mut().enumerate() {
        fate.lost = state.read(station, Queue::lost).unwrap();
    }
    fates
}

fn habit(every: u64, cost: u64) -> Habit {
    Habit { every, cost, from: 0, to: 60_000 }
}

#[test]
fn a_flood_of_frames_does_not_starve_a_slow_camera() {
    let fates = simulate(&[habit(1, 50), habit(500, 50)], 1);
    assert_eq!(
        fates[1].inspected, fates[1].items,
        "it needs less than its share, so it gets all that it needs"
    );
    assert_eq!(fates[1].lost, 0);
    assert!(fates[1].longest_wait <= 50, "it waits for one look of the other at most: {fates:?}");
    assert!(fates[0].had > 50_000, "and what it leaves, the flood gets");
    assert_eq!(fates[0].inspected + fates[0].lost, fates[0].items);
}

#[test]
fn a_single_camera_has_the_use_of_all_workers() {
    let one = simulate(&[habit(10, 40)], 1);
    let four = simulate(&[habit(10, 40)], 4);
    assert!(one[0].inspected < 1_600, "{one:?}");
    assert_eq!((four[0].inspected, four[0].lost), (four[0].items, 0));
}

#[test]
fn eight_floods_of_unlike_models_get_equal_times() {
    let habits: Vec<_> = (1..=8).map(|number| habit(3, 10 * number)).collect();
    for workers in [1, 3] {
        let had: Vec<_> = simulate(&habits, workers).iter().map(|it| it.had).collect();
        let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
        assert!(most - least <= 80, "within the longest look: {had:?}");
    }
}

fn habits() -> impl Strategy<Value = Vec<Habit>> {
    let habit = (1u64..400, 1u64..200, 0u64..3_000, 0u64..4_000)
        .prop_map(|(every, cost, from, length)| Habit { every, cost, from, to: from + length });
    prop::collection::vec(habit, 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_arrives_every_item_is_judged_once_in_order_and_every_frame_is_inspected_or_counted(
        habits in habits(), workers in 1usize..6
    ) {
        for fate in simulate(&habits, workers) {
            prop_assert_eq!(&fate.judged, &(1..=fate.items).collect::<Vec<_>>());
            prop_assert_eq!(fate.inspected + fate.lost, fate.items);
        }
    }

    #[test]
    fn whatever_the_others_do_nobody_waits_longer_than_a_round_and_a_modest_station_loses_nothing(
        mut habits in habits(), workers in 1usize..4, cost in 1u64..50
    ) {
        // It needs half of its share.
        let sharers = habits.len() as u64 + 1;
        habits.push(Habit { every: 2 * sharers * cost.max(200), cost, from: 0, to: 30_000 });
        let fates = simulate(&habits, workers);
        let modest = fates.last().unwrap();
        prop_assert_eq!(modest.lost, 0);
        // A look of each other station, and of those that were served when it came.
        let round: u64 = habits.iter().map(|it| it.cost).sum::<u64>() + 200;
        prop_assert!(modest.longest_wait <= round, "{} > {}", modest.longest_wait, round);
    }
}
