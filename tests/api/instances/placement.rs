//! Other zones, another network, replicas of shards, addresses of clients (wire contract v1.0, section 2.21; v2, section 2.20 and
//! section 3, "Paths outside the SDK").

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal, text};

const ZONES: &str = "/v2/{project_id}/instances/{instance_id}/available-zones";
const SUBNET: &str = "/v2/{project_id}/instances/{instance_id}/resources/subnet";
const CLIENT_IPS: &str = "/v2/{project_id}/{instance_id}/client-ip-transparent-transmission";

pub(crate) const COVERS: &[Covered] = &[
    covered("PUT", ZONES, an_instance_is_in_its_new_zones_when_it_has_been_extended),
    covered("POST", SUBNET, an_instance_is_in_its_new_network_when_it_has_been_extended),
    covered("PUT", CLIENT_IPS, addresses_of_clients_are_seen_or_not),
    covered(
        "POST",
        "/v1.0/{project_id}/instance/{instance_id}/groups/{group_id}/replications",
        replicas_come_and_go_with_ids_of_their_own,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instance/{instance_id}/groups/{group_id}/replications",
        replicas_come_and_go_with_ids_of_their_own,
    ),
    covered(
        "DELETE",
        "/v2/{project_id}/instances/{instance_id}/groups/{group_id}/replications/{node_id}",
        replicas_come_and_go_with_ids_of_their_own,
    ),
];

fn of(template: &str, instance: &str) -> String {
    template.replace("{project_id}", PROJECT).replace("{instance_id}", instance)
}

/// Lets every state that passes last until it is told to end.
async fn by_hand(server: &TestServer) {
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
}

async fn arrive(server: &TestServer) {
    let moved = server.post("/_emulator/transitions/instance/step", &json!({})).await.ok();
    assert_eq!(moved["fired"].as_array().map(Vec::len), Some(1), "{moved}");
}

async fn migrate(server: &TestServer, instance: &str, zones: &[&str]) -> Answer {
    server.put(&of(ZONES, instance), &json!({ "new_available_zones": zones })).await
}

async fn switch(server: &TestServer, instance: &str, vpc: &str, subnet: &str) -> Answer {
    let body = json!({"action": "switch", "vpc_id": vpc, "subnet_id": subnet});
    server.post(&of(SUBNET, instance), &body).await
}

/// The shards of an instance.
async fn groups(server: &TestServer, instance: &str) -> Vec<Value> {
    let found = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    found["group_list"].as_array().expect("an array of shards").clone()
}

/// The id of the first shard of an instance.
async fn first_group(server: &TestServer, instance: &str) -> String {
    text(&groups(server, instance).await[0]["group_id"])
}

fn replications(version: &str, instance: &str, group: &str) -> String {
    format!("/{version}/{PROJECT}/instance/{instance}/groups/{group}/replications")
}

fn replication(instance: &str, group: &str, node: &str) -> String {
    format!("/v2/{PROJECT}/instances/{instance}/groups/{group}/replications/{node}")
}

#[tokio::test]
async fn an_instance_is_in_its_new_zones_when_it_has_been_extended() {
    let mut server = TestServer::start().await;
    let zones = server.get("/v2/available-zones").await.ok();
    let ids = each(&zones["available_zones"], "id").iter().map(text).collect::<Vec<_>>();
    by_hand(&server).await;
    let answer = migrate(&server, HA, &[&ids[2], &ids[0]]).await;
    assert_eq!(answer.ok(), json!({}));
    server.restart().await;
    let before = server.shown(Api::V2, HA).await;
    assert_eq!((&before["status"], &before["az_codes"]), (&json!("EXTENDING"), &json!(["eu-de-01"])));
    migrate(&server, HA, &[&ids[1]]).await.assert_refused_by(Api::V2, &refusal::EXTENDING);
    arrive(&server).await;
    for _ in 0..2 {
        let after = server.shown(Api::V2, HA).await;
        assert_eq!(
            (&after["status"], &after["az_codes"], &after["available_zones"]),
            (&json!("RUNNING"), &json!(["eu-de-03", "eu-de-01"]), &json!([ids[2], ids[0]]))
        );
        let nodes = &groups(&server, HA).await[0]["replication_list"];
        assert_eq!(each(nodes, "az_code"), ["eu-de-03", "eu-de-01"]);
        server.restart().await;
    }
    // A code names a zone as well, and the same one may be named twice.
    migrate(&server, HA, &["eu-de-02", "eu-de-02"]).await.ok();
    arrive(&server).await;
    assert_eq!(server.shown(Api::V2, HA).await["az_codes"], json!(["eu-de-02", "eu-de-02"]));
}

