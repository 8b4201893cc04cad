//! Nodes of instances: groups, logical nodes, topology (wire contract v1.0, section 2.20; v2, section 2.18).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::seed::{CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SINGLE};
use crate::support::{Api, Covered, TestServer, covered, each, is_uuid, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v1.0/{project_id}/instance/{instance_id}/groups",
        v1_shows_groups_of_what_has_several_nodes_to_read_from,
    ),
    covered("GET", "/v2/{project_id}/instance/{instance_id}/groups", a_pair_is_one_group_of_two),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/logical-nodes", every_page_shows_the_same_nodes),
    covered("GET", "/v2/{project_id}/instances-logical-nodes", every_page_shows_the_same_nodes),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/nodes", every_page_shows_the_same_nodes),
];

async fn groups(server: &TestServer, version: &str, instance: &str) -> Value {
    server.get(&format!("/{version}/{PROJECT}/instance/{instance}/groups")).await.ok()
}

#[tokio::test]
async fn a_pair_is_one_group_of_two() {
    let server = TestServer::start().await;
    let found = groups(&server, "v2", HA).await;
    assert_eq!(found["group_count"], 1);
    let group = &found["group_list"][0];
    assert_eq!(group["group_name"], "group-0");
    assert!(is_uuid(&text(&group["group_id"])));
    let nodes = &group["replication_list"];
    assert_eq!(each(nodes, "replication_role"), [json!("master"), json!("slave")]);
    assert_eq!(each(nodes, "az_code"), [json!("eu-de-01"), json!("eu-de-01")]);
    assert_eq!(nodes[0]["replication_ip"], server.get(&Api::V2.instance(HA)).await.ok()["ip"]);
    assert_ne!(nodes[0]["replication_ip"], nodes[1]["replication_ip"]);
    for node in nodes.as_array().unwrap() {
        assert_eq!((&node["is_replication"], &node["status"]), (&json!(false), &json!("Active")));
        assert_eq!(node["dimensions"][0], json!({"name": "dcs_instance_id", "value": HA}));
        assert_eq!(text(&node["node_id"]).len(), 32);
        assert!(is_uuid(&text(&node["replication_id"])));
    }
}

#[tokio::test]
async fn v1_shows_groups_of_what_has_several_nodes_to_read_from() {
    let server = TestServer::start().await;
    for (instance, in_v1, in_v2) in
        [(SINGLE, 0, 1), (HA, 0, 1), (RW_SPLIT, 1, 1), (CLUSTER, 3, 3), (PROXY, 3, 3)]
    {
        for (version, count) in [("v1.0", in_v1), ("v2", in_v2)] {
            let found = groups(&server, version, instance).await;
            let listed = found["group_list"].as_array().unwrap().len();
            assert_eq!((&found["group_count"], listed), (&json!(count), count), "{version} {instance}");
        }
    }
}

#[tokio::test]
async fn every_page_shows_the_same_nodes() {
    let server = TestServer::start().await;
    let pages = server.get(&format!("/v2/{PROJECT}/instances-logical-nodes?limit=100")).await.ok();
    let too_many = server.get(&format!("/v2/{PROJECT}/instances-logical-nodes?limit=101")).await;
    too_many.assert_refused_by(Api::V2, &refusal::invalid("limit"));
    for (instance, servers, proxies) in [(SINGLE, 1, 0), (HA, 2, 0), (CLUSTER, 6, 0), (PROXY, 6, 3)] {
        let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(instance))).await.ok();
        assert_eq!((&nodes["instance_id"], &nodes["total"]), (&json!(instance), &json!(servers + proxies)));
        let of_all = pages["instances"]
            .as_array()
            .unwrap()
            .iter()
            .find(|page| page["instance_id"] == instance)
            .unwrap();
        assert_eq!((&of_all["nodes"], &of_all["node_count"]), (&nodes["nodes"], &nodes["total"]));

        let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
        let count = |kind: &str| topology[kind].as_array().unwrap().len();
        assert_eq!(
            (count("redis_server"), count("cluster_proxy"), count("cluster_lvs")),
            (servers, proxies, 0)
        );

        let ids = |rows: &Value| each(rows, "node_id").iter().map(text).collect::<BTreeSet<_>>();
        let shown = ids(&nodes["nodes"]);
        assert_eq!(shown.len(), servers + proxies, "every node has an id of its own");
        assert!(ids(&topology["redis_server"]).is_subset(&shown));
        let grouped = groups(&server, "v2", instance).await;
        for group in grouped["group_list"].as_array().unwrap() {
            assert!(ids(&group["replication_list"]).is_subset(&shown));
            let id = text(&group["group_id"]);
            let alone =
                server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups/{id}/group-nodes-state")).await;
            assert_eq!(alone.ok(), group["replication_list"]);
        }
    }
}

