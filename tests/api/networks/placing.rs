//! Instances in what their project has: addresses, names, and what is refused.

use serde_json::{Value, json};

use super::{Shape, assert_refused, put, subnet, v1, vpc};
use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::{Answer, Api, Refusal, TestServer, refusal, text};

const NO_SUCH_GROUP: Refusal =
    Refusal { legacy: "111400046", ..refusal::other("DCS.4046", "This security group does not exist.") };
const OTHER_VPC: Refusal =
    Refusal { legacy: "111400018", ..refusal::other("DCS.4018", "This subnet must exist in the VPC.") };
const NO_DHCP: Refusal =
    Refusal { legacy: "111400020", ..refusal::other("DCS.4020", "DHCP must be enabled for this subnet.") };

fn order(name: &str, vpc: &str, subnet: &str) -> Value {
    json!({
        "name": name, "engine": "Redis", "engine_version": "5.0", "capacity": 2, "no_password_access": true, "vpc_id": vpc,
        "subnet_id": subnet, "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01", "eu-de-02"],
    })
}

async fn make(server: &TestServer, order: &Value) -> Answer {
    server.post(&Api::V2.instances(PROJECT), order).await
}

async fn made(server: &TestServer, order: &Value) -> String {
    text(&make(server, order).await.ok()["instances"][0]["instance_id"])
}

#[tokio::test]
async fn an_instance_has_an_address_of_its_subnet_and_the_names_that_things_have_now() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let subnet = subnet(&server, &vpc, "10.1.5.0/28").await;
    let first = made(&server, &order("first", &vpc, &subnet)).await;
    let second = made(&server, &order("second", &vpc, &subnet.to_uppercase())).await;
    for (id, ip) in [(&first, "10.1.5.2"), (&second, "10.1.5.3")] {
        let shown = server.shown(Api::V2, id).await;
        assert_eq!(shown["ip"], ip);
        assert_eq!((&shown["vpc_name"], &shown["subnet_name"]), (&json!("net"), &json!("s")));
        assert_eq!(shown["subnet_cidr"], "10.1.5.0/28");
    }
    put(&server, &v1(&format!("vpcs/{vpc}")), &json!({"vpc": {"name": "renamed"}})).await.ok();
    let listed = server.get(&Api::V1.instances(PROJECT)).await.ok()["instances"].take();
    let listed = listed.as_array().unwrap().iter().find(|row| row["instance_id"] == first).unwrap().clone();
    assert_eq!(listed["vpc_name"], "renamed");
    // In use until the last instance is gone.
    let path = v1(&format!("vpcs/{vpc}/subnets/{subnet}"));
    for id in [first, second] {
        assert_refused(&server.delete(&path).await, Shape::V1, 409, "VPC.0209");
        server.delete(&Api::V2.instance(&id)).await.assert_no_content();
    }
    server.delete(&path).await.assert_no_content();
    server.delete(&v1(&format!("vpcs/{vpc}"))).await.assert_no_content();
}

#[tokio::test]
async fn a_subnet_that_is_full_takes_no_instance_more() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let subnet = subnet(&server, &vpc, "10.1.5.0/28").await;
    for number in 0..13 {
        made(&server, &order(&format!("made-{number}"), &vpc, &subnet)).await;
    }
    make(&server, &order("one-more", &vpc, &subnet))
        .await
        .assert_refused_by(Api::V2, &refusal::INVALID_SUBNET);
}

#[tokio::test]
async fn an_address_that_is_asked_for_is_one_of_the_subnet() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let subnet = subnet(&server, &vpc, "10.1.5.0/24").await;
    for (ip, is_taken) in
        [("10.1.5.9", true), ("10.1.5.1", false), ("10.1.5.255", false), ("10.1.6.9", false)]
    {
        let mut order = order(&format!("at-{}", ip.replace('.', "-")), &vpc, &subnet);
        order["private_ip"] = json!(ip);
        let answer = make(&server, &order).await;
        if is_taken {
            assert_eq!(
                server.shown(Api::V2, &text(&answer.ok()["instances"][0]["instance_id"])).await["ip"],
                ip
            );
        } else {
            answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("private_ip"));
        }
    }
}

#[tokio::test]
async fn ids_of_nothing_are_taken_unless_it_is_strict() {
    let mut server = TestServer::start().await;
    let vpc_id = vpc(&server, "net", "10.1.0.0/16").await;
    let subnet_id = subnet(&server, &vpc_id, "10.1.5.0/24").await;
    let other = vpc(&server, "other", "10.2.0.0/16").await;
    made(&server, &order("of-nothing", "v", "s")).await;
    make(&server, &order("a-vpc-apart", &other, &subnet_id)).await.assert_refused_by(Api::V2, &OTHER_VPC);
    server.set(&[("network.mode", "strict")]);
    server.restart().await;
    made(&server, &order("of-something", &vpc_id, &subnet_id)).await;
    make(&server, &order("no-vpc", "v", &subnet_id)).await.assert_refused_by(Api::V2, &refusal::INVALID_VPC);
    make(&server, &order("no-subnet", &vpc_id, "s"))
        .await
        .assert_refused_by(Api::V2, &refusal::INVALID_SUBNET);
    // What another project has is nothing here.
    let elsewhere =
        server.post(&Api::V2.instances(OTHER_PROJECT), &order("elsewhere", &vpc_id, &subnet_id)).await;
    elsewhere.assert_refused_by(Api::V2, &refusal::INVALID_VPC);
    let mut old = order("of-old", &vpc_id, &subnet_id);
    old["engine_version"] = json!("3.0");
    old["spec_code"] = json!("dcs.master_standby");
    old["security_group_id"] = json!("none");
    let answer = server.post(&Api::V1.instances(PROJECT), &old).await;
    answer.assert_refused_by(Api::V1, &NO_SUCH_GROUP);
    let change = json!({"subnet": {"dhcp_enable": false}});
    put(&server, &v1(&format!("vpcs/{vpc_id}/subnets/{subnet_id}")), &change).await.ok();
    make(&server, &order("no-dhcp", &vpc_id, &subnet_id)).await.assert_refused_by(Api::V2, &NO_DHCP);
}

#[tokio::test]
async fn subnets_of_two_vpcs_may_have_the_same_range() {
    let server = TestServer::start().await;
    for name in ["one", "other"] {
        let vpc = vpc(&server, name, "10.1.0.0/16").await;
        let subnet = subnet(&server, &vpc, "10.1.5.0/28").await;
        let id = made(&server, &order(&format!("in-{name}"), &vpc, &subnet)).await;
        assert_eq!(server.shown(Api::V2, &id).await["ip"], "10.1.5.2");
    }
}

#[tokio::test]
async fn an_instance_moves_only_to_a_subnet_that_can_be() {
    let server = TestServer::start().await;
    let [one, other] = [vpc(&server, "one", "10.1.0.0/16").await, vpc(&server, "other", "10.2.0.0/16").await];
    let subnet = subnet(&server, &one, "10.1.5.0/24").await;
    let id = made(&server, &order("moving", "v", "s")).await;
    let path = format!("{}/resources/subnet", Api::V2.instance(&id));
    let body = json!({"action": "switch", "vpc_id": other, "subnet_id": subnet});
    server.post(&path, &body).await.assert_refused_by(Api::V2, &OTHER_VPC);
}
