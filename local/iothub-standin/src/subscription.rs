//! What a device can listen to.

/// One of the five; a session holds a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subscription {
    CloudMessages,
    TwinAnswers,
    DesiredProperties,
    Methods,
    Credentials,
}

impl Subscription {
    /// `None` for any other filter, which ends the connection.
    pub(crate) fn parse(filter: &str, device: &str) -> Option<Self> {
        Some(match filter {
            "$iothub/twin/res/#" => Self::TwinAnswers,
            "$iothub/twin/PATCH/properties/desired/#" => Self::DesiredProperties,
            "$iothub/methods/POST/#" => Self::Methods,
            "$iothub/credential/#" => Self::Credentials,
            own if own == format!("devices/{device}/messages/devicebound/#") => Self::CloudMessages,
            _ => return None,
        })
    }
}
