//! Checks before a resize, and which operations are possible (wire contract of the operations of v2, section 10).

use serde_json::{Value, json};

use crate::support::seed::{HA, OTHERS_HA, PROJECT, SINGLE_RESTARTING, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/resize/check-job",
        a_check_changes_nothing_and_has_a_task_and_a_job,
    ),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/operations",
        an_instance_can_be_extended_while_it_is_idle,
    ),
];

const FOUR_GB: &str = "redis.ha.xu1.large.r2.4";

async fn check(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.post(&format!("{}/resize/check-job", Api::V2.instance(instance)), body).await
}

fn four_gb() -> Value {
    json!({"spec_code": FOUR_GB, "new_capacity": 4.0})
}

async fn task(server: &TestServer) -> Value {
    server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["tasks"][0].take()
}

async fn step(server: &TestServer) -> Value {
    let id = text(&task(server).await["id"]);
    let progress = server.get(&format!("{}/tasks/{id}/progress", Api::V2.instance(HA))).await.ok();
    progress["step_details"][0].clone()
}

async fn job(server: &TestServer, id: &str) -> Value {
    server.get(&format!("/v2/{PROJECT}/jobs/{id}")).await.ok()
}

#[tokio::test]
async fn a_check_changes_nothing_and_has_a_task_and_a_job() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let before = server.shown_but_for_the_time(HA).await;
    let begun = check(&server, HA, &four_gb()).await.ok();
    let id = text(&begun["job_id"]);
    assert_eq!(begun, json!({ "job_id": id }));
    let running = job(&server, &id).await;
    assert_eq!((&running["job_type"], &running["status"]), (&json!("resizePreCheckJob"), &json!("RUNNING")));
    let open = task(&server).await;
    assert_eq!((&open["name"], &open["status"]), (&json!("ResizePreCheck"), &json!("EXECUTING")));
    assert_eq!(open["details"]["new_resource_spec_code"], FOUR_GB);
    assert_eq!(server.shown_but_for_the_time(HA).await, before);
    server.restart().await;
    server.advance_ms(10_000);
    assert_eq!(job(&server, &id).await["status"], "SUCCESS");
    assert_eq!(task(&server).await["status"], "SUCCESS");
    let step = step(&server).await;
    let told = (&step["step_name"], &step["step_status"], &step["error_code"]);
    assert_eq!(told, (&json!("preCheck"), &json!("FINISH"), &Value::Null));
    assert_eq!(server.shown_but_for_the_time(HA).await, before);
}

#[tokio::test]
async fn a_check_fails_where_a_resize_would() {
    let seed = format!(
        "projects:\n  - id: {PROJECT}\n    quotas: {{memory_gb: 3}}\n    instances: [{{id: {HA}, cache_mode: ha}}]\n"
    );
    let server = TestServer::seeded(&seed, &[]).await;
    let id = text(&check(&server, HA, &four_gb()).await.ok()["job_id"]);
    let failed = job(&server, &id).await;
    assert_eq!((&failed["status"], &failed["fail_reason"]), (&json!("FAIL"), &json!("DCS.4036")));
    assert_eq!(task(&server).await["status"], "FAILED");
    let step = step(&server).await;
    assert_eq!((&step["step_status"], &step["error_code"]), (&json!("FAILED"), &json!("DCS.4036")));
    server
        .post(&format!("{}/resize", Api::V2.instance(HA)), &four_gb())
        .await
        .assert_refused_by(Api::V2, &refusal::MEMORY_QUOTA);
}

#[tokio::test]
async fn a_check_is_refused_as_a_resize_is() {
    let server = TestServer::start().await;
    let capacity = refusal::other("DCS.4012", "Invalid capacity parameter in the request.");
    for (instance, body, refusal) in [
        (HA, json!({"new_capacity": 4}), refusal::INVALID_SPEC_CODE),
        (HA, json!({"spec_code": "redis.none", "new_capacity": 4}), refusal::INVALID_SPEC_CODE),
        (HA, json!({"spec_code": FOUR_GB}), capacity),
        (
            SINGLE_RESTARTING,
            json!({"spec_code": "redis.single.xu1.large.4", "new_capacity": 4}),
            refusal::RESTARTING,
        ),
        (OTHERS_HA, four_gb(), refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, four_gb(), refusal::INSTANCE_NOT_FOUND),
    ] {
        let resize = server.post(&format!("{}/resize", Api::V2.instance(instance)), &body).await;
        resize.assert_refused_by(Api::V2, &refusal);
        check(&server, instance, &body).await.assert_refused_by(Api::V2, &refusal);
    }
    let path = format!("{}/resize/check-job", Api::V2.instance(HA));
    server.call("POST", &path).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
}

#[tokio::test]
async fn an_instance_can_be_extended_while_it_is_idle() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let path = |instance: &str| format!("{}/operations?operation=extend", Api::V2.instance(instance));
    let expected = |instance: &str, cause: Option<&str>| {
        json!({"instance_id": instance,
               "operations": [{"operation": "extend", "is_support": cause.is_none(), "cause_id": cause}]})
    };
    assert_eq!(server.get(&path(HA)).await.ok(), expected(HA, None));
    server.create_backup(HA).await;
    assert_eq!(server.get(&path(HA)).await.ok(), expected(HA, Some("DCS.4096")));
    let restarting = server.get(&path(SINGLE_RESTARTING)).await.ok();
    assert_eq!(restarting, expected(SINGLE_RESTARTING, Some("DCS.4111")));
    for other in ["operations", "operations?operation=restart"] {
        let answer = server.get(&format!("{}/{other}", Api::V2.instance(HA))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_query("operation"));
    }
    server.get(&path(OTHERS_HA)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}
