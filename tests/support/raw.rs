//! Requests byte by byte, for what an HTTP client would not send.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::server::TestServer;

const MAX_HEADERS: usize = 32;

impl TestServer {
    /// Sends these bytes on a connection of their own and returns the final answer. The request should say
    /// `Connection: close`.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        parse(&self.raw_bytes(request).await)
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
