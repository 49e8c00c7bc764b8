//! `model.toml`: what a model pack says of its model.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::inspection::{
    decode::{Output, Task},
    tiles::Tiles,
};

/// The file as written; an unknown key is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) task: Task,
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) labels: Vec<String>,
    pub(super) input: Input,
    /// How large pictures are cut; without it they are fitted into the input.
    pub(super) tiles: Option<Tiles>,
    pub(super) output: Output,
    #[serde(default)]
    pub(super) thresholds: Thresholds,
    /// When a picture is looked at again; without it never.
    pub(super) second_look: Option<SecondLook>,
    pub(super) parity: Parity,
}

/// What the model is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// The graph's input, where it has several.
    pub(super) name: Option<String>,
    /// Width and height in pixels.
    pub(super) size: [u32; 2],
    pub(super) colour: InputColour,
    pub(super) layout: Layout,
    pub(super) fit: Fit,
    /// A sample 0..=255 is multiplied by this, then the mean is taken away and the rest divided by `std`.
    pub(super) scale: f32,
    pub(super) mean: Vec<f32>,
    pub(super) std: Vec<f32>,
}

/// The order of a pixel's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InputColour {
    Grey,
    Rgb,
    Bgr,
}

/// The order of the tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Layout {
    Nchw,
    Nhwc,
}

/// How a region becomes the input's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fit {
    /// Proportions are kept, the rest is filled with grey.
    Letterbox,
    /// Proportions are not kept.
    Stretch,
    /// Proportions are kept, what is too much is cut off at both ends.
    Crop,
}

/// From which confidence on a finding is a defect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thresholds {
    pub(super) overall: f32,
    #[serde(default)]
    pub(super) by_label: BTreeMap<String, f32>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { overall: 0.5, by_label: BTreeMap::new() }
    }
}

/// A picture in which the model sees something is shown to it again, mirrored left to right, top to bottom and both ways,
/// and what it answers to the four is averaged (test-time augmentation). Good items take one look, mostly.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondLook {
    /// The least confidence of anything for which it is worth it, 0..=1.
    pub(super) from: f32,
}

/// A sample with its expected output.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parity {
    /// A PNG of the input's size.
    pub(super) image: String,
    /// A NumPy file (float32, C order) with what the graph must answer; one for each output that the decoder reads.
    pub(super) output: OneOrMore,
    /// The greatest difference allowed, relative to the greatest absolute value of the output.
    pub(super) tolerance: f32,
}

/// A name, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::More(names) => names,
        }
    }
}

impl Manifest {
    /// What is impossible in it, each fault with its remedy.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        let text = |value: &str| !value.is_empty() && value.len() <= 64;
        require(text(&self.name), "`name` must have 1 to 64 bytes");
        require(text(&self.version), "`version` must have 1 to 64 bytes");
        require((1..=1000).contains(&self.labels.len()), "`labels` must name 1 to 1000 labels");
        require(self.labels.iter().all(|label| text(label)), "each of `labels` must have 1 to 64 bytes");
        require(
            self.input.size.iter().all(|side| (16..=4096).contains(side)),
            "`input.size` must be 16 to 4096 pixels on each side",
        );
        let channels = self.input.colour.channels();
        require(
            self.input.mean.len() == channels && self.input.std.len() == channels,
            "`input.mean` and `input.std` must have a value for each channel",
        );
        require(
            self.input.std.iter().all(|std| std.is_finite() && *std > 0.0),
            "`input.std` must be greater than 0",
        );
        require(
            self.input.mean.iter().chain([&self.input.scale]).all(|value| value.is_finite()),
            "`input.mean` and `input.scale` must be finite",
        );
        let unit = |value: f32| (0.0..=1.0).contains(&value);
        require(
            unit(self.thresholds.overall) && self.thresholds.by_label.values().all(|it| unit(*it)),
            "`thresholds` must be 0 to 1",
        );
        require(
            self.thresholds.by_label.keys().all(|label| self.labels.contains(label)),
            "`thresholds.by_label` names a label that is not in `labels`",
        );
        require(self.second_look.is_none_or(|it| unit(it.from)), "`second_look.from` must be 0 to 1");
        require(
            self.second_look.is_none()
                || self.output.mirrored().is_some_and(|it| it.can_be_mirrored(self.input.size)),
            "`second_look` needs the decoder grid_ltrb, and an input whose sides are whole strides; leave it out",
        );
        require(
            self.parity.tolerance > 0.0 && self.parity.tolerance <= 0.1,
            "`parity.tolerance` must be greater than 0 and at most 0.1",
        );
        let reads = self.output.outputs().len();
        require(
            self.parity.output.names().len() == reads,
            &format!("`parity.output` must name {reads} files, one for each output that the decoder reads"),
        );
        require(
            self.task == self.output.task(),
            &format!("`output.decoder` belongs to `task = \"{}\"`", self.output.task()),
        );
        faults.extend(self.output.faults(&self.labels));
        faults.extend(self.tiles.iter().flat_map(|tiles| tiles.faults(self.task, self.input.size)));
        faults
    }
}

impl InputColour {
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb | Self::Bgr => 3,
        }
    }
}
