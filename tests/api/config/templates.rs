//! Templates of configuration parameters (wire contract v2, section 2.19).

use serde_json::{Value, json};

use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal, text};

const TEMPLATES: &str = "/v2/{project_id}/config-templates";
const TEMPLATE: &str = "/v2/{project_id}/config-templates/{template_id}";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", TEMPLATES, the_shipped_ones_are_listed_by_page_and_filter),
    covered("POST", TEMPLATES, a_template_of_ones_own_lives_from_create_to_delete),
    covered("GET", TEMPLATE, a_template_of_ones_own_lives_from_create_to_delete),
    covered("PUT", TEMPLATE, a_template_of_ones_own_lives_from_create_to_delete),
    covered("DELETE", TEMPLATE, a_template_of_ones_own_lives_from_create_to_delete),
];

fn all(query: &str) -> String {
    format!("/v2/{PROJECT}/config-templates?{query}")
}

fn one(id: &str) -> String {
    format!("/v2/{PROJECT}/config-templates/{id}?type=user")
}

async fn create(server: &TestServer, body: &Value) -> Answer {
    server.post(&all(""), body).await
}

#[tokio::test]
async fn the_shipped_ones_are_listed_by_page_and_filter() {
    let server = TestServer::start().await;
    let first = server.get(&all("type=sys")).await.ok();
    assert_eq!((&first["template_num"], first["templates"].as_array().unwrap().len()), (&json!(25), 10));
    let last = server.get(&all("type=sys&offset=20&limit=10")).await.ok();
    assert_eq!(last["templates"].as_array().unwrap().len(), 5);
    let filtered = server
        .get(&all("type=sys&engine=redis&engine_version=4.0&cache_mode=single&name=Default"))
        .await
        .ok();
    assert_eq!(
        filtered,
        json!({"template_num": 1, "templates": [{
            "template_id": "4", "name": "Default-Redis-4.0-single-generic-DRAM", "type": "sys", "engine": "Redis",
            "engine_version": "4.0", "cache_mode": "single", "product_type": "generic", "storage_type": "DRAM",
            "description": null, "created_at": null,
        }]})
    );
    assert_eq!(server.get(&all("type=user")).await.ok(), json!({"template_num": 0, "templates": []}));
    for query in ["", "type=mine"] {
        server.get(&all(query)).await.assert_refused_by(Api::V2, &refusal::invalid_query("type"));
    }
}

#[tokio::test]
async fn a_template_of_ones_own_lives_from_create_to_delete() {
    let mut server = TestServer::start().await;
    let answer = create(
        &server,
        &json!({"template_id": "10", "name": "mine", "type": "user", "params": {"timeout": 100, "maxmemory-policy": "allkeys-lru"}}),
    )
    .await;
    let id = text(&answer.ok()["id"]);
    server.restart().await;
    let shown = server.get(&one(&id)).await.ok();
    assert_eq!(
        (
            &shown["template_id"],
            &shown["name"],
            &shown["type"],
            &shown["engine_version"],
            &shown["cache_mode"]
        ),
        (&json!(id), &json!("mine"), &json!("user"), &json!("5.0"), &json!("ha"))
    );
    assert_eq!(shown["created_at"], "2020-03-02T06:15:04.512Z");
    let value = |shown: &Value, name: &str| {
        let params = shown["params"].as_array().unwrap().clone();
        text(&params.iter().find(|param| param["param_name"] == name).unwrap()["param_value"])
    };
    assert_eq!(
        (value(&shown, "timeout"), value(&shown, "maxmemory-policy")),
        ("100".to_owned(), "allkeys-lru".to_owned())
    );
    assert_eq!(value(&shown, "maxclients"), "10000");

    let change = json!({"description": "words", "params": {"timeout": "200"}});
    let changed = server.call("PUT", &one(&id)).json(&change).send().await.ok();
    assert_eq!(changed, json!({"result": "success"}));
    let shown = server.get(&one(&id)).await.ok();
    assert_eq!(
        (value(&shown, "timeout"), &shown["name"], &shown["description"]),
        ("200".to_owned(), &json!("mine"), &json!("words"))
    );
    assert_eq!(value(&shown, "maxmemory-policy"), "allkeys-lru");

    assert_eq!(server.delete(&one(&id)).await.ok(), json!({"result": "success"}));
    server.get(&one(&id)).await.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    server.delete(&one(&id)).await.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
}

