//! Enterprise projects (wire contract of the networks, section 6): of an account, and what its projects have in them.

use serde_json::{Value, json};

use super::public_ips::{load_balancer, public_ip};
use super::{Shape, assert_refused, put, v1, v3, vpc};
use crate::support::identity::{ALICE, BOB, DOMAIN, PASSWORD, READER, USER, login, scoped, token_in, users};
use crate::support::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, UNKNOWN_INSTANCE};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Covered, TestServer, covered, each, is_uuid, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", LIST, one_is_made_shown_changed_disabled_and_deleted),
    covered("POST", LIST, one_is_made_shown_changed_disabled_and_deleted),
    covered("GET", ONE, one_is_made_shown_changed_disabled_and_deleted),
    covered("PUT", ONE, one_is_made_shown_changed_disabled_and_deleted),
    covered("DELETE", ONE, one_is_made_shown_changed_disabled_and_deleted),
    covered(
        "POST",
        "/v1.0/enterprise-projects/{enterprise_project_id}/action",
        one_is_made_shown_changed_disabled_and_deleted,
    ),
    covered(
        "POST",
        "/v1.0/enterprise-projects/{enterprise_project_id}/resources-migrate",
        resources_are_moved_and_listed,
    ),
    covered(
        "POST",
        "/v1.0/enterprise-projects/{enterprise_project_id}/resources/filter",
        resources_are_moved_and_listed,
    ),
];

const LIST: &str = "/v1.0/enterprise-projects";
const ONE: &str = "/v1.0/enterprise-projects/{enterprise_project_id}";
const SHAPE: Shape = Shape::EnterpriseProjects;
const UNKNOWN: &str = "5aa119a8-0000-4000-8000-000000000000";
const SEEDED: &str = "5aa119a8-d25b-45a7-8d1b-88e127885635";

fn one(id: &str) -> String {
    format!("{LIST}/{id}")
}

