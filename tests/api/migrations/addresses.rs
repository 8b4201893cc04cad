//! The exchange of addresses between the instances of a migration, and the way back.

use serde_json::{Value, json};

use super::{FULL_PHASE_MS, one, path, refused, slow};
use crate::support::seed::{CLUSTER, HA, PROXY, SECOND_HA, SINGLE};
use crate::support::{Api, Covered, TestServer, covered, each, refusal, text};

const EXCHANGE: &str = "/v2/{project_id}/migration-task/{task_id}/exchange-ip";
const ROLL_BACK: &str = "/v2/{project_id}/migration-task/{task_id}/rollback-ip";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", EXCHANGE, two_instances_exchange_their_addresses_and_back),
    covered("POST", ROLL_BACK, two_instances_exchange_their_addresses_and_back),
];

fn unsupported() -> crate::support::Refusal {
    refused("DCS.4990", "Not support exchange ip.")
}

/// Returns the addresses and the domain names of two instances.
async fn shown(server: &TestServer, instances: [&str; 2]) -> [(Value, Value); 2] {
    let mut both = [(Value::Null, Value::Null), (Value::Null, Value::Null)];
    for (one, instance) in both.iter_mut().zip(instances) {
        let mut shown = server.shown(Api::V2, instance).await;
        *one = (shown["ip"].take(), shown["domain_name"].take());
    }
    both
}

#[tokio::test]
async fn two_instances_exchange_their_addresses_and_back() {
    let mut server = slow().await;
    let id = server.follow(SECOND_HA, HA).await;
    let both = [SECOND_HA, HA];
    let [source, target] = shown(&server, both).await;
    server.call_one(&id, "/rollback-ip").await.assert_refused_by(Api::V2, &unsupported());
    // As the provider of Terraform sends it.
    server.post(&one(&id, "/exchange-ip"), &json!({})).await.assert_no_content();
    let running = server.migration(&id).await;
    assert_eq!(
        (&running["task_status"], &running["status"]),
        (&json!("EXCHANGING"), &json!("INCRMIGEATING"))
    );
    for instance in both {
        let shown = server.shown(Api::V2, instance).await;
        assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &json!("IP_EXCHANGE")));
        server.delete(&Api::V2.instance(instance)).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    }
    server.post(&one(&id, "/exchange-ip"), &json!({})).await.assert_refused_by(Api::V2, &unsupported());
    server.restart().await;
    assert_eq!(shown(&server, both).await, [source.clone(), target.clone()]);
    server.advance_ms(FULL_PHASE_MS);
    let done = server.migration(&id).await;
    assert_eq!(
        (&done["task_status"], &done["status"]),
        (&json!("EXCHANGE_SUCCESS"), &json!("INCRMIGEATING"))
    );
    assert_eq!(done["source_instance"]["ip"], target.0);
    assert_eq!(
        shown(&server, both).await,
        [(target.0.clone(), source.1.clone()), (source.0.clone(), target.1.clone())]
    );
    for instance in both {
        server.assert_idle(instance).await;
        let tasks = server.get(&format!("{}/tasks", Api::V2.instance(instance))).await.ok();
        let task = &tasks["tasks"][0];
        assert_eq!((&task["name"], &task["status"]), (&json!("ExchangeIp"), &json!("SUCCESS")));
        assert_eq!((&task["details"]["source_ip"], &task["details"]["target_ip"]), (&source.0, &target.0));
    }
    // Nodes follow the address of their instance.
    let groups = format!("{}/groups", Api::V2.instance(HA).replace("/instances/", "/instance/"));
    let groups = server.get(&groups).await.ok();
    assert_eq!(groups["group_list"][0]["replication_list"][0]["replication_ip"], source.0);
    server.post(&one(&id, "/exchange-ip"), &json!({})).await.assert_refused_by(Api::V2, &unsupported());
    server.call_one(&id, "/rollback-ip").await.assert_no_content();
    assert_eq!(server.migration(&id).await["task_status"], "ROLLBACKING");
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration(&id).await["task_status"], "ROLLBACK_SUCCESS");
    assert_eq!(shown(&server, both).await, [source, target]);
    let tasks = server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok();
    assert_eq!(each(&tasks["tasks"], "name"), ["RollbackIp", "ExchangeIp"]);
    server.call_one(&id, "/rollback-ip").await.assert_refused_by(Api::V2, &unsupported());
    server.stop_soundly().await;
}

