//! All instances: where each can be posted to, which partitions it reads, and word of each change of that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use tokio::time::sleep_until;

use crate::lease::{Leases, Reader};
use crate::progress::{Counters, count};

/// A handler that can be posted to.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) port: u16,
    pub(crate) ready: watch::Receiver<bool>,
    /// Notified, the handler is started again.
    pub(crate) restart: Arc<Notify>,
}

/// All instances, by number.
#[derive(Debug)]
pub(crate) struct Instances {
    known: Mutex<Known>,
    changed: watch::Sender<()>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Known {
    leases: Leases,
    instances: Vec<Instance>,
}

impl Known {
    /// Who reads a partition, or when somebody may, if that is only a matter of time.
    fn reading(&mut self, function: &str, partition: &str) -> Result<(usize, Instance), Option<Instant>> {
        match self.leases.reader(function, partition, Instant::now()) {
            Reader::Instance(number) => Ok((number, self.instances[number].clone())),
            Reader::NobodyBefore(instant) => Err(Some(instant)),
            Reader::Nobody => Err(None),
        }
    }
}

impl Instances {
    /// These are there from the start; `scale` is a factor on the time for which the claim of a lost one holds.
    pub(crate) fn new(first: Vec<Instance>, scale: f64, counters: Arc<Counters>) -> Self {
        let known = Known { leases: Leases::new(first.len(), scale), instances: first };
        Self { known: Mutex::new(known), changed: watch::Sender::new(()), counters }
    }

    /// The instance that timers run on; `None` when all are gone.
    pub(crate) fn first(&self) -> Option<Instance> {
        let known = self.known();
        known.leases.first().map(|first| known.instances[first].clone())
    }

    /// Notes an instance whose handler does not answer yet; its number.
    pub(crate) fn expect(&self, instance: Instance) -> usize {
        let mut known = self.known();
        known.instances.push(instance);
        known.leases.expect()
    }

    /// Has an instance that was expected take its share of the partitions over, one after the other.
    pub(crate) async fn join(&self, number: usize) {
        if !self.known().leases.join(number) {
            return;
        }
        tracing::info!(instance = number, "an instance has joined");
        self.changed.send_replace(());
        loop {
            let Some(taken) = self.known().leases.steal(number) else { return };
            tracing::info!(
                function = taken.function,
                partition = taken.partition,
                from = taken.from,
                instance = number,
                "took a partition over"
            );
            count(&self.counters.takeovers, 1);
            self.changed.send_replace(());
            yield_now().await;
        }
    }

    /// Leaves an instance's partitions to the others; whether there are any.
    pub(crate) fn lose(&self, number: usize) -> bool {
        let mut known = self.known();
        known.leases.lose(number, Instant::now());
        let others = known.leases.anybody();
        drop(known);
        self.changed.send_replace(());
        others
    }

    /// The instance that reads a partition, once one does.
    pub(crate) async fn reader(&self, function: &str, partition: &str) -> (usize, Instance) {
        let mut changes = self.changed.subscribe();
        loop {
            let reading = self.known().reading(function, partition);
            let free = match reading {
                Ok(reader) => return reader,
                Err(free) => free,
            };
            let wait = async {
                match free {
                    Some(instant) => sleep_until(instant.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Waits until an instance reads a partition no more.
    pub(crate) async fn reads_no_more(&self, number: usize, function: &str, partition: &str) {
        let mut changes = self.changed.subscribe();
        while self.reads(number, function, partition) {
            let _ = changes.changed().await;
        }
    }

    fn reads(&self, number: usize, function: &str, partition: &str) -> bool {
        self.known().leases.reader(function, partition, Instant::now()) == Reader::Instance(number)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
