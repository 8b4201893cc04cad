//! The authority, and the names that it makes certificates for.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::tls::Trusting;
use crate::process_support::{Server, program, run, serve};

const HTTPS: &[&str] = &["--demo", "--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:0"];
/// Where the providers have the service, and names of this machine.
const NAMES: [&str; 6] = [
    "dcs.eu-de.otc.t-systems.com",
    "iam.eu-de.otc.t-systems.com",
    "dcs.cn-north-4.myhuaweicloud.com",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// Returns what `dcs-emulator ca` prints.
fn printed(database: &Path) -> String {
    let mut command = program(&["ca", "--database"]);
    command.arg(database);
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for client in
        ["curl", "REQUESTS_CA_BUNDLE", "OS_CACERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "keytool"]
    {
        assert!(finished.stderr.contains(client), "{client}: {finished:?}");
    }
    finished.stdout
}

#[test]
fn who_trusts_what_is_printed_is_served_by_every_name_also_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let authority = printed(&database);
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----") && !authority.contains("PRIVATE"));
    let client = Trusting::authority(&authority);
    for _ in 0..2 {
        let server = Server::start(serve(&database, HTTPS));
        let address = server.tls_address();
        for name in NAMES {
            let answer = client.get(&address, name, "/readyz").unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{name}: {answer}");
        }
        server.stop();
    }
    assert_eq!(printed(&database), authority);
}

#[cfg(unix)]
#[test]
fn nobody_but_its_owner_may_read_the_authority() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new().unwrap();
    printed(&folder.path().join("a.db"));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.file_name(), "a.db.ca.pem");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_authority_that_is_broken_is_said_to_be() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    printed(&database);
    let kept = folder.path().join("a.db.ca.pem");
    let text = std::fs::read_to_string(&kept).unwrap();
    printed(&folder.path().join("b.db"));
    let other = std::fs::read_to_string(folder.path().join("b.db.ca.pem")).unwrap();
    let (certificate, _) = text.split_once("-----BEGIN PRIVATE").unwrap();
    let (_, key) = other.split_once("-----BEGIN PRIVATE").unwrap();
    for (broken, problem) in [
        (String::new(), "no items"),
        (certificate.to_owned(), "no items"),
        (format!("{certificate}-----BEGIN PRIVATE{key}"), "the key is not that of the certificate"),
    ] {
        std::fs::write(&kept, broken).unwrap();
        let finished = run(serve(&database, HTTPS));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let says = |text: &str| finished.stderr.contains(text);
        assert!(says("a.db.ca.pem") && says(problem) && says("remove it"), "{}", finished.stderr);
    }
}

#[test]
fn links_and_the_catalogue_name_the_host_and_https() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), HTTPS));
    let client = Trusting::authority_of(&server);
    let answer = client.get(&server.tls_address(), "iam.eu-de.otc.t-systems.com", "/v3").unwrap();
    assert!(answer.contains("\"https://iam.eu-de.otc.t-systems.com/v3"), "{answer}");
    let plain = server.connect().get("/v3").unwrap();
    assert!(plain.body.contains("\"http://emulator/v3"), "{plain:?}");
    server.stop();
}

#[test]
fn a_server_without_a_file_shows_its_authority() {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", "sqlite::memory:"];
    let server = Server::start(program(&[&arguments, HTTPS].concat()));
    let mut command = program(&["control", "ca", "--url"]);
    command.arg(&server.url);
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let answer =
        Trusting::authority(&finished.stdout).get(&server.tls_address(), "a.test", "/readyz").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop();
}

#[test]
fn the_ready_file_names_https_and_run_leads_clients_to_what_they_trust() {
    let folder = TempDir::new().unwrap();
    let ready_file = folder.path().join("ready.json");
    let script = r#"cat "$DCS_EMULATOR_READY" && echo "$DCS_EMULATOR_TLS_URL" && cat "$SSL_CERT_FILE" && test "$OS_CACERT" = "$SSL_CERT_FILE""#;
    let mut command = program(&["run", "--tls-mode", "self-signed", "--ready-file"]);
    command.arg(&ready_file).args(["--", "sh", "-c", script]).env("DCS_EMULATOR_READY", &ready_file);
    command.env("SSL_CERT_FILE", "/dev/null");
    let finished = run(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut lines = finished.stdout.lines();
    let ready: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let url = ready["tls_url"].as_str().unwrap();
    assert!(url.starts_with("https://127.0.0.1:") && lines.next() == Some(url), "{finished:?}");
    Trusting::authority(&lines.collect::<Vec<_>>().join("\n"));
}
