//! Networks in seeds and exports.

use serde_json::json;

use super::{everything, subnet, v1, vpc};
use crate::support::seed::{HA, PROJECT};
use crate::support::{TestServer, each};

const VPC: &str = "11111111-1111-4111-8111-111111111111";

fn seed(networks: &str) -> String {
    format!("projects:\n  - id: {PROJECT}\n    networks:\n{networks}")
}

fn vpc_entry(id: &str, name: &str) -> String {
    format!("      - {{kind: vpc, id: {id}, name: {name}, cidr: 10.1.0.0/16}}\n")
}

fn subnet_entry(cidr: &str) -> String {
    let gateway = format!("{}.1", cidr.rsplit_once('.').expect("a range").0);
    format!(
        "      - {{kind: subnet, id: 22222222-2222-4222-8222-222222222222, vpc_id: {VPC}, name: inner, cidr: {cidr}, \
         gateway_ip: {gateway}, neutron_subnet_id: 22222222-2222-4222-8222-222222222223}}\n"
    )
}

#[tokio::test]
async fn a_seed_adds_to_what_a_project_begins_with() {
    let seed = seed(&(vpc_entry(VPC, "seeded") + &subnet_entry("10.1.5.0/24")));
    let server = TestServer::seeded(&seed, &[]).await;
    assert_eq!(each(&server.get(&v1("vpcs")).await.ok()["vpcs"], "name"), ["vpc-default", "seeded"]);
    assert_eq!(each(&server.get(&v1("subnets")).await.ok()["subnets"], "name"), ["subnet-default", "inner"]);
    // It is there already, and differs.
    let other = seed.replace("name: seeded", "name: other");
    let call = server.call("POST", "/_emulator/seed");
    let report = call.body(other.as_str()).send().await.ok();
    assert_eq!(report["differences"], json!([format!("vpc {VPC} was there already and stays as it is")]));
    let call = server.call("POST", "/_emulator/seed?overwrite=true");
    let report = call.body(other.as_str()).send().await.ok();
    assert_eq!(report["differences"], json!([]));
    assert_eq!(each(&server.get(&v1("vpcs")).await.ok()["vpcs"], "name"), ["vpc-default", "other"]);
}

#[tokio::test]
async fn an_export_brings_the_whole_network_to_another_server() {
    let server = TestServer::start().await;
    let id = vpc(&server, "net", "10.1.0.0/16").await;
    subnet(&server, &id, "10.1.5.0/24").await;
    let group = server.post(&v1("security-groups"), &json!({"security_group": {"name": "g"}})).await.ok();
    let rule = json!({"security_group_rule": {
        "security_group_id": group["security_group"]["id"], "direction": "ingress", "protocol": "tcp", "port_range_min": 6379,
        "port_range_max": 6379, "remote_ip_prefix": "10.0.0.0/8",
    }});
    server.post(&v1("security-group-rules"), &rule).await.ok();
    // Seeded instances are in what the project began with.
    let subnets = server.get(&v1("subnets")).await.ok()["subnets"].take();
    let [vpc, subnet] = ["vpc_id", "id"].map(|name| subnets[0][name].as_str().unwrap().to_owned());
    let in_use = server.delete(&v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await;
    super::assert_refused(&in_use, super::Shape::V1, 409, "VPC.0209");
    let before = everything(&server).await;
    let export = server.call("GET", "/_emulator/export").send().await.ok();
    let other = TestServer::seeded(&export.to_string(), &[]).await;
    assert_eq!(everything(&other).await, before);
}

#[tokio::test]
async fn what_cannot_be_in_a_network_is_refused_with_its_place() {
    let server = TestServer::start().await;
    let second = "11111111-1111-4111-8111-111111111112";
    for (networks, problem) in [
        (vpc_entry(VPC, "a") + &vpc_entry(second, "a"), "another VPC has the name"),
        (vpc_entry(VPC, "a") + &vpc_entry(VPC, "b"), "something else in the network has the id"),
        (vpc_entry(VPC, "a") + &subnet_entry("10.2.5.0/24"), "lies outside of that of the VPC"),
        (vpc_entry(second, "a") + &subnet_entry("10.1.5.0/24"), "there is no such vpc"),
    ] {
        let call = server.call("POST", "/_emulator/seed");
        let answer = call.body(seed(&networks)).send().await;
        let body = answer.json().to_string();
        assert_eq!(answer.status, 400, "{body}");
        assert!(body.contains(problem) && body.contains("networks[1]"), "{body}");
    }
}

#[tokio::test]
async fn a_seed_whose_network_cannot_be_changes_nothing() {
    let server = TestServer::start().await;
    let backup = server.create_backup(HA).await;
    vpc(&server, "net", "10.1.0.0/16").await;
    let before = everything(&server).await;
    let seed =
        seed(&vpc_entry(VPC, "net")) + &format!("    instances:\n      - {{id: {HA}, cache_mode: ha}}\n");
    let answer = server.call("POST", "/_emulator/seed?overwrite=true").body(seed.as_str()).send().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("another VPC has the name"), "{}", answer.text());
    assert_eq!(server.listed_ids(HA, "").await, [backup]);
    assert_eq!(everything(&server).await, before);
}

#[tokio::test]
async fn names_go_from_one_to_the_other_by_a_seed_that_overwrites() {
    let second = "11111111-1111-4111-8111-111111111112";
    let both = |one: &str, other: &str| seed(&(vpc_entry(VPC, one) + &vpc_entry(second, other)));
    let server = TestServer::seeded(&both("a", "b"), &[]).await;
    let seed = both("b", "a");
    let report = server.call("POST", "/_emulator/seed?overwrite=true").body(seed.as_str()).send().await;
    assert_eq!(report.ok()["differences"], json!([]));
    assert_eq!(each(&server.get(&v1("vpcs")).await.ok()["vpcs"], "name"), ["vpc-default", "b", "a"]);
}
