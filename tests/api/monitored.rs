//! What can be monitored (wire contract of the operations of v2, section 11).

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, CLUSTER, HA, MEMCACHED, OTHERS_HA, PROJECT, PROXY, UNKNOWN_INSTANCE};
use crate::support::{Api, Covered, TestServer, covered, each, refusal};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v2/{project_id}/dims/monitored-objects", instances_are_listed_with_their_status),
    covered("GET", "/v2/{project_id}/dims/monitored-objects/{instance_id}", nodes_are_named_by_their_role),
];

async fn list(server: &TestServer, query: &str) -> Value {
    server.get(&format!("/v2/{PROJECT}/dims/monitored-objects?{query}")).await.ok()
}

fn of(instance: &str) -> String {
    format!("/v2/{PROJECT}/dims/monitored-objects/{instance}?dim_name=dcs_instance_id")
}

fn children(parts: &[&str]) -> Value {
    parts
        .iter()
        .map(|part| json!({"dim_name": part, "dim_route": format!("dcs_instance_id,{part}")}))
        .collect()
}

#[tokio::test]
async fn instances_are_listed_with_their_status() {
    let server = TestServer::start().await;
    let all = list(&server, "dim_name=dcs_instance_id&limit=1000").await;
    assert_eq!(all["router"], json!(["dcs_instance_id"]));
    assert_eq!(all["children"][0], children(&["dcs_cluster_redis_node"])[0]);
    assert_eq!(all["total"], each(&all["instances"], "name").len());
    for (status, instance) in BY_STATUS {
        let row = all["instances"].as_array().unwrap().iter().find(|row| row["dcs_instance_id"] == instance);
        match row {
            Some(row) => assert_eq!(row["status"], status),
            None => assert_eq!(status, "CREATEFAILED"),
        }
    }
    let second = list(&server, "dim_name=dcs_instance_id&offset=1&limit=1").await;
    assert_eq!(second["instances"], json!([all["instances"][1]]));
    assert_eq!(list(&server, "dim_name=dcs_instance_id&offset=1000").await["instances"], json!([]));
    assert_eq!(
        list(&server, "dim_name=dcs_memcached_instance_id").await,
        json!({
            "router": ["dcs_memcached_instance_id"], "children": [], "total": 1,
            "instances": [{"dcs_memcached_instance_id": MEMCACHED, "name": "memcached", "status": "RUNNING"}],
        })
    );
}

#[tokio::test]
async fn nodes_are_named_by_their_role() {
    let server = TestServer::start().await;
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{HA}/groups")).await.ok();
    let nodes = &groups["group_list"][0]["replication_list"];
    let body = json!({"action": "stop", "node_ids": [nodes[1]["node_id"]]});
    assert_eq!(server.put(&format!("{}/nodes/status", Api::V2.instance(HA)), &body).await.status, 200);
    let row = |node: &Value, word: &str, status: &str| {
        json!({
            "dcs_instance_id": HA, "name": format!("({word}){}", node["replication_ip"].as_str().unwrap()),
            "status": status, "dcs_cluster_redis_node": node["dimensions"][1]["value"],
        })
    };
    assert_eq!(
        server.get(&of(HA)).await.ok(),
        json!({
            "router": ["dcs_instance_id"], "children": children(&["dcs_cluster_redis_node"]), "total": 1,
            "instances": [{"dcs_instance_id": HA, "name": "dcs-ha", "status": "RUNNING"}],
            "dcs_cluster_redis_node": [row(&nodes[0], "master", "RUNNING"), row(&nodes[1], "replica", "ERROR")],
            "dcs_cluster_proxy_node": [], "dcs_cluster_proxy2_node": [],
        })
    );
    let (status, extending) = BY_STATUS[3];
    assert_eq!(server.get(&of(extending)).await.ok()["instances"][0]["status"], status);
}

#[tokio::test]
async fn proxies_are_of_the_dimension_of_their_generation() {
    let old = "0e000000-0000-4000-8000-000000000001";
    let seed = format!(
        "projects:\n  - id: {PROJECT}\n    instances:\n      \
         - {{id: {PROXY}, name: newer, cache_mode: proxy}}\n      \
         - {{id: {CLUSTER}, name: cluster, cache_mode: cluster}}\n      \
         - {{id: {old}, name: older, cache_mode: proxy, engine_version: \"3.0\", capacity: 64}}\n"
    );
    let server = TestServer::seeded(&seed, &[]).await;
    let counts = async |instance: &str| {
        let found = server.get(&of(instance)).await.ok();
        let count = |part: &str| found[part].as_array().unwrap().len();
        let shown = (count("dcs_cluster_proxy_node") > 0, count("dcs_cluster_proxy2_node") > 0);
        (shown, found["children"].clone())
    };
    let new = children(&["dcs_cluster_redis_node", "dcs_cluster_proxy2_node"]);
    assert_eq!(counts(PROXY).await, ((false, true), new));
    let first = children(&["dcs_cluster_redis_node", "dcs_cluster_proxy_node"]);
    assert_eq!(counts(old).await, ((true, false), first));
    assert_eq!(counts(CLUSTER).await, ((false, false), children(&["dcs_cluster_redis_node"])));
    // Logical nodes say the same of themselves.
    let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(PROXY))).await.ok()["nodes"].take();
    let proxy = nodes.as_array().unwrap().iter().find(|node| node["node_type"] == "proxy").unwrap();
    assert_eq!(proxy["dimensions"][1]["name"], "dcs_cluster_proxy2_node");
}

#[tokio::test]
async fn what_is_no_dimension_or_no_instance_is_refused() {
    let server = TestServer::start().await;
    let invalid = refusal::invalid_query("dim_name");
    for path in [
        format!("/v2/{PROJECT}/dims/monitored-objects"),
        format!("/v2/{PROJECT}/dims/monitored-objects?dim_name=host"),
        format!("/v2/{PROJECT}/dims/monitored-objects/{HA}"),
        format!("/v2/{PROJECT}/dims/monitored-objects/{HA}?dim_name=dcs_memcached_instance_id"),
        format!("/v2/{PROJECT}/dims/monitored-objects/{MEMCACHED}?dim_name=dcs_instance_id"),
    ] {
        server.get(&path).await.assert_refused_by(Api::V2, &invalid);
    }
    for (instance, refusal) in [
        (UNKNOWN_INSTANCE, &refusal::INSTANCE_NOT_FOUND),
        (OTHERS_HA, &refusal::INSTANCE_NOT_FOUND),
        ("x", &refusal::INVALID_INSTANCE_ID),
    ] {
        server.get(&of(instance)).await.assert_refused_by(Api::V2, refusal);
    }
    let path = format!("/v2/{PROJECT}/dims/monitored-objects?dim_name=dcs_instance_id&limit=0");
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::invalid("limit"));
}
