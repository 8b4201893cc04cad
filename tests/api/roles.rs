//! Roles of nodes, weights of replicas, and the domain name for reading (wire contract of the operations of v2, section 2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SINGLE,
    UNKNOWN_INSTANCE,
};
use crate::support::{
    Answer, Api, Covered, Refusal, TestServer, covered, each, is_lower_hex, of, of_node, refusal, text,
};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v2/{project_id}/instances/{instance_id}/swap", a_swap_is_made_before_it_is_answered),
    covered(
        "PUT",
        "/v2/{project_id}/instances/{instance_id}/async-swap",
        a_swap_by_a_job_is_made_when_it_ends,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instance/{instance_id}/groups/{group_id}/replications/{node_id}/async-switchover",
        a_replica_of_a_cluster_becomes_the_master_of_its_shard,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/groups/{group_id}/replications/{node_id}/slave-priority",
        the_replica_with_the_lowest_weight_above_zero_becomes_master,
    ),
    covered(
        "DELETE",
        "/v2/{project_id}/instances/{instance_id}/groups/{group_id}/replications/{node_id}/remove-ip",
        readers_are_led_to_a_replica_no_longer,
    ),
    covered(
        "GET",
        "/v2/{project_id}/instance/{instance_id}/groups/{group_id}/group-nodes-state",
        a_replica_of_a_cluster_becomes_the_master_of_its_shard,
    ),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/deletable-replication",
        the_last_replica_that_readers_are_led_to_is_not_removed,
    ),
];

const SWAP_UNSUPPORTED: Refusal = refusal::other("DCS.4855", "Master standby swap is not supported.");
const ALL_ZERO: Refusal = refusal::other("DCS.4253", "All replicas have a priority of 0.");
const UNKNOWN_NODE: Refusal = refusal::other("DCS.3053", "Incorrect node ID.");
const ON_MASTER: Refusal = refusal::other("DCS.4027", "This operation is not supported on this node.");
const INVALID_WEIGHT: Refusal = refusal::other("DCS.4939", "The param slave_priority_weight is invalid.");
const LAST_ADDRESS: Refusal =
    refusal::other("DCS.4879", "r/w instance have only one repl can not remove ip from dns");
const LAST_OF_REPLICAS: Refusal =
    refusal::other("DCS.4935", "Only one slave replication has dns ip, can not delete");

async fn groups(server: &TestServer, instance: &str) -> Vec<Value> {
    let found = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    found["group_list"].as_array().expect("an array of groups").clone()
}

/// The logical nodes of an instance, after a look that every page has the same roles and addresses.
async fn nodes(server: &TestServer, instance: &str) -> Vec<Value> {
    let logical = server.get(&of(instance, "logical-nodes")).await.ok()["nodes"].take();
    let nodes: Vec<Value> = logical.as_array().expect("an array of nodes").clone();
    let servers: Vec<&Value> = nodes.iter().filter(|node| node["node_type"] != "proxy").collect();
    let facts = |node: &Value, kind: &str, ip: &str| json!([node["node_id"], node[kind], node[ip]]);
    let shown: Vec<Value> = servers.iter().map(|node| facts(node, "node_type", "node_ip")).collect();
    let topology = server.get(&of(instance, "nodes")).await.ok();
    let of_topology = topology["redis_server"].as_array().expect("an array of nodes");
    let of_topology: Vec<Value> = of_topology.iter().map(|node| facts(node, "node_type", "ip")).collect();
    assert_eq!(of_topology, shown);
    let mut in_groups = Vec::new();
    for group in groups(server, instance).await {
        let alone = format!(
            "/v2/{PROJECT}/instance/{instance}/groups/{}/group-nodes-state",
            text(&group["group_id"])
        );
        assert_eq!(server.get(&alone).await.ok(), group["replication_list"]);
        let list = group["replication_list"].as_array().expect("an array of nodes");
        in_groups.extend(list.iter().map(|node| facts(node, "replication_role", "replication_ip")));
    }
    assert_eq!(in_groups, shown);
    let path = format!("/v2/{PROJECT}/dims/monitored-objects/{instance}?dim_name=dcs_instance_id");
    let monitored = server.get(&path).await.ok();
    let rows = monitored["dcs_cluster_redis_node"].as_array().expect("an array of rows");
    for (row, node) in rows.iter().zip(&servers) {
        assert_eq!(row["dcs_cluster_redis_node"], node["dimensions"][1]["value"]);
        assert_eq!(row["name"], node["name"]);
    }
    for node in &servers {
        let word = if node["node_type"] == "master" { "master" } else { "replica" };
        assert_eq!(node["name"], format!("({word}){}", text(&node["node_ip"])));
    }
    nodes
}

