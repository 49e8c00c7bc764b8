//! Direct methods: which there are, and what they are called with.

use serde_json::{Map, Value, json};

use crate::{
    agent::controls::Which,
    hub::{Answer, Call},
};

/// What a method asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Answers at once.
    Ping,
    /// Tells how things stand.
    Diagnostics,
    /// Inspects nothing more.
    Pause,
    /// Inspects again.
    Resume,
    /// Closes an incident.
    Acknowledge(Which),
    /// Counts from 0 again.
    ResetCounters,
}

/// The names of all methods.
const METHODS: [&str; 6] = ["ping", "diagnostics", "pause", "resume", "acknowledge", "reset_counters"];

/// More characters than an incident's id or a label has.
const LONGEST_NAME: usize = 128;

/// Reads a call.
///
/// # Errors
/// With what the caller must be told instead: 404 for an unknown method, 400 for a payload that it cannot have.
pub(super) fn read(call: &Call) -> Result<Order, Answer> {
    let order = match call.name.as_str() {
        "ping" => Order::Ping,
        "diagnostics" => Order::Diagnostics,
        "pause" => Order::Pause,
        "resume" => Order::Resume,
        "reset_counters" => Order::ResetCounters,
        "acknowledge" => return which(call).map(Order::Acknowledge),
        _ => return Err(refusal(404, format!("there is no such method; there are {}", METHODS.join(", ")))),
    };
    match &call.payload {
        Some(Value::Null) => Ok(order),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(order),
        // What the portal sends where nobody wrote anything.
        Some(Value::String(text)) if text.is_empty() => Ok(order),
        Some(_) => Err(refusal(400, format!("{} takes no payload; send {{}} or nothing", call.name))),
        None => Err(refusal(400, "the payload is not JSON; send {} or nothing")),
    }
}

fn which(call: &Call) -> Result<Which, Answer> {
    let usage = "acknowledge takes {\"incident\": the id in its reports} or {\"label\": its defects' label}";
    let Some(Value::Object(fields)) = &call.payload else { return Err(refusal(400, usage)) };
    let text = |name| named(fields, name).filter(|_| fields.len() == 1);
    let which = text("incident").map(Which::Id).or_else(|| text("label").map(Which::Label));
    which.ok_or_else(|| refusal(400, usage))
}

fn named(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?;
    (1..=LONGEST_NAME).contains(&text.chars().count()).then(|| text.to_owned())
}

/// An answer that says why not.
pub(super) fn refusal(status: u16, reason: impl Into<String>) -> Answer {
    Answer { status, payload: json!({"reason": reason.into()}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, payload: &str) -> Result<Order, u16> {
        let call = Call::new(name, serde_json::from_str(payload).ok());
        super::read(&call).map_err(|answer| {
            assert!(answer.payload["reason"].as_str().is_some_and(|reason| reason.len() > 10));
            answer.status
        })
    }

    #[test]
    fn each_method_has_its_payload_and_no_other() {
        let id = |text: &str| Ok(Order::Acknowledge(Which::Id(text.to_owned())));
        for (name, payload, expected) in [
            ("ping", "null", Ok(Order::Ping)),
            ("ping", "{}", Ok(Order::Ping)),
            ("ping", "\"\"", Ok(Order::Ping)),
            ("ping", "{", Err(400)),
            ("pause", "{\"for\": 3}", Err(400)),
            ("resume", "[]", Err(400)),
            ("reset_counters", "null", Ok(Order::ResetCounters)),
            ("acknowledge", "{\"incident\": \"a\"}", id("a")),
            ("acknowledge", "{\"label\": \"b\"}", Ok(Order::Acknowledge(Which::Label("b".to_owned())))),
            ("acknowledge", "{\"label\": \"b\", \"incident\": \"a\"}", Err(400)),
            ("acknowledge", "{\"incident\": \"\"}", Err(400)),
            ("acknowledge", "{\"incident\": 3}", Err(400)),
            ("acknowledge", "null", Err(400)),
            ("Ping", "null", Err(404)),
            ("", "null", Err(404)),
        ] {
            assert_eq!(read(name, payload), expected, "{name} {payload}");
        }
        let long = json!({"incident": "x".repeat(LONGEST_NAME + 1)}).to_string();
        assert_eq!(read("acknowledge", &long), Err(400));
    }
}
