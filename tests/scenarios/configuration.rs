//! Invariants 6 and 7 as a person meets them.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{pictures::DARK, station::Station};

fn refused(station: &Station, line: &str) -> String {
    let done = station.does(&["run"]);
    assert_eq!(done.code, Some(2), "{line}: {done:?}");
    assert_eq!(done.out, "");
    done.notes
}

fn with(line: &str) -> Station {
    let station = Station::that_sees(&[DARK]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("[model]", &format!("{line}\n[model]"))).unwrap();
    station
}

#[test]
fn a_misspelt_key_is_refused_with_its_line_and_the_key_that_was_meant() {
    let notes = refused(&with("frames_per_secnd = 10"), "frames_per_secnd");
    assert!(notes.contains("station.toml:9") && notes.contains("frames_per_second"), "{notes}");
}

#[test]
fn an_impossible_value_is_refused_with_its_line_and_the_range() {
    let notes = refused(&with("frames_per_second = -3"), "frames_per_second");
    assert!(notes.contains("station.toml:9") && notes.contains("frames_per_second"), "{notes}");
}

#[test]
fn a_label_that_the_model_does_not_have_is_refused_with_those_that_it_has() {
    let station = with("[model.thresholds]\nscratch = 0.5");
    // TOML wants the section's own keys before its tables.
    let text = fs::read_to_string(station.config()).unwrap();
    let text = text.replace("[model.thresholds]\nscratch = 0.5\n", "");
    fs::write(station.config(), text + "\n[model.thresholds]\nscratch = 0.5\n").unwrap();
    let notes = refused(&station, "scratch");
    assert!(notes.contains("scratch") && notes.contains("bright, dark"), "{notes}");
}

#[test]
fn a_connection_string_that_others_can_read_is_refused_with_the_remedy_and_never_shown() {
    let station = Station::that_sees(&[DARK]);
    fs::set_permissions(station.path("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let done = station.does(&["run"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.notes.contains("chmod"), "{}", done.notes);
    let secret = fs::read_to_string(station.path("secret")).unwrap();
    let key = secret.split_once("SharedAccessKey=").unwrap().1;
    assert!(!done.notes.contains(key));
}

#[test]
fn no_log_at_any_level_holds_the_key() {
    let station = Station::that_sees(&[DARK; 5]);
    let text = fs::read_to_string(station.config()).unwrap();
    fs::write(station.config(), text.replace("\"debug\"", "\"trace\"")).unwrap();
    station.starts().ends_well();
    let secret = fs::read_to_string(station.path("secret")).unwrap();
    let key = secret.split_once("SharedAccessKey=").unwrap().1;
    let log = station.log();
    assert!(!log.contains(key) && !log.contains("SharedAccessSignature"), "{log}");
}

#[test]
fn a_missing_file_says_how_to_give_one() {
    let done = crate::station::run(&["run", "--config", "/nowhere/station.toml"]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.notes.contains("--config"), "{}", done.notes);
}
