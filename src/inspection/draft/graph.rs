//! What an ONNX file says of itself.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::{ValueInfoProto, tensor_shape_proto::dimension, type_proto};

use crate::inspection::network::decode_alone;

/// Its inputs, outputs and metadata, as written there.
#[derive(Debug)]
pub(super) struct Graph {
    /// Those that are not weights.
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<String>,
    metadata: BTreeMap<String, String>,
}

/// An input.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) name: String,
    /// Lengths of the axes, as far as they are fixed.
    pub(super) axes: Vec<Option<usize>>,
    pub(super) takes_bytes: bool,
}

/// `elem_type` of uint8 (onnx.proto, TensorProto.DataType).
const UINT8: i32 = 2;

impl Graph {
    /// # Errors
    /// When the bytes are no ONNX file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let proto = decode_alone(bytes)?;
        let metadata = proto.metadata_props.into_iter().map(|it| (it.key, it.value)).collect();
        let graph = proto.graph.ok_or("it is no ONNX file: it holds no graph")?;
        let is_weight = |name: &str| graph.initializer.iter().any(|weight| weight.name == name);
        let inputs = graph.input.iter().filter(|it| !is_weight(&it.name)).map(Port::of).collect();
        Ok(Self { inputs, outputs: graph.output.into_iter().map(|it| it.name).collect(), metadata })
    }

    /// A value of its metadata.
    pub(super) fn says(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The labels in its metadata, as Ultralytics (`{0: 'a', 1: 'b'}`) or a JSON list gives them.
    pub(super) fn labels(&self) -> Option<Vec<String>> {
        ["names", "classes", "labels"].iter().filter_map(|key| self.says(key)).find_map(|text| {
            let list = serde_json::from_str::<Vec<String>>(text).ok();
            list.or_else(|| numbered(text)).filter(|labels| !labels.is_empty())
        })
    }

    /// Width and height in its metadata (Ultralytics: `[height, width]`).
    pub(super) fn size(&self) -> Option<[u32; 2]> {
        let [height, width] = serde_json::from_str(self.says("imgsz")?).ok()?;
        Some([width, height])
    }
}

/// The same file with other outputs: tensors within its graph.
pub(super) fn with_outputs(bytes: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let mut proto = decode_alone(bytes).ok()?;
    let output = |name: &String| ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() };
    proto.graph.as_mut()?.output = names.iter().map(output).collect();
    Some(proto.encode_to_vec())
}

impl Port {
    fn of(info: &ValueInfoProto) -> Self {
        let tensor = match info.r#type.as_ref().and_then(|it| it.value.as_ref()) {
            Some(type_proto::Value::TensorType(tensor)) => Some(tensor),
            _ => None,
        };
        let axes = tensor.and_then(|it| it.shape.as_ref()).map_or_else(Vec::new, |shape| {
            let length = |value: &Option<dimension::Value>| match value {
                Some(dimension::Value::DimValue(length)) => {
                    usize::try_from(*length).ok().filter(|it| *it > 0)
                }
                _ => None,
            };
            shape.dim.iter().map(|it| length(&it.value)).collect()
        });
        let takes_bytes = tensor.is_some_and(|it| it.elem_type == UINT8);
        Self { name: info.name.clone(), axes, takes_bytes }
    }
}

/// The values of a Python dictionary whose keys are 0, 1, 2 and so on.
fn numbered(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':')?;
        if key.trim().parse() != Ok(values.len()) {
            return None;
        }
        let after = after.trim_start();
        let quote = after.chars().next().filter(|it| ['\'', '"'].contains(it))?;
        let mut value = String::new();
        let mut letters = after[1..].char_indices();
        let end = loop {
            match letters.next()? {
                (_, '\\') => value.push(letters.next()?.1),
                (at, letter) if letter == quote => break at,
                (_, letter) => value.push(letter),
            }
        };
        values.push(value);
        rest = after[end + 2..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_python_writes_them() {
        let labels = numbered(r#"{0: 'open', 1: "it's, {open}", 2: 'a\'b'}"#);
        assert_eq!(labels.unwrap(), ["open", "it's, {open}", "a'b"]);
        for nonsense in ["", "{0: 'a'", "{1: 'a'}", "{0: a}", "{0: 'a}", "{0 'a'}", "{0: 'a', 0: 'b'}"] {
            assert_eq!(numbered(nonsense), None, "{nonsense}");
        }
    }
}
