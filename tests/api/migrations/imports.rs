//! Imports of backups and of files.

use serde_json::{Value, json};

use super::{FULL_PHASE_MS, not_found, one, path, refused, slow};
use crate::support::seed::{
    HA, OTHER_PROJECT, OTHERS_HA, SECOND_HA, SINGLE, UNKNOWN_BACKUP, UNKNOWN_INSTANCE,
};
use crate::support::{Api, Covered, TestServer, covered, each, is_uuid, refusal, text};

const CREATE: &str = "/v2/{project_id}/migration-task";
const ONE: &str = "/v2/{project_id}/migration-task/{task_id}";
const LIST: &str = "/v2/{project_id}/migration-tasks";
const DELETE: &str = "/v2/{project_id}/migration-tasks/delete";
const STATS: &str = "/v2/{project_id}/migration-task/{task_id}/stats";
const LOGS: &str = "/v2/{project_id}/migration-task/{task_id}/logs";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", CREATE, an_import_takes_the_keys_that_a_backup_keeps),
    covered("GET", ONE, an_import_takes_the_keys_that_a_backup_keeps),
    covered("GET", STATS, an_import_takes_the_keys_that_a_backup_keeps),
    covered("GET", LOGS, an_import_of_files_says_what_it_was_told),
    covered("GET", LIST, migrations_are_listed_newest_first_and_deleted),
    covered("DELETE", DELETE, migrations_are_listed_newest_first_and_deleted),
];

fn import(backup: &str, target: &str) -> Value {
    json!({
        "task_name": "dcs-import", "description": "said", "migration_type": "backupfile_import",
        "migration_method": "full_amount_migration", "target_instance": {"id": target},
        "backup_files": {"file_source": "backup_record", "backup_id": backup},
    })
}

#[tokio::test]
async fn an_import_takes_the_keys_that_a_backup_keeps() {
    let mut server = slow().await;
    server.hold_keys(SECOND_HA, &["a", "b"]).await;
    let backup = server.create_backup(SECOND_HA).await;
    let name = server.newest(SECOND_HA).await["backup_name"].take();
    server.hold_keys(SECOND_HA, &["c"]).await;
    server.hold_keys(HA, &["old"]).await;
    let begun = server.post(&path("migration-task"), &import(&backup, HA)).await.ok();
    let id = text(&begun["id"]);
    assert!(is_uuid(&id), "{begun}");
    assert_eq!(begun, json!({"id": id, "name": "dcs-import", "status": "MIGRATING"}));
    assert_eq!(server.shown(Api::V2, HA).await["status"], "RESTORING");
    let second = server.post(&path("migration-task"), &import(&backup, HA)).await;
    second.assert_refused_by(Api::V2, &refusal::RESTORING);
    server.advance_ms(FULL_PHASE_MS / 2);
    let stats = server.get(&one(&id, "/stats")).await.ok();
    assert_eq!(
        stats,
        json!({"full_migration_progress": "50", "offset": "0", "source_dbsize": "2", "target_dbsize": "1",
               "target_input_kbps": "0", "target_ops": "0", "is_migrating": true})
    );
    server.restart().await;
    assert_eq!(
        (server.migration_status(&id).await, server.held_keys(HA).await),
        ("MIGRATING".into(), vec![json!("old")])
    );
    server.advance_ms(FULL_PHASE_MS / 2);
    let shown = server.migration(&id).await;
    let target = &shown["target_instance"];
    let ha = server.shown(Api::V2, HA).await;
    assert_eq!(
        shown,
        json!({
            "task_id": id, "task_name": "dcs-import", "description": "said", "status": "SUCCESS", "task_status": null,
            "migration_type": "backupfile_import", "migration_method": "full_amount_migration",
            "backup_files": {
                "file_source": "backup_record", "bucket_name": null, "files": [], "backup_id": backup,
                "backup_record": {"backup_id": backup, "backup_name": name},
            },
            "network_type": "vpc", "source_instance": null, "target_instance": {
                "id": HA, "name": "dcs-ha", "addrs": target["addrs"], "ip": ha["ip"], "port": "6379", "password": null,
                "task_status": "RUNNING", "proxy_multi_db": false, "db": null,
            },
            "created_at": "2020-03-02T06:15:04.512Z", "updated_at": "2020-03-02T06:15:14.512Z",
            "released_at": "2020-03-02T06:15:14.512Z", "version": "6.0.21", "resume_mode": null, "supported_features": [],
            "tenant_vpc_id": ha["vpc_id"], "tenant_subnet_id": ha["subnet_id"], "tenant_security_group_id": null,
            "bandwidth_limit_mb": null, "ecs_tenant_private_ip": shown["ecs_tenant_private_ip"],
        })
    );
    assert_eq!(target["addrs"], json!(format!("{}:6379", text(&ha["ip"]))));
    server.assert_idle(HA).await;
    assert_eq!(server.held_keys(HA).await, ["a", "b"]);
    assert_eq!(server.held_keys(SECOND_HA).await, ["c"]);
    let stats = server.get(&one(&id, "/stats")).await.ok();
    assert_eq!((&stats["full_migration_progress"], &stats["is_migrating"]), (&json!("100"), &json!(false)));
    let row = server.get(&path("migration-tasks")).await.ok()["migration_tasks"][0].take();
    assert_eq!((&row["data_source"], &row["source_instance_id"]), (&name, &Value::Null));
    server.stop_soundly().await;
}