fn ids(nodes: &[Value]) -> Vec<String> {
    nodes.iter().map(|node| text(&node["node_id"])).collect()
}

fn members(nodes: &[Value], name: &str) -> Vec<String> {
    nodes.iter().map(|node| text(&node[name])).collect()
}

async fn tasks(server: &TestServer, instance: &str) -> Vec<Value> {
    server.get(&of(instance, "tasks")).await.ok()["tasks"].as_array().expect("an array of tasks").clone()
}

/// What of the details of a task is not null.
fn told(task: &Value) -> Value {
    let details = task["details"].as_object().expect("an object of details").iter();
    let told = details.filter(|(name, value)| !value.is_null() && *name != "rename_commands");
    told.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

async fn job(server: &TestServer, id: &Value) -> Value {
    server.get(&format!("/v2/{PROJECT}/jobs/{}", text(id))).await.ok()
}

async fn swap(server: &TestServer, instance: &str) -> Answer {
    server.call("POST", &of(instance, "swap")).send().await
}

async fn weigh(server: &TestServer, instance: &str, node: &Value, weight: Value) -> Answer {
    server.post(&of_node(instance, node, "slave-priority"), &json!({ "slave_priority_weight": weight })).await
}

/// Gives the master/standby instance so many copies.
async fn copies(server: &TestServer, copies: u32, members: Value) -> Answer {
    let mut body = json!({"new_capacity": 2, "spec_code": format!("redis.ha.xu1.large.r{copies}.2")});
    for (name, value) in members.as_object().expect("an object of members") {
        body[name] = value.clone();
    }
    server.post(&of(HA, "resize"), &body).await
}

#[tokio::test]
async fn a_swap_is_made_before_it_is_answered() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let zones = json!({"new_available_zones": ["eu-de-02", "eu-de-03"]});
    server.put(&of(HA, "available-zones"), &zones).await.ok();
    let (before, grouped) = (nodes(&server, HA).await, groups(&server, HA).await);
    let ip = server.shown(Api::V2, HA).await["ip"].clone();
    swap(&server, HA).await.assert_no_content();
    for _ in 0..2 {
        let after = nodes(&server, HA).await;
        let other_way: Vec<String> = ids(&before).into_iter().rev().collect();
        assert_eq!(ids(&after), other_way);
        // The address and the zone stay with the role, all ids with the node.
        assert_eq!(members(&after, "node_ip"), members(&before, "node_ip"));
        assert_eq!(after[0]["node_ip"], ip);
        assert_eq!(members(&after, "az_code"), ["eu-de-02", "eu-de-03"]);
        for name in ["replication_id", "logical_node_id", "dimensions", "group_id", "priority_weight"] {
            assert_eq!((&after[0][name], &after[1][name]), (&before[1][name], &before[0][name]), "{name}");
        }
        for api in Api::BOTH {
            assert_eq!(server.shown(api, HA).await["ip"], ip);
        }
        server.restart().await;
    }
    let tasks = tasks(&server, HA).await;
    assert_eq!((&tasks[0]["name"], &tasks[0]["status"]), (&json!("masterStandbySwapJob"), &json!("SUCCESS")));
    assert_eq!(told(&tasks[0]), json!({}));
    assert_eq!(server.rows("SELECT json_quote(job_type) FROM jobs").await, ["migrateAzJob"], "it has no job");
    swap(&server, HA).await.assert_no_content();
    assert_eq!(groups(&server, HA).await, grouped, "and the other way round all is as it was");
    let audit = "SELECT json_array(what, remark) FROM backup_audit WHERE what = 'node'";
    assert_eq!(server.rows(audit).await, vec![json!(["node", "switchover"]); 2]);
    swap(&server, RW_SPLIT).await.assert_no_content();
    swap(&server, OLD_REDIS).await.assert_no_content();
    swap(&server, MEMCACHED).await.assert_no_content();
}

