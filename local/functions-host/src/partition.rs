//! One function's way through one partition: batch, invocation, retries, checkpoint, next batch.
//!
//! Extension source, `PartitionProcessor`: the batch is checkpointed whether the function succeeded or failed. Learn,
//! "Azure Functions error handling and retries": the checkpoint waits for the retry policy, and the count of retries
//! lives in memory, so that a restart begins again: at least once.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use crate::app::{Batches, Function};
use crate::checkpoint::Checkpoints;
use crate::event::Event;
use crate::flag::is_set;
use crate::invocation::{self, InvocationError};
use crate::lease::{Leases, Reader};
use crate::payload::{Context, payload};
use crate::progress::{Counters, count};
use crate::tail::Place;

/// What all partitions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) events: PathBuf,
    pub(crate) instances: Vec<Instance>,
    pub(crate) leases: Mutex<Leases>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) batches: Batches,
    pub(crate) retry_scale: f64,
    pub(crate) checkpoints: Mutex<Checkpoints>,
    pub(crate) counters: Arc<Counters>,
}

/// A handler that can be posted to.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) port: u16,
    pub(crate) ready: watch::Receiver<bool>,
    /// Notified, the handler is started again.
    pub(crate) restart: Arc<Notify>,
}

impl Shared {
    /// The instance that timers run on; `None` when all are gone.
    pub(crate) fn first(&self) -> Option<&Instance> {
        self.leases().first().map(|first| &self.instances[first])
    }

