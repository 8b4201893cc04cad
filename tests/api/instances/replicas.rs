//! Which replicas come and go with another size, and where they are (wire contract v2, sections 2.5 and 2.18).

use serde_json::{Value, json};

use crate::support::seed::{CLUSTER, HA, PROJECT, RW_SPLIT};
use crate::support::{Api, TestServer, each, text};

/// A node: its id, its zone and its address.
type Node = (String, String, String);

async fn shards(server: &TestServer, instance: &str) -> Vec<Vec<Node>> {
    let found = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    let node = |node: &Value| (text(&node["node_id"]), text(&node["az_code"]), text(&node["replication_ip"]));
    let nodes = |nodes: &Value| nodes.as_array().expect("an array of nodes").iter().map(node).collect();
    each(&found["group_list"], "replication_list").iter().map(nodes).collect()
}

/// The shards, which every page shows alike.
async fn shown(server: &TestServer, instance: &str) -> Vec<Vec<Node>> {
    let shards = shards(server, instance).await;
    let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(instance))).await.ok();
    let logical: Vec<Node> = nodes["nodes"]
        .as_array()
        .expect("an array of nodes")
        .iter()
        .map(|node| (text(&node["node_id"]), text(&node["az_code"]), text(&node["node_ip"])))
        .collect();
    assert_eq!(logical, shards.concat());
    let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
    let ids: Vec<String> = shards.concat().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(each(&topology["redis_server"], "node_id"), ids);
    shards
}

fn zones(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|(_, zone, _)| zone.as_str()).collect()
}

async fn resize(server: &TestServer, instance: &str, product: &str, capacity: u32, members: Value) {
    let mut body = json!({"new_capacity": capacity, "spec_code": product});
    for (name, value) in members.as_object().expect("an object of members") {
        body[name] = value.clone();
    }
    let answer = server.post(&format!("{}/resize", Api::V2.instance(instance)), &body).await;
    assert_eq!((answer.status, answer.text()), (204, ""));
}

async fn copies(server: &TestServer, copies: u32, members: Value) {
    resize(server, HA, &format!("redis.ha.xu1.large.r{copies}.2"), 2, members).await;
}

fn adding(zones: &[&str]) -> Value {
    json!({"change_type": "createReplication", "available_zones": zones})
}

fn removing(node: &str) -> Value {
    json!({"change_type": "deleteReplication", "node_list": [node]})
}

#[tokio::test]
async fn new_replicas_are_in_the_zones_that_were_named_for_them() {
    let mut server = TestServer::start().await;
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
    let before = shown(&server, HA).await;
    let offered = server.get("/v2/available-zones").await.ok();
    let third = text(&offered["available_zones"][2]["id"]);
    copies(&server, 4, adding(&["eu-de-02", &third])).await;
    server.restart().await;
    assert_eq!(
        shown(&server, HA).await,
        before,
        "nothing is different before the instance has been extended"
    );
    server.post("/_emulator/transitions/instance/step", &json!({})).await.ok();
    server.put("/_emulator/transitions/instance", &json!({"progression": "immediate"})).await.ok();
    for _ in 0..2 {
        let after = shown(&server, HA).await;
        assert_eq!(after[0][..2], before[0][..], "those that were there stay as they are");
        assert_eq!(zones(&after[0]), ["eu-de-01", "eu-de-01", "eu-de-02", "eu-de-03"]);
        server.restart().await;
    }
    // Another capacity leaves them where they are, other zones do not.
    resize(&server, HA, "redis.ha.xu1.large.r4.8", 8, json!({})).await;
    assert_eq!(zones(&shown(&server, HA).await[0]), ["eu-de-01", "eu-de-01", "eu-de-02", "eu-de-03"]);
    let zones_body = json!({"new_available_zones": ["eu-de-03", "eu-de-02"]});
    server.put(&format!("{}/available-zones", Api::V2.instance(HA)), &zones_body).await.ok();
    assert_eq!(zones(&shown(&server, HA).await[0]), ["eu-de-03", "eu-de-02", "eu-de-02", "eu-de-02"]);
    // What keeps its data otherwise has nodes of its own.
    resize(&server, HA, "redis.proxy.xu1.large.8", 8, json!({})).await;
    assert_eq!(server.count("replica_changes").await, 0);
}

#[tokio::test]
async fn the_replica_that_was_named_goes_and_its_number_is_not_given_again() {
    let mut server = TestServer::start().await;
    copies(&server, 4, adding(&["eu-de-02", "eu-de-03"])).await;
    let before = shown(&server, HA).await.remove(0);
    copies(&server, 3, removing(&before[1].0)).await;
    for _ in 0..2 {
        let after = shown(&server, HA).await.remove(0);
        assert_eq!(after, [&before[0], &before[2], &before[3]].map(Clone::clone));
        server.restart().await;
    }
    // The last one of all that there were: who comes next is somebody else all the same.
    copies(&server, 2, removing(&before[3].0)).await;
    assert_eq!(shown(&server, HA).await[0], [&before[0], &before[2]].map(Clone::clone));
    copies(&server, 3, adding(&["eu-de-01"])).await;
    let after = shown(&server, HA).await.remove(0);
    assert_eq!(after[..2], [&before[0], &before[2]].map(Clone::clone));
    assert_eq!(after[2].1, "eu-de-01");
    assert!(before.iter().all(|(id, ..)| *id != after[2].0), "{after:?}");
}

