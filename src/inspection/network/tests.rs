//! Graphs as exports of many kinds write them, and graphs that no export writes.

mod large;
mod shared;

use prost::Message;
use tract_onnx::pb::{
    GraphProto, StringStringEntryProto,
    tensor_proto::{DataLocation, DataType},
};

use super::*;
use crate::inspection::{
    decode::Answer,
    manifest::{Fit, InputColour, Layout},
    onnx_graphs::{model, node, value, weights},
};

/// A grey picture of 4x2 pixels.
pub(super) fn input() -> Input {
    Input {
        name: None,
        size: [4, 2],
        colour: InputColour::Grey,
        layout: Layout::Nchw,
        fit: Fit::Stretch,
        scale: 1.0,
        mean: vec![0.0],
        std: vec![1.0],
    }
}

/// The picture times three.
pub(super) fn graph() -> GraphProto {
    GraphProto {
        name: "graph".to_owned(),
        input: vec![value("image", DataType::Float, &[1, 1, 2, 4])],
        initializer: vec![weights("three", &[1], vec![3.0])],
        node: vec![node("Mul", &["image", "three"], "tripled")],
        output: vec![value("tripled", DataType::Float, &[1, 1, 2, 4])],
        ..GraphProto::default()
    }
}

pub(super) fn bytes(graph: GraphProto) -> Vec<u8> {
    model(graph).encode_to_vec()
}

fn load(graph: GraphProto, outputs: &[Pick]) -> Result<Box<dyn Network>, String> {
    super::load(&Engine::Tract, bytes(graph), &input(), outputs)
}

fn refusal(graph: GraphProto) -> String {
    refused(load(graph, &[Pick::Nth(0)]))
}

pub(super) const PICTURE: [f32; 8] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 255.0];

fn refused(loaded: Result<Box<dyn Network>, String>) -> String {
    loaded.err().unwrap()
}

fn run(network: &mut dyn Network) -> Result<Vec<Answer<'_>>, String> {
    network.input()?.copy_from_slice(&PICTURE);
    network.run()
}

fn answers(network: &mut dyn Network) -> Vec<Vec<f32>> {
    run(network).unwrap().iter().map(|answer| answer.values.to_vec()).collect()
}

fn times(factor: f32) -> Vec<f32> {
    PICTURE.iter().map(|value| value * factor).collect()
}

#[test]
fn a_picture_leaves_nothing_to_the_next() {
    let mut same = graph();
    same.node = vec![node("Identity", &["image"], "tripled")];
    for (graph, factor) in [(graph(), 3.0), (same, 1.0)] {
        let mut network = load(graph, &[Pick::Nth(0)]).unwrap();
        for scale in [1.0, 2.0, 1.0] {
            let picture = times(scale);
            network.input().unwrap().copy_from_slice(&picture);
            let expected: Vec<f32> = picture.iter().map(|value| value * factor).collect();
            assert_eq!(network.run().unwrap()[0].values, expected);
        }
    }
}

#[test]
fn open_dimensions_are_those_of_the_manifest() {
    let open = value("image", DataType::Float, &[-1, 1, -1, -1]);
    let mut network = load(GraphProto { input: vec![open], ..graph() }, &[Pick::Nth(0)]).unwrap();
    assert_eq!(answers(&mut *network), [times(3.0)]);
    assert_eq!(run(&mut *network).unwrap()[0].shape, [1, 1, 2, 4]);
}

#[test]
fn weights_that_are_listed_among_the_inputs_are_no_inputs() {
    let inputs = vec![value("three", DataType::Float, &[1]), value("image", DataType::Float, &[1, 1, 2, 4])];
    let mut network = load(GraphProto { input: inputs, ..graph() }, &[Pick::Nth(0)]).unwrap();
    assert_eq!(answers(&mut *network), [times(3.0)]);
}

#[test]
fn half_floats_and_bytes_are_taken_and_floats_are_given() {
    for kind in [DataType::Float16, DataType::Uint8] {
        let graph = GraphProto {
            input: vec![value("image", kind, &[1, 1, 2, 4])],
            initializer: Vec::new(),
            node: vec![node("Identity", &["image"], "same")],
            output: vec![value("same", kind, &[1, 1, 2, 4])],
            ..graph()
        };
        let mut network = load(graph, &[Pick::Nth(0)]).unwrap();
        assert_eq!(answers(&mut *network), [times(1.0)], "{kind:?}");
    }
}

