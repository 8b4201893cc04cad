//! Requests byte by byte, for what an HTTP client would not send; also by HTTPS.

use std::sync::Arc;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::answer::Answer;
use super::coverage;
use super::server::TestServer;

const MAX_HEADERS: usize = 32;

impl TestServer {
    /// Sends these bytes on a connection of their own and returns the final answer. The request should say
    /// `Connection: close`.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        parse(&self.raw_bytes(request).await)
    }

    /// Sends a request by HTTPS to a host, as which the server must show a certificate of its authority.
    pub(crate) async fn by_https(
        &self,
        host: &str,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let (address, authority) = self.https();
        let mut trusted = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate");
        trusted.add(authority).expect("it can be trusted");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.expect("there are some").with_root_certificates(trusted).with_no_client_auth();
        let stream = TcpStream::connect(address).await.expect("the server accepts connections");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let mut stream = stream.expect("the certificate is trusted");
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = vec![
            format!("{method} {path} HTTP/1.1"),
            format!("Host: {host}"),
            "Connection: close".to_owned(),
        ];
        let length = body.len().to_string();
        let own = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
        for (name, value) in headers.iter().chain(own.iter().filter(|_| !body.is_empty())) {
            head.push(format!("{name}: {value}"));
        }
        let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        stream.write_all(request.as_bytes()).await.expect("the request is taken");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.expect("the answer ends");
        let answer = parse(&received);
        coverage::record(method, path, answer.status, None);
        answer
    }

    /// Sends these bytes on a connection of their own and returns everything that comes back until its end.
    pub(crate) async fn raw_bytes(&self, request: &[u8]) -> Vec<u8> {
        let stream = TcpStream::connect(self.address()).await.expect("the server accepts connections");
        let (mut reader, mut writer) = stream.into_split();
        let write = async {
            // A server that has seen enough may close before everything is written.
            let _ = writer.write_all(request).await;
            writer
        };
        let read = async {
            let mut received = Vec::new();
            // However the connection ends, what came before counts.
            let _ = reader.read_to_end(&mut received).await;
            received
        };
        // The writing half stays open until the answer is there.
        let (_writer, received) = tokio::join!(write, read);
        received
    }
}

/// Reads the last answer: those before it are of the kind "100 Continue".
fn parse(mut received: &[u8]) -> Answer {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(received) {
            Ok(httparse::Status::Complete(length)) => length,
            other => panic!("{other:?} in {:?}", String::from_utf8_lossy(received)),
        };
        let status = response.code.expect("a complete head has a status");
        let body = &received[head..];
        if status < 200 {
            received = body;
            continue;
        }
        let headers: HeaderMap = response
            .headers
            .iter()
            .map(|header| {
                let name = HeaderName::from_bytes(header.name.as_bytes()).expect("a header's name");
                (name, HeaderValue::from_bytes(header.value).expect("a header's value"))
            })
            .collect();
        return Answer::checked(status, headers, body.to_vec());
    }
}
