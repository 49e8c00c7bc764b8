//! A station's camera, played by a folder: whatever it does, the station goes on and says what is wrong.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    pictures::{BRIGHT, DARK},
    station::{Station, run},
};

const GAIN: u32 = 0x0098_0913;

/// A grey camera whose every second frame is dark.
pub(crate) fn plug_in(folder: &Path, serial: &str) {
    plug_in_sized(folder, serial, 32);
}

fn plug_in_sized(folder: &Path, serial: &str, side: usize) {
    fs::create_dir_all(folder).unwrap();
    for (file, shade) in [("1.grey", DARK), ("2.grey", BRIGHT)] {
        fs::write(folder.join(file), vec![shade; side * side]).unwrap();
    }
    let format = json!({"format": "grey", "width": side, "height": side, "frames_per_second": [20, 50]});
    // Gain, as V4L2 numbers it.
    let gain = json!({"id": GAIN, "name": "Gain", "least": 0, "most": 100, "default": 10});
    let camera = json!({
        "name": "played", "usb_path": "usb-x-1", "serial": serial, "formats": [format], "controls": [gain]
    });
    // A camera is there once its description is.
    fs::write(folder.join("new"), camera.to_string()).unwrap();
    fs::rename(folder.join("new"), folder.join("camera.json")).unwrap();
}

fn station(camera: &str) -> Station {
    let station = Station::that_sees(&[]);
    plug_in(&station.path("cameras/a"), "A1");
    station.configure_source(
        &format!(
            "kind = \"usb\"\nframes_per_second = 50\n[source.camera]\nrehearsal = \"cameras\"\n{camera}"
        ),
        "",
    );
    station
}

fn waits_for_word(station: &Station, words: &str) {
    station.waits_until(words, |_| station.log().contains(words));
}

fn goes_on(station: &Station) {
    let so_far = station.hub().accepted();
    station.waits_until("went on", |hub| hub.accepted() >= so_far + 3);
}

#[test]
fn a_camera_may_go_and_come_back_and_another_in_its_place_is_refused() {
    let station = station("usb_path = \"usb-x-1\"");
    let mut agent = station.starts();
    goes_on(&station);
    waits_for_word(&station, "the camera is \"played\" at usb-x-1, serial A1: grey 32x32");
    let (there, away) = (station.path("cameras/a"), station.path("unplugged"));
    fs::rename(&there, &away).unwrap();
    waits_for_word(&station, "is not there; plug it in");
    plug_in(&there, "B2");
    waits_for_word(&station, "another camera is there than the one with \"played\" at usb-x-1");
    fs::remove_dir_all(&there).unwrap();
    plug_in_sized(&there, "A1", 64);
    waits_for_word(&station, "the camera has no such format: any format, 32x32");
    fs::remove_dir_all(&there).unwrap();
    fs::rename(&away, &there).unwrap();
    waits_for_word(&station, "frames come again from camera \"played\" at usb-x-1");
    goes_on(&station);
    let done = station.does(&["check", "--offline"]);
    assert!(
        done.notes.contains("warning  source         not opened, as its agent is running"),
        "{}",
        done.notes
    );
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn a_camera_that_does_not_work_is_a_state_with_a_reason_until_it_works_again() {
    let station = station("serial = \"A1\"");
    let mut agent = station.starts();
    for (fault, words) in [
        ("halved", "NOT INSPECTED: the picture cannot be decoded: half a frame"),
        ("flagged", "NOT INSPECTED: the picture cannot be decoded: the driver says"),
        ("stalled", "the camera has stalled: no frame for 2s"),
    ] {
        goes_on(&station);
        fs::write(station.path("cameras/a").join(fault), "").unwrap();
        waits_for_word(&station, words);
        fs::remove_file(station.path("cameras/a").join(fault)).unwrap();
    }
    goes_on(&station);
    agent.gets("TERM");
    agent.ends_well();
}

#[test]
fn what_is_wrong_with_a_camera_is_told_before_it_runs() {
    for (camera, fault, words) in [
        ("serial = \"A1\"", "", "at usb-x-1, serial A1: grey 32x32, 50 frames a second gives frames"),
        ("serial = \"A1\"", "busy", "the camera is busy"),
        (
            "serial = \"Z9\"",
            "",
            "serial Z9 is not there; plug it in, or correct [source.camera]; there are: \"played\"",
        ),
        ("serial = \"A1\"\nformat = \"mjpeg\"", "", "it offers: grey 32x32 at 20/50"),
        ("serial = \"A1\"\n[source.controls]\nfocus = 3", "", "its controls are: Gain 0..100"),
        ("serial = \"A1\"\n[source.controls]\ngain = 101", "", "it takes Gain 0..100"),
        ("serial = \"A1\"\nsize = \"640x480\"", "", "no such format: any format, 640x480"),
    ] {
        let station = station(camera);
        if !fault.is_empty() {
            fs::write(station.path("cameras/a").join(fault), "").unwrap();
        }
        let done = station.does(&["check", "--offline"]);
        assert!(done.notes.contains(words), "{camera}: {}", done.notes);
    }
}

#[test]
fn cameras_are_listed_with_what_a_station_needs_to_name_them() {
    let station = station("serial = \"A1\"");
    let folder = station.path("cameras").display().to_string();
    let listed = run(&["cameras", "--rehearsal", &folder, "--json"]);
    let [camera] = &listed.json()[..] else { panic!("{listed:?}") };
    assert_eq!((&camera["usb_path"], &camera["serial"]), (&json!("usb-x-1"), &json!("A1")));
    assert_eq!(camera["formats"][0]["frames_per_second"], json!([20.0, 50.0]));
    let shown = run(&["cameras", "--rehearsal", &folder]).notes;
    for line in
        ["    [source.camera]\n", "    serial = \"A1\"\n", "    grey 32x32 at 20/50 frames a second\n"]
    {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn controls_are_set_and_a_commissioned_camera_keeps_its_own() {
    let station = station("serial = \"A1\"\n[source.controls]\ngain = 64");
    let value = station.path(&format!("cameras/a/control-{GAIN}"));
    assert_eq!(station.does(&["check", "--offline"]).code, Some(0));
    assert_eq!(fs::read_to_string(&value).unwrap(), "64");
    fs::write(&value, "33").unwrap();
    let config = station.config().display().to_string();
    let folder = station.path("cameras").display().to_string();
    let done = run(&["camera", "commission", "--config", &config, "--rehearsal", &folder]);
    assert_eq!(done.code, Some(0), "{}", done.notes);
    let text = fs::read_to_string(station.config()).unwrap();
    for line in ["usb_path = \"usb-x-1\"\n", "serial = \"A1\"\n", "gain = 33\n", "frames_per_second = 50\n"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(station.path("reference.png").is_file() && station.path("station.toml.before").is_file());
    fs::remove_file(value).unwrap();
    assert_eq!(station.does(&["check", "--offline"]).code, Some(0));
}