#[tokio::test]
async fn domain_names_are_exchanged_where_that_is_asked_for() {
    let mut server = TestServer::start().await;
    let id = server.follow(SECOND_HA, HA).await;
    let both = [SECOND_HA, HA];
    let [source, target] = shown(&server, both).await;
    let body = json!({"exchanged_ip": [source.0], "is_exchange_domain": "true"});
    server.post(&one(&id, "/exchange-ip"), &body).await.assert_no_content();
    server.restart().await;
    assert_eq!(shown(&server, both).await, [target.clone(), source.clone()]);
    let renamed = json!({"name": "another-name"});
    assert_eq!(server.put(&Api::V2.instance(HA), &renamed).await.status, 204);
    assert_eq!(server.shown(Api::V2, HA).await["domain_name"], source.1);
    server.call_one(&id, "/rollback-ip").await.assert_no_content();
    let [back, _] = shown(&server, both).await;
    assert_eq!(back, source);
    server.stop_soundly().await;
}

#[tokio::test]
async fn addresses_are_exchanged_only_where_that_is_possible() {
    let server = TestServer::start().await;
    let exchange = async |id: &str, body: Value| server.post(&one(id, "/exchange-ip"), &body).await;
    let id = server.follow(SECOND_HA, HA).await;
    let unknown = exchange(&id, json!({"exchanged_ip": ["10.99.99.99"]})).await;
    unknown.assert_refused_by(Api::V2, &refusal::invalid_parameter("exchanged_ip"));
    let flag = exchange(&id, json!({"is_exchange_domain": "perhaps"})).await;
    flag.assert_refused_by(Api::V2, &refusal::invalid_parameter("is_exchange_domain"));
    // Both must have the same port.
    assert_eq!(server.put(&Api::V2.instance(HA), &json!({"port": 7000})).await.status, 204);
    exchange(&id, json!({})).await.assert_refused_by(Api::V2, &unsupported());
    assert_eq!(server.put(&Api::V2.instance(HA), &json!({"port": 6379})).await.status, 204);
    // And be idle.
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    server.create_backup(SECOND_HA).await;
    exchange(&id, json!({})).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    assert_eq!(server.migration(&id).await["task_status"], Value::Null);
    // A full migration, one that has stopped, and one from another server.
    let full = server.create_online("full").await;
    server
        .configure(&full, "full_amount_migration", &json!({ "id": PROXY }), &json!({ "id": SINGLE }))
        .await
        .ok();
    exchange(&full, json!({})).await.assert_refused_by(Api::V2, &unsupported());
    let other = server.create_online("other").await;
    let source = json!({"addrs": "192.168.1.2:6379"});
    server.configure(&other, "incremental_migration", &source, &json!({ "id": CLUSTER })).await.ok();
    assert_eq!(server.migration_status(&other).await, "INCRMIGEATING");
    exchange(&other, json!({})).await.assert_refused_by(Api::V2, &unsupported());
    server.call_one(&id, "/sync-stop").await.assert_no_content();
    exchange(&id, json!({})).await.assert_refused_by(Api::V2, &unsupported());
    let waiting = server.create_online("waiting").await;
    exchange(&waiting, json!({})).await.assert_refused_by(Api::V2, &unsupported());
}

#[tokio::test]
async fn an_exchange_that_fails_changes_no_address_and_can_be_tried_again() {
    let server = TestServer::start().await;
    let id = server.follow(SECOND_HA, HA).await;
    let both = [SECOND_HA, HA];
    let before = shown(&server, both).await;
    let fault = json!({
        "match": {"operation": "exchange_instance_ip"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}}, "times": 1,
    });
    server.post("/_emulator/faults", &fault).await.ok();
    server.post(&one(&id, "/exchange-ip"), &json!({})).await.assert_no_content();
    assert_eq!(server.migration(&id).await["task_status"], "EXCHANGE_FAILED");
    assert_eq!(shown(&server, both).await, before);
    let tasks = server.get(&path("tasks")).await.ok();
    assert_eq!(each(&tasks["tasks"], "status")[..2], ["FAILED", "FAILED"], "{tasks}");
    server.post(&one(&id, "/exchange-ip"), &json!({})).await.assert_no_content();
    assert_eq!(server.migration(&id).await["task_status"], "EXCHANGE_SUCCESS");
    let [source, _] = shown(&server, both).await;
    assert_eq!(text(&source.0), text(&before[1].0));
    server.stop_soundly().await;
}
