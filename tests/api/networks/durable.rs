//! Networks stay: restarts, audit, reset, snapshots.

use serde_json::{Value, json};

use super::{everything, subnet, v1, vpc};
use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::{TestServer, text};

async fn filled(server: &TestServer) -> Vec<Value> {
    let id = vpc(server, "net", "10.1.0.0/16").await;
    subnet(server, &id, "10.1.5.0/24").await;
    let group = server.post(&v1("security-groups"), &json!({"security_group": {"name": "g"}})).await.ok();
    let rule = json!({"security_group_rule": {"security_group_id": group["security_group"]["id"], "direction": "ingress"}});
    server.post(&v1("security-group-rules"), &rule).await.ok();
    everything(server).await
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let mut server = TestServer::start().await;
    let before = filled(&server).await;
    server.restart().await;
    assert_eq!(everything(&server).await, before);
    server.stop_soundly().await;
}

#[tokio::test]
async fn the_audit_tells_of_every_change() {
    let server = TestServer::start().await;
    let id = vpc(&server, "net", "10.1.0.0/16").await;
    let body = json!({"action": "create", "tags": [{"key": "a", "value": "1"}]});
    server.post(&format!("/v2.0/{PROJECT}/vpcs/{id}/tags/action"), &body).await.assert_no_content();
    server.delete(&v1(&format!("vpcs/{id}"))).await.assert_no_content();
    let events = server.rows("SELECT json_object('what', what, 'name', name, 'id', id, 'from', from_status, 'to', to_status, 'remark', remark, 'who', who) FROM audit WHERE what = 'vpc' ORDER BY number").await;
    let event = |name: &str, id: &str, from: &str, to: &str, remark: Value| json!({"what": "vpc", "name": name, "id": id, "from": from, "to": to, "remark": remark, "who": "anonymous"});
    let default = text(&server.get(&v1("vpcs")).await.ok()["vpcs"][0]["id"]);
    let expected = [
        // What the project began with is written with its first change.
        event("vpc-default", &default, "none", "ACTIVE", Value::Null),
        event("net", &id, "none", "ACTIVE", Value::Null),
        event("net", &id, "ACTIVE", "ACTIVE", json!("tags changed")),
        event("net", &id, "ACTIVE", "gone", Value::Null),
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_reset_and_a_snapshot_bring_networks_back_to_what_they_were() {
    let server = TestServer::start().await;
    let at_first = everything(&server).await;
    let before = filled(&server).await;
    server.call("PUT", "/_emulator/snapshots/full").send().await.ok();
    server.post("/_emulator/reset", &json!({"project_id": PROJECT})).await.ok();
    assert_eq!(everything(&server).await, at_first);
    server.call("POST", "/_emulator/snapshots/full/restore").send().await.ok();
    assert_eq!(everything(&server).await, before);
    server.post("/_emulator/reset", &json!({})).await.ok();
    assert_eq!(everything(&server).await, at_first);
}

#[tokio::test]
async fn one_project_changes_nothing_of_another() {
    let server = TestServer::start().await;
    filled(&server).await;
    let others = server.get(&format!("/v1/{OTHER_PROJECT}/vpcs")).await.ok();
    assert_eq!(others["vpcs"].as_array().unwrap().len(), 1);
}
