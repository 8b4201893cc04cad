//! Public addresses and their bandwidths.

use serde_json::{Value, json};

use super::{Shape, assert_refused, elsewhere, put, subnet, v1, vpc};
use crate::support::seed::{HA, OLD_REDIS, PROJECT};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, of, refusal, text};

const ONE: &str = "/v1/{project_id}/publicips/{publicip_id}";
const ONE_V3: &str = "/v3/{project_id}/eip/publicips/{publicip_id}";
const BANDWIDTH: &str = "/v1/{project_id}/bandwidths/{bandwidth_id}";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1/{project_id}/publicips", an_address_is_made_shown_renamed_and_deleted),
    covered("GET", "/v1/{project_id}/publicips", an_address_is_made_shown_renamed_and_deleted),
    covered("GET", ONE, an_address_is_made_shown_renamed_and_deleted),
    covered("PUT", ONE, an_address_is_bound_and_unbound),
    covered("DELETE", ONE, an_address_is_made_shown_renamed_and_deleted),
    covered("GET", "/v3/{project_id}/eip/publicips", an_address_is_made_shown_renamed_and_deleted),
    covered("GET", ONE_V3, an_address_is_made_shown_renamed_and_deleted),
    covered("PUT", ONE_V3, an_address_is_made_shown_renamed_and_deleted),
    covered(
        "POST",
        "/v3/{project_id}/eip/publicips/{publicip_id}/associate-instance",
        an_address_is_bound_and_unbound,
    ),
    covered(
        "POST",
        "/v3/{project_id}/eip/publicips/{publicip_id}/disassociate-instance",
        an_address_is_bound_and_unbound,
    ),
    covered("GET", "/v1/{project_id}/bandwidths", a_bandwidth_changes_and_goes_with_its_address),
    covered("GET", BANDWIDTH, a_bandwidth_changes_and_goes_with_its_address),
    covered("PUT", BANDWIDTH, a_bandwidth_changes_and_goes_with_its_address),
    covered("GET", "/v2.0/{project_id}/publicips/{id}/tags", an_address_is_made_shown_renamed_and_deleted),
    covered(
        "POST",
        "/v2.0/{project_id}/publicips/{id}/tags/action",
        an_address_is_made_shown_renamed_and_deleted,
    ),
    covered("POST", "/v3/{project_id}/elb/loadbalancers", a_load_balancer_is_made_shown_changed_and_deleted),
    covered("GET", "/v3/{project_id}/elb/loadbalancers", a_load_balancer_is_made_shown_changed_and_deleted),
    covered(
        "GET",
        "/v3/{project_id}/elb/loadbalancers/{loadbalancer_id}",
        a_load_balancer_is_made_shown_changed_and_deleted,
    ),
    covered(
        "PUT",
        "/v3/{project_id}/elb/loadbalancers/{loadbalancer_id}",
        a_load_balancer_is_made_shown_changed_and_deleted,
    ),
    covered(
        "DELETE",
        "/v3/{project_id}/elb/loadbalancers/{loadbalancer_id}",
        a_load_balancer_is_made_shown_changed_and_deleted,
    ),
    covered(
        "DELETE",
        "/v3/{project_id}/elb/loadbalancers/{loadbalancer_id}/force-elb",
        an_instance_is_opened_by_the_load_balancer_of_its_project,
    ),
    covered(
        "GET",
        "/v3/{project_id}/elb/listeners",
        an_instance_is_opened_by_the_load_balancer_of_its_project,
    ),
    covered(
        "GET",
        "/v2.0/{project_id}/loadbalancers/{id}/tags",
        a_load_balancer_is_made_shown_changed_and_deleted,
    ),
    covered(
        "POST",
        "/v2.0/{project_id}/loadbalancers/{id}/tags/action",
        a_load_balancer_is_made_shown_changed_and_deleted,
    ),
];

fn eip(rest: &str) -> String {
    format!("/v3/{PROJECT}/eip/publicips{rest}")
}

fn elb(rest: &str) -> String {
    format!("/v3/{PROJECT}/elb/{rest}")
}

