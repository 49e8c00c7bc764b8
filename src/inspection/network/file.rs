//! An ONNX file, refused where it claims more than it holds.

use std::collections::HashSet;

use prost::Message;
use tract_onnx::pb::{
    GraphProto, ModelProto, TensorProto,
    tensor_proto::{DataLocation, DataType},
};

use super::wire;

/// Decodes a file. What it holds is then bounded by its length.
///
/// # Errors
/// When it is none, is not whole, or keeps its weights elsewhere.
pub(in crate::inspection) fn decode(bytes: &[u8]) -> Result<ModelProto, String> {
    let model = decode_alone(bytes)?;
    let graph = model.graph.as_ref().ok_or("it is no ONNX file: it holds no graph")?;
    weights(graph).try_for_each(check)?;
    outputs_are_made(graph)?;
    Ok(model)
}

/// Decodes a file whose weights may be elsewhere, and may not be what they should.
///
/// # Errors
/// When it is none.
pub(in crate::inspection) fn decode_alone(bytes: &[u8]) -> Result<ModelProto, String> {
    wire::bound(bytes)?;
    ModelProto::decode(bytes).map_err(|error| format!("it is no ONNX file, or a damaged one: {error}"))
}

/// Every tensor that a graph holds, those within its branches too.
pub(in crate::inspection) fn weights(graph: &GraphProto) -> Box<dyn Iterator<Item = &TensorProto> + '_> {
    let of_nodes = graph.node.iter().flat_map(|node| &node.attribute).flat_map(|attribute| {
        let branches = attribute.g.iter().chain(&attribute.graphs).flat_map(weights);
        attribute.t.iter().chain(&attribute.tensors).chain(branches)
    });
    Box::new(graph.initializer.iter().chain(of_nodes))
}

/// tract takes it for granted, and panics.
fn outputs_are_made(graph: &GraphProto) -> Result<(), String> {
    let given = graph.input.iter().map(|it| &it.name).chain(graph.initializer.iter().map(|it| &it.name));
    let made: HashSet<&String> = given.chain(graph.node.iter().flat_map(|node| &node.output)).collect();
    match graph.output.iter().find(|output| !made.contains(&output.name)) {
        None => Ok(()),
        Some(output) => Err(format!(
            "its output {:?} is made by no operator: the file is damaged, export it again",
            output.name
        )),
    }
}

fn check(tensor: &TensorProto) -> Result<(), String> {
    let name = &tensor.name;
    if tensor.data_location == Some(DataLocation::External as i32) {
        let file = tensor.external_data.iter().find(|it| it.key == "location").map(|it| it.value.as_str());
        return Err(format!(
            "its weights {name:?} are in another file, {:?}, and a pack's model is one file; `andon model new` makes one \
             of both",
            file.unwrap_or_default()
        ));
    }
    let count = tensor.dims.iter().try_fold(1_usize, |count, length| {
        usize::try_from(*length).ok().and_then(|length| count.checked_mul(length))
    });
    let count =
        count.ok_or_else(|| format!("its weights {name:?} have the impossible shape {:?}", tensor.dims))?;
    let held = match size(tensor.data_type) {
        // Told apart by tract, which names what it does not know.
        None => return Ok(()),
        Some(size) if !tensor.raw_data.is_empty() => tensor.raw_data.len().checked_div(size),
        Some(_) => Some(
            tensor.float_data.len()
                + tensor.double_data.len()
                + tensor.int32_data.len()
                + tensor.int64_data.len()
                + tensor.uint64_data.len(),
        ),
    };
    match held {
        Some(held) if held == count => Ok(()),
        held => Err(format!(
            "its weights {name:?} should be {count} values and are {}: it is not whole; export it again",
            held.unwrap_or_default()
        )),
    }
}

/// Bytes of a value, as they stand in `raw_data`.
fn size(kind: i32) -> Option<usize> {
    Some(match DataType::try_from(kind).ok()? {
        DataType::Bool | DataType::Uint8 | DataType::Int8 => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_no_operator_makes_is_named() {
        let whole = include_bytes!("../../../tests/packs/shade/model.onnx");
        let mut model = decode(whole).unwrap();
        let output = &mut model.graph.as_mut().unwrap().output[0];
        "verdict".clone_into(&mut output.name);
        let refusal = decode(&model.encode_to_vec()).unwrap_err();
        assert!(refusal.contains("its output \"verdict\" is made by no operator"), "{refusal}");
    }
}
