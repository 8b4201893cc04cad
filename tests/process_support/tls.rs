//! A client of HTTPS that trusts one authority, and checks what it is shown.

use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_rustls::TlsConnector;

use super::Server;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_mins(1);

/// Sends requests on a connection of HTTP/2.
pub(crate) type Http2 = h2::client::SendRequest<std::io::Cursor<Vec<u8>>>;

/// A client that trusts the certificates of an authority, and no others.
#[derive(Clone)]
pub(crate) struct Trusting(RootCertStore);

impl Trusting {
    /// Trusts the authority whose certificate this is, in PEM.
    pub(crate) fn authority(pem: &str) -> Self {
        let mut trusted = RootCertStore::empty();
        trusted
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"))
            .expect("it can be trusted");
        Self(trusted)
    }

    fn config(&self, protocol: &str) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("there are some").with_root_certificates(self.0.clone());
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }

    /// Asks a server for something by a host name or an address, and returns status line, head and body as they came.
    pub(crate) fn get(&self, address: &str, host: &str, path: &str) -> Result<String> {
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let connection = ClientConnection::new(self.config("http/1.1"), name).map_err(Error::other)?;
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let mut stream = StreamOwned::new(connection, stream);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Opens a connection of HTTP/2 to a server, by a host name.
    pub(crate) async fn http2(&self, address: &str, host: &str) -> Http2 {
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let stream = tokio::net::TcpStream::connect(address).await.expect("it takes connections");
        let stream =
            TlsConnector::from(self.config("h2")).connect(name, stream).await.expect("it is trusted");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        // More are sent once it is known how many the server takes.
        let (requests, connection) = h2::client::Builder::new()
            .initial_max_send_streams(1)
            .handshake(stream)
            .await
            .expect("it speaks HTTP/2");
        tokio::spawn(async move {
            // It ends with the server.
            let _ = connection.await;
        });
        requests.ready().await.expect("it takes requests")
    }

    /// Trusts the authority that a server shows.
    pub(crate) fn authority_of(server: &Server) -> Self {
        let answer = server.connect().get("/_emulator/ca").expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::authority(&answer.body)
    }
}
