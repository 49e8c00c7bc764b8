//! Device twins: two JSON documents with versions (azure-docs, iot-hub-devguide-device-twins.md).

mod limits;

use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Twin {
    pub(crate) desired: Map<String, Value>,
    pub(crate) desired_version: u64,
    pub(crate) reported: Map<String, Value>,
    pub(crate) reported_version: u64,
}

impl Default for Twin {
    fn default() -> Self {
        Self { desired: Map::new(), desired_version: 1, reported: Map::new(), reported_version: 1 }
    }
}

impl Twin {
    /// What a device gets when it asks.
    pub(crate) fn document(&self) -> Value {
        let with_version = |properties: &Map<String, Value>, version: u64| {
            let mut all = properties.clone();
            all.insert("$version".to_owned(), json!(version));
            Value::Object(all)
        };
        json!({
            "desired": with_version(&self.desired, self.desired_version),
            "reported": with_version(&self.reported, self.reported_version),
        })
    }

    /// Of both halves together.
    pub(crate) fn version(&self) -> u64 {
        self.desired_version + self.reported_version - 1
    }

    /// A device's patch of its reported properties: the new version, or the status that refuses it.
    pub(crate) fn report(&mut self, patch: Map<String, Value>) -> Result<u64, u16> {
        self.reported = patched(&self.reported, patch)?;
        self.reported_version += 1;
        Ok(self.reported_version)
    }

    /// The owner's patch of the desired properties: what the device is told.
    pub(crate) fn desire(&mut self, patch: Map<String, Value>) -> Result<Value, u16> {
        self.desired = patched(&self.desired, patch.clone())?;
        self.desired_version += 1;
        let mut told = patch;
        told.insert("$version".to_owned(), json!(self.desired_version));
        Ok(Value::Object(told))
    }
}

fn patched(old: &Map<String, Value>, patch: Map<String, Value>) -> Result<Map<String, Value>, u16> {
    let mut new = old.clone();
    merge(&mut new, patch);
    limits::check(&new).map(|()| new)
}

/// RFC 7396: null removes, objects merge, everything else replaces.
fn merge(old: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (old.get_mut(&name), value) {
            (_, Value::Null) => {
                old.remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                old.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_merges_replaces_and_removes() {
        let mut twin = Twin::default();
        assert_eq!(twin.report(object(json!({"a": {"b": 1, "c": 2}, "d": 3}))), Ok(2));
        assert_eq!(twin.report(object(json!({"a": {"b": null, "c": 4}, "d": null, "e": [1]}))), Ok(3));
        assert_eq!(Value::Object(twin.reported), json!({"a": {"c": 4}, "e": [1]}));
    }

    #[test]
    fn a_bad_name_and_too_much_are_refused_and_change_nothing() {
        let mut twin = Twin::default();
        let large: Map<_, _> = (0..33).map(|it| (it.to_string(), json!("x".repeat(1024)))).collect();
        assert_eq!(twin.report(large), Err(413));
        assert_eq!(twin.report(object(json!({"a.b": 1}))), Err(400));
        assert_eq!((twin.reported_version, twin.reported.len()), (1, 0));
    }
}
