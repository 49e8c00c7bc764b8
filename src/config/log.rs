//! `[log]`: how much is told.

use std::fmt;

use super::{document::Document, value::word};

/// The least important message that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// Also what may soon fail.
    Warn,
    /// Also what happens: starts, incidents, connections.
    Info,
    /// Also what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

const WORDS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, level)| level == self).map_or("info", |(word, _)| word);
        f.write_str(word)
    }
}

pub(super) fn read(document: &Document<'_>) -> LogLevel {
    document.section("log").or(LogLevel::Info, "level", word(&WORDS))
}
