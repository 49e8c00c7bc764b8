//! `[trigger]` and `[outputs]`: what the station exchanges with the plant's controls.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::Path,
    time::Duration,
};

use toml::de::DeValue;

use super::{
    document::{Document, Section},
    source::Source,
    value::{Wrong, flag, name, path, whole, word},
};
use crate::{
    camera::Pace,
    items::ItemMode,
    plant::{
        Chip, Edge, InputLine, OutputCoils, OutputLines, OutputSettings, Rules, Server, TriggerCoil,
        TriggerSettings, Way,
    },
};

/// The usual chip of a small computer.
const CHIP: &str = "/dev/gpiochip0";

/// A gateway on this machine, at the port of Modbus TCP.
const MODBUS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 502));

/// A minute.
const LONGEST: u64 = 60_000;

/// The keys of a Modbus server.
const SERVER: [&str; 2] = ["server", "unit"];

/// The keys of the lines that show something, in the order of [`State`](crate::plant::State) and then the heartbeat.
pub(super) const OUTPUT_LINES: [&str; 4] = ["reject_line", "light_line", "ready_line", "heartbeat_line"];

/// The same of coils and the register.
pub(super) const OUTPUT_COILS: [&str; 4] = ["reject_coil", "light_coil", "ready_coil", "heartbeat_register"];

/// A chip's device file, which has a slash in its name, or its label.
fn chip(folder: &Path) -> impl Fn(&DeValue<'_>) -> Result<Chip, Wrong> {
    let path = path(folder);
    move |value| {
        let file = path(value)?;
        let label = value.as_str().filter(|text| !text.contains('/'));
        Ok(label.map_or(Chip::File(file), |label| Chip::Label(label.to_owned())))
    }
}

pub(super) fn read_trigger(
    document: &Document<'_>,
    folder: &Path,
    source: Option<&Source>,
    mode: &ItemMode,
) -> Option<TriggerSettings> {
    let section = document.section("trigger");
    let [gpio, modbus] = ["trigger.gpio", "trigger.modbus"].map(|name| document.section(name));
    let delay = milliseconds(&section, "delay_milliseconds", 0, 0..=LONGEST);
    let patience = milliseconds(&section, "patience_milliseconds", 1000, 10..=LONGEST);
    let edges = [("rising", Edge::Rising), ("falling", Edge::Falling)];
    let chip = gpio.or(Chip::File(CHIP.into()), "chip", chip(folder));
    let line = gpio.optional("line", whole(0..=1023, "number on its chip"));
    let edge = gpio.or(Edge::Rising, "edge", word(&edges));
    let debounce = milliseconds(&gpio, "debounce_milliseconds", 0, 0..=1000);
    let line = line.map(|line| Way::Gpio(InputLine { chip, line, edge, debounce }));
    let server = read_server(&modbus);
    let coil = modbus.optional("coil", whole(0..=65_535, "number from 0"));
    let coil = coil.map(|coil| Way::Modbus(TriggerCoil { server, coil }));
    let useless = "nothing triggers";
    refuse_without(&gpio, &["line"], &["chip", "edge", "debounce_milliseconds"], useless);
    refuse_without(&modbus, &["coil"], &SERVER, useless);
    let ways: Vec<_> = line.into_iter().chain(coil).collect();
    if ways.is_empty() {
        return None;
    }
    let is_paced = !matches!(source, Some(Source::Folder { pace: Pace::AsFastAsPossible, .. }));
    for way in [&gpio, &modbus] {
        if matches!(mode, ItemMode::Passing(_)) {
            way.refuse_section(
                "a trigger says when an item is there, and so do passing items",
                "remove it, or write [items] mode = \"frame\"",
            );
        } else if !is_paced {
            way.refuse_section(
                "a folder that does not go by the clock cannot be triggered",
                "remove it, or write [source] frames_per_second",
            );
        }
    }
    Some(TriggerSettings { ways, delay, patience })
}

pub(super) fn read_outputs(document: &Document<'_>, folder: &Path) -> Option<OutputSettings> {
    let section = document.section("outputs");
    let [gpio, modbus] = ["outputs.gpio", "outputs.modbus"].map(|name| document.section(name));
    let rules = Rules {
        delay: milliseconds(&section, "reject_delay_milliseconds", 0, 0..=LONGEST),
        pulse: milliseconds(&section, "reject_pulse_milliseconds", 100, 1..=LONGEST),
        light: Duration::from_secs(section.or(10, "light_seconds", whole(0..=3600, "seconds"))),
        rejects_not_inspected: section.or(true, "reject_not_inspected", flag),
    };
    let useless = "nothing is shown there";
    refuse_without(&gpio, &OUTPUT_LINES, &["chip", "active_low"], useless);
    refuse_without(&modbus, &OUTPUT_COILS, &SERVER, useless);
    let line = |key| gpio.optional(key, whole::<u32>(0..=1023, "number on its chip"));
    let [reject, light, ready, heartbeat] = OUTPUT_LINES.map(line);
    let lines = OutputLines {
        chip: gpio.or(Chip::File(CHIP.into()), "chip", chip(folder)),
        is_active_low: gpio.or(false, "active_low", flag),
        reject,
        light,
        ready,
        heartbeat,
    };
    let server = read_server(&modbus);
    let number = |key| modbus.optional(key, whole::<u16>(0..=65_535, "number from 0"));
    let [reject, light, ready, heartbeat] = OUTPUT_COILS.map(number);
    let coils = OutputCoils { server, reject, light, ready, heartbeat };
    let gpio = [lines.reject, lines.light, lines.ready, lines.heartbeat]
        .iter()
        .any(Option::is_some)
        .then_some(lines);
    let modbus = [reject, light, ready, heartbeat].iter().any(Option::is_some).then_some(coils);
    (gpio.is_some() || modbus.is_some()).then_some(OutputSettings { rules, gpio, modbus })
}

/// Refuses what says more about a line or coil where none of `numbers` says which.
fn refuse_without(section: &Section<'_>, numbers: &[&'static str], rest: &[&'static str], useless: &str) {
    if numbers.iter().any(|key| section.is_written_key(key)) {
        return;
    }
    let numbers = numbers.join(" or ");
    for key in rest {
        section.refuse(
            key,
            &format!("without {numbers} {useless}"),
            &format!("add {numbers}, or remove this"),
        );
    }
}

fn milliseconds(
    section: &Section<'_>,
    key: &'static str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Duration {
    Duration::from_millis(section.or(default, key, whole(range, "milliseconds")))
}

fn read_server(section: &Section<'_>) -> Server {
    Server {
        address: section.or(MODBUS, "server", address),
        unit: section.or(1, "unit", whole(0..=255, "unit identifier")),
    }
}

fn address(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    let remedy = "write an address and a port in quotes, as \"192.168.0.10:502\"";
    let text = name(value).map_err(|wrong| Wrong { remedy: remedy.to_owned(), ..wrong })?;
    text.parse().map_err(|_| Wrong::new("this is no address with a port", remedy))
}