#[tokio::test]
async fn a_swap_by_a_job_is_made_when_it_ends() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let before = nodes(&server, HA).await;
    let begun = server.call("PUT", &of(HA, "async-swap")).send().await.ok();
    assert_eq!(begun, json!({"job_id": begun["job_id"]}));
    for passed in [0, 9_999] {
        server.advance_ms(passed);
        server.restart().await;
        assert_eq!(nodes(&server, HA).await, before);
        for api in Api::BOTH {
            let shown = server.shown(api, HA).await;
            assert_eq!(shown["status"], "RUNNING");
        }
        assert_eq!(server.shown(Api::V2, HA).await["task"], "MASTER_STANDBY_SWAP");
        let running = job(&server, &begun["job_id"]).await;
        assert_eq!(
            (&running["status"], &running["job_type"]),
            (&json!("RUNNING"), &json!("masterStandbySwapJob"))
        );
        assert_eq!(tasks(&server, HA).await[0]["status"], "EXECUTING");
        swap(&server, HA).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
        weigh(&server, HA, &before[1], json!(1)).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
        let removal = server.delete(&of_node(HA, &before[1], "remove-ip")).await;
        removal.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
        copies(&server, 3, json!({})).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    }
    server.advance_ms(1);
    // As soon as the job has succeeded the next call is taken.
    assert_eq!(job(&server, &begun["job_id"]).await["status"], "SUCCESS");
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
    let after = nodes(&server, HA).await;
    assert_eq!(ids(&after), [text(&before[1]["node_id"]), text(&before[0]["node_id"])]);
    let task = tasks(&server, HA).await.remove(0);
    assert_eq!((&task["name"], &task["status"]), (&json!("masterStandbySwapJob"), &json!("SUCCESS")));
    assert_eq!(told(&task), json!({}));
    let audit = "SELECT json_array(from_status, to_status, remark) FROM backup_audit WHERE what = 'node'";
    assert_eq!(
        server.rows(audit).await,
        [
            json!(["none", "waiting", "switchover"]),
            json!(["waiting", "running", "switchover"]),
            json!(["running", "success", "switchover"])
        ]
    );
}

#[tokio::test]
async fn the_replica_with_the_lowest_weight_above_zero_becomes_master() {
    let mut server = TestServer::start().await;
    copies(&server, 4, json!({"change_type": "createReplication"})).await.assert_no_content();
    let first = nodes(&server, HA).await;
    assert!(first.iter().all(|node| node["priority_weight"] == 100));
    // Among equals the first of the list.
    swap(&server, HA).await.assert_no_content();
    let second = nodes(&server, HA).await;
    assert_eq!(second[0]["node_id"], first[1]["node_id"]);
    weigh(&server, HA, &second[1], json!(0)).await.assert_no_content();
    weigh(&server, HA, &second[2], json!("50")).await.assert_no_content();
    weigh(&server, HA, &second[3], json!(7)).await.assert_no_content();
    server.restart().await;
    let weighed = nodes(&server, HA).await;
    assert_eq!(
        weighed.iter().map(|node| node["priority_weight"].clone()).collect::<Vec<_>>(),
        [100, 0, 50, 7]
    );
    swap(&server, HA).await.assert_no_content();
    let third = nodes(&server, HA).await;
    assert_eq!(third[0]["node_id"], second[3]["node_id"]);
    assert_eq!((&third[0]["priority_weight"], &third[3]["priority_weight"]), (&json!(7), &json!(100)));
    weigh(&server, HA, &third[3], json!(0)).await.assert_no_content();
    weigh(&server, HA, &third[2], json!(0)).await.assert_refused_by(Api::V2, &ALL_ZERO);
    // What was master takes its weight along; so all replicas can have none.
    swap(&server, HA).await.assert_no_content();
    let fourth = nodes(&server, HA).await;
    assert_eq!(fourth[0]["node_id"], second[2]["node_id"]);
    server.stop().await;
    server.alter("UPDATE nodes SET weight = ?", &["0"]).await;
    server.restart().await;
    swap(&server, HA).await.assert_refused_by(Api::V2, &ALL_ZERO);
    let by_job = server.call("PUT", &of(HA, "async-swap")).send().await;
    by_job.assert_refused_by(Api::V2, &ALL_ZERO);
    assert_eq!(nodes(&server, HA).await[0]["node_id"], fourth[0]["node_id"]);
}

