//! Analyses of keys (wire contract of the operations of v2, section 3).

use serde_json::{Value, json};

use crate::support::seed::{HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, each, is_uuid, of, refusal, text};

const BIG: &str = "/v2/{project_id}/instances/{instance_id}/bigkey-task";
const BIG_ONE: &str = "/v2/{project_id}/instances/{instance_id}/bigkey-task/{bigkey_id}";
const HOT: &str = "/v2/{project_id}/instances/{instance_id}/hotkey-task";
const HOT_ONE: &str = "/v2/{project_id}/instances/{instance_id}/hotkey-task/{hotkey_id}";
const EXPORT: &str = "/v2/{project_id}/instances/{instance_id}/hotkey/{task_id}/export";
const EXPIRE: &str = "/v2/{project_id}/instances/{instance_id}/auto-expire/scan";
const EXPIRE_NEWER: &str = "/v2/{project_id}/instances/{instance_id}/scan-expire-keys-task";
const HISTORIES: &str = "/v2/{project_id}/instances/{instance_id}/auto-expire/histories";
const OFFLINE: &str = "/v2/{project_id}/instances/{instance_id}/offline/key-analysis";
const OFFLINE_ONE: &str = "/v2/{project_id}/instances/{instance_id}/offline/key-analysis/{task_id}";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", BIG, big_keys_are_those_that_the_instance_holds),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/bigkey-tasks", analyses_are_listed_newest_first),
    covered("GET", BIG_ONE, big_keys_are_those_that_the_instance_holds),
    covered("DELETE", BIG_ONE, an_analysis_is_deleted_once_it_has_ended),
    covered("POST", HOT, hot_keys_are_listed_and_downloaded),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/hotkey-tasks",
        hot_keys_are_listed_and_downloaded,
    ),
    covered("GET", HOT_ONE, hot_keys_are_listed_and_downloaded),
    covered("DELETE", HOT_ONE, hot_keys_are_listed_and_downloaded),
    covered("POST", EXPORT, hot_keys_are_listed_and_downloaded),
    covered("POST", EXPIRE, expired_keys_are_counted_and_removed),
    covered("POST", EXPIRE_NEWER, expired_keys_are_counted_and_removed),
    covered("GET", HISTORIES, expired_keys_are_counted_and_removed),
    covered("POST", OFFLINE, a_backup_is_analysed_as_it_was),
    covered("GET", OFFLINE, a_backup_is_analysed_as_it_was),
    covered("GET", OFFLINE_ONE, a_backup_is_analysed_as_it_was),
    covered("DELETE", OFFLINE_ONE, a_backup_is_analysed_as_it_was),
];

async fn begin(server: &TestServer, instance: &str, rest: &str) -> Answer {
    server.call("POST", &of(instance, rest)).send().await
}

async fn hold(server: &TestServer, keys: Value) {
    let path = format!("/_emulator/instances/{HA}/contents");
    server.put(&path, &json!({ "keys": keys })).await.ok();
}

fn refused(code: &'static str, message: &'static str) -> Refusal {
    refusal::other(code, message)
}

#[tokio::test]
async fn big_keys_are_those_that_the_instance_holds() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let begun = begin(&server, HA, "bigkey-task").await.ok();
    let id = text(&begun["id"]);
    assert!(is_uuid(&id), "{begun}");
    assert_eq!(
        begun,
        json!({"id": id, "instance_id": HA, "status": "waiting", "scan_type": "manual",
               "created_at": begun["created_at"], "started_at": null, "finished_at": null, "num": 0, "keys": []})
    );
    let second = begin(&server, HA, "bigkey-task").await;
    second.assert_refused_by(Api::V2, &refused("DCS.4918", "Instance bigkey analyze is running."));
    server.advance_ms(1_000);
    let one = of(HA, &format!("bigkey-task/{id}"));
    assert_eq!(server.get(&one).await.ok()["status"], "running");
    hold(&server, json!([
        {"name": "large", "size": 3000}, {"name": "larger", "size": 4000, "db": 1},
        {"name": "list", "type": "list", "size": 99, "elements": 7}, {"name": "over", "size": 9000, "expired": true},
    ]))
    .await;
    server.restart().await;
    server.advance_ms(9_000);
    let ended = server.get(&one).await.ok();
    assert_eq!((&ended["status"], &ended["num"]), (&json!("success"), &json!(3)));
    assert_eq!(
        ended["keys"],
        json!([
            {"name": "larger", "type": "string", "shard": "", "db": 1, "size": 4000, "unit": "byte"},
            {"name": "large", "type": "string", "shard": "", "db": 0, "size": 3000, "unit": "byte"},
            {"name": "list", "type": "list", "shard": "", "db": 0, "size": 7, "unit": "count"},
        ])
    );
    // What was found stays, whatever the instance holds then.
    hold(&server, json!([])).await;
    assert_eq!(server.get(&one).await.ok(), ended);
    let next = text(&begin(&server, HA, "bigkey-task").await.ok()["id"]);
    server.advance_ms(10_000);
    assert_eq!(server.get(&of(HA, &format!("bigkey-task/{next}"))).await.ok()["keys"], json!([]));
}

