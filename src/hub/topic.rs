//! Where a report is published: IoT Hub reads a message's properties out of the topic.
//!
//! Source: iot-mqtt-connect-to-iot-hub, "Sending device-to-cloud messages".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{delivery::Unsendable, outbox::Entry};

/// Everything but the unreserved characters of RFC 3986. A space becomes `%20`: the `+` of web forms is a wildcard in
/// MQTT and no topic may hold it.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest device-to-cloud message, body and properties together (iot-hub-devguide-quotas-throttling).
const LARGEST_MESSAGE: usize = 256 * 1024;

/// The longest text that MQTT can carry (MQTT 3.1.1, 1.5.3).
const LONGEST_TOPIC: usize = 65_535;

/// The topic of a report: its identity, its media type, and its properties for routing.
///
/// # Errors
/// When the report is larger than anything that the hub takes.
pub(super) fn of_report(device: &str, entry: &Entry) -> Result<String, Unsendable> {
    let system = [("$.mid", &*entry.report_id), ("$.ct", "application/json"), ("$.ce", "utf-8")];
    let own = entry.properties.iter().map(|(name, value)| (&**name, &**value));
    let bag: Vec<String> = system
        .into_iter()
        .chain(own)
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let topic = format!("devices/{device}/messages/events/{}", bag.join("&"));
    let size = topic.len() + entry.json.len();
    if topic.len() > LONGEST_TOPIC {
        return Err(Unsendable(format!(
            "its properties take {} bytes, MQTT carries {LONGEST_TOPIC}",
            topic.len()
        )));
    }
    if size > LARGEST_MESSAGE {
        return Err(Unsendable(format!("it takes {size} bytes, IoT Hub accepts {LARGEST_MESSAGE}")));
    }
    Ok(topic)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: &str, json: usize) -> Entry {
        Entry {
            sequence: 1,
            report_id: "id 1".to_owned(),
            properties: vec![("line".to_owned(), line.to_owned())],
            json: vec![b'x'; json],
            stored_at: String::new(),
        }
    }

    #[test]
    fn properties_are_percent_encoded_and_a_space_is_no_plus() {
        let expected =
            "devices/st-3/messages/events/%24.mid=id%201&%24.ct=application%2Fjson&%24.ce=utf-8&line=";
        for (line, encoded) in [
            ("L1", "L1"),
            ("Lötplatz 1", "L%C3%B6tplatz%201"),
            ("a+b#c/d", "a%2Bb%23c%2Fd"),
            ("k=v&x;%", "k%3Dv%26x%3B%25"),
            ("-._~", "-._~"),
            ("", ""),
        ] {
            assert_eq!(of_report("st-3", &entry(line, 1)).unwrap(), format!("{expected}{encoded}"));
        }
    }

    #[test]
    fn what_the_hub_can_never_take_is_told_before_it_is_sent() {
        assert!(of_report("x", &entry("a", 64 * 1024)).is_ok());
        let body = of_report("x", &entry("a", LARGEST_MESSAGE)).unwrap_err().to_string();
        assert!(body.contains("262144"), "{body}");
        let properties = of_report("x", &entry(&"ö".repeat(11_000), 1)).unwrap_err().to_string();
        assert!(properties.contains("65535"), "{properties}");
    }
}
