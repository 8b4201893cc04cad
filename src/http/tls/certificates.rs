//! The certificates of `--tls-mode self-signed`: one for each name that a client asks for, made when it first does.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};

use super::authority::{Authority, subject};
use super::settings::{Now, TlsError};
use crate::domain::time::Timestamp;

/// How long a certificate is good for. Clients take none that is good for more than 398 days.
const LIFETIME: Duration = Duration::from_hours(90 * 24);
/// How long before its end another one is made.
const REMADE_BEFORE: Duration = Duration::from_hours(30 * 24);
/// How many certificates are kept. Names are the clients' choice, at most 253 bytes each; when there are more, all are made anew.
const MAX_KEPT: usize = 256;

/// Makes and keeps certificates.
pub(super) struct Certificates {
    pub(super) authority: Authority,
    /// The key of all of them.
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    kept: Mutex<HashMap<Asked, Kept>>,
    now: Now,
}

/// What a client wants a certificate for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Asked {
    Name(String),
    /// It named nothing: the address that it came to.
    Address(IpAddr),
}

struct Kept {
    certificate: Arc<CertifiedKey>,
    made: Timestamp,
}

impl Certificates {
    /// Makes a key for the certificates of an authority.
    pub(super) fn new(authority: Authority, now: Now) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(|error| TlsError::Failed(error.to_string()))?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing_key = rustls::crypto::ring::sign::any_supported_type(&der)
            .map_err(|error| TlsError::Failed(error.to_string()))?;
        Ok(Self { authority, key, signing_key, kept: Mutex::default(), now })
    }

    fn certificate(&self, asked: Asked) -> Option<Arc<CertifiedKey>> {
        let now = (self.now)();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |kept: &Kept| {
            kept.made <= now && now < kept.made.saturating_add(LIFETIME.saturating_sub(REMADE_BEFORE))
        };
        if let Some(found) = kept.get(&asked).filter(|found| is_good(found)) {
            return Some(found.certificate.clone());
        }
        let made = self.make(&asked, now);
        let made = made.inspect_err(|error| tracing::warn!(error = %error, "a certificate cannot be made"));
        let certificate = Arc::new(CertifiedKey::new(vec![made.ok()?], self.signing_key.clone()));
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(asked, Kept { certificate: certificate.clone(), made: now });
        Some(certificate)
    }

    fn make(&self, asked: &Asked, now: Timestamp) -> Result<CertificateDer<'static>, rcgen::Error> {
        let names = match asked {
            Asked::Name(name) => vec![subject(name)?],
            Asked::Address(address) => {
                let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                if !addresses.contains(address) {
                    addresses.push(*address);
                }
                let own = own_name().and_then(|name| subject(&name).ok());
                let names = std::iter::once(subject("localhost")?).chain(own);
                names.chain(addresses.into_iter().map(SanType::IpAddress)).collect()
            }
        };
        self.authority.certify(names, &self.key, now, LIFETIME)
    }
}

/// Returns the name of this machine: some clients send no name that has no dot.
fn own_name() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_str().ok().map(str::to_ascii_lowercase);
    #[cfg(not(unix))]
    let name = None;
    name
}

/// Finds the certificate for a client by the name that it asks for, or by the address that it came to.
pub(super) struct ByName {
    pub(super) certificates: Arc<Certificates>,
    pub(super) address: IpAddr,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(|name| Asked::Name(name.to_ascii_lowercase()));
        self.certificates.certificate(name.unwrap_or(Asked::Address(self.address)))
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ByName").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn certificates_are_kept_made_anew_near_their_end_and_bounded() {
        let clock = Arc::new(Mutex::new(Timestamp::MIN.saturating_add(365 * DAY)));
        let now: Now = {
            let clock = clock.clone();
            Arc::new(move || *clock.lock().unwrap())
        };
        let certificates = Certificates::new(Authority::new(now()).unwrap(), now.clone()).unwrap();
        let of = |name: &str| certificates.certificate(Asked::Name(name.to_owned())).unwrap();
        let first = of("a.test");
        assert!(Arc::ptr_eq(&first, &of("a.test")), "it is kept");
        *clock.lock().unwrap() = now().saturating_add(61 * DAY);
        assert!(!Arc::ptr_eq(&first, &of("a.test")), "it is made anew in time");
        for number in 0..2 * MAX_KEPT {
            of(&format!("{number}.test"));
        }
        assert!(certificates.kept.lock().unwrap().len() <= MAX_KEPT);
    }
}
