//! A certificate and its key that are given.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::process_support::tls::Trusting;
use crate::process_support::{Finished, Server, run, serve};

/// Writes a certificate for a name, good as it is made by default or until so many years ago, with its key; returns it in PEM.
fn certificate(folder: &Path, name: &str, expired: bool) -> String {
    let mut about = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        about.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = about.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("server.pem"), &certificate).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    certificate
}

fn command(folder: &Path) -> std::process::Command {
    let mut command = serve(&folder.join("a.db"), &["--tls-mode", "files", "--tls-listen", "127.0.0.1:0"]);
    command.arg("--tls-certificate").arg(folder.join("server.pem"));
    command.arg("--tls-key").arg(folder.join("key.pem"));
    command
}

#[test]
fn a_certificate_is_good_for_its_name_only() {
    let folder = TempDir::new().unwrap();
    let client = Trusting::authority(&certificate(folder.path(), "dcs.test", false));
    let server = Server::start(command(folder.path()));
    let address = server.tls_address();
    let answer = client.get(&address, "dcs.test", "/readyz").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let refused = client.get(&address, "other.test", "/readyz").unwrap_err().to_string();
    assert!(refused.contains("not valid for name \"other.test\""), "{refused}");
    assert_eq!(server.connect().get("/_emulator/ca").unwrap().status, 404);
    assert!(!server.log().contains("clients will refuse"), "{}", server.log());
    server.stop();
}

#[test]
fn a_certificate_that_has_expired_is_warned_of_and_refused_by_clients() {
    let folder = TempDir::new().unwrap();
    let client = Trusting::authority(&certificate(folder.path(), "dcs.test", true));
    let server = Server::start(command(folder.path()));
    server.wait_for_log("clients will refuse the certificate");
    let refused = client.get(&server.tls_address(), "dcs.test", "/readyz").unwrap_err().to_string();
    assert!(refused.contains("expired"), "{refused}");
    server.stop();
}

/// Makes sure that there is no start, and that it is said why.
fn assert_refused(finished: &Finished, problem: &str) {
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains(problem), "{problem}: {finished:?}");
}

#[test]
fn files_that_cannot_be_used_are_said_to_be() {
    let folder = TempDir::new().unwrap();
    let (chain, key) = (folder.path().join("server.pem"), folder.path().join("key.pem"));
    let start = || run(command(folder.path()));
    let only_mode =
        serve(&folder.path().join("a.db"), &["--tls-mode", "files", "--tls-listen", "127.0.0.1:0"]);
    assert_refused(&run(only_mode), "needs tls.certificate");
    assert_refused(&start(), "server.pem: cannot be read");
    certificate(folder.path(), "a.test", false);
    let other = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert_refused(&start(), "key.pem: cannot be read");
    std::fs::write(
        &key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    assert_refused(&start(), "openssl pkey -in");
    std::fs::write(&key, std::fs::read(&chain).unwrap()).unwrap();
    assert_refused(&start(), "key.pem: no private key");
    certificate(folder.path(), "a.test", false);
    let own = std::fs::read(&key).unwrap();
    std::fs::write(&key, &other).unwrap();
    assert_refused(&start(), "the key is not that of the certificate");
    std::fs::write(&chain, &own).unwrap();
    assert_refused(&start(), "server.pem: no certificate");
    assert!(!folder.path().join("a.db").exists(), "no start leaves a database");
}
