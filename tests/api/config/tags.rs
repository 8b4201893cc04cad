//! Tags: set, remove, of an instance, of a project (wire contract v1.0, sections 2.22 to 2.24; v2, section 2.9).

use serde_json::{Value, json};

use crate::support::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SECOND_HA, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1.0/{project_id}/dcs/{instance_id}/tags/action", tags_are_set_and_removed_by_key),
    covered("POST", "/v2/{project_id}/dcs/{instance_id}/tags/action", tags_are_set_and_removed_by_key),
    covered("GET", "/v1.0/{project_id}/instances/{instance_id}/tags", tags_are_set_and_removed_by_key),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/tags", tags_are_set_and_removed_by_key),
    covered("GET", "/v1.0/{project_id}/dcs/tags", a_project_shows_the_distinct_values_of_each_key),
    covered("GET", "/v2/{project_id}/dcs/tags", a_project_shows_the_distinct_values_of_each_key),
];

fn version(api: Api) -> &'static str {
    match api {
        Api::V1 => "v1.0",
        Api::V2 => "v2",
    }
}

async fn act(server: &TestServer, api: Api, instance: &str, action: &str, tags: Value) -> Answer {
    let path = format!("/{}/{PROJECT}/dcs/{instance}/tags/action", version(api));
    server.post(&path, &json!({"action": action, "tags": tags})).await
}

async fn tags(server: &TestServer, api: Api, instance: &str) -> Value {
    server.get(&format!("{}/tags", api.instance(instance))).await.ok()["tags"].take()
}

#[tokio::test]
async fn tags_are_set_and_removed_by_key() {
    let server = TestServer::start().await;
    for (api, status) in [(Api::V1, 200), (Api::V2, 204)] {
        let set = act(
            &server,
            api,
            HA,
            "create",
            json!([{"key": "env", "value": "test"}, {"key": "a", "value": ""}]),
        );
        let answer = set.await;
        assert_eq!((answer.status, answer.text()), (status, ""));
        let expected = json!([{"key": "env", "value": "test"}, {"key": "a", "value": ""}]);
        for reader in Api::BOTH {
            assert_eq!(tags(&server, reader, HA).await, expected);
        }
        act(&server, api, HA, "create", json!([{"key": "env", "value": "prod"}])).await;
        assert_eq!(tags(&server, api, HA).await[0], json!({"key": "env", "value": "prod"}));
        let gone = act(
            &server,
            api,
            HA,
            "delete",
            json!([{"key": "env"}, {"key": "a", "value": "other"}, {"key": "no"}]),
        );
        assert_eq!(gone.await.status, status);
        assert_eq!(tags(&server, api, HA).await, json!([]));
    }
}

#[tokio::test]
async fn a_tag_too_many_and_a_bad_one_are_refused_whole() {
    let server = TestServer::start().await;
    let many = |count: usize| {
        Value::Array((0..count).map(|n| json!({"key": format!("k{n}"), "value": ""})).collect())
    };
    for api in Api::BOTH {
        act(&server, api, HA, "create", many(21)).await.assert_refused_by(api, &refusal::TOO_MANY_TAGS);
        let bad = json!([{"key": "good", "value": "x"}, {"key": "a=b", "value": "x"}]);
        act(&server, api, HA, "create", bad)
            .await
            .assert_refused_by(api, &refusal::invalid_parameter("tags"));
        let unknown = act(&server, api, HA, "replace", many(1)).await;
        unknown.assert_refused_by(api, &refusal::invalid_parameter("action"));
        assert_eq!(tags(&server, api, HA).await, json!([]));
    }
    act(&server, Api::V2, HA, "create", many(20)).await;
    assert_eq!(tags(&server, Api::V1, HA).await, many(20));
}

#[tokio::test]
async fn a_project_shows_the_distinct_values_of_each_key() {
    let server = TestServer::start().await;
    for (instance, value) in [(HA, "test"), (SECOND_HA, "prod"), (SECOND_HA, "test")] {
        act(&server, Api::V1, instance, "create", json!([{"key": "env", "value": value}])).await;
    }
    act(&server, Api::V1, HA, "create", json!([{"key": "env", "value": "prod"}, {"key": "a", "value": "1"}]))
        .await;
    for api in Api::BOTH {
        let all = |project| format!("/{}/{project}/dcs/tags", version(api));
        assert_eq!(
            server.get(&all(PROJECT)).await.ok(),
            json!({"tags": [{"key": "a", "values": ["1"]}, {"key": "env", "values": ["prod", "test"]}]})
        );
        assert_eq!(server.get(&all(OTHER_PROJECT)).await.ok(), json!({"tags": []}));
    }
}

#[tokio::test]
async fn instances_are_found_by_their_tags() {
    let server = TestServer::start().await;
    act(&server, Api::V1, HA, "create", json!([{"key": "env", "value": "test"}, {"key": "a", "value": "1"}]))
        .await;
    act(&server, Api::V1, SECOND_HA, "create", json!([{"key": "env", "value": "prod"}])).await;
    for (tags, ids) in [
        ("env=test", &[HA][..]),
        ("env=test,a=1", &[HA]),
        ("%7B'env':'test',%20'a':'1'%7D", &[HA]),
        ("env=prod", &[SECOND_HA]),
        ("env", &[SECOND_HA, HA]),
        ("env=", &[SECOND_HA, HA]),
        ("env=test,a=2", &[]),
        ("nv=test", &[]),
    ] {
        for api in Api::BOTH {
            let list = server.get(&format!("{}?tags={tags}", api.instances(PROJECT))).await.ok();
            assert_eq!(each(&list["instances"], "instance_id"), ids, "{api:?} {tags}");
            assert_eq!(list["instance_num"], ids.len(), "{api:?} {tags}");
        }
    }
}

#[tokio::test]
async fn tags_last_over_a_restart() {
    let mut server = TestServer::start().await;
    act(&server, Api::V2, HA, "create", json!([{"key": "env", "value": "test"}])).await;
    server.restart().await;
    assert_eq!(tags(&server, Api::V1, HA).await, json!([{"key": "env", "value": "test"}]));
}

#[tokio::test]
async fn an_instance_of_others_has_no_tags_for_strangers() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        for instance in [OTHERS_HA, UNKNOWN_INSTANCE] {
            let set = act(&server, api, instance, "create", json!([{"key": "k", "value": "v"}])).await;
            set.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
            let get = server.get(&format!("{}/tags", api.instance(instance))).await;
            get.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        }
    }
}