#[tokio::test]
async fn zones_that_there_are_not_and_instances_that_cannot_move_are_refused() {
    let server = TestServer::start().await;
    for body in [json!({}), json!({"new_available_zones": []}), json!({"new_available_zones": null})] {
        let answer = server.put(&of(ZONES, HA), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("new_available_zones"));
    }
    migrate(&server, HA, &["eu-de-04"]).await.assert_refused_by(Api::V2, &refusal::UNKNOWN_ZONE);
    let two = ["eu-de-01", "eu-de-02"];
    migrate(&server, SINGLE, &two).await.assert_refused_by(Api::V2, &refusal::ONE_ZONE_ONLY);
    migrate(&server, OTHERS_HA, &two).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    assert_eq!(server.shown(Api::V2, HA).await["az_codes"], json!(["eu-de-01"]));
}

#[tokio::test]
async fn an_instance_is_in_its_new_network_when_it_has_been_extended() {
    let mut server = TestServer::start().await;
    by_hand(&server).await;
    let before = server.shown(Api::V2, HA).await;
    let answer = switch(&server, HA, "vpc-2", "subnet-2").await;
    answer.assert_no_content();
    server.restart().await;
    let meanwhile = server.shown(Api::V2, HA).await;
    assert_eq!(
        (&meanwhile["status"], &meanwhile["vpc_id"], &meanwhile["subnet_id"]),
        (&json!("EXTENDING"), &before["vpc_id"], &before["subnet_id"])
    );
    arrive(&server).await;
    server.restart().await;
    let after = server.shown(Api::V2, HA).await;
    assert_eq!(
        (&after["status"], &after["vpc_id"], &after["subnet_id"], &after["az_codes"]),
        (&json!("RUNNING"), &json!("vpc-2"), &json!("subnet-2"), &before["az_codes"])
    );
    for (body, refusal) in [
        (json!({"vpc_id": "v", "subnet_id": "s"}), refusal::invalid_parameter("action")),
        (json!({"action": "move", "vpc_id": "v", "subnet_id": "s"}), refusal::invalid_parameter("action")),
        (json!({"action": "switch", "subnet_id": "s"}), refusal::INVALID_VPC),
        (json!({"action": "switch", "vpc_id": "v", "subnet_id": ""}), refusal::INVALID_SUBNET),
    ] {
        server.post(&of(SUBNET, HA), &body).await.assert_refused_by(Api::V2, &refusal);
    }
}

#[tokio::test]
async fn what_extends_an_instance_begins_only_while_it_runs_and_nothing_else_does() {
    let server = TestServer::start().await;
    for (status, instance) in BY_STATUS {
        let refusal = refusal::of_state(status);
        migrate(&server, instance, &["eu-de-02"]).await.assert_refused_by(Api::V2, &refusal);
        switch(&server, instance, "v", "s").await.assert_refused_by(Api::V2, &refusal);
    }
    server.put("/_emulator/transitions/backup", &json!({"progression": "manual"})).await.ok();
    server.create_backup(HA).await;
    migrate(&server, HA, &["eu-de-02"]).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    switch(&server, HA, "v", "s").await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
}

