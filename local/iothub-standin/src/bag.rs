//! Property bags: `name=value&name=value` at the end of a topic.
//!
//! Names and values are percent-encoded (RFC 2396); a space is `%20`, never `+`, which is a wildcard in MQTT
//! (azure-docs, iot-mqtt-connect-to-iot-hub.md, "Sending device-to-cloud messages").

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Decoded properties in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bag(pub Vec<(String, String)>);

impl Bag {
    /// `None` where the text is no bag.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('?').trim_end_matches('/');
        let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|it| it.into_owned());
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(name)?, decode(value)?)).filter(|(name, _)| !name.is_empty())
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// The first value under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As it stands in a topic.
    #[must_use]
    pub fn encode(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, PLAIN), utf8_percent_encode(value, PLAIN))
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Bytes of names and values, which count towards a message's size.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_properties_come_back_as_they_were() {
        let bag = Bag(vec![
            ("$.mid".to_owned(), "mid 1/ü".to_owned()),
            ("a b+c=d/e#g".to_owned(), "x y".to_owned()),
            ("empty".to_owned(), String::new()),
        ]);
        assert_eq!(Bag::parse(&bag.encode()), Some(bag.clone()));
        assert!(!bag.encode().contains(['+', '#', ' ']));
    }

    #[test]
    fn what_is_no_bag_is_refused() {
        assert_eq!(Bag::parse("a=%ff"), None);
        assert_eq!(Bag::parse("=value"), None);
        assert_eq!(Bag::parse(""), Some(Bag::default()));
    }
}