fn order() -> Value {
    json!({
        "publicip": {"type": "5_bgp", "alias": "out"},
        "bandwidth": {"name": "wide", "size": 5, "share_type": "PER", "charge_mode": "traffic"},
        "enterprise_project_id": "0",
    })
}

pub(super) async fn public_ip(server: &TestServer) -> Value {
    server.post(&v1("publicips"), &order()).await.ok()["publicip"].take()
}

pub(super) async fn load_balancer(server: &TestServer, members: &Value) -> Value {
    let mut body = json!({"name": "front", "availability_zone_list": ["eu-de-01"]});
    for (name, member) in members.as_object().expect("an object") {
        body[name] = member.clone();
    }
    let answer = server.post(&elb("loadbalancers"), &json!({"loadbalancer": body})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["loadbalancer"].take()
}

/// A load balancer in a VPC of its own, with the id of its subnet.
async fn in_subnet(server: &TestServer) -> (Value, String) {
    let vpc = vpc(server, "net", "10.1.0.0/16").await;
    let id = subnet(server, &vpc, "10.1.5.0/28").await;
    let below = server.get(&v1(&format!("subnets/{id}"))).await.ok()["subnet"]["neutron_subnet_id"].take();
    (load_balancer(server, &json!({"vip_subnet_cidr_id": below})).await, id)
}

async fn bind(server: &TestServer, id: &str, kind: &str, to: &str) -> Answer {
    let body = json!({"publicip": {"associate_instance_type": kind, "associate_instance_id": to}});
    server.post(&eip(&format!("/{id}/associate-instance")), &body).await
}

async fn unbind(server: &TestServer, id: &str) -> Answer {
    server.call("POST", &eip(&format!("/{id}/disassociate-instance"))).send().await
}

#[tokio::test]
async fn an_address_is_made_shown_renamed_and_deleted() {
    let mut server = TestServer::start().await;
    let made = public_ip(&server).await;
    let (id, address) = (text(&made["id"]), text(&made["public_ip_address"]));
    let expected = json!({
        "id": id, "alias": "out", "status": "DOWN", "type": "5_bgp", "public_ip_address": address, "public_border_group": "center",
        "tenant_id": PROJECT, "ip_version": 4, "create_time": "2020-03-02 06:15:04", "bandwidth_id": made["bandwidth_id"],
        "bandwidth_name": "wide", "bandwidth_size": 5, "bandwidth_share_type": "PER", "enterprise_project_id": "0", "tags": [],
        "allow_share_bandwidth_types": [],
    });
    assert_eq!(made, expected);
    assert!(address.starts_with("198.1"), "{address}");
    let tags = format!("/v2.0/{PROJECT}/publicips/{id}/tags");
    let action = json!({"action": "create", "tags": [{"key": "team", "value": "a"}]});
    server.post(&format!("{tags}/action"), &action).await.assert_no_content();
    assert_eq!(server.get(&tags).await.ok()["tags"], action["tags"]);
    server.restart().await;
    let one = v1(&format!("publicips/{id}"));
    assert_eq!(server.get(&one).await.ok()["publicip"]["tags"], json!(["team=a"]));
    let body = json!({"publicip": {"description": "of the cache", "alias": "other"}});
    let renamed = put(&server, &eip(&format!("/{id}")), &body).await.ok()["publicip"].take();
    assert_eq!((&renamed["alias"], &renamed["description"]), (&json!("other"), &json!("of the cache")));
    let shown = server.get(&eip(&format!("/{id}"))).await.ok()["publicip"].take();
    assert_eq!(shown, renamed);
    assert_eq!(
        (&shown["bandwidth"]["size"], &shown["vnic"], &shown["associate_instance_id"]),
        (&json!(5), &Value::Null, &Value::Null)
    );
    let other = public_ip(&server).await;
    assert_ne!(other["public_ip_address"], made["public_ip_address"]);
    let listed = server.get(&v1(&format!("publicips?public_ip_address={address}"))).await.ok();
    assert_eq!(each(&listed["publicips"], "id"), [id.as_str()]);
    let page = server.get(&eip("?limit=1")).await.ok();
    assert_eq!(each(&page["publicips"], "id"), [id.as_str()]);
    let rest = server.get(&eip(&format!("?marker={}", text(&page["page_info"]["next_marker"])))).await.ok();
    assert_eq!(each(&rest["publicips"], "id"), [text(&other["id"])]);
    server.delete(&one).await.assert_no_content();
    assert_refused(&server.get(&one).await, Shape::V1, 404, "VPC.0504");
    assert_refused(&server.get(&eip(&format!("/{id}"))).await, Shape::V3, 404, "VPC.0504");
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_no_address_can_be_is_refused() {
    let server = TestServer::start().await;
    let taken = text(&public_ip(&server).await["public_ip_address"]);
    for (part, member, value, status, code) in [
        ("publicip", "type", json!(null), 400, "VPC.0501"),
        ("publicip", "type", json!("a b"), 400, "VPC.0501"),
        ("publicip", "ip_address", json!(taken), 400, "VPC.0501"),
        ("publicip", "ip_address", json!("x"), 400, "VPC.0501"),
        ("publicip", "alias", json!("a".repeat(65)), 400, "VPC.0501"),
        ("bandwidth", "size", json!(0), 400, "VPC.0301"),
        ("bandwidth", "size", json!(1001), 400, "VPC.0301"),
        ("bandwidth", "size", json!(-1), 400, "VPC.0301"),
        ("bandwidth", "name", json!(null), 400, "VPC.0301"),
        ("bandwidth", "charge_mode", json!("free"), 400, "VPC.0301"),
        ("bandwidth", "share_type", json!("ALL"), 400, "VPC.0301"),
        ("bandwidth", "share_type", json!("WHOLE"), 404, "VPC.0306"),
    ] {
        let mut body = order();
        body[part][member] = value;
        assert_refused(&server.post(&v1("publicips"), &body).await, Shape::V1, status, code);
    }
    assert_eq!(server.get(&v1("publicips")).await.ok()["publicips"].as_array().unwrap().len(), 1);
    assert_eq!(server.get(&elsewhere("publicips")).await.ok()["publicips"], json!([]));
    let mut body = order();
    body["publicip"]["ip_address"] = json!("203.0.113.7");
    let wanted = server.post(&v1("publicips"), &body).await.ok();
    assert_eq!(wanted["publicip"]["public_ip_address"], "203.0.113.7");
}

#[tokio::test]
async fn a_bandwidth_changes_and_goes_with_its_address() {
    let server = TestServer::start().await;
    let made = public_ip(&server).await;
    let one = v1(&format!("bandwidths/{}", text(&made["bandwidth_id"])));
    let shown = server.get(&one).await.ok()["bandwidth"].take();
    assert_eq!(shown["publicip_info"][0]["publicip_id"], made["id"]);
    assert_eq!(
        (&shown["charge_mode"], &shown["status"], &shown["size"]),
        (&json!("traffic"), &json!("NORMAL"), &json!(5))
    );
    let body = json!({"bandwidth": {"size": 10, "name": "wider"}});
    let changed = put(&server, &one, &body).await.ok()["bandwidth"].take();
    assert_eq!((&changed["size"], &changed["name"]), (&json!(10), &json!("wider")));
    assert_eq!(server.get(&v1("bandwidths")).await.ok()["bandwidths"], json!([changed]));
    assert_refused(&put(&server, &one, &json!({"bandwidth": {"size": 0}})).await, Shape::V1, 400, "VPC.0301");
    let other = one.replace(PROJECT, crate::support::seed::OTHER_PROJECT);
    assert_refused(&server.get(&other).await, Shape::V1, 404, "VPC.0306");
    server.delete(&v1(&format!("publicips/{}", text(&made["id"])))).await.assert_no_content();
    assert_refused(&server.get(&one).await, Shape::V1, 404, "VPC.0306");
}

#[tokio::test]
async fn an_address_is_bound_and_unbound() {
    let server = TestServer::start().await;
    let (balancer, _) = in_subnet(&server).await;
    let (balancer, port) = (text(&balancer["id"]), text(&balancer["vip_port_id"]));
    let [id, other] = [public_ip(&server).await, public_ip(&server).await].map(|ip| text(&ip["id"]));
    let one = v1(&format!("publicips/{id}"));
    let bound = bind(&server, &id, "ELB", &balancer).await.ok()["publicip"].take();
    assert_eq!(
        (&bound["status"], &bound["associate_instance_type"], &bound["associate_instance_id"]),
        (&json!("ACTIVE"), &json!("ELB"), &json!(balancer))
    );
    assert_eq!(bound["vnic"]["private_ip_address"], "10.1.5.14");
    assert_eq!(server.get(&one).await.ok()["publicip"]["port_id"], Value::Null);
    assert_refused(&server.delete(&one).await, Shape::V1, 500, "VPC.0516");
    assert_refused(&bind(&server, &other, "ELB", &balancer).await, Shape::V3, 409, "VPC.0517");
    let gone = unbind(&server, &id).await.ok()["publicip"].take();
    assert_eq!((&gone["status"], &gone["associate_instance_id"]), (&json!("DOWN"), &Value::Null));
    assert_refused(&unbind(&server, &id).await, Shape::V3, 409, "EIP.7902");
    // The port of the load balancer is the load balancer; another port is one.
    let bound = put(&server, &one, &json!({"publicip": {"port_id": port}})).await.ok();
    assert_eq!(bound["publicip"]["private_ip_address"], "10.1.5.14");
    let empty = json!({"publicip": {}});
    assert_eq!(put(&server, &one, &empty).await.ok()["publicip"]["status"], "DOWN");
    assert_eq!(put(&server, &one, &empty).await.ok()["publicip"]["status"], "DOWN");
    let port = "33333333-3333-4333-8333-333333333333";
    let bound = put(&server, &one, &json!({"publicip": {"port_id": port}})).await.ok();
    assert_eq!(
        (&bound["publicip"]["port_id"], &bound["publicip"]["status"]),
        (&json!(port), &json!("ACTIVE"))
    );
    assert_refused(&server.delete(&one).await, Shape::V1, 409, "VPC.0517");
    for (kind, to, status, code) in
        [("ELB", port, 404, "ELB.8904"), ("NATGW", port, 400, "VPC.0501"), ("PORT", "x", 400, "VPC.0501")]
    {
        assert_refused(&bind(&server, &other, kind, to).await, Shape::V3, status, code);
    }
    let events = server
        .rows(
            "SELECT json_object('what', what, 'remark', remark) FROM audit WHERE what = 'public_ip' ORDER BY number",
        )
        .await;
    assert_eq!(each(&json!(events), "remark")[2..4], [json!("bound"), json!("unbound")]);
}

#[tokio::test]
async fn a_load_balancer_is_made_shown_changed_and_deleted() {
    let mut server = TestServer::start().await;
    let (made, subnet) = in_subnet(&server).await;
    let id = text(&made["id"]);
    let one = elb(&format!("loadbalancers/{id}"));
    assert_eq!(
        (&made["provisioning_status"], &made["vip_address"], &made["elb_virsubnet_ids"], &made["eips"]),
        (&json!("ACTIVE"), &json!("10.1.5.14"), &json!([subnet]), &json!([]))
    );
    server.restart().await;
    assert_eq!(server.get(&one).await.ok()["loadbalancer"], made);
    let page = server.get(&elb("loadbalancers?name=front")).await.ok();
    assert_eq!((&page["loadbalancers"], &page["page_info"]["current_count"]), (&json!([made]), &json!(1)));
    // Where it is stays while it is there.
    let vpc = text(&made["vpc_id"]);
    let in_use = server.delete(&v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await;
    assert_refused(&in_use, Shape::V1, 409, "VPC.0209");
    let body = json!({"loadbalancer": {"name": "other", "description": "of the cache"}});
    let changed = put(&server, &one, &body).await.ok()["loadbalancer"].take();
    assert_eq!((&changed["name"], &changed["vip_address"]), (&json!("other"), &json!("10.1.5.14")));
    let tags = format!("/v2.0/{PROJECT}/loadbalancers/{id}/tags");
    let action = json!({"action": "create", "tags": [{"key": "team", "value": "a"}]});
    server.post(&format!("{tags}/action"), &action).await.assert_no_content();
    assert_eq!(server.get(&tags).await.ok()["tags"], action["tags"]);
    // With an address of its own, which stays when it goes.
    let new = json!({"network_type": "5_bgp", "bandwidth": {"name": "w", "size": 5, "share_type": "PER"}});
    let second = load_balancer(&server, &json!({"vpc_id": vpc, "publicip": new})).await;
    let ip = text(&second["publicips"][0]["publicip_id"]);
    assert_eq!(second["eips"][0]["eip_id"], second["publicips"][0]["publicip_id"]);
    server.delete(&elb(&format!("loadbalancers/{}", text(&second["id"])))).await.assert_no_content();
    assert_eq!(server.get(&v1(&format!("publicips/{ip}"))).await.ok()["publicip"]["status"], "DOWN");
    server.delete(&one).await.assert_no_content();
    assert_refused(&server.get(&one).await, Shape::V3, 404, "ELB.8904");
    assert_refused(&server.delete(&one).await, Shape::V3, 404, "ELB.8904");
    server.delete(&v1(&format!("vpcs/{vpc}/subnets/{subnet}"))).await.assert_no_content();
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_no_load_balancer_can_be_is_refused() {
    let server = TestServer::start().await;
    let (made, _) = in_subnet(&server).await;
    let below = &made["vip_subnet_cidr_id"];
    let none = "33333333-3333-4333-8333-333333333333";
    let default = server.get(&v1("vpcs")).await.ok()["vpcs"][0]["id"].take();
    for (members, status, code) in [
        (json!({}), 400, "ELB.8902"),
        (json!({"vpc_id": none}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": none}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": below, "vpc_id": default}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": below, "vip_address": made["vip_address"]}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": below, "vip_address": "10.2.0.1"}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": below, "elb_virsubnet_ids": [none]}), 400, "ELB.8902"),
        (json!({"vip_subnet_cidr_id": below, "publicip_ids": [none]}), 404, "VPC.0504"),
        (json!({"vip_subnet_cidr_id": below, "name": "a".repeat(256)}), 400, "ELB.8902"),
    ] {
        let answer = server.post(&elb("loadbalancers"), &json!({"loadbalancer": members})).await;
        assert_refused(&answer, Shape::V3, status, code);
    }
    let answer = server.call("POST", &elb("loadbalancers")).body("[]").send().await;
    assert_refused(&answer, Shape::V3, 400, "ELB.8902");
    assert_eq!(server.get(&elb("loadbalancers")).await.ok()["page_info"]["current_count"], 1);
}

#[tokio::test]
async fn an_instance_is_opened_by_the_load_balancer_of_its_project() {
    let mut server = TestServer::start().await;
    let (balancer, _) = in_subnet(&server).await;
    let balancer = text(&balancer["id"]);
    let open =
        async |server: &TestServer| server.post(&of(HA, "public-ip"), &json!({"elb_id": balancer})).await;
    // It has no address yet.
    open(&server).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("elb_id"));
    let ip = public_ip(&server).await;
    let (ip_id, address) = (text(&ip["id"]), text(&ip["public_ip_address"]));
    bind(&server, &ip_id, "ELB", &balancer).await.ok();
    open(&server).await.ok();
    let shown = server.shown(Api::V2, HA).await;
    let public = &shown["publicip_info"];
    assert_eq!((&shown["publicip_id"], &shown["publicip_address"]), (&json!(ip_id), &json!(address)));
    assert_eq!((&public["eip_id"], &public["eip_address"]), (&json!(ip_id), &json!(address)));
    let listeners = server.get(&elb(&format!("listeners?loadbalancer_id={balancer}"))).await.ok();
    assert_eq!(listeners["listeners"][0]["id"], public["elb_listeners"][0]["id"]);
    assert_eq!(listeners["listeners"][0]["protocol_port"], public["elb_listeners"][0]["port"]);
    server.restart().await;
    let one = elb(&format!("loadbalancers/{balancer}"));
    let listed = server.get(&one).await.ok()["loadbalancer"]["listeners"].take();
    assert_eq!(each(&listed, "id"), each(&public["elb_listeners"], "id"));
    assert_refused(&server.delete(&one).await, Shape::V3, 409, "ELB.8907");
    server.delete(&of(HA, "public-ip")).await.ok();
    assert_eq!(server.get(&one).await.ok()["loadbalancer"]["listeners"], json!([]));
    open(&server).await.ok();
    server.delete(&format!("{one}/force-elb")).await.assert_no_content();
    assert_eq!(server.get(&v1(&format!("publicips/{ip_id}"))).await.ok()["publicip"]["status"], "DOWN");
    server.stop_soundly().await;
}

#[tokio::test]
async fn an_old_instance_is_opened_by_an_address_of_its_project() {
    let server = TestServer::start().await;
    let ip = public_ip(&server).await;
    let one = v1(&format!("publicips/{}", text(&ip["id"])));
    server.post(&of(OLD_REDIS, "public-ip"), &json!({"publicip_id": ip["id"]})).await.ok();
    assert_eq!(server.shown(Api::V2, OLD_REDIS).await["publicip_address"], ip["public_ip_address"]);
    let bound = server.get(&one).await.ok()["publicip"].take();
    assert_eq!((&bound["status"], &bound["port_id"]), (&json!("ACTIVE"), &json!(OLD_REDIS)));
    assert_refused(&server.delete(&one).await, Shape::V1, 409, "VPC.0517");
    server.delete(&of(OLD_REDIS, "public-ip")).await.ok();
    server.delete(&one).await.assert_no_content();
}

#[tokio::test]
async fn a_strict_network_opens_instances_by_what_there_is_only() {
    let server = TestServer::with(&[("network.mode", "strict")]).await;
    for (instance, member) in [(HA, "elb_id"), (OLD_REDIS, "publicip_id")] {
        let body = json!({ member: "33333333-3333-4333-8333-333333333333" });
        let refused = server.post(&of(instance, "public-ip"), &body).await;
        refused.assert_refused_by(Api::V2, &refusal::invalid_parameter(member));
    }
}

#[tokio::test]
async fn instances_and_load_balancers_share_the_addresses_of_a_subnet() {
    let server = TestServer::start().await;
    let (balancer, subnet) = in_subnet(&server).await;
    let instance = |members: &Value| {
        let mut body = json!({
            "name": "cache", "engine": "Redis", "engine_version": "5.0", "capacity": 2, "vpc_id": balancer["vpc_id"],
            "subnet_id": subnet, "spec_code": "redis.single.xu1.large.2", "az_codes": ["eu-de-01"], "no_password_access": true,
        });
        for (name, member) in members.as_object().expect("an object") {
            body[name] = member.clone();
        }
        body
    };
    let path = Api::V2.instances(PROJECT);
    let taken = server.post(&path, &instance(&json!({"private_ip": balancer["vip_address"]}))).await;
    taken.assert_refused_by(Api::V2, &refusal::invalid_parameter("private_ip"));
    server.post(&path, &instance(&json!({"private_ip": "10.1.5.13"}))).await.ok();
    let second = load_balancer(&server, &json!({"vip_subnet_cidr_id": balancer["vip_subnet_cidr_id"]})).await;
    assert_eq!(second["vip_address"], "10.1.5.12");
}

#[tokio::test]
async fn a_seed_has_addresses_and_load_balancers_and_an_export_shows_them() {
    let server = TestServer::start().await;
    let (balancer, _) = in_subnet(&server).await;
    let ip = public_ip(&server).await;
    bind(&server, &text(&ip["id"]), "ELB", &text(&balancer["id"])).await.ok();
    server.post(&of(HA, "public-ip"), &json!({"elb_id": balancer["id"]})).await.ok();
    let all = async |server: &TestServer| {
        let mut shown = Vec::new();
        for path in [v1("publicips"), elb("loadbalancers"), v1("bandwidths"), elb("listeners")] {
            let mut answer = server.get(&path).await.ok();
            answer["request_id"].take();
            shown.push(answer);
        }
        shown
    };
    let before = all(&server).await;
    let export = server.call("GET", "/_emulator/export").send().await.ok();
    let other = TestServer::seeded(&export.to_string(), &[]).await;
    assert_eq!(all(&other).await, before);
    assert_eq!(
        other.shown(Api::V2, HA).await["publicip_info"],
        server.shown(Api::V2, HA).await["publicip_info"]
    );
}
