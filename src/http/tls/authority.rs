//! The certificate authority of `--tls-mode self-signed`: made once, and kept beside the database, so that clients which trust it go on
//! doing so.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::files;
use super::settings::{Now, TlsError};
use crate::domain::time::Timestamp;

/// How long the authority is good for.
const LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);
/// By how much a client's clock may be behind.
const LAG: Duration = Duration::from_hours(24);
/// How much of its file is read, in bytes: many times what it has.
const MAX_FILE: u64 = 64 * 1024;

/// Makes certificates that are good where its own is trusted.
pub(super) struct Authority {
    /// Its own certificate, in PEM.
    pub(super) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Returns the certificate, in PEM, of the authority that a file has; makes it if there is no file.
///
/// # Errors
/// Those of the file.
pub fn authority(path: &Path, now: &Now) -> Result<String, TlsError> {
    Ok(Authority::kept_in(path, now())?.certificate)
}

impl Authority {
    /// Returns the authority that a file has; makes it if there is no file.
    pub(super) fn kept_in(path: &Path, now: Timestamp) -> Result<Self, TlsError> {
        match read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let made = Self::new(now)?;
                let text = format!("{}{}", made.certificate, made.issuer.key().serialize_pem());
                match write_once(path, &text, &key_digest(made.issuer.key())) {
                    Ok(()) => Ok(made),
                    // Another process was faster.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::kept_in(path, now),
                    Err(source) => Err(TlsError::Unwritable { path: path.to_owned(), source }),
                }
            }
            Err(source) => Err(TlsError::Unreadable { path: path.to_owned(), source }),
            Ok(text) => Self::parse(&text, now).map_err(|problem| TlsError::Unusable {
                path: path.to_owned(),
                problem: format!(
                    "no certificate authority of the emulator ({problem}); remove it to have another one made"
                ),
            }),
        }
    }

    /// Makes one.
    pub(super) fn new(now: Timestamp) -> Result<Self, TlsError> {
        let failed = |error: rcgen::Error| TlsError::Failed(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let mut about = about(&key);
        (about.not_before, about.not_after) = validity(now, LIFETIME);
        let certificate = about.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(about, key) })
    }

    /// Reads the certificate and the key.
    fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        files::certified(vec![certificate.clone()], &key.clone_key().into())?;
        if let Some(problem) = files::is_out_of_date(&certificate, now) {
            return Err(problem);
        }
        let key = KeyPair::try_from(key.secret_pkcs8_der()).map_err(|error| error.to_string())?;
        let begin = text.find("-----BEGIN CERTIFICATE").unwrap_or_default();
        let end = text.find("-----BEGIN PRIVATE").filter(|end| begin < *end).unwrap_or(text.len());
        Ok(Self { certificate: text[begin..end].to_owned(), issuer: Issuer::new(about(&key), key) })
    }

    /// Makes a certificate for some names and addresses, good for so long.
    pub(super) fn certify(
        &self,
        names: Vec<SanType>,
        key: &KeyPair,
        now: Timestamp,
        life: Duration,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut about = CertificateParams::default();
        about.distinguished_name = named("dcs-emulator");
        about.subject_alt_names = names;
        about.use_authority_key_identifier_extension = true;
        about.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        about.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        (about.not_before, about.not_after) = validity(now, life);
        about.serial_number = Some(serial_number(&about, key));
        Ok(about.signed_by(key, &self.issuer)?.into())
    }
}

/// Returns what the certificate of an authority says, but for its validity. Its name follows from its key: a client that knows several
/// tells them apart.
fn about(key: &KeyPair) -> CertificateParams {
    let mut about = CertificateParams::default();
    about.distinguished_name = named(&format!("dcs-emulator CA {}", key_digest(key)));
    about.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    about.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    about
}

/// Returns what tells a key from others.
fn key_digest(key: &KeyPair) -> String {
    hex::encode(&Sha256::digest(key.public_key_raw())[..4])
}

/// Returns a number that no other certificate of the same authority has: all have one key, and differ in names and times.
fn serial_number(about: &CertificateParams, key: &KeyPair) -> SerialNumber {
    let mut digest = Sha256::new();
    digest.update(key.public_key_raw());
    digest.update(format!("{:?} {}", about.subject_alt_names, about.not_before));
    let mut number = digest.finalize()[..16].to_vec();
    // It is positive. Source: RFC 5280, section 4.1.2.2.
    number[0] &= 0x7f;
    SerialNumber::from(number)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

/// Returns from when to when a certificate is good that is made now.
fn validity(now: Timestamp, life: Duration) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::from_unix_timestamp(now.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (now.saturating_sub(signed(LAG)), now.saturating_add(signed(life)))
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

/// Returns a name as a certificate has it.
pub(super) fn subject(name: &str) -> Result<SanType, rcgen::Error> {
    Ok(SanType::DnsName(Ia5String::try_from(name)?))
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file that nobody else reads, whole or not at all, unless it is there. `mark` tells this text from others that are written.
fn write_once(path: &Path, text: &str, mark: &str) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{mark}.tmp"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    // A link replaces nothing. Where there are no links, nobody is expected to be as fast.
    let linked = written.and_then(|()| match std::fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => std::fs::rename(&unfinished, path),
        linked => linked,
    });
    let _ = std::fs::remove_file(&unfinished);
    linked?;
    // Whoever trusts it has to find it again after a loss of power.
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
