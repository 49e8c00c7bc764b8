//! The texts of mails, a file a language. Every text must be there in every language, with the same values in it.

use std::sync::LazyLock;

use serde::Deserialize;

/// A language of mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("catalogue/en.toml")));
static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("catalogue/de.toml")));

impl Language {
    /// Its texts.
    pub(super) fn texts(self) -> &'static Catalogue {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// The files are built in and read by a test; a catalogue without texts is what is left where one is broken.
fn read(text: &str) -> Catalogue {
    toml::from_str(text).unwrap_or_default()
}

/// All texts of a language.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    pub(super) html_language: String,
    pub(super) subject: SubjectTexts,
    pub(super) count: CountTexts,
    pub(super) word: WordTexts,
    pub(super) headline: HeadlineTexts,
    pub(super) glance: GlanceTexts,
    pub(super) section: SectionTexts,
    pub(super) fact: FactTexts,
    pub(super) step: StepTexts,
    pub(super) acknowledging: AcknowledgingTexts,
    pub(super) note: NoteTexts,
    pub(super) row: RowTexts,
    pub(super) place: PlaceTexts,
    pub(super) origin: OriginTexts,
    pub(super) time: TimeTexts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectTexts {
    pub(super) incident: String,
    pub(super) weight_critical: String,
    pub(super) weight_other: String,
    pub(super) table: String,
    pub(super) table_quiet: String,
    pub(super) silent: String,
    pub(super) unwell: String,
    pub(super) care: String,
    pub(super) refused: String,
    pub(super) follows: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CountTexts {
    pub(super) item: Count,
    pub(super) new_item: Count,
    pub(super) defect: Count,
    pub(super) station: Count,
    pub(super) more_stations: Count,
    pub(super) matter: Count,
    pub(super) event: Count,
    pub(super) minute: Count,
    pub(super) day: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordTexts {
    pub(super) defect: String,
    pub(super) critical: String,
    pub(super) major: String,
    pub(super) minor: String,
    pub(super) unknown: String,
    pub(super) unknown_line: String,
    pub(super) several_lines: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadlineTexts {
    pub(super) opening: String,
    pub(super) update: String,
    pub(super) escalation: String,
    pub(super) closing: String,
    pub(super) table: String,
    pub(super) disconnected: String,
    pub(super) no_heartbeat: String,
    pub(super) unwell: String,
    pub(super) care: String,
    pub(super) back: String,
    pub(super) refused: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GlanceTexts {
    pub(super) incident: String,
    pub(super) closing: String,
    pub(super) since: String,
    pub(super) back: String,
    pub(super) table: String,
    pub(super) refused: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionTexts {
    pub(super) steps: String,
    pub(super) facts: String,
    pub(super) ways: String,
    pub(super) notes: String,
    pub(super) rows: String,
    pub(super) groups: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactTexts {
    pub(super) product: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) items: String,
    pub(super) item: String,
    pub(super) last_item: String,
    pub(super) sure: String,
    pub(super) r#where: String,
    pub(super) picture: String,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) acknowledged: String,
    pub(super) items_new: String,
    pub(super) item_at: String,
    pub(super) percent: String,
    pub(super) percents: String,
    pub(super) label_sure: String,
    pub(super) label_items: String,
    pub(super) others: String,
    pub(super) no_detail: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepTexts {
    pub(super) look_picture: String,
    pub(super) look_item: String,
    pub(super) one_item: String,
    pub(super) items_since: String,
    pub(super) take_out_critical: String,
    pub(super) take_out: String,
    pub(super) real_critical: String,
    pub(super) real_major: String,
    pub(super) real_minor: String,
    pub(super) false_critical: String,
    pub(super) false_other: String,
    pub(super) acknowledge: String,
    pub(super) over: String,
    pub(super) over_why: String,
    pub(super) escalated: String,
    pub(super) silent: String,
    pub(super) silent_network: String,
    pub(super) silent_items: String,
    pub(super) unwell: String,
    pub(super) unwell_items: String,
    pub(super) care: String,
    pub(super) back: String,
    pub(super) back_items: String,
    pub(super) table_critical: String,
    pub(super) table_common: String,
    pub(super) refused: String,
    pub(super) refused_version: String,
    pub(super) refused_claim: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgingTexts {
    pub(super) hub: String,
    pub(super) portal: String,
    pub(super) shell: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteTexts {
    pub(super) clock: String,
    pub(super) late: String,
    pub(super) ahead: String,
    pub(super) claimed: String,
    pub(super) rest: String,
    pub(super) gathered: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowTexts {
    pub(super) opening: String,
    pub(super) update: String,
    pub(super) escalation: String,
    pub(super) closing: String,
    pub(super) disconnected: String,
    pub(super) no_heartbeat: String,
    pub(super) unwell: String,
    pub(super) care: String,
    pub(super) back: String,
    pub(super) refused: String,
    pub(super) total: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceTexts {
    pub(super) names: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OriginTexts {
    pub(super) incident: String,
    pub(super) station: String,
    pub(super) other: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeTexts {
    pub(super) pattern: String,
    pub(super) span_hours: String,
    pub(super) span_days: String,
    pub(super) weekdays: Vec<String>,
    pub(super) months: Vec<String>,
}

/// One of something, and more.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Count(String, String);

impl Count {
    pub(super) fn of(&self, number: u64) -> String {
        if number == 1 { self.0.clone() } else { fill(&self.1, &[("n", &number.to_string())]) }
    }
}

/// Puts values in place of `{name}`, in one pass: what a value holds is never looked at again.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.extend(values.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Each text's name and the values that it holds.
    fn values(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        fn collect(at: String, value: &toml::Value, all: &mut BTreeMap<String, BTreeSet<String>>) {
            match value {
                toml::Value::Table(table) => {
                    table.iter().for_each(|(key, value)| collect(format!("{at}.{key}"), value, all));
                }
                toml::Value::Array(array) => {
                    array
                        .iter()
                        .enumerate()
                        .for_each(|(at_, value)| collect(format!("{at}.{at_}"), value, all));
                }
                other => {
                    let text = other.as_str().unwrap();
                    let names =
                        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned());
                    all.insert(at, names.collect());
                }
            }
        }
        let mut all = BTreeMap::new();
        collect(String::new(), &toml::Value::Table(toml::from_str(text).unwrap()), &mut all);
        all
    }

    #[test]
    fn every_language_has_every_text_with_the_same_values() {
        let (english, german) = (include_str!("catalogue/en.toml"), include_str!("catalogue/de.toml"));
        for text in [english, german] {
            toml::from_str::<Catalogue>(text).unwrap();
        }
        assert_eq!(values(english), values(german));
    }

    #[test]
    fn a_value_is_never_looked_at_again() {
        assert_eq!(fill("{a} and {b}, {c}", &[("a", "{b}"), ("b", "1")]), "{b} and 1, ");
        assert_eq!(fill("half {a", &[("a", "1")]), "half {a");
    }
}
