//! A model pack that is not what it says is refused before the first item.

use std::{fs, path::Path};

use crate::{
    pictures::DARK,
    station::{Station, shade_pack},
};

/// Makes a pack another than its manifest says.
type Spoil = fn(&Path);

fn with_pack(spoil: impl Fn(&Path)) -> (Station, String) {
    let station = Station::that_sees(&[DARK]);
    let pack = station.path("pack");
    fs::create_dir(&pack).unwrap();
    for entry in fs::read_dir(shade_pack()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), pack.join(entry.file_name())).unwrap();
    }
    spoil(&pack);
    let config = fs::read_to_string(station.config()).unwrap();
    let config = config.replace(&shade_pack().display().to_string(), "pack");
    fs::write(station.config(), config).unwrap();
    let done = station.does(&["run"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    (station, done.notes)
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_pack_with_another_hash_shape_or_answer_is_refused_and_nothing_is_judged() {
    let cases: [(&str, Spoil, &str); 7] = [
        ("no manifest", |pack| fs::remove_file(pack.join("model.toml")).unwrap(), "model.toml"),
        ("an unknown key", |pack| replace(&pack.join("model.toml"), "overall", "overal"), "overal"),
        ("another hash", |pack| fs::write(pack.join("model.onnx"), b"something else").unwrap(), "SHA-256"),
        (
            "another shape",
            |pack| replace(&pack.join("model.toml"), "[16, 16]", "[32, 32]"),
            "not the input's 32x32",
        ),
        (
            "more labels than the model has",
            |pack| replace(&pack.join("model.toml"), "\"dark\"]", "\"dark\", \"grey\"]"),
            "labels",
        ),
        ("another scale", |pack| replace(&pack.join("model.toml"), "mean = [0.5]", "mean = [0.4]"), "parity"),
        (
            "a file outside the pack",
            |pack| replace(&pack.join("model.toml"), "\"model.onnx\"", "\"../secret\""),
            "in the pack's folder",
        ),
    ];
    for (name, spoil, word) in cases {
        let (station, notes) = with_pack(spoil);
        assert!(notes.contains("the model pack is refused") && notes.contains(word), "{name}: {notes}");
        assert_eq!(station.hub().logins(), 0, "{name}");
        assert!(!station.path("outbox.db").exists(), "{name}");
    }
}
