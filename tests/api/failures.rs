//! When the database fails: the answer says so without saying why, nothing is half recorded, and the next request is served
//! (wire contract v1.0, sections 1.8 and 4 step 16).

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::support::identity::{DOMAIN, PASSWORD, USER, login, token_in};
use crate::support::seed::{
    HA, PROJECT, SECOND_HA, backup_path, backups_path, instance_path, instances_path,
};
use crate::support::{Answer, Api, TestServer};

/// Carries out a statement as another program would.
async fn execute(person: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(person).await.expect("another program may change the database");
}

/// Makes sure that it is this failure; v1.0 has one text for all of them beside its code.
#[track_caller]
fn assert_failed(answer: &Answer, status: u16, [legacy, legacy_text, code, text]: [&str; 4]) {
    let expected = json!({
        "error": {"code": legacy, "message": legacy_text},
        "error_code": code,
        "error_msg": text,
        "ext_message": null,
    });
    assert_eq!((answer.status, answer.json()), (status, expected));
}

const SAVE: [&str; 4] =
    ["111500090", "Internal service error.", "DCS.5090", "Failed to save backup information."];
const DELETE: [&str; 4] =
    ["111400101", "Delete instance backup file failed.", "DCS.4101", "Delete instance backup file failed."];
const LIST_BACKUPS: [&str; 4] =
    ["111500078", "Internal service error.", "DCS.5078", "Query backup record failed."];
const QUERY_INSTANCE: [&str; 4] =
    ["111500024", "Internal service error.", "DCS.5024", "Query instance failed."];

#[tokio::test]
async fn a_change_whose_event_cannot_be_written_is_undone_and_answered_as_a_failure() {
    let server = TestServer::start().await;
    let backup_id = server.create_remarked(HA, "first").await;
    let before = server.list(HA, "").await;
    let mut person = server.database_for_writing().await;
    execute(&mut person, "ALTER TABLE events RENAME TO elsewhere").await;
    assert_failed(&server.delete(&backup_path(HA, &backup_id)).await, 500, DELETE);
    // Last, so that the next create is the first to see whether its number was given back.
    let create = server.post(&backups_path(HA), &json!({"remark": "lost"})).await;
    assert_failed(&create, 500, SAVE);
    assert_eq!(server.list(HA, "").await, before);
    execute(&mut person, "ALTER TABLE elsewhere RENAME TO events").await;
    // As if nothing had been.
    let next = server.create_remarked(HA, "second").await;
    server.delete(&backup_path(HA, &backup_id)).await.ok();
    assert_eq!(server.listed_ids(HA, "").await, [next, backup_id]);
    let numbers = server.rows("SELECT json_array(record_number, remark) FROM backup_records").await;
    assert_eq!(numbers, [json!([2, "second"]), json!([1, "first"])]);
    let events: Vec<Value> = server.audit().await.iter().map(|event| event["to_status"].clone()).collect();
    assert_eq!(events, ["succeed", "succeed", "deleted"]);
}

#[tokio::test]
async fn a_read_that_fails_is_answered_as_a_failure_without_its_cause() {
    let server = TestServer::start().await;
    let mut person = server.database_for_writing().await;
    execute(&mut person, "ALTER TABLE instances RENAME COLUMN deleted_at TO elsewhere").await;
    assert_failed(&server.get(&backups_path(HA)).await, 500, LIST_BACKUPS);
    assert_failed(&server.get(&instance_path(HA)).await, 500, QUERY_INSTANCE);
    assert_failed(&server.get(&instances_path(PROJECT)).await, 500, QUERY_INSTANCE);
    execute(&mut person, "ALTER TABLE instances RENAME COLUMN elsewhere TO deleted_at").await;
    server.get(&backups_path(HA)).await.ok();
    server.get(&instance_path(HA)).await.ok();
    server.get(&instances_path(PROJECT)).await.ok();
}