#[tokio::test]
async fn what_is_no_weight_is_refused() {
    let server = TestServer::start().await;
    let before = nodes(&server, HA).await;
    for bad in [json!(-1), json!(101), json!(1.5), json!("x"), json!(""), json!(true), json!(null)] {
        weigh(&server, HA, &before[1], bad).await.assert_refused_by(Api::V2, &INVALID_WEIGHT);
    }
    let path = of_node(HA, &before[1], "slave-priority");
    server.post(&path, &json!({})).await.assert_refused_by(Api::V2, &INVALID_WEIGHT);
    server.call("POST", &path).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    weigh(&server, HA, &before[1], json!([1])).await.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    weigh(&server, HA, &before[1], json!(0)).await.assert_refused_by(Api::V2, &ALL_ZERO);
    assert_eq!(nodes(&server, HA).await, before);
    assert!(tasks(&server, HA).await.is_empty());
    weigh(&server, HA, &before[1], json!(1)).await.assert_no_content();
    assert!(tasks(&server, HA).await.is_empty(), "a weight has no task");
}

#[tokio::test]
async fn a_replica_of_a_cluster_becomes_the_master_of_its_shard() {
    for instance in [CLUSTER, PROXY] {
        let mut server = TestServer::with(&[("task.duration", "10s")]).await;
        let before = groups(&server, instance).await;
        let logical = nodes(&server, instance).await;
        let replica = logical
            .iter()
            .find(|node| node["group_id"] == before[1]["group_id"] && node["node_type"] == "slave")
            .expect("a replica");
        let begun = server.call("POST", &of_node(instance, replica, "async-switchover")).send().await.ok();
        assert!(is_lower_hex(&text(&begun["job_id"])));
        assert_eq!(server.shown(Api::V2, instance).await["task"], "MASTER_STANDBY_SWAP");
        assert_eq!(groups(&server, instance).await, before);
        server.advance_ms(10_000);
        let ended = job(&server, &begun["job_id"]).await;
        assert_eq!(
            (&ended["status"], &ended["job_type"]),
            (&json!("SUCCESS"), &json!("masterStandbySwapJob"))
        );
        server.restart().await;
        let after = groups(&server, instance).await;
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "other shards stay as they are");
        let (old, new) = (&before[1]["replication_list"], &after[1]["replication_list"]);
        assert_eq!(each(new, "replication_role"), ["master", "slave"]);
        assert_eq!(new[0]["node_id"], replica["node_id"]);
        // Here everybody keeps the address.
        for name in ["node_id", "replication_id", "replication_ip", "dimensions"] {
            assert_eq!((&new[0][name], &new[1][name]), (&old[1][name], &old[0][name]), "{name}");
        }
        assert_eq!(nodes(&server, instance).await.len(), logical.len());
        let task = tasks(&server, instance).await.remove(0);
        assert_eq!(task["name"], "masterStandbySwapJob");
        let expected = json!({"group_name": "group-1", "replica_ip": replica["node_ip"]});
        assert_eq!(told(&task), expected);
        // v1.0 shows the same.
        let v1 = server.get(&format!("/v1.0/{PROJECT}/instance/{instance}/groups")).await.ok();
        assert_eq!(v1["group_list"], json!(after));
    }
}

#[tokio::test]
async fn the_zone_stays_with_the_role() {
    let server = TestServer::start().await;
    let zones = json!({"new_available_zones": ["eu-de-02", "eu-de-03"]});
    server.put(&of(CLUSTER, "available-zones"), &zones).await.ok();
    let replica = nodes(&server, CLUSTER).await.remove(1);
    server.call("POST", &of_node(CLUSTER, &replica, "async-switchover")).send().await.ok();
    let list = groups(&server, CLUSTER).await[0]["replication_list"].take();
    assert_eq!(list[0]["node_id"], replica["node_id"]);
    assert_eq!(each(&list, "az_code"), ["eu-de-02", "eu-de-03"]);
}

