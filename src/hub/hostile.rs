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
