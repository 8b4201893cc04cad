//! Subnets, and what the network service below has of them.

use serde_json::{Value, json};

use super::{Shape, assert_refused, put, subnet, v1, v2, vpc};
use crate::support::seed::PROJECT;
use crate::support::{Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1/{project_id}/subnets", a_subnet_is_made_shown_changed_and_deleted),
    covered("GET", "/v1/{project_id}/subnets", a_subnet_is_made_shown_changed_and_deleted),
    covered("GET", "/v1/{project_id}/subnets/{subnet_id}", a_subnet_is_made_shown_changed_and_deleted),
    covered(
        "PUT",
        "/v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}",
        a_subnet_is_made_shown_changed_and_deleted,
    ),
    covered(
        "DELETE",
        "/v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}",
        a_subnet_is_made_shown_changed_and_deleted,
    ),
    covered("GET", "/v2.0/{project_id}/subnets/{id}/tags", a_subnet_has_tags),
    covered("POST", "/v2.0/{project_id}/subnets/{id}/tags/action", a_subnet_has_tags),
    covered("GET", "/v2.0/networks", every_subnet_is_a_network_below),
    covered("GET", "/v2.0/networks/{network_id}", every_subnet_is_a_network_below),
    covered("GET", "/v2.0/subnets", every_subnet_is_a_network_below),
    covered("GET", "/v2.0/subnets/{subnet_id}", every_subnet_is_a_network_below),
    covered("GET", "/v2.0/ports", every_subnet_is_a_network_below),
    covered("GET", "/v1/{project_id}/ports", every_subnet_is_a_network_below),
    covered("GET", "/v2.1/{project_id}/os-availability-zone", zones_are_those_of_instances),
    covered("GET", "/v2/{project_id}/os-availability-zone", zones_are_those_of_instances),
    covered("GET", "/v3/{project_id}/os-availability-zone", zones_are_those_of_instances),
    covered("GET", "/v2/nameservers", a_region_has_name_servers),
];

#[tokio::test]
async fn a_subnet_is_made_shown_changed_and_deleted() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let order = json!({"subnet": {
        "name": "inner", "vpc_id": vpc, "cidr": "10.1.5.0/24", "gateway_ip": "10.1.5.1", "primary_dns": "100.125.4.25",
        "secondary_dns": "100.125.129.199", "extra_dhcp_opts": [{"opt_name": "ntp", "opt_value": "10.100.0.33"}],
    }});
    let made = server.post(&v1("subnets"), &order).await.ok()["subnet"].take();
    let id = text(&made["id"]);
    let expected = json!({
        "id": id, "name": "inner", "description": "", "cidr": "10.1.5.0/24", "dnsList": ["100.125.4.25", "100.125.129.199"],
        "status": "ACTIVE", "vpc_id": vpc, "gateway_ip": "10.1.5.1", "ipv6_enable": false, "dhcp_enable": true,
        "primary_dns": "100.125.4.25", "secondary_dns": "100.125.129.199", "availability_zone": "", "neutron_network_id": id,
        "neutron_subnet_id": made["neutron_subnet_id"],
        "extra_dhcp_opts": [{"opt_name": "ntp", "opt_value": "10.100.0.33"}], "scope": "center", "tenant_id": PROJECT,
        "created_at": "2020-03-02T06:15:04", "updated_at": "2020-03-02T06:15:04",
    });
    assert_eq!(made, expected);
    assert_ne!(made["neutron_subnet_id"], made["id"]);
    assert_eq!(server.get(&v1(&format!("subnets/{id}"))).await.ok()["subnet"], expected);
    let listed = server.get(&v1(&format!("subnets?vpc_id={vpc}"))).await.ok();
    assert_eq!(listed["subnets"], json!([expected]));
    let one = v1(&format!("vpcs/{vpc}/subnets/{id}"));
    let change = json!({"subnet": {
        "name": "renamed", "dhcp_enable": false, "ipv6_enable": true, "dnsList": ["1.1.1.1", "8.8.8.8", "9.9.9.9"],
        "extra_dhcp_opts": [{"opt_name": "ntp", "opt_value": null}],
    }});
    let changed = put(&server, &one, &change).await.ok()["subnet"].take();
    for (member, value) in [
        ("name", json!("renamed")),
        ("dhcp_enable", json!(false)),
        ("primary_dns", json!("1.1.1.1")),
        ("extra_dhcp_opts", json!([])),
    ] {
        assert_eq!(changed[member], value, "{member}");
    }
    assert!(text(&changed["cidr_v6"]).ends_with("::/64"), "{changed}");
    server.delete(&one).await.assert_no_content();
    assert_refused(&server.get(&v1(&format!("subnets/{id}"))).await, Shape::V1, 404, "VPC.0202");
    server.delete(&v1(&format!("vpcs/{vpc}"))).await.assert_no_content();
}

