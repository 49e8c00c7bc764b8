//! What of a station can be changed from afar: properties of its twin, checked by what checks its file.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    Config, ConfigError,
    document::Document,
    incidents,
    items::read_region,
    model::severity,
    storage::read_limit,
    unknown,
    value::{confidence, flag},
};
use crate::inspection::Region;

/// The properties that can be changed, each an object but for `paused`.
pub const TUNABLE: [&str; 6] = ["thresholds", "severities", "region", "incidents", "evidence", "paused"];

/// The longest reason that is given for a refusal, in characters.
const LONGEST_REASON: usize = 240;

impl Config {
    /// The configuration with a property of [`TUNABLE`] changed. What the value does not name stays as it is.
    ///
    /// # Errors
    /// Says what is wrong with the value, in at most 240 characters.
    pub fn tuned(&self, name: &str, value: &Value) -> Result<Self, String> {
        if name == "evidence" && self.evidence.is_none() {
            return Err("evidence is switched off in the station's file".to_owned());
        }
        let text = match (name, value) {
            ("paused", value) => format!("[twin]\npaused = {}\n", toml(value)?),
            (_, Value::Object(properties)) => section(name, properties)?,
            _ => return Err(format!("{name} must be an object, as {{\"name\": value}}")),
        };
        self.read_tuned(name, &text).map_err(|error| reason(&error))
    }

    fn read_tuned(&self, name: &str, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text, Path::new("twin"))?;
        let mut tuned = self.clone();
        match name {
            "thresholds" => tuned.model.thresholds.extend(document.section("thresholds").labels(confidence)),
            "severities" => {
                tuned.severities.by_label.extend(document.section("severities").labels(severity()));
            }
            "region" => {
                let region = read_region(&document.section("region"));
                tuned.items.mode = tuned.items.mode.clone().with_region(region);
            }
            "incidents" => tuned.incidents = incidents::read_over(&document, &self.incidents),
            "evidence" => {
                let limit = read_limit(&document.section("evidence"));
                tuned.evidence = tuned
                    .evidence
                    .map(|it| super::Evidence { limit_bytes: limit.unwrap_or(it.limit_bytes), ..it });
            }
            _ => tuned.paused = document.section("twin").or(false, "paused", flag),
        }
        unknown::complain(&document);
        document.finish(Some(tuned))
    }

    /// What stands for a property of [`TUNABLE`] now, as it could be sent.
    #[must_use]
    pub fn tunable(&self, name: &str) -> Value {
        match name {
            "thresholds" => named(self.model.thresholds.iter(), |it| decimal(it.value())),
            "severities" => named(self.severities.by_label.iter(), |it| it.as_str().into()),
            "region" => match self.items.mode.region() {
                Some(Region { x, y, width, height }) => {
                    json!({"x": x, "y": y, "width": width, "height": height})
                }
                None => json!({}),
            },
            "incidents" => json!({
                "quiet_minutes": self.incidents.quiet.as_secs() / 60,
                "update_counts": self.incidents.updates,
            }),
            "evidence" => match &self.evidence {
                Some(evidence) => json!({"limit_megabytes": evidence.limit_bytes / 1_000_000}),
                None => json!({}),
            },
            _ => self.paused.into(),
        }
    }
}

/// A twin's names hold no blank, no dot and no dollar (iot-hub-devguide-device-twins): such labels are left out.
fn named<'a, T: 'a>(
    entries: impl Iterator<Item = (&'a String, &'a T)>,
    value: impl Fn(&T) -> Value,
) -> Value {
    let sayable = |name: &str| !name.contains([' ', '.', '$']) && !name.contains(char::is_control);
    let entries = entries.filter(|(name, _)| sayable(name)).take(MOST_LABELS);
    entries.map(|(name, it)| (name.clone(), value(it))).collect::<Map<_, _>>().into()
}

/// More labels than are shown; all reported properties together may have 32 KB.
const MOST_LABELS: usize = 50;

/// A single-precision number as a person would write it.
fn decimal(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// A property as a section of the station's file.
fn section(name: &str, properties: &Map<String, Value>) -> Result<String, String> {
    let mut text = format!("[{name}]\n");
    for (key, value) in properties {
        text.push_str(&format!("{} = {}\n", quoted(key), toml(value)?));
    }
    Ok(text)
}

/// A JSON value as TOML.
fn toml(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Null => return Err("null has no meaning here".to_owned()),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(toml).collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Value::Object(map) => {
            let pair = |(key, it): (&String, &Value)| Ok(format!("{} = {}", quoted(key), toml(it)?));
            format!("{{{}}}", map.iter().map(pair).collect::<Result<Vec<_>, String>>()?.join(", "))
        }
    })
}

/// JSON's escapes are TOML's, but for one character that TOML wants escaped.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn reason(error: &ConfigError) -> String {
    let told = error.faults.iter().map(|fault| {
        let key = fault.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let value = fault.value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
        format!("{key}{value}: {}; {}", fault.problem, fault.remedy)
    });
    told.collect::<Vec<_>>().join(" | ").chars().take(LONGEST_REASON).collect()
}