async fn make(server: &TestServer, name: &str) -> String {
    let made = server.post(LIST, &json!({"name": name, "description": ""})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    text(&made.json()["enterprise_project"]["id"])
}

async fn act(server: &TestServer, id: &str, action: &str) -> Answer {
    server.post(&format!("{}/action", one(id)), &json!({ "action": action })).await
}

async fn migrate(server: &TestServer, target: &str, kind: &str, id: &str) -> Answer {
    let body = json!({"resource_type": kind, "resource_id": id, "project_id": PROJECT, "region_id": "eu-de", "associated": false});
    server.post(&format!("{}/resources-migrate", one(target)), &body).await
}

/// The ids of what is in one, as a client looks for what it has migrated.
async fn resources(server: &TestServer, id: &str, kinds: &[&str]) -> Vec<Value> {
    let body = json!({"resource_types": kinds, "projects": [PROJECT], "offset": 0, "limit": 1000});
    let page = server.post(&format!("{}/resources/filter", one(id)), &body).await.ok();
    each(&page["resources"], "resource_id")
}

#[tokio::test]
async fn every_account_has_the_default_one() {
    let server = TestServer::start().await;
    let default = json!({
        "id": "0", "name": "default", "description": "", "type": "prod", "status": 1, "delete_flag": false,
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
    });
    let listed = server.get(LIST).await.ok();
    assert_eq!(listed, json!({"enterprise_projects": [default], "total_count": 1}));
    assert_eq!(server.get(&one("0")).await.ok()["enterprise_project"], default);
    let named = put(&server, &one("0"), &json!({"name": "a", "description": ""})).await;
    assert_refused(&named, SHAPE, 400, "EPS.0012");
    for action in ["disable", "enable"] {
        assert_refused(&act(&server, "0", action).await, SHAPE, 400, "EPS.0015");
    }
    assert_refused(&server.delete(&one("0")).await, SHAPE, 400, "EPS.0015");
}

#[tokio::test]
async fn one_is_made_shown_changed_disabled_and_deleted() {
    let server = TestServer::start().await;
    let body = json!({"name": "ep1", "description": "first", "type": "poc"});
    let made = server.post(LIST, &body).await;
    let made = (made.status, made.json()["enterprise_project"].take());
    let id = text(&made.1["id"]);
    assert!(is_uuid(&id));
    let expected = json!({
        "id": id, "name": "ep1", "description": "first", "type": "poc", "status": 1, "delete_flag": false,
        "created_at": "2020-03-02T06:15:04Z", "updated_at": "2020-03-02T06:15:04Z",
    });
    assert_eq!(made, (201, expected.clone()));
    assert_eq!(server.get(&one(&id)).await.ok()["enterprise_project"], expected);
    server.advance_ms(5_000);
    let changed = put(&server, &one(&id), &json!({"name": "ep1-b", "description": ""})).await.ok();
    let changed = &changed["enterprise_project"];
    assert_eq!((&changed["name"], &changed["type"]), (&json!("ep1-b"), &json!("poc")));
    assert_eq!(
        (&changed["description"], &changed["updated_at"]),
        (&json!(""), &json!("2020-03-02T06:15:09Z"))
    );
    assert_refused(&server.delete(&one(&id)).await, SHAPE, 400, "EPS.0002");
    act(&server, &id, "disable").await.assert_no_content();
    act(&server, &id, "disable").await.assert_no_content();
    assert_eq!(server.get(&one(&id)).await.ok()["enterprise_project"]["status"], 2);
    let refused = put(&server, &one(&id), &json!({"name": "ep1-c"})).await;
    assert_refused(&refused, SHAPE, 400, "EPS.0014");
    act(&server, &id, "enable").await.assert_no_content();
    assert_eq!(server.get(LIST).await.ok()["enterprise_projects"][0]["status"], 1);
    act(&server, &id, "disable").await.assert_no_content();
    server.delete(&one(&id)).await.assert_no_content();
    for gone in
        [server.get(&one(&id)).await, server.delete(&one(&id)).await, act(&server, &id, "enable").await]
    {
        assert_refused(&gone, SHAPE, 404, "EPS.0005");
    }
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let id = make(&server, "taken").await;
    for (body, status, code) in [
        (json!({"name": "taken"}), 409, "EPS.0010"),
        (json!({"name": "my-Default"}), 400, "EPS.0007"),
        (json!({"name": "a/b"}), 400, "EPS.0007"),
        (json!({"description": "unnamed"}), 400, "EPS.0007"),
        (json!({"name": "a", "description": "d".repeat(513)}), 400, "EPS.0008"),
        (json!({"name": "a", "type": "test"}), 400, "EPS.0002"),
        (json!([]), 400, "EPS.0002"),
    ] {
        assert_refused(&server.post(LIST, &body).await, SHAPE, status, code);
    }
    let other = make(&server, "other").await;
    let renamed = put(&server, &one(&other), &json!({"name": "taken"})).await;
    assert_refused(&renamed, SHAPE, 409, "EPS.0010");
    assert_refused(&act(&server, &id, "delete").await, SHAPE, 400, "EPS.0013");
    for (query, code) in [
        ("limit=0", "EPS.0017"),
        ("limit=1001", "EPS.0017"),
        ("limit=a", "EPS.0017"),
        ("offset=-1", "EPS.0018"),
        ("status=3", "EPS.0002"),
        ("type=none", "EPS.0002"),
        ("sort_key=name", "EPS.0002"),
        ("sort_dir=up", "EPS.0002"),
    ] {
        assert_refused(&server.get(&format!("{LIST}?{query}")).await, SHAPE, 400, code);
    }
    assert_refused(&server.get(&one("1")).await, SHAPE, 404, "EPS.0005");
    assert_refused(&server.get(&one("0/none")).await, SHAPE, 404, "EPS.0005");
    let calls = server.get("/_emulator/requests?error_code=EPS.0010").await.ok()["requests"].take();
    assert_eq!(each(&calls, "operation"), ["create_enterprise_project", "update_enterprise_project"]);
    for number in 0..98 {
        make(&server, &format!("ep-{number}")).await;
    }
    assert_refused(&server.post(LIST, &json!({"name": "one-more"})).await, SHAPE, 400, "EPS.0009");
}

#[tokio::test]
async fn their_service_has_hosts_of_a_region_and_of_none() {
    let server = TestServer::start().await;
    for (host, status) in [
        ("eps.myhuaweicloud.com", 200),
        ("eps.eu-west-101.myhuaweicloud.eu", 200),
        ("127.0.0.1:8637", 200),
        ("dcs.eu-de.otc.t-systems.com", 404),
    ] {
        assert_eq!(server.call("GET", LIST).header("host", host).send().await.status, status, "{host}");
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut_into_pages() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for name in ["ep-a", "ep-b", "other"] {
        server.advance_ms(1_000);
        ids.push(make(&server, name).await);
    }
    server.advance_ms(1_000);
    act(&server, &ids[0], "disable").await.assert_no_content();
    for (query, names) in [
        ("", &["other", "ep-b", "ep-a", "default"][..]),
        ("?sort_dir=asc", &["default", "ep-a", "ep-b", "other"]),
        ("?sort_key=updated_at", &["ep-a", "other", "ep-b", "default"]),
        ("?name=EP-", &["ep-b", "ep-a"]),
        ("?status=2", &["ep-a"]),
        ("?type=poc", &[]),
        ("?id=0", &["default"]),
        ("?offset=1&limit=2", &["ep-b", "ep-a"]),
        ("?offset=9", &[]),
    ] {
        let listed = server.get(&format!("{LIST}{query}")).await.ok();
        assert_eq!(each(&listed["enterprise_projects"], "name"), names, "{query}");
    }
    assert_eq!(server.get(&format!("{LIST}?limit=1")).await.ok()["total_count"], 4);
}

#[tokio::test]
async fn resources_are_moved_and_listed() {
    let server = TestServer::start().await;
    let id = make(&server, "ep1").await;
    let net = vpc(&server, "net", "10.1.0.0/16").await;
    let group = server.post(&v1("security-groups"), &json!({"security_group": {"name": "g"}})).await.ok();
    let group = text(&group["security_group"]["id"]);
    let path = Api::V2.instance(HA);
    assert_eq!(server.get(&path).await.ok()["enterprise_project_name"], "default");
    for (kind, resource) in [("dcs", HA), ("vpcs", &net), ("security-groups", &group)] {
        migrate(&server, &id, kind, resource).await.assert_no_content();
        assert_eq!(resources(&server, &id, &[kind]).await, [resource]);
    }
    let shown = server.get(&path).await.ok();
    let names = [&shown["enterprise_project_id"], &shown["enterprise_project_name"]];
    assert_eq!(names, [&json!(id), &json!("ep1")]);
    let listed = server.get(&Api::V1.instances(PROJECT)).await.ok()["instances"].take();
    let listed = listed.as_array().unwrap().iter().find(|instance| instance["instance_id"] == HA).unwrap();
    assert_eq!(listed["enterprise_project_name"], "ep1");
    assert_eq!(server.get(&v1(&format!("vpcs/{net}"))).await.ok()["vpc"]["enterprise_project_id"], json!(id));
    let shown = server.get(&v3(&format!("security-groups/{group}"))).await.ok();
    assert_eq!(shown["security_group"]["enterprise_project_id"], json!(id));
    let filter = format!("{}/resources/filter", one(&id));
    let body = json!({"resource_types": ["dcs", "ecs"], "projects": [PROJECT]});
    let row = json!({
        "project_id": PROJECT, "project_name": "eu-de", "resource_type": "dcs", "resource_id": HA, "resource_name": "dcs-ha",
        "resource_detail": null, "enterprise_project_id": id,
    });
    let expected = json!({"resources": [row], "errors": [], "total_count": 1});
    assert_eq!(server.post(&filter, &body).await.ok(), expected);
    // All kinds of all projects, a page at a time.
    let page = server.post(&filter, &json!({"offset": 1, "limit": 1})).await.ok();
    assert_eq!(
        (each(&page["resources"], "resource_id"), &page["total_count"]),
        (vec![json!(net)], &json!(3))
    );
    assert_eq!(resources(&server, &id, &["dcs"]).await.len(), 1);
    let elsewhere = server.post(&filter, &json!({"projects": [OTHER_PROJECT]})).await.ok();
    assert_eq!(elsewhere["total_count"], 0);
    for (body, code) in [(json!({"limit": 0}), "EPS.0017"), (json!({"offset": -1}), "EPS.0018")] {
        assert_refused(&server.post(&filter, &body).await, SHAPE, 400, code);
    }
    let missing = server.post(&format!("{}/resources/filter", one(UNKNOWN)), &json!({})).await;
    assert_refused(&missing, SHAPE, 404, "EPS.0005");
    // What something is in cannot be deleted: clients come back until nothing is.
    act(&server, &id, "disable").await.assert_no_content();
    assert_refused(&server.delete(&one(&id)).await, SHAPE, 400, "EPS.0086");
    for (kind, resource) in [("dcs", HA), ("vpcs", &net), ("security-groups", &group)] {
        migrate(&server, "0", kind, resource).await.assert_no_content();
    }
    assert!(resources(&server, "0", &["dcs"]).await.contains(&json!(HA)));
    assert_eq!(server.get(&path).await.ok()["enterprise_project_name"], "default");
    server.delete(&one(&id)).await.assert_no_content();
    server.stop_soundly().await;
}

#[tokio::test]
async fn public_addresses_and_load_balancers_are_moved_too() {
    let server = TestServer::start().await;
    let id = make(&server, "ep1").await;
    let subnets = server.get(&v1("subnets")).await.ok()["subnets"].take();
    let address = text(&public_ip(&server).await["id"]);
    let place = json!({"vip_subnet_cidr_id": subnets[0]["neutron_subnet_id"]});
    let front = text(&load_balancer(&server, &place).await["id"]);
    for (kind, resource) in [("eip", &address), ("loadbalancers", &front)] {
        migrate(&server, &id, kind, resource).await.assert_no_content();
        assert_eq!(resources(&server, &id, &[kind]).await, [resource.as_str()]);
    }
    let shown = server.get(&v1(&format!("publicips/{address}"))).await.ok();
    assert_eq!(shown["publicip"]["enterprise_project_id"], json!(id));
    let shown = server.get(&format!("/v3/{PROJECT}/elb/loadbalancers/{front}")).await.ok();
    assert_eq!(shown["loadbalancer"]["enterprise_project_id"], json!(id));
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused() {
    let server = TestServer::start().await;
    let [id, disabled] = [make(&server, "ep1").await, make(&server, "ep2").await];
    act(&server, &disabled, "disable").await.assert_no_content();
    let subnets = server.get(&v1("subnets")).await.ok()["subnets"].take();
    let subnet = text(&subnets[0]["id"]);
    for (target, kind, resource, status, code) in [
        (id.as_str(), "dcs", UNKNOWN_INSTANCE, 400, "EPS.0031"),
        (&id, "dcs", OTHERS_HA, 400, "EPS.0031"),
        (&id, "dcs", "none", 400, "EPS.0031"),
        (&id, "vpcs", HA, 400, "EPS.0031"),
        (&id, "subnets", &subnet, 400, "EPS.0031"),
        (&id, "ecs", HA, 400, "EPS.0031"),
        (UNKNOWN, "dcs", HA, 404, "EPS.0005"),
        ("none", "dcs", HA, 404, "EPS.0005"),
        (&disabled, "dcs", HA, 400, "EPS.0034"),
    ] {
        assert_refused(&migrate(&server, target, kind, resource).await, SHAPE, status, code);
    }
    // Ids of enterprise projects that there are not are taken elsewhere, and so are those of disabled ones.
    for other in [UNKNOWN, &disabled] {
        let body = json!({"vpc": {"name": "", "enterprise_project_id": other}});
        let made = server.post(&v1("vpcs"), &body).await.ok();
        assert_eq!(made["vpc"]["enterprise_project_id"], other);
    }
}

#[tokio::test]
async fn they_stay_through_restarts_resets_of_projects_and_snapshots() {
    let mut server = TestServer::start().await;
    let id = make(&server, "ep1").await;
    migrate(&server, &id, "dcs", HA).await.assert_no_content();
    let before = server.get(LIST).await.ok();
    server.restart().await;
    assert_eq!(server.get(LIST).await.ok(), before);
    assert_eq!(resources(&server, &id, &["dcs"]).await, [HA]);
    server.call("PUT", "/_emulator/snapshots/full").send().await.ok();
    server.post("/_emulator/reset", &json!({"project_id": PROJECT})).await.ok();
    assert_eq!(server.get(LIST).await.ok(), before);
    act(&server, &id, "disable").await.assert_no_content();
    server.post("/_emulator/reset", &json!({})).await.ok();
    assert_eq!(server.get(LIST).await.ok()["total_count"], 1);
    server.call("POST", "/_emulator/snapshots/full/restore").send().await.ok();
    assert_eq!(server.get(LIST).await.ok(), before);
    server.stop_soundly().await;
}

#[tokio::test]
async fn the_audit_of_the_callers_project_tells_of_every_change() {
    let server = TestServer::start().await;
    let ask = |method: &str, path: &str, body: Value| {
        server.call(method, path).header("x-project-id", PROJECT).json(&body).send()
    };
    let id = text(&ask("POST", LIST, json!({"name": "ep1"})).await.json()["enterprise_project"]["id"]);
    ask("PUT", &one(&id), json!({"name": "ep2"})).await.ok();
    migrate(&server, &id, "dcs", HA).await.assert_no_content();
    migrate(&server, &id, "dcs", HA).await.assert_no_content();
    migrate(&server, "0", "dcs", HA).await.assert_no_content();
    let path = format!("{}/action", one(&id));
    ask("POST", &path, json!({"action": "disable"})).await.assert_no_content();
    ask("POST", &path, json!({"action": "disable"})).await.assert_no_content();
    ask("DELETE", &one(&id), json!({})).await.assert_no_content();
    let events = server.rows("SELECT json_array(what, name, id, from_status, to_status, remark) FROM audit WHERE who <> 'seed' ORDER BY number").await;
    let event = |name: &str, from: &str, to: &str, remark: Value| {
        json!(["enterprise_project", name, id, from, to, remark])
    };
    let moved = |target: &str| {
        json!([
            "instance",
            "dcs-ha",
            HA,
            "RUNNING",
            "RUNNING",
            format!("moved to the enterprise project {target}")
        ])
    };
    let expected = [
        event("ep1", "none", "ACTIVE", Value::Null),
        event("ep2", "ACTIVE", "ACTIVE", json!("changed")),
        moved(&id),
        moved("0"),
        event("ep2", "ACTIVE", "ACTIVE", json!("disabled")),
        event("ep2", "ACTIVE", "gone", Value::Null),
    ];
    assert_eq!(events, expected);
    server.stop_soundly().await;
}

#[tokio::test]
async fn another_account_has_others() {
    let server = TestServer::start().await;
    let of_domain = scoped(login(USER, DOMAIN, PASSWORD), json!({"domain": {"name": DOMAIN}}));
    let own = token_in(&server.log_in(&of_domain).await);
    let ask = |token: &str, method: &str, path: &str| server.call(method, path).header("x-auth-token", token);
    let role = json!({"domain_name": "elsewhere", "agency_name": "ops"});
    let assume = json!({"auth": {
        "identity": {"methods": ["assume_role"], "assume_role": role}, "scope": {"domain": {"name": "elsewhere"}},
    }});
    let other = token_in(&ask(&own, "POST", "/v3/auth/tokens").json(&assume).send().await);
    let body = json!({"name": "ep1"});
    let [mine, theirs] = [&own, &other].map(|token| ask(token, "POST", LIST).json(&body).send());
    let [mine, theirs] = [mine.await, theirs.await];
    assert_eq!((mine.status, theirs.status), (201, 201), "the name is free in each");
    let [mine, theirs] = [mine, theirs].map(|made| text(&made.json()["enterprise_project"]["id"]));
    for (token, has, has_not) in [(&own, &mine, &theirs), (&other, &theirs, &mine)] {
        let listed = ask(token, "GET", LIST).send().await.ok();
        assert_eq!(each(&listed["enterprise_projects"], "id"), [has, "0"]);
        assert_refused(&ask(token, "GET", &one(has_not)).send().await, SHAPE, 404, "EPS.0005");
        assert_refused(&ask(token, "DELETE", &one(has_not)).send().await, SHAPE, 404, "EPS.0005");
        let body = json!({"resource_type": "dcs", "resource_id": HA, "project_id": PROJECT});
        let path = format!("{}/resources-migrate", one(has_not));
        assert_refused(&ask(token, "POST", &path).json(&body).send().await, SHAPE, 404, "EPS.0005");
    }
    // Who sends nothing is of the domain.
    assert_eq!(each(&server.get(LIST).await.ok()["enterprise_projects"], "id"), [&mine, "0"]);
    // Seeds and exports are of the domain.
    let export = server.get("/_emulator/export").await.ok();
    assert_eq!(each(&export["enterprise_projects"], "id"), [mine.as_str()]);
}

#[tokio::test]
async fn strict_servers_ask_who_calls() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    assert_refused(&server.get(LIST).await, SHAPE, 401, "EPS.0003");
    let body = json!({"name": "ep1"}).to_string();
    let made = server.signed(Form::Access, ALICE, "POST", LIST, body.as_bytes()).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = text(&made.json()["enterprise_project"]["id"]);
    // All users of an account see the same, and who only reads changes nothing.
    for key in [ALICE, BOB, READER] {
        let listed = server.signed(Form::Access, key, "GET", LIST, b"").send().await.ok();
        assert_eq!(each(&listed["enterprise_projects"], "id"), [&id, "0"]);
    }
    let denied = server.signed(Form::Access, READER, "DELETE", &one(&id), b"").send().await;
    assert_refused(&denied, SHAPE, 403, "EPS.0004");
    // What is in a project that the caller does not reach is not there.
    let path = format!("{}/resources-migrate", one(&id));
    let body = json!({"resource_type": "dcs", "resource_id": HA, "project_id": PROJECT}).to_string();
    let moved = server.signed(Form::Access, BOB, "POST", &path, body.as_bytes()).send().await;
    assert_refused(&moved, SHAPE, 400, "EPS.0031");
    server.signed(Form::Access, ALICE, "POST", &path, body.as_bytes()).send().await.assert_no_content();
    let filter = format!("{}/resources/filter", one(&id));
    for (key, body, count) in
        [(ALICE, json!({}), 1), (BOB, json!({}), 0), (BOB, json!({"projects": [PROJECT]}), 0)]
    {
        let body = body.to_string();
        let found = server.signed(Form::Access, key, "POST", &filter, body.as_bytes()).send().await.ok();
        assert_eq!(found["total_count"], count);
    }
    // A token of the domain is one of this service; that of a project, of what is there.
    let of_domain = scoped(login("alice", "acme", "password-of-alice"), json!({"domain": {"name": "acme"}}));
    let of_domain = token_in(&server.log_in(&of_domain).await);
    let of_project = server.token_of("alice", PROJECT).await;
    for token in [of_domain, of_project] {
        let moved = server.call("POST", &path).header("x-auth-token", &token);
        let body = json!({"resource_type": "dcs", "resource_id": HA, "project_id": PROJECT});
        moved.json(&body).send().await.assert_no_content();
    }
}

#[tokio::test]
async fn seeds_have_them_and_exports_are_seeds() {
    let seed = format!(
        "enterprise_projects:\n  - {{id: {SEEDED}, name: ep1, type: poc, status: 2}}\n  - {{id: {UNKNOWN}, name: ep2}}\n\
         projects:\n  - id: {PROJECT}\n    instances:\n      - {{id: {HA}, cache_mode: ha, enterprise_project_id: {UNKNOWN}}}\n"
    );
    let server = TestServer::seeded(&seed, &[]).await;
    let listed = server.get(LIST).await.ok();
    assert_eq!(each(&listed["enterprise_projects"], "name"), ["ep2", "ep1", "default"]);
    assert_eq!(server.get(&one(SEEDED)).await.ok()["enterprise_project"]["status"], 2);
    assert_eq!(server.get(&Api::V1.instance(HA)).await.ok()["enterprise_project_name"], "ep2");
    let export = server.get("/_emulator/export").await;
    let other = TestServer::seeded(&export.ok().to_string(), &[]).await;
    assert_eq!(other.get(LIST).await.ok(), listed);
    assert_eq!(other.get("/_emulator/export").await.text(), export.text());
    // They are there already, and one differs.
    let changed = seed.replace("name: ep1", "name: ep3");
    let report = server.call("POST", "/_emulator/seed").body(changed.as_str()).send().await.ok();
    let expected = format!("enterprise project {SEEDED} was there already and stays as it is");
    assert_eq!(report["differences"], json!([expected]));
    let swapped = seed
        .replace("name: ep2", "name: ep")
        .replace("name: ep1", "name: ep2")
        .replace("name: ep,", "name: ep1,");
    let swapped = swapped.replace("name: ep}", "name: ep1}");
    let report =
        server.call("POST", "/_emulator/seed?overwrite=true").body(swapped.as_str()).send().await.ok();
    assert_eq!(report["differences"], json!([]));
    assert_eq!(server.get(&one(SEEDED)).await.ok()["enterprise_project"]["name"], "ep2");
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_seed_of_what_cannot_be_is_refused_with_its_place() {
    let server = TestServer::start().await;
    make(&server, "taken").await;
    let first = format!("  - {{id: {SEEDED}, name: ep1}}\n");
    for (second, place, problem) in [
        (format!("  - {{id: {UNKNOWN}, name: ep1}}\n"), "enterprise_projects[1]", "has the name"),
        (format!("  - {{id: {SEEDED}, name: ep2}}\n"), "enterprise_projects[1]", "has the id"),
        ("  - {id: \"0\", name: ep2}\n".to_owned(), "enterprise_projects[1]", "has the id"),
        (format!("  - {{id: {UNKNOWN}, name: the-default}}\n"), "enterprise_projects[1]", "invalid name"),
        (format!("  - {{id: {UNKNOWN}, name: ep2, status: 3}}\n"), "status", "must be 1"),
        (format!("  - {{id: {UNKNOWN}, name: taken}}\n"), "", "has the name"),
    ] {
        let seed = format!("enterprise_projects:\n{first}{second}");
        let answer = server.call("POST", "/_emulator/seed").body(seed.as_str()).send().await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(place) && answer.text().contains(problem), "{}", answer.text());
    }
    assert_eq!(server.get(LIST).await.ok()["total_count"], 2);
}