#[tokio::test]
async fn analyses_are_listed_newest_first() {
    let server = TestServer::start().await;
    let path = of(HA, "bigkey-tasks");
    assert_eq!(server.get(&path).await.ok(), json!({"instance_id": HA, "count": 0, "records": []}));
    let mut begun = Vec::new();
    for _ in 0..3 {
        begun.insert(0, begin(&server, HA, "bigkey-task").await.ok()["id"].clone());
        server.advance_ms(1);
    }
    let all = server.get(&path).await.ok();
    assert_eq!((each(&all["records"], "id"), &all["count"]), (begun.clone(), &json!(3)));
    let page = server.get(&format!("{path}?offset=1&limit=1&status=success")).await.ok();
    assert_eq!((each(&page["records"], "id"), &page["count"]), (begun[1..2].to_vec(), &json!(3)));
    assert_eq!(server.get(&format!("{path}?status=failed")).await.ok()["records"], json!([]));
    let unknown = server.get(&format!("{path}?status=done")).await;
    unknown.assert_refused_by(Api::V2, &refusal::invalid("status"));
    assert_eq!(server.get(&of(HA, "hotkey-tasks")).await.ok()["count"], 0);
}

#[tokio::test]
async fn an_analysis_is_deleted_once_it_has_ended() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let one = of(HA, &format!("bigkey-task/{}", text(&begin(&server, HA, "bigkey-task").await.ok()["id"])));
    let unknown = refused("DCS.4942", "The bigkey id does not exist.");
    server.delete(&one).await.assert_refused_by(
        Api::V2,
        &refused("DCS.4957", "This operation is not allowed when the task is in the current state."),
    );
    server.advance_ms(10_000);
    server.delete(&one.replace(HA, OLD_REDIS)).await.assert_refused_by(Api::V2, &unknown);
    server.delete(&one).await.assert_no_content();
    server.get(&one).await.assert_refused_by(Api::V2, &unknown);
    server.delete(&one).await.assert_refused_by(Api::V2, &unknown);
    server.get(&of(HA, "bigkey-task/none")).await.assert_refused_by(Api::V2, &unknown);
}

#[tokio::test]
async fn hot_keys_can_need_a_policy_that_counts_uses() {
    let mut server = TestServer::with(&[("compat.hotkey_needs_lfu", "true")]).await;
    let unsupported = refused("DCS.4922", "Does not support hotkey analyze.");
    let daily = json!({"enable_auto_scan": true, "schedule_at": ["07:00"]});
    server.put(&of(HA, "hotkey/autoscan"), &daily).await.ok();
    let policy = async |server: &TestServer, value: &str| {
        let config = json!({"param_id": "2", "param_name": "maxmemory-policy", "param_value": value});
        let body = json!({ "redis_config": [config] });
        assert_eq!(server.put(&of(HA, "configs"), &body).await.status, 204);
    };
    for value in [None, Some("allkeys-lru"), Some("noeviction")] {
        if let Some(value) = value {
            policy(&server, value).await;
        }
        begin(&server, HA, "hotkey-task").await.assert_refused_by(Api::V2, &unsupported);
        server.advance_ms(24 * 3_600_000);
    }
    assert_eq!(server.get(&of(HA, "hotkey-tasks")).await.ok()["count"], 0);
    begin(&server, HA, "bigkey-task").await.ok();
    policy(&server, "volatile-lfu").await;
    begin(&server, HA, "hotkey-task").await.ok();
    server.restart().await;
    policy(&server, "allkeys-lfu").await;
    begin(&server, HA, "hotkey-task").await.ok();
    server.advance_ms(24 * 3_600_000);
    let listed = server.get(&of(HA, "hotkey-tasks")).await.ok();
    assert_eq!(each(&listed["records"], "scan_type"), ["auto", "manual", "manual"]);
}

