//! Online migrations: their setup, and what stops and restarts them.

use serde_json::{Value, json};

use super::{FULL_PHASE_MS, not_found, one, path, refused, slow};
use crate::support::seed::{HA, OTHERS_HA, PROJECT, SECOND_HA, SINGLE, UNKNOWN_INSTANCE};
use crate::support::{Api, Covered, TestServer, covered, each, is_uuid, refusal, text};

const CREATE: &str = "/v2/{project_id}/migration/instance";
const SET: &str = "/v2/{project_id}/migration/{task_id}/task";
const ONE: &str = "/v2/{project_id}/migration-task/{task_id}";
const STOP: &str = "/v2/{project_id}/migration-task/{task_id}/stop";
const SYNC_STOP: &str = "/v2/{project_id}/migration-task/{task_id}/sync-stop";
const BATCH_STOP: &str = "/v2/{project_id}/migration-task/batch-stop";
const BATCH_RESTART: &str = "/v2/{project_id}/migration-tasks/batch-restart";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", CREATE, an_online_migration_copies_the_keys_of_its_source),
    covered("POST", SET, an_online_migration_copies_the_keys_of_its_source),
    covered("PUT", ONE, a_migration_that_follows_is_stopped_and_restarted),
    covered("POST", STOP, a_migration_that_follows_is_stopped_and_restarted),
    covered("POST", SYNC_STOP, a_migration_is_stopped_at_once),
    covered("POST", BATCH_STOP, many_are_stopped_and_restarted_and_each_has_its_result),
    covered("POST", BATCH_RESTART, many_are_stopped_and_restarted_and_each_has_its_result),
];

