//! What a person sees who opens the database with sqlite3 while the server runs: the views `backup_audit` and
//! `backup_records` in words, text ids and RFC 3339.

use serde_json::{Value, json};

use crate::support::seed::{
    HA, PROJECT, SINGLE, UNKNOWN_BACKUP, UNKNOWN_INSTANCE, backup_path, backups_path,
};
use crate::support::{Api, TestServer, refusal, text};

/// A row of `backup_audit` about a backup of [`HA`].
fn event(at: &str, who: &str, from_to: [&str; 2], remark: Option<&str>, ids: [&str; 2]) -> Value {
    let [backup_id, request_id] = ids;
    json!({
        "at": at,
        "who": who,
        "what": "backup",
        "from_status": from_to[0],
        "to_status": from_to[1],
        "remark": remark,
        "error_code": null,
        "instance_name": "dcs-ha",
        "instance_id": HA,
        "record_id": backup_id,
        "project_id": PROJECT,
        "request_id": if request_id.is_empty() { Value::Null } else { json!(request_id) },
    })
}

#[tokio::test]
async fn a_create_that_takes_no_time_is_one_event_that_names_its_request() {
    let server = TestServer::start().await;
    let answer = server.post(&backups_path(HA), &json!({"remark": "nightly"})).await;
    let body = answer.ok();
    let ids = [body["backup_id"].as_str().unwrap(), answer.request_id()];
    let expected = event("2020-03-02T06:15:04.512Z", "anonymous", ["none", "succeed"], Some("nightly"), ids);
    assert_eq!(server.audit().await, [expected]);
}

#[tokio::test]
async fn a_create_with_a_duration_is_three_events_at_the_planned_times() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let answer = server.post(&backups_path(HA), &json!({})).await;
    let body = answer.ok();
    let id = body["backup_id"].as_str().unwrap();
    let created =
        event("2020-03-02T06:15:04.512Z", "anonymous", ["none", "waiting"], None, [id, answer.request_id()]);
    assert_eq!(server.audit().await, std::slice::from_ref(&created));
    server.advance_ms(60_000);
    server.list(HA, "").await;
    let started = event("2020-03-02T06:15:05.012Z", "system", ["waiting", "backuping"], None, [id, ""]);
    let ended = event("2020-03-02T06:15:09.512Z", "system", ["backuping", "succeed"], None, [id, ""]);
    assert_eq!(server.audit().await, [created, started, ended]);
}

#[tokio::test]
async fn a_delete_is_an_event_and_a_second_one_is_none() {
    let server = TestServer::start().await;
    let id = server.create_remarked(HA, "to be deleted").await;
    server.advance_ms(1_000);
    let answer = server.delete(&backup_path(HA, &id)).await;
    answer.ok();
    server.delete(&backup_path(HA, &id)).await.ok();
    let audit = server.audit().await;
    let expected = event(
        "2020-03-02T06:15:05.512Z",
        "anonymous",
        ["succeed", "deleted"],
        Some("to be deleted"),
        [&id, answer.request_id()],
    );
    assert_eq!((audit.len(), &audit[1]), (2, &expected));
}

#[tokio::test]
async fn what_is_refused_or_only_read_is_no_event() {
    let server = TestServer::start().await;
    let long = json!({"remark": "x".repeat(129)});
    server.post(&backups_path(SINGLE), &json!({})).await.assert_refused(&refusal::ONLY_MASTER_STANDBY);
    server
        .post(&backups_path(UNKNOWN_INSTANCE), &json!({}))
        .await
        .assert_refused(&refusal::INSTANCE_NOT_FOUND);
    server.post(&backups_path(HA), &long).await.assert_refused(&refusal::REMARK_TOO_LONG);
    server.delete(&backup_path(HA, UNKNOWN_BACKUP)).await.assert_refused(&refusal::BACKUP_NOT_FOUND);
    server.list(HA, "").await;
    server.get("/readyz").await.ok();
    assert_eq!(server.audit().await, [] as [Value; 0]);
}

#[tokio::test]
async fn credentials_are_never_in_the_audit() {
    let server = TestServer::start().await;
    let secret = "MIIabcdefghijklmnop";
    let call = server.call("POST", &backups_path(HA)).header("X-Auth-Token", secret);
    call.header("Authorization", secret).json(&json!({})).send().await.ok();
    let audit = server.audit().await;
    assert_eq!((audit.len(), &audit[0]["who"]), (1, &json!("anonymous")));
    assert!(!json!(audit).to_string().contains(secret));
}

#[tokio::test]
async fn what_a_seed_brings_is_an_event_of_the_seed() {
    let server = TestServer::start().await;
    let events = server
        .rows(
            "SELECT json_object('at', at, 'who', who, 'what', what, 'from', from_status, 'to', to_status,
                                'request_id', request_id, 'record_id', record_id, 'name', instance_name)
             FROM backup_audit WHERE instance_name IN ('dcs-single', 'in-error')",
        )
        .await;
    let expected = |name: &str, status: &str| {
        json!({
            "at": "2020-03-02T06:15:04.512Z", "who": "seed", "what": "instance", "from": "none", "to": status,
            "request_id": null, "record_id": null, "name": name,
        })
    };
    assert_eq!(events, [expected("dcs-single", "RUNNING"), expected("in-error", "ERROR")]);
}