#[test]
fn outputs_are_found_by_place_and_by_name_and_tensors_within_the_graph_by_name() {
    let mut graph = graph();
    graph.node.push(node("Add", &["tripled", "three"], "more"));
    graph.node.push(node("Neg", &["more"], "less"));
    graph.output = vec![value("less", DataType::Float, &[]), value("tripled", DataType::Float, &[])];
    let named = |name: &str| Pick::Named(name.to_owned());
    let mut network = load(graph, &[named("tripled"), Pick::Nth(0), named("more")]).unwrap();
    let found = answers(&mut *network);
    assert_eq!(found[0], times(3.0));
    assert_eq!(found[1], times(3.0).iter().map(|value| -value - 3.0).collect::<Vec<_>>());
    assert_eq!(found[2], times(3.0).iter().map(|value| value + 3.0).collect::<Vec<_>>());
}

#[test]
fn what_no_output_needs_may_be_beyond_tract() {
    let mut graph = graph();
    graph.node.push(node("NoSuchOperator", &["tripled"], "unknown"));
    graph.output.push(value("unknown", DataType::Float, &[]));
    assert_eq!(answers(&mut *load(graph, &[Pick::Nth(0)]).unwrap()), [times(3.0)]);
}

#[test]
fn what_cannot_be_run_is_refused_by_its_name() {
    let mut unknown = graph();
    unknown.node[0].op_type = "NoSuchOperator".to_owned();
    let mut unlisted = graph();
    unlisted.input.push(value("second", DataType::Float, &[1]));
    let mut text = graph();
    text.input = vec![value("image", DataType::String, &[1, 1, 2, 4])];
    let mut other = graph();
    other.input = vec![value("image", DataType::Float, &[1, 3, 224, 224])];
    other.node = vec![node("MatMul", &["image", "three"], "tripled")];
    let missing = refused(load(graph(), &[Pick::Named("boxes".to_owned())]));
    let absent = refused(load(graph(), &[Pick::Nth(0), Pick::Nth(1)]));
    for (refusal, words) in [
        (refusal(unknown), &["NoSuchOperator"][..]),
        (refusal(unlisted), &["second", "name the one that takes the picture"]),
        (refusal(text), &["float32, float16 and uint8"]),
        (missing, &["no output \"boxes\"", "tripled"]),
        (absent, &["reads 2", "tripled"]),
    ] {
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
    }
}

#[test]
fn graphs_that_no_export_writes_are_refused() {
    let mut cyclic = graph();
    cyclic.node =
        vec![node("Add", &["image", "second"], "first"), node("Add", &["first", "three"], "second")];
    cyclic.output = vec![value("second", DataType::Float, &[])];
    let mut unweighted = graph();
    unweighted.initializer.clear();
    let mut outside = graph();
    outside.initializer[0].float_data.clear();
    outside.initializer[0].data_location = Some(DataLocation::External as i32);
    let location =
        |value: &str| StringStringEntryProto { key: "location".to_owned(), value: value.to_owned() };
    outside.initializer[0].external_data = vec![location("/etc/passwd")];
    let mut short = graph();
    short.initializer[0].dims = vec![1 << 20];
    let mut huge = graph();
    huge.initializer[0].dims = vec![i64::MAX, i64::MAX];
    let mut negative = graph();
    negative.initializer[0].dims = vec![-1];
    for (what, graph) in [
        ("cyclic", cyclic),
        ("without its weights", unweighted),
        ("with data outside the file", outside),
        ("with fewer data than it says", short),
        ("huge", huge),
        ("negative", negative),
        ("without anything", GraphProto::default()),
    ] {
        assert!(load(graph, &[Pick::Nth(0)]).is_err(), "{what}");
    }
}

#[test]
fn a_truncated_or_altered_file_is_refused_or_run_and_never_ends_the_process() {
    let try_out = |bytes: &[u8]| {
        let _ = super::load(&Engine::Tract, bytes.to_vec(), &input(), &[Pick::Nth(0)])
            .map(|mut network| run(&mut *network).map(|_| ()));
    };
    let whole = bytes(graph());
    // A cut between two fields of the outermost message may leave a graph that is whole.
    for end in 0..whole.len() {
        try_out(&whole[..end]);
    }
    for place in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut altered = whole.clone();
            altered[place] = value;
            try_out(&altered);
        }
    }
}

#[cfg(not(feature = "onnxruntime"))]
#[test]
fn an_engine_that_was_not_built_in_is_refused_with_the_remedy() {
    let engine = Engine::OnnxRuntime { library: None };
    let refusal = refused(super::load(&engine, bytes(graph()), &input(), &[Pick::Nth(0)]));
    assert!(refusal.contains("--features onnxruntime") && refusal.contains("tract"), "{refusal}");
}
