use std::{fs, path::Path, sync::mpsc};

use super::{store::Store, *};
use crate::camera::Pixels;

fn id(number: u32) -> String {
    format!("0199aaaa-{number:04x}-7000-8000-000000000000")
}

fn name(number: u32) -> Name {
    Name::of_report(&id(number)).unwrap()
}

fn picture() -> Picture {
    Picture::Pixels(Arc::new(Pixels { width: 32, height: 32, channels: 1, samples: vec![90; 1024] }))
}

fn settings(folder: &Path) -> EvidenceSettings {
    EvidenceSettings { folder: folder.to_owned(), limit_bytes: 1_000_000 }
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What happened once everything that waited is written.
fn counts_at_the_end(evidence: Evidence) -> Counts {
    let counters = Arc::clone(&evidence.counters);
    evidence.stop();
    counters.read()
}

#[test]
fn what_is_queued_at_the_stop_is_written_under_the_reports_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("made/on/the/way");
    let evidence = Evidence::start(settings(&folder)).unwrap();
    for number in 0..3 {
        let boxes = vec![Area { x_min: 4.0, y_min: 4.0, x_max: 9.0, y_max: 40.0 }];
        evidence.keep(&id(number), picture(), boxes);
    }
    assert_eq!(counts_at_the_end(evidence), Counts { kept: 3, ..Counts::default() });
    assert_eq!(files(&folder), [0, 1, 2].map(|number| format!("{}.jpg", id(number))));
    image::open(folder.join(format!("{}.jpg", id(1)))).unwrap();
}

#[test]
fn at_the_limit_the_oldest_pictures_go_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), 250).unwrap();
    // Age is in the name, not in the order of arrival.
    for number in [3, 1, 2, 4] {
        store.write(name(number), &[0; 100]).unwrap();
    }
    assert_eq!(files(folder.path()), [3, 4].map(|number| format!("{}.jpg", id(number))));
    assert_eq!(store.take_removed(), 2);
}

#[test]
fn pictures_of_an_earlier_run_count_against_the_limit_and_a_lowered_limit_holds_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), 500).unwrap();
    for number in 1..=5 {
        store.write(name(number), &[0; 100]).unwrap();
    }
    let mut store = Store::open(folder.path(), 300).unwrap();
    assert_eq!(store.take_removed(), 2);
    store.write(name(6), &[0; 150]).unwrap();
    assert_eq!(files(folder.path()), [5, 6].map(|number| format!("{}.jpg", id(number))));
}

#[test]
fn a_picture_larger_than_the_whole_limit_fails_and_costs_no_other_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), 300).unwrap();
    store.write(name(1), &[0; 300]).unwrap();
    assert!(store.write(name(2), &[0; 301]).unwrap_err().to_string().contains("301 bytes"));
    assert_eq!(files(folder.path()), [format!("{}.jpg", id(1))]);
}

#[test]
fn a_picture_written_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), 250).unwrap();
    for _ in 0..5 {
        store.write(name(1), &[0; 100]).unwrap();
    }
    store.write(name(2), &[0; 100]).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn files_of_others_are_neither_removed_nor_counted() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = [
        "notes.txt".to_owned(),
        "0199aaaa.jpg".to_owned(),
        format!("{}.png", id(1)),
        format!("{}.JPG", id(1)),
        format!("copy of {}.jpg", id(1)),
        format!("{}.part", id(1)),
        // A random UUID, as telephones name their pictures.
        "6f1c2a52-8b9e-4d1b-9a44-0c8f1f0c9f10.jpg".to_owned(),
    ];
    for file in &foreign {
        fs::write(folder.path().join(file), [0; 1000]).unwrap();
    }
    fs::create_dir(folder.path().join(format!("{}.jpg", id(2)))).unwrap();
    std::os::unix::fs::symlink("notes.txt", folder.path().join(format!("{}.jpg", id(3)))).unwrap();
    let mut store = Store::open(folder.path(), 100).unwrap();
    store.write(name(8), &[0; 100]).unwrap();
    store.write(name(9), &[0; 100]).unwrap();
    assert_eq!(store.take_removed(), 1);
    let left = files(folder.path());
    assert_eq!(left.len(), foreign.len() + 3, "{left:?}");
    assert!(foreign.iter().all(|file| left.contains(file)), "{left:?}");
}

