//! Configuration parameters: show, change, history (wire contract v1.0, sections 2.18 and 2.19; v2, section 2.8).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v1.0/{project_id}/instances/{instance_id}/configs",
        what_is_set_is_shown_at_once_by_both_versions,
    ),
    covered(
        "PUT",
        "/v1.0/{project_id}/instances/{instance_id}/configs",
        what_is_set_is_shown_at_once_by_both_versions,
    ),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/configs",
        what_is_set_is_shown_at_once_by_both_versions,
    ),
    covered(
        "PUT",
        "/v2/{project_id}/instances/{instance_id}/configs",
        what_is_set_is_shown_at_once_by_both_versions,
    ),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/config-histories", each_change_is_remembered),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/config-histories/{history_id}",
        each_change_is_remembered,
    ),
];

fn path(api: Api, instance: &str) -> String {
    format!("{}/configs", api.instance(instance))
}

async fn set(server: &TestServer, api: Api, instance: &str, configs: &Value) -> Answer {
    server.call("PUT", &path(api, instance)).json(&json!({ "redis_config": configs })).send().await
}

async fn shown(server: &TestServer, api: Api, instance: &str, id: &str) -> Value {
    let configs = server.get(&path(api, instance)).await.ok();
    let rows = configs["redis_config"].as_array().expect("an array of parameters");
    rows.iter().find(|row| row["param_id"] == id).cloned().unwrap_or_default()
}

#[tokio::test]
async fn what_is_set_is_shown_at_once_by_both_versions() {
    let server = TestServer::start().await;
    for (api, value) in [(Api::V1, "100"), (Api::V2, "200")] {
        let answer =
            set(&server, api, HA, &json!([{"param_id": "1", "param_name": "timeout", "param_value": value}]))
                .await;
        answer.assert_no_content();
        for reader in Api::BOTH {
            assert_eq!(
                shown(&server, reader, HA, "1").await,
                json!({
                    "param_id": "1", "param_name": "timeout", "param_value": value, "default_value": "0",
                    "value_type": "Interger", "value_range": "0-7200", "need_restart": false, "node_role": null,
                    "description": "Idle seconds before a client connection is closed; 0 keeps it open.",
                })
            );
        }
    }
}

#[tokio::test]
async fn the_time_of_the_last_change_is_empty_until_there_is_one() {
    let server = TestServer::start().await;
    let configs = server.get(&path(Api::V1, HA)).await.ok();
    assert_eq!(
        (&configs["status"], &configs["instance_id"], &configs["config_status"], &configs["config_time"]),
        (&json!("RUNNING"), &json!(HA), &json!("SUCCESS"), &json!(""))
    );
    set(&server, Api::V1, HA, &json!([{"param_id": "1", "param_name": "timeout", "param_value": "7"}])).await;
    assert_eq!(server.get(&path(Api::V2, HA)).await.ok()["config_time"], "2020-03-02T06:15:04.512Z");
}

#[tokio::test]
async fn parameters_stand_by_their_ids_and_depend_on_the_instance() {
    let server = TestServer::start().await;
    for (instance, ids) in [
        (OLD_REDIS, "1 2 3 4 5 6 7 8 9 10 12 13"),
        (MEMCACHED, "1 2"),
        (SINGLE, "1 2 3 4 7 8 9 10 11 13 18 19 20 22 23"),
        (CLUSTER, "1 2 3 4 7 8 9 10 11 13 14 15 16 17 18 19 20 21 22 23 24 25 26"),
    ] {
        for api in Api::BOTH {
            let configs = server.get(&path(api, instance)).await.ok();
            let shown: Vec<_> = each(&configs["redis_config"], "param_id").iter().map(text).collect();
            assert_eq!(shown.join(" "), ids, "{instance}");
        }
    }
    assert_eq!(shown(&server, Api::V1, OLD_REDIS, "12").await["value_range"], "0-2621");
}

#[tokio::test]
async fn all_changes_of_a_request_are_made_or_none() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        let answer = set(
            &server,
            api,
            HA,
            &json!([
                {"param_id": "1", "param_name": "timeout", "param_value": "100"},
                {"param_id": "16", "param_name": "appendfsync", "param_value": "sometimes"},
            ]),
        )
        .await;
        answer.assert_refused_by(api, &refusal::invalid_configuration("appendfsync"));
        assert_eq!(shown(&server, api, HA, "1").await["param_value"], "0");
        for (configs, name) in [
            (json!([{"param_id": "1", "param_name": "maxclients", "param_value": "1000"}]), "maxclients"),
            (json!([{"param_id": "99", "param_name": "no-such", "param_value": "1"}]), "no-such"),
        ] {
            set(&server, api, HA, &configs)
                .await
                .assert_refused_by(api, &refusal::invalid_configuration(name));
        }
        let too_much = json!([{"param_id": "12", "param_name": "reserved-memory", "param_value": "2622"}]);
        set(&server, api, OLD_REDIS, &too_much)
            .await
            .assert_refused_by(api, &refusal::RESERVED_MEMORY_TOO_LARGE);
        for nothing in [json!([]), json!(null)] {
            set(&server, api, HA, &nothing)
                .await
                .assert_refused_by(api, &refusal::invalid_parameter("redis_config"));
        }
    }
}

