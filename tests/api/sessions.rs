//! Sessions of the clients of instances (wire contract of the operations of v2, section 4).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, SECOND_HA, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, each, refusal, text};

const ALL: &str = "/v2/{project_id}/instances/{instance_id}/clients";
const KILL: &str = "/v2/{project_id}/instances/{instance_id}/clients/kill";
const KILL_ALL: &str = "/v2/{project_id}/instances/{instance_id}/clients/kill-all";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", ALL, links_are_between_replicas_and_their_master),
    covered("POST", ALL, a_scan_is_a_job_whose_time_is_shown),
    covered("POST", KILL, declared_sessions_end_and_links_begin_anew),
    covered("POST", KILL_ALL, all_sessions_end_with_a_job),
];

const UNKNOWN_NODE: Refusal = refusal::other("DCS.3053", "Incorrect node ID.");

fn clients(instance: &str, rest: &str) -> String {
    format!("{}/clients{rest}", Api::V2.instance(instance))
}

/// Returns the nodes of an instance: id and address of each.
async fn nodes(server: &TestServer, instance: &str) -> Vec<(String, String)> {
    let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(instance))).await.ok();
    let nodes = nodes["nodes"].as_array().expect("a list").iter();
    nodes.map(|node| (text(&node["node_id"]), text(&node["node_ip"]))).collect()
}

async fn list(server: &TestServer, node: &str, query: &str) -> Value {
    server.get(&clients(HA, &format!("?node_id={node}{query}"))).await.ok()["clients"].take()
}

async fn kill(server: &TestServer, node: &str, addresses: &[&str]) -> Answer {
    server.post(&clients(HA, "/kill"), &json!({"node_id": node, "client_addrs": addresses})).await
}

async fn kill_all(server: &TestServer, body: Value) -> Answer {
    server.post(&clients(HA, "/kill-all"), &body).await
}

async fn switch(server: &TestServer, action: &str, node: &str) {
    let path = format!("{}/nodes/status", Api::V2.instance(HA));
    assert_eq!(server.put(&path, &json!({"action": action, "node_ids": [node]})).await.status, 200);
}

async fn job_status(server: &TestServer, answer: &Value) -> Value {
    server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&answer["job_id"]))).await.ok()["status"].take()
}

/// Declares sessions of two nodes: ids, nodes and addresses.
async fn declare(server: &TestServer, sessions: &[(&str, Option<&str>, &str)]) {
    let session = |(id, node, addr): &(&str, Option<&str>, &str)| json!({"id": id, "node": node, "addr": addr, "age": id.len(), "cmd": "get"});
    let sessions: Vec<Value> = sessions.iter().map(session).collect();
    let path = format!("/_emulator/instances/{HA}/contents");
    server.put(&path, &json!({ "sessions": sessions })).await.ok();
}

/// A link as it is listed.
fn link(id: &str, addr: &str, [flags, cmd]: [&str; 2], age: u64) -> Value {
    json!({
        "id": id, "addr": addr, "fd": "8", "name": "replication", "cmd": cmd, "age": age, "idle": 0, "db": "0",
        "flags": flags, "sub": 0, "psub": 0, "multi": -1, "qbuf": 0, "qbuf_free": 20474, "obl": 0, "oll": 0, "omem": 0,
        "events": "r", "network": "vpc", "peer": addr, "user": "default",
    })
}

const OF_MASTER: [&str; 2] = ["S", "replconf"];
const OF_REPLICA: [&str; 2] = ["M", "ping"];

#[tokio::test]
async fn links_are_between_replicas_and_their_master() {
    let mut server = TestServer::start().await;
    server.advance_ms(7_000);
    let nodes_of_ha = nodes(&server, HA).await;
    let [(master, master_ip), (replica, replica_ip)] = &nodes_of_ha[..] else { panic!("two nodes") };
    let to_replica = link("3", &format!("{replica_ip}:49152"), OF_MASTER, 7);
    let to_master = link("3", &format!("{master_ip}:6379"), OF_REPLICA, 7);
    assert_eq!(list(&server, master, "").await, json!([to_replica]));
    assert_eq!(list(&server, &replica.to_uppercase(), "").await, json!([to_master]));
    server.restart().await;
    assert_eq!(list(&server, replica, "").await, json!([to_master]));
    for (instance, count) in [(SINGLE, 1), (PROXY, 9)] {
        let nodes = nodes(&server, instance).await;
        assert_eq!(nodes.len(), count);
        let (last, _) = nodes.last().unwrap();
        let listed = server.get(&clients(instance, &format!("?node_id={last}"))).await.ok();
        assert_eq!((&listed["count"], &listed["clients"]), (&json!(0), &json!([])));
    }
    // No link leads to a node that is stopped, and none of its sessions can be looked at.
    switch(&server, "stop", replica).await;
    assert_eq!(list(&server, master, "").await, json!([]));
    for answer in [
        server.get(&clients(HA, &format!("?node_id={replica}"))).await,
        server.post(&clients(HA, ""), &json!({"node_id": replica})).await,
        kill(&server, replica, &["x"]).await,
        kill_all(&server, json!({"node_id": replica})).await,
    ] {
        answer.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    }
    server.advance_ms(5_000);
    switch(&server, "start", replica).await;
    server.advance_ms(2_000);
    assert_eq!(
        list(&server, replica, "").await,
        json!([link("4", &format!("{master_ip}:6379"), OF_REPLICA, 2)])
    );
    // A link is no older than the roles of its ends, which keep their ids.
    server.call("POST", &format!("{}/swap", Api::V2.instance(HA))).send().await.assert_no_content();
    server.advance_ms(1_000);
    let (to_master, to_replica) = (list(&server, master, "").await, list(&server, replica, "").await);
    assert_eq!((each(&to_master, "flags"), each(&to_master, "age")), (vec![json!("M")], vec![json!(1)]));
    assert_eq!((each(&to_replica, "flags"), each(&to_replica, "age")), (vec![json!("S")], vec![json!(1)]));
    // Nor is it older than the last start of the instance: the first one that this replica had ends with it.
    let restart = json!({"action": "restart", "instances": [HA]});
    server.put(&format!("{}/status", Api::V2.instances(PROJECT)), &restart).await.ok();
    assert_eq!(each(&list(&server, master, "").await, "id"), ["4"]);
    assert_eq!(each(&list(&server, master, "").await, "age"), [0]);
}

