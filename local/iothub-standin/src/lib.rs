//! Stands in for Azure IoT Hub and its Device Provisioning Service: their device endpoints (MQTT 3.1.1 over TLS) on
//! one machine, for tests and for the demo.
//!
//! It is no emulator: it enforces the rules that Microsoft documents and that clients run into, each with its source
//! in README.md, and knows nothing else of Azure. What the real hub does beyond them is not promised here.
//!
//! A [`Standin`] runs on a thread of its own; tests drive it through its methods, other programs over HTTP
//! ([`control`]).

mod bag;
mod sas;
mod certificates;
mod issuing;
mod credentials;
mod devices;
mod notices;
mod events;
mod faults;
mod twin;
mod subscription;
mod tls;
mod device;
mod hub;
mod provisioning;
mod session;
mod login;
mod websocket;
mod connection;
pub mod control;
mod listener;
mod standin;
mod builder;

pub use bag::Bag;
pub use builder::Builder;
pub use device::MethodAnswer;
pub use devices::{DeviceFile, DeviceFileError, Scope};
pub use events::Event;
pub use faults::{Faults, Provisioning, Puback};
pub use hub::{NotPossible, WirePacket};
pub use issuing::{DeviceAuthority, DeviceCertificate, Validity};
pub use notices::Routes;
pub use standin::{Standin, StartError};
pub use tls::ServerCertificate;
