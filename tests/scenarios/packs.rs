//! A model pack that is not what it says is refused before the first item.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    pictures::DARK,
    station::{Station, root, run, shade_pack},
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
            "asks for [1, 1, 32, 32]: correct `size`",
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

#[test]
fn a_new_pack_holds_what_onnxruntime_answers_and_finds_the_same_as_one_written_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack").display().to_string();
    let (onnx, python) = (shade_pack().join("model.onnx").display().to_string(), onnxruntime());
    let told =
        ["--normalise", "signed", "--fit", "stretch", "--labels", "bright,dark", "--ok-labels", "bright"];
    let new = ["model", "new", "--onnx", &onnx, "--out", &pack, "--python", &python];
    let done = run(&[&new[..], &told[..]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.notes.contains("what onnxruntime 1."), "{}", done.notes);
    let manifest = fs::read_to_string(Path::new(&pack).join("model.toml")).unwrap();
    assert!(manifest.contains("decoder = \"logits\"") && manifest.contains("onnxruntime 1."), "{manifest}");
    let station = Station::that_sees(&[DARK, 250]);
    let pictures = station.path("pictures").display().to_string();
    let found = [&pack, &shade_pack().display().to_string()].map(|pack| {
        let done = run(&["inspect", "--model", pack, "--json", &pictures]);
        let verdicts =
            done.json().into_iter().map(|line| (line["verdict"].clone(), line["findings"].clone()));
        verdicts.collect::<Vec<_>>()
    });
    assert_eq!(found[0], found[1]);
    assert_eq!((found[0][0].0.as_str(), found[0][1].0.as_str()), (Some("ng"), Some("ok")));
    // A second time the folder is left alone.
    assert_eq!(run(&[&new[..], &told[..]].concat()).code, Some(2));
}

#[test]
fn a_new_pack_that_onnxruntime_cannot_run_is_refused_in_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let (pack, onnx) = (folder.path().join("pack"), folder.path().join("model.onnx"));
    let mut bytes = fs::read(shade_pack().join("model.onnx")).unwrap();
    // A later version of the format than anybody has: field 1, a number.
    assert_eq!(bytes[0], 0x08);
    bytes[1] = 0x7f;
    fs::write(&onnx, bytes).unwrap();
    let (onnx, python) = (onnx.display().to_string(), onnxruntime());
    let done = run(&[
        "model",
        "new",
        "--onnx",
        &onnx,
        "--out",
        &pack.display().to_string(),
        "--python",
        &python,
        "--normalise",
        "signed",
        "--fit",
        "stretch",
        "--labels",
        "bright,dark",
        "--ok-labels",
        "bright",
    ]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.notes.contains("onnxruntime cannot run it"), "{}", done.notes);
    assert!(!pack.exists());
}

/// The Python that has it.
fn onnxruntime() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let python = target.join("onnxruntime-venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run `make test`, or local/venv.sh onnxruntime tests/onnxruntime/requirements.txt",
        python.display()
    );
    python.display().to_string()
}
