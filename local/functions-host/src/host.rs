//! The host: starts the instances, has the events followed, and stops in order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::{App, InitialOffset};
use crate::checkpoint::Checkpoints;
use crate::error::HostError;
use crate::flag::is_set;
use crate::following::Following;
use crate::handler::Handler;
use crate::instances::{Instance, Instances};
use crate::launch::{Launcher, keep_all_running};
use crate::options::HostOptions;
use crate::partition::Shared;
use crate::progress::{Counters, Progress};
use crate::tail::Tail;

/// How long invocations under way may go on once the host is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A running host. Dropping it ends the handler at once; [`FunctionsHost::stop`] lets it finish first.
#[derive(Debug)]
pub struct FunctionsHost {
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    joins: mpsc::UnboundedSender<()>,
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
        let skipped = match app.batches.initial_offset_options {
            InitialOffset::FromStart => 0,
            InitialOffset::FromEnd => options.events.metadata().map_or(0, |events| events.len()),
        };
        let checkpoints = Checkpoints::open(options.checkpoint.clone(), skipped)
            .map_err(|source| HostError::File { doing: "open the checkpoint file", source })?;
        let counters = Arc::new(Counters::default());
        let mut launcher = Launcher::new(app.clone(), options.clone(), counters.clone());
        let handlers: Vec<Handler> =
            (0..options.instances).map(|_| launcher.next()).collect::<Result<_, _>>()?;
        let port = handlers[0].port();
        let first: Vec<Instance> = handlers.iter().map(Handler::instance).collect();
        let shared = Arc::new(Shared {
            events: options.events.clone(),
            instances: Instances::new(first.clone(), options.retry_scale, counters.clone()),
            timeout: app.timeout,
            batches: app.batches,
            retry_scale: options.retry_scale,
            checkpoints: Mutex::new(checkpoints),
            counters: counters.clone(),
        });
        let (stop, (joins, joining)) = (watch::Sender::new(false), mpsc::unbounded_channel());
        let mut following = Following::new(app.functions, shared.clone(), stop.subscribe());
        for timer in app.timers {
            following.tick(timer, options.timer_every);
        }
        let stop_handlers = watch::Sender::new(false);
        let handling = keep_all_running(launcher, handlers, shared, joining, stop_handlers.subscribe());
        let mut running = JoinSet::new();
        running.spawn(run(handling, stop_handlers, following, Tail::new(options.events)));
        let mut host = Self { counters, stop, joins, running, port };
        tokio::select! {
            answered = all_ready(first) => if answered {
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

    /// The port that the first handler was told to listen on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Has one more instance join, as when the app is scaled out or one that is gone is replaced: once its handler
    /// answers, it takes its share of the partitions over, one after the other.
    pub fn add_instance(&self) {
        // A host that has ended says so itself.
        let _ = self.joins.send(());
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

async fn run(
    handling: impl Future<Output = Result<(), HostError>>,
    stop_handlers: watch::Sender<bool>,
    mut following: Following,
    tail: Tail,
) -> Result<(), HostError> {
    let mut handling = std::pin::pin!(handling);
    let followed = tokio::select! {
        ended = &mut handling => return ended,
        followed = following.follow(tail) => followed,
    };
    tokio::select! {
        ended = &mut handling => ended?,
        _ = timeout(GRACE, following.finish()) => {
            stop_handlers.send_replace(true);
            handling.await?;
        }
    }
    followed
}
