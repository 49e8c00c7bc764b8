use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, StringStringEntryProto, ValueInfoProto, tensor_proto::DataType,
};

use super::*;
use crate::inspection::onnx_graphs::{self, node, value, weights};

/// A folder for one test's files.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A draft for a graph in a file.
    fn draft(&self, model: &ModelProto) -> Result<Draft, DraftError> {
        fs::write(self.path("given.onnx"), model.encode_to_vec()).unwrap();
        Draft::of(&self.path("given.onnx"), None)
    }
}

fn port(name: &str, axes: &[i64]) -> ValueInfoProto {
    value(name, DataType::Float, axes)
}

/// Answers with these numbers, times the mean of the picture: [1, 3, height, width] to `shape`.
fn model(axes: &[i64], shape: &[i64], metadata: &[(&str, &str)]) -> ModelProto {
    let count: i64 = shape.iter().product();
    let numbers = (0..count).map(|n| 20.0 + n as f32).collect();
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
        input: vec![port("images", axes), port("weights", shape)],
        initializer: vec![weights("weights", shape, numbers)],
        node: vec![mean, node("Mul", &["weights", "mean"], "boxes")],
        output: vec![port("boxes", &[])],
        ..GraphProto::default()
    };
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let metadata_props = metadata.iter().map(entry).collect();
    ModelProto { metadata_props, ..onnx_graphs::model(graph) }
}

const ULTRALYTICS: [(&str, &str); 4] = [
    ("author", "Ultralytics"),
    ("task", "detect"),
    ("imgsz", "[32, 64]"),
    ("names", "{0: 'scratch', 1: \"dent's edge\"}"),
];

/// Cells of strides 8, 16 and 32 in 64x32 pixels.
const CELLS: i64 = 42;

/// No Python, so that the answer is this program's own.
const NO_PYTHON: &str = "/nowhere/python3";

#[test]
fn a_file_that_says_everything_becomes_a_pack_without_a_question() {
    let disk = Disk::new();
    let mut draft = disk.draft(&model(&[-1, 3, -1, -1], &[1, 6, CELLS], &ULTRALYTICS)).unwrap();
    assert_eq!(draft.questions(), Ok(Vec::new()));
    let written = draft.write(&disk.path("pack"), "caps \"2\"", NO_PYTHON).unwrap();
    assert_eq!(written, Written { decoder: "yolov8".to_owned(), within: None, reference: None });
    let inspector = Inspector::load(&disk.path("pack"), &Engine::Tract).unwrap();
    assert_eq!(inspector.pack().labels(), ["scratch", "dent's edge"]);
    assert_eq!(inspector.pack().name(), "caps \"2\"");
    let manifest = fs::read_to_string(disk.path("pack/model.toml")).unwrap();
    assert!(manifest.contains("size = [64, 32]"), "{manifest}");
    assert!(manifest.contains("this program's own answer"), "{manifest}");
    assert!(!disk.path("pack.part").exists());
}

#[test]
fn what_a_file_does_not_say_is_asked_and_a_wrong_answer_is_refused() {
    let disk = Disk::new();
    let mut draft = disk.draft(&model(&[-1, 3, -1, -1], &[1, 6, CELLS], &[])).unwrap();
    let open = [Question::Size, Question::Colour, Question::Normalise, Question::Fit, Question::Labels];
    assert_eq!(draft.questions().unwrap(), open);
    for (question, wrong, right) in [
        (Question::Size, "64", "64x32"),
        (Question::Size, "8x32", "64x32"),
        (Question::Colour, "grey", "bgr"),
        (Question::Normalise, "half", "signed"),
        (Question::Fit, "shrink", "stretch"),
        (Question::Labels, " , ", "scratch, dent"),
    ] {
        assert!(matches!(draft.answer(question, wrong), Err(DraftError::Answer(_))), "{question:?}");
        draft.answer(question, right).unwrap();
    }
    assert_eq!(draft.questions(), Ok(Vec::new()));
    draft.write(&disk.path("pack"), "caps", NO_PYTHON).unwrap();
    let manifest = fs::read_to_string(disk.path("pack/model.toml")).unwrap();
    for line in [
        "colour = \"bgr\"",
        "fit = \"stretch\"",
        "labels = [\"scratch\", \"dent\"]",
        "mean = [0.5, 0.5, 0.5]",
    ] {
        assert!(manifest.contains(line), "{line}: {manifest}");
    }
}

#[test]
fn a_choice_between_decoders_is_asked() {
    let disk = Disk::new();
    let mut draft = disk.draft(&model(&[1, 3, 32, 64], &[1, CELLS, 6], &ULTRALYTICS)).unwrap();
    assert_eq!(draft.questions().unwrap(), [Question::Decoder]);
    assert!(draft.ask(Question::Decoder).contains("yolov8 or chosen"));
    draft.answer(Question::Decoder, "yolox").unwrap();
    assert!(draft.questions().unwrap_err().contains("yolov8 or chosen would"));
    draft.answer(Question::Decoder, "chosen").unwrap();
    assert_eq!(draft.questions(), Ok(Vec::new()));
}

#[test]
fn a_number_of_labels_that_does_not_fit_is_told_with_the_shapes() {
    let disk = Disk::new();
    let mut draft = disk.draft(&model(&[1, 3, 32, 64], &[1, 6, CELLS], &ULTRALYTICS)).unwrap();
    draft.answer(Question::Labels, "only one").unwrap();
    let told = draft.questions().unwrap_err();
    assert!(told.contains("boxes [1, 6, 42] with 1 labels"), "{told}");
}

