//! Azure IoT Hub over MQTT 3.1.1: who the station is, how it logs in, how a report travels.

mod fault;
mod identity;
mod session;
mod token;
mod topic;
mod trust;

pub use fault::HubFault;
pub use identity::{Identity, IdentityError};
pub use session::{Hub, HubSession, HubSettings};
pub use trust::{Trust, TrustError};
