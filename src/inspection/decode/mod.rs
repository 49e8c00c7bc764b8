//! From the model's answer to findings: one file a family of models, with its parameters as `model.toml` has them.

mod answer;
mod decoder;
mod scores;
mod grid;
mod mirror;
mod grid_ltrb;
mod mean;
mod labels;
mod yolo;
mod yolox;
mod distribution;
mod fastestdet;
mod ssd;
mod chosen;
mod regions;
mod mask;
mod prototypes;

#[cfg(test)]
mod reference;

use serde::Deserialize;

pub use answer::Answer;
pub(super) use answer::DecodeError;
pub(super) use decoder::{Meaning, Pick, Scene, Task};
pub(super) use grid::count as cells;
pub(super) use mean::Mean;
pub(super) use mirror::Mirror;

use decoder::{Decode, ReadNumbers};
use grid_ltrb::GridLtrb;

use crate::inspection::Area;

/// How the model's answer is read: `[output]` of the manifest, told apart by its `decoder`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "decoder", rename_all = "snake_case")]
pub(super) enum Output {
    Probabilities(labels::Probabilities),
    Logits(labels::Logits),
    GridLtrb(GridLtrb),
    Yolov5(yolo::Yolov5),
    Yolov8(yolo::Yolov8),
    Yolov8Seg(prototypes::Yolov8Seg),
    Yolox(yolox::Yolox),
    Nanodet(distribution::Nanodet),
    Picodet(distribution::Picodet),
    Fastestdet(fastestdet::Fastestdet),
    Ssd(ssd::Ssd),
    Chosen(chosen::Chosen),
    ChosenSeg(prototypes::ChosenSeg),
    Mask(mask::Mask),
    AnomalyMap(mask::AnomalyMap),
}

impl Output {
    fn decoder(&self) -> &dyn Decode {
        match self {
            Self::Probabilities(it) => it,
            Self::Logits(it) => it,
            Self::GridLtrb(it) => it,
            Self::Yolov5(it) => it,
            Self::Yolov8(it) => it,
            Self::Yolov8Seg(it) => it,
            Self::Yolox(it) => it,
            Self::Nanodet(it) => it,
            Self::Picodet(it) => it,
            Self::Fastestdet(it) => it,
            Self::Ssd(it) => it,
            Self::Chosen(it) => it,
            Self::ChosenSeg(it) => it,
            Self::Mask(it) => it,
            Self::AnomalyMap(it) => it,
        }
    }

    /// To which task it belongs.
    pub(super) fn task(&self) -> Task {
        self.decoder().task()
    }

    /// Files of the pack that its parameters name.
    pub(super) fn files(&self) -> Vec<&str> {
        self.decoder().files()
    }

    /// Takes in what those files hold.
    ///
    /// # Errors
    /// When one of them cannot be read or used.
    pub(super) fn load(&mut self, read: &ReadNumbers<'_>) -> Result<(), String> {
        match self {
            Self::Ssd(it) => it.load(read),
            _ => Ok(()),
        }
    }

    /// The outputs of the graph that it reads, in its own order.
    pub(super) fn outputs(&self) -> Vec<Pick> {
        self.decoder().outputs()
    }

    /// The decoder, if its answers say of each place the same however the input was mirrored.
    pub(super) fn mirrored(&self) -> Option<&GridLtrb> {
        match self {
            Self::GridLtrb(it) => Some(it),
            _ => None,
        }
    }

    /// What is impossible in its parameters, each with its remedy.
    pub(super) fn faults(&self, labels: &[String]) -> Vec<String> {
        self.decoder().faults(labels)
    }

    /// Reads one answer of a model.
    ///
    /// # Errors
    /// When the answer has another shape than the decoder and the labels ask for, or is not made of numbers.
    pub(super) fn read(&self, answers: &[Answer<'_>], scene: &Scene<'_>) -> Result<Meaning, DecodeError> {
        if answers.iter().any(|it| it.values.iter().any(|value| value.is_nan())) {
            return Err(DecodeError::NotNumbers);
        }
        let meaning = self.decoder().read(answers, scene)?;
        let sides = |area: &Area| [area.x_min, area.y_min, area.x_max, area.y_max];
        // Numbers so large that a box made of them has none.
        if meaning.findings.iter().flat_map(|it| &it.area).flat_map(sides).any(|side| !side.is_finite()) {
            return Err(DecodeError::NotNumbers);
        }
        Ok(meaning)
    }
}
