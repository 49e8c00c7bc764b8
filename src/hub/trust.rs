//! Whom the station believes to be its hub.

use std::{fs, io, path::PathBuf};

use native_tls::{Certificate, Protocol, TlsConnector};

use super::certificate::ClientCertificate;

/// The certificate authorities that may vouch for the hub. Azure's hubs chain to "DigiCert Global Root G2", which is
/// among the system's; an edge gateway or a stand-in has an authority of its own.
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_systems_authorities_need_no_file() {
        assert!(Trust::System.connector(None).is_ok());
    }
}
