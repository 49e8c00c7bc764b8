//! Certificates of clients: what one says, and whether to believe it.

use std::fmt::Write;

use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    stack::Stack,
    x509::{X509, X509StoreContext, store::X509StoreBuilder, verify::X509VerifyFlags},
};
use rustls::pki_types::CertificateDer;

/// The chain that a client showed in its handshake, in which it proved that it holds the key of the first.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    chain: Vec<X509>,
}

impl Certificate {
    /// `None` where there is none, or none that can be read.
    pub(crate) fn shown(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let chain: Vec<_> = chain.iter().filter_map(|it| X509::from_der(it).ok()).collect();
        (!chain.is_empty()).then_some(Self { chain })
    }

    /// The common name of its subject.
    pub(crate) fn common_name(&self) -> Option<String> {
        let entry = self.chain.first()?.subject_name().entries_by_nid(Nid::COMMONNAME).next()?;
        entry.data().to_string().ok()
    }

    /// SHA-256 in upper-case hexadecimal.
    pub(crate) fn thumbprint(&self) -> Option<String> {
        self.digest(MessageDigest::sha256())
    }

    /// Whether it is the one with this thumbprint: SHA-1 or SHA-256, hexadecimal, with colons or without
    /// (azure-docs, reference-x509-certificates.md).
    pub(crate) fn has_thumbprint(&self, thumbprint: &str) -> bool {
        let wanted: String = thumbprint.chars().filter(|it| *it != ':').collect();
        let digests = [MessageDigest::sha1(), MessageDigest::sha256()];
        digests.into_iter().filter_map(|it| self.digest(it)).any(|it| it.eq_ignore_ascii_case(&wanted))
    }

    /// Whether its chain leads to one of these authorities (PEM), each of its certificates in its time.
    pub(crate) fn check_issued_by(&self, authorities: &[String]) -> Result<(), String> {
        match self.verify(authorities) {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => Err(format!("the certificate is not good for the authority: {reason}")),
            Err(error) => Err(format!("the certificate cannot be checked: {error}")),
        }
    }

    fn verify(&self, authorities: &[String]) -> Result<Option<String>, ErrorStack> {
        let Some((leaf, others)) = self.chain.split_first() else {
            return Ok(Some("there is none".to_owned()));
        };
        let mut store = X509StoreBuilder::new()?;
        for pem in authorities {
            for authority in X509::stack_from_pem(pem.as_bytes())? {
                store.add_cert(authority)?;
            }
        }
        // A hub takes an intermediate as the authority just as well.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let store = store.build();
        let mut untrusted = Stack::new()?;
        for other in others {
            untrusted.push(other.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store, leaf, &untrusted, |it| {
            let is_good = it.verify_cert()?;
            Ok((!is_good).then(|| it.error().error_string().to_owned()))
        })
    }

    fn digest(&self, algorithm: MessageDigest) -> Option<String> {
        let digest = self.chain.first()?.digest(algorithm).ok()?;
        Some(digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        }))
    }
}
