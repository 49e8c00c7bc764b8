//! How a reader acknowledges an incident: the station's direct method, in the portal's words and as a command.

use serde_json::json;

use super::catalogue::fill;
use super::sheet::Reader;
use crate::plain::plain;

/// What to do, one way a line. `station` is the device's id, as the mail shows it.
pub(super) fn ways(reader: Reader<'_>, station: &str, incident: &str) -> Vec<String> {
    let texts = &reader.texts.acknowledging;
    let hub = if reader.hub.is_empty() { texts.hub.as_str() } else { reader.hub };
    let payload = json!({ "incident": plain(incident, 64) }).to_string();
    let values = [("hub", hub), ("station", station), ("payload", payload.as_str())];
    let mut ways = vec![fill(&texts.portal, &values)];
    // Both come from outside: nothing that a shell could take for more than a word stands in what people copy to it.
    if is_word(station) && is_word(incident) {
        let command = format!(
            "az iot hub invoke-device-method --hub-name {hub} --device-id {station} --method-name acknowledge \
             --method-payload '{payload}'"
        );
        ways.push(fill(&texts.shell, &[("command", &command)]));
    }
    ways
}

/// Whether a text is nothing but a word to a shell, and no option.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::letter::Language;

    fn of(hub: &str, station: &str, incident: &str) -> Vec<String> {
        let reader = Reader { texts: Language::English.texts(), zone: &TimeZone::UTC, hub };
        ways(reader, station, incident)
    }

    #[test]
    fn a_reader_is_given_the_portals_words_and_the_command() {
        let ways = of("plant-hub", "press-3", "019ab0e2-5c00");
        let command = "az iot hub invoke-device-method --hub-name plant-hub --device-id press-3 \
                       --method-name acknowledge --method-payload '{\"incident\":\"019ab0e2-5c00\"}'";
        assert_eq!(ways.len(), 2);
        assert!(
            ways[0].contains("plant-hub") && ways[0].contains("{\"incident\":\"019ab0e2-5c00\"}"),
            "{ways:?}"
        );
        assert!(ways[1].ends_with(command), "{ways:?}");
        assert!(of("", "press-3", "i")[1].contains("--hub-name HUB "));
    }

    #[test]
    fn no_command_is_made_of_what_a_shell_would_take_for_more_than_a_word() {
        for evil in ["';curl${IFS}x|sh;'", "$(reboot)", "a'b", "`id`", "a&b", "-h", "a\"b", "*", ""] {
            assert_eq!(of("plant-hub", "press-3", evil).len(), 1, "{evil}");
            assert_eq!(of("plant-hub", evil, "i").len(), 1, "{evil}");
        }
    }
}