#[tokio::test]
async fn replicas_come_and_go_with_ids_of_their_own() {
    for version in ["v1.0", "v2"] {
        let mut server = TestServer::start().await;
        by_hand(&server).await;
        let before = groups(&server, CLUSTER).await;
        let group = text(&before[0]["group_id"]);
        let body = match version {
            "v1.0" => json!({"repl_az_id": "eu-de-02"}),
            _ => json!({"az_code": "eu-de-02"}),
        };
        let answer = server.post(&replications(version, CLUSTER, &group), &body).await;
        answer.assert_no_content();
        assert_eq!(server.shown(Api::V2, CLUSTER).await["status"], "EXTENDING");
        assert_eq!(groups(&server, CLUSTER).await, before);
        arrive(&server).await;
        server.restart().await;
        let more = groups(&server, CLUSTER).await;
        assert_eq!(more[1..], before[1..], "other shards stay as they are");
        let nodes = more[0]["replication_list"].as_array().unwrap().clone();
        assert_eq!(nodes[..2], before[0]["replication_list"].as_array().unwrap()[..]);
        assert_eq!(
            (nodes.len(), &nodes[2]["replication_role"], &nodes[2]["az_code"]),
            (3, &json!("slave"), &json!("eu-de-02"))
        );
        let all = server.get(&format!("{}/logical-nodes", Api::V2.instance(CLUSTER))).await.ok();
        let ids = each(&all["nodes"], "node_id").iter().map(text).collect::<std::collections::BTreeSet<_>>();
        assert_eq!((&all["total"], ids.len()), (&json!(7), 7), "every node has an id of its own");

        let path = format!("{}/deletable-replication", Api::V2.instance(CLUSTER));
        let deletable = server.get(&path).await.ok();
        assert_eq!(
            (&deletable["check_result"], each(&deletable["replication_list"], "node_id")),
            (&json!(true), vec![nodes[1]["node_id"].clone(), nodes[2]["node_id"].clone()])
        );

        // The one that the product has goes, the one that was added stays; its number is not given again.
        let (own, added) = (text(&nodes[1]["node_id"]), text(&nodes[2]["node_id"]));
        let job = text(&server.delete(&replication(CLUSTER, &group, &own)).await.ok()["job_id"]);
        assert_eq!(job.len(), 32);
        assert_eq!(server.shown(Api::V2, CLUSTER).await["status"], "EXTENDING");
        assert_eq!(groups(&server, CLUSTER).await, more);
        arrive(&server).await;
        let fewer = groups(&server, CLUSTER).await;
        let mut master = nodes[0].clone();
        master["relation_ip"] = nodes[2]["replication_ip"].clone();
        assert_eq!(fewer[0]["replication_list"], json!([master, nodes[2]]));
        server.call("POST", &replications(version, CLUSTER, &group)).send().await;
        arrive(&server).await;
        server.delete(&replication(CLUSTER, &group, &added)).await.ok();
        arrive(&server).await;
        server.restart().await;
        let last = groups(&server, CLUSTER).await[0]["replication_list"].clone();
        let left = each(&last, "node_id").iter().map(text).collect::<Vec<_>>();
        assert_eq!((left.len(), &left[0]), (2, &text(&nodes[0]["node_id"])));
        assert!(![own, added].contains(&left[1]), "{left:?}");
    }
}

#[tokio::test]
async fn replicas_that_were_added_move_with_their_instance() {
    let mut server = TestServer::start().await;
    let group = first_group(&server, CLUSTER).await;
    let body = json!({"az_code": "eu-de-01"});
    assert_eq!(server.post(&replications("v2", CLUSTER, &group), &body).await.status, 204);
    migrate(&server, CLUSTER, &["eu-de-02", "eu-de-03"]).await.ok();
    for _ in 0..2 {
        let nodes = groups(&server, CLUSTER).await[0]["replication_list"].clone();
        assert_eq!(each(&nodes, "az_code"), ["eu-de-02", "eu-de-03", "eu-de-03"]);
        server.restart().await;
    }
}

#[tokio::test]
async fn numbers_of_replicas_run_out_without_a_fault() {
    let mut server = TestServer::start().await;
    let group = first_group(&server, CLUSTER).await;
    let path = replications("v2", CLUSTER, &group);
    assert_eq!(server.post(&path, &json!({})).await.status, 204);
    server.stop().await;
    server.alter("UPDATE replica_changes SET copy = 65535 WHERE copy = ?", &["2"]).await;
    server.restart().await;
    server.post(&path, &json!({})).await.assert_refused_by(Api::V2, &refusal::TOO_MANY_REPLICAS);
}

