//! What v2 sets beside an instance by a job: parameters, whitelist; and the commands that have another name (wire contract v2,
//! sections 2.8, 2.10 and 2.20).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, HA, OLD_REDIS, OTHERS_HA, PROJECT};
use crate::support::{Answer, Api, Covered, TestServer, covered, is_lower_hex, refusal, text};

const ASYNC_CONFIGS: &str = "/v2/{project_id}/instances/{instance_id}/async-configs";
const ASYNC_WHITELIST: &str = "/v2/{project_id}/instance/{instance_id}/whitelist-async";
const WHITELIST: &str = "/v2/{project_id}/instance/{instance_id}/whitelist";
const RENAMED: &str = "/v2/{project_id}/instances/{instance_id}/rename-commands";

pub(crate) const COVERS: &[Covered] = &[
    covered("PUT", ASYNC_CONFIGS, parameters_are_set_when_their_job_is_named),
    covered("PUT", ASYNC_WHITELIST, a_whitelist_is_set_when_its_job_is_named),
    covered("GET", RENAMED, commands_with_another_name_are_listed_without_it),
];

fn of(template: &str, instance: &str) -> String {
    template.replace("{project_id}", PROJECT).replace("{instance_id}", instance)
}

/// Makes sure that an answer names a job, and nothing else; returns its id.
#[track_caller]
fn job(answer: &Answer) -> String {
    let answer = answer.ok();
    let job = text(&answer["job_id"]);
    assert!(job.len() == 32 && is_lower_hex(&job), "{answer}");
    assert_eq!(answer, json!({ "job_id": job }));
    job
}

async fn configure(server: &TestServer, instance: &str, value: &str) -> Answer {
    let one = json!({"param_id": "1", "param_name": "timeout", "param_value": value});
    server.put(&of(ASYNC_CONFIGS, instance), &json!({ "redis_config": [one] })).await
}

#[tokio::test]
async fn parameters_are_set_when_their_job_is_named() {
    let mut server = TestServer::start().await;
    let configs = format!("{}/configs", Api::V2.instance(HA));
    let first = job(&configure(&server, HA, "100").await);
    assert_ne!(job(&configure(&server, HA, "200").await), first);
    server.restart().await;
    let shown = server.get(&configs).await.ok();
    assert_eq!(
        (&shown["redis_config"][0]["param_value"], &shown["config_status"], &shown["status"]),
        (&json!("200"), &json!("SUCCESS"), &json!("RUNNING"))
    );
    let histories = server.get(&format!("{}/config-histories", Api::V2.instance(HA))).await.ok();
    assert_eq!(histories["history_num"], 2);
    for (value, refusal) in [("8000", refusal::invalid_configuration("timeout"))] {
        configure(&server, HA, value).await.assert_refused_by(Api::V2, &refusal);
    }
    let nothing = server.put(&of(ASYNC_CONFIGS, HA), &json!({"redis_config": []})).await;
    nothing.assert_refused_by(Api::V2, &refusal::invalid_parameter("redis_config"));
    let stranger = configure(&server, OTHERS_HA, "1").await;
    stranger.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    let (_, creating) = BY_STATUS[0];
    configure(&server, creating, "1").await.assert_refused_by(Api::V2, &refusal::CREATING);
    assert_eq!(server.get(&configs).await.ok()["redis_config"][0]["param_value"], "200");
}

#[tokio::test]
async fn a_whitelist_is_set_when_its_job_is_named() {
    let mut server = TestServer::start().await;
    let groups = json!([{"group_name": "office", "ip_list": ["10.0.0.0/8", "192.168.1.4"]}]);
    let body = json!({"enable_whitelist": true, "whitelist": groups});
    job(&server.put(&of(ASYNC_WHITELIST, HA), &body).await);
    server.restart().await;
    let expected = json!({"instance_id": HA, "enable_whitelist": true, "whitelist": groups});
    assert_eq!(server.get(&of(WHITELIST, HA)).await.ok(), expected);
    let bad = json!({"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": ["0.0.0.0"]}]});
    let answer = server.put(&of(ASYNC_WHITELIST, HA), &bad).await;
    answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("whitelist"));
    let old = server.put(&of(ASYNC_WHITELIST, OLD_REDIS), &body).await;
    old.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    assert_eq!(server.get(&of(WHITELIST, HA)).await.ok(), expected);
}

#[tokio::test]
async fn commands_with_another_name_are_listed_without_it() {
    let mut server = TestServer::start().await;
    assert_eq!(server.get(&of(RENAMED, HA)).await.ok(), json!({"rename_commands": []}));
    let names: Value = json!({"rename_commands": {"keys": "k1", "command": "c1"}});
    assert_eq!(server.put(&Api::V2.instance(HA), &names).await.status, 204);
    server.restart().await;
    assert_eq!(server.get(&of(RENAMED, HA)).await.ok(), json!({"rename_commands": ["command", "keys"]}));
    let stranger = server.get(&of(RENAMED, OTHERS_HA)).await;
    stranger.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}
