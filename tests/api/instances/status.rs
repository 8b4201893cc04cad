//! Restart, flush, start, stop: what they lead through, when they end, and who may not (wire contract v1.0, sections 2.15, 3.1
//! and 3.4; v2, section 2.4).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, HA, MEMCACHED, OLD_REDIS, PROJECT, SINGLE, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "PUT",
        "/v1.0/{project_id}/instances/status",
        an_action_that_takes_no_time_has_been_done_when_its_answer_leaves,
    ),
    covered(
        "PUT",
        "/v2/{project_id}/instances/status",
        an_action_that_takes_no_time_has_been_done_when_its_answer_leaves,
    ),
];

async fn put(server: &TestServer, api: Api, action: &str, instances: &[&str]) -> Answer {
    let path = format!("{}/status", api.instances(PROJECT));
    server.put(&path, &json!({ "action": action, "instances": instances })).await
}

fn of_one(instance: &str, result: &str) -> Value {
    json!({"results": [{"instance": instance, "result": result}]})
}

/// What happened to an instance, without what the seed did.
async fn history(server: &TestServer) -> Vec<Value> {
    server
        .rows("SELECT json_array(at, who, from_status, to_status) FROM backup_audit WHERE who <> 'seed'")
        .await
}

/// Lets every state that passes last until it is told to end.
async fn by_hand(server: &TestServer) {
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
}

#[tokio::test]
async fn an_action_that_takes_no_time_has_been_done_when_its_answer_leaves() {
    for (api, action, through) in [
        (Api::V1, "restart", "RESTARTING"),
        (Api::V1, "flush", "FLUSHING"),
        (Api::V2, "restart", "RESTARTING"),
        (Api::V2, "soft_restart", "RESTARTING"),
        (Api::V2, "flush", "FLUSHING"),
    ] {
        let server = TestServer::start().await;
        assert_eq!(put(&server, api, action, &[HA]).await.ok(), of_one(HA, "success"), "{action}");
        assert_eq!(server.status(api, HA).await, "RUNNING");
        let at = "2020-03-02T06:15:04.512Z";
        assert_eq!(
            history(&server).await,
            [json!([at, "anonymous", "RUNNING", through]), json!([at, "anonymous", through, "RUNNING"])]
        );
        server.create_backup(HA).await;
    }
}

#[tokio::test]
async fn a_stopped_instance_can_be_started_again() {
    let mut server = TestServer::start().await;
    for (action, status) in [("stop", "CLOSED"), ("start", "RUNNING")] {
        assert_eq!(put(&server, Api::V1, action, &[HA]).await.ok(), of_one(HA, "success"));
        server.restart().await;
        assert_eq!(server.status(Api::V1, HA).await, status);
    }
    for action in ["stop", "start"] {
        put(&server, Api::V2, action, &[HA]).await.assert_refused_by(Api::V2, &refusal::INVALID_ACTION);
    }
}

#[tokio::test]
async fn an_instance_is_on_its_way_before_the_answer_leaves_and_arrives_in_its_time() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let rule = json!({"progression": "time", "durations": {"RESTARTING": "5s"}});
        server.put("/_emulator/transitions/instance", &rule).await.ok();
        put(&server, api, "restart", &[HA]).await.ok();
        assert_eq!(server.status(api, HA).await, "RESTARTING");
        server.post(&api.backups(HA), &json!({})).await.assert_refused_by(api, &refusal::RESTARTING);
        server.restart().await;
        server.set_clock_ms(4_999);
        assert_eq!(server.status(api, HA).await, "RESTARTING");
        server.set_clock_ms(90_000);
        assert_eq!(server.status(api, HA).await, "RUNNING");
        server.create_backup(HA).await;
        assert_eq!(
            history(&server).await[..2],
            [
                json!(["2020-03-02T06:15:04.512Z", "anonymous", "RUNNING", "RESTARTING"]),
                json!(["2020-03-02T06:15:09.512Z", "system", "RESTARTING", "RUNNING"]),
            ]
        );
    }
}

