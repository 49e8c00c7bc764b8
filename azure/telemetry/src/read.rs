//! From bytes that anybody may have sent to a report, or to the reason why they are none.

use crate::{MAX_BYTES, Report, SCHEMA};

/// Why bytes are no report that this crate can read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than any report.
    #[error("the report has {0} bytes, at most {MAX_BYTES} are allowed")]
    TooLarge(usize),
    /// Not JSON at all.
    #[error("the report is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON without a `schema` text.
    #[error("the report names no schema")]
    NoSchema,
    /// A schema, or a version of ours, that this reader does not know.
    #[error("the report's schema is {0:?}, this reader knows {SCHEMA:?}")]
    UnknownSchema(String),
    /// The right schema with a field missing or of the wrong type.
    #[error("the report does not fit its schema: {0}")]
    Misfit(serde_json::Error),
}

/// Reads a report and ignores fields that it does not know.
///
/// # Errors
/// Says why the bytes are no report; nothing in them can make it panic.
pub fn read(json: &[u8]) -> Result<Report, ReadError> {
    if json.len() > MAX_BYTES {
        return Err(ReadError::TooLarge(json.len()));
    }
    let value: serde_json::Value = serde_json::from_slice(json).map_err(ReadError::NotJson)?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        None => Err(ReadError::NoSchema),
        Some(SCHEMA) => serde_json::from_value(value).map_err(ReadError::Misfit),
        Some(other) => Err(ReadError::UnknownSchema(other.chars().take(80).collect())),
    }
}
