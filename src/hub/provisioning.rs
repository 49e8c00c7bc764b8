//! Which hub a registered station is assigned to: asked once, remembered, and asked again when that hub will not have it
//! any more.

use std::time::Duration;

use super::{assignment::Assignment, device::Device, fault::HubFault, registration::Service};

/// After so many failures in a row to reach the remembered hub the service is asked where the hub is now.
const DOUBTS: u32 = 5;

/// The assigned hub of one registration.
pub(super) struct Provisioning {
    service: Service,
    limit: Duration,
    memory: Memory,
}

/// What is known of the assignment, and how sure it is.
#[derive(Debug, Default)]
struct Memory {
    is_recalled: bool,
    assigned: Option<Assignment>,
    doubts: u32,
}

impl Provisioning {
    /// Asks this service when it must, at most `limit` for a login.
    pub(super) fn new(service: Service, limit: Duration) -> Self {
        Self { service, limit, memory: Memory::default() }
    }

    /// The device to log in as.
    pub(super) async fn device(&mut self) -> Result<Device, HubFault> {
        let enrolment = &self.service.enrolment;
        if !self.memory.is_recalled {
            self.memory.is_recalled = true;
            self.memory.assigned = enrolment.memory().and_then(|path| Assignment::recall(path, enrolment));
        }
        if let Some(device) = self.memory.believed().and_then(|it| it.device(enrolment)) {
            return Ok(device);
        }
        let assigned = match self.service.register(self.limit).await {
            Ok(assigned) => assigned,
            Err(fault) => {
                self.memory.service_failed();
                return Err(fault);
            }
        };
        let Some(device) = assigned.device(enrolment) else {
            return Err(HubFault::Foreign {
                peer: enrolment.service.clone(),
                cause: "it assigns a hub or a device that cannot be one".to_owned(),
            });
        };
        tracing::info!("{enrolment} is {} at {}", device.id(), device.host());
        if self.memory.assigned.as_ref() != Some(&assigned)
            && let Some(path) = enrolment.memory()
            && let Err(error) = assigned.remember(path)
        {
            // The service will be asked again after the next start; until then it is known.
            tracing::warn!("cannot remember the assigned hub in {}: {error}", path.display());
        }
        self.memory = Memory { is_recalled: true, assigned: Some(assigned), doubts: 0 };
        Ok(device)
    }

    /// Takes note of how a login at the assigned hub went.
    pub(super) fn heard(&mut self, login: Result<(), &HubFault>) {
        self.memory.heard(login);
    }
}

impl Memory {
    /// The assignment, as long as nothing speaks against it.
    fn believed(&self) -> Option<&Assignment> {
        self.assigned.as_ref().filter(|_| self.doubts < DOUBTS)
    }

    fn heard(&mut self, login: Result<(), &HubFault>) {
        self.doubts = match login {
            Ok(()) => 0,
            // The device is not this hub's any more, as far as the hub tells.
            Err(HubFault::Refused { .. }) => DOUBTS,
            // The hub, or the network as a whole.
            Err(_) => self.doubts.saturating_add(1),
        };
    }

    /// The service cannot help: the remembered hub has its turn again, in case only the service is away.
    fn service_failed(&mut self) {
        self.doubts = DOUBTS - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{
        enrolment::{Attestation, tests::enrolment},
        key::Key,
    };

    fn memory() -> Memory {
        let enrolment = enrolment(Attestation::Key(Key::parse("c2VjcmV0").unwrap())).unwrap();
        let assigned = Some(Assignment::of(&enrolment, "h.example", "press-3"));
        Memory { is_recalled: true, assigned, doubts: 0 }
    }

    fn unreachable() -> HubFault {
        HubFault::Unreachable { peer: "h:1".to_owned(), port: 1, cause: "cause".to_owned() }
    }

    fn refused() -> HubFault {
        let text = || "text".to_owned();
        HubFault::Refused { peer: text(), who: text(), code: "not authorised", clock: text(), checks: "" }
    }

    #[test]
    fn a_refusal_sends_the_station_to_the_service_at_once() {
        let mut memory = memory();
        memory.heard(Err(&refused()));
        assert_eq!(memory.believed(), None);
    }

    #[test]
    fn a_hub_that_cannot_be_reached_is_believed_for_a_while() {
        let mut memory = memory();
        for _ in 1..DOUBTS {
            memory.heard(Err(&unreachable()));
            assert!(memory.believed().is_some());
        }
        memory.heard(Err(&unreachable()));
        assert_eq!(memory.believed(), None);
    }

    #[test]
    fn a_login_ends_all_doubts() {
        let mut memory = memory();
        (1..DOUBTS).for_each(|_| memory.heard(Err(&unreachable())));
        memory.heard(Ok(()));
        memory.heard(Err(&unreachable()));
        assert!(memory.believed().is_some());
    }

    #[test]
    fn without_the_service_hub_and_service_take_turns() {
        let mut memory = memory();
        memory.heard(Err(&refused()));
        memory.service_failed();
        assert!(memory.believed().is_some(), "the hub has its turn");
        memory.heard(Err(&unreachable()));
        assert_eq!(memory.believed(), None, "and then the service again");
    }
}
