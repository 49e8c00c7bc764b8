//! One file of a model whose weights came in others (PyTorch writes `model.onnx` and `model.onnx.data`).

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use prost::Message;
use tract_onnx::pb::{GraphProto, TensorProto, tensor_proto::DataLocation};

use crate::inspection::{
    network::{decode_alone, weights},
    pack::{MAX_MODEL_BYTES, is_plain_name},
};

/// The file with the weights that stand beside it in `folder` taken in; as it is, where there are none.
///
/// # Errors
/// When a weight is elsewhere than in this folder, or not there.
pub(super) fn whole(bytes: Vec<u8>, folder: &Path) -> Result<Vec<u8>, String> {
    let mut model = decode_alone(&bytes)?;
    let Some(graph) = model.graph.as_mut() else { return Ok(bytes) };
    if !weights(graph).any(is_elsewhere) {
        return Ok(bytes);
    }
    let mut left = MAX_MODEL_BYTES.saturating_sub(bytes.len() as u64);
    take_in(graph, &mut |tensor| {
        let name = tensor.name.clone();
        read(tensor, folder, &mut left)
            .map_err(|reason| format!("its weights {name:?} are in another file: {reason}"))
    })?;
    Ok(model.encode_to_vec())
}

fn is_elsewhere(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

fn take_in(
    graph: &mut GraphProto,
    read: &mut dyn FnMut(&mut TensorProto) -> Result<(), String>,
) -> Result<(), String> {
    for tensor in graph.initializer.iter_mut().filter(|it| is_elsewhere(it)) {
        read(tensor)?;
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        let held = attribute.t.iter_mut().chain(&mut attribute.tensors);
        held.filter(|it| is_elsewhere(it)).try_for_each(&mut *read)?;
        for branch in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            take_in(branch, read)?;
        }
    }
    Ok(())
}

/// Where they are: `location`, `offset` and `length` of onnx.proto's TensorProto.
fn read(tensor: &mut TensorProto, folder: &Path, left: &mut u64) -> Result<(), String> {
    let says = |key: &str| tensor.external_data.iter().find(|it| it.key == key).map(|it| it.value.as_str());
    let number = |key: &str| match says(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| format!("its {key} is {text:?}")),
    };
    let name = says("location").ok_or("which is not named")?;
    if !is_plain_name(name) {
        return Err(format!("{name:?} is not beside the model; put it there and export the model again"));
    }
    let path = folder.join(name);
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut file = File::open(&path).map_err(unreadable)?;
    let offset = number("offset")?.unwrap_or(0);
    let all = file.metadata().map_err(unreadable)?.len();
    let length = number("length")?.unwrap_or_else(|| all.saturating_sub(offset));
    if offset.checked_add(length).is_none_or(|end| end > all) {
        return Err(format!("{} is shorter than the model says; copy or export it again", path.display()));
    }
    *left =
        left.checked_sub(length).ok_or("together they are larger than any model that a station can run")?;
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut data = Vec::new();
    file.take(length).read_to_end(&mut data).map_err(unreadable)?;
    tensor.raw_data = data;
    tensor.data_location = None;
    tensor.external_data.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{StringStringEntryProto, tensor_proto::DataType};

    use super::*;
    use crate::inspection::onnx_graphs::{model, node, value, weights};

    /// A graph whose two weights are so many bytes of a file.
    fn apart(location: &str, offset: u64, length: u64) -> Vec<u8> {
        let entry =
            |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
        let tensor = TensorProto {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![
                entry("location", location),
                entry("offset", &offset.to_string()),
                entry("length", &length.to_string()),
            ],
            ..weights("two", &[2], Vec::new())
        };
        let graph = GraphProto {
            input: vec![value("image", DataType::Float, &[1, 2])],
            initializer: vec![tensor],
            node: vec![node("Mul", &["image", "two"], "out")],
            output: vec![value("out", DataType::Float, &[1, 2])],
            ..GraphProto::default()
        };
        model(graph).encode_to_vec()
    }

    #[test]
    fn weights_beside_the_model_are_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.onnx.data"), [9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let taken = whole(apart("model.onnx.data", 4, 8), folder.path()).unwrap();
        let graph = crate::inspection::network::decode_alone(&taken).unwrap().graph.unwrap();
        assert_eq!(graph.initializer[0].raw_data, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(!weights_are_apart(&graph));
        // A file of its own stays as it is.
        assert_eq!(whole(taken.clone(), folder.path()).unwrap(), taken);
    }

    fn weights_are_apart(graph: &GraphProto) -> bool {
        crate::inspection::network::weights(graph).any(is_elsewhere)
    }

    #[test]
    fn weights_elsewhere_or_cut_off_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("short.data"), [0; 8]).unwrap();
        for (location, offset, length, told) in [
            ("/etc/passwd", 0, 8, "not beside the model"),
            ("../short.data", 0, 8, "not beside the model"),
            ("absent.data", 0, 8, "cannot read"),
            ("short.data", 4, 8, "shorter than the model says"),
            ("short.data", u64::MAX, 8, "shorter than the model says"),
        ] {
            let refusal = whole(apart(location, offset, length), folder.path()).unwrap_err();
            assert!(refusal.contains(told) && refusal.contains("\"two\""), "{location}: {refusal}");
        }
    }
}