#[tokio::test]
async fn an_online_migration_copies_the_keys_of_its_source() {
    let mut server = slow().await;
    server.hold_keys(SECOND_HA, &["a"]).await;
    server.hold_keys(HA, &["old"]).await;
    let body = json!({"name": "dcs-migration", "vpc_id": "v", "subnet_id": "s", "security_group_id": "g"});
    let created = server.post(&path("migration/instance"), &body).await.ok();
    let id = text(&created["instance_id"]);
    assert!(is_uuid(&id), "{created}");
    let job = server.get(&path(&format!("jobs/{}", text(&created["job_id"])))).await.ok();
    assert_eq!(job["status"], "SUCCESS", "{job}");
    let shown = server.migration(&id).await;
    for (member, value) in [
        ("status", json!("RUNNING")),
        ("migration_type", json!("online_migration")),
        ("migration_method", Value::Null),
        ("resume_mode", Value::Null),
        ("source_instance", Value::Null),
        ("target_instance", Value::Null),
        ("tenant_vpc_id", json!("v")),
        ("tenant_subnet_id", json!("s")),
        ("tenant_security_group_id", json!("g")),
        ("backup_files", Value::Null),
        ("description", Value::Null),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    let body = json!({
        "migration_method": "full_amount_migration", "resume_mode": "manual", "bandwidth_limit_mb": null,
        "source_instance": {"id": SECOND_HA, "addrs": null, "password": null}, "target_instance": {"id": HA},
    });
    let set = server.post(&path(&format!("migration/{id}/task")), &body).await.ok();
    assert_eq!(set, json!({"id": id, "name": "dcs-migration", "status": "FULLMIGRATING"}));
    assert_eq!(server.shown(Api::V2, HA).await["status"], "RESTORING");
    server.assert_idle(SECOND_HA).await;
    assert_eq!(server.call_one(&id, "/exchange-ip").await.json()["error_code"], "DCS.4990");
    server.restart().await;
    // What the source holds in the end is what counts.
    server.hold_keys(SECOND_HA, &["b"]).await;
    server.advance_ms(FULL_PHASE_MS);
    let shown = server.migration(&id).await;
    let source = server.shown(Api::V2, SECOND_HA).await;
    assert_eq!((&shown["status"], &shown["resume_mode"]), (&json!("SUCCESS"), &json!("manual")));
    assert_eq!((&shown["released_at"], &shown["bandwidth_limit_mb"]), (&Value::Null, &Value::Null));
    let source_addrs = format!("{}:6379", text(&source["ip"]));
    assert_eq!(
        shown["source_instance"],
        json!({"id": SECOND_HA, "name": "dcs-ha-second", "addrs": source_addrs, "ip": source["ip"], "port": "6379",
               "password": null, "task_status": "RUNNING", "proxy_multi_db": false, "db": null})
    );
    assert_eq!(
        (server.held_keys(HA).await, server.held_keys(SECOND_HA).await),
        (vec![json!("b")], vec![json!("b")])
    );
    server.assert_idle(HA).await;
    let row = server.get(&path("migration-tasks?name=dcs-migration")).await.ok()["migration_tasks"][0].take();
    let target = server.shown(Api::V2, HA).await;
    for (member, value) in [
        ("data_source", json!(source_addrs)),
        ("source_instance_name", json!("dcs-ha-second")),
        ("source_instance_id", json!(SECOND_HA)),
        ("source_instance_status", json!("RUNNING")),
        ("source_instance_subnet_id", source["subnet_id"].clone()),
        ("source_instance_spec_code", source["spec_code"].clone()),
        ("target_instance_addrs", json!(format!("{}:6379", text(&target["ip"])))),
        ("target_instance_id", json!(HA)),
        ("target_instance_name", json!("dcs-ha")),
        ("target_instance_status", json!("RUNNING")),
        ("target_instance_subnet_id", target["subnet_id"].clone()),
        ("target_instance_spec_code", target["spec_code"].clone()),
        ("migration_method", json!("full_amount_migration")),
        ("resume_mode", json!("manual")),
    ] {
        assert_eq!(row[member], value, "{member}");
    }
    // It can lead elsewhere now, from another server.
    let elsewhere = json!({"addrs": "192.168.1.2:6380,192.168.1.3:6380"});
    server.configure(&id, "full_amount_migration", &elsewhere, &json!({"id": SINGLE})).await.ok();
    let shown = server.migration(&id).await;
    assert_eq!(
        shown["source_instance"],
        json!({"id": null, "name": null, "addrs": "192.168.1.2:6380,192.168.1.3:6380", "ip": "192.168.1.2",
               "port": "6380", "password": null, "task_status": null, "proxy_multi_db": false, "db": null})
    );
    assert_eq!(server.shown(Api::V2, SINGLE).await["status"], "RESTORING");
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&id).await, "SUCCESS");
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_migration_can_be_created_with_its_setup() {
    let server = slow().await;
    let body = json!({
        "task_name": "at-once", "migration_type": "online_migration", "migration_method": "incremental_migration",
        "source_instance": {"addrs": "192.168.1.2:6379", "password": "p"}, "target_instance": {"id": HA},
    });
    let begun = server.post(&path("migration-task"), &body).await.ok();
    assert_eq!(begun["status"], "FULLMIGRATING");
    server.advance_ms(FULL_PHASE_MS);
    let shown = server.migration(&text(&begun["id"])).await;
    assert_eq!((&shown["status"], &shown["resume_mode"]), (&json!("INCRMIGEATING"), &Value::Null));
    server.assert_idle(HA).await;
    let target = server.shown(Api::V2, HA).await;
    assert_eq!(shown["tenant_vpc_id"], target["vpc_id"]);
}

