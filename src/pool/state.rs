//! All stations at the pool under one lock, and what it takes to wait for them.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    queue::{Inspected, Look, Queue},
    shares::Shares,
};
use crate::inspection::{Confidence, Model};

/// What workers inspect a station's looks with.
#[derive(Clone)]
pub struct Terms {
    /// Each worker has an inspector of its own of it.
    pub model: Arc<Model>,
    /// The least confidence of a finding that matters.
    pub floor: Confidence,
}

/// A look for a worker.
pub(super) struct Job<T = Terms> {
    pub(super) look: Look,
    pub(super) terms: T,
    pub(super) receipt: Receipt,
}

/// With this a look comes back.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) station: usize,
    ticket: u64,
    charged: Duration,
}

/// What is behind the lock. `T` is what workers need to know of a station.
pub(super) struct State<T = Terms> {
    posts: Vec<Post<T>>,
    shares: Shares,
    /// Workers without work, the one that worked last at the end.
    idle: Vec<usize>,
    wakers: Vec<Arc<Condvar>>,
    pub(super) closed: bool,
    /// From then on nothing that waits is inspected.
    pub(super) deadline: Option<Instant>,
}

pub(super) struct Post<T> {
    pub(super) queue: Queue,
    terms: T,
    /// For those who wait at this station: its camera for room, its judge for what comes.
    changed: Arc<Condvar>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            posts: Vec::new(),
            shares: Shares::default(),
            idle: Vec::new(),
            wakers: Vec::new(),
            closed: false,
            deadline: None,
        }
    }
}

impl<T: Clone> State<T> {
    /// Takes a station in; gives its number.
    pub(super) fn join(&mut self, queue: Queue, terms: T, changed: Arc<Condvar>) -> usize {
        self.posts.push(Post { queue, terms, changed });
        self.shares.join();
        self.posts.len() - 1
    }

    /// Takes a worker in; gives its number.
    pub(super) fn hire(&mut self, waker: Arc<Condvar>) -> usize {
        self.wakers.push(waker);
        self.wakers.len() - 1
    }

    /// Changes a station's queue by `change` and wakes who may now go on.
    pub(super) fn at<R>(&mut self, station: usize, change: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let post = self.posts.get_mut(station)?;
        if post.queue.is_at_rest() {
            self.shares.wakes(station);
        }
        let before = post.queue.ready();
        let result = change(&mut post.queue);
        post.changed.notify_all();
        if post.queue.ready() > before {
            self.wake_one();
        }
        Some(result)
    }

    /// Looks at a station's queue.
    pub(super) fn read<R>(&self, station: usize, read: impl FnOnce(&Queue) -> R) -> Option<R> {
        self.posts.get(station).map(|post| read(&post.queue))
    }

    /// The next look of the station whose turn it is, for this worker.
    pub(super) fn take(&mut self, worker: usize) -> Option<Job<T>> {
        self.idle.retain(|it| *it != worker);
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.posts.iter_mut().for_each(Post::give_up_waiting);
        }
        let ready = (0..self.posts.len()).filter(|station| self.posts[*station].queue.ready() > 0);
        let station = self.shares.next(ready)?;
        let post = self.posts.get_mut(station)?;
        let (ticket, look) = post.queue.take()?;
        post.changed.notify_all();
        let charged = self.shares.begin(station);
        Some(Job { look, terms: post.terms.clone(), receipt: Receipt { station, ticket, charged } })
    }

    /// Takes back what became of a look, which took a worker `cost`.
    pub(super) fn bring_back(&mut self, receipt: &Receipt, inspected: Inspected, cost: Duration) {
        self.shares.end(receipt.station, receipt.charged, cost);
        if let Some(post) = self.posts.get_mut(receipt.station) {
            post.queue.bring_back(receipt.ticket, inspected);
            post.changed.notify_all();
        }
    }

    /// A worker has nothing to do.
    pub(super) fn rests(&mut self, worker: usize) {
        self.idle.push(worker);
    }

    /// Ends the workers once nothing waits.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.idle.clear();
        self.wakers.iter().for_each(|it| it.notify_all());
    }

    /// Gives up every look that is not back.
    pub(super) fn abandon(&mut self) {
        for post in &mut self.posts {
            post.queue.abandon();
            post.changed.notify_all();
        }
        self.close();
    }

    /// The worker that was busy last is woken first: at a quiet plant one worker's caches stay warm, and the others take
    /// no memory.
    fn wake_one(&mut self) {
        if let Some(waker) = self.idle.pop().and_then(|worker| self.wakers.get(worker)) {
            waker.notify_one();
        }
    }
}

impl State {
    pub(super) fn set_floor(&mut self, station: usize, floor: Confidence) {
        if let Some(post) = self.posts.get_mut(station) {
            post.terms.floor = floor;
        }
    }
}

impl<T> Post<T> {
    fn give_up_waiting(&mut self) {
        self.queue.give_up_waiting();
        self.changed.notify_all();
    }
}

/// The lock.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
