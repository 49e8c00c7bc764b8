//! Twin documents: read, patched, compared. Patches are those of RFC 7396: null removes, objects merge, everything else
//! replaces.

use serde_json::{Map, Value};

/// Properties of a twin, by name.
pub type Properties = Map<String, Value>;

/// A twin as the device gets it. What the hub adds under names that begin with `$` is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TwinDocument {
    pub(super) desired: Properties,
    /// Of the desired properties.
    pub(super) version: u64,
    pub(super) reported: Properties,
}

impl TwinDocument {
    /// `None` for what is no twin.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut twin)) = serde_json::from_slice(payload) else { return None };
        let mut half = |name| match twin.remove(name) {
            Some(Value::Object(properties)) => Some(properties),
            _ => None,
        };
        let (desired, reported) = (half("desired")?, half("reported")?);
        let version = desired.get("$version")?.as_u64()?;
        Some(Self { desired: own(desired), version, reported: own(reported) })
    }
}

/// The properties in a payload; `None` for what is no JSON object.
pub(super) fn properties(payload: &[u8]) -> Option<Properties> {
    serde_json::from_slice(payload).ok().map(own)
}

fn own(mut properties: Properties) -> Properties {
    properties.retain(|name, _| !name.starts_with('$'));
    properties
}

/// Patches properties.
pub(super) fn merge(properties: &mut Properties, patch: Properties) {
    for (name, value) in patch {
        match (properties.get_mut(&name), value) {
            (_, Value::Null) => {
                properties.remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, Value::Object(new)) => {
                let mut fresh = Properties::new();
                merge(&mut fresh, new);
                properties.insert(name, Value::Object(fresh));
            }
            (_, value) => {
                properties.insert(name, value);
            }
        }
    }
}

/// The smallest patch that makes `want` of `have`; `want` holds no null, which a twin cannot hold.
pub(super) fn difference(have: &Properties, want: &Properties) -> Properties {
    let mut patch = Properties::new();
    for (name, value) in want {
        match (have.get(name), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(name.clone(), Value::Object(difference(old, new)));
            }
            (_, new) => {
                patch.insert(name.clone(), new.clone());
            }
        }
    }
    let gone = have.keys().filter(|name| !want.contains_key(*name));
    patch.extend(gone.map(|name| (name.clone(), Value::Null)));
    patch
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Properties {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_says_only_what_changed() {
        let have = object(json!({"a": 1, "b": {"c": 2, "d": [1, 2]}, "e": "x"}));
        let want = object(json!({"a": 1, "b": {"c": 3, "d": [1]}, "f": {}}));
        let patch = difference(&have, &want);
        assert_eq!(Value::Object(patch), json!({"b": {"c": 3, "d": [1]}, "e": null, "f": {}}));
        assert!(difference(&want, &want).is_empty());
    }

    #[test]
    fn a_twin_without_its_halves_or_its_version_is_none() {
        for text in [
            "",
            "{}",
            "[1]",
            r#"{"desired": {"$version": 1}}"#,
            r#"{"desired": {}, "reported": {}}"#,
            r#"{"desired": {"$version": -1}, "reported": {}}"#,
            r#"{"desired": {"$version": 1}, "reported": null}"#,
        ] {
            assert_eq!(TwinDocument::read(text.as_bytes()), None, "{text}");
        }
        let deep = format!(r#"{{"desired": {}, "reported": {{}}}}"#, "[".repeat(100_000));
        assert_eq!(TwinDocument::read(deep.as_bytes()), None);
    }

    /// JSON without nulls.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..4u8).prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn any_properties() -> impl Strategy<Value = Properties> {
        prop::collection::btree_map("[a-c]", value(), 0..4).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_difference_makes_the_one_of_the_other(have in any_properties(), want in any_properties()) {
            let mut patched = have.clone();
            merge(&mut patched, difference(&have, &want));
            prop_assert_eq!(patched, want);
        }
    }
}