#[tokio::test]
async fn what_was_committed_is_not_answered_as_a_failure_because_nothing_can_be_read_after_it() {
    let server = TestServer::start().await;
    let mut person = server.database_for_writing().await;
    // From the moment of the change the instance, or the domain, cannot be read.
    execute(
        &mut person,
        "CREATE TRIGGER unreadable AFTER UPDATE OF launched_at ON instances
         BEGIN UPDATE instances SET engine_version = '9' WHERE instance_key = new.instance_key; END",
    )
    .await;
    execute(&mut person, "CREATE TABLE elsewhere AS SELECT * FROM domain").await;
    execute(&mut person, "CREATE TRIGGER gone AFTER INSERT ON tokens BEGIN DELETE FROM domain; END").await;
    let size = json!({"new_capacity": 8, "spec_code": "redis.ha.xu1.large.r2.8"});
    let resized = server.post(&format!("{}/resize", Api::V2.instance(HA)), &size).await;
    let logged_in = server.log_in(&login(USER, DOMAIN, PASSWORD)).await;
    for undo in [
        "DROP TRIGGER unreadable",
        "DROP TRIGGER gone",
        "UPDATE instances SET engine_version = '5.0' WHERE engine_version = '9'",
        "INSERT INTO domain SELECT * FROM elsewhere",
    ] {
        execute(&mut person, undo).await;
    }
    assert_eq!(server.shown(Api::V2, HA).await["capacity"], 8);
    resized.assert_no_content();
    let token = token_in(&logged_in);
    let projects = server.call("GET", "/v3/auth/projects").header("x-auth-token", &token).send().await;
    projects.ok();
}

#[tokio::test]
async fn a_database_that_another_program_keeps_locked_is_not_ready_and_records_nothing() {
    let server = TestServer::start().await;
    let mut person = server.database_for_writing().await;
    execute(&mut person, "BEGIN IMMEDIATE").await;
    let body = json!({"remark": "lost"});
    // The server waits for the lock for a while, as SQLite's programs do.
    let path = backups_path(HA);
    let (create, ready) = tokio::join!(server.post(&path, &body), server.get("/readyz"));
    for answer in [&create, &ready] {
        let busy = ["111500000", "Internal service error.", "DCS.5000", "Internal service error."];
        assert_failed(answer, 503, busy);
    }
    assert_eq!(create.header("retry-after"), Some("1"));
    // Reads and the other probe do not need the lock.
    assert_eq!(server.list(HA, "").await["total_num"], 0);
    server.get("/livez").await.ok();
    execute(&mut person, "ROLLBACK").await;
    server.get("/readyz").await.ok();
    server.create_backup(HA).await;
    assert_eq!(server.list(HA, "").await["total_num"], 1);
}

#[tokio::test]
async fn an_instance_that_cannot_be_read_does_not_fail_the_creates_of_others() {
    let mut server = TestServer::start().await;
    server.stop().await;
    server.alter("UPDATE instances SET engine_version = '9' WHERE name = ?", &["dcs-ha-second"]).await;
    server.restart().await;
    let (good, bad) = (backups_path(HA), backups_path(SECOND_HA));
    let body = json!({});
    // Sent together, so that they meet in one batch.
    let answers = futures_util::future::join_all((0..40).map(|number| {
        let path = if number % 2 == 0 { &good } else { &bad };
        server.post(path, &body)
    }))
    .await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().step_by(2).all(|status| *status == 200), "{statuses:?}");
    assert!(statuses.iter().skip(1).step_by(2).all(|status| *status == 500), "{statuses:?}");
}

#[tokio::test]
async fn work_that_belongs_to_no_open_record_does_not_hold_everybody_up() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    server.stop().await;
    let plan = "INSERT INTO open_work SELECT instance_key, 1, 1, 0, 0, NULL, 0 FROM backups WHERE '1' = ?";
    server.alter(plan, &["1"]).await;
    server.restart().await;
    // What is stored is shown; what cannot be done is said.
    assert_eq!(server.list(HA, "").await["total_num"], 1);
    assert_eq!(server.post(&backups_path(SECOND_HA), &json!({})).await.status, 500);
}
