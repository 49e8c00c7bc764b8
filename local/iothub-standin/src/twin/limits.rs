//! What the properties of a twin may be (azure-docs, iot-hub-devguide-device-twins.md, "Tags and properties format" and
//! "Device twin size").

use serde_json::{Map, Value};

/// All desired, or all reported properties.
const MAX_SIZE: usize = 32 * 1024;
const MAX_NAME: usize = 1024;
const MAX_TEXT: usize = 4 * 1024;
const MAX_DEPTH: usize = 10;
const INTEGERS: std::ops::RangeInclusive<i64> = -4_503_599_627_370_496..=4_503_599_627_370_495;

/// The status with which the properties would be refused: 400 for what none may be, 413 for too much.
pub(super) fn check(properties: &Map<String, Value>) -> Result<(), u16> {
    if !properties.iter().all(|(name, value)| is_name(name) && is_value(value, 0)) {
        return Err(400);
    }
    if size_of(properties) > MAX_SIZE { Err(413) } else { Ok(()) }
}

/// No control characters, `.`, `$` and spaces.
fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME && !name.contains(|it: char| it.is_control() || ".$ ".contains(it))
}

fn is_value(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => match number.as_i64() {
            Some(integer) => INTEGERS.contains(&integer),
            None => !number.is_u64(),
        },
        Value::String(text) => text.len() <= MAX_TEXT,
        Value::Array(values) => depth < MAX_DEPTH && values.iter().all(|it| is_value(it, depth + 1)),
        Value::Object(properties) => {
            let is_good = |(name, value): (&String, &Value)| is_name(name) && is_value(value, depth + 1);
            depth < MAX_DEPTH && properties.iter().all(is_good)
        }
    }
}

fn size_of(properties: &Map<String, Value>) -> usize {
    properties.iter().map(|(name, value)| text_size(name) + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text_size(text),
        Value::Array(values) => values.iter().map(value_size).sum(),
        Value::Object(properties) => size_of(properties),
    }
}

fn text_size(text: &str) -> usize {
    text.chars().filter(|it| !it.is_control()).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Objects within an object, so many, and a number in the last.
    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!({"end": 1}), |inner, _| json!({"a": inner}))
    }

    #[test]
    fn properties_are_refused_that_a_hub_refuses() {
        let text = |length| "x".repeat(length);
        let many =
            |count| (0..count).map(|it| (format!("{it:04}"), json!(text(1020)))).collect::<Map<_, _>>();
        for (name, properties, expected) in [
            ("nothing", json!({}), Ok(())),
            ("all kinds", json!({"a": [1, 2.5, "x", true, {"b": null}], "ü-_": "ü"}), Ok(())),
            ("a long name", json!({text(1024): 1}), Ok(())),
            ("a longer name", json!({text(1025): 1}), Err(400)),
            ("a dot in a name", json!({"a.b": 1}), Err(400)),
            ("a dollar in an inner name", json!({"a": {"$b": 1}}), Err(400)),
            ("a space in a name in an array", json!({"a": [{"b c": 1}]}), Err(400)),
            ("a line feed in a name", json!({"a\nb": 1}), Err(400)),
            ("a long text", json!({"a": text(4096)}), Ok(())),
            ("a longer text", json!({"a": text(4097)}), Err(400)),
            ("the largest integer", json!({"a": 4_503_599_627_370_495_i64}), Ok(())),
            ("a larger integer", json!({"a": 4_503_599_627_370_496_i64}), Err(400)),
            ("a smaller integer", json!({"a": -4_503_599_627_370_497_i64}), Err(400)),
            ("the largest unsigned integer", json!({"a": u64::MAX}), Err(400)),
            ("a large number that is no integer", json!({"a": 1e300}), Ok(())),
            ("ten levels", nested(10), Ok(())),
            ("eleven levels", nested(11), Err(400)),
            ("32 KB", Value::Object(many(32)), Ok(())),
            ("more than 32 KB", Value::Object(many(33)), Err(413)),
        ] {
            let Value::Object(properties) = properties else { unreachable!() };
            assert_eq!(check(&properties), expected, "{name}");
        }
    }
}
