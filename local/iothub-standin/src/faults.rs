//! Faults on demand.

use serde::{Deserialize, Serialize};

/// What goes wrong from now on; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Connections are closed before their TLS handshake.
    pub refuse_connections: bool,
    /// CONNACK says 5 (not authorised) to everybody.
    pub refuse_login: bool,
    /// Connections are cut right after CONNACK, as a hub whose daily quota is used up does (403002; Azure/
    /// azure-iot-sdk-java#377).
    pub cut_after_connack: bool,
    /// The day's quota: once so many messages were accepted in all, none is, and connections are cut at the next and
    /// right after CONNACK.
    pub quota: Option<u64>,
    /// Connections are cut after so many device-to-cloud messages, before the PUBACK of the last one.
    pub cut_after_publishes: Option<u64>,
    /// What becomes of acknowledgements.
    pub puback: Puback,
    /// What CONNACK says of the session, in place of the truth.
    pub session_present: Option<bool>,
    /// Twin requests are answered with this status: 429 or 5xx.
    pub twin_status: Option<u16>,
    /// What the provisioning service does with whoever asks it.
    pub provisioning: Provisioning,
}

/// What becomes of acknowledgements of device-to-cloud messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Puback {
    /// Sent at once.
    #[default]
    Prompt,
    /// Sent after so many milliseconds, as a throttled hub does.
    LateMs(u64),
    /// Never sent; the message is accepted all the same.
    Never,
}

/// What becomes of a registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provisioning {
    /// It is assigned when it asks for the first time.
    #[default]
    Prompt,
    /// It is told `assigning` so many times before.
    AfterAsks(u32),
    /// Requests are answered with this status: 401, 404, 429 (with `retry-after`) or 5xx.
    Status(u16),
    /// The answer is 200, and the status in it `failed`.
    Failed,
    /// The answer is 200, and the status in it `disabled`.
    Disabled,
    /// Nothing is answered.
    Silent,
}
