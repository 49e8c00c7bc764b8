//! What is in the PyPI wheel, which `make test` puts into target/onnxruntime-venv.

use std::{env, fs, path::PathBuf, process::Command};

use tract_onnx::pb::{GraphProto, tensor_proto::DataType};

use super::super::{
    Engine, load,
    tests::{PICTURE, bytes, graph, input},
};
use super::*;
use crate::{
    camera::Picture,
    inspection::{
        Confidence, Inspector,
        onnx_graphs::{node, value},
    },
};

/// Says which library a child process is to load.
const CHILD: &str = "ANDON_TEST_LIBRARY";

fn library() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let venv = target.join("onnxruntime-venv/lib");
    let python = fs::read_dir(&venv)
        .unwrap_or_else(|error| panic!("{}: {error}; `make test` makes it", venv.display()));
    let capi =
        python.map(|it| it.unwrap().path().join("site-packages/onnxruntime/capi")).find(|it| it.is_dir());
    let files = fs::read_dir(capi.unwrap()).unwrap().map(|it| it.unwrap().path());
    let is_library =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("libonnxruntime.so");
    files.into_iter().find(is_library).unwrap()
}

fn engine() -> Engine {
    Engine::OnnxRuntime { library: Some(library()) }
}

#[test]
fn both_engines_find_the_same_with_the_shipped_pack() {
    let pack = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/pcb");
    let mut found = [Engine::Tract, engine()].map(|engine| {
        let mut inspector = Inspector::load(&pack, &engine).unwrap();
        let picture = Picture::Pixels(Arc::new(inspector.sample().unwrap()));
        // Twice, for what one picture may leave to the next.
        (0..2)
            .map(|_| inspector.look(&picture, None, Confidence::new(0.05).unwrap()).unwrap().findings)
            .next_back()
            .unwrap()
    });
    let [tract, onnxruntime] = &mut found;
    assert_eq!(tract.len(), onnxruntime.len());
    for (a, b) in tract.iter().zip(onnxruntime.iter()) {
        assert_eq!(a.label, b.label);
        assert!((a.confidence.value() - b.confidence.value()).abs() < 1e-3, "{a:?} {b:?}");
        let sides = |area: crate::inspection::Area| [area.x_min, area.y_min, area.x_max, area.y_max];
        let (a, b) = (sides(a.area.unwrap()), sides(b.area.unwrap()));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.1), "{a:?} {b:?}");
    }
}

#[test]
fn both_engines_answer_the_same_to_graphs_of_every_kind() {
    let open = value("image", DataType::Float, &[-1, 1, -1, -1]);
    let mut within = graph();
    within.node.push(node("Neg", &["tripled"], "less"));
    within.output = vec![value("less", DataType::Float, &[])];
    let of_kind = |kind: DataType| GraphProto {
        input: vec![value("image", kind, &[1, 1, 2, 4])],
        initializer: Vec::new(),
        node: vec![node("Identity", &["image"], "same")],
        output: vec![value("same", kind, &[1, 1, 2, 4])],
        ..graph()
    };
    let named = |name: &str| Pick::Named(name.to_owned());
    for (what, graph, picks) in [
        ("plain", graph(), vec![Pick::Nth(0)]),
        ("open axes", GraphProto { input: vec![open], ..graph() }, vec![Pick::Nth(0)]),
        ("a tensor within and an output", within, vec![named("tripled"), Pick::Nth(0)]),
        ("half floats", of_kind(DataType::Float16), vec![Pick::Nth(0)]),
        ("bytes", of_kind(DataType::Uint8), vec![named("same")]),
    ] {
        let answers = [Engine::Tract, engine()].map(|engine| {
            let network = load(&engine, bytes(graph.clone()), &input(), &picks).unwrap();
            let mut network = network.another().unwrap();
            assert_eq!(network.shape(), [1, 1, 2, 4]);
            network.input().unwrap().copy_from_slice(&PICTURE);
            let answers = network.run().unwrap();
            answers.iter().map(|it| (it.shape.to_vec(), it.values.to_vec())).collect::<Vec<_>>()
        });
        assert_eq!(answers[0], answers[1], "{what}");
    }
}

#[test]
fn a_graph_that_onnxruntime_cannot_run_is_refused_in_its_words() {
    let mut unknown = graph();
    unknown.node[0].op_type = "NoSuchOperator".to_owned();
    let refusal = load(&engine(), bytes(unknown), &input(), &[Pick::Nth(0)]).err().unwrap();
    assert!(refusal.contains("onnxruntime says") && refusal.contains("NoSuchOperator"), "{refusal}");
    let refusal =
        load(&engine(), bytes(graph()), &input(), &[Pick::Named("boxes".to_owned())]).err().unwrap();
    assert!(refusal.contains("no output"), "{refusal}");
}

/// In a child process: a process keeps the library that it loaded first.
#[test]
fn a_library_that_is_missing_or_none_is_refused_with_the_remedy() {
    if let Some(library) = env::var_os(CHILD) {
        let engine = Engine::OnnxRuntime { library: Some(library.into()) };
        let refusal = load(&engine, bytes(graph()), &input(), &[Pick::Nth(0)]).err().unwrap();
        assert!(refusal.contains("ORT_DYLIB_PATH") && refusal.contains("engine = \"tract\""), "{refusal}");
        return;
    }
    let name = format!("{}::a_library_that_is_missing_or_none_is_refused_with_the_remedy", module_path!());
    let (_, name) = name.split_once("::").unwrap();
    for library in ["/nowhere/libonnxruntime.so", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, library)
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        assert!(child.status.success() && said.contains("1 passed"), "{library}: {said}");
    }
}
