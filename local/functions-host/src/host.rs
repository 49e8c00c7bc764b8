//! The host: starts the handler, follows the events file, keeps a worker for each partition, and stops in order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app::{App, AppError, Function, InitialOffset};
use crate::checkpoint::Checkpoints;
use crate::flag::is_set;
use crate::handler::{Handler, HandlerError, HandlerOutput};
use crate::lease::Leases;
use crate::partition::{Instance, Partition, Shared, blocking};
use crate::progress::{Counters, Progress, count};
use crate::tail::{News, Place, Tail};

/// How often the events file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long invocations under way may go on once the host is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What to run and with what.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The folder with `host.json`.
    pub app: PathBuf,
    /// The stand-in's events file; it may come later.
    pub events: PathBuf,
    /// In place of `defaultExecutablePath`.
    pub executable: Option<PathBuf>,
    /// Where checkpoints are kept; without one they end with the host.
    pub checkpoint: Option<PathBuf>,
    /// The first handler's port; without one a free port is taken.
    pub port: Option<u16>,
    /// How many handlers share the partitions, as after a scale-out; at least 1. The host goes on while one stays.
    pub instances: usize,
    /// Runs timers so often in place of their schedules, so that tests and the demo need no minutes.
    pub timer_every: Option<Duration>,
    /// App settings: variables for the handler besides those that it inherits.
    pub environment: BTreeMap<String, String>,
    /// Where the handler's output goes.
    pub output: HandlerOutput,
    /// Factor on the waits between retries and for the partitions of an instance that is gone, so that tests and the
    /// demo need no minutes; 1 as in Azure. At least 0.
    pub retry_scale: f64,
}

impl HostOptions {
    /// The app in a folder fed from an events file, everything else as in Azure.
    pub fn new(app: impl Into<PathBuf>, events: impl Into<PathBuf>) -> Self {
        Self {
            app: app.into(),
            events: events.into(),
            executable: None,
            checkpoint: None,
            port: None,
            instances: 1,
            timer_every: None,
            environment: BTreeMap::new(),
            output: HandlerOutput::default(),
            retry_scale: 1.0,
        }
    }
}

/// Why the host cannot start or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The folder is no function app.
    #[error(transparent)]
    App(#[from] AppError),
    /// The handler does not start or does not stay.
    #[error("{0}")]
    Handler(String),
    /// The events file or the checkpoint file cannot be used.
    #[error("cannot {doing}: {source}")]
    File {
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No free port.
    #[error("cannot find a free port for the handler: {0}")]
    Port(io::Error),
    /// An impossible option.
    #[error("the factor on retry intervals is {0}; choose 0 or more")]
    RetryScale(f64),
    /// An impossible option.
    #[error("there must be at least one instance")]
    NoInstance,
    /// A part of the host panicked.
    #[error("a part of the host failed: {0}")]
    Bug(JoinError),
}

impl From<HandlerError> for HostError {
    fn from(error: HandlerError) -> Self {
        Self::Handler(error.to_string())
    }
}

/// A running host. Dropping it ends the handler at once; [`FunctionsHost::stop`] lets it finish first.
#[derive(Debug)]
pub struct FunctionsHost {
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    running: JoinSet<Result<(), HostError>>,
    port: u16,
}

impl FunctionsHost {
    /// Starts the handler and waits until it answers; needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The folder, the files or the handler cannot be used.
    pub async fn start(options: HostOptions) -> Result<Self, HostError> {
        if !(options.retry_scale >= 0.0 && options.retry_scale.is_finite()) {
            return Err(HostError::RetryScale(options.retry_scale));
        }
        if options.instances == 0 {
            return Err(HostError::NoInstance);
        }
        let settings = std::env::vars().chain(options.environment.clone()).collect();
        let mut app = App::read(&options.app, &settings)?;
        if let Some(executable) = &options.executable {
            app.executable = std::path::absolute(executable).unwrap_or_else(|_| executable.clone());
        }
        let counters = Arc::new(Counters::default());
        let handlers = handlers(&app, &options, &counters)?;
        let port = handlers[0].port();
        let skipped = match app.batches.initial_offset_options {
            InitialOffset::FromStart => 0,
            InitialOffset::FromEnd => options.events.metadata().map_or(0, |events| events.len()),
        };
        let checkpoints = Checkpoints::open(options.checkpoint, skipped)
            .map_err(|source| HostError::File { doing: "open the checkpoint file", source })?;
        let stop = watch::Sender::new(false);
        let following = Following {
            functions: app.functions,
            shared: Arc::new(Shared {
                events: options.events.clone(),
                leases: Mutex::new(Leases::new(handlers.len(), options.retry_scale)),
                instances: handlers.iter().map(Handler::instance).collect(),
                timeout: app.timeout,
                batches: app.batches,
                retry_scale: options.retry_scale,
                checkpoints: Mutex::new(checkpoints),
                counters: counters.clone(),
            }),
            workers: JoinSet::new(),
            queues: HashMap::new(),
            stop: stop.subscribe(),
        };
        let mut following = following;
        for timer in app.timers {
            let (shared, every) = (following.shared.clone(), options.timer_every);
            let ticking = timer.run(shared, every, stop.subscribe());
            following.workers.spawn(async move {
                ticking.await;
                Ok(())
            });
        }
        let all = following.shared.instances.clone();
        let mut running = JoinSet::new();
        running.spawn(run(handlers, following, Tail::new(options.events)));
        let mut host = Self { counters, stop, running, port };
        tokio::select! {
            answered = all_ready(all) => if answered {
                return Ok(host);
            },
            ended = host.ended() => return Err(ended.err().unwrap_or_else(never_ready)),
        }
        Err(host.ended().await.err().unwrap_or_else(never_ready))
    }

    /// What was done so far.
    pub fn progress(&self) -> Progress {
        self.counters.snapshot()
    }

    /// The port that the handler was told to listen on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until the host stops itself, as it does when its handler keeps ending.
    ///
    /// # Errors
    /// Why it stopped.
    pub async fn ended(&mut self) -> Result<(), HostError> {
        self.running.join_next().await.unwrap_or(Ok(Ok(()))).map_err(HostError::Bug)?
    }

    /// Lets invocations under way finish, for five seconds at most, then ends the handler.
    ///
    /// # Errors
    /// Why the host had stopped before.
    pub async fn stop(mut self) -> Result<Progress, HostError> {
        self.stop.send_replace(true);
        self.ended().await?;
        Ok(self.progress())
    }
}

/// A handler for each instance, which is told how Azure calls it.
fn handlers(app: &App, options: &HostOptions, counters: &Arc<Counters>) -> Result<Vec<Handler>, HostError> {
    let one = |index: usize| {
        let port = options.port.filter(|_| index == 0).map_or_else(free_port, Ok)?;
        let mut environment = options.environment.clone();
        environment.entry("WEBSITE_INSTANCE_ID".to_owned()).or_insert_with(|| format!("instance-{index}"));
        let output = options.output.of_instance(index);
        Ok(Handler::new(app, port, &environment, &output, counters.clone())?)
    };
    (0..options.instances).map(one).collect()
}

async fn all_ready(instances: Vec<Instance>) -> bool {
    for mut instance in instances {
        if !is_set(&mut instance.ready).await {
            return false;
        }
    }
    true
}

fn never_ready() -> HostError {
    HostError::Handler("the handler ended before it was ready".to_owned())
}

fn free_port() -> Result<u16, HostError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(HostError::Port)?;
    Ok(listener.local_addr().map_err(HostError::Port)?.port())
}

