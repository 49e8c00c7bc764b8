//! Where the log goes: to standard error, which systemd keeps.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

use crate::config::LogLevel;

/// Starts the log. A second call in one process has no effect.
pub(super) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    // Others' words matter where something is wrong, and drown ours where nothing is.
    let targets = Targets::new().with_target("andon", level).with_default(level.min(Level::WARN));
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false);
    // The journal has a clock of its own.
    let started = if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry().with(targets).with(layer.without_time()).try_init()
    } else {
        registry().with(targets).with(layer).try_init()
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
}
