//! Wishes from afar over a station's file.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::inspection::Engine;

struct Scene {
    folder: TempDir,
    model: Arc<Model>,
}

impl Scene {
    fn new() -> Self {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs/shade");
        let model = Arc::new(Model::load(&pack, &Engine::Tract).unwrap());
        Self { folder: tempfile::tempdir().unwrap(), model }
    }

    fn opened(&self) -> Tuning {
        let text = "
            [station]\nid = 's'\nline = 'l'\nproduct = 'p'\n[source]\nkind = 'folder'\npath = 'x'\n[model]\npack = 'm'
            [hub]\nconnection_string_file = 'k'";
        let config = Config::parse(text, &self.folder.path().join("s.toml")).unwrap();
        Tuning::open(config, Arc::clone(&self.model)).unwrap()
    }
}

fn desired(version: u64, properties: Value) -> Desired {
    Desired { version, properties: properties.as_object().unwrap().clone() }
}

/// Value, code and version of what is reported.
fn told(tuning: &Tuning, name: &str) -> (Value, u64, u64) {
    let told = &tuning.reported()[name];
    (told["value"].clone(), told["ac"].as_u64().unwrap(), told["av"].as_u64().unwrap())
}

fn threshold(tuning: &Tuning) -> f32 {
    tuning.settings().rule.thresholds["dark"].value()
}

#[test]
fn what_is_right_is_in_force_and_stays_so_after_a_restart() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    assert_eq!(told(&tuning, "thresholds"), (json!({}), 203, 0));
    tuning.desire(&desired(4, json!({"thresholds": {"dark": 0.75}, "paused": true})), None);
    assert_eq!(told(&tuning, "thresholds"), (json!({"dark": 0.75}), 200, 4));
    for tuning in [tuning, scene.opened()] {
        assert_eq!(threshold(&tuning), 0.75);
        assert!(tuning.settings().paused);
        assert_eq!(told(&tuning, "paused"), (json!(true), 200, 4));
    }
}

#[test]
fn what_is_wrong_leaves_in_force_what_was() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    tuning.desire(&desired(2, json!({"thresholds": {"dark": 0.75}})), None);
    for (version, wrong) in
        (3..).zip([json!({"dark": 75}), json!({"dusk": 0.5}), json!("0.5"), json!({"dark": []})])
    {
        tuning.desire(
            &desired(version, json!({"thresholds": wrong, "incidents": {"quiet_minutes": version}})),
            None,
        );
        assert_eq!(told(&tuning, "thresholds"), (json!({"dark": 0.75}), 400, version), "{wrong}");
        assert!(tuning.reported()["thresholds"]["ad"].as_str().is_some_and(|reason| reason.len() > 10));
        assert_eq!(tuning.settings().incidents.quiet.as_secs(), 60 * version);
    }
    assert_eq!(threshold(&scene.opened()), 0.75);
}

#[test]
fn what_is_not_desired_any_more_is_as_in_the_file_again() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    tuning.desire(&desired(2, json!({"thresholds": {"dark": 0.75}, "speed": 3})), None);
    assert_eq!(told(&tuning, "speed"), (json!(""), 404, 2));
    tuning.desire(&desired(3, json!({})), None);
    assert_eq!((threshold(&tuning), told(&tuning, "thresholds").1), (0.5, 203));
    assert!(!tuning.reported().contains_key("speed") && tuning.told().is_empty());
    assert_eq!(threshold(&scene.opened()), 0.5);
}

#[test]
fn what_cannot_be_stored_is_not_in_force() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    std::fs::remove_dir_all(scene.folder.path()).unwrap();
    tuning.desire(&desired(2, json!({"thresholds": {"dark": 0.75}})), None);
    assert_eq!((threshold(&tuning), told(&tuning, "thresholds").1), (0.5, 500));
    assert!(tuning.pause(true).is_err() && !tuning.settings().paused);
}

#[test]
fn a_file_that_cannot_be_read_is_set_aside() {
    let scene = Scene::new();
    let file = Overrides::file(&scene.folder.path().join("outbox.db"));
    std::fs::write(&file, "no JSON").unwrap();
    let tuning = scene.opened();
    assert!(tuning.told().is_empty() && !file.exists());
    assert_eq!(std::fs::read_dir(scene.folder.path()).unwrap().count(), 1);
}

#[test]
fn property_and_method_each_pause_for_themselves() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    tuning.pause(true).unwrap();
    tuning.desire(&desired(2, json!({"paused": true})), None);
    tuning.pause(false).unwrap();
    assert!(tuning.settings().paused && tuning.is_paused_by_property());
    tuning.desire(&desired(3, json!({"paused": false})), None);
    assert!(!tuning.settings().paused);
    tuning.pause(true).unwrap();
    assert!(scene.opened().settings().paused);
}

#[test]
fn a_region_that_is_not_in_the_picture_is_refused_once_a_picture_was_seen() {
    let scene = Scene::new();
    let mut tuning = scene.opened();
    let region = |width: u32| json!({"x": 320, "y": 0, "width": width, "height": 480});
    tuning.desire(&desired(2, json!({"region": region(320)})), Some([640, 480]));
    assert_eq!(told(&tuning, "region"), (region(320), 200, 2));
    tuning.desire(&desired(3, json!({"region": region(321)})), Some([640, 480]));
    assert_eq!(told(&tuning, "region"), (region(320), 400, 3));
    let reason = tuning.reported()["region"]["ad"].to_string();
    assert!(reason.contains("640x480 pixels"), "{reason}");
    // The station may start before its camera does.
    tuning.desire(&desired(4, json!({"region": region(321)})), None);
    assert_eq!(told(&tuning, "region"), (region(321), 200, 4));
}
