//! The certificate authority of HTTPS, and how clients come to trust it.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use dcs_emulator::clock::{Clock, SystemClock};
use dcs_emulator::emulator::Emulator;
use dcs_emulator::http::tls::{self, Now, TlsError};
use dcs_emulator::telemetry;

use crate::program::exit::{self, fail, print};

/// The variables in which clients look for the file of what they trust.
const VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OS_CACERT", "NODE_EXTRA_CA_CERTS"];
/// Where systems have the file of what they trust.
const FILES_OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How each client is told to trust a certificate that is in `ca.pem`.
const HOW_TO_TRUST: &str = "The certificate that clients are to trust, in ca.pem (dcs-emulator ca > ca.pem):
  curl                          curl --cacert ca.pem https://localhost:8643/readyz
  Python (requests, SDK)        export REQUESTS_CA_BUNDLE=$PWD/ca.pem
  OpenStack clients             export OS_CACERT=$PWD/ca.pem
  Go (SDKs), Terraform          export SSL_CERT_FILE=$PWD/ca.pem      (on Linux)
  Node                          export NODE_EXTRA_CA_CERTS=$PWD/ca.pem
  Java                          keytool -importcert -noprompt -alias dcs-emulator -file ca.pem -keystore trust.p12 \\
                                  -storetype PKCS12 -storepass changeit
                                java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit
";

/// Prints the certificate of an authority, and beside it how to trust it; makes the authority if there is none.
pub(super) fn print_authority(path: &Path) -> ExitCode {
    let now: Now = Arc::new(|| SystemClock.now());
    match tls::authority(path, &now) {
        Ok(certificate) => {
            telemetry::write_line(HOW_TO_TRUST);
            print(&certificate)
        }
        Err(error @ (TlsError::Unwritable { .. } | TlsError::Failed(_))) => fail(&error, exit::FAILED),
        Err(error) => fail(&error, exit::USAGE),
    }
}

/// The file of what the command of `run` trusts cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", path.display())]
pub(super) struct TrustedFileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// A file of what the command of `run` is to trust: the authority of a server, and what this machine trusts besides. Removed when dropped.
pub(super) struct TrustedFile {
    path: PathBuf,
}

impl TrustedFile {
    /// Writes the file, if a server has an authority.
    pub(super) fn write(emulator: &Emulator) -> Result<Option<Self>, TrustedFileError> {
        let Some(authority) = emulator.certificate_authority() else { return Ok(None) };
        let read = |path: PathBuf| std::fs::read(path).ok();
        let of_caller: BTreeSet<_> = VARIABLES.into_iter().filter_map(std::env::var_os).collect();
        let of_caller: Vec<_> = of_caller.into_iter().filter_map(|path| read(path.into())).collect();
        let of_system =
            || FILES_OF_SYSTEMS.into_iter().find_map(|path| read(path.into())).into_iter().collect();
        let others: Vec<_> = if of_caller.is_empty() { of_system() } else { of_caller };
        let path = std::env::temp_dir().join(format!("dcs-emulator-ca-{}.pem", std::process::id()));
        // One that is there was left by a killed process of that number; one that is not ours stays, and is not written to.
        let _ = std::fs::remove_file(&path);
        let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
            file.write_all(authority.as_bytes())?;
            others.iter().try_for_each(|certificates| file.write_all(certificates))
        });
        match written {
            Ok(()) => Ok(Some(Self { path })),
            Err(source) => Err(TrustedFileError { path, source }),
        }
    }

    /// Returns the variables that lead clients to it.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        VARIABLES.into_iter().map(|variable| (variable, self.path.clone()))
    }
}

impl Drop for TrustedFile {
    fn drop(&mut self) {
        // Whoever removed it before us wanted it gone as well.
        let _ = std::fs::remove_file(&self.path);
    }
}
