//! The text files of a new pack.

use super::{
    decoder::{Candidate, quoted},
    graph::Graph,
};
use crate::inspection::manifest::{Fit, Input, InputColour, Layout};

pub(super) struct Pack<'a> {
    pub(super) name: &'a str,
    pub(super) sha256: &'a str,
    pub(super) labels: &'a [String],
    pub(super) ok_labels: Option<&'a [String]>,
    pub(super) input: &'a Input,
    pub(super) candidate: &'a Candidate,
    pub(super) parity: &'a [String],
    pub(super) reference: Option<&'a str>,
}

/// The greatest difference between two runtimes that compute the same, relative to the greatest value: they add in
/// another order. Half floats are coarser.
const TOLERANCE: &str = "0.001";

impl Pack<'_> {
    /// `model.toml`.
    pub(super) fn manifest(&self) -> String {
        let Input { size: [width, height], scale, mean, std, .. } = self.input;
        let colour = match self.input.colour {
            InputColour::Grey => "grey",
            InputColour::Rgb => "rgb",
            InputColour::Bgr => "bgr",
        };
        let layout = match self.input.layout {
            Layout::Nchw => "nchw",
            Layout::Nhwc => "nhwc",
        };
        let fit = match self.input.fit {
            Fit::Letterbox => "letterbox",
            Fit::Stretch => "stretch",
            Fit::Crop => "crop",
        };
        let mut output = format!("decoder = \"{}\"\n", self.candidate.decoder);
        for (key, value) in &self.candidate.parameters {
            output.push_str(&format!("{key} = {value}\n"));
        }
        if self.candidate.has_ok_labels {
            output.push_str(&format!("ok_labels = {}\n", list(self.ok_labels.unwrap_or_default())));
        }
        let made_by = match self.reference {
            Some(version) => format!("what onnxruntime {version} answers, nothing optimised"),
            None => "this program's own answer: it tells a later change, not a wrong one now".to_owned(),
        };
        let parity = match self.parity {
            [one] => quoted(one),
            several => list(several),
        };
        format!(
            "name = {name}
version = \"1\"
task = \"{task}\"
file = \"model.onnx\"
sha256 = \"{sha256}\"
labels = {labels}

[input]
size = [{width}, {height}]
colour = \"{colour}\"
layout = \"{layout}\"
fit = \"{fit}\"
scale = {scale:?}
mean = {mean:?}
std = {std:?}

[output]
{output}
# From which confidence on a finding is a defect: find it with pictures of good and bad items.
[thresholds]
overall = 0.5

# {made_by}.
[parity]
image = \"parity.png\"
output = {parity}
tolerance = {TOLERANCE}
",
            name = quoted(self.name),
            task = self.candidate.task(),
            sha256 = self.sha256,
            labels = list(self.labels),
        )
    }

    /// `CARD.md`: what the file says of itself, and what somebody must still say.
    pub(super) fn card(&self, graph: &Graph) -> String {
        let said = |key: &str| graph.says(key).unwrap_or("not said in the file").trim().to_owned();
        format!(
            "# {}

{}

- Author: {}
- Licence: {}
- Data it was trained on: to be filled in
- Scores, with the command that gives them: to be filled in
",
            self.name,
            said("description"),
            said("author"),
            said("license"),
        )
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|it| quoted(it)).collect();
    format!("[{}]", names.join(", "))
}