#[tokio::test]
async fn replicas_that_cannot_come_or_go_are_refused() {
    let server = TestServer::start().await;
    let group = first_group(&server, CLUSTER).await;
    let path = replications("v2", CLUSTER, &group);
    let nodes = groups(&server, CLUSTER).await[0]["replication_list"].clone();
    let ids = each(&nodes, "node_id").iter().map(text).collect::<Vec<_>>();
    let remove = |node: &str| replication(CLUSTER, &group, node);
    server.delete(&remove(&ids[0])).await.assert_refused_by(Api::V2, &refusal::MASTER_NODE);
    server.delete(&remove(&ids[1])).await.assert_refused_by(Api::V2, &refusal::ONLY_REPLICA);
    for stranger in ["none", "00000000000000000000000000000000"] {
        server.delete(&remove(stranger)).await.assert_refused_by(Api::V2, &refusal::NOT_A_REPLICA);
    }
    let unknown = json!({"az_code": "eu-de-04"});
    server.post(&path, &unknown).await.assert_refused_by(Api::V2, &refusal::UNKNOWN_ZONE);
    for _ in 0..3 {
        assert_eq!(server.post(&path, &json!({})).await.status, 204);
    }
    server.post(&path, &json!({})).await.assert_refused_by(Api::V2, &refusal::TOO_MANY_REPLICAS);
    for (instance, refusal) in [
        (HA, &refusal::WRONG_STATE),
        (SINGLE, &refusal::WRONG_STATE),
        (PROXY, &refusal::WRONG_STATE),
        (UNKNOWN_INSTANCE, &refusal::INSTANCE_NOT_FOUND),
    ] {
        for (api, version) in [(Api::V1, "v1.0"), (Api::V2, "v2")] {
            let answer = server.post(&replications(version, instance, &group), &json!({})).await;
            answer.assert_refused_by(api, refusal);
        }
    }
    let elsewhere = replications("v2", CLUSTER, "00000000-0000-4000-8000-000000000000");
    let answer = server.post(&elsewhere, &json!({})).await;
    answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("group_id"));
}

#[tokio::test]
async fn addresses_of_clients_are_seen_or_not() {
    let mut server = TestServer::start().await;
    assert_eq!(server.shown(Api::V2, HA).await["transparent_client_ip_enable"], true);
    // To ask for what is so already is no mistake.
    for enabled in [false, false, true, false] {
        let body = json!({ "transparent_client_ip_enable": enabled });
        let answer = server.put(&of(CLIENT_IPS, HA), &body).await.ok();
        assert_eq!(answer, json!({"job_id": answer["job_id"]}));
        assert_eq!(text(&answer["job_id"]).len(), 32);
        let after = server.shown(Api::V2, HA).await;
        assert_eq!(
            (&after["transparent_client_ip_enable"], &after["status"]),
            (&json!(enabled), &json!("RUNNING"))
        );
    }
    server.restart().await;
    assert_eq!(server.shown(Api::V2, HA).await["transparent_client_ip_enable"], false);
    for body in [json!({}), json!({"transparent_client_ip_enable": null})] {
        let answer = server.put(&of(CLIENT_IPS, HA), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("transparent_client_ip_enable"));
    }
    let on = json!({"transparent_client_ip_enable": true});
    for old in [OLD_REDIS, MEMCACHED] {
        assert_eq!(server.shown(Api::V2, old).await["transparent_client_ip_enable"], false);
        let answer = server.put(&of(CLIENT_IPS, old), &on).await;
        answer.assert_refused_by(Api::V2, &refusal::CLIENT_IPS_UNSUPPORTED);
    }
    let (_, creating) = BY_STATUS[0];
    server.put(&of(CLIENT_IPS, creating), &on).await.assert_refused_by(Api::V2, &refusal::CREATING);
}