#[tokio::test]
async fn what_no_subnet_can_be_is_refused() {
    let server = TestServer::start().await;
    let [one, other] = [vpc(&server, "one", "10.1.0.0/16").await, vpc(&server, "other", "10.2.0.0/16").await];
    let id = subnet(&server, &one, "10.1.5.0/24").await;
    let order = |member: &str, value: Value| {
        let mut order = json!({"name": "s", "vpc_id": one, "cidr": "10.1.6.0/24", "gateway_ip": "10.1.6.1"});
        order[member] = value;
        json!({"subnet": order})
    };
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (body, status, code) in [
        (order("vpc_id", json!(unknown)), 404, "VPC.0003"),
        (order("vpc_id", json!("v")), 404, "VPC.0003"),
        (order("name", json!("")), 400, "VPC.0201"),
        (order("cidr", json!("10.1.6.0/29")), 400, "VPC.0212"),
        (order("cidr", json!("10.1.6.5/24")), 400, "VPC.0212"),
        (order("gateway_ip", json!("10.1.7.1")), 400, "VPC.0201"),
        (order("primary_dns", json!("none")), 400, "VPC.0201"),
        (order("vpc_id", json!(other)), 400, "VPC.0203"),
        (
            json!({"subnet": {"name": "s", "vpc_id": one, "cidr": "10.1.4.0/22", "gateway_ip": "10.1.4.1"}}),
            400,
            "VPC.0204",
        ),
    ] {
        assert_refused(&server.post(&v1("subnets"), &body).await, Shape::V1, status, code);
    }
    let elsewhere = v1(&format!("vpcs/{other}/subnets/{id}"));
    assert_refused(
        &put(&server, &elsewhere, &json!({"subnet": {"name": "s"}})).await,
        Shape::V1,
        400,
        "VPC.0207",
    );
    assert_refused(&server.delete(&elsewhere).await, Shape::V1, 400, "VPC.0207");
}

#[tokio::test]
async fn a_subnet_has_tags() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let tags = format!("/v2.0/{PROJECT}/subnets/{}/tags", subnet(&server, &vpc, "10.1.5.0/24").await);
    let body = json!({"action": "create", "tags": [{"key": "a", "value": ""}]});
    server.post(&format!("{tags}/action"), &body).await.assert_no_content();
    assert_eq!(server.get(&tags).await.ok(), json!({"tags": [{"key": "a", "value": ""}]}));
}