#[tokio::test]
async fn an_import_of_files_says_what_it_was_told() {
    let server = TestServer::start().await;
    server.hold_keys(HA, &["stays"]).await;
    let files = json!([{"file_name": "a.rdb", "size": "0.09KB", "update_at": "2024-06-11T09:00:00Z"},
                       {"file_name": "b.rdb", "size": null, "update_at": null}]);
    let body = json!({
        "task_name": "files", "migration_type": "backupfile_import", "migration_method": "full_amount_migration",
        "target_instance": {"id": HA, "password": "whatever"}, "network_type": "vpn",
        "backup_files": {"bucket_name": "bucket", "files": files},
    });
    let begun = server.post(&path("migration-task"), &body).await.ok();
    assert_eq!(begun["status"], "MIGRATING");
    let id = text(&begun["id"]);
    let shown = server.migration(&id).await;
    assert_eq!((&shown["status"], &shown["network_type"]), (&json!("SUCCESS"), &json!("vpn")));
    assert_eq!(
        shown["backup_files"],
        json!({"file_source": "self_build_obs", "bucket_name": "bucket", "files": files, "backup_id": null,
               "backup_record": null})
    );
    assert_eq!(server.held_keys(HA).await, ["stays"]);
    let logs = server.get(&one(&id, "/logs")).await.ok();
    let codes = ["migration.0012", "migration.0026", "migration.0026", "migration.0002", "migration.0001"];
    assert_eq!(
        (&logs["log_num"], each(&logs["migration_logs"], "log_code")),
        (&json!(5), codes.map(Value::from).to_vec())
    );
    assert_eq!(
        logs["migration_logs"][0],
        json!({"created_at": "2020-03-02T06:15:04.512Z", "log_level": "INFO", "log_code": "migration.0012",
               "message": format!("job success, all files import complete.Job id: {id}."), "keyword": [id]})
    );
    assert_eq!(logs["migration_logs"][1]["keyword"], json!(["b.rdb"]));
    let page = server.get(&one(&id, "/logs?offset=1&limit=1&log_level=info")).await.ok();
    assert_eq!((&page["log_num"], &page["migration_logs"]), (&json!(5), &json!([logs["migration_logs"][1]])));
    let none = server.get(&one(&id, "/logs?log_level=ERROR")).await.ok();
    assert_eq!(none, json!({"log_num": 0, "migration_logs": []}));
    let unknown = server.get(&one(&id, "/logs?log_level=LOUD")).await;
    unknown.assert_refused_by(Api::V2, &refusal::invalid("log_level"));
    let row = server.get(&path("migration-tasks")).await.ok()["migration_tasks"][0].take();
    assert_eq!(row["data_source"], "bucket");
    server.stop_soundly().await;
}

