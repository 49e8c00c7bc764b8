use andon_telemetry::read;
use jiff::Timestamp;

use super::*;

fn log_with_a_mail(device: &str) -> DeviceLog {
    let report = read(include_bytes!("../../../../telemetry/examples/opens-an-incident.json")).unwrap();
    let mut log = DeviceLog::new(device);
    log.take(&report);
    log.owe(Timestamp::UNIX_EPOCH, "x.example");
    log
}

fn matter(n: usize) -> SetAside {
    SetAside {
        kind: "event",
        at: String::new(),
        device: None,
        origin: n.to_string(),
        reason: "test".into(),
        bytes: 0,
        content: String::new(),
    }
}

#[test]
fn a_log_is_there_after_a_restart_and_says_that_mails_are_owed() {
    let root = tempfile::tempdir().unwrap();
    let mut log = log_with_a_mail("press-3");
    Folder::open(root.path()).unwrap().keep(&log).unwrap();
    let folder = Folder::open(root.path()).unwrap();
    assert_eq!(folder.owing(), ["press-3"]);
    assert_eq!(folder.log("press-3").unwrap(), log);
    let id = log.owed().next().unwrap().message_id.clone();
    log.settle(&id);
    folder.keep(&log).unwrap();
    assert_eq!(folder.owing(), Vec::<String>::new());
}

#[test]
fn strange_device_names_stay_within_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    for device in ["../../evil", "/etc/passwd", ".", "a\u{0}b", &"x".repeat(4000)] {
        folder.keep(&log_with_a_mail(device)).unwrap();
        assert_eq!(folder.log(device).unwrap().device, device);
    }
    assert_eq!(std::fs::read_dir(root.path().join("devices")).unwrap().count(), 5);
}

#[test]
fn a_log_that_cannot_be_understood_is_set_aside_and_not_in_the_way() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    let path = root.path().join("devices").join(device_file("press-3"));
    let newer =
        serde_json::to_string(&log_with_a_mail("press-3")).unwrap().replace("\"version\":1", "\"version\":9");
    for content in ["", "{\"version\":", "null", &newer] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(folder.log("press-3").unwrap(), DeviceLog::new("press-3"), "{content}");
        assert!(!path.exists());
        let aside = root.path().join("refused").join(format!("log-{}", device_file("press-3")));
        assert_eq!(std::fs::read_to_string(aside).unwrap(), content);
        assert!(Folder::open(root.path()).is_ok());
    }
}

#[test]
fn a_draft_left_by_a_power_cut_is_ignored() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    let log = log_with_a_mail("press-3");
    folder.keep(&log).unwrap();
    std::fs::write(root.path().join("devices").join(format!(".{}.new", device_file("press-3"))), "{")
        .unwrap();
    assert_eq!(Folder::open(root.path()).unwrap().log("press-3").unwrap(), log);
}

#[test]
fn what_is_set_aside_is_bounded_and_the_same_matter_is_kept_once() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    let count = || std::fs::read_dir(folder.refused()).unwrap().count();
    for n in 0..REFUSED {
        std::fs::write(folder.refused().join(format!("old-{n}")), "").unwrap();
    }
    folder.set_aside("a", &matter(1)).unwrap();
    folder.set_aside("a", &matter(1)).unwrap();
    folder.set_aside("b", &matter(2)).unwrap();
    assert_eq!(count(), REFUSED);
    assert!(folder.refused().join(format!("event-{}.json", hashed("b"))).exists());
}

#[test]
fn one_holds_the_lock_and_dropping_it_lets_the_next_in() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (Folder::open(root.path()).unwrap(), Folder::open(root.path()).unwrap());
    let lock = one.try_lock().unwrap().unwrap();
    assert!(other.try_lock().unwrap().is_none());
    assert!(one.try_lock().unwrap().is_none());
    drop(lock);
    assert!(other.try_lock().unwrap().is_some());
}

#[test]
fn a_folder_that_cannot_be_used_is_named_with_a_remedy() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Folder::open(&file).unwrap_err().to_string();
    assert!(error.contains("file/devices") && error.contains("MAILER_STATE"), "{error}");
}
