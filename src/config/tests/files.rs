//! What can be wrong with the file itself.

use std::{fs, path::Path};

use super::{super::Config, LEAST};

fn refusal(path: &Path) -> String {
    Config::load(path).unwrap_err().to_string()
}

#[test]
fn a_file_is_read_and_its_paths_are_taken_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("station.toml");
    fs::write(&file, LEAST).unwrap();
    assert_eq!(Config::load(&file).unwrap().outbox.file, folder.path().join("outbox.db"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let absent = refusal(&folder.path().join("absent.toml"));
    assert!(absent.contains("absent.toml: cannot read the configuration: No such file"), "{absent}");
    assert!(absent.contains("--config"), "{absent}");
    let directory = refusal(folder.path());
    assert!(directory.contains("it is not a file"), "{directory}");
}

#[test]
fn a_file_that_is_not_text_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("station.toml");
    fs::write(&file, b"[station]\nid = \"pr\xe4sse\"\n").unwrap();
    let error = refusal(&file);
    assert!(error.ends_with("station.toml:2: this is not UTF-8 text; save the file as UTF-8"), "{error}");
}

#[test]
fn a_file_of_any_size_is_read_up_to_the_limit_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("station.toml");
    fs::File::create(&file).unwrap().set_len(10_000_000_000).unwrap();
    assert!(refusal(&file).contains("larger than 1 MiB"));
}

#[test]
fn a_file_with_a_byte_order_mark_and_windows_line_ends_is_read() {
    let text = format!("\u{feff}{}", LEAST.replace('\n', "\r\n"));
    assert_eq!(
        Config::parse(&text, Path::new("s.toml")).unwrap(),
        Config::parse(LEAST, Path::new("s.toml")).unwrap()
    );
}
