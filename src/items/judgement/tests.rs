use std::time::Instant;

use super::*;
use crate::{
    camera::{Picture, Pixels},
    inspection::Region,
};

fn confidence(value: f32) -> Confidence {
    Confidence::new(value).unwrap()
}

fn judgement() -> Judgement {
    Judgement::new(Rule {
        threshold: confidence(0.5),
        thresholds: BTreeMap::from([("spur".to_owned(), confidence(0.8))]),
        severity: Severity::Major,
        severities: BTreeMap::from([("short".to_owned(), Severity::Critical)]),
        frames_enough: 100,
    })
}

/// A frame in which the item stands `shift` pixels further along.
fn frame(shift: u32) -> Decisive {
    Decisive {
        taken: Taken::now(),
        inspected: Instant::now(),
        name: None,
        picture: Picture::Pixels(Arc::new(Pixels::default())),
        region: Region { x: shift, y: 0, width: 100, height: 100 },
    }
}

fn finding(label: &str, value: f32, x: f32) -> Finding {
    let area = Area { x_min: x, y_min: 10.0, x_max: x + 10.0, y_max: 20.0 };
    Finding { label: label.into(), confidence: confidence(value), area: Some(area) }
}

/// Judges an item whose frames showed a defect at one place of it with these confidences (0: not at all).
fn verdict_for(label: &str, confidences: &[f32]) -> Verdict {
    let mut judgement = judgement();
    for (n, &value) in confidences.iter().enumerate() {
        let shift = 30 * n as u32;
        let findings = [finding(label, value, 40.0 + shift as f32)];
        judgement.saw(1, if value > 0.0 { &findings } else { &[] }, frame(shift));
    }
    judgement.judge(1, 0).verdict
}

#[test]
fn the_surer_half_of_the_frames_decides() {
    for (label, confidences, expected) in [
        ("open", &[0.9][..], Verdict::Ng),
        ("open", &[0.4], Verdict::Ok),
        ("open", &[0.9, 0.0, 0.9, 0.0], Verdict::Ng),
        ("open", &[0.9, 0.0, 0.0, 0.0], Verdict::Ok),
        ("open", &[0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], Verdict::Ok),
        ("open", &[0.6, 0.45, 0.55, 0.2], Verdict::Ng),
        ("spur", &[0.7, 0.7], Verdict::Ok),
        ("spur", &[0.85, 0.85], Verdict::Ng),
        ("open", &[0.0, 0.0], Verdict::Ok),
    ] {
        assert_eq!(verdict_for(label, confidences), expected, "{label} {confidences:?}");
    }
}

#[test]
fn a_flicker_that_jumps_over_the_item_is_no_defect() {
    let mut judgement = judgement();
    for x in [0.0, 20.0, 40.0, 60.0] {
        judgement.saw(1, &[finding("open", 0.9, x)], frame(0));
    }
    assert_eq!(judgement.judge(1, 0).verdict, Verdict::Ok);
}

#[test]
fn two_defects_of_one_label_stay_two() {
    let mut judgement = judgement();
    for _ in 0..3 {
        judgement.saw(1, &[finding("open", 0.9, 10.0), finding("open", 0.8, 60.0)], frame(0));
    }
    assert_eq!(judgement.judge(1, 0).defects.len(), 2);
}

#[test]
fn the_worst_defect_comes_first_and_its_place_is_given_on_the_item() {
    let mut judgement = judgement();
    judgement.saw(1, &[finding("open", 0.95, 250.0), finding("short", 0.6, 210.0)], frame(200));
    let judged = judgement.judge(1, 0);
    let labels: Vec<_> = judged.defects.iter().map(|defect| &*defect.label).collect();
    assert_eq!(labels, ["short", "open"]);
    assert_eq!(judged.defects[0].severity, Severity::Critical);
    let place = judged.defects[0].area.unwrap();
    assert!((place.x_min - 0.1).abs() < 1e-6 && (place.y_max - 0.2).abs() < 1e-6, "{place:?}");
}

#[test]
fn an_item_without_a_usable_frame_is_not_inspected_and_says_why() {
    let mut judgement = judgement();
    judgement.could_not_see(2, "the picture ends early".to_owned());
    assert_eq!(judgement.judge(1, 0).reason, Some(Reason::NeverWhole));
    assert_eq!(judgement.judge(2, 3).reason, Some(Reason::Unusable("the picture ends early".to_owned())));
    let overload = judgement.judge(3, 7);
    assert_eq!(overload.verdict, Verdict::NotInspected);
    assert_eq!(overload.reason, Some(Reason::Overload { lost_looks: 7 }));
}

#[test]
fn one_bad_frame_among_good_ones_does_not_spoil_the_item() {
    let mut judgement = judgement();
    judgement.saw(1, &[], frame(0));
    judgement.could_not_see(1, "smeared".to_owned());
    assert_eq!(judgement.judge(1, 0).verdict, Verdict::Ok);
}

#[test]
fn the_decisive_frame_is_the_one_that_shows_the_defect_best() {
    let mut judgement = judgement();
    for (value, shift) in [(0.6, 0), (0.9, 30), (0.7, 60)] {
        judgement.saw(1, &[finding("open", value, 40.0 + shift as f32)], frame(shift));
    }
    assert_eq!(judgement.judge(1, 0).decisive.unwrap().region.x, 30);
}

#[test]
fn an_item_that_stands_still_is_looked_at_only_so_often() {
    let mut judgement = Judgement::new(Rule { frames_enough: 2, ..judgement().rule });
    assert!(judgement.wants(1));
    judgement.saw(1, &[], frame(0));
    judgement.saw(1, &[], frame(0));
    assert!(!judgement.wants(1) && judgement.wants(2));
}
