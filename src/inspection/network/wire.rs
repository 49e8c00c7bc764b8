//! What decoding an ONNX file would cost, found out without doing it.

/// A message of two bytes becomes hundreds of bytes in memory. The largest real graphs have a tenth of so many.
const MAX_PARTS: u32 = 1 << 20;

/// Deeper than prost goes.
const MAX_DEPTH: u32 = 100;

/// The messages of onnx.proto that may be repeated and hold others.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Training,
    Function,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// Not looked into.
    Other,
}

impl Kind {
    /// What a field of it holds, by its number.
    fn field(self, number: u64) -> Self {
        match (self, number) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) | (Self::Attribute, 14 | 15) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => Self::Other,
        }
    }
}

/// # Errors
/// When there is too much in it. Damage is not its business.
pub(super) fn bound(bytes: &[u8]) -> Result<(), String> {
    let mut left = MAX_PARTS;
    match count(bytes, Kind::Model, MAX_DEPTH, &mut left) {
        Some(()) => Ok(()),
        None => Err(format!("it has more than {MAX_PARTS} parts, which is no graph of an export")),
    }
}

/// Takes the parts of a message off what is left; `None` when nothing is.
fn count(mut bytes: &[u8], kind: Kind, depth: u32, left: &mut u32) -> Option<()> {
    while let Some((key, rest)) = varint(bytes) {
        let (length, is_part) = match key & 7 {
            0 => (varint(rest).map(|(_, after)| rest.len() - after.len()), false),
            1 => (Some(8), false),
            2 => (
                varint(rest).and_then(|(length, after)| {
                    (rest.len() - after.len()).checked_add(usize::try_from(length).ok()?)
                }),
                true,
            ),
            5 => (Some(4), false),
            _ => (None, false),
        };
        let Some((field, after)) = length.and_then(|length| rest.split_at_checked(length)) else { break };
        bytes = after;
        if !is_part {
            continue;
        }
        *left = left.checked_sub(1)?;
        let inner = kind.field(key >> 3);
        if let (Some((_, body)), Some(depth), false) =
            (varint(field), depth.checked_sub(1), matches!(inner, Kind::Other))
        {
            count(body, inner, depth, left)?;
        }
    }
    Some(())
}

/// A number and what follows it (protobuf.dev, "Encoding").
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * place as u32).unwrap_or_default();
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_nothing_but_parts_is_refused_and_one_of_data_is_not() {
        let graph = |body: &[u8]| {
            let mut bytes = vec![0x3a];
            let mut length = body.len();
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(body);
            bytes
        };
        // Empty nodes, two bytes each.
        assert!(bound(&graph(&[0x0a, 0].repeat(1 << 20))).is_err());
        assert!(bound(&graph(&[0x0a, 0].repeat(1 << 19))).is_ok());
        // One name of two megabytes.
        let mut named = vec![0x12, 0x80, 0x80, 0x80, 1];
        named.extend([b'a'].repeat(1 << 21));
        assert!(bound(&graph(&named)).is_ok());
    }
}