#[tokio::test]
async fn hot_keys_are_listed_and_downloaded() {
    let server = TestServer::start().await;
    hold(
        &server,
        json!([{"name": "cold", "size": 1}, {"name": "warm", "size": 2, "freq": 7},
                         {"name": "hot,\"very\"", "type": "hash", "elements": 3, "freq": 255}]),
    )
    .await;
    let id = text(&begin(&server, HA, "hotkey-task").await.ok()["id"]);
    let one = of(HA, &format!("hotkey-task/{id}"));
    let ended = server.get(&one).await.ok();
    assert_eq!(each(&ended["keys"], "freq"), [json!(255), json!(7)]);
    let exported = server.call("POST", &of(HA, &format!("hotkey/{id}/export"))).send().await;
    assert_eq!(
        (exported.status, exported.text()),
        (
            200,
            "name,type,shard,db,size,unit,freq\n\"hot,\"\"very\"\"\",hash,,0,3,count,255\n\"warm\",string,,0,2,byte,7\n"
        )
    );
    let name = format!("attachment; filename=\"hotkey_{id}.csv\"");
    assert_eq!(exported.header("content-disposition"), Some(name.as_str()));
    assert_eq!(server.get(&of(HA, "hotkey-tasks")).await.ok()["count"], 1);
    server.delete(&one).await.assert_no_content();
    let unknown = refused("DCS.4941", "The hotkey id does not exist.");
    server.get(&one).await.assert_refused_by(Api::V2, &unknown);
    let exported = server.call("POST", &of(HA, &format!("hotkey/{id}/export"))).send().await;
    exported.assert_refused_by(Api::V2, &unknown);
}

#[tokio::test]
async fn expired_keys_are_counted_and_removed() {
    let server = TestServer::start().await;
    let path = of(HA, "auto-expire/histories");
    assert_eq!(
        server.get(&path).await.ok(),
        json!({"instance_id": HA, "total": 0, "count": 0, "records": []})
    );
    hold(
        &server,
        json!([{"name": "stays"}, {"name": "goes", "ttl": 5}, {"name": "is over", "expired": true}]),
    )
    .await;
    begin(&server, HA, "auto-expire/scan").await.ok();
    let first = server.get(&path).await.ok();
    assert_eq!((&first["total"], &first["records"][0]["num"]), (&json!(1), &json!(1)));
    assert_eq!(first["records"][0]["instance_id"], HA);
    server.advance_ms(5_000);
    begin(&server, HA, "scan-expire-keys-task").await.ok();
    assert_eq!(each(&server.get(&path).await.ok()["records"], "num"), [1, 1]);
    let held = server.get(&format!("/_emulator/instances/{HA}/contents")).await.ok();
    assert_eq!(each(&held["keys"], "name"), ["stays"]);
}