#[tokio::test]
async fn each_shard_of_a_cluster_has_its_new_replica_where_it_was_named() {
    let server = TestServer::start().await;
    let product = "redis.cluster.xu1.large.r3.4";
    resize(&server, CLUSTER, product, 4, adding(&["eu-de-01", "eu-de-02", "eu-de-03"])).await;
    let after = shown(&server, CLUSTER).await;
    let third: Vec<&str> = after.iter().map(|nodes| nodes[2].1.as_str()).collect();
    assert_eq!(third, ["eu-de-01", "eu-de-02", "eu-de-03"]);
    // One name for all shards.
    let product = "redis.cluster.xu1.large.r4.4";
    resize(&server, CLUSTER, product, 4, adding(&["eu-de-03"])).await;
    let after = shown(&server, CLUSTER).await;
    let rest: Vec<Vec<&str>> = after.iter().map(|nodes| zones(&nodes[2..])).collect();
    assert_eq!(rest, [["eu-de-01", "eu-de-03"], ["eu-de-02", "eu-de-03"], ["eu-de-03", "eu-de-03"]]);
}

#[tokio::test]
async fn fewer_zones_than_replicas_are_used_in_turn() {
    let server = TestServer::start().await;
    copies(&server, 4, adding(&["eu-de-02"])).await;
    assert_eq!(zones(&shown(&server, HA).await[0]), ["eu-de-01", "eu-de-01", "eu-de-02", "eu-de-02"]);
    copies(&server, 2, json!({"change_type": "deleteReplication"})).await;
    copies(&server, 5, adding(&["eu-de-03", "eu-de-02"])).await;
    let expected = ["eu-de-01", "eu-de-01", "eu-de-03", "eu-de-02", "eu-de-03"];
    assert_eq!(zones(&shown(&server, HA).await[0]), expected);
    // Read/write splitting is no exception.
    let split = server.shown(Api::V2, RW_SPLIT).await;
    let product = text(&split["spec_code"]).replace("p2", "p4");
    let capacity = u32::try_from(split["capacity"].as_u64().unwrap()).unwrap();
    resize(&server, RW_SPLIT, &product, capacity, adding(&["eu-de-02"])).await;
    let placed = shown(&server, RW_SPLIT).await;
    assert_eq!(zones(&placed[0])[2..], ["eu-de-02", "eu-de-02"]);
    for (zones, code) in [(json!(["mars-1"]), "DCS.4933"), (json!(vec!["eu-de-01"; 2]), "DCS.4875")] {
        let body = json!({"new_capacity": capacity, "spec_code": product.replace("p4", "p5"),
                          "change_type": "createReplication", "available_zones": zones});
        let answer = server.post(&format!("{}/resize", Api::V2.instance(RW_SPLIT)), &body).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!(code)));
    }
}

#[tokio::test]
async fn a_new_size_tells_which_replicas_come_and_go() {
    let server = TestServer::start().await;
    let told = async |instance: &str| {
        let tasks = server.get(&format!("{}/tasks", Api::V2.instance(instance))).await.ok();
        let task = &tasks["tasks"][0];
        let [ip, zone, group] =
            ["replica_ip", "replica_az", "group_name"].map(|name| task["details"][name].clone());
        [task["name"].clone(), ip, zone, group]
    };
    copies(&server, 4, adding(&["eu-de-02", "eu-de-03"])).await;
    let nodes = shown(&server, HA).await.remove(0);
    let both = format!("{},{}", nodes[2].2, nodes[3].2);
    let expected = ["AddReplica", &both, "eu-de-02,eu-de-03", "group-0"];
    assert_eq!(told(HA).await, expected.map(Value::from));
    server.advance_ms(1);
    copies(&server, 3, removing(&nodes[2].0)).await;
    let expected = ["DelReplica", &nodes[2].2, "eu-de-02", "group-0"];
    assert_eq!(told(HA).await, expected.map(Value::from));
    server.advance_ms(1);
    resize(&server, HA, "redis.ha.xu1.large.r3.4", 4, json!({})).await;
    let of_no_replica = [json!("ChangeInstanceSpec"), Value::Null, Value::Null, Value::Null];
    assert_eq!(told(HA).await, of_no_replica, "another capacity is about no replica");
    // In a cluster each shard has its own.
    for (product, change, name) in [
        ("redis.cluster.xu1.large.r3.4", adding(&["eu-de-01", "eu-de-02", "eu-de-03"]), "AddReplica"),
        ("redis.cluster.xu1.large.r2.4", json!({"change_type": "deleteReplication"}), "DelReplica"),
    ] {
        let before = shown(&server, CLUSTER).await;
        resize(&server, CLUSTER, product, 4, change).await;
        let all = if name == "AddReplica" { shown(&server, CLUSTER).await } else { before };
        let third: Vec<&str> = all.iter().map(|nodes| nodes[2].2.as_str()).collect();
        let expected = [name, &third.join(","), "eu-de-01,eu-de-02,eu-de-03", "group-0,group-1,group-2"];
        assert_eq!(told(CLUSTER).await, expected.map(Value::from));
        server.advance_ms(1);
    }
    resize(&server, CLUSTER, "redis.cluster.xu1.large.r2.8", 8, json!({})).await;
    assert_eq!(told(CLUSTER).await, of_no_replica);
}
