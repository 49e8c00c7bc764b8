//! Delivery against a scripted link, in fake time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant as Moment, sleep, timeout},
};

use super::*;
use crate::outbox::{Entry, Limits, Outbox, Outgoing};

/// What a scripted hub does in one session.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Acknowledges everything, in order.
    Willing,
    /// Acknowledges everything, the newest of a batch first.
    Backwards,
    /// Acknowledges so many and then says nothing any more.
    SilentAfter(usize),
    /// Acknowledges so many and cuts the connection at the next report.
    CutsAfter(usize),
    /// Willing, and wants a new session after so long.
    WillingFor(Duration),
    /// Refuses the login.
    Refuses,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Gone(&'static str);

#[derive(Default)]
struct Diary {
    published: Vec<u64>,
    logins: Vec<Moment>,
    closed: usize,
    most_in_flight: usize,
}

struct ScriptedHub {
    cut: Arc<Notify>,
    manners: VecDeque<Manner>,
    diary: Arc<Mutex<Diary>>,
}

struct ScriptedSession {
    manner: Manner,
    acknowledged: usize,
    born: Instant,
    diary: Arc<Mutex<Diary>>,
    pubacks: (mpsc::UnboundedSender<u64>, mpsc::UnboundedReceiver<u64>),
    cut: Arc<Notify>,
    in_flight: usize,
}

impl Link for ScriptedHub {
    type Session = ScriptedSession;

    async fn connect(&mut self) -> Result<ScriptedSession, Gone> {
        self.diary.lock().unwrap().logins.push(Moment::now());
        // The last manner stays.
        let manner =
            if self.manners.len() > 1 { self.manners.pop_front() } else { self.manners.front().copied() };
        match manner.unwrap() {
            Manner::Refuses => Err(Gone("refused, check the key")),
            manner => Ok(ScriptedSession {
                manner,
                acknowledged: 0,
                born: Moment::now().into_std(),
                diary: Arc::clone(&self.diary),
                pubacks: mpsc::unbounded_channel(),
                cut: Arc::clone(&self.cut),
                in_flight: 0,
            }),
        }
    }
}

impl Session for ScriptedSession {
    type Error = Gone;

    fn publish(&mut self, entry: &Entry) -> Result<(), Unsendable> {
        if entry.json == b"monster" {
            return Err(Unsendable("too large".to_owned()));
        }
        self.in_flight += 1;
        let mut diary = self.diary.lock().unwrap();
        diary.published.push(entry.sequence);
        diary.most_in_flight = diary.most_in_flight.max(self.in_flight);
        let left = match self.manner {
            Manner::SilentAfter(limit) | Manner::CutsAfter(limit) => limit.saturating_sub(self.acknowledged),
            _ => usize::MAX,
        };
        if left > 0 {
            self.acknowledged += 1;
            self.pubacks.0.send(entry.sequence).unwrap();
        } else if matches!(self.manner, Manner::CutsAfter(_)) {
            self.cut.notify_one();
        }
        Ok(())
    }

    async fn acknowledged(&mut self) -> Result<Vec<u64>, Gone> {
        let mut sequences = Vec::new();
        tokio::select! {
            biased;
            count = self.pubacks.1.recv_many(&mut sequences, 5) => assert!(count > 0),
            () = self.cut.notified() => return Err(Gone("cut")),
        }
        if matches!(self.manner, Manner::Backwards) {
            sequences.reverse();
        }
        self.in_flight -= sequences.len();
        Ok(sequences)
    }

    fn renewal(&self) -> Option<Instant> {
        match self.manner {
            Manner::WillingFor(life) => Some(self.born + life),
            _ => None,
        }
    }

    async fn close(self) {
        self.diary.lock().unwrap().closed += 1;
    }
}

/// A station with an outbox on disk and a scripted hub.
struct Scene {
    _folder: TempDir,
    outbox: Outbox,
    cut: Arc<Notify>,
    diary: Arc<Mutex<Diary>>,
    delivered: Arc<Mutex<Vec<u64>>>,
    state: tokio::sync::watch::Receiver<State>,
    counters: Arc<Counters>,
    stop: Arc<Notify>,
    running: Option<JoinHandle<()>>,
    ready: Option<Delivery<ScriptedHub>>,
}

impl Scene {
    fn new(manners: &[Manner]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { reports: 1_000, bytes: 1 << 20 };
        let (outbox, _) = Outbox::open(&folder.path().join("outbox.sqlite"), limits).unwrap();
        let diary = Arc::new(Mutex::new(Diary::default()));
        let cut = Arc::<Notify>::default();
        let hub = ScriptedHub {
            cut: Arc::clone(&cut),
            manners: manners.iter().copied().collect(),
            diary: Arc::clone(&diary),
        };
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&delivered);
        let delivery =
            Delivery::new(outbox.clone(), hub, Pace { window: 4, ..Pace::default() }, move |sequence, id| {
                assert_eq!(id, format!("id {sequence}"));
                heard.lock().unwrap().push(sequence);
            });
        Self {
            _folder: folder,
            outbox,
            cut,
            diary,
            delivered,
            state: delivery.state(),
            counters: delivery.counters(),
            stop: Arc::default(),
            running: None,
            ready: Some(delivery),
        }
    }

    fn reports(self, count: usize) -> Self {
        for _ in 0..count {
            self.report("{}");
        }
        self
    }

    fn report(&self, json: &str) {
        let write = |sequence| {
            let report_id = format!("id {sequence}");
            Ok(Outgoing { report_id, properties: Vec::new(), json: json.into() })
        };
        self.outbox.append(write, &[]).unwrap();
    }

    fn started(mut self) -> Self {
        let stop = Arc::clone(&self.stop);
        let delivery = self.ready.take().unwrap();
        self.running = Some(tokio::spawn(delivery.run(async move { stop.notified().await })));
        self
    }

    async fn until_online(&mut self) {
        self.state.wait_for(|state| matches!(state, State::Online { .. })).await.unwrap();
    }

    async fn until_offline(&mut self) -> (String, u32) {
        let state = self.state.wait_for(|state| matches!(state, State::Offline { .. })).await.unwrap();
        match &*state {
            State::Offline { reason, attempts, .. } => (reason.clone(), *attempts),
            other => panic!("{other:?}"),
        }
    }

    async fn until_empty(&self) {
        let empty = async {
            while self.outbox.depth().unwrap().reports > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(24 * 3600), empty).await.expect("the outbox is not empty after a day");
    }

    /// Stops, and tells how long that took.
    async fn stopped(&mut self) -> Duration {
        let asked = Moment::now();
        self.stop.notify_one();
        self.running.take().unwrap().await.unwrap();
        assert_eq!(*self.state.borrow(), State::Stopped);
        asked.elapsed()
    }

    fn published(&self) -> Vec<u64> {
        self.diary.lock().unwrap().published.clone()
    }

    fn pauses(&self) -> Vec<f64> {
        let logins = self.diary.lock().unwrap().logins.clone();
        logins.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn reports_arrive_in_order_and_leave_the_outbox() {
    let mut scene = Scene::new(&[Manner::Willing]).reports(50).started();
    scene.until_empty().await;
    assert_eq!(scene.published(), (1..=50).collect::<Vec<_>>());
    assert_eq!(*scene.delivered.lock().unwrap(), (1..=50).collect::<Vec<_>>());
    assert_eq!(
        scene.counters.counts(),
        Counts { sessions: 1, published: 50, acknowledged: 50, ..Counts::default() }
    );
    scene.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_later_is_sent_at_once() {
    let mut scene = Scene::new(&[Manner::Willing]).started();
    scene.until_online().await;
    scene.report("{}");
    scene.until_empty().await;
    assert_eq!(scene.published(), [1]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_window_is_in_flight() {
    let mut scene = Scene::new(&[Manner::SilentAfter(0), Manner::Backwards]).reports(30).started();
    scene.until_offline().await;
    assert_eq!(scene.published(), [1, 2, 3, 4]);
    scene.until_empty().await;
    assert_eq!(scene.diary.lock().unwrap().most_in_flight, 4);
}

#[tokio::test(start_paused = true)]
async fn a_report_without_its_puback_is_sent_again_in_a_new_session() {
    let mut scene = Scene::new(&[Manner::SilentAfter(2), Manner::Willing]).reports(3).started();
    let (reason, attempts) = scene.until_offline().await;
    assert!(reason.contains("within 30 s"), "{reason}");
    assert_eq!(attempts, 1);
    scene.until_empty().await;
    assert_eq!(scene.published(), [1, 2, 3, 3]);
    assert_eq!(*scene.delivered.lock().unwrap(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_makes_everything_unacknowledged_unsent_again() {
    let scene =
        Scene::new(&[Manner::CutsAfter(1), Manner::CutsAfter(0), Manner::Willing]).reports(3).started();
    scene.until_empty().await;
    assert_eq!(*scene.delivered.lock().unwrap(), [1, 2, 3]);
    assert_eq!(scene.counters.counts().failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_tried_again_after_growing_pauses() {
    let refusals = [Manner::Refuses; 6];
    let manners = [&refusals[..], &[Manner::Willing]].concat();
    let mut scene = Scene::new(&manners).reports(1).started();
    let (reason, _) = scene.until_offline().await;
    assert_eq!(reason, "refused, check the key");
    scene.until_empty().await;
    for (index, pause) in scene.pauses().into_iter().enumerate() {
        let whole = f64::from(1 << index);
        assert!((whole / 2.0..=whole + 0.1).contains(&pause), "pause {index}: {pause} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_accepts_logins_and_cuts_them_is_left_in_peace_longer_and_longer() {
    let manners =
        [&[Manner::CutsAfter(0); 12][..], &[Manner::CutsAfter(1), Manner::Refuses, Manner::Willing]].concat();
    let scene = Scene::new(&manners).reports(2).started();
    scene.until_empty().await;
    let pauses = scene.pauses();
    assert!(pauses[11] >= 150.0, "{pauses:?}");
    assert!(pauses[12] <= 1.1, "a PUBACK starts the pauses over: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_in_order_and_nothing_is_sent_twice() {
    let life = Duration::from_secs(3);
    let mut scene = Scene::new(&[Manner::WillingFor(life)]).started();
    for _ in 0..20 {
        scene.report("{}");
        sleep(Duration::from_secs(1)).await;
    }
    scene.until_empty().await;
    assert_eq!(scene.published(), (1..=20).collect::<Vec<_>>());
    let counts = scene.counters.counts();
    assert!(counts.sessions >= 6 && counts.failures == 0, "{counts:?}");
    assert!(matches!(*scene.state.borrow(), State::Online { .. }));
    scene.stopped().await;
    assert_eq!(scene.diary.lock().unwrap().closed as u64, scene.counters.counts().sessions);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_the_hub_can_never_take_does_not_stop_the_others() {
    let scene = Scene::new(&[Manner::Willing]);
    for json in ["{}", "monster", "{}"] {
        scene.report(json);
    }
    let scene = scene.started();
    scene.until_empty().await;
    assert_eq!(scene.published(), [1, 3]);
    assert_eq!(scene.outbox.aside().unwrap()[0].reason, "too large");
    assert_eq!(scene.counters.counts().set_aside, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_in_flight_but_not_for_ever() {
    let mut scene = Scene::new(&[Manner::SilentAfter(0)]).reports(1).started();
    scene.until_online().await;
    while scene.published().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    let took = scene.stopped().await;
    assert!((1.9..=2.5).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(scene.outbox.depth().unwrap().reports, 1);
    assert_eq!(scene.diary.lock().unwrap().closed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_pause_to_end() {
    let mut scene = Scene::new(&[Manner::Refuses]).started();
    scene.until_offline().await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(scene.stopped().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_connection_cut_while_stopping_still_ends_in_a_stop() {
    let mut scene = Scene::new(&[Manner::SilentAfter(0)]).reports(1).started();
    while scene.published().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    let cut = Arc::clone(&scene.cut);
    tokio::spawn(async move {
        sleep(Duration::from_millis(500)).await;
        cut.notify_one();
    });
    let took = scene.stopped().await;
    assert!((0.4..=0.6).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(scene.diary.lock().unwrap().logins.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nothing_in_flight_is_immediate() {
    let mut scene = Scene::new(&[Manner::SilentAfter(0)]).started();
    scene.until_online().await;
    assert!(scene.stopped().await < Duration::from_millis(100));
}
