//! `DELETE …/backups/{backup_id}`: the file goes, the record stays (wire contract v1.0, section 2.3).

use serde_json::json;

use crate::support::seed::{
    HA, OTHER_PROJECT, PROJECT, SECOND_HA, SINGLE, UNKNOWN_BACKUP, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
    backup_path, backups_path,
};
use crate::support::{Covered, TestServer, covered, each, refusal};

pub(crate) const COVERS: &[Covered] = &[covered(
    "DELETE",
    "/v1.0/{project_id}/instances/{instance_id}/backups/{backup_id}",
    a_deleted_backup_stays_listed_as_deleted_and_keeps_everything_else,
)];

#[tokio::test]
async fn a_deleted_backup_stays_listed_as_deleted_and_keeps_everything_else() {
    let server = TestServer::start().await;
    let backup_id = server.create_remarked(HA, "nightly").await;
    let mut expected = server.newest(HA).await;
    server.advance_ms(60_000);
    let answer = server.delete(&backup_path(HA, &backup_id)).await;
    assert_eq!(answer.ok(), json!({"message": ""}));
    expected["status"] = json!("deleted");
    expected["is_support_restore"] = json!("FALSE");
    assert_eq!(server.list(HA, "").await, json!({"backup_record_response": [expected], "total_num": 1}));
}

#[tokio::test]
async fn deleting_again_is_answered_alike_and_changes_nothing() {
    let server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    server.delete(&backup_path(HA, &backup_id)).await.ok();
    let (list, audit) = (server.list(HA, "").await, server.audit().await);
    server.advance_ms(60_000);
    let again = server.delete(&backup_path(HA, &backup_id)).await;
    assert_eq!(again.ok(), json!({"message": ""}));
    assert_eq!((server.list(HA, "").await, server.audit().await), (list, audit));
}

#[tokio::test]
async fn only_the_backup_that_is_named_is_deleted() {
    let server = TestServer::start().await;
    let ids = server.create_backups_at(HA, &[0, 1000, 2000]).await;
    let others = server.create_backup(SECOND_HA).await;
    server.delete(&backup_path(HA, &ids[1])).await.ok();
    let list = server.list(HA, "").await;
    assert_eq!(each(&list["backup_record_response"], "status"), ["succeed", "deleted", "succeed"]);
    let record = server.newest(SECOND_HA).await;
    assert_eq!((&record["status"], &record["backup_id"]), (&json!("succeed"), &json!(others)));
}

#[tokio::test]
async fn a_new_backup_gets_the_next_number_after_a_delete() {
    let server = TestServer::start().await;
    let first = server.create_backup(HA).await;
    server.delete(&backup_path(HA, &first)).await.ok();
    let second = server.create_backup(HA).await;
    assert_eq!(server.listed_ids(HA, "").await, [second, first]);
}

#[tokio::test]
async fn an_id_is_taken_in_either_case_and_a_body_is_not_looked_at() {
    let server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    let path = backup_path(HA, &backup_id.to_uppercase());
    server.call("DELETE", &path).body("not looked at").send().await.ok();
    assert_eq!(server.newest(HA).await["status"], "deleted");
}

#[tokio::test]
async fn a_backup_id_is_a_uuid() {
    let server = TestServer::start().await;
    for backup_id in
        ["x", "1", "%ff", "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeee", "eeeeeeeeeeee4eee8eeeeeeeeeeeeeee", "*"]
    {
        let answer = server.delete(&backup_path(HA, backup_id)).await;
        answer.assert_refused(&refusal::invalid_parameter("backup_id"));
    }
}

#[tokio::test]
async fn a_backup_of_another_instance_is_as_unknown_as_one_that_never_was() {
    let server = TestServer::start().await;
    let of_second = server.create_backup(SECOND_HA).await;
    for path in [
        backup_path(HA, UNKNOWN_BACKUP),
        backup_path(HA, &of_second),
        backup_path(SINGLE, &of_second),
        // An instance's id is no backup's.
        backup_path(HA, HA),
    ] {
        server.delete(&path).await.assert_refused(&refusal::BACKUP_NOT_FOUND);
    }
    assert_eq!(server.newest(SECOND_HA).await["status"], "succeed");
}

#[tokio::test]
async fn the_first_thing_that_is_wrong_is_the_answer() {
    let server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    let path = |project, instance, backup| format!("/v1.0/{project}/instances/{instance}/backups/{backup}");
    for (path, first) in [
        (path("x", "y", "z"), refusal::INVALID_PROJECT_ID),
        (path(PROJECT, "y", "z"), refusal::INVALID_INSTANCE_ID),
        (path(PROJECT, UNKNOWN_INSTANCE, "z"), refusal::invalid_parameter("backup_id")),
        (path(PROJECT, UNKNOWN_INSTANCE, &backup_id), refusal::INSTANCE_NOT_FOUND),
        (path(UNKNOWN_PROJECT, HA, &backup_id), refusal::INSTANCE_NOT_FOUND),
        (path(OTHER_PROJECT, HA, &backup_id), refusal::INSTANCE_NOT_FOUND),
    ] {
        server.delete(&path).await.assert_refused(&first);
    }
    assert_eq!(server.newest(HA).await["status"], "succeed");
}

#[tokio::test]
async fn a_record_has_no_other_method_than_delete() {
    let server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    for method in ["GET", "POST", "PUT", "PATCH"] {
        let answer = server.call(method, &backup_path(HA, &backup_id)).send().await;
        answer.assert_refused(&refusal::METHOD_NOT_ALLOWED);
    }
    // Without an id a trailing slash is left, which counts as none.
    let answer = server.delete(&format!("{}/", backups_path(HA))).await;
    answer.assert_refused(&refusal::METHOD_NOT_ALLOWED);
}
