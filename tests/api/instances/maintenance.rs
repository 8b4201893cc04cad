//! Changes that wait for the window of maintenance (wire contract v2, sections 2.5 and 2.20, `execute_immediately`).

use serde_json::{Value, json};

use crate::support::seed::{CLUSTER, HA, PROJECT, SECOND_HA};
use crate::support::{Answer, Api, TestServer, each, refusal, text};

/// Before the window of every instance of the seed, which opens at 02:00 UTC and closes at 06:00.
const EVENING: &str = "2024-02-28T20:00:00Z";
const OPENING: &str = "2024-02-29T02:00:00.000Z";

impl TestServer {
    /// Has the clock show a time, and stand still; what is due then has been done.
    async fn at(&self, time: &str) {
        self.put("/_emulator/clock", &json!({"now": time, "frozen": true})).await.ok();
    }

    /// Returns what comes due meanwhile, as words.
    async fn fired_within(&self, duration: &str) -> Vec<String> {
        let answer = self.post("/_emulator/clock/advance", &json!({ "duration": duration })).await.ok();
        let word =
            |fired: &Value| format!("{} {}-{}", text(&fired["at"]), text(&fired["from"]), text(&fired["to"]));
        answer["fired"].as_array().expect("an array of changes").iter().map(word).collect()
    }

    async fn resize_later(&self, instance: &str, capacity: u32) -> Answer {
        let body = json!({"new_capacity": capacity, "spec_code": format!("redis.ha.xu1.large.r2.{capacity}"),
                          "execute_immediately": false});
        self.post(&format!("{}/resize", Api::V2.instance(instance)), &body).await
    }

    /// The status and the capacity of an instance.
    async fn size(&self, instance: &str) -> (String, Value) {
        let shown = self.get(&Api::V2.instance(instance)).await.ok();
        assert_eq!(shown["task"], Value::Null, "a change that waits holds nobody up");
        (text(&shown["status"]), shown["capacity"].clone())
    }

    /// The tasks of an instance, the newest first, each by its status and when it ended.
    async fn courses(&self, api: Api, instance: &str) -> Vec<(String, String)> {
        let list = self.get(&format!("{}/tasks", api.instance(instance))).await.ok();
        let course = |task: &Value| (text(&task["status"]), text(&task["updated_at"]));
        list["tasks"].as_array().expect("an array of tasks").iter().map(course).collect()
    }
}

fn running(capacity: u32) -> (String, Value) {
    ("RUNNING".to_owned(), json!(capacity))
}

fn course(status: &str, updated_at: &str) -> Vec<(String, String)> {
    vec![(status.to_owned(), updated_at.to_owned())]
}

