//! What the hub sends a station: topics and payloads, read strictly and within bounds.
//!
//! Source of the topics: iot-mqtt-connect-to-iot-hub.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::twin::{Properties, TwinDocument, properties};

/// The longest request id that is repeated in an answer; the hub's own have a few characters.
const LONGEST_REQUEST: usize = 128;

/// The longest name of a method that is looked at.
const LONGEST_NAME: usize = 128;

/// So many properties of a message are shown.
const MOST_PROPERTIES: usize = 16;

/// So many characters of a message's body, or of one of its properties, are shown.
const LONGEST_SHOWN: usize = 500;

/// Something that the hub sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Letter {
    /// The twin, as it was asked for.
    Twin { request: u64, answer: Result<TwinDocument, u16> },
    /// What became of a patch of the reported properties.
    Reported { request: u64, status: u16 },
    /// A change of the desired properties.
    Desired { version: u64, patch: Properties },
    /// A method was called.
    Call(Call),
    /// A cloud-to-device message.
    Message(Message),
}

/// A call of a direct method.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// With this the answer finds its caller.
    pub(super) request: String,
    /// The method's name, as it was called.
    pub name: String,
    /// Its payload; `None` where it is not JSON.
    pub payload: Option<Value>,
}

impl Call {
    /// A call without a caller; `None` for a payload that is not JSON.
    #[must_use]
    pub fn new(name: &str, payload: Option<Value>) -> Self {
        Self { request: String::new(), name: name.to_owned(), payload }
    }
}

/// A cloud-to-device message, cut to what people read, without anything that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its properties, system properties among them.
    pub properties: Vec<(String, String)>,
    /// Its body.
    pub text: String,
    /// How long the whole body is.
    pub bytes: usize,
}

/// Reads what came from the hub for this device.
///
/// # Errors
/// Says what is wrong with it, without repeating it.
pub(super) fn read(device: &str, topic: &str, payload: &[u8]) -> Result<Letter, &'static str> {
    if let Some(rest) = topic.strip_prefix("$iothub/twin/res/") {
        return twin_answer(rest, payload).ok_or("an answer about the twin that makes no sense");
    }
    if let Some(rest) = topic.strip_prefix("$iothub/twin/PATCH/properties/desired/") {
        let version = rest.strip_prefix('?').and_then(|query| value_of(query, "$version")?.parse().ok());
        let patch = properties(payload);
        let letter = version.zip(patch).map(|(version, patch)| Letter::Desired { version, patch });
        return letter.ok_or("a change of desired properties that makes no sense");
    }
    if let Some(rest) = topic.strip_prefix("$iothub/methods/POST/") {
        return call(rest, payload).map(Letter::Call).ok_or("a call of a method that makes no sense");
    }
    let own = topic.strip_prefix("devices/").and_then(|rest| rest.strip_prefix(device));
    match own.and_then(|rest| rest.strip_prefix("/messages/devicebound")) {
        Some(bag) => Ok(Letter::Message(message(bag.trim_start_matches('/'), payload))),
        None => Err("something under a topic that is not this device's"),
    }
}

/// `{status}/?$rid={request}&$version={n}`.
fn twin_answer(rest: &str, payload: &[u8]) -> Option<Letter> {
    let (status, query) = rest.split_once("/?")?;
    let (status, request) = (status.parse().ok()?, value_of(query, "$rid")?.parse().ok()?);
    match status {
        200 => Some(Letter::Twin { request, answer: Ok(TwinDocument::read(payload)?) }),
        204 => Some(Letter::Reported { request, status }),
        // Which of the two it was knows whoever asked.
        _ => Some(Letter::Twin { request, answer: Err(status) }),
    }
}

/// `{name}/?$rid={request}`.
fn call(rest: &str, payload: &[u8]) -> Option<Call> {
    let (name, query) = rest.split_once("/?")?;
    let request = value_of(query, "$rid")?;
    // It is repeated in the answer's topic.
    let is_plain = |it: u8| it.is_ascii_graphic() && !b"+#&/".contains(&it);
    let is_usable = !request.is_empty() && request.len() <= LONGEST_REQUEST && request.bytes().all(is_plain);
    if !is_usable || name.len() > LONGEST_NAME {
        return None;
    }
    let payload = match payload.trim_ascii() {
        [] => Some(Value::Null),
        text => serde_json::from_slice(text).ok(),
    };
    Some(Call { request: request.to_owned(), name: name.to_owned(), payload })
}

