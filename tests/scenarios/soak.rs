//! Weeks in fake time: an item a second through verdict, report, outbox and delivery, over outages, renewals, lost
//! PUBACKs and jumps of the clock; memory and file handles stay flat, and the counts reconcile. `make soak` runs 30 days.

mod hub;

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use andon::{
    camera::{Picture, Pixels, Region, Taken},
    delivery::{Delivery, Pace, State},
    inspection::Confidence,
    items::{Decisive, Defect, Judged, Tally, Verdict},
    outbox::{Limits, Outbox, Outgoing},
    report::{IncidentRule, Origin, Reporter},
};
use andon_telemetry::{Agent, Clock, Model, Severity, Station};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant as Moment, sleep};

use hub::{Hub, Line};

const DAY: u64 = 24 * 60 * 60;
const DAYS: &str = "ANDON_SOAK_DAYS";
const CHILD: &str = "ANDON_SOAK_CHILD";

/// What a process may grow by that keeps nothing: pages that the allocator holds back.
const SLACK: u64 = 4 << 20;

#[test]
fn weeks_of_outages_and_jumps_lose_nothing_and_grow_nothing() {
    // A process of its own, as memory and handles are a process's.
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "soak::the_process_that_lives_for_weeks", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("simulated days"), "{said}");
    said.lines().filter(|line| line.contains("simulated")).for_each(|line| eprintln!("{line}"));
}

#[test]
#[ignore = "a part of the soak, which starts it as a process of its own"]
fn the_process_that_lives_for_weeks() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let days = std::env::var(DAYS).map_or(3, |it| it.parse().unwrap());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(lives(days));
}

async fn lives(days: u64) {
    let seed: u64 = rand::random();
    eprintln!("soak: seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    // In memory where there is a place for that: what a disk takes to synchronise is not what this is about.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let limits = Limits { reports: 10_000, bytes: 1 << 30 };
    let (outbox, _) = Outbox::open(&folder.path().join("outbox.db"), limits).unwrap();
    let hub = Arc::new(Mutex::new(Hub::new(chance.random())));
    let delivery = Delivery::new(outbox.clone(), Line(Arc::clone(&hub)), Pace::default(), |_, _| {});
    let (counters, mut state) = (delivery.counters(), delivery.state());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let delivering = tokio::spawn(delivery.run(async { drop(stopped.await) }));

    let mut plant = Plant::new(chance);
    let mut daily = Vec::new();
    for second in 0..days * DAY {
        sleep(Duration::from_secs(1)).await;
        plant.passes_an_item(&outbox);
        hub.lock().unwrap().weather();
        if (second + 1) % DAY == 0 {
            daily.push(Use::now());
        }
    }
    hub.lock().unwrap().clear_up();
    let patience = Moment::now() + Duration::from_secs(DAY);
    while outbox.depth().unwrap().reports > 0 {
        assert!(Moment::now() < patience, "it never catches up: {:?}", *state.borrow_and_update());
        sleep(Duration::from_secs(1)).await;
    }
    stop.send(()).unwrap();
    delivering.await.unwrap();
    assert_eq!(*state.borrow_and_update(), State::Stopped);

    let (totals, counts, hub) = (outbox.totals().unwrap(), counters.counts(), hub.lock().unwrap());
    let (items, ng) = (plant.tally.items(), plant.tally.get(Verdict::Ng));
    assert_eq!(items, days * DAY);
    assert_eq!((totals.appended, totals.acknowledged), (ng, ng), "{totals:?}");
    assert_eq!((totals.dropped, totals.set_aside, totals.purged), (0, 0, 0));
    assert_eq!(hub.arrived(), ng, "each report arrived");
    assert_eq!(counts.acknowledged, ng);
    assert!(counts.published >= ng + hub.again, "{counts:?}");
    assert!(hub.renewals > 0 && counts.failures > 0 && hub.again > 0, "nothing happened: {counts:?}");
    // The first days fill caches and pages once.
    let (early, late) = (&daily[..daily.len() / 2 + 1], daily.last().unwrap());
    let most = |of: fn(&Use) -> u64| early.iter().map(of).max().unwrap();
    assert!(late.memory <= most(|it| it.memory) + SLACK, "memory grows: {daily:?}");
    assert!(late.handles <= most(|it| it.handles), "file handles leak: {daily:?}");
    eprintln!(
        "{days} simulated days: {items} items, {ng} NG, {} arrived, {} again with the same id; {} sessions, {} \
         renewals, {} failures, {} jumps of the clock; memory at most {} KiB in the first half and {} at the end, file \
         handles {} and {}",
        hub.arrived(),
        hub.again,
        counts.sessions,
        hub.renewals,
        counts.failures,
        plant.jumps,
        most(|it| it.memory) >> 10,
        late.memory >> 10,
        most(|it| it.handles),
        late.handles,
    );
}

/// What the process holds.
#[derive(Debug)]
struct Use {
    /// Resident bytes of its own: those of files do not count.
    memory: u64,
    handles: u64,
}

impl Use {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        Self { memory: kib << 10, handles: fs::read_dir("/proc/self/fd").unwrap().count() as u64 }
    }
}