#[tokio::test]
async fn readers_are_led_to_a_replica_no_longer() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    for instance in [HA, CLUSTER] {
        let before = nodes(&server, instance).await;
        assert!(before.iter().all(|node| node["is_remove_ip"] == false));
        let grouped = groups(&server, instance).await;
        let path = of_node(instance, &before[1], "remove-ip");
        let begun = server.delete(&path).await.ok();
        assert_eq!(begun, json!({"job_id": begun["job_id"], "jobId": begun["job_id"]}));
        assert_eq!(job(&server, &begun["job_id"]).await["status"], "RUNNING");
        assert_eq!(nodes(&server, instance).await, before);
        server.advance_ms(10_000);
        server.restart().await;
        assert_eq!(job(&server, &begun["jobId"]).await["status"], "SUCCESS");
        let mut expected = before.clone();
        expected[1]["is_remove_ip"] = json!(true);
        assert_eq!(nodes(&server, instance).await, expected);
        assert_eq!(groups(&server, instance).await, grouped);
        let task = tasks(&server, instance).await.remove(0);
        assert_eq!((&task["name"], &task["status"]), (&json!("RemoveIpFromDns"), &json!("SUCCESS")));
        let details = json!({"group_name": "group-0", "replica_ip": before[1]["node_ip"], "node_name": "redis-server-1"});
        assert_eq!(told(&task), details);
        let again = server.delete(&path).await.ok();
        server.advance_ms(10_000);
        assert_eq!(job(&server, &again["job_id"]).await["status"], "SUCCESS");
        assert_eq!(nodes(&server, instance).await, expected);
    }
    let replica = nodes(&server, RW_SPLIT).await.remove(1);
    let last = server.delete(&of_node(RW_SPLIT, &replica, "remove-ip")).await;
    last.assert_refused_by(Api::V2, &LAST_ADDRESS);
    let old = nodes(&server, OLD_REDIS).await.remove(1);
    let refused = server.delete(&of_node(OLD_REDIS, &old, "remove-ip")).await;
    refused.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
}

#[tokio::test]
async fn one_of_two_removals_that_run_at_a_time_leaves_the_last_address() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let shown = server.shown(Api::V2, RW_SPLIT).await;
    let product = text(&shown["spec_code"]).replace("p2", "p3");
    let body =
        json!({"new_capacity": shown["capacity"], "spec_code": product, "change_type": "createReplication"});
    server.post(&of(RW_SPLIT, "resize"), &body).await.assert_no_content();
    let nodes = nodes(&server, RW_SPLIT).await;
    server.delete(&of_node(RW_SPLIT, &nodes[1], "remove-ip")).await.ok();
    let second = server.delete(&of_node(RW_SPLIT, &nodes[2], "remove-ip")).await;
    second.assert_refused_by(Api::V2, &LAST_ADDRESS);
}

#[tokio::test]
async fn the_last_replica_that_readers_are_led_to_is_not_removed() {
    let server = TestServer::start().await;
    let deletable = async |instance: &str| server.get(&of(instance, "deletable-replication")).await.ok();
    let removing = |nodes: &[&Value]| json!({"change_type": "deleteReplication", "node_list": nodes});
    let none = json!({"check_result": false, "available_zone": "", "replication_list": []});
    assert_eq!(deletable(HA).await, none);
    let adding = json!({"change_type": "createReplication", "available_zones": ["eu-de-02"]});
    copies(&server, 3, adding).await.assert_no_content();
    let before = nodes(&server, HA).await;
    let row = |node: &Value| {
        json!({
            "replication_id": node["replication_id"], "node_id": node["node_id"], "replication_ip": node["node_ip"],
            "group_id": node["group_id"], "group_name": "group-0", "available_zone": node["az_code"],
        })
    };
    let both = json!({"check_result": true, "available_zone": "eu-de-01",
                      "replication_list": [row(&before[1]), row(&before[2])]});
    assert_eq!(deletable(HA).await, both);
    server.delete(&of_node(HA, &before[1], "remove-ip")).await.ok();
    let one =
        json!({"check_result": true, "available_zone": "eu-de-01", "replication_list": [row(&before[1])]});
    assert_eq!(deletable(HA).await, one);
    copies(&server, 2, removing(&[&before[2]["node_id"]]))
        .await
        .assert_refused_by(Api::V2, &LAST_OF_REPLICAS);
    // It is the newest one, too.
    copies(&server, 2, removing(&[])).await.assert_refused_by(Api::V2, &LAST_OF_REPLICAS);
    copies(&server, 2, removing(&[&before[1]["node_id"]])).await.assert_no_content();
    assert_eq!(ids(&nodes(&server, HA).await), [ids(&before)[0].clone(), ids(&before)[2].clone()]);
    assert_eq!(server.count("nodes").await, 0, "nothing is kept of what is gone");

    // The same holds of a shard of a cluster.
    let group = groups(&server, CLUSTER).await.remove(0);
    let path = format!("/v2/{PROJECT}/instance/{CLUSTER}/groups/{}/replications", text(&group["group_id"]));
    server.post(&path, &json!({})).await.assert_no_content();
    let shard: Vec<Value> = nodes(&server, CLUSTER).await.into_iter().take(3).collect();
    server.delete(&of_node(CLUSTER, &shard[1], "remove-ip")).await.ok();
    let listed = deletable(CLUSTER).await;
    assert_eq!(each(&listed["replication_list"], "node_id"), [shard[1]["node_id"].clone()]);
    let path = |node: &Value| of_node(CLUSTER, node, "").trim_end_matches('/').to_owned();
    server.delete(&path(&shard[2])).await.assert_refused_by(Api::V2, &LAST_OF_REPLICAS);
    server.delete(&path(&shard[1])).await.ok();
}

