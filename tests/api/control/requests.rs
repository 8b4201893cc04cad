//! `/_emulator/requests`: the journal of calls (issue 5, control API).

use serde_json::{Value, json};

use crate::support::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SINGLE, backups_path};
use crate::support::{Api, Covered, TestServer, covered, each};

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
async fn calls_are_filtered_by_each_thing_that_is_known_of_them() {
    let server = TestServer::start().await;
    let call = server.call("GET", &Api::V2.backups(HA)).header("User-Agent", "huaweicloud-sdk/3.1");
    call.send().await.ok();
    server.create_backup(HA).await;
    server.post(&backups_path(SINGLE), &json!({})).await;
    server.get(&format!("{}/{OTHERS_HA}", Api::V1.instances(OTHER_PROJECT))).await.ok();
    for (filter, numbers) in [
        (json!({"method": "get"}), &[1, 4][..]),
        (json!({"operation": "create_backup"}), &[2, 3]),
        (json!({"api": "v1.0"}), &[2, 3, 4]),
        (json!({"project_id": OTHER_PROJECT}), &[4]),
        (json!({"instance_id": HA}), &[1, 2]),
        (json!({"status": 200}), &[1, 2, 4]),
        (json!({"error_code": "DCS.4086"}), &[3]),
        (json!({"client": "huaweicloud"}), &[1]),
        (json!({"slower_than": "0s"}), &[1, 2, 3, 4]),
        (json!({"slower_than": "1h"}), &[]),
        (json!({"after": 2}), &[3, 4]),
        (json!({"api": "v1.0", "method": "POST", "status": 200}), &[2]),
    ] {
        let found = server.post(&format!("{REQUESTS}/find"), &filter).await.ok();
        assert_eq!(each(&found["requests"], "number"), numbers, "{filter}");
        let query: Vec<String> = filter
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_string().trim_matches('"')))
            .collect();
        let listed = server.get(&format!("{REQUESTS}?{}", query.join("&"))).await.ok();
        assert_eq!(listed, found, "{filter}");
        assert_eq!(server.count_calls(filter.clone()).await, numbers.len(), "{filter}");
        let wait = json!({"filter": filter, "count": numbers.len() + 1, "timeout": "0s"});
        assert_eq!(server.post(&format!("{REQUESTS}/wait"), &wait).await.ok()["matched"], false, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_there_is_not_is_refused_and_forgets_nothing() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    for query in ["project=x", "colour=red", "status=ok", "after=x", "slower_than=long"] {
        for method in ["GET", "DELETE"] {
            let answer = server.call(method, &format!("{REQUESTS}?{query}")).send().await;
            assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{query}");
        }
    }
    assert_eq!(server.count_calls(json!({})).await, 1);
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
    let (of_project, of_instance) =
        (format!("/v1.0/{PROJECT}/diagnosis"), format!("{}/colour", Api::V2.instance(HA)));
    server.get(&of_project).await;
    server.get(&of_instance).await;
    let unsupported = async |query: &str| {
        let found = server.get(&format!("{REQUESTS}/unsupported{query}")).await.ok();
        each(&found["requests"], "path")
    };
    assert_eq!(unsupported("").await, [of_project.as_str(), &of_instance]);
    // Such calls are found by what their paths name, too.
    assert_eq!(unsupported("?api=v1.0").await, [of_project.as_str()]);
    assert_eq!(unsupported("?api=v2").await, [of_instance.as_str()]);
    assert_eq!(unsupported(&format!("?instance_id={HA}")).await, [of_instance]);
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
