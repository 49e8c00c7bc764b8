//! Keys and sections that mean nothing, and what was probably meant.

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    document::{Document, holds_secret},
    fault::Key,
    likeness::{closest, likeness},
    marks::{asks_for_secret, is_secret},
};

/// The words that a key may end with to say its unit, ours and those that people try.
const UNITS: [&str; 18] = [
    "bytes",
    "count",
    "days",
    "gb",
    "gigabytes",
    "hours",
    "hz",
    "mb",
    "megabytes",
    "milliseconds",
    "min",
    "minutes",
    "ms",
    "percent",
    "pixels",
    "px",
    "s",
    "seconds",
];

/// Records every key and section that nobody asked for.
pub(super) fn complain(document: &Document<'_>) {
    walk(document, "", document.root());
}

fn walk(document: &Document<'_>, section: &str, table: &DeTable<'_>) {
    for (key, value) in table.iter() {
        let path = match section {
            "" => key.get_ref().to_string(),
            section => format!("{section}.{key}"),
        };
        let is_section = document.known.borrow().contains_key(path.as_str());
        match value.get_ref() {
            DeValue::Table(inner) if is_section => walk(document, &path, inner),
            _ if is_section => not_a_section(document, &path, key),
            _ if is_key(document, section, key.get_ref()) => {}
            value => unknown(document, section, key, value),
        }
    }
}

fn is_key(document: &Document<'_>, section: &str, name: &str) -> bool {
    document.known.borrow().get(section).is_some_and(|known| known.any || known.keys.contains(name))
}

fn not_a_section(document: &Document<'_>, path: &str, key: &Spanned<DeString<'_>>) {
    let remedy = format!("write [{path}] once, on a line of its own, and its keys below it");
    let line = document.line(key.span());
    document.record(Some(line), Key::new(path, ""), "this is a section and has no value of its own", remedy);
}

fn unknown(document: &Document<'_>, section: &str, key: &Spanned<DeString<'_>>, value: &DeValue<'_>) {
    let (line, name) = (document.line(key.span()), key.get_ref().as_ref());
    if is_secret(name) || asks_for_secret(name) || holds_secret(value) {
        return document.record_secret(line, Key::new(section, name));
    }
    if value.is_table() {
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let remedy = if document.is_full() { String::new() } else { section_meant(document, &path) };
        return document.record(Some(line), Key::foreign_section(&path), "there is no such section", remedy);
    }
    let remedy = if document.is_full() { String::new() } else { key_meant(document, section, name) };
    document.record(Some(line), Key::new(section, name), "there is no such key", remedy);
}

fn section_meant(document: &Document<'_>, path: &str) -> String {
    let known = document.known.borrow();
    let leaf = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let candidates =
        known.keys().map(|name| (*name, likeness(name, path).max(likeness(&leaf(name), &leaf(path)))));
    match closest(candidates) {
        Some(meant) => format!("did you mean [{meant}]?"),
        None => format!("remove it; there are {}", listed(known.keys().map(|name| format!("[{name}]")))),
    }
}

fn key_meant(document: &Document<'_>, section: &str, name: &str) -> String {
    let known = document.known.borrow();
    let own = || known.get(section).into_iter().flat_map(|known| known.keys.iter().copied());
    if let Some(meant) = own().find(|key| stem(key) == stem(name)) {
        return format!("the name says the unit: {meant}");
    }
    if let Some(meant) = closest(own().map(|key| (key, likeness(key, name)))) {
        return format!("did you mean {meant}?");
    }
    let homes = || known.iter().filter(|(_, known)| known.keys.contains(name));
    if homes().next().is_some() {
        let homes: Vec<_> = homes().map(|(section, _)| format!("[{section}]")).collect();
        return format!("it belongs to {}", homes.join(" or "));
    }
    if section.is_empty() {
        return "remove it, or move it below its section".to_owned();
    }
    format!("remove it; [{section}] has {}", listed(own().map(str::to_owned)))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// A key without the unit at its end.
fn stem(key: &str) -> &str {
    key.rsplit_once('_').filter(|(_, unit)| UNITS.contains(unit)).map_or(key, |(stem, _)| stem)
}
