//! The certificate and the key of `--tls-mode files`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::settings::TlsError;
use crate::domain::time::Timestamp;

/// Reads a chain and its key. A certificate that is out of date is served all the same, with a warning.
pub(super) fn read(certificate: &Path, key: &Path, now: Timestamp) -> Result<Arc<CertifiedKey>, TlsError> {
    let unusable = |path: &Path, problem: String| TlsError::Unusable { path: path.to_owned(), problem };
    let text = read_file(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| unusable(certificate, error.to_string()))?;
    let Some(own) = chain.first().cloned() else {
        let problem = "no certificate; it must be a chain in PEM, that of the server first".to_owned();
        return Err(unusable(certificate, problem));
    };
    let text = read_file(key)?;
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let is_encrypted = String::from_utf8_lossy(&text).contains("ENCRYPTED");
        let problem = if is_encrypted {
            format!("the key is encrypted; decrypt it: openssl pkey -in {} -out key.pem", key.display())
        } else {
            "no private key; it must be one in PEM (PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY)"
                .to_owned()
        };
        unusable(key, problem)
    })?;
    let certified = certified(chain, &secret)
        .map_err(|problem| unusable(key, format!("{problem} ({})", certificate.display())))?;
    if let Some(problem) = is_out_of_date(&own, now) {
        tracing::warn!(certificate = %certificate.display(), "clients will refuse the certificate: {problem}");
    }
    Ok(certified)
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

/// Puts a chain and its key together; says why they do not fit.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, String> {
    let key = rustls::crypto::ring::sign::any_supported_type(key).map_err(|_| {
        "a key of a kind that is not supported; take ECDSA P-256, P-384, Ed25519 or RSA".to_owned()
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("the key is not that of the certificate".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Says when a certificate became, or becomes, good, if it is not now.
pub(super) fn is_out_of_date(certificate: &CertificateDer<'_>, now: Timestamp) -> Option<String> {
    let seconds = u64::try_from(now.as_seconds()).unwrap_or_default();
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let provider = rustls::crypto::ring::default_provider();
    // Nobody is trusted, so that it is refused at any rate; its time is looked at before its issuer.
    let refused = rustls::client::verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &RootCertStore::empty(),
        &[],
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        provider.signature_verification_algorithms.all,
    );
    match refused {
        Err(rustls::Error::InvalidCertificate(
            error @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => Some(error.to_string()),
        _ => None,
    }
}
