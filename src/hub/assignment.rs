//! To which hub a registration was assigned, remembered across restarts: a station finds its hub also while the
//! provisioning service is away.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{device::Device, enrolment::Enrolment};

/// An assignment has a few hundred bytes.
const MAX_BYTES: u64 = 4096;

/// Which device of which hub a registration is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assignment {
    scope: String,
    registration: String,
    hub: String,
    device: String,
}

impl Assignment {
    /// The hub and the device as the service named them.
    pub(super) fn of(enrolment: &Enrolment, hub: &str, device: &str) -> Self {
        Self {
            scope: enrolment.scope.clone(),
            registration: enrolment.registration.as_str().to_owned(),
            hub: hub.to_owned(),
            device: device.to_owned(),
        }
    }

    /// The device that it is about, if it can be one.
    pub(super) fn device(&self, enrolment: &Enrolment) -> Option<Device> {
        Device::assigned(&self.hub, &self.device, enrolment.key()).ok()
    }

    /// What is remembered of this registration; nothing where the file is another's or damaged.
    pub(super) fn recall(path: &Path, enrolment: &Enrolment) -> Option<Self> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        match read.map_err(|error| error.kind()) {
            Ok(_) => {}
            Err(io::ErrorKind::NotFound) => return None,
            Err(kind) => {
                tracing::warn!("cannot read {}, provisioning anew: {kind}", path.display());
                return None;
            }
        }
        let recalled: Option<Self> = serde_json::from_str(&text).ok();
        let is_whose =
            |it: &Self| it.scope == enrolment.scope && it.registration == enrolment.registration.as_str();
        let recalled = recalled.filter(|it| it.device(enrolment).is_some());
        if recalled.is_none() {
            tracing::warn!("{} does not hold what it should, provisioning anew", path.display());
        }
        recalled.filter(is_whose)
    }

    /// Writes it so that after a power cut there is the old one or the new one, whole.
    pub(super) fn remember(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{enrolment::Attestation, enrolment::tests::enrolment, key::Key};

    #[test]
    fn an_assignment_is_found_again_by_its_registration_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.hub.json");
        let mine = enrolment(Attestation::Key(Key::parse("c2VjcmV0").unwrap())).unwrap();
        assert_eq!(Assignment::recall(&path, &mine), None);
        let assignment = Assignment::of(&mine, "h.example", "dev-3");
        assignment.remember(&path).unwrap();
        assert_eq!(Assignment::recall(&path, &mine), Some(assignment.clone()));
        let device = assignment.device(&mine).unwrap();
        assert_eq!((device.host(), device.id()), ("h.example", "dev-3"));

        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("c2Vj"), "{text}");
        for other in
            ["", "{", &text[..20], &text.replace("press-3", "press-4"), &text.replace("h.example", "h/x")]
        {
            fs::write(&path, other).unwrap();
            assert_eq!(Assignment::recall(&path, &mine), None, "{other}");
        }
    }
}
