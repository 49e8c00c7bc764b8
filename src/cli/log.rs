//! Where the log goes: into systemd's journal, or to standard error.

use std::{
    ffi::OsStr,
    fs,
    io::{self, IsTerminal},
    os::unix::fs::MetadataExt,
};

use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt, layer,
    layer::SubscriberExt,
    registry, reload,
    util::SubscriberInitExt,
};

use crate::config::LogLevel;

/// How much is told can be changed while the process runs.
pub(super) struct LogKnob(reload::Handle<Targets, Registry>);

type AnyLayer = Box<dyn Layer<layer::Layered<reload::Layer<Targets, Registry>, Registry>> + Send + Sync>;

/// Starts the log. A second call in one process has no effect.
pub(super) fn start(level: LogLevel) -> LogKnob {
    let (targets, knob) = reload::Layer::new(targets(level));
    let layer = journal().unwrap_or_else(standard_error);
    if registry().with(targets).with(layer).try_init().is_err() {
        tracing::debug!("the log was started before");
    }
    LogKnob(knob)
}

impl LogKnob {
    pub(super) fn turn_to(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(targets(level)) {
            tracing::error!("cannot change the log's level: {error}");
        }
    }
}

/// Others' words matter where something is wrong, and drown ours where nothing is.
fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_target("andon", level).with_default(level.min(LevelFilter::WARN))
}

/// Into the journal, where standard error goes there: with a field for each value, ANDON_ITEM, ANDON_STATION, ...
fn journal() -> Option<AnyLayer> {
    let stream = std::env::var_os("JOURNAL_STREAM")?;
    // The variable is also there where a service's shell has sent standard error elsewhere.
    let standard_error = fs::metadata("/proc/self/fd/2").ok()?;
    if !names(&stream, standard_error.dev(), standard_error.ino()) {
        return None;
    }
    let layer = tracing_journald::layer().ok()?;
    Some(layer.with_field_prefix(Some("ANDON".to_owned())).boxed())
}

/// Whether `JOURNAL_STREAM` of systemd.exec(5), device and inode with a colon between them, means this stream.
fn names(stream: &OsStr, device: u64, inode: u64) -> bool {
    stream == OsStr::new(&format!("{device}:{inode}"))
}

fn standard_error() -> AnyLayer {
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false);
    // A service manager that reads it has a clock of its own.
    if std::env::var_os("JOURNAL_STREAM").is_some() { layer.without_time().boxed() } else { layer.boxed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_meant_only_if_it_is_this_very_stream() {
        for (stream, is_it) in
            [("8:4711", true), ("8:471", false), ("4711:8", false), ("", false), ("8:", false)]
        {
            assert_eq!(names(OsStr::new(stream), 8, 4711), is_it, "{stream}");
        }
    }
}
