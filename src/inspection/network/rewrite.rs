//! Makes an ONNX file say what a decoder reads and what it is given: for engines that only give a graph's own outputs.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, ModelProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

use crate::inspection::decode::Pick;

/// Leaves the graph one input of float32 with this shape, and these outputs as float32; gives their names.
///
/// # Errors
/// When it has no such input or output.
pub(super) fn narrow(
    model: &mut ModelProto,
    input: Option<&str>,
    shape: [usize; 4],
    outputs: &[Pick],
) -> Result<Vec<String>, String> {
    let graph = model.graph.as_mut().ok_or("it holds no graph")?;
    let is_weight = |name: &str| graph.initializer.iter().any(|weight| weight.name == name);
    let place = graph.input.iter().position(|it| match input {
        Some(name) => it.name == name,
        None => !is_weight(&it.name),
    });
    let place = place.ok_or("it has no input for the picture")?;
    let name = graph.input[place].name.clone();
    let kind = kind_of(&graph.input[place]).unwrap_or(DataType::Float as i32);
    let mut casts = Vec::new();
    if kind == DataType::Float as i32 {
        graph.input[place] = float(&name, Some(shape));
    } else {
        let picture = fresh("picture", &name);
        graph.input[place] = float(&picture, Some(shape));
        casts.push(cast(&picture, &name, kind));
    }
    let mut wanted = Vec::new();
    for (number, pick) in outputs.iter().enumerate() {
        let read = match pick {
            Pick::Named(name) => Some(name.clone()),
            Pick::Nth(place) => graph.output.get(*place).map(|it| it.name.clone()),
        };
        let is_there = |name: &String| graph.node.iter().any(|node| node.output.contains(name));
        let read = read.filter(is_there).ok_or_else(|| format!("it has no output {pick:?}"))?;
        let given = fresh("answer", &number.to_string());
        graph.node.push(cast(&read, &given, DataType::Float as i32));
        wanted.push(given);
    }
    graph.node.splice(0..0, casts);
    graph.output = wanted.iter().map(|name| float(name, None)).collect();
    Ok(wanted)
}

/// As a file.
pub(super) fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// A name that no export gives.
fn fresh(what: &str, of: &str) -> String {
    format!("andon/{what}/{of}")
}

fn kind_of(value: &ValueInfoProto) -> Option<i32> {
    match value.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => Some(tensor.elem_type),
    }
}

fn float(name: &str, shape: Option<[usize; 4]>) -> ValueInfoProto {
    let length = |length: usize| Dimension {
        value: Some(dimension::Value::DimValue(length as i64)),
        ..Dimension::default()
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.map(length).to_vec() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.to_owned(), r#type: Some(kind), ..ValueInfoProto::default() }
}

/// ONNX's Cast.
fn cast(from: &str, to: &str, kind: i32) -> NodeProto {
    // AttributeProto.INT.
    let attribute =
        AttributeProto { name: "to".to_owned(), r#type: 2, i: kind.into(), ..AttributeProto::default() };
    NodeProto {
        op_type: "Cast".to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        name: to.to_owned(),
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}
