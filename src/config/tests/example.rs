//! `config/station.example.toml` says what the code does, of every key.

use std::{collections::BTreeSet, path::Path};

use super::super::{Config, document::Document};

const EXAMPLE: &str = include_str!("../../../config/station.example.toml");

/// What the comment above a key says of it.
#[derive(Debug, PartialEq)]
enum Stated {
    Required,
    Default(String),
    Absent,
    Label,
}

#[derive(Debug)]
struct Line {
    section: String,
    key: String,
    value: String,
    stated: Stated,
}

/// The keys of the example in their order, also those that are switched off.
fn lines() -> Vec<Line> {
    let (mut found, mut section, mut comment) = (Vec::new(), String::new(), Vec::new());
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some(words) = line.strip_prefix("# ") {
            comment.push(words);
        } else if let Some((key, value)) = line.strip_prefix('#').unwrap_or(line).split_once(" = ") {
            let stated = stated(&section, comment.last().copied().unwrap_or_default(), &comment);
            found.push(Line {
                section: section.clone(),
                key: key.to_owned(),
                value: value.to_owned(),
                stated,
            });
        } else {
            comment.clear();
        }
    }
    found
}

fn stated(section: &str, last: &str, comment: &[&str]) -> Stated {
    if ["model.thresholds", "severity.labels"].contains(&section) {
        Stated::Label
    } else if last == "Required." {
        Stated::Required
    } else if let Some(value) = last.strip_prefix("Default: ") {
        Stated::Default(value.to_owned())
    } else {
        assert!(last.starts_with("Without it: "), "{section}: the last line of {comment:?} says nothing");
        Stated::Absent
    }
}

fn text(lines: &[Line], wanted: impl Fn(&Line) -> bool) -> String {
    let mut text = String::new();
    let mut section = "";
    for line in lines.iter().filter(|line| wanted(line)) {
        if line.section != section {
            section = &line.section;
            text += &format!("[{section}]\n");
        }
        text += &format!("{} = {}\n", line.key, line.value);
    }
    text
}

/// The example with everything switched on that goes together with one kind of source.
fn everything(kind: &str) -> Vec<Line> {
    let mut lines = lines();
    let is_unfit = |line: &Line| match kind {
        "folder" => ["source.", "trigger."].iter().any(|it| line.section.starts_with(it)),
        _ => {
            (line.section == "source" && ["path", "repeat"].contains(&&*line.key))
                || (line.section == "items" && PASSING_ONLY.contains(&&*line.key))
        }
    };
    lines.retain(|line| !is_unfit(line));
    let mode = if kind == "folder" { "passing" } else { "frame" };
    for (key, value) in [("mode", mode), ("kind", kind)] {
        let line = lines.iter_mut().find(|line| line.key == key).unwrap();
        line.value = format!("{value:?}");
        line.stated = Stated::Required;
    }
    lines
}

/// The keys of items that pass, which a trigger does without.
const PASSING_ONLY: [&str; 5] = ["travel", "belt", "level", "coverage", "min_length_pixels"];

const KINDS: [&str; 2] = ["folder", "usb"];

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/andon/station.example.toml"))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_is_a_configuration() {
    parse(EXAMPLE);
}

#[test]
fn the_example_is_the_same_without_its_defaults() {
    let required = text(&lines(), |line| line.stated == Stated::Required);
    assert_eq!(parse(EXAMPLE), parse(&required));
}

#[test]
fn every_stated_default_is_the_default() {
    for line in &lines() {
        if let Stated::Default(value) = &line.stated {
            assert_eq!(&line.value, value, "[{}] {}", line.section, line.key);
        }
    }
    for all in KINDS.map(everything) {
        let without = text(&all, |line| !matches!(line.stated, Stated::Default(_)));
        assert_eq!(parse(&text(&all, |_| true)), parse(&without));
    }
}

#[test]
fn every_key_that_is_switched_off_changes_something_when_it_is_switched_on() {
    for all in KINDS.map(everything) {
        let whole = parse(&text(&all, |_| true));
        for line in all.iter().filter(|line| [Stated::Absent, Stated::Label].contains(&line.stated)) {
            // Without these the rest of their sections would mean nothing.
            let is_whole = ["id_scope", "line", "coil"].contains(&&*line.key);
            let is_it = |it: &Line| it.section == line.section && (it.key == line.key || is_whole);
            assert_ne!(whole, parse(&text(&all, |it| !is_it(it))), "[{}] {}", line.section, line.key);
        }
    }
}

#[test]
fn the_example_holds_every_key_that_is_read_and_no_other() {
    let in_example: BTreeSet<_> = KINDS
        .iter()
        .flat_map(|kind| everything(kind))
        .filter(|line| line.stated != Stated::Label)
        .map(|line| format!("{}.{}", line.section, line.key))
        .collect();
    let all = text(&everything("folder"), |_| true);
    let document = Document::parse(&all, Path::new("x")).unwrap();
    Config::read(&document, Path::new("")).unwrap();
    let known = document.known.borrow();
    // The region stands there as one value.
    let known = known.iter().filter(|(section, _)| **section != "items.region");
    let mut read: BTreeSet<_> = known
        .flat_map(|(section, known)| known.keys.iter().map(move |key| format!("{section}.{key}")))
        .collect();
    read.insert("items.region".to_owned());
    assert_eq!(in_example, read);
}

#[test]
fn the_example_sets_sections_apart_as_the_reader_knows_them() {
    let written: Vec<_> = EXAMPLE.lines().filter(|line| line.starts_with('[')).collect();
    let known = "station source source.camera source.controls items trigger trigger.gpio trigger.modbus outputs outputs.gpio outputs.modbus model model.thresholds severity severity.labels incidents evidence outbox \
                 hub hub.provisioning log";
    assert_eq!(written, known.split_whitespace().map(|name| format!("[{name}]")).collect::<Vec<_>>());
}
