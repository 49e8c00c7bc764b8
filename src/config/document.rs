//! A TOML document that is asked for its keys one by one and complains about those that nobody asked for.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    fault::{ConfigError, Fault, Key},
    marks::is_secret,
    value::{Wrong, quote},
};

/// More faults than anybody corrects at one sitting.
const MOST_FAULTS: usize = 200;

/// What a secret in the configuration is told.
const SECRET: (&str, &str) = (
    "secrets do not belong here",
    "put the device's connection string into a file that only the agent's user can read, name that in [hub] \
     connection_string_file, and renew the key if others have seen this file",
);

/// Which keys of a section mean something.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: BTreeSet<&'static str>,
    /// Keys are the labels of a model, so none is unknown.
    pub(super) any: bool,
}

/// A configuration file while it is read. Faults gather here.
pub(super) struct Document<'t> {
    file: &'t Path,
    root: DeTable<'t>,
    line_starts: Vec<usize>,
    pub(super) known: RefCell<BTreeMap<&'static str, Known>>,
    found: RefCell<ConfigError>,
}

impl<'t> Document<'t> {
    /// Parses the text of a file.
    pub(super) fn parse(text: &'t str, file: &'t Path) -> Result<Self, ConfigError> {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts: Vec<usize> = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        match DeTable::parse(text) {
            Ok(root) => Ok(Self {
                file,
                root: root.into_inner(),
                line_starts,
                known: RefCell::default(),
                found: RefCell::default(),
            }),
            Err(error) => {
                let line = error.span().map(|span| line_at(&line_starts, span.start));
                Err(ConfigError::at(
                    file,
                    line,
                    format!("this is not TOML: {}", error.message()),
                    syntax_remedy(error.message()),
                ))
            }
        }
    }

    /// A section, by its dotted name; one that is not written has no keys.
    pub(super) fn section(&self, name: &'static str) -> Section<'_> {
        self.known.borrow_mut().entry(name).or_default();
        let (mut table, mut line) = (Some(&self.root), None);
        for part in name.split('.') {
            let found = table.and_then(|table| table.get_key_value(part));
            line = found.map(|(key, _)| self.line(key.span()));
            table = found.and_then(|(_, value)| value.get_ref().as_table());
        }
        Section { document: self, name, line, table }
    }

    /// Everything that is written.
    pub(super) fn root(&self) -> &DeTable<'t> {
        &self.root
    }

    /// What was read, if nothing at all is wrong with the file.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ConfigError> {
        let mut found = self.found.into_inner();
        match read {
            Some(read) if found.faults.is_empty() => Ok(read),
            _ => {
                found.faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
                Err(found)
            }
        }
    }

    pub(super) fn line(&self, span: Range<usize>) -> usize {
        line_at(&self.line_starts, span.start)
    }

    pub(super) fn record(
        &self,
        line: Option<usize>,
        key: Key,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.record_value(line, key, None, problem.into(), remedy.into());
    }

    pub(super) fn record_secret(&self, line: usize, key: Key) {
        self.record(Some(line), key, SECRET.0, SECRET.1);
    }

    /// Whether further faults are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.found.borrow().faults.len() >= MOST_FAULTS
    }

    fn record_value(
        &self,
        line: Option<usize>,
        key: Key,
        value: Option<String>,
        problem: String,
        remedy: String,
    ) {
        let mut found = self.found.borrow_mut();
        if found.faults.len() < MOST_FAULTS {
            let file = self.file.to_owned();
            found.faults.push(Fault { file, line, key: Some(key), value, problem, remedy });
        } else {
            found.unlisted += 1;
        }
    }
}

/// A section of a [`Document`]. Whatever is wrong with a key is recorded and reads as `None`.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    name: &'static str,
    line: Option<usize>,
    table: Option<&'d DeTable<'d>>,
}

type Entry<'d> = (&'d Spanned<toml::de::DeString<'d>>, &'d Spanned<DeValue<'d>>);

