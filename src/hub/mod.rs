//! Azure IoT Hub over MQTT 3.1.1: who the station is, how it logs in, how a report travels, what the hub wants.

mod fault;
mod identity;
mod twin;
mod letter;
mod desk;
mod correspondence;
mod session;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod token;
mod topic;
mod trust;

pub use desk::{Answer, Desired, Desk, Errand};
pub use fault::HubFault;
pub use identity::{Identity, IdentityError};
pub use letter::{Call, Message};
pub use session::{Hub, HubSession, HubSettings};
pub use trust::{Trust, TrustError};
pub use twin::Properties;
