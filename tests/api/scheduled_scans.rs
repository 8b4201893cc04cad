//! Searches for keys that instances begin by themselves (wire contract v2, section 2.20; of its operations, section 3).

use serde_json::{Value, json};

use crate::support::seed::{HA, MEMCACHED, OLD_REDIS, SECOND_HA, SINGLE_RESTARTING, TINY};
use crate::support::{Answer, Api, TestServer, each, is_uuid, of, refusal, text};

/// From the time at which the clock of a test begins to seven in the morning.
const UNTIL_SEVEN: u64 = (44 * 60 + 55) * 1000 + 488;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

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

/// A fault that lets so many scans of an operation fail.
async fn fault(server: &TestServer, matcher: Value, times: u64) {
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    let fault = json!({"match": matcher, "times": times, "effect": {"outcome": outcome}});
    server.post("/_emulator/faults", &fault).await.ok();
}

#[tokio::test]
async fn of_the_scans_of_one_time_a_fault_lets_no_more_fail_than_it_says() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let daily = json!({"enable_auto_scan": true, "schedule_at": ["07:00"]});
    for instance in [HA, SECOND_HA, TINY] {
        for scan in ["bigkey", "hotkey"] {
            put(&server, instance, &format!("{scan}/autoscan"), &daily).await.ok();
        }
    }
    // The second one is about calls, the third would be answered.
    fault(&server, json!({"operation": "scheduled_hotkey_scan"}), 2).await;
    fault(&server, json!({"operation": "create_hotkey_scan_task"}), 1).await;
    let answered = json!({"match": {"operation": "scheduled_bigkey_scan"}, "effect": {"status": 503}});
    server.post("/_emulator/faults", &answered).await.ok();
    server.advance_ms(UNTIL_SEVEN);
    assert_eq!(server.get(&of(HA, "hotkey-tasks")).await.ok()["count"], 1);
    server.restart().await;
    let faults = async |server: &TestServer| {
        let faults = server.get("/_emulator/faults").await.ok()["faults"].take();
        (each(&faults, "times"), each(&faults, "hits"))
    };
    assert_eq!(faults(&server).await, (vec![json!(1), Value::Null], vec![json!(0), json!(0)]));
    server.advance_ms(10_000);
    let statuses = async |scan: &str| {
        let mut all = Vec::new();
        for instance in [HA, SECOND_HA, TINY] {
            let listed = server.get(&of(instance, &format!("{scan}-tasks"))).await.ok();
            all.push(listed["records"].as_array().unwrap().iter().map(|row| text(&row["status"])).collect());
        }
        all.sort();
        let all: Vec<Vec<String>> = all;
        all.concat()
    };
    assert_eq!(statuses("hotkey").await, ["failed", "failed", "success"]);
    assert_eq!(statuses("bigkey").await, ["success"; 3]);
}

#[tokio::test]
async fn a_scan_that_does_not_begin_uses_no_fault_up() {
    let mut server = TestServer::with(&[("task.duration", "90s")]).await;
    every(&server, 60).await;
    server.advance_ms(UNTIL_SEVEN);
    // The one of seven o'clock has begun, the one of a minute later finds it open.
    assert_eq!(histories(&server, "").await["total"], 1);
    fault(&server, json!({"operation": "scheduled_expire_key_scan", "instance_id": HA}), 1).await;
    server.advance_ms(MINUTE);
    assert_eq!(histories(&server, "").await["total"], 1);
    assert_eq!(server.get("/_emulator/faults").await.ok()["faults"][0]["times"], 1);
    server.restart().await;
    let path = "/_emulator/clock/advance";
    let fired = server.post(path, &json!({"duration": "10m"})).await.ok()["fired"].take();
    let begun = fired.as_array().unwrap().iter().filter(|change| change["from"].is_null());
    assert_eq!(begun.map(|change| text(&change["to"])).collect::<Vec<_>>(), ["waiting"; 5]);
    let mut ended = each(&histories(&server, "").await["records"], "status");
    ended.reverse();
    assert_eq!(ended[..3], ["success", "failed", "success"]);
    assert_eq!(server.get("/_emulator/faults").await.ok()["faults"], json!([]));
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
