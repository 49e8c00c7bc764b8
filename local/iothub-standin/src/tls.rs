//! The server's side of TLS: an authority made at each start, a certificate from it, and clients' certificates, which
//! are asked for and judged only at CONNECT.

use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, ring::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use serde::Deserialize;

use crate::issuing::Validity;

/// What the server's certificate is good for besides the hub's own names.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate that the server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerCertificate {
    /// As it must be.
    #[default]
    Good,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// For `elsewhere.example` alone.
    OtherName,
}

/// What the server is known by.
pub(crate) struct Identity {
    names: Vec<String>,
    provider: Arc<CryptoProvider>,
    issuer: RwLock<CertifiedIssuer<'static, KeyPair>>,
    shown: Arc<Shown>,
}

impl Identity {
    pub(crate) fn new(hub_names: &[String]) -> Result<Self, String> {
        let mut names: Vec<_> =
            NAMES.map(str::to_owned).into_iter().chain(hub_names.iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        let provider = Arc::new(default_provider());
        let issuer = authority()?;
        let key = certificate(&names, &issuer, &provider, ServerCertificate::Good)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(key))));
        Ok(Self { names, provider, issuer: RwLock::new(issuer), shown })
    }

    /// What clients must trust.
    pub(crate) fn pem(&self) -> String {
        self.issuer.read().unwrap_or_else(PoisonError::into_inner).pem()
    }

    /// Takes another authority, which clients do not trust yet, and a certificate from it.
    pub(crate) fn change_authority(&self) -> Result<(), String> {
        let issuer = authority()?;
        self.shown.set(certificate(&self.names, &issuer, &self.provider, ServerCertificate::Good)?);
        *self.issuer.write().unwrap_or_else(PoisonError::into_inner) = issuer;
        Ok(())
    }

    /// Shows another certificate from now on.
    pub(crate) fn show(&self, which: ServerCertificate) -> Result<(), String> {
        let issuer = self.issuer.read().unwrap_or_else(PoisonError::into_inner);
        self.shown.set(certificate(&self.names, &issuer, &self.provider, which)?);
        Ok(())
    }

    /// TLS 1.2 and 1.3, as the hub has since 2025-08-31 (azure-docs, iot-hub-tls-support.md).
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, String> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(Arc::new(JudgedLater(Arc::clone(&self.provider))))
            .with_cert_resolver(Arc::clone(&self.shown) as Arc<dyn ResolvesServerCert>);
        // Who resumes a session would not see that the certificate is another.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, String> {
    let make = || -> Result<_, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "IoT Hub stand-in, for tests only");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate()?)
    };
    make().map_err(|error| format!("cannot make a certificate authority: {error}"))
}

fn certificate(
    names: &[String],
    issuer: &CertifiedIssuer<'static, KeyPair>,
    provider: &CryptoProvider,
    which: ServerCertificate,
) -> Result<CertifiedKey, String> {
    let tell = |error: rcgen::Error| format!("cannot make the server's certificate: {error}");
    let key = KeyPair::generate().map_err(tell)?;
    let names = if which == ServerCertificate::OtherName {
        vec!["elsewhere.example".to_owned()]
    } else {
        names.to_vec()
    };
    let mut params = CertificateParams::new(names).map_err(tell)?;
    match which {
        ServerCertificate::Good | ServerCertificate::OtherName => Validity::Now,
        ServerCertificate::Expired => Validity::Expired,
        ServerCertificate::NotYetValid => Validity::NotYet,
    }
    .limit(&mut params);
    let leaf = params.signed_by(&key, issuer).map_err(tell)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![leaf.der().clone()], key, provider).map_err(|error| error.to_string())
}

/// The certificate of the moment.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn set(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Takes any certificate whose key the client holds: who is meant is known only at CONNECT.
#[derive(Debug)]
struct JudgedLater(Arc<CryptoProvider>);

impl ClientCertVerifier for JudgedLater {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
