//! A value for each pixel: labels of a segmentation, or how unlike the good items a place is.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, Scene, Task, pick},
    regions::{Blob, blobs},
    scores::{sigmoid, softmax},
};
use crate::inspection::{Area, Finding};

/// One tensor [1, labels, rows, columns], or [1, rows, columns, labels]; pixels of one label that touch each other are
/// one finding, as sure as its surest pixel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Mask {
    name: Option<String>,
    values: Values,
    /// Labels that are no finding.
    ok_labels: Vec<String>,
    /// From which value on a pixel bears its label, where `values` are probabilities of their own for each label.
    #[serde(default = "half")]
    level: f32,
    /// Findings with fewer pixels of the mask are dropped.
    #[serde(default = "one")]
    min_pixels: usize,
    /// The surest so many are kept.
    max_findings: usize,
}

/// What the values of a mask are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Values {
    /// Probabilities that sum up to 1 at each pixel: the surest label has it.
    Probabilities,
    /// The same before softmax.
    Logits,
    /// A probability of its own for each label: a pixel may bear several, or none.
    Independent,
    /// The same before the logistic function.
    IndependentLogits,
}

/// One tensor [1, 1, rows, columns] or [1, rows, columns] in 0..=1, and perhaps one with the score of the whole.
/// Pixels from `level` on that touch each other are one finding, as sure as their greatest value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct AnomalyMap {
    /// The output with the map; without a name the graph's first.
    map: Option<String>,
    /// The output with the score of the whole picture; without one it is the map's greatest value.
    score: Option<String>,
    /// From which value on a pixel is part of a finding.
    #[serde(default = "half")]
    level: f32,
    /// What 0 and 1 are in the map's own values.
    #[serde(default = "unit")]
    range: [f32; 2],
    /// Findings with fewer pixels of the map are dropped.
    #[serde(default = "one")]
    min_pixels: usize,
    /// The surest so many are kept.
    max_findings: usize,
}

fn half() -> f32 {
    0.5
}

fn one() -> usize {
    1
}

fn unit() -> [f32; 2] {
    [0.0, 1.0]
}

impl Decode for Mask {
    fn task(&self) -> Task {
        Task::Segment
    }

    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.name.as_ref(), 0)]
    }

    fn faults(&self, labels: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.known("ok_labels", &self.ok_labels, labels);
        faults.require(self.level > 0.0 && self.level <= 1.0, "`output.level` must be above 0 and at most 1");
        faults.max_findings(self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let labels = scene.labels.len();
        let expected = format_args!("[1, {labels}, rows, columns]");
        let (axes, values) = Answer::axes::<3>(answers, 0, expected)?;
        let (columns, rows, step) = match axes {
            [found, rows, columns] if found == labels => (columns, rows, [rows * columns, 1]),
            [rows, columns, found] if found == labels => (columns, rows, [1, labels]),
            _ => return mismatch(answers, 0, expected),
        };
        let shares = self.shares(values, labels, columns * rows, step);
        let mut findings = Vec::new();
        for (number, label) in scene.labels.iter().enumerate() {
            if self.ok_labels.iter().any(|ok| **ok == **label) {
                continue;
            }
            let share = |pixel: usize| shares[pixel * labels + number];
            let bears = |pixel: usize| match self.values {
                Values::Independent | Values::IndependentLogits => share(pixel) >= self.level,
                Values::Probabilities | Values::Logits => {
                    let all = &shares[pixel * labels..][..labels];
                    all.iter().take(number).all(|it| *it < all[number])
                        && all.iter().skip(number + 1).all(|it| *it <= all[number])
                }
            };
            for blob in blobs(columns, rows, |pixel| bears(pixel).then(|| share(pixel))) {
                if blob.size >= self.min_pixels && blob.greatest >= scene.floor.value() {
                    let area = area(&blob, [columns, rows], scene.input);
                    findings.extend(Finding::scored(label, blob.greatest, Some(area)));
                }
            }
        }
        Ok(Meaning { findings: surest(findings, self.max_findings), score: None })
    }
}

impl Mask {
    /// Probabilities, pixel by pixel.
    fn shares(&self, values: &[f32], labels: usize, pixels: usize, step: [usize; 2]) -> Vec<f32> {
        let mut shares = Vec::with_capacity(labels * pixels);
        let mut of_pixel = vec![0.0; labels];
        for pixel in 0..pixels {
            for (label, value) in of_pixel.iter_mut().enumerate() {
                *value = values[label * step[0] + pixel * step[1]];
            }
            match self.values {
                Values::Probabilities | Values::Independent => shares.extend(&of_pixel),
                Values::Logits => shares.extend(softmax(&of_pixel)),
                Values::IndependentLogits => shares.extend(of_pixel.iter().map(|it| sigmoid(*it))),
            }
        }
        shares
    }
}

impl Decode for AnomalyMap {
    fn task(&self) -> Task {
        Task::Anomaly
    }

    fn outputs(&self) -> Vec<Pick> {
        let map = pick(self.map.as_ref(), 0);
        [map].into_iter().chain(self.score.clone().map(Pick::Named)).collect()
    }

    fn faults(&self, labels: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.require(labels.len() == 1, "decoder `anomaly_map` has one label, the name of an anomaly");
        faults.require(self.level > 0.0 && self.level <= 1.0, "`output.level` must be above 0 and at most 1");
        let [from, to] = self.range;
        faults.require(
            from.is_finite() && to.is_finite() && from < to,
            "`output.range` must name two numbers, the smaller one first",
        );
        faults.max_findings(self.max_findings);
        faults.0
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let expected = "[1, 1, rows, columns] or [1, rows, columns]";
        let ([rows, columns], values) = match Answer::axes::<3>(answers, 0, expected) {
            Ok(([1, rows, columns], values)) => ([rows, columns], values),
            Ok(_) => return mismatch(answers, 0, expected),
            Err(_) => Answer::axes::<2>(answers, 0, expected)?,
        };
        let [from, to] = self.range;
        let scaled = |value: f32| ((value - from) / (to - from)).clamp(0.0, 1.0);
        let score = match answers.get(1) {
            Some(Answer { values: [score], .. }) => *score,
            Some(_) => return mismatch(answers, 1, "one number"),
            None => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        };
        let inside = |pixel: usize| Some(scaled(values[pixel])).filter(|it| *it >= self.level);
        let mut findings = Vec::new();
        for blob in blobs(columns, rows, inside) {
            if blob.size >= self.min_pixels && blob.greatest >= scene.floor.value() {
                let area = area(&blob, [columns, rows], scene.input);
                findings.extend(
                    scene.labels.first().and_then(|label| Finding::scored(label, blob.greatest, Some(area))),
                );
            }
        }
        Ok(Meaning { findings: surest(findings, self.max_findings), score: Some(scaled(score)) })
    }
}

fn area(blob: &Blob, mask: [usize; 2], input: [u32; 2]) -> Area {
    let scale = [0, 1].map(|axis| input[axis] as f32 / mask[axis] as f32);
    let [x_min, y_min] = [0, 1].map(|axis| blob.min[axis] as f32 * scale[axis]);
    let [x_max, y_max] = [0, 1].map(|axis| (blob.max[axis] + 1) as f32 * scale[axis]);
    Area { x_min, y_min, x_max, y_max }
}

fn surest(mut findings: Vec<Finding>, max: usize) -> Vec<Finding> {
    findings.sort_by(|a, b| b.confidence.value().total_cmp(&a.confidence.value()));
    findings.truncate(max);
    findings
}
