//! What the plant's controls are told: each line, coil and register once.

use std::{fs, path::PathBuf};

use super::{
    super::Config,
    LEAST,
    faults::{check, faults},
    parse_more,
};

#[test]
fn a_trigger_and_an_output_say_what_they_miss() {
    let passing = |more: &str| faults(&format!("[items]\nmode = \"passing\"\n{more}"));
    check(&[
        (
            "[trigger.gpio]\nline = 3",
            "1: [trigger.gpio]: a folder that does not go by the clock cannot be triggered; remove it, or write [source] frames_per_second",
        ),
        (
            "[outputs.modbus]\nserver = \"plc\"\nready_coil = 1",
            "2: [outputs.modbus] server = \"plc\": this is no address with a port; write an address and a port in quotes, as \"192.168.0.10:502\"",
        ),
    ]);
    assert_eq!(
        passing("[trigger.gpio]\nline = 3"),
        [
            "3: [trigger.gpio]: a trigger says when an item is there, and so do passing items; remove it, or write [items] mode = \"frame\""
        ]
    );
}

#[test]
fn what_says_more_about_a_line_or_coil_that_is_not_named_is_refused() {
    check(&[
        (
            "[trigger.gpio]\nchip = \"/dev/gpiochip4\"",
            "2: [trigger.gpio] chip: without line nothing triggers; add line, or remove this",
        ),
        (
            "[trigger.gpio]\ndebounce_milliseconds = 5",
            "2: [trigger.gpio] debounce_milliseconds: without line nothing triggers; add line, or remove this",
        ),
        (
            "[trigger.modbus]\nserver = \"10.0.0.9:502\"",
            "2: [trigger.modbus] server: without coil nothing triggers; add coil, or remove this",
        ),
        (
            "[outputs.gpio]\nactive_low = true",
            "2: [outputs.gpio] active_low: without reject_line or light_line or ready_line or heartbeat_line nothing is \
             shown there; add reject_line or light_line or ready_line or heartbeat_line, or remove this",
        ),
        (
            "[outputs.modbus]\nunit = 2",
            "2: [outputs.modbus] unit: without reject_coil or light_coil or ready_coil or heartbeat_register nothing is \
             shown there; add reject_coil or light_coil or ready_coil or heartbeat_register, or remove this",
        ),
    ]);
    // As the example has them.
    parse_more("[trigger.gpio]\n[trigger.modbus]\n[outputs.gpio]\n[outputs.modbus]").unwrap();
}

/// A station that goes by the clock, with these lines at its end, and a folder with an outbox and a secret of its own.
fn paced(id: &str, more: &str) -> String {
    let text = LEAST.replace("\"folder\"", "\"folder\"\nframes_per_second = 5").replace("press-3", id);
    format!("{text}{more}")
}

#[test]
fn a_line_coil_or_register_has_one_use_and_both_places_are_named() {
    let told = |more: &str| {
        let error = super::parse(&paced("press-3", more)).unwrap_err().to_string();
        error.replace("/etc/andon/station.toml:", "")
    };
    for (more, expected) in [
        (
            "[trigger.gpio]\nline = 7\n[outputs.gpio]\nreject_line = 7",
            "14: [outputs.gpio] reject_line: GPIO line 7 is that of [trigger.gpio] line in line 12; give each a line of \
             its own",
        ),
        (
            "[outputs.gpio]\nchip = \"/dev/../dev/gpiochip0\"\nready_line = 2\nlight_line = 2",
            "13: [outputs.gpio] ready_line: GPIO line 2 is that of [outputs.gpio] light_line in line 14; give each a \
             line of its own",
        ),
        (
            "[outputs.gpio]\nchip = \"pinctrl-rp1\"\nready_line = 2\nlight_line = 2",
            "13: [outputs.gpio] ready_line: GPIO line 2 is that of [outputs.gpio] light_line in line 14; give each a \
             line of its own",
        ),
        (
            "[trigger.modbus]\ncoil = 0\n[outputs.modbus]\nserver = \"127.0.0.1:502\"\nready_coil = 0",
            "15: [outputs.modbus] ready_coil: coil 0 is that of [trigger.modbus] coil in line 12; give each a coil of its \
             own",
        ),
    ] {
        assert_eq!(told(more), expected, "{more}");
    }
}

#[test]
fn the_same_number_elsewhere_is_another_line_or_coil() {
    for more in [
        "[trigger.gpio]\nline = 7\n[outputs.gpio]\nchip = \"/dev/gpiochip1\"\nreject_line = 7",
        "[trigger.gpio]\nline = 7\n[outputs.gpio]\nchip = \"pinctrl-rp1\"\nreject_line = 7",
        "[trigger.modbus]\ncoil = 0\n[outputs.modbus]\nunit = 2\nready_coil = 0",
        "[trigger.modbus]\ncoil = 0\n[outputs.modbus]\nserver = \"127.0.0.1:503\"\nready_coil = 0",
        "[outputs.modbus]\nready_coil = 0\nheartbeat_register = 0",
    ] {
        super::parse(&paced("press-3", more)).unwrap();
    }
}

#[test]
fn two_stations_on_the_same_line_or_coil_are_refused_with_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let together = |first: &str, second: &str| {
        let files: Vec<PathBuf> = [("press-3", first), ("press-4", second)]
            .map(|(id, more)| {
                let file = folder.path().join(id).join("station.toml");
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, paced(id, more)).unwrap();
                file
            })
            .into();
        Config::load_together(&files)
            .map_err(|error| error.to_string().replace(folder.path().to_str().unwrap(), ""))
    };
    assert_eq!(
        together("[trigger.gpio]\nline = 7", "[outputs.gpio]\nready_line = 7").unwrap_err(),
        "/press-4/station.toml:12: [outputs.gpio] ready_line = 7: the station in /press-3/station.toml:12 has the same as \
         [trigger.gpio] line; give each a line of its own"
    );
    assert_eq!(
        together("[outputs.modbus]\nlight_coil = 9", "[outputs.modbus]\nlight_coil = 9").unwrap_err(),
        "/press-4/station.toml:12: [outputs.modbus] light_coil = 9: the station in /press-3/station.toml:12 has the same; \
         give each a coil of its own"
    );
    assert_eq!(together("[trigger.gpio]\nline = 7", "[trigger.gpio]\nline = 8").unwrap().len(), 2);
}
