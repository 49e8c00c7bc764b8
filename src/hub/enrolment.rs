//! A registration at the Device Provisioning Service, and how it proves that it is it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use percent_encoding::utf8_percent_encode;

use super::{certificate::ClientCertificate, key::Key, topic::RESERVED};

/// The longest registration id (azure-docs, concepts-service.md, "Registration ID").
const LONGEST: usize = 128;

/// A registration at the provisioning service. No secret is in any output, not even in `Debug`.
#[derive(Clone)]
pub struct Enrolment {
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) registration: RegistrationId,
    attestation: Attestation,
    memory: Option<PathBuf>,
}

/// How a registration proves that it is it.
#[derive(Clone)]
pub enum Attestation {
    /// With the key of its enrolment, or the one derived for it from its group's.
    Key(Key),
    /// With a certificate, whose common name is the registration id.
    Certificate(Box<ClientCertificate>),
}

/// The name of a registration: 1 to 128 letters, digits and `-._:`, the last one a letter, a digit or `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationId(String);

/// Why an enrolment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The certificate is another's.
    #[error(
        "the certificate's common name is {name:?}, but the registration id is {registration:?}; the provisioning \
         service takes it only if they are the same"
    )]
    OtherName {
        /// What the certificate says.
        name: String,
        /// What it should say.
        registration: String,
    },
}

impl RegistrationId {
    /// Checks a name.
    ///
    /// # Errors
    /// In words that follow the thing's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-._:".contains(it);
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(is_plain) {
            return Err("is not 1 to 128 letters, digits and - . _ :");
        }
        if text.ends_with(['.', '_', ':']) {
            return Err("does not end with a letter, a digit or -");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Enrolment {
    /// A registration of the scope, at the service on this machine. In the file `memory` stands which hub it was
    /// assigned to.
    ///
    /// # Errors
    /// When the certificate is not this registration's.
    pub fn new(
        service: String,
        scope: String,
        registration: RegistrationId,
        attestation: Attestation,
        memory: PathBuf,
    ) -> Result<Self, EnrolmentError> {
        if let Attestation::Certificate(certificate) = &attestation
            && let Some(name) = certificate.name()
            && !name.eq_ignore_ascii_case(registration.as_str())
        {
            let (name, registration) = (name.to_owned(), registration.0);
            return Err(EnrolmentError::OtherName { name, registration });
        }
        Ok(Self { service, scope, registration, attestation, memory: Some(memory) })
    }

    /// The same, which remembers nothing: for a look at the service alone.
    #[must_use]
    pub fn without_memory(mut self) -> Self {
        self.memory = None;
        self
    }

    /// Whether both are one registration.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let own = |it: &Self| (it.scope.clone(), it.registration.0.to_ascii_lowercase());
        own(self) == own(other)
    }

    pub(super) fn certificate(&self) -> Option<&ClientCertificate> {
        match &self.attestation {
            Attestation::Certificate(certificate) => Some(certificate),
            Attestation::Key(_) => None,
        }
    }

    pub(super) fn key(&self) -> Option<&Key> {
        match &self.attestation {
            Attestation::Key(key) => Some(key),
            Attestation::Certificate(_) => None,
        }
    }

    pub(super) fn memory(&self) -> Option<&Path> {
        self.memory.as_deref()
    }

    /// The password of a login at the service, good until this second; empty where a certificate is shown.
    pub(super) fn password(&self, until: u64) -> String {
        let Some(key) = self.key() else { return String::new() };
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let resource = encoded(&format!("{}/registrations/{}", self.scope, self.registration.0));
        let signature = key.sign(&format!("{resource}\n{until}"));
        let signature = encoded(&signature);
        format!("SharedAccessSignature sr={resource}&sig={signature}&se={until}&skn=registration")
    }
}

impl fmt::Display for Enrolment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "registration {} in id scope {}", self.registration.0, self.scope)
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Enrolment")
            .field("service", &self.service)
            .field("scope", &self.scope)
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::hub::certificate::tests::pair;

    pub(in crate::hub) fn enrolment(attestation: Attestation) -> Result<Enrolment, EnrolmentError> {
        let registration = RegistrationId::parse("press-3").unwrap();
        let (service, scope) = ("localhost".to_owned(), "0ne0001".to_owned());
        Enrolment::new(service, scope, registration, attestation, PathBuf::from("hub.json"))
    }

    #[test]
    fn the_password_is_signed_for_the_registration_and_its_secret_is_in_no_debug_output() {
        let enrolment = enrolment(Attestation::Key(Key::parse("c2VjcmV0").unwrap())).unwrap();
        let password = enrolment.password(1000);
        let start = "SharedAccessSignature sr=0ne0001%2Fregistrations%2Fpress-3&sig=";
        assert!(password.starts_with(start) && password.ends_with("&se=1000&skn=registration"), "{password}");
        assert!(!format!("{enrolment:?} {enrolment}").contains("c2Vj"));
    }

    #[test]
    fn a_certificate_of_another_registration_is_refused_here_already() {
        let attestation = |name| {
            let (certificate, key) = pair(name);
            let read = ClientCertificate::read(certificate.as_bytes(), key.as_bytes()).unwrap();
            Attestation::Certificate(Box::new(read))
        };
        let own = enrolment(attestation("Press-3")).unwrap();
        assert_eq!(own.password(1000), "");
        let error = enrolment(attestation("press-4")).unwrap_err().to_string();
        assert!(error.contains("press-4") && error.contains("press-3"), "{error}");
    }

    #[test]
    fn a_registration_id_is_what_the_service_takes() {
        for text in ["press-3", "a", "A.b_c:d", "x-"] {
            assert!(RegistrationId::parse(text).is_ok(), "{text}");
        }
        for text in ["", "a b", "a/b", "ä", "a.", "a:", "a_", &*"x".repeat(129)] {
            assert!(RegistrationId::parse(text).is_err(), "{text}");
        }
    }
}
