//! `/livez`, `/readyz`, `/metrics`: for those who run the server.

use serde_json::json;

use crate::support::seed::{HA, SINGLE, backups_path};
use crate::support::{Covered, TestServer, covered, refusal};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/livez", a_server_that_runs_is_alive_and_ready),
    covered("GET", "/readyz", a_server_that_runs_is_alive_and_ready),
    covered("HEAD", "/livez", a_server_that_runs_is_alive_and_ready),
    covered("HEAD", "/readyz", a_server_that_runs_is_alive_and_ready),
    covered("GET", "/metrics", requests_are_counted_by_operation_and_status),
];

/// Returns the value of a measurement, by its name with labels.
async fn measured(server: &TestServer, name: &str) -> Option<f64> {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    let line =
        answer.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.map(|value| value.parse().expect("a number"))
}

#[tokio::test]
async fn a_server_that_runs_is_alive_and_ready() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/livez").await.ok(), json!({"status": "alive"}));
    assert_eq!(server.get("/readyz").await.ok(), json!({"status": "ready"}));
    for path in ["/livez", "/readyz"] {
        let head = server.call("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test]
async fn being_asked_whether_it_is_ready_changes_nothing() {
    let server = TestServer::start().await;
    let events = "SELECT json_object('events', count(*)) FROM backup_audit";
    let before = server.rows(events).await;
    for _ in 0..5 {
        server.get("/readyz").await.ok();
    }
    assert_eq!(server.rows(events).await, before);
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_status() {
    let server = TestServer::start().await;
    let count = async |operation: &str, status: u16| {
        let name = format!(r#"dcs_emulator_requests_total{{operation="{operation}",status="{status}"}}"#);
        measured(&server, &name).await
    };
    assert_eq!(count("create_backup", 200).await, None);
    server.create_backup(HA).await;
    server.create_backup(HA).await;
    server.post(&backups_path(SINGLE), &json!({})).await.assert_refused(&refusal::ONLY_MASTER_STANDBY);
    server.post(&backups_path("x"), &json!({})).await.assert_refused(&refusal::INVALID_INSTANCE_ID);
    server.get("/nothing").await.assert_refused(&refusal::UNKNOWN_ROUTE);
    server.call("PUT", "/livez").send().await.assert_refused(&refusal::METHOD_NOT_ALLOWED);
    server.list(HA, "").await;
    for (operation, status, times) in [
        ("create_backup", 200, 2.0),
        ("create_backup", 400, 2.0),
        ("list_backups", 200, 1.0),
        ("none", 404, 1.0),
        ("none", 405, 1.0),
    ] {
        assert_eq!(count(operation, status).await, Some(times), "{operation} {status}");
    }
    assert_eq!(count("create_backup", 500).await, None);
}

#[tokio::test]
async fn how_long_requests_and_commits_take_is_measured() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    let requests =
        measured(&server, r#"dcs_emulator_request_seconds_count{operation="create_backup"}"#).await;
    assert_eq!(requests, Some(1.0));
    // The seed was one commit, the backup another.
    assert_eq!(measured(&server, "dcs_emulator_writer_commit_seconds_count").await, Some(2.0));
    assert_eq!(measured(&server, "dcs_emulator_writer_batch_size_sum").await, Some(2.0));
    assert_eq!(measured(&server, "dcs_emulator_writer_queue_depth").await, Some(0.0));
}
