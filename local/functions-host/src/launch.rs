//! Makes a handler for each instance, and keeps all of them running: those that are there first, and those that join.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::HostError;
use crate::flag::is_set;
use crate::handler::{Handler, HandlerError};
use crate::options::HostOptions;
use crate::partition::Shared;
use crate::progress::Counters;

/// Makes handlers, each of which is told which instance it is.
#[derive(Debug)]
pub(crate) struct Launcher {
    app: App,
    options: HostOptions,
    counters: Arc<Counters>,
    made: usize,
}

impl Launcher {
    pub(crate) fn new(app: App, options: HostOptions, counters: Arc<Counters>) -> Self {
        Self { app, options, counters, made: 0 }
    }

    /// The handler of the next instance.
    pub(crate) fn next(&mut self) -> Result<Handler, HostError> {
        let (number, options) = (self.made, &self.options);
        let port = options.port.filter(|_| number == 0).map_or_else(free_port, Ok)?;
        let mut environment = options.environment.clone();
        environment.entry("WEBSITE_INSTANCE_ID".to_owned()).or_insert_with(|| format!("instance-{number}"));
        let output = options.output.of_instance(number);
        let handler = Handler::new(&self.app, port, &environment, &output, self.counters.clone())?;
        self.made += 1;
        Ok(handler)
    }
}

fn free_port() -> Result<u16, HostError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(HostError::Port)?;
    Ok(listener.local_addr().map_err(HostError::Port)?.port())
}

/// Until all have stopped, or none stays. One that does not stay leaves its partitions to the others, as where an
/// instance's host stops itself; one of the first that never was ready is wrong as it is, and so are then all.
pub(crate) async fn keep_all_running(
    mut launcher: Launcher,
    first: Vec<Handler>,
    shared: Arc<Shared>,
    mut joining: mpsc::UnboundedReceiver<()>,
    stop: watch::Receiver<bool>,
) -> Result<(), HostError> {
    let (mut running, at_first) = (JoinSet::new(), first.len());
    for (number, handler) in first.into_iter().enumerate() {
        running.spawn(keep(number, handler, shared.clone(), stop.clone()));
    }
    loop {
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            Some(()) = joining.recv() => {
                match launcher.next() {
                    Ok(handler) => {
                        let number = shared.instances.expect(handler.instance());
                        running.spawn(keep(number, handler, shared.clone(), stop.clone()));
                    }
                    Err(error) => tracing::error!(%error, "no instance can join"),
                }
                continue;
            }
        };
        let Some(ended) = ended else { return Ok(()) };
        let (number, ended) = ended.map_err(HostError::Bug)?;
        let Err(error) = ended else { continue };
        let was_ready = matches!(error, HandlerError::KeepsEnding { was_ready: true, .. });
        let others_stay = shared.instances.lose(number);
        if !others_stay || (number < at_first && !was_ready) {
            return Err(error.into());
        }
        tracing::error!(instance = number, %error, "an instance is gone; the others take its partitions");
    }
}

/// Keeps one running, which joins when it is ready.
async fn keep(
    number: usize,
    handler: Handler,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> (usize, Result<(), HandlerError>) {
    let mut ready = handler.instance().ready;
    let joins = async {
        if is_set(&mut ready).await {
            shared.instances.join(number).await;
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        ended = handler.keep_running(stop) => (number, ended),
        never = joins => match never {},
    }
}