#[tokio::test]
async fn every_scalar_of_the_topology_is_a_text() {
    let server = TestServer::start().await;
    let topology = server.get(&format!("{}/nodes", Api::V2.instance(HA))).await.ok();
    let node = topology["redis_server"][0].as_object().unwrap();
    for (member, value) in node {
        assert!(value.is_string() || value.is_object(), "{member}: {value}");
    }
    for kind in
        ["redis_server", "cluster_proxy", "cluster_lvs", "cluster_admin", "master", "vpcendpoint", "elb"]
    {
        assert!(topology[kind].is_array(), "{kind}");
    }
}

#[tokio::test]
async fn every_node_of_an_instance_with_replicas_is_related_to_another() {
    let server = TestServer::start().await;
    for instance in [HA, RW_SPLIT, CLUSTER, SINGLE, PROXY] {
        let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
        let servers = topology["redis_server"].as_array().unwrap();
        let port = text(&servers[0]["port"]);
        for node in servers {
            let of_group = servers.iter().filter(|other| other["group_id"] == node["group_id"]);
            let related = of_group.clone().find(|other| other["node_type"] != node["node_type"]);
            let expected = related.map_or((json!(""), json!("")), |other| (other["ip"].clone(), json!(port)));
            assert_eq!((&node["relation_ip"], &node["relation_port"]), (&expected.0, &expected.1));
            assert_eq!(related.is_none(), instance == SINGLE);
        }
        for proxy in topology["cluster_proxy"].as_array().unwrap() {
            assert_eq!((&proxy["relation_ip"], &proxy["relation_port"]), (&json!(""), &json!("")));
        }
        for version in ["v1.0", "v2"] {
            for group in groups(&server, version, instance).await["group_list"].as_array().unwrap() {
                for node in group["replication_list"].as_array().unwrap() {
                    let twin = servers.iter().find(|other| other["node_id"] == node["node_id"]).unwrap();
                    for name in ["relation_ip", "relation_port"] {
                        assert_eq!(node[name], twin[name], "{version} {instance}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn an_instance_has_one_point_of_entry_unless_it_is_of_the_first_generation() {
    let server = TestServer::start().await;
    for instance in [HA, CLUSTER, PROXY] {
        let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
        let ip = text(&server.get(&Api::V2.instance(instance)).await.ok()["ip"]);
        let first = ip.split(',').next().unwrap();
        let id = topology["vpcendpoint"][0]["node_id"].clone();
        assert_eq!(text(&id).len(), 32);
        assert_eq!(
            topology["vpcendpoint"],
            json!([{"node_id": id, "ip": first, "port": "6379", "node_type": "vpcendpoint", "status": "Active"}])
        );
    }
    for instance in [OLD_REDIS, MEMCACHED] {
        let topology = server.get(&format!("{}/nodes", Api::V2.instance(instance))).await.ok();
        assert_eq!(topology["vpcendpoint"], json!([]));
    }
}

#[tokio::test]
async fn logical_nodes_are_named_by_role_and_address() {
    let server = TestServer::start().await;
    let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(PROXY))).await.ok();
    for node in nodes["nodes"].as_array().unwrap() {
        let expected = match node["node_type"].as_str().unwrap() {
            "master" => format!("(master){}", text(&node["node_ip"])),
            "slave" => format!("(replica){}", text(&node["node_ip"])),
            _ => continue,
        };
        assert_eq!(node["name"], expected);
        assert_eq!(node["logical_node_id"], node["dimensions"][1]["value"]);
    }
}

#[tokio::test]
async fn nodes_of_others_are_nobodys() {
    let server = TestServer::start().await;
    for path in [
        format!("/v2/{PROJECT}/instance/{OTHERS_HA}/groups"),
        format!("{}/logical-nodes", Api::V2.instance(OTHERS_HA)),
        format!("{}/nodes", Api::V2.instance(OTHERS_HA)),
    ] {
        server.get(&path).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
}