#[tokio::test]
async fn only_a_running_instance_is_changed_but_a_backup_does_not_matter() {
    let mut server = TestServer::with(&[("backup.duration", "10s")]).await;
    let timeout = json!([{"param_id": "1", "param_name": "timeout", "param_value": "5"}]);
    for (status, instance) in BY_STATUS {
        let refusal = refusal::of_state(status);
        for api in Api::BOTH {
            set(&server, api, instance, &timeout).await.assert_refused_by(api, &refusal);
            assert_eq!(server.get(&path(api, instance)).await.status, 200);
        }
    }
    server.create_backup(HA).await;
    assert_eq!(set(&server, Api::V1, HA, &timeout).await.status, 204);
    server.restart().await;
    assert_eq!(shown(&server, Api::V1, HA, "1").await["param_value"], "5");
}

#[tokio::test]
async fn each_change_is_remembered() {
    let server = TestServer::start().await;
    let histories = format!("{}/config-histories", Api::V2.instance(HA));
    assert_eq!(server.get(&histories).await.ok(), json!({"history_num": 0, "histories": []}));
    for value in ["1", "2", "2", "3"] {
        set(&server, Api::V2, HA, &json!([{"param_id": "1", "param_value": value}])).await;
        server.advance_ms(1000);
    }
    // A value that is set again is no change.
    let all = server.get(&histories).await.ok();
    assert_eq!((&all["history_num"], all["histories"].as_array().unwrap().len()), (&json!(3), 3));
    let second = server.get(&format!("{histories}?offset=1&limit=1")).await.ok();
    assert_eq!(second["histories"], json!([all["histories"][1]]));
    assert_eq!(second["histories"][0]["created_at"], "2020-03-02T06:15:05.512Z");
    let id = text(&second["histories"][0]["history_id"]);
    assert_eq!(
        server.get(&format!("{histories}/{id}")).await.ok(),
        json!({"histories": [{"param_name": "timeout", "old_value": "1", "new_value": "2"}]})
    );
    let elsewhere = format!("{}/config-histories/{id}", Api::V2.instance(SINGLE));
    server.get(&elsewhere).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("history_id"));
}

#[tokio::test]
async fn who_changed_what_is_in_the_audit() {
    let server = TestServer::start().await;
    set(&server, Api::V1, HA, &json!([{"param_id": "1", "param_name": "timeout", "param_value": "9"}])).await;
    let rows = server.rows(
        "SELECT json_array(who, what, from_status, to_status, remark) FROM backup_audit WHERE remark LIKE 'parameters%'",
    );
    assert_eq!(rows.await, [json!(["anonymous", "instance", "RUNNING", "RUNNING", "parameters timeout=9"])]);
}

#[tokio::test]
async fn the_note_of_a_long_change_is_abridged() {
    let server = TestServer::start().await;
    let list = server.get(&path(Api::V2, HA)).await.ok();
    let longest = |row: &Value| match text(&row["param_name"]).as_str() {
        "notify-keyspace-events" => "K".repeat(2_000) + "A",
        _ => text(&row["param_value"]),
    };
    let every = list["redis_config"].as_array().expect("an array of parameters").iter();
    let every: Vec<Value> =
        every.map(|row| json!({"param_id": row["param_id"], "param_value": longest(row)})).collect();
    assert_eq!(set(&server, Api::V2, HA, &json!(every)).await.status, 204);
    let notes =
        server.rows("SELECT json_array(length(remark)) FROM events WHERE remark LIKE 'parameters%…'").await;
    assert_eq!(notes, [json!([128])]);
}

#[tokio::test]
async fn an_instance_of_others_is_no_instance() {
    let server = TestServer::start().await;
    let timeout = json!([{"param_id": "1", "param_name": "timeout", "param_value": "5"}]);
    for api in Api::BOTH {
        for instance in [OTHERS_HA, UNKNOWN_INSTANCE] {
            server.get(&path(api, instance)).await.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
            set(&server, api, instance, &timeout).await.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        }
    }
}
