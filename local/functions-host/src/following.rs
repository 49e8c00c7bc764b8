//! Follows the events file and keeps a worker for each function and partition.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Function;
use crate::error::HostError;
use crate::flag::is_set;
use crate::partition::{Partition, Shared, blocking};
use crate::progress::count;
use crate::schedule::Timer;
use crate::tail::{News, Place, Tail};

/// How often the events file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The reader of the events file and the workers that it feeds.
pub(crate) struct Following {
    functions: Vec<Function>,
    shared: Arc<Shared>,
    workers: JoinSet<io::Result<()>>,
    /// By function and partition.
    queues: HashMap<(usize, String), mpsc::UnboundedSender<Place>>,
    stop: watch::Receiver<bool>,
}

impl Following {
    pub(crate) fn new(functions: Vec<Function>, shared: Arc<Shared>, stop: watch::Receiver<bool>) -> Self {
        Self { functions, shared, workers: JoinSet::new(), queues: HashMap::new(), stop }
    }

    /// Has a timer tick as long as events are followed.
    pub(crate) fn tick(&mut self, timer: Timer, every: Option<Duration>) {
        let ticking = timer.run(self.shared.clone(), every, self.stop.clone());
        self.workers.spawn(async move {
            ticking.await;
            Ok(())
        });
    }

    /// Hands new events to their partitions until the host is to stop or a worker fails.
    pub(crate) async fn follow(&mut self, mut tail: Tail) -> Result<(), HostError> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = is_set(&mut stop) => return Ok(()),
                Some(ended) = self.workers.join_next() => worker_ended(ended)?,
                _ = look.tick() => {
                    let news;
                    (tail, news) = blocking(move || tail.read().map(|news| (tail, news)))
                        .await
                        .map_err(|source| HostError::File { doing: "follow the events file", source })?;
                    self.hand_out(news);
                }
            }
        }
    }

    fn hand_out(&mut self, news: News) {
        count(&self.shared.counters.unreadable, news.unreadable);
        for (partition, place) in news.events {
            for function in 0..self.functions.len() {
                if self.wants(function, &partition, place) {
                    // A worker that is gone has failed, which the loop is about to see.
                    let _ = self.queue(function, &partition).send(place);
                }
            }
        }
    }

    fn wants(&self, function: usize, partition: &str, place: Place) -> bool {
        let checkpoints = self.shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        checkpoints.wants(&self.functions[function].name, partition, place.sequence_number, place.start)
    }

    fn queue(&mut self, function: usize, partition: &str) -> &mpsc::UnboundedSender<Place> {
        self.queues.entry((function, partition.to_owned())).or_insert_with(|| {
            let (sender, places) = mpsc::unbounded_channel();
            let worker = Partition::new(
                partition,
                self.functions[function].clone(),
                self.shared.clone(),
                self.stop.clone(),
            );
            self.workers.spawn(worker.run(places));
            sender
        })
    }

    /// Waits for what the workers have under way.
    pub(crate) async fn finish(&mut self) {
        while let Some(ended) = self.workers.join_next().await {
            if let Err(error) = worker_ended(ended) {
                tracing::error!(%error, "a partition's worker failed while the host stopped");
            }
        }
    }
}

fn worker_ended(ended: Result<io::Result<()>, JoinError>) -> Result<(), HostError> {
    ended
        .map_err(HostError::Bug)?
        .map_err(|source| HostError::File { doing: "read events or write the checkpoint", source })
}
