//! Certificates for devices, as their owner would have them made: for tests.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::certificates::Certificate;

/// When a certificate is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validity {
    /// Now, and for a long time.
    #[default]
    Now,
    /// It was until the end of 2020.
    Expired,
    /// From the year 2090.
    NotYet,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct DeviceCertificate {
    /// The certificate; those that it was signed with, if any, are not in it.
    pub certificate_pem: String,
    /// Its private key, PKCS #8.
    pub key_pem: String,
    thumbprint: String,
}

/// An owner's certificate authority, which signs certificates of devices.
pub struct DeviceAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl DeviceAuthority {
    /// Makes one.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn new(common_name: &str) -> Result<Self, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// What a hub or an enrolment group must be told.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a device's certificate.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn issue(&self, common_name: &str, validity: Validity) -> Result<DeviceCertificate, Error> {
        let key = KeyPair::generate()?;
        DeviceCertificate::of(&key, &device(common_name, validity)?.signed_by(&key, &self.issuer)?)
    }
}

impl DeviceCertificate {
    /// Makes one that nobody else signed.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn self_signed(common_name: &str, validity: Validity) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        Self::of(&key, &device(common_name, validity)?.self_signed(&key)?)
    }

    /// SHA-256, upper-case hexadecimal: what a hub or an individual enrolment is told.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    fn of(key: &KeyPair, certificate: &rcgen::Certificate) -> Result<Self, Error> {
        let shown = Certificate::shown(&[certificate.der().clone()]);
        let thumbprint = shown.and_then(|it| it.thumbprint()).ok_or(Error::CouldNotParseCertificate)?;
        Ok(Self { certificate_pem: certificate.pem(), key_pem: key.serialize_pem(), thumbprint })
    }
}

fn device(common_name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    validity.limit(&mut params);
    Ok(params)
}

impl Validity {
    pub(crate) fn limit(self, params: &mut CertificateParams) {
        (params.not_before, params.not_after) = match self {
            Self::Now => return,
            Self::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 12, 31)),
            Self::NotYet => (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1)),
        };
    }
}
