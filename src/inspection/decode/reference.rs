//! Each decoder against what others read out of the same answers; `models/references` makes the files.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

use serde::Deserialize;

use super::*;
use crate::inspection::{Confidence, Finding};

#[derive(Deserialize)]
struct Reference {
    output: serde_json::Value,
    labels: Vec<String>,
    input: [u32; 2],
    floor: f32,
    answers: Vec<Raw>,
    findings: Vec<Expected>,
    score: Option<f32>,
}

#[derive(Deserialize)]
struct Raw {
    shape: Vec<usize>,
    values: Vec<f32>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    label: String,
    confidence: f32,
    #[serde(rename = "box")]
    area: Option<[f32; 4]>,
}

/// Rounding in the files, and other orders of adding up.
const CONFIDENCE: f32 = 2e-4;
const PIXELS: f32 = 0.02;

impl Reference {
    fn read(&self, name: &str) -> Meaning {
        let answers: Vec<_> =
            self.answers.iter().map(|it| Answer { shape: &it.shape, values: &it.values }).collect();
        let (labels, floor) = (self.labels(), Confidence::new(self.floor).unwrap());
        let scene = Scene { labels: &labels, input: self.input, floor };
        self.decoder().read(&answers, &scene).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn labels(&self) -> Vec<Arc<str>> {
        self.labels.iter().map(|label| Arc::from(label.as_str())).collect()
    }

    fn decoder(&self) -> Output {
        let mut output: Output = serde_json::from_value(self.output.clone()).unwrap();
        let read = |file: &str| {
            assert_eq!(file, "priors.npy");
            Ok(serde_json::from_str(include_str!("reference/ssd_priors.npy.json")).unwrap())
        };
        output.load(&read).unwrap();
        output
    }
}

fn references() -> Vec<(String, Reference)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/inspection/decode/reference");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    names
        .into_iter()
        .filter(|path| !path.to_string_lossy().ends_with(".npy.json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect()
}

fn is_same(finding: &Finding, expected: &Expected) -> bool {
    let area = finding.area.map(|it| [it.x_min, it.y_min, it.x_max, it.y_max]);
    *finding.label == *expected.label
        && (finding.confidence.value() - expected.confidence).abs() <= CONFIDENCE
        && match (area, expected.area) {
            (Some(found), Some(expected)) => {
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= PIXELS)
            }
            (found, expected) => found.is_none() && expected.is_none(),
        }
}

#[test]
fn every_answer_is_read_as_its_own_project_reads_it() {
    for (name, reference) in references() {
        let meaning = reference.read(&name);
        let mut left: Vec<_> = meaning.findings.iter().collect();
        for expected in &reference.findings {
            let place = left.iter().position(|finding| is_same(finding, expected));
            let Some(place) = place else { panic!("{name}: {expected:?} is not among {left:#?}") };
            left.remove(place);
        }
        assert!(left.is_empty(), "{name}: nobody else finds {left:#?}");
        assert!(meaning.findings.is_sorted_by(|a, b| a.confidence >= b.confidence), "{name}");
        let same = match (meaning.score, reference.score) {
            (Some(found), Some(expected)) => (found - expected).abs() <= CONFIDENCE,
            (found, expected) => found == expected,
        };
        assert!(same, "{name}: score {:?}, expected {:?}", meaning.score, reference.score);
    }
}

#[test]
fn every_decoder_has_a_reference() {
    let tried: BTreeSet<String> =
        references().iter().map(|(_, it)| it.output["decoder"].as_str().unwrap().to_owned()).collect();
    // These two are this project's own and have their tests beside them.
    let own = BTreeSet::from(["grid_ltrb", "probabilities"].map(str::to_owned));
    assert_eq!(decoders().difference(&tried).cloned().collect::<BTreeSet<_>>(), own);
}

#[test]
fn the_guide_shows_every_decoder_with_parameters_that_are_taken() {
    #[derive(Deserialize)]
    struct Block {
        output: Output,
    }
    let guide = include_str!("../../../models/README.md");
    let mut shown = BTreeSet::new();
    for block in guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let Block { output } = toml::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        let labels = ["good", "missing", "loose"].map(str::to_owned);
        let labels = if output.task() == Task::Anomaly { &labels[1..2] } else { &labels };
        assert_eq!(output.faults(labels), [""; 0], "{block}");
        shown.extend(block.lines().find_map(|line| line.strip_prefix("decoder = ")?.split('"').nth(1)));
    }
    assert_eq!(shown, decoders().iter().map(String::as_str).collect());
}