#[tokio::test]
async fn sessions_are_listed_in_the_order_that_is_asked_for() {
    let server = TestServer::start().await;
    let nodes = nodes(&server, HA).await;
    let (master, replica) = (nodes[0].0.as_str(), nodes[1].0.as_str());
    declare(
        &server,
        &[
            ("100", None, "10.0.0.9:1"),
            ("20", Some(master), "10.0.0.8:2"),
            ("7777", Some(replica), "10.0.0.7:3"),
        ],
    )
    .await;
    let ids = async |query: &str| each(&list(&server, master, query).await, "id");
    assert_eq!(ids("").await, ["3", "20", "100"]);
    assert_eq!(ids("&order=desc").await, ["100", "20", "3"]);
    assert_eq!(ids("&sort=addr&order=asc&addr=10.0.0.").await, ["20", "100"]);
    assert_eq!(ids("&sort=age&addr=10.0.0.").await, ["100", "20"]);
    assert_eq!(ids("&limit=1&offset=1").await, ["20"]);
    assert_eq!(ids("&offset=9").await, Vec::<Value>::new());
    let page = server.get(&clients(HA, &format!("?node_id={master}&limit=1&addr=10.0.0."))).await.ok();
    assert_eq!((&page["count"], each(&page["clients"], "peer")), (&json!(2), vec![json!("10.0.0.8:2")]));
    assert_eq!(each(&list(&server, replica, "").await, "id"), ["3", "7777"]);
    for (query, name) in [("&sort=nothing", "sort"), ("&order=up", "order"), ("&limit=0", "limit")] {
        let answer = server.get(&clients(HA, &format!("?node_id={master}{query}"))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid(name));
    }
    server.get(&clients(HA, "")).await.assert_refused_by(Api::V2, &refusal::invalid_query("node_id"));
}

#[tokio::test]
async fn a_scan_is_a_job_whose_time_is_shown() {
    let mut server = TestServer::start().await;
    let node = nodes(&server, HA).await[0].0.clone();
    let time = async |server: &TestServer| {
        server.get(&clients(HA, &format!("?node_id={node}"))).await.ok()["time"].take()
    };
    assert_eq!(time(&server).await, "2020-03-02T06:15:04.512Z");
    server.advance_ms(1_000);
    let scanned = server.post(&clients(HA, ""), &json!({"node_id": node, "clean_cache": true})).await.ok();
    assert_eq!(job_status(&server, &scanned).await, "SUCCESS");
    server.advance_ms(1_000);
    server.restart().await;
    assert_eq!(time(&server).await, "2020-03-02T06:15:05.512Z");
    server.post(&clients(HA, ""), &json!({"node_id": node})).await.ok();
    assert_eq!(time(&server).await, "2020-03-02T06:15:06.512Z");
}