#[tokio::test]
async fn the_newest_replicas_go_whatever_their_roles_were() {
    let mut server = TestServer::start().await;
    let removing = json!({"change_type": "deleteReplication"});
    copies(&server, 4, json!({"change_type": "createReplication"})).await.assert_no_content();
    let first = ids(&nodes(&server, HA).await);
    let last = nodes(&server, HA).await.remove(3);
    weigh(&server, HA, &last, json!(1)).await.assert_no_content();
    swap(&server, HA).await.assert_no_content();
    // The newest node is the master, the oldest one a replica.
    let swapped = ids(&nodes(&server, HA).await);
    assert_eq!(swapped, [3, 1, 2, 0].map(|at: usize| first[at].clone()));
    copies(&server, 3, removing.clone()).await.assert_no_content();
    for _ in 0..2 {
        assert_eq!(ids(&nodes(&server, HA).await), [3, 1, 0].map(|at: usize| first[at].clone()));
        server.restart().await;
    }
    copies(&server, 2, json!({"change_type": "deleteReplication", "node_list": [first[0]]}))
        .await
        .assert_no_content();
    assert_eq!(ids(&nodes(&server, HA).await), [3, 1].map(|at: usize| first[at].clone()));
    // Nobody comes back, and roles outlast another capacity.
    copies(&server, 3, json!({"change_type": "createReplication"})).await.assert_no_content();
    let after = ids(&nodes(&server, HA).await);
    assert!(!first.contains(&after[2]), "{after:?}");
    assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), 3);
    let larger = json!({"new_capacity": 4, "spec_code": "redis.ha.xu1.large.r3.4"});
    server.post(&of(HA, "resize"), &larger).await.assert_no_content();
    assert_eq!(ids(&nodes(&server, HA).await), after);
    // What keeps its data otherwise has nodes of its own.
    let proxy = json!({"new_capacity": 4, "spec_code": "redis.proxy.xu1.large.4"});
    server.post(&of(HA, "resize"), &proxy).await.assert_no_content();
    assert_eq!(server.count("nodes").await, 0);
}

#[tokio::test]
async fn work_that_fails_changes_nothing() {
    let server = TestServer::start().await;
    for operation in
        ["change_master_standby_async", "execute_cluster_switchover", "delete_ip_from_domain_name"]
    {
        let effect = json!({"outcome": {"status": "failed", "error_code": "dcs.08.0002"}});
        let fault = json!({"match": {"operation": operation}, "effect": effect});
        server.post("/_emulator/faults", &fault).await.ok();
    }
    let (before, cluster) = (nodes(&server, HA).await, nodes(&server, CLUSTER).await);
    let swap = server.call("PUT", &of(HA, "async-swap")).send().await.ok();
    let switch = server.call("POST", &of_node(CLUSTER, &cluster[1], "async-switchover")).send().await.ok();
    let removal = server.delete(&of_node(HA, &before[1], "remove-ip")).await.ok();
    for begun in [&swap, &switch, &removal] {
        let failed = job(&server, &begun["job_id"]).await;
        assert_eq!((&failed["status"], &failed["fail_reason"]), (&json!("FAIL"), &json!("dcs.08.0002")));
    }
    assert_eq!(nodes(&server, HA).await, before);
    assert_eq!(nodes(&server, CLUSTER).await, cluster);
    assert!(tasks(&server, HA).await.iter().all(|task| task["status"] == "FAILED"));
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
}

