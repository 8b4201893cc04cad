//! Starting and stopping nodes of instances (wire contract v2, section 2.4).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, CLUSTER, HA, PROJECT, PROXY, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal};

pub(crate) const COVERS: &[Covered] = &[covered(
    "PUT",
    "/v2/{project_id}/instances/{instance_id}/nodes/status",
    nodes_are_stopped_and_started_and_the_instance_goes_on,
)];

async fn switch(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.put(&format!("{}/nodes/status", Api::V2.instance(instance)), body).await
}

/// The job that an answer names, after a look that it is one.
fn job_in(answer: &Answer) -> String {
    assert_eq!(
        (answer.status, answer.header("content-type").map(|kind| kind.starts_with("text/plain"))),
        (200, Some(true))
    );
    let id = answer.text().strip_prefix("job_id:").expect("a job").to_owned();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    id
}

/// The nodes of an instance, id and state, after a look that all pages say the same.
async fn nodes(server: &TestServer, instance: &str) -> Vec<(Value, Value)> {
    let logical = server.get(&format!("{}/logical-nodes", Api::V2.instance(instance))).await.ok();
    let pairs = |rows: &Value| -> Vec<(Value, Value)> {
        each(rows, "node_id").into_iter().zip(each(rows, "status")).collect()
    };
    let nodes = pairs(&logical["nodes"]);
    let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
    assert_eq!([pairs(&topology["redis_server"]), pairs(&topology["cluster_proxy"])].concat(), nodes);
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    let in_groups = groups["group_list"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| pairs(&group["replication_list"]));
    assert!(in_groups.eq(nodes.iter().take(pairs(&topology["redis_server"]).len()).cloned()));
    nodes
}

async fn states(server: &TestServer, instance: &str) -> Vec<Value> {
    nodes(server, instance).await.into_iter().map(|(_, status)| status).collect()
}

#[tokio::test]
async fn nodes_are_stopped_and_started_and_the_instance_goes_on() {
    let mut server = TestServer::start().await;
    for instance in [HA, CLUSTER, PROXY] {
        let ids: Vec<Value> = nodes(&server, instance).await.into_iter().map(|(id, _)| id).collect();
        let some = &ids[1..];
        let job = job_in(&switch(&server, instance, &json!({"action": "stop", "node_ids": some})).await);
        let shown = server.get(&format!("/v2/{PROJECT}/jobs/{job}")).await.ok();
        assert_eq!((&shown["status"], &shown["job_id"]), (&json!("SUCCESS"), &json!(job)));
        server.restart().await;
        let expected: Vec<Value> =
            (0..ids.len()).map(|at| json!(if at == 0 { "Active" } else { "Inactive" })).collect();
        assert_eq!(states(&server, instance).await, expected);
        assert_eq!(server.status(Api::V2, instance).await, "RUNNING");
        job_in(&switch(&server, instance, &json!({"action": "start", "node_ids": [ids[1]]})).await);
        assert_eq!(states(&server, instance).await[1], "Active");
        // Without ids: all of them, also those that are as they should be.
        job_in(&switch(&server, instance, &json!({"action": "stop"})).await);
        assert!(states(&server, instance).await.iter().all(|status| status == "Inactive"));
        for body in [json!({"action": "start", "node_ids": []}), json!({"action": "start", "node_ids": null})]
        {
            job_in(&switch(&server, instance, &body).await);
            assert!(states(&server, instance).await.iter().all(|status| status == "Active"));
        }
    }
    let notes = server
        .rows("SELECT json_array(instance_name, remark) FROM backup_audit WHERE remark IS NOT NULL AND instance_name = 'dcs-ha'")
        .await;
    let expected = ["nodes stopped", "nodes started", "nodes stopped", "nodes started"];
    assert_eq!(notes, expected.map(|note| json!(["dcs-ha", note])));
}

#[tokio::test]
async fn what_is_stopped_is_exported() {
    let server = TestServer::start().await;
    server.hold_still().await;
    let ids: Vec<Value> = nodes(&server, HA).await.into_iter().map(|(id, _)| id).collect();
    job_in(&switch(&server, HA, &json!({"action": "stop", "node_ids": [ids[1]]})).await);
    let document = server.export().await;
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(states(&other, HA).await, ["Active", "Inactive"]);
    // Another size is other nodes.
    let body = json!({"new_capacity": 4});
    assert_eq!(other.post(&format!("{}/extend", Api::V1.instance(HA)), &body).await.status, 204);
    assert_eq!(states(&other, HA).await, ["Active", "Active"]);
}

#[tokio::test]
async fn what_is_no_node_or_no_action_is_refused() {
    let server = TestServer::start().await;
    let before = nodes(&server, HA).await;
    let others: Vec<Value> = nodes(&server, CLUSTER).await.into_iter().map(|(id, _)| id).collect();
    for (body, code) in [
        (json!({}), "DCS.4064"),
        (json!({"action": "restart"}), "DCS.4064"),
        (json!({"action": "stop", "node_ids": ["no-id"]}), "DCS.3053"),
        (json!({"action": "stop", "node_ids": [before[0].0, others[0]]}), "DCS.3053"),
        (json!({"action": 5}), "DCS.4005"),
        (json!({"action": "stop", "node_ids": "all"}), "DCS.4005"),
    ] {
        let answer = switch(&server, HA, &body).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!(code)), "{body}");
    }
    let path = format!("{}/nodes/status", Api::V2.instance(HA));
    server.call("PUT", &path).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    let unknown = switch(&server, UNKNOWN_INSTANCE, &json!({"action": "stop"})).await;
    unknown.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    assert_eq!(nodes(&server, HA).await, before);
    assert_eq!(server.count("jobs").await, 0);
}

#[tokio::test]
async fn only_nodes_of_instances_that_run_are_switched() {
    let server = TestServer::start().await;
    for (status, instance) in BY_STATUS {
        let expected = refusal::of_state(status);
        let answer = switch(&server, instance, &json!({"action": "stop"})).await;
        answer.assert_refused_by(Api::V2, &expected);
    }
    assert_eq!(server.count("stopped_nodes").await + server.count("jobs").await, 0);
}