#[tokio::test]
async fn a_row_of_backup_records_says_what_the_list_says() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let deleted = server.create_remarked(HA, "first").await;
    server.advance_ms(5_000);
    server.delete(&backup_path(HA, &deleted)).await.ok();
    server.create_remarked(HA, "second").await;
    server.advance_ms(5_000);
    server.create_remarked(HA, "third").await;
    let rows = server
        .rows(
            "SELECT json_object('status', status, 'remark', remark, 'period', period, 'progress', progress, 'size', size,
                                'instance_id', instance_id, 'backup_id', backup_id, 'created_at', created_at,
                                'updated_at', updated_at, 'execution_at', execution_at, 'backup_type', backup_type,
                                'backup_name', backup_name, 'error_code', error_code,
                                'is_support_restore', is_support_restore)
             FROM backup_records",
        )
        .await;
    let listed = server.list(HA, "").await["backup_record_response"].take();
    assert_eq!(json!(rows), listed);
    let statuses: Vec<_> = rows.iter().map(|row| &row["status"]).collect();
    assert_eq!(statuses, ["waiting", "succeed", "deleted"]);
    // What the API does not show.
    let more = server
        .rows(
            "SELECT json_array(record_number, project_id, instance_name, backup_format) FROM backup_records
             ORDER BY record_number",
        )
        .await;
    assert_eq!(more, [1, 2, 3].map(|number| json!([number, PROJECT, "dcs-ha", "rdb"])));
}

#[tokio::test]
async fn a_backup_that_runs_has_no_progress_in_the_view_for_that_is_a_matter_of_the_moment() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    server.create_backup(HA).await;
    server.advance_ms(2_000);
    server.list(HA, "").await;
    let rows = server.rows("SELECT json_array(status, progress, size) FROM backup_records").await;
    assert_eq!(rows, [json!(["backuping", null, 0])]);
}

#[tokio::test]
async fn a_remark_is_in_both_views_as_it_was_given() {
    let server = TestServer::start().await;
    let mut database = server.database().await;
    for remark in ["备份 🦀", r#"'quotes' "and" \backslashes\"#, "a\u{1}b", "line\nline", "", "null"] {
        server.create_remarked(HA, remark).await;
        // The columns themselves: a person's JSON would say nothing about them.
        let in_records: String =
            sqlx::query_scalar("SELECT remark FROM backup_records ORDER BY record_number DESC LIMIT 1")
                .fetch_one(&mut database)
                .await
                .unwrap();
        assert_eq!(in_records, remark);
        let in_audit: Vec<String> =
            sqlx::query_scalar("SELECT remark FROM backup_audit WHERE what = 'backup'")
                .fetch_all(&mut database)
                .await
                .unwrap();
        assert_eq!(in_audit.last().map(String::as_str), Some(remark));
    }
}

#[tokio::test]
async fn an_event_shows_its_subject_as_it_was_and_numbers_run_within_the_project() {
    let server = TestServer::start().await;
    server.create_remarked(HA, "nightly").await;
    server.put(&Api::V2.instance(HA), &json!({"name": "dcs-renamed"})).await;
    server.create_remarked(HA, "weekly").await;
    let rows = server
        .rows(
            "SELECT json_array(what, name, instance_name, remark) FROM audit
             WHERE instance_id = '5560df16-cebf-4473-95c4-d1b573c16e79' ORDER BY number",
        )
        .await;
    assert_eq!(
        rows,
        [
            json!(["instance", "dcs-ha", "dcs-ha", null]),
            json!(["backup", "backup_20200302141504", "dcs-ha", "nightly"]),
            json!(["instance", "dcs-renamed", "dcs-renamed", "changed name"]),
            json!(["backup", "backup_20200302141504", "dcs-renamed", "weekly"]),
        ]
    );
    let numbers = "SELECT json_array(min(number), max(number) - count(*)) FROM audit GROUP BY project_id";
    assert_eq!(server.rows(numbers).await, [json!([1, 0]), json!([1, 0])]);
}

#[tokio::test]
async fn a_template_has_its_events_also_in_a_project_without_instances() {
    let server = TestServer::start().await;
    let templates = "/v2/0123456789abcdef0123456789abcdef/config-templates";
    let made = server
        .post(templates, &json!({"template_id": "11", "name": "mine", "params": {"timeout": "100"}}))
        .await;
    let id = text(&made.ok()["id"]);
    let template = format!("{templates}/{id}");
    let changed = json!({"name": "ours", "description": "said"});
    let answer = server.put(&template, &changed).await;
    // What says nothing new changes nothing.
    server.put(&template, &changed).await.ok();
    server.delete(&template).await.ok();
    server.delete(&template).await.assert_refused_by(Api::V2, &refusal::TEMPLATE_NOT_FOUND);
    let rows = server
        .rows(
            "SELECT json_array(number, who, name, id, from_status, to_status, remark, instance_id) FROM audit
             WHERE what = 'template' AND project_id = '0123456789abcdef0123456789abcdef'",
        )
        .await;
    assert_eq!(
        rows,
        [
            json!([1, "anonymous", "mine", id, "none", "ACTIVE", null, null]),
            json!([2, "anonymous", "ours", id, "ACTIVE", "ACTIVE", "changed name, description", null]),
            json!([3, "anonymous", "ours", id, "ACTIVE", "gone", null, null]),
        ]
    );
    let requests = server.rows("SELECT json_array(request_id) FROM audit WHERE what = 'template'").await;
    assert_eq!(requests[1], json!([answer.request_id()]));
    assert_eq!(server.audit().await, [] as [Value; 0]);
}

#[tokio::test]
async fn the_history_can_be_read_while_the_server_writes_and_cannot_be_rewritten() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    let mut person = server.database_for_writing().await;
    for statement in [
        "DELETE FROM events",
        "UPDATE events SET at = 0",
        "DELETE FROM backups",
        "UPDATE backups SET remark = 'another'",
        "UPDATE backups SET status = 0",
    ] {
        assert!(sqlx::query(statement).execute(&mut person).await.is_err(), "{statement}");
    }
    server.create_backup(HA).await;
    assert_eq!(server.audit().await.len(), 2);
}
