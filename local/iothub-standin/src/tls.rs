//! A certificate authority of its own, made anew at each start, and the server's certificate from it.

use std::{net::IpAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What the server's certificate is good for besides the hub's own names and the address where it listens.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Authority {
    pub(crate) fn new() -> Result<Self, String> {
        let make = || -> Result<_, rcgen::Error> {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, "IoT Hub stand-in, for tests only");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        Ok(Self { issuer: make().map_err(|error| format!("cannot make a certificate authority: {error}"))? })
    }

    /// What clients must trust.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS 1.2 and 1.3, as the hub has since 2025-08-31 (azure-docs, iot-hub-tls-support.md).
    pub(crate) fn server(&self, hub_names: &[String], address: IpAddr) -> Result<Arc<ServerConfig>, String> {
        let tell = |error: rcgen::Error| format!("cannot make the server's certificate: {error}");
        let key = KeyPair::generate().map_err(tell)?;
        let mut names: Vec<_> =
            NAMES.map(str::to_owned).into_iter().chain(hub_names.iter().cloned()).collect();
        if !names.contains(&address.to_string()) {
            names.push(address.to_string());
        }
        let params = CertificateParams::new(names).map_err(tell)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(tell)?;
        let chain = vec![leaf.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(config))
    }
}