/// The decoders that there are: serde lists them where it finds another.
fn decoders() -> BTreeSet<String> {
    let unknown = serde_json::from_value::<Output>(serde_json::json!({"decoder": "?"})).unwrap_err();
    unknown.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn an_answer_of_another_shape_is_refused_and_never_panics() {
    for (name, reference) in references() {
        let decoder = reference.decoder();
        let (labels, floor) = (reference.labels(), Confidence::new(0.0).unwrap());
        let scene = Scene { labels: &labels, input: reference.input, floor };
        for answer in 0..reference.answers.len() {
            let shape = &reference.answers[answer].shape;
            let mut wrong: Vec<Vec<usize>> = vec![vec![], vec![1], [&shape[..], &[1]].concat()];
            for axis in 0..shape.len() {
                for length in [0, 1, shape[axis] + 1, usize::MAX] {
                    let mut other = shape.clone();
                    other[axis] = length;
                    wrong.push(other);
                }
            }
            for shape in wrong.iter().filter(|it| *it != shape) {
                for values in [Vec::new(), reference.answers[answer].values.clone(), {
                    let size = shape.iter().try_fold(1_usize, |size, axis| size.checked_mul(*axis));
                    vec![1.0; size.filter(|size| *size < 100_000).unwrap_or(0)]
                }] {
                    let answers: Vec<_> = reference
                        .answers
                        .iter()
                        .enumerate()
                        .map(|(n, it)| match n == answer {
                            true => Answer { shape, values: &values },
                            false => Answer { shape: &it.shape, values: &it.values },
                        })
                        .collect();
                    // More boxes or another size of mask are no fault; what must not happen is a panic.
                    let _ = decoder.read(&answers, &scene);
                }
            }
        }
        let none = decoder.read(&[], &scene);
        assert!(matches!(none, Err(DecodeError::Shape { .. })), "{name}: {none:?}");
    }
}

#[test]
fn answers_that_are_no_numbers_are_refused_and_infinite_ones_do_no_harm() {
    for (name, reference) in references() {
        let decoder = reference.decoder();
        let (labels, floor) = (reference.labels(), Confidence::new(reference.floor).unwrap());
        let scene = Scene { labels: &labels, input: reference.input, floor };
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e20] {
            let filled: Vec<Vec<f32>> =
                reference.answers.iter().map(|it| vec![value; it.values.len()]).collect();
            let answers: Vec<_> = reference
                .answers
                .iter()
                .zip(&filled)
                .map(|(it, values)| Answer { shape: &it.shape, values })
                .collect();
            let read = decoder.read(&answers, &scene);
            match &read {
                Err(DecodeError::NotNumbers) => {}
                Err(DecodeError::Label { .. }) if value.is_infinite() || value.abs() > 1e3 => {}
                // What is no box is no finding.
                Ok(meaning) if !value.is_nan() => {
                    let areas = meaning.findings.iter().filter_map(|it| it.area);
                    let sides = areas.flat_map(|it| [it.x_min, it.y_min, it.x_max, it.y_max]);
                    assert!(sides.into_iter().all(f32::is_finite), "{name} {value}: {meaning:?}");
                }
                _ => panic!("{name} {value}: {read:?}"),
            }
        }
    }
}
