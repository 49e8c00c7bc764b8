//! Graphs that ask for more than there is, each loaded by a child process that has little memory.

use std::{env, process::Command, thread, time::Duration};

use tract_onnx::pb::{AttributeProto, GraphProto, TensorProto, tensor_proto::DataType};

use super::{Pick, bytes, graph, input, node, value, weights};
use crate::inspection::network::{Engine, load};

/// Tells the child that it is one.
const CHILD: &str = "ANDON_TEST_LARGE_GRAPHS";

/// What the child may have, in the KiB of `ulimit -v`: far less than any of the graphs asks for.
const CHILD_KIB: u32 = 3 << 20;

/// Far more than a child needs; a graph that never ends is found by it.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn a_graph_that_asks_for_more_than_there_is_is_refused_in_little_memory() {
    if env::var_os(CHILD).is_some() {
        thread::spawn(|| {
            thread::sleep(PATIENCE);
            std::process::abort();
        });
        return cases().into_iter().for_each(|(what, graph)| {
            let loaded = load(&Engine::Tract, bytes(graph), &input(), &[Pick::Nth(0)]);
            let refusal = loaded.err().unwrap_or_else(|| panic!("{what} was taken"));
            assert!(refusal.contains("MiB") || refusal.contains("multiplications"), "{what}: {refusal}");
        });
    }
    let name =
        format!("{}::a_graph_that_asks_for_more_than_there_is_is_refused_in_little_memory", module_path!());
    let name = name.split_once("::").map(|(_, path)| path.to_owned()).unwrap();
    let done = Command::new("sh")
        .args(["-c", "ulimit -v $0 && exec \"$@\"", &CHILD_KIB.to_string()])
        .arg(env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{:?}: {said}", done.status);
}

/// Integers that shapes are made of.
fn whole(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A million.
const M: i64 = 1 << 20;

/// The picture plus the sum of `made`, which an operator makes of nearly nothing.
fn with(operator: &str, inputs: &[&str], held: Vec<TensorProto>) -> GraphProto {
    GraphProto {
        initializer: held,
        node: vec![
            node(operator, inputs, "made"),
            node("ReduceSum", &["made"], "sum"),
            node("Add", &["image", "sum"], "tripled"),
        ],
        ..graph()
    }
}

fn cases() -> Vec<(&'static str, GraphProto)> {
    let number = |name: &str| weights(name, &[1, 1], vec![1.0]);
    let tall = weights("tall", &[M, 1], vec![1.0; M as usize]);
    let wide = weights("wide", &[1, M], vec![1.0; M as usize]);
    let side = [1, 1, 64, 64];
    let small = weights("small", &side, vec![1.0; 64 * 64]);
    let scalar = |name: &str, value: i64| TensorProto { dims: Vec::new(), ..whole(name, &[value]) };
    let mut cases = vec![
        ("ConstantOfShape", with("ConstantOfShape", &["shape"], vec![whole("shape", &[M, M])])),
        ("Expand", with("Expand", &["one", "shape"], vec![number("one"), whole("shape", &[M, M])])),
        ("Tile", with("Tile", &["one", "times"], vec![number("one"), whole("times", &[M, M])])),
        (
            "Range",
            with(
                "Range",
                &["from", "to", "by"],
                vec![scalar("from", 0), scalar("to", 1 << 40), scalar("by", 1)],
            ),
        ),
        ("Pad", with("Pad", &["one", "pads"], vec![number("one"), whole("pads", &[0, 0, M, M])])),
        (
            "Resize",
            with(
                "Resize",
                &["small", "", "scales"],
                vec![small, weights("scales", &[4], vec![1.0, 1.0, 65536.0, 65536.0])],
            ),
        ),
        ("a product of two vectors", with("MatMul", &["tall", "wide"], vec![tall.clone(), wide.clone()])),
        ("a sum of two vectors", with("Add", &["tall", "wide"], vec![tall, wide])),
    ];
    // The same of what is known only with the picture.
    let mut grown = graph();
    grown.initializer.push(whole("times", &[1, 1, 1 << 18, 1 << 18]));
    grown.node = vec![
        node("Tile", &["image", "times"], "made"),
        node("ReduceSum", &["made"], "sum"),
        node("Add", &["image", "sum"], "tripled"),
    ];
    cases.push(("a picture that grows", grown));
    // A branch that is never taken.
    let branch = |name: &str, operator: &str, inputs: &[&str], held: Vec<TensorProto>| AttributeProto {
        name: name.to_owned(),
        // AttributeProto.GRAPH.
        r#type: 5,
        g: Some(GraphProto {
            name: name.to_owned(),
            initializer: held,
            node: vec![node(operator, inputs, name)],
            output: vec![value(name, DataType::Float, &[])],
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    };
    let mut choice = node("If", &["is"], "made");
    choice.attribute = vec![
        branch("then_branch", "ConstantOfShape", &["shape"], vec![whole("shape", &[M, M])]),
        branch("else_branch", "Identity", &["one"], vec![number("one")]),
    ];
    let is = TensorProto {
        name: "is".to_owned(),
        data_type: DataType::Bool as i32,
        int32_data: vec![0],
        ..TensorProto::default()
    };
    let mut chosen = with("If", &["is"], vec![is]);
    chosen.node[0] = choice;
    cases.push(("a branch", chosen));
    // Small tensors, much arithmetic: [512, 512] times itself again and again would take an hour.
    let mut slow = graph();
    slow.initializer.push(weights("square", &[4096, 4096], vec![0.0; 4096 * 4096]));
    slow.node = vec![node("Tile", &["image", "times"], "power0")];
    slow.initializer.push(whole("times", &[1, 1, 2048, 1024]));
    for turn in 0..32 {
        let (from, to) = (format!("power{turn}"), format!("power{}", turn + 1));
        slow.node.push(node("MatMul", &[&from, "square"], &to));
    }
    slow.node.push(node("Identity", &["power32"], "tripled"));
    cases.push(("much arithmetic", slow));
    cases
}