/// The line of products and the station's judge.
struct Plant {
    chance: StdRng,
    tally: Tally,
    reporter: Reporter,
    picture: Picture,
    items: u64,
    wall: SystemTime,
    clock: Clock,
    jumps: u64,
}

impl Plant {
    fn new(chance: StdRng) -> Self {
        let text = |it: &str| it.to_owned();
        let origin = Origin {
            station: Station { id: text("press-3"), line: text("Line 1"), product: text("Plate") },
            agent: Agent { version: text("1") },
            model: Model { name: text("shade"), version: text("1"), sha256: text("00") },
        };
        let rule = IncidentRule { quiet: Duration::from_secs(60), updates: vec![10, 100] };
        Self {
            chance,
            tally: Tally::default(),
            reporter: Reporter::new(origin, rule, None),
            picture: Picture::Pixels(Arc::new(Pixels { width: 1, height: 1, channels: 1, samples: vec![0] })),
            items: 0,
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            clock: Clock::Synchronised,
            jumps: 0,
        }
    }

    /// One in a hundred is NG, one in a thousand is not inspected.
    fn passes_an_item(&mut self, outbox: &Outbox) {
        self.wall += Duration::from_secs(1);
        // Twice a day: a restart without a battery behind the clock, or a time server that corrects it.
        if self.chance.random_ratio(1, 43_200) {
            self.jumps += 1;
            let far = Duration::from_secs(self.chance.random_range(1..2_000_000_000));
            self.wall = SystemTime::UNIX_EPOCH + far;
            self.clock = if self.chance.random() { Clock::Synchronised } else { Clock::Unsynchronised };
        }
        self.items += 1;
        let verdict = match self.chance.random_range(0..1_000) {
            0..10 => Verdict::Ng,
            10 => Verdict::NotInspected,
            _ => Verdict::Ok,
        };
        self.tally.count(verdict);
        let judged = self.judged(verdict);
        let Some(draft) = self.reporter.draft(&judged, self.clock, Moment::now().into_std()) else { return };
        let memo = self.reporter.memo();
        let stored = outbox.append(
            |sequence| {
                Ok(Outgoing {
                    report_id: draft.report_id().to_owned(),
                    properties: draft.properties(),
                    json: draft.clone().write(sequence)?,
                })
            },
            &[("incidents", &memo)],
        );
        stored.unwrap();
    }

    fn judged(&mut self, verdict: Verdict) -> Judged {
        let now = Moment::now().into_std();
        let defect = Defect {
            label: Arc::from(["short", "open", "spur"][self.chance.random_range(0..3)]),
            severity: Severity::Major,
            confidence: Confidence::new(self.chance.random_range(0.5..1.0)).unwrap(),
            area: None,
        };
        let taken = Taken { monotonic: now, wall: self.wall };
        Judged {
            item: self.items,
            verdict,
            tracked_frames: 1,
            defects: if verdict == Verdict::Ng { vec![defect] } else { Vec::new() },
            score: None,
            reason: None,
            decisive: Some(Decisive {
                taken,
                inspected: now,
                name: None,
                picture: self.picture.clone(),
                region: Region { x: 0, y: 0, width: 1, height: 1 },
            }),
            last_seen: Some(taken),
        }
    }
}