#[tokio::test]
async fn what_is_due_together_is_done_one_after_the_other() {
    let server = TestServer::with(&[("task.duration", "5s")]).await;
    let rule = json!({"progression": "time", "durations": {"FLUSHING": "1s"}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
    hold(&server, json!([{"name": "goes", "ttl": 1}, {"name": "flushed"}])).await;
    begin(&server, HA, "auto-expire/scan").await.ok();
    let flush = json!({"action": "flush", "instances": [HA]});
    server.put(&format!("{}/status", Api::V2.instances(PROJECT)), &flush).await.ok();
    server.advance_ms(10_000);
    let records = server.get(&of(HA, "auto-expire/histories")).await.ok();
    assert_eq!(each(&records["records"], "num"), [0], "the flush came before");
    let held = server.get(&format!("/_emulator/instances/{HA}/contents")).await.ok();
    assert_eq!(held["keys"], json!([]));
}

#[tokio::test]
async fn the_sizes_of_what_a_backup_holds_are_those_that_were_declared() {
    let server = TestServer::start().await;
    let groups = format!("{}/groups", Api::V2.instance(HA).replace("/instances/", "/instance/"));
    let node = server.get(&groups).await.ok()["group_list"][0]["replication_list"][0].take();
    hold(&server, json!([{"name": "most", "size": u64::MAX}, {"name": "list", "type": "list", "size": 3000, "elements": 5}])).await;
    let id = text(
        &server.post(&of(HA, "offline/key-analysis"), &json!({"node_id": node["node_id"]})).await.ok()["task_id"],
    );
    let shown = server.get(&of(HA, &format!("offline/key-analysis/{id}"))).await.ok();
    assert_eq!(shown["total_bytes"], u64::MAX);
    let list = json!({"key": "list", "type": "list", "bytes": 3000, "num_of_elem": 5});
    assert!(shown["largest_keys"].as_array().expect("a list").contains(&list), "{shown}");
}

#[tokio::test]
async fn a_backup_is_analysed_as_it_was() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let groups = format!("{}/groups", Api::V2.instance(HA).replace("/instances/", "/instance/"));
    let node = server.get(&groups).await.ok()["group_list"][0]["replication_list"][0].take();
    hold(&server, json!([{"name": "user:1", "size": 10}, {"name": "user:2", "size": 20}])).await;
    let backup = server.create_backup(HA).await;
    hold(&server, json!([])).await;
    let path = of(HA, "offline/key-analysis");
    let of_nobody = json!({"node_id": "0".repeat(32)});
    server
        .post(&path, &of_nobody)
        .await
        .assert_refused_by(Api::V2, &refused("DCS.3053", "Incorrect node ID."));
    // Ids of nodes are read in either case, as those of sessions are.
    let body = json!({"node_id": text(&node["node_id"]).to_uppercase(), "backup_id": backup});
    let id = text(&server.post(&path, &body).await.ok()["task_id"]);
    assert_eq!(server.shown(Api::V2, HA).await["task"], "OFFLINE_KEY_ANALYSIS");
    server.post(&path, &body).await.assert_refused_by(Api::V2, &refusal::ANALYSING);
    let one = of(HA, &format!("offline/key-analysis/{id}"));
    server.delete(&one).await.assert_refused_by(Api::V2, &refusal::ANALYSING);
    server.advance_ms(10_000);
    let ended = server.get(&one).await.ok();
    assert_eq!(
        ended,
        json!({
            "id": id, "instance_id": HA, "node_id": node["node_id"], "backup_id": backup, "group_name": "group-0",
            "node_ip": node["replication_ip"], "node_ipv6": null, "node_type": "master", "analysis_type": "old_backup",
            "started_at": ended["started_at"], "finished_at": ended["finished_at"], "total_bytes": 30, "total_num": 2,
            "largest_key_prefixes": [{"key_prefix": "user", "type": "string", "bytes": 30, "num": 2}],
            "largest_keys": [{"key": "user:2", "type": "string", "bytes": 20, "num_of_elem": 20},
                             {"key": "user:1", "type": "string", "bytes": 10, "num_of_elem": 10}],
            "type_bytes": [{"type": "string", "bytes": 30}], "type_num": [{"type": "string", "num": 2}],
        })
    );
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
    let tasks = server.get(&of(HA, "tasks")).await.ok();
    let task = &tasks["tasks"][0];
    assert_eq!((&task["name"], &task["status"]), (&json!("OfflineKeyAnalysis"), &json!("SUCCESS")));
    assert_eq!(task["details"]["group_name"], "group-0");
    let present = json!({"node_id": node["node_id"]});
    let second = text(&server.post(&path, &present).await.ok()["task_id"]);
    server.advance_ms(10_000);
    let second = server.get(&of(HA, &format!("offline/key-analysis/{second}"))).await.ok();
    assert_eq!(
        (&second["analysis_type"], &second["backup_id"], &second["total_num"]),
        (&json!("new_backup"), &Value::Null, &json!(0))
    );
    assert_eq!(server.get(&path).await.ok()["total"], 2);
    assert_eq!(server.delete(&one).await.ok(), json!({ "task_id": id }));
    let gone = refused("DCS.4232", "The offline key analysis task does not exist.");
    server.get(&one).await.assert_refused_by(Api::V2, &gone);
    let nobody = json!({"node_id": "0"});
    server.post(&path, &nobody).await.assert_refused_by(Api::V2, &refused("DCS.3053", "Incorrect node ID."));
    let no_backup = json!({"node_id": node["node_id"], "backup_id": UNKNOWN_INSTANCE});
    server.post(&path, &no_backup).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("backup_id"));
    server.post(&path, &json!({})).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("node_id"));
}

#[tokio::test]
async fn what_an_engine_has_not_is_refused() {
    let server = TestServer::start().await;
    for (instance, rest, refusal) in [
        (MEMCACHED, "bigkey-task", refused("DCS.4919", "Does not support bigkey analyze.")),
        (OLD_REDIS, "hotkey-task", refused("DCS.4922", "Does not support hotkey analyze.")),
        (OLD_REDIS, "auto-expire/scan", refused("DCS.4818", "Do not support auto expire scan.")),
        (OTHERS_HA, "bigkey-task", refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, "hotkey-task", refusal::INSTANCE_NOT_FOUND),
    ] {
        begin(&server, instance, rest).await.assert_refused_by(Api::V2, &refusal);
    }
    let old = server.post(&of(OLD_REDIS, "offline/key-analysis"), &json!({"node_id": "1"})).await;
    old.assert_refused_by(Api::V2, &refused("DCS.4230", "Does not support offline key analysis."));
    begin(&server, OLD_REDIS, "bigkey-task").await.ok();
}

#[tokio::test]
async fn an_analysis_can_fail_and_is_gone_with_its_instance() {
    let server = TestServer::start().await;
    let fault = json!({
        "match": {"operation": "create_bigkey_scan_task"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let id = text(&begin(&server, HA, "bigkey-task").await.ok()["id"]);
    let one = of(HA, &format!("bigkey-task/{id}"));
    assert_eq!(server.get(&one).await.ok()["status"], "failed");
    server.post("/_emulator/reset", &json!({})).await.ok();
    assert_eq!(server.get(&of(HA, "bigkey-tasks")).await.ok()["count"], 0);
    begin(&server, HA, "bigkey-task").await.ok();
    assert_eq!(server.delete(&Api::V2.instance(HA)).await.status, 204);
    server.get(&of(HA, "bigkey-tasks")).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}