#[tokio::test]
async fn a_migration_into_an_instance_that_a_seed_replaces_has_failed() {
    let server = slow().await;
    let source = json!({"id": SECOND_HA});
    let id = server.create_online("replaced").await;
    server.configure(&id, "full_amount_migration", &source, &json!({"id": HA})).await.ok();
    assert_eq!(server.migration_status(&id).await, "FULLMIGRATING");
    let seed = json!({"projects": [{"id": PROJECT, "instances": [{"id": HA, "cache_mode": "ha"}]}]});
    server.seed(&seed.to_string(), "?overwrite=true").await.ok();
    assert_eq!(server.migration_status(&id).await, "FAILED");
    server.assert_idle(HA).await;
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_is_refused_of_a_project_that_is_not_there_makes_none() {
    let server = TestServer::start().await;
    let before = server.rows("SELECT json_array(name) FROM projects").await;
    let project = format!("/v2/{}/migration-task", "0".repeat(32));
    for answer in [
        server.post(&format!("{project}/{UNKNOWN_INSTANCE}/stop"), &json!({})).await,
        server.put(&format!("{project}/{UNKNOWN_INSTANCE}"), &json!({"resume_mode": "manual"})).await,
    ] {
        answer.assert_refused_by(Api::V2, &not_found());
    }
    let delete = json!({"task_id_list": [UNKNOWN_INSTANCE]});
    let path = format!("/v2/{}/migration-tasks/delete", "0".repeat(32));
    server.call("DELETE", &path).json(&delete).send().await;
    assert_eq!(server.rows("SELECT json_array(name) FROM projects").await, before);
}

#[tokio::test]
async fn a_migration_that_follows_is_stopped_and_restarted() {
    let mut server = slow().await;
    let id = server.follow(SECOND_HA, HA).await;
    server.assert_idle(HA).await;
    let stats = server.get(&one(&id, "/stats")).await.ok();
    assert_eq!((&stats["full_migration_progress"], &stats["is_migrating"]), (&json!("100"), &json!(true)));
    let updated = server.put(&one(&id, ""), &json!({"resume_mode": "manual"})).await;
    assert_eq!((updated.status, updated.json()), (200, json!("success")));
    assert_eq!(server.migration(&id).await["resume_mode"], "manual");
    let row = server.get(&path("migration-tasks")).await.ok()["migration_tasks"][0].take();
    assert_eq!(row["resume_mode"], "manual");
    for body in [json!({"resume_mode": "never"}), json!({})] {
        let wrong = server.put(&one(&id, ""), &body).await;
        wrong.assert_refused_by(Api::V2, &refusal::invalid_parameter("resume_mode"));
    }
    let target = json!({ "id": SINGLE });
    let again = server.configure(&id, "full_amount_migration", &json!({ "id": HA }), &target).await;
    again.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    let stopping = server.call_one(&id, "/stop").await.ok();
    assert_eq!((&stopping["status"], &stopping["task_id"]), (&json!("TERMINATING"), &json!(id)));
    assert_eq!(server.call_one(&id, "/stop").await.ok()["status"], "TERMINATING");
    server.restart().await;
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&id).await, "TERMINATED");
    assert_eq!(server.call_one(&id, "/stop").await.ok()["status"], "TERMINATED");
    let restart = json!({ "migration_tasks": [id] });
    let results = server.post(&path("migration-tasks/batch-restart"), &restart).await.ok();
    assert_eq!(
        results,
        json!({"migration_tasks": [{"task_id": id, "result": "success", "error_code": null, "error_msg": null}]})
    );
    assert_eq!(server.migration_status(&id).await, "FULLMIGRATING");
    assert_eq!(server.shown(Api::V2, HA).await["status"], "RESTORING");
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&id).await, "INCRMIGEATING");
    server.assert_idle(HA).await;
    let logs = server.get(&one(&id, "/logs?limit=100")).await.ok();
    let codes = each(&logs["migration_logs"], "log_code");
    let numbers: Vec<_> = codes.iter().rev().map(|code| text(code)[10..].parse::<u32>().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 3, 4, 5]);
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_migration_is_stopped_at_once() {
    let server = slow().await;
    server.hold_keys(SECOND_HA, &["new"]).await;
    server.hold_keys(HA, &["old"]).await;
    let id = server.create_online("stopped").await;
    server.call_one(&id, "/sync-stop").await.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    server.call_one(&id, "/stop").await.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    let (source, target) = (json!({ "id": SECOND_HA }), json!({ "id": HA }));
    server.configure(&id, "full_amount_migration", &source, &target).await.ok();
    server.call_one(&id, "/sync-stop").await.assert_no_content();
    assert_eq!(server.migration_status(&id).await, "TERMINATED");
    server.assert_idle(HA).await;
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(
        (server.migration_status(&id).await, server.held_keys(HA).await),
        ("TERMINATED".into(), vec![json!("old")])
    );
    server.call_one(&id, "/sync-stop").await.assert_no_content();
    // One that is being stopped has stopped then.
    server.configure(&id, "full_amount_migration", &source, &target).await.ok();
    server.call_one(&id, "/stop").await.ok();
    server.call_one(&id, "/sync-stop").await.assert_no_content();
    assert_eq!(server.migration_status(&id).await, "TERMINATED");
    for action in ["/stop", "/sync-stop", "/exchange-ip", "/rollback-ip"] {
        server.call_one(UNKNOWN_INSTANCE, action).await.assert_refused_by(Api::V2, &not_found());
        server.call_one("none", action).await.assert_refused_by(Api::V2, &not_found());
    }
    let update = server.put(&one(UNKNOWN_INSTANCE, ""), &json!({"resume_mode": "auto"})).await;
    update.assert_refused_by(Api::V2, &not_found());
    server.stop_soundly().await;
}

