//! A fleet of stations on one machine: each a hub session of its own over TLS, with simulated verdicts in place of a
//! camera, against the stand-in for IoT Hub, the Functions driver with the mailer, and a mail server that counts.
//!
//! ```text
//! verdicts -> station: MQTT session -> stand-in -> events file -> driver -> mailer -> post office
//! ```
//! A session is what the agent's is, rumqttc over native-tls with a token at QoS 1; what is left out is the outbox on
//! disk, whose cost is a station's own.

pub mod verdicts;
pub mod station;
pub mod post_office;
pub mod usage;
pub mod fleet;