async fn later(server: &TestServer, lasting: &str) {
    let rule = json!({"progression": "time", "durations": {"EXTENDING": lasting}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
}

#[tokio::test]
async fn a_change_waits_until_the_window_opens_also_across_a_restart() {
    for lasting in ["0s", "1h"] {
        let mut server = TestServer::start().await;
        server.at(EVENING).await;
        let answer = server.resize_later(HA, 4).await;
        assert_eq!((answer.status, answer.text()), (204, ""));
        server.restart().await;
        later(&server, lasting).await;
        assert_eq!(server.fired_within("5h").await, [""; 0]);
        for api in Api::BOTH {
            assert_eq!(server.courses(api, HA).await, course("WAITING", "2024-02-28T20:00:00.000Z"));
        }
        assert_eq!(server.size(HA).await, running(2));
        // Nothing of it keeps the instance from anything else.
        server.create_backup(HA).await;

        let fired = server.fired_within("1h").await;
        server.restart().await;
        if lasting == "0s" {
            let changes = [format!("{OPENING} RUNNING-EXTENDING"), format!("{OPENING} EXTENDING-RUNNING")];
            assert_eq!(fired, changes);
        } else {
            assert_eq!(fired, [format!("{OPENING} RUNNING-EXTENDING")]);
            assert_eq!(server.size(HA).await, ("EXTENDING".to_owned(), json!(2)));
            assert_eq!(server.courses(Api::V2, HA).await[0].0, "EXECUTING");
            let task = server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["tasks"][0].clone();
            let path = format!("{}/tasks/{}/progress", Api::V2.instance(HA), text(&task["id"]));
            server.fired_within("30m").await;
            let progress = server.get(&path).await.ok();
            assert_eq!((&progress["progress"], &progress["remain_time"]), (&json!(50), &json!(1_800)));
            let fired = server.fired_within("30m").await;
            assert_eq!(fired, ["2024-02-29T03:00:00.000Z EXTENDING-RUNNING"]);
        }
        let ended = if lasting == "0s" { OPENING } else { "2024-02-29T03:00:00.000Z" };
        for _ in 0..2 {
            assert_eq!(server.size(HA).await, running(4));
            assert_eq!(server.courses(Api::V2, HA).await, course("SUCCESS", ended));
            server.restart().await;
        }
        let audit = server
            .rows("SELECT json_array(at, who, from_status, to_status) FROM backup_audit WHERE what = 'instance' AND who <> 'seed'")
            .await;
        assert_eq!(audit[0], json!(["2024-02-28T20:00:00.000Z", "anonymous", "RUNNING", "RUNNING"]));
        assert_eq!(audit[1], json!([OPENING, "system", "RUNNING", "EXTENDING"]));
    }
}

#[tokio::test]
async fn nothing_waits_while_the_window_is_open_or_when_it_is_not_told_to() {
    let server = TestServer::start().await;
    server.at("2024-02-29T05:59:59.999Z").await;
    assert_eq!(server.resize_later(HA, 4).await.status, 204);
    assert_eq!(server.size(HA).await, running(4));
    server.at("2024-02-29T06:00:00Z").await;
    for (capacity, at_once) in [(8, Value::Null), (16, json!(true)), (24, json!("true"))] {
        let body = json!({"new_capacity": capacity, "spec_code": format!("redis.ha.xu1.large.r2.{capacity}"),
                          "execute_immediately": at_once});
        assert_eq!(server.post(&format!("{}/resize", Api::V2.instance(HA)), &body).await.status, 204);
        assert_eq!(server.size(HA).await, running(capacity));
    }
    // v1.0 does not know it.
    let body = json!({"new_capacity": 32, "execute_immediately": false});
    assert_eq!(server.post(&format!("{}/extend", Api::V1.instance(HA)), &body).await.status, 204);
    assert_eq!(server.size(HA).await, running(32));
    let body =
        json!({"new_capacity": 64, "spec_code": "redis.ha.xu1.large.r2.64", "execute_immediately": [0]});
    let answer = server.post(&format!("{}/resize", Api::V2.instance(HA)), &body).await;
    answer.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    // What cannot be done is refused at once.
    let refused = server.resize_later(HA, 3).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (400, &json!("DCS.4927")));
    assert_eq!(server.count("waiting_changes").await, 0);
}

#[tokio::test]
async fn an_instance_that_is_busy_is_tried_again_while_the_window_is_open() {
    let mut server = TestServer::start().await;
    server.at(EVENING).await;
    server.resize_later(HA, 4).await;
    server.put("/_emulator/transitions/backup", &json!({"progression": "manual"})).await.ok();
    server.create_backup(HA).await;
    assert_eq!(server.fired_within("8h").await, [""; 0]);
    server.restart().await;
    assert_eq!(server.courses(Api::V2, HA).await[0].0, "WAITING");
    while server.get(&Api::V2.instance(HA)).await.ok()["task"] != Value::Null {
        server.post("/_emulator/transitions/backup/step", &json!({"instance_id": HA})).await.ok();
    }
    let fired = server.fired_within("1h").await;
    assert_eq!(fired[0], "2024-02-29T05:00:00.000Z RUNNING-EXTENDING");
    assert_eq!(server.size(HA).await, running(4));

    // Not in the window of this day: in that of the next.
    server.at("2024-02-29T20:00:00Z").await;
    server.resize_later(HA, 8).await;
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
    let restart = json!({"action": "restart", "instances": [HA]});
    server.put(&format!("/v2/{PROJECT}/instances/status"), &restart).await.ok();
    assert_eq!(server.fired_within("10h").await, [""; 0]);
    server.post("/_emulator/transitions/instance/step", &json!({"instance_id": HA})).await.ok();
    server.put("/_emulator/transitions/instance", &json!({"progression": "immediate"})).await.ok();
    let fired = server.fired_within("24h").await;
    assert_eq!(fired[0], "2024-03-02T02:00:00.000Z RUNNING-EXTENDING");
}

#[tokio::test]
async fn what_is_not_possible_any_more_when_its_time_comes_has_failed() {
    let server = TestServer::start().await;
    server.at(EVENING).await;
    server.resize_later(HA, 4).await;
    server.resize_later(HA, 4).await;
    let statuses = async || server.courses(Api::V2, HA).await.into_iter().map(|(status, _)| status);
    assert_eq!(statuses().await.collect::<Vec<_>>(), ["WAITING", "WAITING"]);
    let list = server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok();
    let path = format!("{}/tasks/{}", Api::V2.instance(HA), text(&list["tasks"][0]["id"]));
    server.delete(&path).await.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    let progress = server.get(&format!("{path}/progress")).await.ok();
    assert_eq!(
        (&progress["progress"], &progress["step_details"][0]["step_status"]),
        (&json!(0), &json!("WAITING"))
    );
    server.fired_within("6h").await;
    // The second one would change nothing.
    assert_eq!(statuses().await.collect::<Vec<_>>(), ["FAILED", "SUCCESS"]);
    assert_eq!(server.size(HA).await, running(4));
    assert_eq!(server.delete(&path).await.ok(), json!({"message": ""}));
}

#[tokio::test]
async fn another_window_plans_anew_what_waits_and_a_deletion_gives_it_up() {
    let server = TestServer::start().await;
    server.at(EVENING).await;
    server.resize_later(HA, 4).await;
    let window = json!({"maintain_begin": "22:00:00", "maintain_end": "23:00:00"});
    assert_eq!(server.put(&Api::V2.instance(HA), &window).await.status, 204);
    let fired = server.fired_within("3h").await;
    assert_eq!(fired[0], "2024-02-28T22:00:00.000Z RUNNING-EXTENDING");

    server.at("2024-02-29T20:00:00Z").await;
    server.resize_later(SECOND_HA, 16).await;
    let zones = json!({"new_available_zones": ["eu-de-02"], "execute_immediately": "false"});
    let path = format!("{}/available-zones", Api::V2.instance(SECOND_HA));
    server.put(&path, &zones).await.ok();
    let job = text(&server.rows("SELECT json_array(lower(hex(job_id))) FROM jobs").await[0][0]);
    let job = async || server.get(&format!("/v2/{PROJECT}/jobs/{job}")).await.ok();
    assert_eq!(job().await["status"], "INIT");
    assert_eq!(server.delete(&Api::V2.instance(SECOND_HA)).await.status, 204);
    assert_eq!(server.count("waiting_changes").await, 0);
    let ended = job().await;
    assert_eq!(
        (&ended["status"], &ended["fail_reason"]),
        (&json!("FAIL"), &json!("the instance was deleted"))
    );
    assert_eq!(server.fired_within("24h").await, [""; 0]);
}

#[tokio::test]
async fn zones_wait_like_sizes_and_a_snapshot_takes_along_what_waits() {
    let server = TestServer::start().await;
    server.at(EVENING).await;
    let zones = json!({"new_available_zones": ["eu-de-02", "eu-de-03"], "execute_immediately": false});
    let path = format!("{}/available-zones", Api::V2.instance(CLUSTER));
    assert_eq!(server.put(&path, &zones).await.ok(), json!({}));
    server.resize_later(HA, 4).await;
    server.call("PUT", "/_emulator/snapshots/waiting").send().await.ok();
    for _ in 0..2 {
        let shown = async || server.get(&Api::V2.instance(CLUSTER)).await.ok()["az_codes"].clone();
        assert_eq!(shown().await, json!(["eu-de-01"]));
        let fired = server.fired_within("6h").await;
        assert_eq!(fired.len(), 4, "{fired:?}");
        assert_eq!(shown().await, json!(["eu-de-02", "eu-de-03"]));
        let groups = server.get(&format!("/v2/{PROJECT}/instance/{CLUSTER}/groups")).await.ok();
        let nodes = &groups["group_list"][0]["replication_list"];
        assert_eq!(each(nodes, "az_code"), ["eu-de-02", "eu-de-03"]);
        assert_eq!(server.size(HA).await, running(4));
        let jobs = server.rows("SELECT json_array(job_type, begin_at, end_at) FROM jobs").await;
        assert_eq!(jobs, [json!(["migrateAzJob", 1_709_172_000_000_i64, 1_709_172_000_000_i64])]);
        server.post("/_emulator/snapshots/waiting/restore", &json!({})).await.ok();
    }
}
