//! Lines, coils and registers of the plant's controls: each has one use.

use std::path::PathBuf;

use super::{
    document::Document,
    fault::Key,
    plant::{OUTPUT_COILS, OUTPUT_LINES},
    together::{Own, place},
};
use crate::plant::{Chip, OutputSettings, Server, TriggerSettings, Way};

/// Everything by which a station is tied to the plant's controls.
pub(super) fn own(
    document: &Document<'_>,
    trigger: Option<&TriggerSettings>,
    outputs: Option<&OutputSettings>,
) -> Vec<Own> {
    let mut all = Vec::new();
    for way in trigger.iter().flat_map(|it| &it.ways) {
        all.push(match way {
            Way::Gpio(it) => line(document, "trigger.gpio", "line", &it.chip, it.line),
            Way::Modbus(it) => coil(document, "trigger.modbus", "coil", it.server, it.coil),
        });
    }
    if let Some(it) = outputs.and_then(|it| it.gpio.as_ref()) {
        let lines = OUTPUT_LINES.into_iter().zip([it.reject, it.light, it.ready, it.heartbeat]);
        let used = lines.filter_map(|(key, number)| Some((key, number?)));
        all.extend(used.map(|(key, number)| line(document, "outputs.gpio", key, &it.chip, number)));
    }
    if let Some(it) = outputs.and_then(|it| it.modbus) {
        let coils = OUTPUT_COILS.into_iter().zip([it.reject, it.light, it.ready, it.heartbeat]);
        let used = coils.filter_map(|(key, number)| Some((key, number?)));
        all.extend(used.map(|(key, number)| coil(document, "outputs.modbus", key, it.server, number)));
    }
    all
}

/// Refuses what a station uses twice itself.
pub(super) fn refuse_twice(document: &Document<'_>, all: &[Own]) {
    for (number, own) in all.iter().enumerate() {
        let Some(first) = all[..number].iter().find(|it| it.is_same(own)) else { continue };
        let (first, line) = (Key::new(first.section, first.key), first.line.unwrap_or_default());
        let problem = format!("{} {} is that of {first} in line {line}", own.kind, own.shown);
        document.record(own.line, Key::new(own.section, own.key), problem, own.remedy);
    }
}

fn line(document: &Document<'_>, section: &'static str, key: &'static str, chip: &Chip, number: u32) -> Own {
    // A chip has as many names as there are links to it.
    let chip = match chip {
        Chip::File(path) => place(path),
        Chip::Label(label) => PathBuf::from(label),
    };
    let value = chip.join(number.to_string());
    point(document, section, key, ["GPIO line", "give each a line of its own"], value, number)
}

fn coil(
    document: &Document<'_>,
    section: &'static str,
    key: &'static str,
    server: Server,
    number: u16,
) -> Own {
    let words = if key == "heartbeat_register" {
        ["register", "give each a register of its own"]
    } else {
        ["coil", "give each a coil of its own"]
    };
    let value = PathBuf::from(format!("{} {} {number}", server.address, server.unit));
    point(document, section, key, words, value, number.into())
}

fn point(
    document: &Document<'_>,
    section: &'static str,
    key: &'static str,
    [kind, remedy]: [&'static str; 2],
    value: PathBuf,
    number: u32,
) -> Own {
    let line = document.section(section).line_of(key);
    Own { section, key, line, kind, value, shown: number.to_string(), remedy }
}