#[test]
fn half_pictures_of_a_crash_are_gone_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!(".{}.jpg.part", id(1))), [0; 50]).unwrap();
    fs::write(folder.path().join(".somebody.jpg.part"), [0; 50]).unwrap();
    Store::open(folder.path(), 100).unwrap();
    assert_eq!(files(folder.path()), [".somebody.jpg.part"]);
}

#[test]
fn a_folder_tidied_by_hand_costs_no_further_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path(), 400).unwrap();
    for number in 1..=4 {
        store.write(name(number), &[0; 100]).unwrap();
    }
    for number in [1, 3] {
        fs::remove_file(folder.path().join(format!("{}.jpg", id(number)))).unwrap();
    }
    store.write(name(5), &[0; 100]).unwrap();
    assert_eq!(store.take_removed(), 0);
    assert_eq!(files(folder.path()), [2, 4, 5].map(|number| format!("{}.jpg", id(number))));
}

#[test]
fn what_comes_while_the_queue_is_full_is_dropped_and_counted_without_waiting() {
    let (release, released) = mpsc::channel::<()>();
    let evidence = Evidence::with_writer(Quota(Arc::default()), move |queue, counters| {
        let _ = released.recv();
        counters.kept.fetch_add(queue.iter().count() as u64, Relaxed);
    })
    .unwrap();
    for number in 0..20 {
        evidence.keep(&id(number), picture(), Vec::new());
    }
    assert_eq!(evidence.counts(), Counts { dropped: 12, ..Counts::default() });
    release.send(()).unwrap();
    assert_eq!(counts_at_the_end(evidence), Counts { kept: 8, dropped: 12, ..Counts::default() });
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Evidence::start(settings(&folder.path().join("file/evidence"))).unwrap_err();
    assert!(error.to_string().contains("name a folder that this user may write"), "{error}");
}

#[test]
fn a_folder_lost_at_run_time_is_counted_and_used_again_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence");
    let mut store = Store::open(&path, 1000).unwrap();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "a file where the folder was").unwrap();
    assert!(store.write(name(1), &[0; 10]).is_err());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    store.write(name(2), &[0; 10]).unwrap();
    assert_eq!(files(&path), [format!("{}.jpg", id(2))]);
}

#[test]
fn failures_of_the_disk_and_of_pictures_are_counted_and_the_next_picture_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    // A folder at the name of the unfinished file: refused for root, too.
    fs::create_dir(folder.path().join(format!(".{}.jpg.part", id(1)))).unwrap();
    let evidence = Evidence::start(settings(folder.path())).unwrap();
    evidence.keep(&id(1), picture(), Vec::new());
    let broken = Pixels { width: 32, height: 32, channels: 3, samples: Vec::new() };
    evidence.keep(&id(2), Picture::Pixels(Arc::new(broken)), Vec::new());
    evidence.keep(&id(3), picture(), Vec::new());
    assert_eq!(counts_at_the_end(evidence), Counts { kept: 1, failed: 2, ..Counts::default() });
}

#[test]
fn an_id_that_could_lead_out_of_the_folder_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Evidence::start(settings(&folder.path().join("evidence"))).unwrap();
    let upper = id(0xabc).to_uppercase();
    for report_id in ["", "..", "../../etc/passwd", "a/b", &upper, &format!("{}/../x", id(1))] {
        evidence.keep(report_id, picture(), Vec::new());
    }
    assert_eq!(counts_at_the_end(evidence), Counts { failed: 6, ..Counts::default() });
    assert_eq!(files(folder.path()), ["evidence"]);
    assert_eq!(files(&folder.path().join("evidence")), [""; 0]);
}
