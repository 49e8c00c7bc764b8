//! Who the station is: a device that it was told, or a registration that the provisioning service assigns to a hub.

use std::fmt;

use super::{
    certificate::ClientCertificate,
    device::{Device, IdentityError, Proof},
    enrolment::Enrolment,
};

/// Who the station is. No secret is in any output, not even in `Debug`.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(super) account: Account,
    pub(super) certificate: Option<ClientCertificate>,
}

/// Where the station is known.
#[derive(Clone, Debug)]
pub(super) enum Account {
    /// As a device of a hub.
    Device(Device),
    /// At the provisioning service, which says the rest.
    Enrolment(Enrolment),
}

impl Identity {
    /// Reads a device's connection string, `HostName=…;DeviceId=…;SharedAccessKey=…`.
    ///
    /// # Errors
    /// When a part is missing, doubled, unknown or cannot be right, or the device has a certificate.
    pub fn parse(connection_string: &str) -> Result<Self, IdentityError> {
        Self::parse_with(connection_string, || Err(IdentityError::NoCertificate))
    }

    /// Reads a device's connection string; asks for the certificate where it says `x509=true`.
    ///
    /// # Errors
    /// When a part is missing, doubled, unknown or cannot be right, or there is no certificate.
    pub fn parse_with<E: From<IdentityError>>(
        connection_string: &str,
        certificate: impl FnOnce() -> Result<ClientCertificate, E>,
    ) -> Result<Self, E> {
        let device = Device::parse(connection_string)?;
        let certificate = match device.proof {
            Proof::Key(_) => None,
            Proof::Certificate => Some(certificate()?),
        };
        Ok(Self { account: Account::Device(device), certificate })
    }

    /// Whether both would log in as one device, of which IoT Hub allows one connection.
    #[must_use]
    pub fn is_same_device(&self, other: &Self) -> bool {
        match (&self.account, &other.account) {
            (Account::Device(one), Account::Device(other)) => {
                (one.host(), one.id()) == (other.host(), other.id())
            }
            (Account::Enrolment(one), Account::Enrolment(other)) => one.is_same(other),
            _ => false,
        }
    }

    /// The same, which remembers no assigned hub: for a look at it alone.
    #[must_use]
    pub fn without_memory(self) -> Self {
        match self.account {
            Account::Device(_) => self,
            Account::Enrolment(enrolment) => enrolment.without_memory().into(),
        }
    }

    /// The certificate that it shows, if it has one.
    #[must_use]
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_ref()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Account::Device(device) => write!(formatter, "{} at {}", device.id(), device.host()),
            Account::Enrolment(enrolment) => write!(formatter, "{enrolment}"),
        }
    }
}

impl From<Enrolment> for Identity {
    fn from(enrolment: Enrolment) -> Self {
        Self { certificate: enrolment.certificate().cloned(), account: Account::Enrolment(enrolment) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::certificate::tests::pair;

    #[test]
    fn a_certificate_is_asked_for_where_the_connection_string_says_so() {
        let (certificate, key) = pair("press-3");
        let read = || {
            Ok::<_, IdentityError>(ClientCertificate::read(certificate.as_bytes(), key.as_bytes()).unwrap())
        };
        let identity = Identity::parse_with("HostName=h;DeviceId=press-3;x509=true", read).unwrap();
        assert!(identity.certificate().is_some());
        let never = || -> Result<_, IdentityError> { panic!("it has a key") };
        let text = "HostName=h;DeviceId=press-3;SharedAccessKey=c2VjcmV0";
        assert!(Identity::parse_with(text, never).unwrap().certificate().is_none());
        let error = Identity::parse("HostName=h;DeviceId=press-3;x509=true").unwrap_err();
        assert_eq!(error, IdentityError::NoCertificate);
    }

    #[test]
    fn stations_that_would_share_a_connection_are_told_apart_by_hub_and_device() {
        let of = |host: &str, id: &str| {
            Identity::parse(&format!("HostName={host};DeviceId={id};SharedAccessKey=c2VjcmV0")).unwrap()
        };
        assert!(of("h", "a").is_same_device(&of("h", "a")));
        assert!(!of("h", "a").is_same_device(&of("g", "a")) && !of("h", "a").is_same_device(&of("h", "b")));
        assert_eq!(of("h.example", "a").to_string(), "a at h.example");
    }
}
