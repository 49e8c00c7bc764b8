//! Whom the station believes to be its hub.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use native_tls::{Certificate, Protocol, TlsConnector};
use openssl::{hash::MessageDigest, x509::X509};

use super::certificate::ClientCertificate;

/// The authorities that Azure's hubs and provisioning services chain to, the second one some day (azure-docs,
/// iot-hub-tls-support.md), each with its SHA-256.
const AZURE: [(&str, &str); 2] = [
    ("DigiCert Global Root G2", "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f"),
    (
        "Microsoft RSA Root Certificate Authority 2017",
        "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0",
    ),
];

/// The certificate authorities that may vouch for the hub. Azure's are among the system's; an edge gateway or a stand-in
/// has an authority of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those of the system (package `ca-certificates`).
    #[default]
    System,
    /// Those of the system and those in this PEM file.
    SystemAnd(PathBuf),
    /// Only those in this PEM file.
    Only(PathBuf),
}

/// Why the certificate authorities could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("cannot read the certificate authorities in {}: {cause}", path.display())]
    Unreadable {
        /// The PEM file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate; it must be PEM, with lines BEGIN CERTIFICATE", .0.display())]
    Empty(PathBuf),
    /// The TLS library refused.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] native_tls::Error),
}

impl Trust {
    /// Which authorities of Azure the station does not know, by name.
    #[must_use]
    pub fn without_azure(&self) -> Vec<&'static str> {
        let system = openssl_probe::probe().cert_file.filter(|_| !matches!(self, Self::Only(_)));
        let own = match self {
            Self::System => None,
            Self::SystemAnd(path) | Self::Only(path) => Some(path.clone()),
        };
        let known: Vec<String> = system.into_iter().chain(own).flat_map(|path| fingerprints(&path)).collect();
        AZURE.iter().filter(|(_, it)| !known.iter().any(|known| known == it)).map(|(name, _)| *name).collect()
    }

    /// A TLS client that believes these authorities, shows this certificate if it is asked for one, and speaks TLS 1.2
    /// or later, as IoT Hub demands.
    pub(super) fn connector(
        &self,
        certificate: Option<&ClientCertificate>,
    ) -> Result<TlsConnector, TrustError> {
        let mut builder = TlsConnector::builder();
        if let Some(certificate) = certificate {
            builder.identity(certificate.identity()?);
        }
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        if let Self::SystemAnd(path) | Self::Only(path) = self {
            let unreadable = |cause| TrustError::Unreadable { path: path.clone(), cause };
            let certificates = Certificate::stack_from_pem(&fs::read(path).map_err(unreadable)?)?;
            if certificates.is_empty() {
                return Err(TrustError::Empty(path.clone()));
            }
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        builder.disable_built_in_roots(matches!(self, Self::Only(_)));
        Ok(builder.build()?)
    }
}

/// The SHA-256 of each certificate in a PEM file; none where it cannot be read.
fn fingerprints(path: &Path) -> Vec<String> {
    let certificates =
        fs::read(path).ok().and_then(|pem| X509::stack_from_pem(&pem).ok()).unwrap_or_default();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let digests = certificates.iter().filter_map(|it| it.digest(MessageDigest::sha256()).ok());
    digests.map(|digest| hex(&digest)).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        thread,
    };

    use openssl::{
        pkey::PKey,
        ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion},
    };
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    #[test]
    fn the_systems_authorities_are_those_of_azure_and_a_private_one_is_not() {
        assert_eq!(Trust::System.without_azure(), [] as [&str; 0], "is ca-certificates installed?");
        let none = Trust::Only(PathBuf::from("/nowhere/ca.pem")).without_azure();
        assert_eq!(none, AZURE.map(|(name, _)| name));
    }

    #[test]
    fn a_file_of_authorities_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let error = Trust::Only(path.clone()).connector(None).unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("ca.pem"), "{error}");
        fs::write(&path, "no certificate").unwrap();
        let error = Trust::SystemAnd(path).connector(None).unwrap_err().to_string();
        assert!(error.contains("holds no certificate"), "{error}");
    }

    /// A server that speaks no newer TLS than this, for one connection; its port, and its certificate for whom to trust.
    fn server(newest: SslVersion, certificate: &Path) -> u16 {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(certificate, &pem).unwrap();
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
        acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
        acceptor.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        acceptor.set_max_proto_version(Some(newest)).unwrap();
        // Else the library itself refuses what is old.
        acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        acceptor.set_certificate(&X509::from_pem(pem.as_bytes()).unwrap()).unwrap();
        acceptor
            .set_private_key(&PKey::private_key_from_pem(key.serialize_pem().as_bytes()).unwrap())
            .unwrap();
        let (acceptor, listener) = (acceptor.build(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).map(drop));
        port
    }

    #[test]
    fn nothing_older_than_tls_1_2_is_spoken() {
        let folder = tempfile::tempdir().unwrap();
        for (newest, is_taken) in
            [(SslVersion::TLS1_1, false), (SslVersion::TLS1_2, true), (SslVersion::TLS1_3, true)]
        {
            let path = folder.path().join("ca.pem");
            let port = server(newest, &path);
            let connector = Trust::Only(path).connector(None).unwrap();
            let connected = connector.connect("localhost", TcpStream::connect(("127.0.0.1", port)).unwrap());
            assert_eq!(connected.is_ok(), is_taken, "{newest:?}: {:?}", connected.err());
        }
    }

    #[test]
    fn the_systems_authorities_need_no_file() {
        assert!(Trust::System.connector(None).is_ok());
    }
}
