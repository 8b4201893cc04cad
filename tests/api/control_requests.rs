//! `/_emulator/requests`: the journal of calls (issue 5, control API).

use serde_json::{Value, json};

use crate::support::seed::{HA, PROJECT, SINGLE, backups_path};
use crate::support::{Covered, TestServer, covered, each};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/requests", calls_are_in_the_journal_with_how_they_ended),
    covered("DELETE", "/_emulator/requests", the_journal_can_be_emptied),
    covered("POST", "/_emulator/requests/find", calls_are_found_and_counted_by_what_they_were),
    covered("POST", "/_emulator/requests/count", calls_are_found_and_counted_by_what_they_were),
    covered("POST", "/_emulator/requests/wait", whoever_waits_for_a_call_is_told_when_it_comes),
    covered("GET", "/_emulator/requests/unsupported", what_is_not_built_is_told_apart),
];

const REQUESTS: &str = "/_emulator/requests";

impl TestServer {
    async fn count_calls(&self, filter: Value) -> Value {
        self.post(&format!("{REQUESTS}/count"), &filter).await.ok()["count"].clone()
    }
}

#[tokio::test]
async fn calls_are_in_the_journal_with_how_they_ended() {
    let server = TestServer::start().await;
    server
        .call("POST", &backups_path(SINGLE))
        .header("User-Agent", "openstacksdk/4.0")
        .header("X-Auth-Token", "not-for-the-journal")
        .json(&json!({"remark": "not-for-the-journal"}))
        .send()
        .await;
    server.create_backup(HA).await;
    let answer = server.get(REQUESTS).await;
    assert!(!answer.text().contains("not-for-the-journal"), "{}", answer.text());
    let calls = answer.ok()["requests"].clone();
    assert_eq!(each(&calls, "operation"), ["create_backup", "create_backup"]);
    assert_eq!(each(&calls, "number"), [1, 2]);
    let refused = &calls[0];
    assert_eq!(refused["project_id"], PROJECT);
    assert_eq!(refused["instance_id"], SINGLE);
    assert_eq!(refused["client"], "openstacksdk/4.0");
    assert_eq!((&refused["method"], &refused["api"]), (&json!("POST"), &json!("v1.0")));
    assert!(refused["status"].as_u64().is_some_and(|status| status >= 400), "{refused}");
    assert!(refused["error_code"].is_string(), "{refused}");
    assert_eq!((&calls[1]["status"], &calls[1]["error_code"]), (&json!(200), &Value::Null));
}

#[tokio::test]
async fn calls_are_found_and_counted_by_what_they_were() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    server.list(HA, "").await;
    server.list(SINGLE, "").await;
    for (filter, count) in [
        (json!({}), 3),
        (json!({"operation": "list_backups"}), 2),
        (json!({"operation": "list_backups", "instance_id": HA}), 1),
        (json!({"method": "POST", "status": 200}), 1),
        (json!({"project_id": "f".repeat(32)}), 0),
        (json!({"after": 2}), 1),
    ] {
        assert_eq!(server.count_calls(filter.clone()).await, count, "{filter}");
        let found = server.post(&format!("{REQUESTS}/find"), &filter).await.ok();
        assert_eq!(found["requests"].as_array().unwrap().len(), count, "{filter}");
    }
    assert_eq!(
        server.get(&format!("{REQUESTS}?instance_id={SINGLE}")).await.ok()["requests"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(server.post(&format!("{REQUESTS}/count"), &json!({"colour": "red"})).await.status, 400);
}

#[tokio::test]
async fn whoever_waits_for_a_call_is_told_when_it_comes() {
    let server = TestServer::start().await;
    let wait = async |timeout: &str| {
        let body = json!({"filter": {"operation": "create_backup"}, "count": 2, "timeout": timeout});
        server.post(&format!("{REQUESTS}/wait"), &body).await.ok()
    };
    assert_eq!(wait("1ms").await, json!({"matched": false, "count": 0, "requests": []}));
    let create = async || {
        server.post(&backups_path(SINGLE), &json!({})).await;
        server.post(&backups_path(SINGLE), &json!({})).await;
    };
    let (waited, ()) = tokio::join!(wait("1m"), create());
    assert_eq!((&waited["matched"], &waited["count"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn what_is_not_built_is_told_apart() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    let path = format!("/v2/{PROJECT}/diagnosis");
    server.get(&path).await;
    let unsupported = server.get(&format!("{REQUESTS}/unsupported")).await.ok();
    assert_eq!(each(&unsupported["requests"], "path"), [path]);
}

#[tokio::test]
async fn the_journal_can_be_emptied() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    server.list(HA, "").await;
    server.delete(&format!("{REQUESTS}?operation=create_backup")).await.ok();
    assert_eq!(server.count_calls(json!({})).await, 1);
    assert_eq!(server.delete(REQUESTS).await.ok(), json!({"count": 0}));
}

#[tokio::test]
async fn the_journal_keeps_as_much_as_it_may() {
    let server = TestServer::with(&[("journal.limit", "2")]).await;
    for _ in 0..3 {
        server.list(HA, "").await;
    }
    assert_eq!(server.count_calls(json!({})).await, 2);
    let server = TestServer::with(&[("journal.limit", "0")]).await;
    server.list(HA, "").await;
    assert_eq!(server.count_calls(json!({})).await, 0);
}
