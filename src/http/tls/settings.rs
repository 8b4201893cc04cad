//! The settings of HTTPS, and what may be wrong with them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::time::Timestamp;

/// Tells the time of the world outside, by which certificates are good.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Whether there is HTTPS, and whose certificates it has. Setting `tls.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// There is none.
    Off,
    /// Certificates are made, by an authority of the emulator's own.
    SelfSigned,
    /// A certificate and its key are given.
    Files,
}

/// Where HTTPS takes its certificates from.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Setting `tls.mode`.
    pub mode: TlsMode,
    /// A chain in PEM, the server's own certificate first. Setting `tls.certificate`.
    pub certificate: Option<PathBuf>,
    /// Its key in PEM. Setting `tls.key`.
    pub key: Option<PathBuf>,
    /// The file of the authority; in memory if there is none.
    pub authority: Option<PathBuf>,
}

/// Why there can be no HTTPS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The program has no HTTPS in it.
    #[error("this program is built without HTTPS; build it with: cargo build --release --features tls")]
    NotBuilt,
    /// A setting is missing.
    #[error("tls.mode is files, which needs {0}")]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of the authority cannot be written.
    #[error("{}: the certificate authority cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be used; it is said why, and what to do.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Certificates cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Failed(String),
}