#[tokio::test]
async fn many_are_stopped_and_restarted_and_each_has_its_result() {
    let server = TestServer::start().await;
    let follows = server.follow(SECOND_HA, HA).await;
    let waits = server.create_online("waits").await;
    let backup = server.create_backup(HA).await;
    let body = json!({
        "task_name": "import", "migration_type": "backupfile_import", "migration_method": "full_amount_migration",
        "target_instance": {"id": SINGLE}, "backup_files": {"file_source": "backup_record", "backup_id": backup},
    });
    let import = text(&server.post(&path("migration-task"), &body).await.ok()["id"]);
    let all = json!({ "migration_tasks": [follows, waits, UNKNOWN_INSTANCE, "none", import] });
    let failed = |id: &str, code: &str, message: &str| json!({"task_id": id, "result": "failed", "error_code": code, "error_msg": message});
    let well = json!({"task_id": follows, "result": "success", "error_code": null, "error_msg": null});
    let state = "This operation is not allowed when the task is in the current state.";
    let unknown = |id| failed(id, "DCS.4133", "Instance job is not found.");
    let stopped = server.post(&path("migration-task/batch-stop"), &all).await.ok();
    assert_eq!(
        stopped["migration_tasks"],
        json!([
            well,
            failed(&waits, "DCS.4957", state),
            unknown(UNKNOWN_INSTANCE),
            unknown("none"),
            failed(&import, "DCS.4957", state)
        ])
    );
    assert_eq!(server.migration_status(&follows).await, "TERMINATED");
    let restarted = server.post(&path("migration-tasks/batch-restart"), &all).await.ok();
    assert_eq!(
        restarted["migration_tasks"],
        json!([
            well,
            failed(&waits, "DCS.4957", state),
            unknown(UNKNOWN_INSTANCE),
            unknown("none"),
            failed(&import, "dcs.41.0001", "task not v2")
        ])
    );
    assert_eq!(server.migration_status(&follows).await, "INCRMIGEATING");
    let no_ids = refused("DCS.4855", "invalid migration task id in the request.");
    for rest in ["migration-task/batch-stop", "migration-tasks/batch-restart"] {
        for body in [json!({}), json!({"migration_tasks": []}), json!({"migration_tasks": vec!["x"; 101]})] {
            server.post(&path(rest), &body).await.assert_refused_by(Api::V2, &no_ids);
        }
    }
    // Where the target is busy the refusal is that of its state.
    server.post(&path("migration-task/batch-stop"), &json!({ "migration_tasks": [follows] })).await.ok();
    server.set_rule("restore", &json!({"progression": "manual"})).await;
    server.restore(Api::V2, HA, &json!({ "backup_id": backup })).await;
    let busy =
        server.post(&path("migration-tasks/batch-restart"), &json!({ "migration_tasks": [follows] })).await;
    assert_eq!(busy.ok()["migration_tasks"][0]["error_code"], "DCS.4097");
    assert_eq!(server.migration_status(&follows).await, "TERMINATED");
}