#[tokio::test]
async fn migrations_are_listed_newest_first_and_deleted() {
    let mut server = slow().await;
    let empty = json!({"count": 0, "migration_tasks": []});
    assert_eq!(server.get(&path("migration-tasks")).await.ok(), empty);
    let mut ids = Vec::new();
    for name in ["first", "second", "third-first"] {
        ids.insert(0, server.create_online(name).await);
    }
    let all = server.get(&path("migration-tasks")).await.ok();
    assert_eq!(
        (&all["count"], each(&all["migration_tasks"], "task_id")),
        (&json!(3), ids.iter().map(|id| json!(id)).collect())
    );
    let page = server.get(&path("migration-tasks?offset=1&limit=1")).await.ok();
    assert_eq!((&page["count"], &page["migration_tasks"]), (&json!(3), &json!([all["migration_tasks"][1]])));
    let named = server.get(&path("migration-tasks?name=first")).await.ok();
    assert_eq!(each(&named["migration_tasks"], "task_name"), ["third-first", "first"]);
    assert_eq!(
        all["migration_tasks"][0],
        json!({
            "task_id": ids[0], "task_name": "third-first", "status": "RUNNING", "migration_type": "online_migration",
            "migration_method": null, "ecs_tenant_private_ip": all["migration_tasks"][0]["ecs_tenant_private_ip"],
            "data_source": null, "source_instance_name": null, "source_instance_id": null, "source_instance_status": null,
            "source_instance_subnet_id": null, "source_instance_spec_code": null, "target_instance_addrs": null,
            "target_instance_name": null, "target_instance_id": null, "target_instance_status": null,
            "target_instance_subnet_id": null, "target_instance_spec_code": null, "created_at": "2020-03-02T06:15:04.512Z",
            "description": "d", "error_message": null, "released_at": null, "version": "6.0.21", "resume_mode": null,
            "supported_features": [],
        })
    );
    server
        .configure(&ids[0], "full_amount_migration", &json!({"addrs": "10.9.9.9:1"}), &json!({"id": HA}))
        .await
        .ok();
    let delete = async |server: &TestServer, body: Value| {
        server.call("DELETE", &path("migration-tasks/delete")).json(&body).send().await
    };
    let running = delete(&server, json!({"task_id_list": [ids[1], ids[0]]})).await;
    running.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    assert_eq!(server.get(&path("migration-tasks")).await.ok()["count"], 3);
    server.advance_ms(FULL_PHASE_MS);
    let gone = json!({"task_id_list": [ids[0], UNKNOWN_INSTANCE, "no id"]});
    assert_eq!(delete(&server, gone.clone()).await.ok(), gone);
    server.restart().await;
    server.get(&one(&ids[0], "")).await.assert_refused_by(Api::V2, &not_found());
    assert_eq!(server.get(&path("migration-tasks")).await.ok()["count"], 2);
    let no_ids = refused("DCS.4855", "invalid migration task id in the request.");
    delete(&server, json!({"task_id_list": []})).await.assert_refused_by(Api::V2, &no_ids);
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_an_import_needs_is_asked_for() {
    let server = TestServer::start().await;
    let backup = server.create_backup(HA).await;
    let good = import(&backup, SINGLE);
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let files = |value: Value| with("backup_files", value);
    for (name, body) in [
        ("task_name", with("task_name", json!("abc"))),
        ("task_name", with("task_name", Value::Null)),
        ("description", with("description", json!("d".repeat(1025)))),
        ("migration_type", with("migration_type", json!("import"))),
        ("migration_method", with("migration_method", json!("incremental_migration"))),
        ("migration_method", with("migration_method", Value::Null)),
        ("network_type", with("network_type", json!("wan"))),
        ("target_instance", with("target_instance", Value::Null)),
        ("target_instance", with("target_instance", json!({"id": "none"}))),
        ("target_instance", with("target_instance", json!({"id": UNKNOWN_INSTANCE}))),
        ("target_instance", with("target_instance", json!({"id": OTHERS_HA}))),
        ("target_instance", with("target_instance", json!({"addrs": "10.0.0.1:6379"}))),
        ("source_instance", with("migration_type", json!("online_migration"))),
        ("backup_files", files(Value::Null)),
        ("file_source", files(json!({"file_source": "tape"}))),
        ("backup_id", files(json!({"file_source": "backup_record"}))),
        ("backup_id", files(json!({"file_source": "backup_record", "backup_id": UNKNOWN_BACKUP}))),
        ("bucket_name", files(json!({"files": [{"file_name": "a"}]}))),
        ("files", files(json!({"bucket_name": "b", "files": []}))),
        ("files", files(json!({"bucket_name": "b", "files": [{"size": "1"}]}))),
    ] {
        let answer = server.post(&path("migration-task"), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
    }
    server.post(&path("migration-task"), &json!([])).await.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    let restarting = with("target_instance", json!({"id": "0c000000-0000-4000-8000-000000000003"}));
    server.post(&path("migration-task"), &restarting).await.assert_refused_by(Api::V2, &refusal::RESTARTING);
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    let open = server.create_backup(HA).await;
    let unfinished = server.post(&path("migration-task"), &import(&open, SINGLE)).await;
    unfinished.assert_refused_by(Api::V2, &refusal::BACKUP_NOT_USABLE);
    // Nothing of it has left a trace, and what is another project's is not there.
    assert_eq!(server.get(&path("migration-tasks")).await.ok()["count"], 0);
    let id = text(&server.post(&path("migration-task"), &good).await.ok()["id"]);
    let others = format!("/v2/{OTHER_PROJECT}/migration-task/{id}");
    server.get(&others).await.assert_refused_by(Api::V2, &not_found());
    for rest in ["", "/stats", "/logs"] {
        server.get(&one("none", rest)).await.assert_refused_by(Api::V2, &not_found());
        server.get(&one(UNKNOWN_INSTANCE, rest)).await.assert_refused_by(Api::V2, &not_found());
    }
}

#[tokio::test]
async fn the_password_of_the_target_is_compared_if_one_is_named() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "password": "Right_password1",
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
    });
    let made = server.post(&format!("/v2/{}/instances", super::PROJECT), &body).await.ok();
    let target = text(&made["instances"][0]["instance_id"]);
    let backup = server.create_backup(HA).await;
    let mut body = import(&backup, &target);
    body["target_instance"]["password"] = json!("Wrong_password1");
    let wrong = server.post(&path("migration-task"), &body).await;
    wrong.assert_refused_by(Api::V2, &refused("DCS.4080", "Instance password verify failed."));
    for password in [json!("Right_password1"), Value::Null] {
        body["target_instance"]["password"] = password;
        let id = text(&server.post(&path("migration-task"), &body).await.ok()["id"]);
        let shown = server.migration(&id).await;
        assert_eq!(
            (&shown["status"], &shown["target_instance"]["password"]),
            (&json!("SUCCESS"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn an_import_that_fails_or_is_stopped_leaves_the_target_as_it_was() {
    let server = slow().await;
    server.hold_keys(SECOND_HA, &["new"]).await;
    server.hold_keys(HA, &["old"]).await;
    let backup = server.create_backup(SECOND_HA).await;
    let fault = json!({
        "match": {"operation": "create_migration_task"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}}, "times": 1,
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let failing = text(&server.post(&path("migration-task"), &import(&backup, HA)).await.ok()["id"]);
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&failing).await, "FAILED");
    server.assert_idle(HA).await;
    let row = server.get(&path("migration-tasks")).await.ok()["migration_tasks"][0].take();
    assert_eq!(row["error_message"], "The migration failed: dcs.08.0002.");
    let errors = server.get(&one(&failing, "/logs?log_level=error")).await.ok();
    assert_eq!(each(&errors["migration_logs"], "log_code"), ["migration.0008"]);
    let stopped = text(&server.post(&path("migration-task"), &import(&backup, HA)).await.ok()["id"]);
    assert_eq!(server.call_one(&stopped, "/stop").await.ok()["status"], "TERMINATING");
    server.assert_idle(HA).await;
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&stopped).await, "TERMINATED");
    assert_eq!(server.held_keys(HA).await, ["old"]);
    let update = server.put(&one(&stopped, ""), &json!({"resume_mode": "auto"})).await;
    update.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    // The instance of the backup is the source: with it the import ends.
    let orphan = text(&server.post(&path("migration-task"), &import(&backup, HA)).await.ok()["id"]);
    assert_eq!(server.delete(&Api::V2.instance(SECOND_HA)).await.status, 204);
    let shown = server.migration(&orphan).await;
    assert_eq!((&shown["status"], &shown["released_at"]), (&json!("FAILED"), &shown["updated_at"]));
    server.assert_idle(HA).await;
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.held_keys(HA).await, ["old"]);
    server.stop_soundly().await;
}