#[tokio::test]
async fn every_subnet_is_a_network_below() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let id = subnet(&server, &vpc, "10.1.5.0/28").await;
    let below = text(&server.get(&v1(&format!("subnets/{id}"))).await.ok()["subnet"]["neutron_subnet_id"]);
    let networks = v2(&server, "GET", "networks?status=ACTIVE", None).await.ok()["networks"].take();
    let mut names = each(&networks, "name");
    names.sort_by_key(text);
    assert_eq!(names, ["admin_external_net", "s", "subnet-default"]);
    let own = networks.as_array().unwrap().iter().find(|network| network["id"] == id).unwrap();
    let listed =
        v2(&server, "GET", &format!("networks?status=ACTIVE&id={id}"), None).await.ok()["networks"].take();
    assert_eq!(listed, json!([own]));
    assert_eq!(listed[0]["subnets"], json!([below]));
    let external = v2(&server, "GET", "networks?router%3Aexternal=true", None).await.ok()["networks"].take();
    assert_eq!(each(&external, "name"), ["admin_external_net"]);
    assert_eq!(v2(&server, "GET", &format!("networks/{id}"), None).await.ok()["network"], listed[0]);
    let shown = v2(&server, "GET", &format!("subnets/{below}"), None).await.ok()["subnet"].take();
    assert_eq!(shown["network_id"], id);
    assert_eq!(shown["allocation_pools"], json!([{"start": "10.1.5.2", "end": "10.1.5.14"}]));
    let of_network = v2(&server, "GET", &format!("subnets?network_id={id}"), None).await.ok();
    assert_eq!(of_network["subnets"], json!([shown]));
    assert_refused(&v2(&server, "GET", "networks/none", None).await, Shape::Neutron, 404, "NetworkNotFound");
    assert_eq!(v2(&server, "GET", "ports", None).await.ok(), json!({"ports": []}));
    assert_eq!(server.get(&v1("ports")).await.ok(), json!({"ports": []}));
}

#[tokio::test]
async fn zones_are_those_of_instances() {
    let server = TestServer::start().await;
    let own = server.get("/v2/available-zones").await.ok()["available_zones"].take();
    for version in ["v2.1", "v2", "v3"] {
        let zones = server.get(&format!("/{version}/{PROJECT}/os-availability-zone")).await.ok();
        let names = each(&zones["availabilityZoneInfo"], "zoneName");
        assert_eq!(names, each(&own, "code"), "{version}");
        assert_eq!(zones["availabilityZoneInfo"][0]["zoneState"], json!({"available": true}));
    }
}

#[tokio::test]
async fn a_region_has_name_servers() {
    let server = TestServer::start().await;
    let servers = server.get("/v2/nameservers?region=eu-de").await.ok()["nameservers"].take();
    assert_eq!((&servers[0]["type"], &servers[0]["region"]), (&json!("private"), &json!("eu-de")));
    assert_eq!(each(&servers[0]["ns_records"], "address"), ["100.125.4.25", "100.125.129.199"]);
}

#[tokio::test]
async fn one_name_server_is_changed_without_the_other() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.1.0.0/16").await;
    let one = v1(&format!("vpcs/{vpc}/subnets/{}", subnet(&server, &vpc, "10.1.5.0/24").await));
    let both = json!({"subnet": {"primary_dns": "8.8.8.8", "secondary_dns": "1.1.1.1"}});
    assert_eq!(put(&server, &one, &both).await.ok()["subnet"]["dnsList"], json!(["8.8.8.8", "1.1.1.1"]));
    let second = json!({"subnet": {"name": "s", "secondary_dns": "9.9.9.9"}});
    assert_eq!(put(&server, &one, &second).await.ok()["subnet"]["dnsList"], json!(["8.8.8.8", "9.9.9.9"]));
}

#[tokio::test]
async fn the_widest_subnet_is_listed_like_any_other() {
    let server = TestServer::start().await;
    let vpc = vpc(&server, "net", "10.0.0.0/8").await;
    subnet(&server, &vpc, "10.0.0.0/8").await;
    let listed = v2(&server, "GET", "subnets?cidr=10.0.0.0/8", None).await.ok()["subnets"].take();
    assert_eq!(listed[0]["allocation_pools"], json!([{"start": "10.0.0.2", "end": "10.255.255.254"}]));
    let vpc = super::vpc(&server, "any", "").await;
    let all =
        json!({"subnet": {"name": "all", "vpc_id": vpc, "cidr": "0.0.0.0/0", "gateway_ip": "10.0.0.1"}});
    assert_refused(&server.post(&v1("subnets"), &all).await, Shape::V1, 400, "VPC.0212");
}
