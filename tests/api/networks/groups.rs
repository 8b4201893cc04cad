//! Security groups and their rules: one set of them behind three versions.

use serde_json::{Value, json};

use super::{Shape, assert_refused, put, v1, v2, v3};
use crate::support::identity::users;
use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::{Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1/{project_id}/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v1/{project_id}/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v1/{project_id}/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("DELETE", "/v1/{project_id}/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("POST", "/v2.0/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v2.0/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v2.0/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("PUT", "/v2.0/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("DELETE", "/v2.0/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("POST", "/v3/{project_id}/vpc/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v3/{project_id}/vpc/security-groups", a_group_is_the_same_in_all_versions),
    covered("GET", "/v3/{project_id}/vpc/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("PUT", "/v3/{project_id}/vpc/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("DELETE", "/v3/{project_id}/vpc/security-groups/{group_id}", a_group_is_the_same_in_all_versions),
    covered("GET", "/v2.0/{project_id}/security-groups/{id}/tags", a_group_has_tags),
    covered("POST", "/v2.0/{project_id}/security-groups/{id}/tags/action", a_group_has_tags),
    covered("POST", "/v1/{project_id}/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v1/{project_id}/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v1/{project_id}/security-group-rules/{rule_id}", a_rule_is_the_same_in_all_versions),
    covered("DELETE", "/v1/{project_id}/security-group-rules/{rule_id}", a_rule_is_the_same_in_all_versions),
    covered("POST", "/v2.0/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v2.0/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v2.0/security-group-rules/{rule_id}", a_rule_is_the_same_in_all_versions),
    covered("DELETE", "/v2.0/security-group-rules/{rule_id}", a_rule_is_the_same_in_all_versions),
    covered("POST", "/v3/{project_id}/vpc/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v3/{project_id}/vpc/security-group-rules", a_rule_is_the_same_in_all_versions),
    covered("GET", "/v3/{project_id}/vpc/security-group-rules/{rule_id}", a_rule_is_the_same_in_all_versions),
    covered(
        "DELETE",
        "/v3/{project_id}/vpc/security-group-rules/{rule_id}",
        a_rule_is_the_same_in_all_versions,
    ),
];

fn group(name: &str) -> Value {
    json!({"security_group": {"name": name}})
}

fn created(answer: &crate::support::Answer) -> Value {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_group_is_the_same_in_all_versions() {
    let server = TestServer::start().await;
    let first = server.post(&v1("security-groups"), &group("one")).await.ok()["security_group"].take();
    let second =
        created(&v2(&server, "POST", "security-groups", Some(&group("one"))).await)["security_group"].take();
    let third = created(&server.post(&v3("security-groups"), &group("three")).await)["security_group"].take();
    for made in [&first, &second, &third] {
        assert_eq!(made["security_group_rules"].as_array().unwrap().len(), 4);
        let id = text(&made["id"]);
        let of_v1 = server.get(&v1(&format!("security-groups/{id}"))).await.ok()["security_group"].take();
        let of_v2 =
            v2(&server, "GET", &format!("security-groups/{id}"), None).await.ok()["security_group"].take();
        let of_v3 = server.get(&v3(&format!("security-groups/{id}"))).await.ok()["security_group"].take();
        for shown in [&of_v1, &of_v2, &of_v3] {
            assert_eq!(each(&shown["security_group_rules"], "id"), each(&made["security_group_rules"], "id"));
            assert_eq!((&shown["id"], &shown["name"]), (&made["id"], &made["name"]));
        }
    }
    let ids = [&first, &second, &third].map(|made| text(&made["id"]));
    let names = each(&server.get(&v1("security-groups")).await.ok()["security_groups"], "name");
    assert_eq!(names, ["default", "one", "one", "three"]);
    let found = v2(&server, "GET", "security-groups?name=one", None).await.ok()["security_groups"].take();
    assert_eq!(each(&found, "id"), [ids[0].as_str(), &ids[1]]);
    let page = server.get(&v3("security-groups?limit=3")).await.ok();
    assert_eq!(page["page_info"]["next_marker"], ids[1]);
    assert!(page["security_groups"][0]["security_group_rules"].is_null());
    let rest = server.get(&v3(&format!("security-groups?marker={}", ids[1]))).await.ok();
    assert_eq!(each(&rest["security_groups"], "id"), [ids[2].as_str()]);
    // Clients ask on until a page is empty.
    let none = server.get(&v3(&format!("security-groups?marker={}", ids[2]))).await.ok();
    assert_eq!((&none["security_groups"], &none["page_info"]["current_count"]), (&json!([]), &json!(0)));
    let change = json!({"security_group": {"name": "one", "description": "changed"}});
    let changed = put(&server, &v3(&format!("security-groups/{}", ids[0])), &change).await.ok();
    assert_eq!(changed["security_group"]["description"], "changed");
    let change = json!({"security_group": {"name": "renamed"}});
    let changed = v2(&server, "PUT", &format!("security-groups/{}", ids[0]), Some(&change)).await.ok();
    assert_eq!(changed["security_group"]["description"], "changed");
    server.delete(&v1(&format!("security-groups/{}", ids[0]))).await.assert_no_content();
    v2(&server, "DELETE", &format!("security-groups/{}", ids[1]), None).await.assert_no_content();
    server.delete(&v3(&format!("security-groups/{}", ids[2]))).await.assert_no_content();
    for id in &ids {
        let path = format!("security-groups/{id}");
        assert_refused(&server.get(&v1(&path)).await, Shape::V1, 404, "VPC.0603");
        assert_refused(&v2(&server, "GET", &path, None).await, Shape::Neutron, 404, "SecurityGroupNotFound");
        assert_refused(&server.get(&v3(&path)).await, Shape::V3, 404, "VPC.9904");
    }
}

#[tokio::test]
async fn a_rule_is_the_same_in_all_versions() {
    let server = TestServer::start().await;
    let id = text(&server.post(&v1("security-groups"), &group("g")).await.ok()["security_group"]["id"]);
    let rule = |members: Value| {
        let mut rule = json!({"security_group_id": id, "direction": "ingress", "protocol": "tcp"});
        for (name, value) in members.as_object().unwrap() {
            rule[name] = value.clone();
        }
        json!({"security_group_rule": rule})
    };
    let order = rule(json!({"port_range_min": 80, "port_range_max": 90, "remote_ip_prefix": "10.0.0.0/8"}));
    let first = server.post(&v1("security-group-rules"), &order).await.ok()["security_group_rule"].take();
    let order = rule(
        json!({"port_range_min": 6379, "port_range_max": 6379, "ethertype": "IPv4", "remote_group_id": id}),
    );
    let second =
        created(&v2(&server, "POST", "security-group-rules", Some(&order)).await)["security_group_rule"]
            .take();
    let order = rule(
        json!({"multiport": "22,3389", "remote_ip_prefix": "10.0.0.1", "action": "deny", "priority": 5}),
    );
    let third =
        created(&server.post(&v3("security-group-rules"), &order).await)["security_group_rule"].take();
    let order = rule(json!({"protocol": "icmp", "port_range_min": 0, "port_range_max": 0}));
    let ping =
        created(&v2(&server, "POST", "security-group-rules", Some(&order)).await)["security_group_rule"]
            .take();
    for (made, min, max, multiport, prefix) in [
        (&first, json!(80), json!(90), json!("80-90"), json!("10.0.0.0/8")),
        (&second, json!(6379), json!(6379), json!("6379"), Value::Null),
        (&third, Value::Null, Value::Null, json!("22,3389"), json!("10.0.0.1/32")),
        (&ping, json!(0), json!(0), json!("0"), Value::Null),
    ] {
        let path = format!("security-group-rules/{}", text(&made["id"]));
        let of_v1 = server.get(&v1(&path)).await.ok()["security_group_rule"].take();
        let of_v2 = v2(&server, "GET", &path, None).await.ok()["security_group_rule"].take();
        let of_v3 = server.get(&v3(&path)).await.ok()["security_group_rule"].take();
        for shown in [&of_v1, &of_v2] {
            assert_eq!((&shown["port_range_min"], &shown["port_range_max"]), (&min, &max));
            assert_eq!(shown["remote_ip_prefix"], prefix);
        }
        assert_eq!((&of_v3["multiport"], &of_v3["remote_ip_prefix"]), (&multiport, &prefix));
    }
    let shown = server.get(&v3(&format!("security-group-rules/{}", text(&third["id"])))).await.ok();
    let shown = &shown["security_group_rule"];
    assert_eq!((&shown["action"], &shown["priority"]), (&json!("deny"), &json!(5)));
    // A rule that is not given a priority goes first.
    let shown = server.get(&v3(&format!("security-group-rules/{}", text(&first["id"])))).await.ok();
    assert_eq!(shown["security_group_rule"]["priority"], 1);
    let of_group = format!("security-group-rules?security_group_id={id}");
    for listed in [
        server.get(&v1(&of_group)).await.ok(),
        v2(&server, "GET", &of_group, None).await.ok(),
        server.get(&v3(&of_group)).await.ok(),
    ] {
        assert_eq!(listed["security_group_rules"].as_array().unwrap().len(), 8);
    }
    let of_udp = v2(&server, "GET", &format!("{of_group}&protocol=icmp"), None).await.ok();
    assert_eq!(each(&of_udp["security_group_rules"], "id"), [text(&ping["id"])]);
    server.delete(&v1(&format!("security-group-rules/{}", text(&first["id"])))).await.assert_no_content();
    let path = format!("security-group-rules/{}", text(&second["id"]));
    v2(&server, "DELETE", &path, None).await.assert_no_content();
    assert_refused(
        &v2(&server, "DELETE", &path, None).await,
        Shape::Neutron,
        404,
        "SecurityGroupRuleNotFound",
    );
    server.delete(&v3(&format!("security-group-rules/{}", text(&third["id"])))).await.assert_no_content();
}

#[tokio::test]
async fn what_no_rule_can_be_is_refused() {
    let server = TestServer::start().await;
    let id = text(&server.post(&v1("security-groups"), &group("g")).await.ok()["security_group"]["id"]);
    let rule = |member: &str, value: Value| {
        let mut rule = json!({"security_group_id": id, "direction": "ingress", "protocol": "tcp", "port_range_min": 1,
                              "port_range_max": 2});
        rule[member] = value;
        json!({"security_group_rule": rule})
    };
    let made =
        created(&v2(&server, "POST", "security-group-rules", Some(&rule("ethertype", json!("IPv4")))).await);
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (body, status, kind) in [
        (rule("ethertype", json!("IPv4")), 409, "SecurityGroupRuleExists"),
        (rule("security_group_id", json!(unknown)), 404, "SecurityGroupNotFound"),
        (rule("remote_group_id", json!(unknown)), 404, "SecurityGroupNotFound"),
        (rule("direction", json!("in")), 400, "InvalidInput"),
        (rule("ethertype", json!("IPX")), 400, "InvalidInput"),
        (rule("protocol", json!("sctp")), 400, "InvalidInput"),
        (rule("port_range_min", json!(3)), 400, "InvalidInput"),
        (rule("port_range_min", json!(0)), 400, "InvalidInput"),
        (rule("port_range_max", json!(70_000)), 400, "InvalidInput"),
        (rule("remote_ip_prefix", json!("10.0.0.0/33")), 400, "InvalidInput"),
        (rule("remote_ip_prefix", json!("::/0")), 400, "InvalidInput"),
    ] {
        let answer = v2(&server, "POST", "security-group-rules", Some(&body)).await;
        assert_refused(&answer, Shape::Neutron, status, kind);
    }
    let again = server.post(&v1("security-group-rules"), &rule("ethertype", json!("IPv4"))).await;
    assert_refused(&again, Shape::Neutron, 409, "SecurityGroupRuleExists");
    assert!(
        again.json()["NeutronError"]["message"]
            .as_str()
            .unwrap()
            .contains(&text(&made["security_group_rule"]["id"]))
    );
    let again = server.post(&v3("security-group-rules"), &rule("ethertype", json!("IPv4"))).await;
    assert_refused(&again, Shape::V3, 409, "VPC.9902");
    let both = json!({"security_group_rule": {"security_group_id": id, "direction": "ingress", "remote_group_id": id,
                                              "remote_ip_prefix": "10.0.0.0/8"}});
    assert_refused(&server.post(&v3("security-group-rules"), &both).await, Shape::V3, 400, "VPC.9902");
}

#[tokio::test]
async fn the_default_group_stays_and_so_does_one_that_others_name() {
    let server = TestServer::start().await;
    let groups =
        v2(&server, "GET", "security-groups?name=default", None).await.ok()["security_groups"].take();
    let default = text(&groups[0]["id"]);
    let path = format!("security-groups/{default}");
    let kind = "SecurityGroupCannotRemoveDefault";
    assert_refused(&server.delete(&v1(&path)).await, Shape::Neutron, 409, kind);
    assert_refused(&v2(&server, "DELETE", &path, None).await, Shape::Neutron, 409, kind);
    assert_refused(&server.delete(&v3(&path)).await, Shape::V3, 409, "VPC.9902");
    let answer = v2(&server, "POST", "security-groups", Some(&group("default"))).await;
    assert_refused(&answer, Shape::Neutron, 400, "InvalidInput");
    let named = text(&server.post(&v1("security-groups"), &group("g")).await.ok()["security_group"]["id"]);
    let rule = json!({"security_group_rule": {"security_group_id": default, "direction": "egress", "remote_group_id": named}});
    let rule = text(&server.post(&v1("security-group-rules"), &rule).await.ok()["security_group_rule"]["id"]);
    let path = v1(&format!("security-groups/{named}"));
    assert_refused(&server.delete(&path).await, Shape::Neutron, 409, "SecurityGroupInUse");
    server.delete(&v1(&format!("security-group-rules/{rule}"))).await.assert_no_content();
    server.delete(&path).await.assert_no_content();
}

#[tokio::test]
async fn a_group_has_tags() {
    let server = TestServer::start().await;
    let order = json!({"security_group": {"name": "g", "tags": [{"key": "a", "value": "1"}]}});
    let id = text(&created(&server.post(&v3("security-groups"), &order).await)["security_group"]["id"]);
    let tags = format!("/v2.0/{PROJECT}/security-groups/{id}/tags");
    let body = json!({"action": "create", "tags": [{"key": "b", "value": "2"}]});
    server.post(&format!("{tags}/action"), &body).await.assert_no_content();
    let both = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    assert_eq!(server.get(&tags).await.ok(), json!({"tags": both}));
}

#[tokio::test]
async fn who_may_only_read_changes_no_network() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let token = server.token_of("reader", PROJECT).await;
    let listed = server.call("GET", &v1("vpcs")).header("x-auth-token", &token).send().await;
    assert_eq!(each(&listed.ok()["vpcs"], "name"), ["vpc-default"]);
    let body = json!({"vpc": {"name": "a", "cidr": "10.0.0.0/8"}});
    let refused = server.call("POST", &v1("vpcs")).header("x-auth-token", &token).json(&body).send().await;
    assert_refused(&refused, Shape::V1, 403, "VPC.2701");
    assert_refused(&server.get(&v1("vpcs")).await, Shape::V1, 401, "VPC.0008");
    let nobody = v2(&server, "GET", "security-groups", None).await;
    assert_refused(&nobody, Shape::Neutron, 401, "NotAuthenticated");
    // A path without a project is about that of the token.
    let groups = server.call("GET", "/v2.0/security-groups").header("x-auth-token", &token).send().await;
    assert_eq!(each(&groups.ok()["security_groups"], "tenant_id"), [PROJECT]);
    let other = server.call("GET", &super::elsewhere("vpcs")).header("x-auth-token", &token).send().await;
    assert_refused(&other, Shape::V1, 400, "VPC.0007");
}

#[tokio::test]
async fn pages_of_the_second_version_lead_to_the_next() {
    let server = TestServer::start().await;
    for name in ["a", "b"] {
        created(&v2(&server, "POST", "security-groups", Some(&group(name))).await);
    }
    let mut found = Vec::new();
    let mut next = Some("security-groups?limit=2".to_owned());
    while let Some(rest) = next {
        let page = v2(&server, "GET", &rest, None).await.ok();
        found.extend(each(&page["security_groups"], "name"));
        let link = page["security_groups_links"][0]["href"].as_str();
        next = link.map(|href| href.split_once("/v2.0/").unwrap().1.to_owned());
    }
    found.sort_by_key(text);
    assert_eq!(found, ["a", "b", "default"]);
    let unknown = v2(&server, "GET", "security-groups?marker=none", None).await;
    assert_refused(&unknown, Shape::Neutron, 400, "InvalidInput");
}

#[tokio::test]
async fn the_second_version_is_less_strict_with_names_and_knows_no_priorities() {
    let server = TestServer::start().await;
    for name in ["my group", "", &"a".repeat(100)] {
        created(&v2(&server, "POST", "security-groups", Some(&group(name))).await);
        assert_refused(
            &server.post(&v1("security-groups"), &group(&format!("{name} "))).await,
            Shape::V1,
            400,
            "VPC.0601",
        );
    }
    let id = text(
        &created(&v2(&server, "POST", "security-groups", Some(&group("g"))).await)["security_group"]["id"],
    );
    let rule = |members: Value| {
        let mut rule = json!({"security_group_id": id, "direction": "egress"});
        for (name, value) in members.as_object().unwrap() {
            rule[name] = value.clone();
        }
        json!({"security_group_rule": rule})
    };
    // Every group has it, with another priority.
    let again = v2(&server, "POST", "security-group-rules", Some(&rule(json!({"ethertype": "IPv4"})))).await;
    assert_refused(&again, Shape::Neutron, 409, "SecurityGroupRuleExists");
    created(&server.post(&v3("security-group-rules"), &rule(json!({"priority": 2}))).await);
    // A client sends zeros for a protocol without ports.
    let zeros = rule(json!({"protocol": "112", "port_range_min": 0, "port_range_max": 0}));
    created(&v2(&server, "POST", "security-group-rules", Some(&zeros)).await);
    let zero = rule(json!({"protocol": "tcp", "multiport": "0,80"}));
    assert_refused(&server.post(&v3("security-group-rules"), &zero).await, Shape::V3, 400, "VPC.9902");
}

#[tokio::test]
async fn a_token_says_which_project_a_path_without_one_is_about_whatever_the_mode() {
    for mode in ["off", "lenient"] {
        let server = TestServer::seeded(&users(), &[("auth", mode)]).await;
        let token = server.token_of("bob", OTHER_PROJECT).await;
        let call = server.call("POST", "/v2.0/security-groups").header("x-auth-token", &token);
        let made = created(&call.json(&group("g")).send().await);
        assert_eq!(made["security_group"]["tenant_id"], OTHER_PROJECT, "{mode}");
        let fault = json!({"match": {"operation": "list_security_groups", "project_id": OTHER_PROJECT}, "effect": {"status": 500}});
        server.post("/_emulator/faults", &fault).await.ok();
        let call = server.call("GET", "/v2.0/security-groups").header("x-auth-token", &token);
        assert_eq!(call.send().await.status, 500, "{mode}");
        let calls = server.get(&format!("/_emulator/requests?project_id={OTHER_PROJECT}")).await.ok();
        assert_eq!(calls["requests"].as_array().unwrap().len(), 2, "{calls}");
    }
}
