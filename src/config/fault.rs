//! What is wrong with a configuration file, where, and what to do about it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use super::marks::is_secret;

/// The longest text of the file that is repeated in a message, in characters.
const LONGEST_QUOTE: usize = 60;

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; `None` for what is not in the file or concerns it as a whole.
    pub line: Option<usize>,
    /// The key or section, as `hub.port` in JSON; `None` for what concerns the file as a whole.
    pub key: Option<Key>,
    /// The value as it is written; `None` where none is, or where it must not be shown.
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        match (&self.key, &self.value) {
            (Some(key), Some(value)) => write!(f, " {key} = {value}:")?,
            (Some(key), None) => write!(f, " {key}:")?,
            (None, _) => {}
        }
        write!(f, " {}; {}", self.problem, self.remedy)
    }
}

/// The name of a section or of a key in it; shown as `[hub]`, `[hub] port` or, outside of any section, `port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    section: String,
    name: String,
}

impl Key {
    /// A key, or with an empty name the section itself.
    pub(super) fn new(section: &str, name: &str) -> Self {
        Self { section: section.to_owned(), name: quotable(name) }
    }

    /// A section that this program does not know, so its name is only a text of the file.
    pub(super) fn foreign_section(name: &str) -> Self {
        Self { section: quotable(name), name: String::new() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.section.as_str(), self.name.as_str()) {
            ("", name) => f.write_str(name),
            (section, "") => write!(f, "[{section}]"),
            (section, name) => write!(f, "[{section}] {name}"),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let dot = if self.section.is_empty() || self.name.is_empty() { "" } else { "." };
        serializer.collect_str(&format_args!("{}{dot}{}", self.section, self.name))
    }
}

/// Everything that is wrong with a configuration file, in the order of its lines; or with several, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<Fault>,
    /// How many more there are, which are not listed: a file with hundreds of faults is another kind of file.
    pub unlisted: usize,
}

impl ConfigError {
    /// Adds what is wrong with another file.
    pub(super) fn add(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.unlisted += other.unlisted;
    }

    /// An error that concerns the file as a whole.
    pub(super) fn whole(file: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::at(file, None, problem, remedy)
    }

    /// An error that leaves nothing to look for others in.
    pub(super) fn at(
        file: &Path,
        line: Option<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (problem, remedy) = (problem.into(), remedy.into());
        let fault = Fault { file: file.to_owned(), line, key: None, value: None, problem, remedy };
        Self { faults: vec![fault], unlisted: 0 }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{fault}")?;
        }
        match self.unlisted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// A text of the file made fit for one line of a message. What looks like a secret is left out.
pub(super) fn quotable(text: &str) -> String {
    if is_secret(text) {
        return "(not shown)".to_owned();
    }
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(LONGEST_QUOTE).flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    // Between double quotes a single one needs no escape.
    shown.replace("\\'", "'")
}