#[tokio::test]
async fn what_a_setup_needs_is_asked_for() {
    let server = TestServer::start().await;
    let online = json!({"name": "dcs-migration", "vpc_id": "v", "subnet_id": "s", "security_group_id": "g"});
    for name in ["name", "vpc_id", "subnet_id", "security_group_id"] {
        let mut body = online.clone();
        body[name] = json!("");
        let answer = server.post(&path("migration/instance"), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
    }
    let id = server.create_online("dcs-migration").await;
    let good = json!({
        "migration_method": "incremental_migration", "resume_mode": "auto", "bandwidth_limit_mb": "100",
        "source_instance": {"id": SECOND_HA}, "target_instance": {"id": HA},
    });
    let set = path(&format!("migration/{id}/task"));
    for (name, value) in [
        ("migration_method", json!("all")),
        ("resume_mode", Value::Null),
        ("bandwidth_limit_mb", json!(0)),
        ("bandwidth_limit_mb", json!("10241")),
        ("bandwidth_limit_mb", json!("much")),
        ("source_instance", Value::Null),
        ("source_instance", json!({})),
        ("source_instance", json!({"addrs": "192.168.1.2"})),
        ("source_instance", json!({"id": UNKNOWN_INSTANCE})),
        ("source_instance", json!({"id": OTHERS_HA})),
        ("target_instance", json!({"id": "none"})),
        ("target_instance", json!({"id": UNKNOWN_INSTANCE})),
        ("target_instance", json!({"id": SECOND_HA})),
    ] {
        let mut body = good.clone();
        body[name] = value;
        server.post(&set, &body).await.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
    }
    let unknown = server.post(&path(&format!("migration/{UNKNOWN_INSTANCE}/task")), &good).await;
    unknown.assert_refused_by(Api::V2, &not_found());
    assert_eq!(server.migration_status(&id).await, "RUNNING");
    server.post(&set, &good).await.ok();
    assert_eq!(server.migration(&id).await["bandwidth_limit_mb"], "100");
    // Between two other servers nothing changes here.
    let other = server.create_online("elsewhere").await;
    let same = json!({"addrs": "192.168.1.2:6379"});
    let nowhere = server.configure(&other, "full_amount_migration", &same, &same).await;
    nowhere.assert_refused_by(Api::V2, &refusal::invalid_parameter("target_instance"));
    let target = json!({"addrs": "192.168.1.3:6379"});
    server.configure(&other, "full_amount_migration", &same, &target).await.ok();
    assert_eq!(server.migration_status(&other).await, "SUCCESS");
}

#[tokio::test]
async fn a_migration_fails_by_a_fault_and_with_its_instances() {
    let mut server = slow().await;
    let fault = json!({
        "match": {"operation": "set_online_migration_task"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}}, "times": 1,
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let id = server.create_online("failing").await;
    let (source, target) = (json!({ "id": SECOND_HA }), json!({ "id": HA }));
    server.configure(&id, "incremental_migration", &source, &target).await.ok();
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&id).await, "MIGRATION_FAILED");
    server.assert_idle(HA).await;
    server.configure(&id, "incremental_migration", &source, &target).await.ok();
    server.delete(&Api::V2.instance(HA)).await.assert_refused_by(Api::V2, &refusal::RESTORING);
    server.advance_ms(FULL_PHASE_MS);
    assert_eq!(server.migration_status(&id).await, "INCRMIGEATING");
    assert_eq!(server.delete(&Api::V2.instance(HA)).await.status, 204);
    let shown = server.migration(&id).await;
    assert_eq!(
        (&shown["status"], &shown["target_instance"]["task_status"]),
        (&json!("FAILED"), &Value::Null)
    );
    assert_eq!(shown["target_instance"]["name"], "dcs-ha");
    let restart = json!({ "migration_tasks": [id] });
    let results = server.post(&path("migration-tasks/batch-restart"), &restart).await.ok();
    assert_eq!(results["migration_tasks"][0]["error_code"], "DCS.3022");
    // The source goes while data is on its way.
    server.configure(&id, "full_amount_migration", &source, &json!({ "id": SINGLE })).await.ok();
    assert_eq!(server.delete(&Api::V2.instance(SECOND_HA)).await.status, 204);
    server.restart().await;
    assert_eq!(server.migration_status(&id).await, "FAILED");
    server.assert_idle(SINGLE).await;
    let events = server
        .rows("SELECT json_object('from', f.word, 'to', t.word) FROM events e LEFT JOIN statuses f ON f.status = e.from_status
               LEFT JOIN statuses t ON t.status = e.to_status WHERE subject_kind = 'migration' ORDER BY number")
        .await;
    assert_eq!(
        each(&json!(events), "to"),
        [
            "RUNNING",
            "FULLMIGRATING",
            "MIGRATION_FAILED",
            "FULLMIGRATING",
            "INCRMIGEATING",
            "FAILED",
            "FULLMIGRATING",
            "FAILED"
        ]
    );
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_is_exported_is_not_restoring_for_a_migration() {
    let server = slow().await;
    let id = server.create_online("open").await;
    let (source, target) = (json!({ "id": SECOND_HA }), json!({ "id": HA }));
    server.configure(&id, "full_amount_migration", &source, &target).await.ok();
    let export = server.get(&format!("/_emulator/export?project_id={PROJECT}&format=json")).await;
    let other = TestServer::seeded(export.text(), &[]).await;
    other.assert_idle(HA).await;
}

#[tokio::test]
async fn a_migration_ends_with_the_subscription_of_its_target() {
    let server = TestServer::start().await;
    let order = json!({
        "name": "paid", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": 1, "is_auto_pay": true},
    });
    let bought = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    let target = text(&bought["instances"][0]["instance_id"]);
    let id = server.follow(SECOND_HA, &target).await;
    let end = json!({"resource_ids": [target], "unsubscribe_type": 1});
    server.post("/v2/orders/subscriptions/resources/unsubscribe", &end).await.ok();
    assert_eq!(server.migration_status(&id).await, "FAILED");
    server.stop_soundly().await;
}
