//! `andon inspect`, and what becomes of pictures that cannot be inspected.

use serde_json::Value;

use crate::{
    pictures::{BRIGHT, DARK, bad, shade},
    station::{Station, root, run, shade_pack},
};

#[test]
fn every_image_gets_a_line_as_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let pack = shade_pack().display().to_string();
    shade(&folder.path().join("a.png"), BRIGHT);
    shade(&folder.path().join("b.png"), DARK);
    let done = run(&["inspect", "--model", &pack, "--json", &folder.path().display().to_string()]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let [good, dark] = &done.json()[..] else { panic!("{}", done.out) };
    assert_eq!((&good["verdict"], &good["findings"]), (&Value::from("ok"), &Value::Array(Vec::new())));
    assert_eq!(dark["verdict"], "ng");
    assert!(dark["image"].as_str().unwrap().ends_with("b.png"));
    assert_eq!(dark["findings"][0]["label"], "dark");
    assert!(dark["score"].as_f64().unwrap() > 0.9);
    for stage in ["decode", "prepare", "infer", "judge"] {
        assert!(dark["milliseconds"][stage].as_f64().unwrap() >= 0.0);
    }
}

#[test]
fn bad_pictures_are_not_inspected_with_a_reason_and_the_next_one_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let pack = shade_pack().display().to_string();
    let mut images = bad(folder.path());
    images.push(shade(&folder.path().join("z.png"), DARK));
    let names: Vec<String> = images.iter().map(|image| image.display().to_string()).collect();
    let mut arguments = vec!["inspect", "--model", &pack, "--json"];
    arguments.extend(names.iter().map(String::as_str));
    let done = run(&arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.json();
    let (last, rest) = lines.split_last().unwrap();
    assert_eq!(last["verdict"], "ng", "the next one is judged");
    assert_eq!(rest.len(), images.len() - 1);
    for line in rest {
        assert_eq!(line["verdict"], "not_inspected", "{line}");
        assert!(line["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{line}");
        assert_eq!(line["score"], Value::Null);
    }
}

#[test]
fn an_agent_counts_bad_pictures_and_goes_on() {
    let station = Station::that_sees(&[BRIGHT]);
    let count = bad(&station.path("pictures")).len();
    shade(&station.path("pictures/zz.png"), DARK);
    station.starts().ends_well();
    let summary = format!("{} items: 1 OK, 1 NG, {count} NOT INSPECTED", count + 2);
    assert!(station.log().contains(&summary), "no '{summary}' in\n{}", station.log());
    assert_eq!(station.hub().accepted(), 1);
}

#[test]
fn an_image_that_is_not_there_fails_the_command_but_not_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let pack = shade_pack().display().to_string();
    let there = shade(&folder.path().join("a.png"), BRIGHT).display().to_string();
    let done = run(&["inspect", "--model", &pack, "--json", "/nowhere/b.png", &there]);
    assert_eq!(done.code, Some(1), "{done:?}");
    let verdicts: Vec<_> = done.json().iter().map(|line| line["verdict"].to_string()).collect();
    assert_eq!(verdicts, ["\"not_inspected\"", "\"ok\""]);
}

#[test]
fn the_shipped_detector_finds_what_it_was_drawn_with_and_marks_it() {
    let folder = tempfile::tempdir().unwrap();
    let pack = root().join("models/pcb").display().to_string();
    let sample = root().join("models/pcb/parity.png").display().to_string();
    let marked = folder.path().display().to_string();
    let done =
        run(&["inspect", "--model", &pack, "--json", "--annotate", &marked, "--confidence", "0.5", &sample]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let line = &done.json()[0];
    let findings = line["findings"].as_array().unwrap();
    assert!(findings.len() >= 3, "{line}");
    for finding in findings {
        let corners: Vec<f64> =
            finding["box"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        assert!(corners[0] < corners[2] && corners[1] < corners[3], "{finding}");
        assert!(corners.iter().all(|edge| (0.0..=640.0).contains(edge)), "{finding}");
        assert!(finding["confidence"].as_f64().unwrap() >= 0.5);
    }
    let picture = image::open(folder.path().join("parity.jpg")).unwrap();
    assert_eq!((picture.width(), picture.height()), (640, 640));
}

#[test]
fn a_confidence_that_is_none_is_wrong_use() {
    for nonsense in ["1.5", "-1", "NaN", "high"] {
        let done = run(&["inspect", "--model", "x", "--confidence", nonsense, "y.png"]);
        assert_eq!(done.code, Some(2), "{nonsense}: {done:?}");
    }
}
