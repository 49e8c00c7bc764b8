//! What nobody's letter may do: end the agent, grow without bound, or make it say what the hub would end the connection
//! for. Takes any bytes; `fuzz/` looks for those that break it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    correspondence::Correspondence,
    desk::{Answer, Desk, Errand},
    twin::Properties,
};

/// Letters one after the other, as `topic NUL payload NUL`; in `topic`, `{D}` stands for this device's.
pub fn letters(bytes: &[u8]) {
    let desk = Desk::default();
    let mut reported = Properties::new();
    reported.insert("agent".to_owned(), json!({"version": "1"}));
    desk.report(reported);
    let mut session = Correspondence::new(desk.clone(), "press-3");
    for _ in session.subscriptions() {
        session.confirmed();
    }
    let mut now = Instant::now();
    let mut parts = bytes.split(|it| *it == 0);
    while let (Some(topic), Some(payload)) = (parts.next(), parts.next()) {
        let topic = String::from_utf8_lossy(topic).replace("{D}", "devices/press-3/messages/devicebound");
        session.receive(&topic, payload, now);
        now += Duration::from_secs(1);
        let errands = std::iter::from_fn(|| desk.next(Duration::ZERO)).collect::<Vec<_>>();
        for errand in errands {
            match errand {
                Errand::Answer(call) => desk.answer(&call, Answer { status: 200, payload: json!({}) }),
                Errand::Show(message) => assert!(!message.text.contains(char::is_control)),
                Errand::Desire(_) => {}
            }
        }
        while let Some(mail) = session.next(now) {
            assert!(
                mail.topic.starts_with("$iothub/") && !mail.topic.contains(['+', '#', '\0']),
                "{}",
                mail.topic
            );
            assert!(mail.payload.len() < 256 * 1024);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Bytes of the corpus that are likely to meet each other.
    fn letter() -> impl Strategy<Value = Vec<u8>> {
        let topic = prop::sample::select(vec![
            "$iothub/twin/res/200/?$rid=1",
            "$iothub/twin/res/204/?$rid=2",
            "$iothub/twin/res/429/?$rid=2",
            "$iothub/twin/PATCH/properties/desired/?$version=2",
            "$iothub/twin/PATCH/properties/desired/?$version=3",
            "$iothub/methods/POST/ping/?$rid=a",
            "{D}/%24.mid=1",
        ]);
        let payload = prop::sample::select(vec![
            "",
            "{}",
            "null",
            r#"{"desired": {"$version": 1}, "reported": {}}"#,
            r#"{"desired": {"$version": 3, "a": {"b": 1}}, "reported": {"agent": 7}}"#,
            r#"{"a": {"b": null}, "c": [[]]}"#,
        ]);
        (topic, payload).prop_map(|(topic, payload)| format!("{topic}\0{payload}\0").into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn letters_in_any_order_and_with_any_byte_changed_do_no_harm(
            letters in prop::collection::vec(letter(), 0..8),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut bytes = letters.concat();
            for (index, byte) in changes {
                if !bytes.is_empty() {
                    let index = index.index(bytes.len());
                    bytes[index] = byte;
                }
            }
            super::letters(&bytes);
        }
    }

    #[test]
    fn the_corpus_and_what_is_cut_from_it_do_no_harm() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/letters");
        let mut files = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for length in 0..=bytes.len() {
                super::letters(&bytes[..length]);
            }
            files += 1;
        }
        assert!(files >= 4, "{files}");
    }
}
