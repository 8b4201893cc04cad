//! Who does not speak what a port speaks, or does not trust it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::process_support::tls::Trusting;
use crate::process_support::{Server, run, serve};

const HTTPS: &[&str] = &["--demo", "--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:0"];

/// Sends bytes and returns what comes until the end.
fn sent(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // It may be cut when it has sent more than is read.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn plain_http_on_the_port_of_https_is_told_so() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), HTTPS));
    let address = server.tls_address();
    let long = format!("POST / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{}", "x".repeat(60_000));
    for request in ["GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &long] {
        let answer = sent(&address, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(
            answer.ends_with("This port speaks HTTPS: ask for https:// in place of http://\n"),
            "{answer}"
        );
    }
    server.stop();
}

#[test]
fn tls_on_the_port_of_plain_http_ends_with_400() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), HTTPS));
    let answer = sent(server.address(), b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    server.stop();
}

#[test]
fn who_trusts_another_authority_is_not_served() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), HTTPS));
    let other = Server::start(serve(&folder.path().join("b.db"), HTTPS));
    let refused = Trusting::authority_of(&other).get(&server.tls_address(), "localhost", "/readyz");
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("UnknownIssuer") || refused.contains("BadSignature"), "{refused}");
    other.stop();
    server.stop();
}

#[test]
fn a_port_that_needs_rights_says_which() {
    let folder = TempDir::new().unwrap();
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let has_rights = TcpListener::bind("127.0.0.1:443").is_ok();
    if has_rights || !first_free.is_ok_and(|port| port.trim() == "1024") {
        eprintln!("not run: here everybody may listen on port 443");
        return;
    }
    let arguments = ["--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:443"];
    let finished = run(serve(&folder.path().join("a.db"), &arguments));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for way in ["root", "cap_net_bind_service", "-p 443:8643"] {
        assert!(finished.stderr.contains(way), "{finished:?}");
    }
}