#[test]
fn boxes_that_the_graph_chooses_in_a_way_that_cannot_be_run_are_read_before_the_choice() {
    let disk = Disk::new();
    let mut chosen = model(&[1, 3, 32, 64], &[1, 6, CELLS], &ULTRALYTICS);
    let graph = chosen.graph.as_mut().unwrap();
    graph.node.push(node("NoSuchOperator", &["boxes"], "chosen"));
    graph.output = vec![port("chosen", &[])];
    let mut draft = disk.draft(&chosen).unwrap();
    assert_eq!(draft.questions(), Ok(Vec::new()));
    let written = draft.write(&disk.path("pack"), "caps", NO_PYTHON).unwrap();
    assert_eq!((written.decoder.as_str(), written.within.as_deref()), ("yolov8", Some("boxes")));
    // Somewhere else the operator that is missing is named.
    let graph = chosen.graph.as_mut().unwrap();
    graph.node[0].op_type = "NoSuchMean".to_owned();
    let told = disk.draft(&chosen).unwrap().questions().unwrap_err();
    assert!(told.contains("NoSuchMean"), "{told}");
}

#[test]
fn a_file_that_takes_no_picture_is_refused_with_what_it_takes() {
    let disk = Disk::new();
    let told = disk.draft(&model(&[1, 12], &[1, 6, CELLS], &[])).unwrap_err().to_string();
    assert!(told.contains("images") && told.contains("given.onnx"), "{told}");
    let mut two = model(&[1, 3, 32, 64], &[1, 6, CELLS], &[]);
    two.graph.as_mut().unwrap().input.push(port("second", &[1]));
    let told = disk.draft(&two).unwrap_err().to_string();
    assert!(told.contains("2 inputs (images, second)"), "{told}");
    fs::write(disk.path("given.onnx"), "no model").unwrap();
    assert!(Draft::of(&disk.path("given.onnx"), None).is_err());
    assert!(Draft::of(&disk.path("absent.onnx"), None).unwrap_err().to_string().contains("absent.onnx"));
}

#[test]
fn a_folder_that_is_there_is_left_alone_and_a_refused_pack_leaves_none() {
    let disk = Disk::new();
    let mut draft = disk.draft(&model(&[1, 3, 32, 64], &[1, 6, CELLS], &ULTRALYTICS)).unwrap();
    draft.questions().unwrap();
    fs::create_dir(disk.path("pack")).unwrap();
    assert!(matches!(draft.write(&disk.path("pack"), "caps", NO_PYTHON), Err(DraftError::Answer(_))));
    let long = "x".repeat(65);
    assert!(matches!(draft.write(&disk.path("other"), &long, NO_PYTHON), Err(DraftError::Refused(_))));
    assert!(!disk.path("other").exists() && !disk.path("other.part").exists());
}

#[test]
fn a_given_picture_becomes_the_sample_as_the_input_will_be_fitted() {
    let disk = Disk::new();
    fs::write(disk.path("given.onnx"), model(&[1, 3, 32, 64], &[1, 6, CELLS], &ULTRALYTICS).encode_to_vec())
        .unwrap();
    let red = Pixels { width: 40, height: 40, channels: 3, samples: [200, 0, 0].repeat(1600) };
    let mut draft = Draft::of(&disk.path("given.onnx"), Some(red)).unwrap();
    draft.questions().unwrap();
    draft.write(&disk.path("pack"), "caps", NO_PYTHON).unwrap();
    let sample = Inspector::load(&disk.path("pack"), &Engine::Tract).unwrap().sample().unwrap();
    let at = |x: usize| &sample.samples[(16 * 64 + x) * 3..][..3];
    assert_eq!((at(2), at(32)), (&[114, 114, 114][..], &[200, 0, 0][..]));
}

#[test]
fn boxes_that_are_offsets_from_priors_are_not_taken_for_boxes_in_pixels() {
    let offsets = |n: usize| [-4.0, 3.5, -0.2, 0.7][n % 4] * (1.0 + n as f32 / 40.0);
    let outputs = [
        Tried { name: "scores".to_owned(), shape: vec![1, 40, 3], values: vec![0.3; 120] },
        Tried { name: "boxes".to_owned(), shape: vec![1, 40, 4], values: (0..160).map(offsets).collect() },
    ];
    assert_eq!(candidates(&outputs, 2, [320, 320], false), []);
    let read = candidates(&outputs, 2, [320, 320], true);
    assert!(
        matches!(read.as_slice(), [it] if it.parameters.contains(&("priors", "\"priors.npy\"".to_owned())))
    );
}

#[test]
fn the_decoder_of_every_reference_answer_is_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/inspection/decode/reference");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let reference: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let Some(decoder) = reference["output"]["decoder"].as_str() else { continue };
        let outputs: Vec<Tried> = reference["answers"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(place, answer)| Tried {
                // Only anomalib names its outputs.
                name: match (decoder, place) {
                    ("anomaly_map", 0) => "anomaly_map".to_owned(),
                    ("anomaly_map", _) => "pred_score".to_owned(),
                    _ => place.to_string(),
                },
                shape: serde_json::from_value(answer["shape"].clone()).unwrap(),
                values: serde_json::from_value(answer["values"].clone()).unwrap(),
            })
            .collect();
        let labels = reference["labels"].as_array().unwrap().len();
        let input = serde_json::from_value(reference["input"].clone()).unwrap();
        let has_priors = name == "ssd_priors";
        let names: Vec<_> =
            candidates(&outputs, labels, input, has_priors).iter().map(|it| it.decoder).collect();
        found.insert(name, (names.join(" "), decoder.to_owned()));
    }
    assert!(found.len() > 15);
    let wrong: Vec<_> = found.iter().filter(|(_, (found, decoder))| found != decoder).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