async fn run(handlers: Vec<Handler>, mut following: Following, tail: Tail) -> Result<(), HostError> {
    let stop_handler = watch::Sender::new(false);
    let shared = following.shared.clone();
    let mut handling = std::pin::pin!(keep_all_running(handlers, shared, stop_handler.subscribe()));
    let followed = tokio::select! {
        ended = &mut handling => return ended,
        followed = following.follow(tail) => followed,
    };
    tokio::select! {
        ended = &mut handling => ended?,
        _ = timeout(GRACE, following.finish()) => {
            stop_handler.send_replace(true);
            handling.await?;
        }
    }
    followed
}

/// Until all have stopped, or none stays. One that does not stay leaves its partitions to the others, as where an
/// instance's host stops itself; one that never was ready is wrong as it is, and so are then all.
async fn keep_all_running(
    handlers: Vec<Handler>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> Result<(), HostError> {
    let mut running = JoinSet::new();
    for (number, handler) in handlers.into_iter().enumerate() {
        let stop = stop.clone();
        running.spawn(async move { (number, handler.keep_running(stop).await) });
    }
    while let Some(ended) = running.join_next().await {
        let (number, ended) = ended.map_err(HostError::Bug)?;
        let Err(error) = ended else { continue };
        let stays = matches!(error, HandlerError::KeepsEnding { was_ready: true, .. }) && shared.lose(number);
        if !stays {
            return Err(error.into());
        }
        tracing::error!(instance = number, %error, "an instance is gone; the others take its partitions");
    }
    Ok(())
}

/// The reader of the events file and the workers that it feeds.
struct Following {
    functions: Vec<Function>,
    shared: Arc<Shared>,
    workers: JoinSet<io::Result<()>>,
    /// By function and partition.
    queues: HashMap<(usize, String), mpsc::UnboundedSender<Place>>,
    stop: watch::Receiver<bool>,
}

impl Following {
    /// Hands new events to their partitions until the host is to stop or a worker fails.
    async fn follow(&mut self, mut tail: Tail) -> Result<(), HostError> {
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
            let worker = Partition {
                id: partition.to_owned(),
                function: self.functions[function].clone(),
                shared: self.shared.clone(),
                open: VecDeque::new(),
                again: VecDeque::new(),
                stop: self.stop.clone(),
            };
            self.workers.spawn(worker.run(places));
            sender
        })
    }

    /// Waits for what the workers have under way.
    async fn finish(&mut self) {
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