#[tokio::test]
async fn every_edition_has_its_templates() {
    let mut server = TestServer::start().await;
    for storage in ["SSD", "DRAM"] {
        let name = format!("Default-Redis-6.0-ha-enterprise-{storage}");
        let found = server.get(&all(&format!("type=sys&name={name}"))).await.ok()["templates"][0].take();
        assert_eq!(
            (&found["name"], &found["product_type"], &found["storage_type"]),
            (&json!(name), &json!("enterprise"), &json!(storage))
        );
        // One's own is of the edition of its source.
        let own = json!({"template_id": found["template_id"], "name": "mine", "params": {}});
        let id = text(&create(&server, &own).await.ok()["id"]);
        server.restart().await;
        let shown = server.get(&one(&id)).await.ok();
        assert_eq!((&shown["product_type"], &shown["storage_type"]), (&json!("enterprise"), &json!(storage)));
        let other = TestServer::seeded(&server.export().await, &[]).await;
        assert_eq!(other.get(&one(&id)).await.ok(), shown);
        server.delete(&one(&id)).await.ok();
    }
    let of_ssd = server.get(&all("type=sys&product_type=enterprise&storage_type=SSD")).await.ok();
    assert_eq!(of_ssd["template_num"], 1);
}

#[tokio::test]
async fn shipped_templates_are_shown_and_never_change() {
    let server = TestServer::start().await;
    let shown = server.get(&format!("/v2/{PROJECT}/config-templates/1?type=sys")).await.ok();
    assert_eq!(shown["name"], "Default-Redis-3.0-single-generic-DRAM");
    let ids: Vec<_> = each(&shown["params"], "param_id").iter().map(text).collect();
    assert_eq!(ids.join(" "), "1 2 3 4 5 6 7 8 9 10 12 13");
    for answer in [
        server.call("PUT", &one("1")).json(&json!({"name": "mine"})).send().await,
        server.delete(&one("1")).await,
        server.get(&one("99")).await,
        server.get(&one("no-id")).await,
        create(&server, &json!({"template_id": "99", "name": "mine", "params": {}})).await,
    ] {
        answer.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    }
}

#[tokio::test]
async fn a_template_is_its_projects_alone() {
    let server = TestServer::start().await;
    let id =
        text(&create(&server, &json!({"template_id": "10", "name": "mine", "params": {}})).await.ok()["id"]);
    let others = format!("/v2/{OTHER_PROJECT}/config-templates/{id}?type=user");
    server.get(&others).await.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    server.delete(&others).await.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    let change = server.call("PUT", &others).json(&json!({"name": "theirs"})).send().await;
    change.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    assert_eq!(server.get(&one(&id)).await.ok()["name"], "mine");
}

#[tokio::test]
async fn bad_names_and_values_are_refused() {
    let server = TestServer::start().await;
    for (body, refusal) in [
        (json!({"template_id": "10", "params": {}}), refusal::invalid_parameter("name")),
        (json!({"template_id": "10", "name": "1st", "params": {}}), refusal::invalid_parameter("name")),
        (
            json!({"template_id": "10", "name": "mine", "params": {"timeout": "x"}}),
            refusal::invalid_configuration("timeout"),
        ),
        (
            json!({"template_id": "10", "name": "mine", "params": {"nothing": "1"}}),
            refusal::invalid_configuration("nothing"),
        ),
    ] {
        create(&server, &body).await.assert_refused_by(Api::V2, &refusal);
    }
    assert_eq!(server.get(&all("type=user")).await.ok()["template_num"], 0);
}
