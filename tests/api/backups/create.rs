//! `POST …/backups`: what it does, and the order of its checks (wire contract v1.0, sections 2.1 and 4).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SINGLE, SINGLE_RESTARTING,
    UNKNOWN_INSTANCE, UNKNOWN_PROJECT, backups_path,
};
use crate::support::{Covered, Refusal, TestServer, covered, is_uuid, refusal};

pub(crate) const COVERS: &[Covered] = &[covered(
    "POST",
    "/v1.0/{project_id}/instances/{instance_id}/backups",
    a_create_answers_with_the_id_of_the_record_and_nothing_else,
)];

/// A remark of 129 characters, one too many.
fn too_long() -> Value {
    json!({ "remark": "x".repeat(129) })
}

fn path(project: &str, instance: &str) -> String {
    format!("/v1.0/{project}/instances/{instance}/backups")
}

#[tokio::test]
async fn a_create_answers_with_the_id_of_the_record_and_nothing_else() {
    let server = TestServer::start().await;
    let answer = server.post(&backups_path(HA), &json!({"remark": "nightly"})).await;
    let body = answer.ok();
    let backup_id = body["backup_id"].as_str().unwrap();
    assert!(is_uuid(backup_id), "{backup_id}");
    assert_eq!(body, json!({ "backup_id": backup_id }));
    let record = server.newest(HA).await;
    assert_eq!((&record["backup_id"], &record["remark"]), (&json!(backup_id), &json!("nightly")));
    assert_eq!(record["backup_type"], "manual");
}

#[tokio::test]
async fn every_member_of_the_body_is_optional_and_so_is_the_body() {
    let server = TestServer::start().await;
    let path = backups_path(HA);
    for body in [
        "",
        "{}",
        " \n{ } ",
        r#"{"remark": null}"#,
        r#"{"instance_id": "x", "remark": null, "more": [1, {"a": 2}]}"#,
    ] {
        for content_type in [None, Some("application/json"), Some("application/json;charset=UTF-8")] {
            let mut call = server.call("POST", &path).body(body);
            if let Some(content_type) = content_type {
                call = call.header("Content-Type", content_type);
            }
            call.send().await.ok();
            assert_eq!(server.newest(HA).await["remark"], Value::Null, "{body:?}");
        }
    }
    // Not even an empty body, and no Content-Length.
    let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    server.raw(request.as_bytes()).await.ok();
    assert_eq!(server.list(HA, "").await["total_num"], 16);
}

#[tokio::test]
async fn a_remark_is_kept_as_it_was_given() {
    let server = TestServer::start().await;
    for remark in [
        "",
        " ",
        "  neither trimmed\n\tnor folded  ",
        "备份 before migration 🦀👩‍👩‍👧",
        r#""quotes", 'single', \backslash\, `grave`, %00, {}, $1, ?1; DROP TABLE backups; --"#,
        "\u{1}\u{7f}\u{a0}\u{2028}\u{feff}\u{fffd}\u{10ffff}",
        "e\u{301} is not é",
    ] {
        server.create_remarked(HA, remark).await;
        assert_eq!(server.newest(HA).await["remark"], json!(remark));
    }
}

