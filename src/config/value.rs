//! What a single value may be: its type, its unit, its range.

use std::{
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};

use toml::de::DeValue;

use super::{
    fault::quotable,
    likeness::{closest, likeness},
};
use crate::inspection::Confidence;

/// The longest name and the longest word that is read, in characters.
pub(super) const LONGEST_NAME: usize = 128;

/// Why a value is refused.
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) remedy: String,
    /// What to show in place of the whole value.
    pub(super) shown: Option<String>,
    /// Where, if not at the key.
    pub(super) at: Option<Range<usize>>,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into(), shown: None, at: None }
    }
}

/// A value as it is written, where it is short enough to be shown.
pub(super) fn quote(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("\"{}\"", quotable(text))),
        DeValue::Integer(number) => Some(quotable(&number.to_string())),
        DeValue::Float(number) => Some(quotable(&number.to_string())),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The kind of a value, in words for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

fn wrong_kind(value: &DeValue<'_>, remedy: impl Into<String>) -> Wrong {
    Wrong::new(format!("this is {}", kind(value)), remedy)
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| wrong_kind(value, "write true or false, without quotes"))
}

/// A whole number in a range; `unit` is a word that follows a number.
pub(super) fn whole<N: TryFrom<u64>>(
    range: RangeInclusive<u64>,
    unit: &str,
) -> impl Fn(&DeValue<'_>) -> Result<N, Wrong> {
    move |value| {
        let (least, most) = (*range.start(), *range.end());
        let remedy = format!("write a whole number from {least} to {most}{}", counted(unit));
        let Some(integer) = value.as_integer() else { return Err(wrong_kind(value, remedy)) };
        // What does not even fit here is too large or, with a minus, too small.
        let number = i128::from_str_radix(integer.as_str(), integer.radix())
            .unwrap_or(if integer.as_str().starts_with('-') { i128::MIN } else { i128::MAX });
        if number < i128::from(least) {
            return Err(Wrong::new("this is too small", remedy));
        }
        u64::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| Wrong::new("this is too large", remedy))
    }
}

fn counted(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" ({unit})") }
}

/// A number, whole or not; `None` for what is neither finite nor a number.
fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: f64 = match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A number for which `fits` holds; `range` says in words which these are.
pub(super) fn fraction(
    fits: impl Fn(f64) -> bool,
    range: &str,
) -> impl Fn(&DeValue<'_>) -> Result<f64, Wrong> {
    move |value| {
        let remedy = format!("write a number {range}");
        match (value, number(value)) {
            (_, Some(number)) if fits(number) => Ok(number),
            (DeValue::Integer(_) | DeValue::Float(_), _) => Err(Wrong::new("this is out of range", remedy)),
            _ => Err(wrong_kind(value, remedy)),
        }
    }
}

/// How sure a model must be.
pub(super) fn confidence(value: &DeValue<'_>) -> Result<Confidence, Wrong> {
    let range = "between 0 and 1";
    match fraction(|number| (0.0..=1.0).contains(&number), range)(value) {
        Ok(number) => Confidence::new(number as f32)
            .ok_or_else(|| Wrong::new("this is out of range", format!("write a number {range}"))),
        Err(mut wrong) => {
            if let Some(percent) = number(value).filter(|number| (1.0..=100.0).contains(number)) {
                wrong.problem = "a confidence is between 0 and 1".to_owned();
                wrong.remedy = format!("{}?", percent / 100.0);
            }
            Err(wrong)
        }
    }
}

/// One of a few words, each with its meaning.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T, Wrong> {
    move |value| {
        let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let remedy = format!("write {}", all.join(" or "));
        let Some(text) = value.as_str() else { return Err(wrong_kind(value, remedy)) };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let remedy = match closest(words.iter().map(|(word, _)| (*word, likeness(word, text)))) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => remedy,
        };
        Err(Wrong::new("this is not a choice here", remedy))
    }
}

/// A text that people read: one line, not empty, no blanks around it.
pub(super) fn name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let remedy = format!("write 1 to {LONGEST_NAME} characters in quotes");
    let Some(text) = value.as_str() else { return Err(wrong_kind(value, remedy)) };
    let problem = if text.trim().is_empty() {
        "this is empty"
    } else if text.chars().count() > LONGEST_NAME {
        "this is too long"
    } else if text.contains(char::is_control) {
        "this holds characters that cannot be shown"
    } else if text != text.trim() {
        "this has blanks around it"
    } else {
        return Ok(text.to_owned());
    };
    Err(Wrong::new(problem, remedy))
}

/// A name that also machines read.
pub(super) fn id(value: &DeValue<'_>) -> Result<String, Wrong> {
    let text = name(value)?;
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    if text.starts_with(|it: char| it.is_ascii_alphanumeric()) && text.chars().all(plain) {
        return Ok(text);
    }
    let remedy = "begin with a letter a-z or a digit, and use only those and - _ .";
    Err(Wrong::new("this has a character that an id cannot have", remedy))
}

/// The path of a file or folder; a relative one is taken from the folder of the configuration.
pub(super) fn path(folder: &Path) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, Wrong> {
    move |value| {
        let remedy = "write a path in quotes";
        let Some(text) = value.as_str() else { return Err(wrong_kind(value, remedy)) };
        if text.trim().is_empty() {
            return Err(Wrong::new("this is empty", remedy));
        }
        if text.contains(char::is_control) {
            return Err(Wrong::new("this holds characters that no path should have", remedy));
        }
        if text == "~" || text.starts_with("~/") {
            return Err(Wrong::new("only a shell knows ~", "write the path whole, as /home/..."));
        }
        Ok(folder.join(text))
    }
}

/// A list of whole numbers, each greater than the one before.
pub(super) fn growing(
    range: RangeInclusive<u64>,
    most: usize,
) -> impl Fn(&DeValue<'_>) -> Result<Vec<u64>, Wrong> {
    let element = whole::<u64>(range, "");
    move |value| {
        let remedy = format!("write at most {most} whole numbers, each greater than the one before");
        let Some(list) = value.as_array() else { return Err(wrong_kind(value, remedy)) };
        let mut numbers: Vec<u64> = Vec::new();
        for it in list.iter() {
            let there = |wrong: Wrong| Wrong { at: Some(it.span()), shown: quote(it.get_ref()), ..wrong };
            let number = element(it.get_ref()).map_err(there)?;
            if numbers.last().is_some_and(|last| *last >= number) {
                return Err(there(Wrong::new("this is not greater than the number before it", remedy)));
            }
            numbers.push(number);
            if numbers.len() > most {
                return Err(Wrong::new("this list is too long", remedy));
            }
        }
        Ok(numbers)
    }
}
