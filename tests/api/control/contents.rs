//! What instances hold, as a test declares it.

use serde_json::{Value, json};

use crate::support::seed::{HA, UNKNOWN_INSTANCE};
use crate::support::{Api, Covered, TestServer, covered, each};

const CONTENTS: &str = "/_emulator/instances/{instance_id}/contents";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", CONTENTS, an_instance_holds_what_is_declared),
    covered("PUT", CONTENTS, an_instance_holds_what_is_declared),
];

fn contents(instance: &str) -> String {
    CONTENTS.replace("{instance_id}", instance)
}

async fn names(server: &TestServer) -> Vec<Value> {
    each(&server.get(&contents(HA)).await.ok()["keys"], "name")
}

#[tokio::test]
async fn an_instance_holds_what_is_declared() {
    let mut server = TestServer::start().await;
    let nothing = json!({"keys": [], "sessions": [], "slow_log": [], "run_log": []});
    assert_eq!(server.get(&contents(HA)).await.ok(), nothing);
    let declared = json!({
        "keys": [{"name": "a", "ttl": 60}],
        "sessions": [{"id": "7", "addr": "10.0.0.9:4711"}],
        "slow_log": [{"command": "keys *", "start_time": "2020-03-02T06:00:00Z", "duration": 12_000}],
        "run_log": [{"time": "2020-03-02T06:00:00Z", "text": "Ready to accept connections"}],
    });
    let shown = server.put(&contents(HA), &declared).await.ok();
    assert_eq!(shown["keys"][0]["expires_at"], "2020-03-02T06:16:04.512Z");
    assert_eq!(shown["sessions"][0]["peer"], "10.0.0.9:4711");
    server.restart().await;
    assert_eq!(server.get(&contents(HA)).await.ok(), shown);
    for (body, problem) in [
        (json!({"key": []}), "unknown field `key`"),
        (json!({"keys": [{"name": "a"}, {"name": "a"}]}), "\"a\" is no name, or is there twice"),
        (json!({"keys": [{"name": "a", "type": "tree"}]}), "keys[0].type"),
    ] {
        let refused = server.put(&contents(HA), &body).await;
        let message = refused.json()["error_msg"].to_string();
        assert!(refused.status == 400 && message.contains(&problem.replace('"', "\\\"")), "{message}");
    }
    assert_eq!(server.get(&contents(HA)).await.ok(), shown);
    assert_eq!(server.get(&contents(UNKNOWN_INSTANCE)).await.status, 404);
}

#[tokio::test]
async fn a_restore_brings_back_the_keys_of_its_backup() {
    let server = TestServer::start().await;
    let hold = async |name: &str| {
        server.put(&contents(HA), &json!({"keys": [{"name": name}]})).await.ok();
    };
    let empty = server.create_backup(HA).await;
    hold("first").await;
    let first = server.create_backup(HA).await;
    hold("second").await;
    hold("third").await;
    server.restore(Api::V2, HA, &json!({"backup_id": first})).await;
    assert_eq!(names(&server).await, ["first"]);
    server.restore(Api::V2, HA, &json!({"backup_id": empty})).await;
    assert_eq!(names(&server).await, Vec::<Value>::new());
    hold("fourth").await;
    let flush = json!({"action": "flush", "instances": [HA]});
    server.put(&format!("{}/status", Api::V2.instances(crate::support::seed::PROJECT)), &flush).await.ok();
    assert_eq!(names(&server).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_seed_says_what_an_instance_holds_and_an_export_too() {
    let seed = |key: Value| {
        let instance = json!({"id": HA, "cache_mode": "ha", "backups": [{}], "contents": {"keys": [key]}});
        json!({"projects": [{"id": crate::support::seed::PROJECT, "instances": [instance]}]}).to_string()
    };
    let server = TestServer::seeded(&seed(json!({"name": "a", "ttl": 60})), &[]).await;
    let held = server.get(&contents(HA)).await.ok();
    assert_eq!(held["keys"][0]["expires_at"], "2020-03-02T06:16:04.512Z");
    // Its backups hold the same.
    server.put(&contents(HA), &json!({"keys": [{"name": "b"}]})).await.ok();
    let backup = crate::support::text(&server.newest(HA).await["backup_id"]);
    server.restore(Api::V2, HA, &json!({"backup_id": backup})).await;
    assert_eq!(names(&server).await, ["a"]);
    let document = server.export().await;
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(other.get(&contents(HA)).await.ok(), held);
    assert_eq!(other.export().await, document);
    for wrong in [json!({"name": ""}), json!({"name": "\0"}), json!({"name": "a", "type": "tree"})] {
        let refused = server.seed(&seed(wrong), "?overwrite=true").await;
        assert!(refused.status == 400 && refused.text().contains("contents"), "{}", refused.text());
    }
    assert_eq!(names(&server).await, ["a"]);
}
