//! Deleting instances, one or many, and what is left of them (wire contract v1.0, sections 2.11 and 2.12; v2, section 2.3).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CREATE_FAILED, HA, OTHERS_HA, PROJECT, SECOND_HA, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "DELETE",
        "/v1.0/{project_id}/instances/{instance_id}",
        a_deleted_instance_is_gone_with_its_records_and_stays_in_the_audit,
    ),
    covered(
        "DELETE",
        "/v2/{project_id}/instances/{instance_id}",
        a_deleted_instance_is_gone_with_its_records_and_stays_in_the_audit,
    ),
    covered("DELETE", "/v1.0/{project_id}/instances", several_are_deleted_each_for_itself),
    covered("DELETE", "/v2/{project_id}/instances", several_are_deleted_each_for_itself),
];

#[tokio::test]
async fn a_deleted_instance_is_gone_with_its_records_and_stays_in_the_audit() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let backup = server.create_backup(HA).await;
        server.restore(api, HA, &json!({"backup_id": backup})).await;
        let answer = server.delete(&api.instance(HA)).await;
        answer.assert_no_content();
        for _ in 0..2 {
            for version in Api::BOTH {
                for path in [version.instance(HA), version.backups(HA), version.restores(HA)] {
                    server.get(&path).await.assert_refused_by(version, &refusal::INSTANCE_NOT_FOUND);
                }
                let create = server.post(&version.backups(HA), &json!({})).await;
                create.assert_refused_by(version, &refusal::INSTANCE_NOT_FOUND);
                server
                    .delete(&version.instance(HA))
                    .await
                    .assert_refused_by(version, &refusal::INSTANCE_NOT_FOUND);
                let list = server.get(&format!("{}?id={HA}", version.instances(PROJECT))).await.ok();
                assert_eq!(list["instance_num"], 0);
            }
            // The seed names it, and does not bring it back.
            server.restart().await;
        }
        let history = server
            .rows("SELECT json_array(who, what, from_status, to_status) FROM backup_audit WHERE instance_id = '5560df16-cebf-4473-95c4-d1b573c16e79'")
            .await;
        assert_eq!(
            history,
            [
                json!(["seed", "instance", "none", "RUNNING"]),
                json!(["anonymous", "backup", "none", "succeed"]),
                json!(["anonymous", "restore", "none", "succeed"]),
                json!(["anonymous", "instance", "RUNNING", "gone"]),
            ]
        );
        assert_eq!(server.count("backups").await, 1);
    }
}

async fn delete(server: &TestServer, api: Api, query: &str, body: &Value) -> Answer {
    let path = format!("{}?{query}", api.instances(PROJECT));
    server.call("DELETE", &path).json(body).send().await
}

#[tokio::test]
async fn several_are_deleted_each_for_itself() {
    let creating = BY_STATUS[0].1;
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let named = [SINGLE, creating, HA, UNKNOWN_INSTANCE, OTHERS_HA, HA];
        let answer = delete(&server, api, "", &json!({ "instances": named })).await.ok();
        let result = |id, result| json!({"instance": id, "result": result});
        assert_eq!(
            answer,
            json!({"results": [
                result(SINGLE, "success"), result(creating, "failed"), result(HA, "success"),
                result(UNKNOWN_INSTANCE, "failed"), result(OTHERS_HA, "failed"), result(HA, "failed"),
            ]})
        );
        assert_eq!(server.get(&api.instance(SINGLE)).await.status, 404);
        assert_eq!(server.get(&api.instance(HA)).await.status, 404);
        assert_eq!(server.status(api, creating).await, "CREATING");
        assert_eq!(server.status(api, SECOND_HA).await, "RUNNING");
    }
}

#[tokio::test]
async fn a_batch_names_one_to_fifty_instances() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        for (body, expected) in [
            (json!({}), refusal::NO_INSTANCES),
            (json!({"instances": null}), refusal::NO_INSTANCES),
            (json!({"instances": []}), refusal::NO_INSTANCES),
            (json!({"instances": [HA, "x"]}), refusal::INVALID_INSTANCE_ID),
            (json!({"instances": vec![HA; 51]}), refusal::TOO_MANY_INSTANCES),
            (json!({"instances": HA}), refusal::INVALID_BODY),
        ] {
            delete(&server, api, "", &body).await.assert_refused_by(api, &expected);
        }
        server.delete(&api.instances(PROJECT)).await.assert_refused_by(api, &refusal::EMPTY_BODY);
        assert_eq!(server.status(api, HA).await, "RUNNING");
    }
}

#[tokio::test]
async fn everything_whose_creation_failed_is_deleted_at_once() {
    for (api, query) in [(Api::V1, "allFailure=True"), (Api::V2, "all_failure=true")] {
        let server = TestServer::start().await;
        let answer = delete(&server, api, query, &json!({"instances": [HA]})).await;
        match api {
            Api::V1 => answer.assert_no_content(),
            Api::V2 => assert_eq!(
                answer.ok(),
                json!({"results": [{"instance": CREATE_FAILED, "result": "success"}]})
            ),
        }
        assert_eq!(server.get(&api.instance(CREATE_FAILED)).await.status, 404);
        assert_eq!(server.status(api, HA).await, "RUNNING");
    }
}

#[tokio::test]
async fn one_client_wants_no_body_after_a_batch_on_v1() {
    let server = TestServer::with(&[("compat.batch_delete_204", "true")]).await;
    let answer = delete(&server, Api::V1, "", &json!({"instances": [HA]})).await;
    answer.assert_no_content();
    delete(&server, Api::V2, "", &json!({"instances": [SINGLE]})).await.ok();
}

#[tokio::test]
async fn the_name_of_a_deleted_instance_is_free_again() {
    let server = TestServer::start().await;
    server.delete(&Api::V1.instance(HA)).await;
    let seed = json!({"projects": [{"id": PROJECT, "instances": [
        {"id": UNKNOWN_INSTANCE, "cache_mode": "ha", "name": "dcs-ha"},
    ]}]});
    server.post("/_emulator/seed", &seed).await.ok();
    assert_eq!(server.status(Api::V2, UNKNOWN_INSTANCE).await, "RUNNING");
}
