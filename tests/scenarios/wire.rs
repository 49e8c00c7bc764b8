//! Invariant 1: only reports of defects leave as telemetry, and no image byte ever reaches the hub.

use iothub_standin::{Faults, WirePacket};

use crate::{
    pictures::{BRIGHT, DARK, bad},
    station::{DEVICE, Station, bytes},
};

#[test]
fn whatever_leaves_is_a_report_a_twin_or_a_method_message_and_holds_no_image_byte() {
    let mut shades = vec![BRIGHT; 40];
    shades.extend([DARK; 20]);
    let station = Station::that_sees(&shades);
    bad(&station.path("pictures"));
    // Resends and reconnects send too.
    station.hub().set_faults(Faults { cut_after_publishes: Some(8), ..Faults::default() });
    let mut agent = station.starts();
    station.waits_until("cut", |hub| hub.logins() >= 2);
    station.hub().set_faults(Faults::default());
    agent.ends_well();

    let wire = station.hub().wire_log();
    assert!(wire.len() >= 20, "{} packets prove nothing", wire.len());
    for packet in &wire {
        check(packet);
    }
    // The pictures that were sent would be found: as bytes, and as what they decode to.
    let pictures = std::fs::read_dir(station.path("pictures")).unwrap();
    for picture in pictures.map(|entry| bytes(&entry.unwrap().path())).filter(|bytes| bytes.len() >= 16) {
        let body = &picture[picture.len() / 2 - 8..picture.len() / 2 + 8];
        for packet in &wire {
            assert!(!packet.payload.windows(16).any(|window| window == body), "{}", packet.topic);
        }
    }
    assert_eq!(station.hub().events().iter().filter(|event| event.message_id().is_empty()).count(), 0);
}

fn check(packet: &WirePacket) {
    let WirePacket { topic, payload, .. } = packet;
    let text =
        std::str::from_utf8(payload).unwrap_or_else(|_| panic!("{topic} carries bytes that are no text"));
    if topic.starts_with(&format!("devices/{DEVICE}/messages/events/")) {
        let report =
            andon_telemetry::read(payload).unwrap_or_else(|error| panic!("{topic}: {error}: {text}"));
        assert!(!report.defects.is_empty(), "a report without a defect: {text}");
        assert!(payload.len() <= andon_telemetry::MAX_BYTES);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        no_picture_in(&value, topic);
        return;
    }
    let is_twin_or_method = topic.starts_with("$iothub/twin/") || topic.starts_with("$iothub/methods/res/");
    assert!(is_twin_or_method, "{topic} is neither telemetry nor a twin or method message");
    if !payload.is_empty() {
        no_picture_in(&serde_json::from_str(text).unwrap(), topic);
    }
}

/// A picture inside JSON is a long text or a long array of numbers; a report has neither.
fn no_picture_in(value: &serde_json::Value, topic: &str) {
    match value {
        serde_json::Value::String(text) => {
            assert!(text.len() <= 256, "{topic}: a text of {} bytes", text.len())
        }
        serde_json::Value::Array(items) => {
            let numbers = items.iter().filter(|item| item.is_number()).count();
            assert!(numbers <= 4, "{topic}: an array of {numbers} numbers");
            items.iter().for_each(|item| no_picture_in(item, topic));
        }
        serde_json::Value::Object(fields) => fields.values().for_each(|field| no_picture_in(field, topic)),
        _ => {}
    }
}