#[tokio::test]
async fn a_remark_does_not_hold_the_character_zero() {
    let server = TestServer::start().await;
    for remark in ["\0", "before\0after", "\0\0", "ends with it\0"] {
        let answer = server.post(&backups_path(HA), &json!({ "remark": remark })).await;
        answer.assert_refused(&refusal::INVALID_BODY);
    }
    assert_eq!(server.list(HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn a_remark_may_be_written_with_escapes() {
    let server = TestServer::start().await;
    server.call("POST", &backups_path(HA)).body(r#"{"remark": "\u5907\ud83e\udd80\/\t"}"#).send().await.ok();
    assert_eq!(server.newest(HA).await["remark"], "备🦀/\t");
}

#[tokio::test]
async fn a_remark_of_128_characters_passes_whatever_their_bytes() {
    let server = TestServer::start().await;
    for character in ["a", "é", "备", "🦀", "\u{1}"] {
        let remark = character.repeat(128);
        server.create_remarked(HA, &remark).await;
        assert_eq!(server.newest(HA).await["remark"], json!(remark));
    }
}

#[tokio::test]
async fn ids_are_taken_in_either_case_and_shown_in_lower_case() {
    let server = TestServer::start().await;
    server.post(&path(&PROJECT.to_uppercase(), &HA.to_uppercase()), &json!({})).await.ok();
    assert_eq!(server.newest(HA).await["instance_id"], HA);
}

#[tokio::test]
async fn row_1_an_unknown_path_and_a_method_that_it_does_not_take_are_refused() {
    let server = TestServer::start().await;
    let unknown = format!("{}/more/than/there/is", backups_path(HA));
    server.post(&unknown, &json!({})).await.assert_refused(&refusal::UNKNOWN_ROUTE);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = server.call(method, &backups_path(HA)).send().await;
        answer.assert_refused(&refusal::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn row_3_a_project_id_has_32_hexadecimal_digits() {
    let server = TestServer::start().await;
    for project in [
        "885cacf2d49d4bb6931ae668e9c0755",
        "885cacf2d49d4bb6931ae668e9c075533",
        "885cacf2d49d4bb6931ae668e9c0755g",
        "885cacf2-d49d-4bb6-931a-e668e9c07553",
        "%20885cacf2d49d4bb6931ae668e9c0755",
        "%ff",
        "eu-de",
        "null",
    ] {
        let answer = server.post(&path(project, HA), &json!({})).await;
        answer.assert_refused(&refusal::INVALID_PROJECT_ID);
    }
}

#[tokio::test]
async fn row_6_an_instance_id_is_a_uuid() {
    let server = TestServer::start().await;
    for instance in [
        "5560df16-cebf-4473-95c4-d1b573c16e7",
        "5560df16-cebf-4473-95c4-d1b573c16e799",
        "5560df16-cebf-4473-95c4-d1b573c16e7g",
        "5560df16cebf447395c4d1b573c16e79",
        "%7B5560df16-cebf-4473-95c4-d1b573c16e79%7D",
        "5560df16-cebf-4473-95c4d-1b573c16e79",
        "%ff",
        "dcs-ha",
    ] {
        let answer = server.post(&path(PROJECT, instance), &json!({})).await;
        answer.assert_refused(&refusal::INVALID_INSTANCE_ID);
    }
}

#[tokio::test]
async fn row_7_a_body_is_a_json_object_in_utf_8() {
    let server = TestServer::start().await;
    let bodies: [&[u8]; 17] = [
        b" ",
        b"null",
        b"true",
        b"1",
        b"\"remark\"",
        b"[]",
        b"[\"nightly\"]",
        b"{",
        b"{\"remark\": \"nightly\"",
        b"{'remark': 'nightly'}",
        b"{\"remark\": \"nightly\",}",
        b"{\"remark\": \"nightly\"} {}",
        b"{\"remark\": NaN}",
        b"{\"remark\": \"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"remark\": \"\\ud800\"}",
        b"remark=nightly",
    ];
    for body in bodies {
        let answer = server.call("POST", &backups_path(HA)).body(body).send().await;
        answer.assert_refused(&refusal::INVALID_BODY);
    }
}

#[tokio::test]
async fn row_8_a_remark_is_a_text() {
    let server = TestServer::start().await;
    for remark in [json!(1), json!(1.5), json!(true), json!(["nightly"]), json!({"text": "nightly"})] {
        let answer = server.post(&backups_path(HA), &json!({ "remark": remark })).await;
        answer.assert_refused(&refusal::INVALID_BODY);
    }
}

#[tokio::test]
async fn row_9_a_remark_has_at_most_128_characters() {
    let server = TestServer::start().await;
    for remark in ["x".repeat(129), "备".repeat(129), "🦀".repeat(129), " ".repeat(129)] {
        let answer = server.post(&backups_path(HA), &json!({ "remark": remark })).await;
        answer.assert_refused(&refusal::REMARK_TOO_LONG);
    }
}

#[tokio::test]
async fn row_10_the_instance_exists() {
    let server = TestServer::start().await;
    for (project, instance) in [(PROJECT, UNKNOWN_INSTANCE), (UNKNOWN_PROJECT, HA)] {
        let answer = server.post(&path(project, instance), &json!({})).await;
        answer.assert_refused(&refusal::INSTANCE_NOT_FOUND);
    }
}

#[tokio::test]
async fn row_11_the_instance_belongs_to_the_project() {
    let server = TestServer::start().await;
    let answer = server.post(&path(PROJECT, OTHERS_HA), &json!({})).await;
    answer.assert_refused(&refusal::INSTANCE_NOT_FOUND);
}

#[tokio::test]
async fn row_12_backups_are_switched_on() {
    let server = TestServer::with(&[("backup.enabled", "false")]).await;
    let answer = server.post(&backups_path(HA), &json!({})).await;
    answer.assert_refused(&refusal::BACKUP_SWITCHED_OFF);
}

#[tokio::test]
async fn row_13_the_cache_mode_is_master_standby() {
    let server = TestServer::start().await;
    for instance in [SINGLE, CLUSTER, PROXY] {
        let answer = server.post(&backups_path(instance), &json!({})).await;
        answer.assert_refused(&refusal::ONLY_MASTER_STANDBY);
    }
    // Read/write splitting is a variant of it, and the engine does not matter.
    for instance in [HA, RW_SPLIT, MEMCACHED] {
        server.post(&backups_path(instance), &json!({})).await.ok();
    }
}

#[tokio::test]
async fn row_14_the_instance_is_running() {
    let server = TestServer::start().await;
    for (status, instance) in BY_STATUS {
        let expected = refusal::of_state(status);
        let answer = server.post(&backups_path(instance), &json!({})).await;
        answer.assert_refused(&expected);
    }
}

#[tokio::test]
async fn row_15_no_backup_is_open() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    server.create_backup(HA).await;
    server.post(&backups_path(HA), &json!({})).await.assert_refused(&refusal::BACKING_UP);
}

/// A request in which several things are wrong, and the refusal of the first of them.
struct Wrong {
    method: &'static str,
    path: String,
    body: Value,
    first: Refusal,
}

fn wrong(method: &'static str, path: String, body: Value, first: Refusal) -> Wrong {
    Wrong { method, path, body, first }
}

#[tokio::test]
async fn the_first_row_that_is_wrong_is_the_answer() {
    let server = TestServer::start().await;
    let not_an_object = json!(["x"]);
    for Wrong { method, path, body, first } in [
        wrong("POST", path("x", "y") + "/z/z/z", not_an_object.clone(), refusal::UNKNOWN_ROUTE),
        wrong("PUT", path("x", "y"), not_an_object.clone(), refusal::METHOD_NOT_ALLOWED),
        wrong("POST", path("x", "y"), json!({}), refusal::INVALID_PROJECT_ID),
        wrong("POST", path("x", HA), not_an_object.clone(), refusal::INVALID_PROJECT_ID),
        wrong("POST", path("x", HA), too_long(), refusal::INVALID_PROJECT_ID),
        wrong("POST", path("x", SINGLE), json!({}), refusal::INVALID_PROJECT_ID),
        wrong("POST", path(PROJECT, "y"), not_an_object.clone(), refusal::INVALID_INSTANCE_ID),
        wrong("POST", path(PROJECT, "y"), json!({"remark": 1}), refusal::INVALID_INSTANCE_ID),
        wrong("POST", path(PROJECT, "y"), too_long(), refusal::INVALID_INSTANCE_ID),
        wrong("POST", path(UNKNOWN_PROJECT, "y"), json!({}), refusal::INVALID_INSTANCE_ID),
        wrong("POST", path(PROJECT, UNKNOWN_INSTANCE), not_an_object.clone(), refusal::INVALID_BODY),
        wrong("POST", path(PROJECT, SINGLE), not_an_object, refusal::INVALID_BODY),
        wrong("POST", path(PROJECT, UNKNOWN_INSTANCE), json!({"remark": 1}), refusal::INVALID_BODY),
        wrong("POST", path(PROJECT, OTHERS_HA), json!({"remark": [1]}), refusal::INVALID_BODY),
        wrong("POST", path(PROJECT, UNKNOWN_INSTANCE), too_long(), refusal::REMARK_TOO_LONG),
        wrong("POST", path(PROJECT, OTHERS_HA), too_long(), refusal::REMARK_TOO_LONG),
        wrong("POST", path(PROJECT, SINGLE), too_long(), refusal::REMARK_TOO_LONG),
        wrong("POST", path(PROJECT, SINGLE_RESTARTING), json!({}), refusal::ONLY_MASTER_STANDBY),
    ] {
        server.call(method, &path).json(&body).send().await.assert_refused(&first);
    }
    assert_eq!(server.audit().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_does_not_exist_comes_before_what_is_switched_off_and_that_before_the_cache_mode() {
    let server = TestServer::with(&[("backup.enabled", "false")]).await;
    for (instance, body, first) in [
        (HA, too_long(), refusal::REMARK_TOO_LONG),
        (UNKNOWN_INSTANCE, json!({}), refusal::INSTANCE_NOT_FOUND),
        (OTHERS_HA, json!({}), refusal::INSTANCE_NOT_FOUND),
        (SINGLE, json!({}), refusal::BACKUP_SWITCHED_OFF),
        (SINGLE_RESTARTING, json!({}), refusal::BACKUP_SWITCHED_OFF),
        (BY_STATUS[0].1, json!({}), refusal::BACKUP_SWITCHED_OFF),
    ] {
        server.post(&backups_path(instance), &body).await.assert_refused(&first);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_comes_before_an_open_backup() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    server.create_backup(HA).await;
    for (path, body, first) in [
        (path("x", HA), json!({}), refusal::INVALID_PROJECT_ID),
        (backups_path(HA), json!([]), refusal::INVALID_BODY),
        (backups_path(HA), json!({"remark": {}}), refusal::INVALID_BODY),
        (backups_path(HA), too_long(), refusal::REMARK_TOO_LONG),
        (path(UNKNOWN_PROJECT, HA), json!({}), refusal::INSTANCE_NOT_FOUND),
    ] {
        server.post(&path, &body).await.assert_refused(&first);
    }
}

#[tokio::test]
async fn a_refused_create_leaves_nothing_behind() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    server.post(&backups_path(HA), &too_long()).await.assert_refused(&refusal::REMARK_TOO_LONG);
    server.post(&backups_path(HA), &json!({"remark": 1})).await.assert_refused(&refusal::INVALID_BODY);
    server.post(&backups_path(SINGLE), &json!({})).await.assert_refused(&refusal::ONLY_MASTER_STANDBY);
    server.create_backup(HA).await;
    assert_eq!(server.list(HA, "").await["total_num"], 2);
    assert_eq!(server.list(SINGLE, "").await, json!({"backup_record_response": [], "total_num": 0}));
    let numbers: Vec<i64> = sqlx::query_scalar("SELECT record_number FROM backup_records ORDER BY 1")
        .fetch_all(&mut server.database().await)
        .await
        .unwrap();
    assert_eq!(numbers, [1, 2]);
}
