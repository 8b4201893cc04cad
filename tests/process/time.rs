//! Work that is planned goes on as planned, also while nobody is there.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::database::texts;
use crate::process_support::wire::{DEMO_INSTANCE, PROJECT};
use crate::process_support::{Server, eventually, serve};

const FLAGS: [&str; 3] = ["--demo", "--backup-duration", "5s"];

/// Waits until that much time has passed.
fn until(started: Instant, passed: Duration) {
    eventually("time passes", || (started.elapsed() >= passed).then_some(()));
}

/// Returns the only backup that is listed.
fn only_backup(server: &Server) -> Value {
    let mut listed = server.connect().list(DEMO_INSTANCE);
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.pop_first().unwrap().1
}

#[test]
fn a_backup_of_five_seconds_succeeds_at_five_though_its_server_was_away_from_two_to_four() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &FLAGS));
    let started = Instant::now();
    assert_eq!(server.connect().create(DEMO_INSTANCE, "slow").unwrap().status, 200);
    assert_eq!(server.connect().create(DEMO_INSTANCE, "second").unwrap().json()["error_code"], "DCS.4096");

    until(started, Duration::from_secs(2));
    let running = only_backup(&server);
    assert_eq!(running["status"], "backuping");
    // Dropped: killed.
    drop(server);

    until(started, Duration::from_secs(4));
    let server = Server::start(serve(&database, &FLAGS));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "third").unwrap().json()["error_code"], "DCS.4096");
    let succeeded = eventually("the backup succeeds", || {
        let backup = only_backup(&server);
        (backup["status"] == "succeed").then_some(backup)
    });
    assert!(started.elapsed() >= Duration::from_secs(5), "it succeeded too early");
    assert_eq!(
        (&succeeded["execution_at"], &succeeded["progress"]),
        (&running["execution_at"], &"100.00".into())
    );

    let instance = format!("/v2/{PROJECT}/instances/{DEMO_INSTANCE}");
    assert_eq!(server.connect().get(&instance).unwrap().json()["task"], Value::Null);
    server.stop();
    let times = "SELECT (execution_at - created_at) || ' ' || (updated_at - created_at) FROM backups";
    assert_eq!(texts(&database, times), ["500 5000"]);
    let history = "SELECT from_status || ' ' || to_status FROM backup_audit WHERE what = 'backup'";
    assert_eq!(texts(&database, history), ["none waiting", "waiting backuping", "backuping succeed"]);
}