impl<'d> Section<'d> {
    /// Whether the section is written, as a section.
    pub(super) fn is_written(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the key is written, rightly or not.
    pub(super) fn is_written_key(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// The line of a key that is written.
    pub(super) fn line_of(&self, key: &'static str) -> Option<usize> {
        self.entry(key).map(|(key, _)| self.document.line(key.span()))
    }

    /// Notes that keys of this name are no slips, where they are not read.
    pub(super) fn know(&self, keys: &[&'static str]) {
        let mut known = self.document.known.borrow_mut();
        known.entry(self.name).or_default().keys.extend(keys);
    }

    /// A key that every station must have; `example` shows how it is written.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        example: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.entry(key) {
            Some(entry) => self.read(entry, read),
            None => {
                let remedy = format!("add {key} = {example} to [{}]", self.name);
                self.document.record(self.line, Key::new(self.name, key), "this key is required", remedy);
                None
            }
        }
    }

    /// A key that may be absent.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.entry(key).and_then(|entry| self.read(entry, read))
    }

    /// A key with a default.
    pub(super) fn or<T>(
        &self,
        default: T,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A section whose keys are the labels of a model.
    pub(super) fn labels<T>(&self, read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>) -> BTreeMap<String, T> {
        self.document.known.borrow_mut().entry(self.name).or_default().any = true;
        let entries = self.table.into_iter().flat_map(DeTable::iter);
        let named = entries.filter_map(|entry| {
            let label = entry.0.get_ref();
            if label.is_empty() || label.contains(char::is_control) {
                let remedy = "write one of the model's labels";
                self.refuse_entry(entry, "this is not a label", remedy);
                return None;
            }
            Some((label.to_string(), self.read(entry, &read)?))
        });
        named.collect()
    }

    /// Refuses a key, if it is written.
    pub(super) fn refuse(&self, key: &'static str, problem: &str, remedy: &str) {
        if let Some(entry) = self.entry(key) {
            self.refuse_entry(entry, problem, remedy);
        }
    }

    /// Refuses the section as a whole, if it is written.
    pub(super) fn refuse_section(&self, problem: &str, remedy: &str) {
        if self.is_written() {
            self.document.record(self.line, Key::new(self.name, ""), problem, remedy);
        }
    }

    /// Notes that the key is known, and looks for it.
    fn entry(&self, key: &'static str) -> Option<Entry<'d>> {
        self.document.known.borrow_mut().entry(self.name).or_default().keys.insert(key);
        self.table.and_then(|table| table.get_key_value(key))
    }

    fn read<T>(&self, entry: Entry<'d>, read: impl Fn(&DeValue<'_>) -> Result<T, Wrong>) -> Option<T> {
        let (key, value) = entry;
        if is_secret(key.get_ref()) || holds_secret(value.get_ref()) {
            self.document.record_secret(self.document.line(key.span()), Key::new(self.name, key.get_ref()));
            return None;
        }
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(wrong) => {
                let at = wrong.at.unwrap_or_else(|| key.span());
                let shown = wrong.shown.or_else(|| quote(value.get_ref()));
                let key = Key::new(self.name, key.get_ref());
                self.document.record_value(
                    Some(self.document.line(at)),
                    key,
                    shown,
                    wrong.problem,
                    wrong.remedy,
                );
                None
            }
        }
    }

    fn refuse_entry(&self, (key, _): Entry<'d>, problem: &str, remedy: &str) {
        let line = self.document.line(key.span());
        self.document.record(Some(line), Key::new(self.name, key.get_ref()), problem, remedy);
    }
}

/// Whether a secret stands in a value or in anything that it holds.
pub(super) fn holds_secret(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => is_secret(text),
        DeValue::Array(list) => list.iter().any(|it| holds_secret(it.get_ref())),
        DeValue::Table(table) => {
            table.iter().any(|(key, it)| is_secret(key.get_ref()) || holds_secret(it.get_ref()))
        }
        _ => false,
    }
}

fn line_at(line_starts: &[usize], at: usize) -> usize {
    line_starts.partition_point(|start| *start <= at)
}

fn syntax_remedy(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "keep one of the two"
    } else {
        "compare the line with the one in station.example.toml"
    }
}