fn message(bag: &str, body: &[u8]) -> Message {
    let pairs = bag.split('&').filter(|pair| !pair.is_empty()).take(MOST_PROPERTIES);
    let decoded = |text: &str| shown(&percent_decode_str(text).collect::<Vec<_>>());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    Message { properties: pairs.map(pair).collect(), text: shown(body), bytes: body.len() }
}

/// A text of somebody else's made fit for a line of the log.
fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(4 * LONGEST_SHOWN)];
    let text = String::from_utf8_lossy(start);
    let fit = |it: char| if it.is_control() { ' ' } else { it };
    text.chars().take(LONGEST_SHOWN).map(fit).collect()
}

fn value_of<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(topic: &str, payload: &str) -> Result<Letter, &'static str> {
        super::read("press-3", topic, payload.as_bytes())
    }

    #[test]
    fn answers_about_the_twin_find_their_request() {
        let Ok(Letter::Twin { request: 7, answer: Ok(twin) }) = read(
            "$iothub/twin/res/200/?$rid=7",
            r#"{"desired": {"paused": true, "$version": 4}, "reported": {"a": 1, "$version": 9}}"#,
        ) else {
            panic!("not read");
        };
        assert_eq!((twin.version, twin.desired["paused"].clone()), (4, json!(true)));
        assert_eq!(serde_json::Value::Object(twin.reported), json!({"a": 1}));
        let answered = read("$iothub/twin/res/204/?$rid=8&$version=5", "");
        assert_eq!(answered, Ok(Letter::Reported { request: 8, status: 204 }));
        let refused = read("$iothub/twin/res/429/?$rid=9", "");
        assert_eq!(refused, Ok(Letter::Twin { request: 9, answer: Err(429) }));
    }

    #[test]
    fn a_call_has_a_name_a_payload_and_a_request() {
        let called = |payload| read("$iothub/methods/POST/ping/?$rid=1a", payload);
        for (text, payload) in [
            ("", Some(json!(null))),
            (" ", Some(json!(null))),
            (r#"{"a":1}"#, Some(json!({"a": 1}))),
            ("{", None),
        ] {
            let call = Call { request: "1a".to_owned(), name: "ping".to_owned(), payload };
            assert_eq!(called(text), Ok(Letter::Call(call)), "{text}");
        }
    }

    #[test]
    fn a_message_is_shown_with_its_properties_and_without_what_cannot_be_shown() {
        let topic = "devices/press-3/messages/devicebound/%24.mid=m%201&to=%2Fa&flag";
        let Ok(Letter::Message(message)) = read(topic, "line 1\nline 2\u{7}") else { panic!("not read") };
        let named = |(name, value): &(String, String)| format!("{name}={value}");
        let properties: Vec<_> = message.properties.iter().map(named).collect();
        assert_eq!(properties, ["$.mid=m 1", "to=/a", "flag="]);
        assert_eq!((&*message.text, message.bytes), ("line 1 line 2 ", 14));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (topic, payload) in [
            ("", ""),
            ("$iothub/twin/res/200/?$rid=7", "[]"),
            ("$iothub/twin/res/200/?$rid=7", r#"{"desired": 1, "reported": {}}"#),
            ("$iothub/twin/res/200/?$rid=x", "{}"),
            ("$iothub/twin/res/abc/?$rid=1", "{}"),
            ("$iothub/twin/res/204/", ""),
            ("$iothub/twin/PATCH/properties/desired/?$version=x", "{}"),
            ("$iothub/twin/PATCH/properties/desired/?$version=3", "7"),
            ("$iothub/methods/POST/ping/", "{}"),
            ("$iothub/methods/POST/ping/?$rid=", "{}"),
            ("$iothub/methods/POST/ping/?$rid=a b", "{}"),
            ("$iothub/methods/POST/ping/?$rid=a/b", "{}"),
            ("devices/press-4/messages/devicebound/", "x"),
            ("devices/press-3", "x"),
        ] {
            assert!(read(topic, payload).is_err(), "{topic} {payload}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_topic_and_no_payload_is_too_much(topic in "(\\$iothub/(twin/res|methods/POST)/|devices/press-3/messages/devicebound/)?[a-z0-9$%&=?/+#]{0,60}", payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let letter = super::read("press-3", &topic, &payload);
            if let Ok(Letter::Call(call)) = &letter {
                prop_assert!(!call.request.contains(['+', '#', '/']) && call.request.len() <= LONGEST_REQUEST);
            }
            if let Ok(Letter::Message(message)) = &letter {
                prop_assert!(!message.text.contains(char::is_control));
            }
        }
    }
}