#[tokio::test]
async fn a_way_that_is_walked_by_hand_ends_with_a_step() {
    let server = TestServer::start().await;
    by_hand(&server).await;
    for (action, through, end) in [
        ("restart", "RESTARTING", "RUNNING"),
        ("flush", "FLUSHING", "RUNNING"),
        ("stop", "CLOSING", "CLOSED"),
        ("start", "STARTING", "RUNNING"),
    ] {
        put(&server, Api::V1, action, &[HA]).await.ok();
        server.advance_ms(3_600_000);
        assert_eq!(server.status(Api::V2, HA).await, through);
        // What is moved is this instance's way, and of no other kind.
        let none = server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
        assert_eq!(none, json!({"fired": []}));
        let fired =
            server.post("/_emulator/transitions/instance/step", &json!({"instance_id": HA})).await.ok();
        assert_eq!(
            (
                &fired["fired"][0]["model"],
                &fired["fired"][0]["id"],
                &fired["fired"][0]["from"],
                &fired["fired"][0]["to"]
            ),
            (&json!("instance"), &json!(HA), &json!(through), &json!(end))
        );
        assert_eq!(server.status(Api::V2, HA).await, end);
    }
}

#[tokio::test]
async fn turning_the_clock_tells_which_instances_arrived() {
    let server = TestServer::start().await;
    let rule = json!({"progression": "time", "durations": {"RESTARTING": "5s", "FLUSHING": "2s"}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
    put(&server, Api::V1, "restart", &[HA]).await.ok();
    put(&server, Api::V1, "flush", &[SINGLE]).await.ok();
    let turned = server.post("/_emulator/clock/advance", &json!({"duration": "10s"})).await.ok();
    let fired: Vec<Value> = turned["fired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| json!([change["id"], change["from"], change["to"]]))
        .collect();
    assert_eq!(fired, [json!([SINGLE, "FLUSHING", "RUNNING"]), json!([HA, "RESTARTING", "RUNNING"])]);
}

#[tokio::test]
async fn a_single_busy_instance_is_an_error_on_v2_and_a_result_on_v1() {
    for (status, instance) in BY_STATUS {
        let server = TestServer::start().await;
        let expected = refusal::of_state(status);
        put(&server, Api::V2, "flush", &[instance]).await.assert_refused_by(Api::V2, &expected);
        assert_eq!(put(&server, Api::V1, "flush", &[instance]).await.ok(), of_one(instance, "failed"));
        let both = put(&server, Api::V2, "flush", &[instance, HA]).await.ok();
        assert_eq!(both["results"][0]["result"], "failed");
        assert_eq!(both["results"][1]["result"], "success");
        assert_eq!(server.status(Api::V1, instance).await, status);
    }
}

#[tokio::test]
async fn what_waiting_would_not_mend_is_a_result_on_both_versions() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        for (action, instance) in [("flush", OLD_REDIS), ("flush", MEMCACHED), ("restart", UNKNOWN_INSTANCE)]
        {
            assert_eq!(put(&server, api, action, &[instance]).await.ok(), of_one(instance, "failed"));
        }
        assert_eq!(put(&server, api, "restart", &[OLD_REDIS]).await.ok(), of_one(OLD_REDIS, "success"));
        put(&server, api, "swim", &[HA]).await.assert_refused_by(api, &refusal::INVALID_ACTION);
        put(&server, api, "restart", &[]).await.assert_refused_by(api, &refusal::NO_INSTANCES);
    }
}

#[tokio::test]
async fn one_client_wants_no_body_after_an_action_on_v1() {
    let server = TestServer::with(&[("compat.status_action_204", "true")]).await;
    let answer = put(&server, Api::V1, "restart", &[HA]).await;
    answer.assert_no_content();
    put(&server, Api::V2, "restart", &[HA]).await.ok();
}
