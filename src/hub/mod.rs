//! Azure IoT Hub over MQTT 3.1.1: who the station is, how it logs in, how a report travels, what the hub wants.

mod topic;
mod key;
mod certificate;
mod device;
mod enrolment;
mod identity;
mod token;
mod trust;
mod checklist;
mod fault;
#[cfg(feature = "websocket")]
mod tunnel;
mod route;
mod assignment;
mod registration;
mod provisioning;
mod twin;
mod letter;
mod desk;
mod correspondence;
mod session;
mod login;
#[cfg(any(test, fuzzing))]
pub mod hostile;

pub use certificate::{CertificateError, ClientCertificate, Stale};
pub use desk::{Answer, Desired, Desk, Errand};
pub use device::{IdentityError, host_name};
pub use enrolment::{Attestation, Enrolment, EnrolmentError, RegistrationId};
pub use fault::HubFault;
pub use identity::Identity;
pub use key::{Key, KeyError};
pub use letter::{Call, Message};
pub use login::{Hub, HubSettings};
pub use route::{Carrier, HAS_WEBSOCKET};
pub use session::HubSession;
pub use trust::{Trust, TrustError};
pub use twin::Properties;
