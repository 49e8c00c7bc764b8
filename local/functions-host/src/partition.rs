//! One function's way through one partition: batch, invocation, retries, checkpoint, next batch.
//!
//! Extension source, `PartitionProcessor`: the batch is checkpointed whether the function succeeded or failed. Learn,
//! "Azure Functions error handling and retries": the checkpoint waits for the retry policy, and the count of retries
//! lives in memory, so that a restart begins again: at least once.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::app::{Batches, Function};
use crate::checkpoint::Checkpoints;
use crate::event::Event;
use crate::flag::is_set;
use crate::instances::{Instance, Instances};
use crate::invocation::{self, InvocationError};
use crate::payload::{Context, payload};
use crate::progress::{Counters, count};
use crate::tail::Place;

/// What all partitions share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) events: PathBuf,
    pub(crate) instances: Instances,
    pub(crate) timeout: Option<Duration>,
    pub(crate) batches: Batches,
    pub(crate) retry_scale: f64,
    pub(crate) checkpoints: Mutex<Checkpoints>,
    pub(crate) counters: Arc<Counters>,
}

/// A function's reader of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    id: String,
    function: Function,
    shared: Arc<Shared>,
    /// The instance that read it last.
    reader: Option<usize>,
    /// Read since the last checkpoint, which a new reader reads again.
    open: VecDeque<Place>,
    /// To be read before anything that is new.
    again: VecDeque<Place>,
    stop: watch::Receiver<bool>,
}

/// How a batch ended.
enum Ended {
    Delivered,
    GivenUp,
    /// Another instance reads the partition now.
    Moved,
    Stopped,
}

impl Partition {
    pub(crate) fn new(
        id: &str,
        function: Function,
        shared: Arc<Shared>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (open, again) = (VecDeque::new(), VecDeque::new());
        Self { id: id.to_owned(), function, shared, reader: None, open, again, stop }
    }

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
                        "another instance reads it, from the checkpoint on"
                    );
                    // Before what waits already: the reader may change again while it catches up.
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

    /// Posts the batch until it succeeds, the retry policy is at its end or another instance reads the partition.
    async fn deliver(&mut self, events: &[Event]) -> Ended {
        let (number, instance) = tokio::select! {
            reader = self.shared.instances.reader(&self.function.name, &self.id) => reader,
            _ = is_set(&mut self.stop) => return Ended::Stopped,
        };
        let is_new = self.reader.replace(number).is_some_and(|before| before != number);
        if is_new && self.open.len() > events.len() {
            return Ended::Moved;
        }
        let (mut stop, shared) = (self.stop.clone(), self.shared.clone());
        tokio::select! {
            biased;
            ended = self.post(&instance, events, &mut stop) => ended,
            () = shared.instances.reads_no_more(number, &self.function.name, &self.id) => Ended::Moved,
        }
    }

    async fn post(&self, instance: &Instance, events: &[Event], stop: &mut watch::Receiver<bool>) -> Ended {
        let counters = &self.shared.counters;
        let mut retry = None;
        loop {
            let Err(error) = self.attempt(instance, events, retry.clone()).await else {
                return Ended::Delivered;
            };
            let next = retry.map_or(1, |(number, _)| number + 1);
            count(&counters.failed_attempts, 1);
            tracing::warn!(function = self.function.name, partition = self.id, %error, attempt = next, "a batch failed");
            if !self.function.retry.allows(next) {
                return Ended::GivenUp;
            }
            let delay = self.function.retry.delay(next, rand::random()).mul_f64(self.shared.retry_scale);
            tokio::select! {
                () = sleep(delay) => {}
                _ = is_set(stop) => return Ended::Stopped,
            }
            if *stop.borrow() {
                return Ended::Stopped;
            }
            count(&counters.retries, 1);
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
        let (instance, name, most) = (instance.clone(), self.function.name.clone(), self.shared.timeout);
        // A task of its own: it goes on where another instance takes the partition over meanwhile.
        let invocation = tokio::spawn(async move {
            let invocation = invocation::invoke(instance.port, &name, body);
            let Some(most) = most else { return invocation.await };
            match timeout(most, invocation).await {
                Ok(ended) => ended,
                Err(_) => {
                    // Host source, `WebScriptHostExceptionManager`: a time-out restarts the handler.
                    instance.restart.notify_one();
                    Err(InvocationError::TooLong)
                }
            }
        });
        match invocation.await {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// Runs file work where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
