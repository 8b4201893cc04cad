//! Searches for keys that instances begin by themselves (wire contract v2, section 2.20; of its operations, section 3).

use serde_json::{Value, json};

use crate::support::seed::{HA, MEMCACHED, OLD_REDIS, SINGLE_RESTARTING};
use crate::support::{Answer, Api, TestServer, each, is_uuid, refusal, text};

/// From the time at which the clock of a test begins to seven in the morning.
const UNTIL_SEVEN: u64 = (44 * 60 + 55) * 1000 + 488;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn of(instance: &str, rest: &str) -> String {
    format!("{}/{rest}", Api::V2.instance(instance))
}

async fn put(server: &TestServer, instance: &str, rest: &str, body: &Value) -> Answer {
    server.call("PUT", &of(instance, rest)).json(body).send().await
}

/// Has an instance look for expired keys every so many seconds, the first time at seven.
async fn every(server: &TestServer, seconds: u64) {
    let scan =
        json!({"enable_auto_scan": true, "first_scan_at": "2020-03-02T07:00:00.000", "interval": seconds});
    put(server, HA, "scan-expire-keys/autoscan-config", &scan).await.ok();
}

async fn histories(server: &TestServer, query: &str) -> Value {
    server.get(&of(HA, &format!("auto-expire/histories?{query}"))).await.ok()
}

#[tokio::test]
async fn a_daily_scan_runs_at_its_times_and_no_more_once_it_is_off() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let keys = json!({"keys": [{"name": "large", "size": 3000, "freq": 9}]});
    server.put(&format!("/_emulator/instances/{HA}/contents"), &keys).await.ok();
    for scan in ["bigkey", "hotkey"] {
        let daily = json!({"enable_auto_scan": true, "schedule_at": ["22:30", "07:00"]});
        put(&server, HA, &format!("{scan}/autoscan"), &daily).await.ok();
        // What is set anew takes the place of what was set.
        put(&server, HA, &format!("{scan}/autoscan"), &daily).await.ok();
    }
    server.advance_ms(UNTIL_SEVEN - 1);
    server.post("/_emulator/transitions/analysis/step", &json!({})).await.ok();
    assert_eq!(server.get(&of(HA, "bigkey-tasks")).await.ok()["count"], 0);
    server.restart().await;
    server.advance_ms(1);
    for scan in ["bigkey", "hotkey"] {
        let begun = server.get(&of(HA, &format!("{scan}-tasks"))).await.ok();
        let row = &begun["records"][0];
        assert_eq!(
            (&begun["count"], &row["status"], &row["scan_type"], &row["created_at"]),
            (&json!(1), &json!("waiting"), &json!("auto"), &json!("2020-03-02T07:00:00.000Z"))
        );
        assert!(is_uuid(&text(&row["id"])));
    }
    server.advance_ms(10_000);
    let id = text(&server.get(&of(HA, "bigkey-tasks")).await.ok()["records"][0]["id"]);
    let found = server.get(&of(HA, &format!("bigkey-task/{id}"))).await.ok();
    assert_eq!((&found["status"], &found["keys"][0]["name"]), (&json!("success"), &json!("large")));
    server.advance_ms(DAY);
    let listed = server.get(&of(HA, "bigkey-tasks")).await.ok();
    assert_eq!(
        each(&listed["records"], "created_at"),
        ["2020-03-03T07:00:00.000Z", "2020-03-02T22:30:00.000Z", "2020-03-02T07:00:00.000Z"]
    );
    put(&server, HA, "bigkey/autoscan", &json!({"enable_auto_scan": false})).await.ok();
    server.advance_ms(DAY);
    assert_eq!(server.get(&of(HA, "bigkey-tasks")).await.ok()["count"], 3);
    assert_eq!(server.get(&of(HA, "hotkey-tasks")).await.ok()["count"], 5);
}

#[tokio::test]
async fn a_scan_finds_what_is_expired_when_it_runs_however_late_that_is_asked_for() {
    let server = TestServer::start().await;
    every(&server, 60).await;
    server.advance_ms(UNTIL_SEVEN - 1);
    let keys = json!({"keys": [{"name": "a", "ttl": 30}, {"name": "b", "ttl": 90}, {"name": "c", "ttl": 91}, {"name": "d"}]});
    server.put(&format!("/_emulator/instances/{HA}/contents"), &keys).await.ok();
    server.advance_ms(4 * MINUTE + 1);
    let listed = histories(&server, "").await;
    assert_eq!(each(&listed["records"], "num"), [0, 0, 2, 1, 0]);
    assert_eq!(each(&listed["records"], "scan_type"), ["auto"; 5]);
    assert_eq!(listed["records"][4]["finished_at"], "2020-03-02T07:00:00.000Z");
    // A day has more minutes than an instance has records.
    server.advance_ms(DAY);
    let listed = histories(&server, "limit=1").await;
    assert_eq!(
        (&listed["total"], &listed["records"][0]["created_at"]),
        (&json!(100), &json!("2020-03-03T07:04:00.000Z"))
    );
}

#[tokio::test]
async fn there_is_no_scan_while_another_one_runs_or_the_instance_does_not() {
    let server = TestServer::with(&[("task.duration", "90s")]).await;
    every(&server, 60).await;
    let daily = json!({"enable_auto_scan": true, "schedule_at": ["07:00"]});
    put(&server, SINGLE_RESTARTING, "bigkey/autoscan", &daily).await.ok();
    server.advance_ms(UNTIL_SEVEN + 4 * MINUTE);
    let begun = each(&histories(&server, "").await["records"], "created_at");
    assert_eq!(begun, ["2020-03-02T07:04:00.000Z", "2020-03-02T07:02:00.000Z", "2020-03-02T07:00:00.000Z"]);
    assert_eq!(server.get(&of(SINGLE_RESTARTING, "bigkey-tasks")).await.ok()["count"], 0);
    assert_eq!(server.delete(&Api::V2.instance(HA)).await.status, 204);
    server.advance_ms(DAY);
    server.get(&of(HA, "bigkey-tasks")).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}

#[tokio::test]
async fn a_scan_is_set_only_where_there_is_one() {
    let server = TestServer::start().await;
    let no_big = refusal::other("DCS.4919", "Does not support bigkey analyze.");
    let no_hot = refusal::other("DCS.4922", "Does not support hotkey analyze.");
    let no_expired = refusal::other("DCS.4818", "Do not support auto expire scan.");
    let scan = json!({"enable_auto_scan": false});
    for (instance, rest, refusal) in [
        (MEMCACHED, "bigkey/autoscan", &no_big),
        (MEMCACHED, "hotkey/autoscan", &no_hot),
        (MEMCACHED, "scan-expire-keys/autoscan-config", &no_expired),
        (OLD_REDIS, "hotkey/autoscan", &no_hot),
        (OLD_REDIS, "scan-expire-keys/autoscan-config", &no_expired),
    ] {
        put(&server, instance, rest, &scan).await.assert_refused_by(Api::V2, refusal);
        let shown = server.get(&of(instance, rest)).await;
        if instance == MEMCACHED {
            shown.assert_refused_by(Api::V2, refusal);
        } else {
            // Clients read it of every Redis.
            assert_eq!(shown.ok()["enable_auto_scan"], false);
        }
    }
    put(&server, OLD_REDIS, "bigkey/autoscan", &scan).await.ok();
    server.get(&of(OLD_REDIS, "bigkey/autoscan")).await.ok();
}
