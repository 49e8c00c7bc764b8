//! What nobody's manifest, picture, answer or graph may do: end the process, or come out as what makes no sense. Each
//! function here takes any bytes; `fuzz/` looks for those that break it, and tests feed it with drawn ones.

use std::sync::Arc;

use super::{
    Confidence,
    decode::{Answer, Output, Pick, Scene},
    manifest::{Fit, Input, InputColour, Layout, Manifest},
    network::{self, Engine},
};
use crate::camera::{Colour, Picture};

/// A decoder as in a manifest, and the shapes of what it reads at 96x64 pixels and three labels.
type Family = (&'static str, &'static [&'static [usize]]);

const FAMILIES: [Family; 20] = [
    ("decoder = 'probabilities'\nok_labels = ['a']", &[&[1, 3]]),
    ("decoder = 'logits'\nok_labels = []", &[&[1, 3]]),
    ("decoder = 'grid_ltrb'\nstride = 8\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 7, 8, 12]]),
    ("decoder = 'yolov5'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 126, 8]]),
    ("decoder = 'yolov8'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 7, 126]]),
    ("decoder = 'yolov8'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 126, 7]]),
    ("decoder = 'yolov8_seg'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 11, 126], &[1, 4, 16, 24]]),
    ("decoder = 'yolox'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 126, 8]]),
    ("decoder = 'nanodet'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 128, 35]]),
    (
        "decoder = 'picodet'\nstrides = [32, 64]\nnms_iou = 0.5\nmax_findings = 300",
        &[&[1, 6, 3], &[1, 2, 3], &[1, 6, 32], &[1, 2, 32]],
    ),
    ("decoder = 'fastestdet'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 8, 4, 6]]),
    ("decoder = 'ssd'\nnms_iou = 0.5\nmax_findings = 300", &[&[1, 60, 4], &[1, 60, 4]]),
    (
        "decoder = 'ssd'\nbackground = false\nform = 'corners_y_first'\nnms_iou = 0.5\nmax_findings = 300",
        &[&[1, 3, 60], &[1, 60, 4]],
    ),
    ("decoder = 'chosen'", &[&[1, 8, 6]]),
    ("decoder = 'chosen_seg'\nmax_findings = 300", &[&[1, 8, 10], &[1, 4, 16, 24]]),
    ("decoder = 'mask'\nvalues = 'logits'\nok_labels = ['a']\nmax_findings = 300", &[&[1, 3, 16, 24]]),
    ("decoder = 'mask'\nvalues = 'independent'\nok_labels = []\nmax_findings = 300", &[&[1, 16, 24, 3]]),
    ("decoder = 'mask'\nvalues = 'probabilities'\nok_labels = []\nmax_findings = 300", &[&[1, 3, 16, 24]]),
    ("decoder = 'anomaly_map'\nrange = [1.0, 6.0]\nmax_findings = 300", &[&[1, 1, 16, 24]]),
    ("decoder = 'anomaly_map'\nscore = 's'\nmax_findings = 300", &[&[1, 16, 24], &[1, 1]]),
];

/// Values of one answer: as many as these models have.
const MOST_VALUES: usize = 1 << 16;

/// Reads a manifest.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(manifest) = toml::from_str::<Manifest>(text) else { return };
    if manifest.faults().is_empty() {
        let reads = manifest.output.outputs().len();
        assert!(reads > 0 && manifest.parity.output.names().len() == reads, "{manifest:?}");
    }
}

/// Decodes a picture in both ways.
pub fn picture(bytes: &[u8]) {
    for (colour, channels) in [(Colour::Grey, 1), (Colour::Rgb, 3)] {
        if let Ok(pixels) = Picture::Encoded(Arc::new(bytes.to_vec())).decode(colour) {
            let size = pixels.width as usize * pixels.height as usize * channels;
            assert!(pixels.samples.len() == size && usize::from(pixels.channels) == channels);
        }
    }
}

/// Reads an answer: the first byte names a family of models, then comes a byte for each of its outputs, which may change
/// the length of an axis, then their values over and over.
pub fn decoder(bytes: &[u8]) {
    let Some((family, mut rest)) = bytes.split_first() else { return };
    let (text, shapes) = FAMILIES[usize::from(*family) % FAMILIES.len()];
    let Ok(output) = toml::from_str::<Output>(text) else { panic!("{text}") };
    let mut answered: Vec<Vec<usize>> = shapes.iter().map(|shape| shape.to_vec()).collect();
    for shape in &mut answered {
        let Some((change, after)) = rest.split_first() else { return };
        rest = after;
        // Most answers have the right shape.
        let axis = usize::from(change >> 4);
        if axis < shape.len() {
            shape[axis] = usize::from(change & 15);
        }
    }
    let (words, _) = rest.as_chunks::<4>();
    let values: Vec<Vec<f32>> = answered
        .iter()
        .map(|shape| {
            let count = shape.iter().product::<usize>().min(MOST_VALUES);
            words.iter().cycle().take(count).map(|word| value(*word)).collect()
        })
        .collect();
    let answers: Vec<Answer<'_>> =
        answered.iter().zip(&values).map(|(shape, values)| Answer { shape, values }).collect();
    let labels = labels(text);
    let floor = Confidence::new(0.1).unwrap_or(Confidence::CERTAIN);
    let scene = Scene { labels: &labels, input: [96, 64], floor };
    let Ok(meaning) = output.read(&answers, &scene) else { return };
    assert!(meaning.score.is_none_or(|score| !score.is_nan()), "{text}: {meaning:?}");
    assert!(meaning.findings.len() <= 300, "{text}: {} findings", meaning.findings.len());
    for finding in &meaning.findings {
        let sides = finding.area.map_or([0.0; 4], |it| [it.x_min, it.y_min, it.x_max, it.y_max]);
        assert!(sides.iter().all(|side| side.is_finite()), "{text}: {finding:?}");
        assert!(finding.confidence >= floor && labels.contains(&finding.label), "{text}: {finding:?}");
    }
    assert!(meaning.findings.is_sorted_by(|a, b| a.confidence >= b.confidence), "{text}: {meaning:?}");
}

/// The labels of a family's model.
fn labels(family: &str) -> Vec<Arc<str>> {
    let count = if family.contains("anomaly_map") { 1 } else { 3 };
    ["a", "b", "c"].into_iter().take(count).map(Arc::from).collect()
}

/// Half of them any float, half of them such as models answer.
fn value(word: [u8; 4]) -> f32 {
    match word {
        [0..=127, a, b, c] => (f32::from(a) - f32::from(b)) * f32::from(c) / 256.0,
        word => f32::from_le_bytes(word),
    }
}

/// Loads a graph for a grey picture of 4x2 pixels, and runs it.
pub fn graph(bytes: &[u8]) {
    let input = Input {
        name: None,
        size: [4, 2],
        colour: InputColour::Grey,
        layout: Layout::Nchw,
        fit: Fit::Stretch,
        scale: 1.0,
        mean: vec![0.0],
        std: vec![1.0],
    };
    let Ok(mut network) = network::load(&Engine::Tract, bytes.to_vec(), &input, &[Pick::Nth(0)]) else {
        return;
    };
    for _ in 0..2 {
        if let Ok(values) = network.input() {
            values.fill(1.0);
        }
        // Whether it can be run is its own affair.
        let _ = network.run();
    }
}

#[cfg(test)]
mod tests;