    /// Leaves an instance's partitions to the others; whether there are any.
    pub(crate) fn lose(&self, instance: usize) -> bool {
        let mut leases = self.leases();
        leases.lose(instance, Instant::now());
        leases.first().is_some()
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A function's reader of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) id: String,
    pub(crate) function: Function,
    pub(crate) shared: Arc<Shared>,
    /// Read since the last checkpoint, which a new owner reads again.
    pub(crate) open: VecDeque<Place>,
    /// To be read before anything that is new.
    pub(crate) again: VecDeque<Place>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// How a batch ended.
enum Ended {
    Delivered,
    GivenUp,
    /// The instance that read the partition is gone.
    Moved,
    Stopped,
}

impl Partition {
    /// Works through the places of the partition's events, in order, until the host stops.
    pub(crate) async fn run(mut self, mut places: mpsc::UnboundedReceiver<Place>) -> io::Result<()> {
        let mut since_checkpoint = 0;
        while let Some(batch) = self.next_batch(&mut places).await {
            let Some(last) = batch.last().map(|place| place.sequence_number) else { continue };
            self.open.extend(&batch);
            let events = self.read(batch).await?;
            let counters = &self.shared.counters.clone();
            match self.deliver(&events).await {
                Ended::Stopped => break,
                Ended::Moved => {
                    tracing::warn!(
                        function = self.function.name,
                        partition = self.id,
                        events = self.open.len(),
                        "the instance that read it is gone; another begins at the checkpoint"
                    );
                    // Before what waits already: an owner may be gone again while it catches up.
                    while let Some(place) = self.open.pop_back() {
                        self.again.push_front(place);
                    }
                    since_checkpoint = 0;
                    continue;
                }
                Ended::Delivered => count(&counters.delivered, events.len() as u64),
                Ended::GivenUp => {
                    count(&counters.given_up, events.len() as u64);
                    tracing::error!(
                        function = self.function.name,
                        partition = self.id,
                        events = events.len(),
                        "gave a batch up; it is checkpointed and lost, as in Azure"
                    );
                }
            }
            count(&counters.batches, 1);
            since_checkpoint += 1;
            if since_checkpoint >= self.shared.batches.batch_checkpoint_frequency {
                since_checkpoint = 0;
                self.checkpoint(last).await?;
                self.open.clear();
            }
        }
        Ok(())
    }

    /// As many events as there are, within the limits of `host.json`; `None` at the end.
    async fn next_batch(&mut self, places: &mut mpsc::UnboundedReceiver<Place>) -> Option<Vec<Place>> {
        let (least, most) =
            (self.shared.batches.min_event_batch_size, self.shared.batches.max_event_batch_size);
        if !self.again.is_empty() {
            return Some(self.again.drain(..most.min(self.again.len())).collect());
        }
        let mut batch = Vec::new();
        let mut stop = self.stop.clone();
        let collect = async {
            if places.recv_many(&mut batch, most).await == 0 {
                return;
            }
            let patience = tokio::time::Instant::now() + self.shared.batches.max_wait_time;
            while batch.len() < least.min(most) {
                let room = most - batch.len();
                match timeout_at(patience, places.recv_many(&mut batch, room)).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        tokio::select! {
            () = collect => {}
            _ = is_set(&mut stop) => return None,
        }
        (!batch.is_empty()).then_some(batch)
    }

    async fn read(&self, batch: Vec<Place>) -> io::Result<Vec<Event>> {
        let shared = self.shared.clone();
        blocking(move || batch.iter().map(|place| place.read(&shared.events)).collect()).await
    }

    async fn checkpoint(&self, number: i64) -> io::Result<()> {
        let (shared, function, partition) =
            (self.shared.clone(), self.function.name.clone(), self.id.clone());
        blocking(move || {
            let mut checkpoints = shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints.advance(&function, &partition, number)
        })
        .await?;
        count(&self.shared.counters.checkpoints, 1);
        Ok(())
    }

    /// The instance that reads the partition, once one does; `None` when the host is to stop.
    async fn reader(&mut self) -> Option<(usize, Instance)> {
        loop {
            let reader = self.shared.leases().reader(&self.function.name, &self.id, Instant::now());
            let free = match reader {
                Reader::Instance(number) => return Some((number, self.shared.instances[number].clone())),
                Reader::NobodyBefore(instant) => Some(instant),
                Reader::Nobody => None,
            };
            let wait = async {
                match free {
                    Some(instant) => sleep_until(instant.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                _ = is_set(&mut self.stop) => return None,
            }
        }
    }

    /// Whether the partition is still read by this instance.
    fn is_read_by(&self, instance: usize) -> bool {
        let reader = self.shared.leases().reader(&self.function.name, &self.id, Instant::now());
        reader == Reader::Instance(instance)
    }

    /// Posts the batch until it succeeds or the retry policy is at its end.
    async fn deliver(&mut self, events: &[Event]) -> Ended {
        let Some((number, instance)) = self.reader().await else { return Ended::Stopped };
        let mut retry = None;
        loop {
            let Err(error) = self.attempt(&instance, events, retry.clone()).await else {
                return Ended::Delivered;
            };
            if !self.is_read_by(number) {
                count(&self.shared.counters.failed_attempts, 1);
                return Ended::Moved;
            }
            let next = retry.map_or(1, |(number, _)| number + 1);
            count(&self.shared.counters.failed_attempts, 1);
            tracing::warn!(function = self.function.name, partition = self.id, %error, attempt = next, "a batch failed");
            if !self.function.retry.allows(next) {
                return Ended::GivenUp;
            }
            let delay = self.function.retry.delay(next, rand::random()).mul_f64(self.shared.retry_scale);
            tokio::select! {
                () = sleep(delay) => {}
                _ = is_set(&mut self.stop) => return Ended::Stopped,
            }
            if *self.stop.borrow() {
                return Ended::Stopped;
            }
            count(&self.shared.counters.retries, 1);
            retry = Some((next, error.to_string()));
        }
    }

    async fn attempt(
        &self,
        instance: &Instance,
        events: &[Event],
        retry: Option<(u32, String)>,
    ) -> Result<(), InvocationError> {
        // Host source, `WorkerFunctionInvoker`: while the handler restarts, invocations wait.
        if !is_set(&mut instance.ready.clone()).await {
            return Err(InvocationError::Unreachable("the handler is gone".to_owned()));
        }
        let context =
            Context { now: jiff::Timestamp::now().to_string(), random_id: Uuid::new_v4().to_string(), retry };
        let body = Bytes::from(payload(&self.function, &self.id, events, &context).to_string());
        let invocation = invocation::invoke(instance.port, &self.function.name, body);
        let Some(most) = self.shared.timeout else { return invocation.await };
        match timeout(most, invocation).await {
            Ok(ended) => ended,
            Err(_) => {
                // Host source, `WebScriptHostExceptionManager`: a time-out restarts the handler.
                instance.restart.notify_one();
                Err(InvocationError::TooLong)
            }
        }
    }
}

/// Runs file work where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
