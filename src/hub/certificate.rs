//! The certificate by which a station shows who it is, and the private key that fits it.

use std::{fmt, ops::Range};

use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    nid::Nid,
    pkey::PKey,
    x509::X509,
};

/// A client certificate with its chain and its key. The key is in no output, not even in `Debug`.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<u8>,
    key: Vec<u8>,
    name: Option<String>,
    /// Seconds since 1970.
    valid: Range<i64>,
}

/// Why a certificate and a key cannot be used; nothing of the key is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is no certificate.
    #[error("the certificate's file holds none; it must be PEM, with lines BEGIN CERTIFICATE")]
    NoCertificate,
    /// It is damaged.
    #[error("the certificate cannot be read; it was probably cut off or changed when it was copied")]
    Damaged,
    /// There is no private key.
    #[error("the private key's file holds none; it must be PEM, with lines BEGIN PRIVATE KEY")]
    NoKey,
    /// Nobody could type its password when the station starts.
    #[error(
        "the private key is protected by a password, which nobody types when a station starts; take it off with \
         `openssl pkey -in KEY -out PLAIN`, and keep the result readable for root alone"
    )]
    ProtectedKey,
    /// The key belongs to another certificate.
    #[error("the private key does not fit the certificate; take the two files that were made together")]
    Misfit,
}

/// Why a certificate is not good at this time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// Its time is over.
    #[error("ran out at {0}; put a new one in its place")]
    Expired(String),
    /// Its time has not come.
    #[error("is not valid before {0}; check the station's clock")]
    NotYet(String),
}

impl ClientCertificate {
    /// Reads a certificate, its intermediates after it, and its private key, each from PEM.
    ///
    /// # Errors
    /// When either is none, or they do not belong together. Their time is another question: see
    /// [`ClientCertificate::stale_at`].
    pub fn read(certificates: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = X509::stack_from_pem(certificates).map_err(|_| CertificateError::Damaged)?;
        let certificate = chain.first().ok_or(CertificateError::NoCertificate)?;
        if contains(key, "ENCRYPTED") {
            return Err(CertificateError::ProtectedKey);
        }
        // Without a callback OpenSSL would ask for a password at the terminal.
        let key = PKey::private_key_from_pem_callback(key, |_| Ok(0)).map_err(|_| CertificateError::NoKey)?;
        if !certificate.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(CertificateError::Misfit);
        }
        let time = |it| seconds(it).map_err(|_| CertificateError::Damaged);
        let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        Ok(Self {
            name: name.and_then(|it| it.data().to_string().ok()),
            valid: time(certificate.not_before())?..time(certificate.not_after())?,
            chain: certificates.to_owned(),
            key: key.private_key_to_pem_pkcs8().map_err(|_| CertificateError::NoKey)?,
        })
    }

    /// The subject's common name: with an authority's signature the device's or the registration's id.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How long it is good from this time on; negative when its time is over.
    #[must_use]
    pub fn days_left(&self, now: jiff::Timestamp) -> i64 {
        (self.valid.end - now.as_second()).div_euclid(24 * 3600)
    }

    /// Why it is not good at this time, if so.
    #[must_use]
    pub fn stale_at(&self, now: jiff::Timestamp) -> Option<Stale> {
        let written = |seconds| jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string();
        match now.as_second() {
            now if now < self.valid.start => Some(Stale::NotYet(written(self.valid.start))),
            now if now >= self.valid.end => Some(Stale::Expired(written(self.valid.end))),
            _ => None,
        }
    }

    /// For the TLS library.
    pub(super) fn identity(&self) -> Result<native_tls::Identity, native_tls::Error> {
        native_tls::Identity::from_pkcs8(&self.chain, &self.key)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCertificate").field("name", &self.name).finish_non_exhaustive()
    }
}

fn seconds(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(since.days) * 24 * 3600 + i64::from(since.secs))
}

fn contains(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    /// PEM of a certificate that is good in 2026 and 2027, and of its key.
    pub(in crate::hub) fn pair(name: &str) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2028, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(certificate: &str, key: &str) -> Result<ClientCertificate, CertificateError> {
        ClientCertificate::read(certificate.as_bytes(), key.as_bytes())
    }

    fn at(time: &str) -> jiff::Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_certificate_and_its_key_are_understood() {
        let (certificate, key) = pair("press-3");
        let read = read(&certificate, &key).unwrap();
        assert_eq!(read.name(), Some("press-3"));
        assert!(read.identity().is_ok());
        assert_eq!(format!("{read:?}"), "ClientCertificate { name: Some(\"press-3\"), .. }");
    }

    #[test]
    fn a_key_in_the_older_form_is_understood() {
        let group = openssl::ec::EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = openssl::ec::EcKey::generate(&group).unwrap();
        let old = String::from_utf8(key.private_key_to_pem().unwrap()).unwrap();
        assert!(old.contains("BEGIN EC PRIVATE KEY"), "{old}");
        let pair = PKey::from_ec_key(key).unwrap();
        let pair =
            KeyPair::from_pem(str::from_utf8(&pair.private_key_to_pem_pkcs8().unwrap()).unwrap()).unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap().pem();
        assert!(read(&certificate, &old).unwrap().identity().is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_certificate_or_its_key_is_named() {
        let (certificate, key) = pair("press-3");
        let (other, _) = pair("press-4");
        let cut = &certificate[..certificate.len() / 2];
        let protected = PKey::private_key_from_pem(key.as_bytes()).unwrap();
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let protected = protected.private_key_to_pem_pkcs8_passphrase(cipher, b"secret").unwrap();
        let protected = String::from_utf8(protected).unwrap();
        for (certificate, key, expected) in [
            ("", &*key, CertificateError::NoCertificate),
            (&*key, &*key, CertificateError::NoCertificate),
            (cut, &*key, CertificateError::Damaged),
            (&*certificate, "", CertificateError::NoKey),
            (&*certificate, &*certificate, CertificateError::NoKey),
            (&*certificate, &key[..key.len() / 2], CertificateError::NoKey),
            (&*certificate, &*protected, CertificateError::ProtectedKey),
            (&*other, &*key, CertificateError::Misfit),
        ] {
            assert_eq!(read(certificate, key).map(|_| ()), Err(expected));
        }
    }

    #[test]
    fn its_time_is_told_to_the_second() {
        let (certificate, key) = pair("press-3");
        let read = read(&certificate, &key).unwrap();
        let stale = |time| read.stale_at(at(time)).map(|it| it.to_string()).unwrap_or_default();
        assert!(stale("2025-12-31T23:59:59Z").contains("is not valid before 2026-01-01T00:00:00Z"));
        assert_eq!((stale("2026-01-01T00:00:00Z"), stale("2027-12-31T23:59:58Z")), Default::default());
        assert!(stale("2028-01-01T00:00:00Z").contains("ran out at 2028-01-01T00:00:00Z"));
        let left = |time| read.days_left(at(time));
        assert_eq!((left("2027-12-31T00:00:00Z"), left("2028-01-02T00:00:00Z")), (1, -1));
    }
}