#[tokio::test]
async fn nodes_and_instances_that_are_not_meant_are_refused() {
    let server = TestServer::start().await;
    for instance in [SINGLE, CLUSTER, PROXY] {
        swap(&server, instance).await.assert_refused_by(Api::V2, &SWAP_UNSUPPORTED);
        let by_job = server.call("PUT", &of(instance, "async-swap")).send().await;
        by_job.assert_refused_by(Api::V2, &SWAP_UNSUPPORTED);
    }
    let ha = nodes(&server, HA).await;
    let promoted = server.call("POST", &of_node(HA, &ha[1], "async-switchover")).send().await;
    promoted.assert_refused_by(Api::V2, &SWAP_UNSUPPORTED);
    let cluster = nodes(&server, CLUSTER).await;
    let elsewhere = json!({"group_id": cluster[2]["group_id"], "node_id": cluster[1]["node_id"]});
    let nobody = json!({"group_id": cluster[1]["group_id"], "node_id": "none"});
    let nowhere = json!({"group_id": UNKNOWN_INSTANCE, "node_id": cluster[1]["node_id"]});
    for (node, refusal) in [
        (&elsewhere, &UNKNOWN_NODE),
        (&nobody, &UNKNOWN_NODE),
        (&nowhere, &UNKNOWN_NODE),
        (&cluster[0], &ON_MASTER),
    ] {
        let promoted = server.call("POST", &of_node(CLUSTER, node, "async-switchover")).send().await;
        promoted.assert_refused_by(Api::V2, refusal);
        weigh(&server, CLUSTER, node, json!(1)).await.assert_refused_by(Api::V2, refusal);
        server.delete(&of_node(CLUSTER, node, "remove-ip")).await.assert_refused_by(Api::V2, refusal);
    }
    for (instance, refusal) in [
        (UNKNOWN_INSTANCE, &refusal::INSTANCE_NOT_FOUND),
        (OTHERS_HA, &refusal::INSTANCE_NOT_FOUND),
        ("x", &refusal::INVALID_INSTANCE_ID),
    ] {
        swap(&server, instance).await.assert_refused_by(Api::V2, refusal);
        let by_job = server.call("PUT", &of(instance, "async-swap")).send().await;
        by_job.assert_refused_by(Api::V2, refusal);
        let promoted = server.call("POST", &of_node(instance, &cluster[1], "async-switchover")).send().await;
        promoted.assert_refused_by(Api::V2, refusal);
        weigh(&server, instance, &cluster[1], json!(1)).await.assert_refused_by(Api::V2, refusal);
        server.delete(&of_node(instance, &cluster[1], "remove-ip")).await.assert_refused_by(Api::V2, refusal);
        server.get(&of(instance, "deletable-replication")).await.assert_refused_by(Api::V2, refusal);
        let state = format!("/v2/{PROJECT}/instance/{instance}/groups/1/group-nodes-state");
        server.get(&state).await.assert_refused_by(Api::V2, refusal);
    }
    for (status, instance) in BY_STATUS {
        let refusal = refusal::of_state(status);
        let replica = nodes(&server, instance).await.remove(1);
        swap(&server, instance).await.assert_refused_by(Api::V2, &refusal);
        let by_job = server.call("PUT", &of(instance, "async-swap")).send().await;
        by_job.assert_refused_by(Api::V2, &refusal);
        weigh(&server, instance, &replica, json!(1)).await.assert_refused_by(Api::V2, &refusal);
        server.delete(&of_node(instance, &replica, "remove-ip")).await.assert_refused_by(Api::V2, &refusal);
    }
    let unknown = format!("/v2/{PROJECT}/instance/{HA}/groups/{UNKNOWN_INSTANCE}/group-nodes-state");
    assert_eq!(server.get(&unknown).await.ok(), json!([]));
    assert_eq!(server.count("nodes").await + server.count("jobs").await, 0);
}

#[tokio::test]
async fn a_backup_that_runs_keeps_roles_as_they_are() {
    let server = TestServer::with(&[("backup.duration", "10s")]).await;
    server.create_backup(HA).await;
    let replica = nodes(&server, HA).await.remove(1);
    swap(&server, HA).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    weigh(&server, HA, &replica, json!(1)).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    server.advance_ms(10_000);
    swap(&server, HA).await.assert_no_content();
}
