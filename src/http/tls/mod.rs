//! HTTPS: its settings and, in a program that is built with it, certificates and handshakes.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod authority;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "tls")]
mod files;
mod settings;

#[cfg(not(feature = "tls"))]
pub use absent::{Acceptor, authority};
#[cfg(feature = "tls")]
pub use acceptor::Acceptor;
#[cfg(feature = "tls")]
pub(super) use acceptor::TlsStream;
#[cfg(feature = "tls")]
pub use authority::authority;
pub use settings::{Now, TlsError, TlsMode, TlsSettings};
