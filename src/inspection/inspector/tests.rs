//! Packs whose graph and manifest say different things, and models that answer with no numbers.

use std::{fs, path::PathBuf};

use prost::Message;
use tract_onnx::pb::{AttributeProto, GraphProto, tensor_proto::DataType};

use super::*;
use crate::inspection::{
    Draft, Finding, Question,
    onnx_graphs::{model, node, value, weights},
};

/// A folder for one test's files.
struct Disk(tempfile::TempDir);

impl Disk {
    /// A pack of a detector that answers with the root of the picture's brightness above a twentieth.
    fn with_pack() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        let mut mean = node("ReduceMean", &["images"], "mean");
        // AttributeProto.INT.
        mean.attribute.push(AttributeProto {
            name: "keepdims".to_owned(),
            r#type: 2,
            i: 0,
            ..AttributeProto::default()
        });
        let graph = GraphProto {
            name: "graph".to_owned(),
            input: vec![value("images", DataType::Float, &[1, 3, 32, 64])],
            initializer: vec![
                weights("least", &[1], vec![0.05]),
                weights("weights", &[1, 6, 42], (0..6 * 42).map(|n| n as f32).collect()),
            ],
            node: vec![
                mean,
                node("Sub", &["mean", "least"], "above"),
                node("Sqrt", &["above"], "root"),
                node("Mul", &["weights", "root"], "boxes"),
            ],
            output: vec![value("boxes", DataType::Float, &[])],
            ..GraphProto::default()
        };
        let onnx = disk.0.path().join("given.onnx");
        fs::write(&onnx, model(graph).encode_to_vec()).unwrap();
        let mut draft = Draft::of(&onnx, None).unwrap();
        for (question, answer) in [
            (Question::Colour, "rgb"),
            (Question::Normalise, "unit"),
            (Question::Fit, "stretch"),
            (Question::Labels, "scratch,dent"),
        ] {
            draft.answer(question, answer).unwrap();
        }
        assert_eq!(draft.questions(), Ok(Vec::new()));
        draft.write(&disk.pack(), "caps", "/nowhere/python3").unwrap();
        disk
    }

    fn pack(&self) -> PathBuf {
        self.0.path().join("pack")
    }

    fn replace(&self, from: &str, to: &str) {
        let file = self.pack().join("model.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replace(from, to)).unwrap();
    }

    fn refusal(&self) -> String {
        Inspector::load(&self.pack(), &Engine::Tract).err().unwrap().to_string()
    }
}

#[test]
fn an_answer_that_is_no_number_is_no_verdict_and_the_next_picture_has_one() {
    let disk = Disk::with_pack();
    let mut inspector = Inspector::load(&disk.pack(), &Engine::Tract).unwrap();
    let mut inspect = |grey: u8| {
        let pixels = Pixels { width: 64, height: 32, channels: 3, samples: vec![grey; 64 * 32 * 3] };
        let picture = Picture::Pixels(Arc::new(pixels));
        inspector.look(&picture, None, Confidence::CERTAIN).map(|it| it.findings.len())
    };
    assert!(inspect(200).is_ok());
    let dark = inspect(0).unwrap_err().to_string();
    assert!(dark.contains("not numbers"), "{dark}");
    assert!(inspect(200).is_ok());
}

#[test]
fn a_sample_with_no_number_for_an_answer_is_refused() {
    let disk = Disk::with_pack();
    let file = disk.pack().join("parity.npy");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    let told = disk.refusal();
    assert!(told.contains("computes something else"), "{told}");
}

#[test]
fn a_manifest_that_contradicts_the_graph_is_refused_with_both_sides() {
    for (from, to, told) in [
        ("labels = [\"scratch\", \"dent\"]", "labels = [\"scratch\"]", "[1, 6, 42]"),
        ("labels = [\"scratch\", \"dent\"]", "labels = [\"scratch\", \"dent\", \"stain\"]", "[1, 6, 42]"),
        ("size = [64, 32]", "size = [32, 64]", "[1, 3, 64, 32]"),
        ("layout = \"nchw\"", "layout = \"nhwc\"", "[1, 32, 64, 3]"),
        ("name = \"boxes\"", "name = \"masks\"", "no output \"masks\""),
        ("decoder = \"yolov8\"", "decoder = \"yolox\"", "[1, 6, 42]"),
    ] {
        let disk = Disk::with_pack();
        disk.replace(from, to);
        let refusal = disk.refusal();
        assert!(refusal.contains(told), "{to}: {refusal}");
    }
}

#[test]
fn a_second_look_is_refused_where_answers_cannot_be_averaged_or_nothing_is_sure_enough() {
    for (from, told) in [("0.3", "grid_ltrb"), ("1.5", "`second_look.from` must be 0 to 1")] {
        let disk = Disk::with_pack();
        disk.replace("[parity]", &format!("[second_look]\nfrom = {from}\n\n[parity]"));
        let refusal = disk.refusal();
        assert!(refusal.contains(told), "{refusal}");
    }
}

#[test]
fn with_a_second_look_a_mirrored_picture_shows_the_same_defects_mirrored() {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/pcb");
    let mut inspector = Inspector::load(&pack, &Engine::Tract).unwrap();
    let sample = inspector.sample().unwrap();
    let mut mirrored = sample.clone();
    mirrored.samples.chunks_exact_mut(640).for_each(<[u8]>::reverse);
    let floor = Confidence::new(0.3).unwrap();
    let mut look = |pixels: Pixels| inspector.look(&Picture::Pixels(Arc::new(pixels)), None, floor).unwrap();
    let (seen, seen_mirrored) = (look(sample), look(mirrored));
    assert_eq!([seen.timings.runs, seen_mirrored.timings.runs], [4, 4]);
    assert!(!seen.findings.is_empty(), "the sample shows defects");
    // Sums of four are rounded in another order.
    let close = |a: f32, b: f32| (a - b).abs() < 0.01;
    assert_eq!(seen.findings.len(), seen_mirrored.findings.len());
    for finding in &seen.findings {
        let area = finding.area.unwrap();
        let is_mirror_image = |other: &Finding| {
            let there = other.area.unwrap();
            other.label == finding.label
                && close(other.confidence.value(), finding.confidence.value())
                && close(there.x_min, 640.0 - area.x_max)
                && close(there.x_max, 640.0 - area.x_min)
                && close(there.y_min, area.y_min)
                && close(there.y_max, area.y_max)
        };
        assert!(seen_mirrored.findings.iter().any(is_mirror_image), "{finding:?}");
    }
    let empty = Pixels { width: 640, height: 640, channels: 1, samples: vec![255; 640 * 640] };
    assert_eq!(look(empty).timings.runs, 1, "nothing is there to be looked at again");
}
