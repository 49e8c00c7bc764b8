//! What a host runs, and with what.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::handler::HandlerOutput;

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
    /// How many handlers share the partitions at first; at least 1. More may join, and the host goes on while one stays.
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
