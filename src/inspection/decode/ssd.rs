//! Scores in one output and boxes in another: SSD and its kin (arXiv:1512.02325), with their priors in or out of the
//! graph.

use serde::Deserialize;

use super::{
    answer::{Answer, DecodeError, mismatch},
    decoder::{Decode, Faults, Meaning, Pick, ReadNumbers, Scene, pick},
    scores::{sigmoid, softmax},
};
use crate::inspection::{Area, Finding, suppression::suppress};

/// A tensor [1, boxes, labels] of scores, or with the last two axes exchanged, and a tensor [1, boxes, 4].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inspection) struct Ssd {
    /// The output with scores; without a name the graph's first.
    scores: Option<String>,
    /// The output with boxes; without a name the graph's second.
    boxes: Option<String>,
    /// Whether a score for "nothing" stands before those of the labels.
    #[serde(default = "yes")]
    background: bool,
    /// What makes scores in 0..=1 of the output's.
    #[serde(default)]
    activation: Activation,
    /// What the four numbers of a box are; with `priors` they are offsets from those.
    #[serde(default)]
    form: Form,
    /// What boxes are measured in; with `priors` it is the input.
    #[serde(default)]
    unit: Unit,
    /// A NumPy file of the pack: float32 [boxes, 4], centre x and y, width and height of each prior box, in inputs.
    priors: Option<String>,
    /// By what offsets from the priors are multiplied: those of centres, and of logarithms of sizes.
    #[serde(default = "variances")]
    variances: [f32; 2],
    /// Of two boxes of one label that overlap more than this, the less sure one is dropped.
    nms_iou: f32,
    /// The surest so many are kept.
    max_findings: usize,
    #[serde(skip)]
    prior_boxes: Vec<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Activation {
    #[default]
    None,
    Softmax,
    Sigmoid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// Left, top, right, bottom.
    #[default]
    Corners,
    /// Top, left, bottom, right.
    CornersYFirst,
    /// Centre x and y, width, height.
    Centres,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    /// 0..=1 of the input's width and height.
    #[default]
    Input,
    /// Pixels of the input.
    Pixels,
}

fn yes() -> bool {
    true
}

fn variances() -> [f32; 2] {
    [0.1, 0.2]
}

impl Decode for Ssd {
    fn outputs(&self) -> Vec<Pick> {
        vec![pick(self.scores.as_ref(), 0), pick(self.boxes.as_ref(), 1)]
    }

    fn faults(&self, _: &[String]) -> Vec<String> {
        let mut faults = Faults::default();
        faults.require(
            self.variances.iter().all(|it| it.is_finite() && *it > 0.0),
            "`output.variances` must be greater than 0",
        );
        faults.require(
            self.scores.is_some() == self.boxes.is_some(),
            "`output.scores` and `output.boxes` must both be named, or neither",
        );
        faults.suppression(self.nms_iou, self.max_findings);
        faults.0
    }

    fn files(&self) -> Vec<&str> {
        self.priors.as_deref().into_iter().collect()
    }

    fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        let ([count, _], boxes) = match Answer::axes::<2>(answers, 1, "[1, boxes, 4]")? {
            (axes @ [_, 4], boxes) => (axes, boxes),
            _ => return mismatch(answers, 1, "[1, boxes, 4]"),
        };
        let classes = scene.labels.len() + usize::from(self.background);
        let background = if self.background { " and the background" } else { "" };
        let expected = format_args!("[1, {count}, {classes}] for {} labels{background}", scene.labels.len());
        let (axes, scores) = Answer::axes::<2>(answers, 0, expected)?;
        let step = match axes {
            axes if axes == [count, classes] => [classes, 1],
            axes if axes == [classes, count] => [1, count],
            _ => return mismatch(answers, 0, expected),
        };
        if self.priors.is_some() && self.prior_boxes.len() != 4 * count {
            return mismatch(
                answers,
                1,
                format_args!("[1, {}, 4] for the priors", self.prior_boxes.len() / 4),
            );
        }
        let mut found = Vec::new();
        let mut row = vec![0.0; classes];
        for (n, numbers) in boxes.as_chunks::<4>().0.iter().enumerate() {
            for (class, score) in row.iter_mut().enumerate() {
                *score = scores[n * step[0] + class * step[1]];
            }
            match self.activation {
                Activation::None => {}
                Activation::Softmax => row = softmax(&row),
                Activation::Sigmoid => row.iter_mut().for_each(|it| *it = sigmoid(*it)),
            }
            let of_labels = &row[usize::from(self.background)..];
            for (label, &score) in of_labels.iter().enumerate().filter(|it| *it.1 >= scene.floor.value()) {
                let area = self.area(*numbers, n, scene.input);
                found.extend(Finding::scored(&scene.labels[label], score, Some(area)));
            }
        }
        Ok(Meaning { findings: suppress(found, self.nms_iou, self.max_findings), score: None })
    }
}

impl Ssd {
    /// Takes in the priors.
    pub(super) fn load(&mut self, read: &ReadNumbers<'_>) -> Result<(), String> {
        if let Some(priors) = &self.priors {
            self.prior_boxes = read(priors)?;
            if self.prior_boxes.is_empty() || !self.prior_boxes.len().is_multiple_of(4) {
                return Err(format!("`{priors}` must hold four numbers a prior box"));
            }
        }
        Ok(())
    }

    fn area(&self, [a, b, c, d]: [f32; 4], n: usize, input: [u32; 2]) -> Area {
        let [width, height] = input.map(|side| side as f32);
        if let Some(&[x, y, prior_width, prior_height]) = self.prior_boxes.as_chunks::<4>().0.get(n) {
            let [centre, size] = self.variances;
            return Area::centred(
                (x + a * centre * prior_width) * width,
                (y + b * centre * prior_height) * height,
                prior_width * (c * size).exp() * width,
                prior_height * (d * size).exp() * height,
            );
        }
        let [x, y] = if self.unit == Unit::Input { [width, height] } else { [1.0, 1.0] };
        match self.form {
            Form::Corners => Area { x_min: a * x, y_min: b * y, x_max: c * x, y_max: d * y },
            Form::CornersYFirst => Area { x_min: b * x, y_min: a * y, x_max: d * x, y_max: c * y },
            Form::Centres => Area::centred(a * x, b * y, c * x, d * y),
        }
    }
}
