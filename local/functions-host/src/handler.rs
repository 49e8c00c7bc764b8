//! The handler's process: started with the host's variables, asked until it answers, started again when it ends.
//!
//! Host source: `Workers/Http/HttpWorkerProcess.cs` (variables), `DefaultHttpWorkerService.cs` (any HTTP answer is
//! ready), `HttpFunctionInvocationDispatcher.cs` (the third failure within the window stops the host),
//! `WorkerConstants.cs` (the times).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::app::App;
use crate::flag::is_set;
use crate::instances::Instance;
use crate::invocation;
use crate::progress::{Counters, count};

/// How long the host waits for a first answer.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it waits between two questions; the host takes 25 ms.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// Failures after which the host stops itself.
const MOST_FAILURES: usize = 3;
/// A failure this long after the one before makes the count start anew.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 60);

/// Where the handler's own output goes.
#[derive(Debug, Clone, Default)]
pub enum HandlerOutput {
    /// To where the host's own output goes.
    #[default]
    Inherit,
    /// Nowhere.
    Discard,
    /// To a file, which is emptied first.
    File(PathBuf),
}

impl HandlerOutput {
    /// Each instance has a file of its own, the first the one that was named.
    pub(crate) fn of_instance(&self, index: usize) -> Self {
        match self {
            Self::File(path) if index > 0 => Self::File(path.with_extension(format!("{index}.log"))),
            other => other.clone(),
        }
    }
}

/// Why there is no handler any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    #[error("cannot start the handler {}: {source}; build it or name it with --executable", executable.display())]
    NotStarted { executable: PathBuf, source: std::io::Error },
    #[error(
        "the handler gave no HTTP answer on port {port} within {READY_WITHIN:?}; it must listen on FUNCTIONS_CUSTOMHANDLER_PORT"
    )]
    NotReady { port: u16 },
    #[error("the handler ended {MOST_FAILURES} times, last with {last}; the host stops itself as in Azure")]
    KeepsEnding { last: ExitStatus, was_ready: bool },
    #[error("cannot open the file for the handler's output: {0}")]
    Output(std::io::Error),
    #[error("cannot wait for the handler's end: {0}")]
    Unwatched(#[from] std::io::Error),
}

/// What the host needs to run its handler.
#[derive(Debug)]
pub(crate) struct Handler {
    command: Command,
    port: u16,
    ready: watch::Sender<bool>,
    restart: Arc<Notify>,
    counters: Arc<Counters>,
}

/// Why a running handler is no longer wanted as it is.
enum Ended {
    Exited(ExitStatus),
    RestartWanted,
    Stopped,
}

impl Handler {
    pub(crate) fn new(
        app: &App,
        port: u16,
        environment: &BTreeMap<String, String>,
        output: &HandlerOutput,
        counters: Arc<Counters>,
    ) -> Result<Self, HandlerError> {
        let id = Uuid::new_v4().to_string();
        let mut command = Command::new(&app.executable);
        command
            .args(&app.arguments)
            .current_dir(&app.working_directory)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
            .env("FUNCTIONS_HTTPWORKER_ID", &id)
            .env("FUNCTIONS_APP_ROOT_PATH", &app.root)
            .env("FUNCTIONS_WORKER_RUNTIME", "custom")
            .envs(environment)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match output {
            HandlerOutput::Inherit => {}
            HandlerOutput::Discard => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
            HandlerOutput::File(path) => {
                let file = File::create(path).map_err(HandlerError::Output)?;
                command.stdout(file.try_clone().map_err(HandlerError::Output)?).stderr(file);
            }
        }
        Ok(Self { command, port, ready: watch::Sender::new(false), restart: Arc::default(), counters })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// For those who post to it. A restart that they ask for does not count as a failure.
    pub(crate) fn instance(&self) -> Instance {
        Instance { port: self.port, ready: self.ready.subscribe(), restart: self.restart.clone() }
    }

    /// Runs the handler until `stop` says so.
    pub(crate) async fn keep_running(mut self, mut stop: watch::Receiver<bool>) -> Result<(), HandlerError> {
        let (mut failures, mut was_ready) = (Failures::default(), false);
        loop {
            let mut child = self.spawn()?;
            let ended = tokio::select! {
                ended = self.watch(&mut child) => ended?,
                _ = is_set(&mut stop) => Ended::Stopped,
            };
            was_ready |= self.ready.send_replace(false);
            // The host ends its handler without asking; an error means that it has ended already.
            let _ = child.kill().await;
            match ended {
                Ended::Stopped => return Ok(()),
                Ended::RestartWanted => tracing::warn!("restarting the handler"),
                Ended::Exited(status) => {
                    tracing::warn!(%status, "the handler ended by itself");
                    if !failures.admit(Instant::now()) {
                        return Err(HandlerError::KeepsEnding { last: status, was_ready });
                    }
                }
            }
            count(&self.counters.restarts, 1);
        }
    }

    fn spawn(&mut self) -> Result<Child, HandlerError> {
        self.command.spawn().map_err(|source| HandlerError::NotStarted {
            executable: PathBuf::from(self.command.as_std().get_program()),
            source,
        })
    }

    /// Waits until the handler answers, says so, and waits until it is no longer wanted or there.
    async fn watch(&self, child: &mut Child) -> Result<Ended, HandlerError> {
        let answers = async {
            while invocation::ping(self.port).await.is_err() {
                sleep(ASK_EVERY).await;
            }
        };
        tokio::select! {
            status = child.wait() => return Ok(Ended::Exited(status?)),
            answered = timeout(READY_WITHIN, answers) => {
                answered.map_err(|_| HandlerError::NotReady { port: self.port })?;
            }
        }
        tracing::info!(port = self.port, "the handler is ready");
        self.ready.send_replace(true);
        Ok(tokio::select! {
            status = child.wait() => Ended::Exited(status?),
            () = self.restart.notified() => Ended::RestartWanted,
        })
    }
}

/// Failures that count, all within the window of each other.
#[derive(Debug, Default)]
struct Failures(Vec<Instant>);

impl Failures {
    /// Notes a failure and says whether the handler may be started once more.
    fn admit(&mut self, now: Instant) -> bool {
        if self.0.last().is_some_and(|last| now.duration_since(*last) > FORGET_AFTER) {
            self.0.clear();
        }
        self.0.push(now);
        self.0.len() < MOST_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_failure_in_a_row_is_the_last_unless_half_an_hour_lies_between() {
        let start = Instant::now();
        let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let admitted = |times: &[u64]| {
            let mut failures = Failures::default();
            times.iter().map(|at| failures.admit(minutes(*at))).collect::<Vec<_>>()
        };
        assert_eq!(admitted(&[0, 1, 2]), [true, true, false]);
        assert_eq!(admitted(&[0, 29, 58]), [true, true, false]);
        assert_eq!(admitted(&[0, 1, 40, 41, 42]), [true, true, true, true, false]);
    }
}
