//! What a station says of its camera.

use std::path::PathBuf;

use super::{
    control::Controls, device::Bus, identity::Which, machine::Machine, mode::Preference, rehearsal::Rehearsal,
};

/// Which camera, and how it is used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsbSettings {
    /// Which camera.
    pub which: Which,
    /// In which format, size and rate.
    pub preference: Preference,
    /// What is set and held.
    pub controls: Controls,
    /// A folder that plays cameras in place of the machine's.
    pub rehearsal: Option<PathBuf>,
}

impl UsbSettings {
    /// Where the camera is looked for.
    #[must_use]
    pub fn bus(&self) -> Box<dyn Bus> {
        match &self.rehearsal {
            Some(folder) => Box::new(Rehearsal::new(folder)),
            None => Box::new(Machine),
        }
    }
}