#[tokio::test]
async fn declared_sessions_end_and_links_begin_anew() {
    let mut server = TestServer::start().await;
    let nodes = nodes(&server, HA).await;
    let (master, replica) = (nodes[0].0.as_str(), nodes[1].0.as_str());
    declare(
        &server,
        &[
            ("20", None, "10.0.0.8:1"),
            ("21", None, "10.0.0.8:2"),
            ("22", None, "10.0.0.9:1"),
            ("23", Some(replica), "10.0.0.8:1"),
        ],
    )
    .await;
    server.advance_ms(9_000);
    kill(&server, master, &["10.0.0.8:2", "none"]).await.assert_no_content();
    let ids = async |server: &TestServer, node: &str| each(&list(server, node, "").await, "id");
    assert_eq!(ids(&server, master).await, ["3", "20", "22"]);
    // Without its port, an address names all that have it.
    kill(&server, master, &["10.0.0.8"]).await.assert_no_content();
    assert_eq!(ids(&server, master).await, ["3", "22"]);
    assert_eq!(ids(&server, replica).await, ["3", "23"]);
    kill(&server, master, &["1.2.3.4:5"]).await.assert_no_content();
    let peer = text(&list(&server, master, "").await[0]["peer"]);
    kill(&server, master, &[&peer]).await.assert_no_content();
    server.restart().await;
    for node in [master, replica] {
        let link = list(&server, node, "").await[0].take();
        assert_eq!((&link["id"], &link["age"]), (&json!("4"), &json!(0)), "{node}");
    }
    server.advance_ms(3_000);
    assert_eq!(list(&server, master, "").await[0]["age"], 3);
}

#[tokio::test]
async fn all_sessions_end_with_a_job() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let nodes = nodes(&server, HA).await;
    let (master, replica) = (nodes[0].0.as_str(), nodes[1].0.as_str());
    declare(&server, &[("20", None, "10.0.0.8:1"), ("21", Some(replica), "10.0.0.8:2")]).await;
    let ids = async |server: &TestServer, node: &str| each(&list(server, node, "").await, "id");
    let begun = kill_all(&server, json!({"node_id": master})).await.ok();
    assert_eq!(job_status(&server, &begun).await, "RUNNING");
    assert_eq!(ids(&server, master).await, ["3", "20"]);
    server.restart().await;
    server.advance_ms(10_000);
    assert_eq!(job_status(&server, &begun).await, "SUCCESS");
    assert_eq!(
        (ids(&server, master).await, ids(&server, replica).await),
        (vec![json!("4")], vec![json!("4"), json!("21")])
    );
    let job = server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&begun["job_id"]))).await.ok();
    assert_eq!(job["job_type"], "killAllClientsJob");
    assert_eq!(server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["tasks"], json!([]));
    let begun = kill_all(&server, json!({"kill_all_nodes": "true"})).await.ok();
    server.advance_ms(10_000);
    assert_eq!(job_status(&server, &begun).await, "SUCCESS");
    assert_eq!(
        (ids(&server, master).await, ids(&server, replica).await),
        (vec![json!("5")], vec![json!("5")])
    );
    declare(&server, &[("20", None, "10.0.0.8:1")]).await;
    let fault = json!({
        "match": {"operation": "hang_up_kill_all_clients"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let begun = kill_all(&server, json!({"kill_all_nodes": true})).await.ok();
    server.advance_ms(10_000);
    assert_eq!(job_status(&server, &begun).await, "FAIL");
    assert_eq!(ids(&server, master).await, ["5", "20"]);
}

#[tokio::test]
async fn who_asks_for_sessions_wrongly_is_told_so() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let node = nodes(&server, HA).await[0].0.clone();
    let others = nodes(&server, SECOND_HA).await[0].0.clone();
    for (instance, node, refusal) in [
        (HA, "none", UNKNOWN_NODE),
        (HA, others.as_str(), UNKNOWN_NODE),
        (OLD_REDIS, node.as_str(), refusal::TASK_STATE),
        (MEMCACHED, node.as_str(), refusal::TASK_STATE),
        (OTHERS_HA, node.as_str(), refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, node.as_str(), refusal::INSTANCE_NOT_FOUND),
    ] {
        let body = json!({"node_id": node, "client_addrs": ["x"]});
        server
            .get(&clients(instance, &format!("?node_id={node}")))
            .await
            .assert_refused_by(Api::V2, &refusal);
        for rest in ["", "/kill", "/kill-all"] {
            server.post(&clients(instance, rest), &body).await.assert_refused_by(Api::V2, &refusal);
        }
    }
    for (rest, body, name) in [
        ("", json!({}), "node_id"),
        ("/kill", json!({"client_addrs": ["x"]}), "node_id"),
        ("/kill", json!({"node_id": node}), "client_addrs"),
        ("/kill-all", json!({"kill_all_nodes": false}), "node_id"),
        ("/kill-all", json!({"kill_all_nodes": "some"}), "kill_all_nodes"),
    ] {
        let answer = server.post(&clients(HA, rest), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
    }
    for (status, instance) in BY_STATUS {
        let node = nodes(&server, instance).await[0].0.clone();
        let body = json!({"node_id": node, "client_addrs": ["x"]});
        for rest in ["", "/kill", "/kill-all"] {
            let answer = server.post(&clients(instance, rest), &body).await;
            answer.assert_refused_by(Api::V2, &refusal::of_state(status));
        }
        let listed = server.get(&clients(instance, &format!("?node_id={node}"))).await.ok();
        assert_eq!(listed["clients"], json!([]));
    }
    // A backup is no obstacle.
    server.create_backup(HA).await;
    kill(&server, &node, &["x"]).await.assert_no_content();
}
