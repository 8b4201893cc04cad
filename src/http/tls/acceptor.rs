//! Handshakes: bounded in time and memory, and the answer to who speaks no TLS.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustls::ServerConfig;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::SingleCertAndKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::certificates::{ByName, Certificates};
use super::files;
use super::settings::{Now, TlsError, TlsMode, TlsSettings};
use crate::http::connection::Connection;

/// A stream of what was encrypted.
pub(in crate::http) type TlsStream = tokio_rustls::server::TlsStream<Connection<TcpStream>>;

/// How much a client may send before the handshake is over, in bytes: many times what any does.
const MAX_HANDSHAKE: usize = 16 * 1024;
/// How much of a request is taken that is sent in plain text, in bytes, and how long its client may take to read the answer.
const PLAIN_REQUEST: u64 = 64 * 1024;
const PLAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How many sessions may be resumed.
const SESSIONS: usize = 256;

/// Takes connections of HTTPS.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    /// What certificates are made with, where they are.
    made: Option<Arc<Certificates>>,
}

impl Acceptor {
    /// Prepares HTTPS; returns nothing if it is switched off.
    ///
    /// # Errors
    /// [`TlsError`] if there can be none.
    pub fn new(settings: &TlsSettings, now: Now) -> std::result::Result<Option<Self>, TlsError> {
        let (resolver, made): (Arc<dyn ResolvesServerCert>, _) = match settings.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Files => {
                let certificate =
                    settings.certificate.as_deref().ok_or(TlsError::Missing("tls.certificate"))?;
                let key = settings.key.as_deref().ok_or(TlsError::Missing("tls.key"))?;
                (Arc::new(SingleCertAndKey::from(files::read(certificate, key, now())?)), None)
            }
            TlsMode::SelfSigned => {
                let authority = match &settings.authority {
                    Some(path) => Authority::kept_in(path, now())?,
                    None => Authority::new(now())?,
                };
                let made = Arc::new(Certificates::new(authority, now)?);
                let address = std::net::Ipv4Addr::LOCALHOST.into();
                (Arc::new(ByName { certificates: made.clone(), address }), Some(made))
            }
        };
        let failed = |error: rustls::Error| TlsError::Failed(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.map_err(failed)?.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(Some(Self { config: Arc::new(config), made }))
    }

    /// Returns the certificate, in PEM, of the authority that makes the certificates, if one does.
    pub fn authority(&self) -> Option<&str> {
        self.made.as_ref().map(|made| made.authority.certificate.as_str())
    }

    /// Shakes hands with a client, which has so much time for it. Who speaks HTTP without TLS is told so.
    pub(in crate::http) async fn accept(&self, stream: TcpStream, limit: Duration) -> Result<TlsStream> {
        let shaken = tokio::time::timeout(limit, self.shake_hands(stream)).await;
        shaken.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }

    async fn shake_hands(&self, stream: TcpStream) -> Result<TlsStream> {
        let address = stream.local_addr()?;
        let mut first = [0];
        // The first byte of a method is a letter; that of TLS is none.
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
            refuse_plain_text(stream).await;
            return Err(Error::other("the client speaks HTTP without TLS"));
        }
        stream.set_nodelay(true)?;
        let mut config = self.config.clone();
        if let Some(made) = &self.made {
            let resolver = ByName { certificates: made.clone(), address: address.ip().to_canonical() };
            Arc::make_mut(&mut config).cert_resolver = Arc::new(resolver);
        }
        let connection = Connection::limited(stream, MAX_HANDSHAKE);
        let mut stream = TlsAcceptor::from(config).accept(connection).await?;
        stream.get_mut().0.lift_limit();
        Ok(stream)
    }
}

/// Says that a port speaks HTTPS, and lets the client read it: a connection that is closed with something unread is cut.
async fn refuse_plain_text(mut stream: TcpStream) {
    let sentence = "This port speaks HTTPS: ask for https:// in place of http://\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sentence}",
        sentence.len()
    );
    let said = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(PLAIN_REQUEST), &mut tokio::io::sink()).await
    };
    // It is only told: whether it listens is its business.
    let _ = tokio::time::timeout(PLAIN_TIMEOUT, said).await;
}
