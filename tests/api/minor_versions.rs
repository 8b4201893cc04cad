//! Minor versions of instances (wire contract of the operations of v2, section 10).

use serde_json::{Value, json};

use crate::support::seed::{
    HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SECOND_HA, SINGLE_RESTARTING,
    UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/version",
        an_instance_that_is_behind_is_upgraded,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/minor-version/upgrade",
        an_instance_that_is_behind_is_upgraded,
    ),
];

const UPGRADING: Refusal = refusal::other("DCS.4116", "the instance is upgrading.");

/// A seed with an instance that is behind in both versions.
fn behind() -> String {
    format!(
        "projects:\n  - id: {PROJECT}\n    instances:\n      - {{id: {HA}, cache_mode: proxy, \
         engine_minor_version: 5.0.9.0, proxy_minor_version: 5.0.13.99}}\n"
    )
}

fn versions(engine: [&str; 2], proxy: [Option<&str>; 2]) -> Value {
    json!({
        "engine_minor_version": engine[0], "latest_engine_minor_version": engine[1],
        "proxy_minor_version": proxy[0], "latest_proxy_minor_version": proxy[1],
        "engine_minor_version_upgradable": engine[0] != engine[1],
        "proxy_minor_version_upgradable": proxy[0] != proxy[1],
    })
}

async fn version(server: &TestServer, instance: &str) -> Value {
    server.get(&format!("{}/version", Api::V2.instance(instance))).await.ok()
}

async fn upgrade(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.post(&format!("{}/minor-version/upgrade", Api::V2.instance(instance)), body).await
}

async fn newest_task(server: &TestServer) -> Value {
    server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["tasks"][0].take()
}

const LATEST: [&str; 2] = ["5.0.14.0"; 2];

#[tokio::test]
async fn an_instance_that_is_behind_is_upgraded() {
    let mut server = TestServer::seeded(&behind(), &[("task.duration", "10s")]).await;
    let proxy = [Some("5.0.13.99"), Some("5.0.14.0")];
    assert_eq!(version(&server, HA).await, versions(["5.0.9.0", "5.0.14.0"], proxy));
    let begun = upgrade(&server, HA, &json!({"engine_minor_version": "latest"})).await.ok();
    let id = text(&begun["task_id"]);
    assert_eq!(begun, json!({ "task_id": id }));
    let shown = server.shown(Api::V2, HA).await;
    assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &json!("UPGRADE")));
    upgrade(&server, HA, &json!({"engine_minor_version": "latest"}))
        .await
        .assert_refused_by(Api::V2, &UPGRADING);
    server.post(&Api::V2.backups(HA), &json!({})).await.assert_refused_by(Api::V2, &UPGRADING);
    let task = newest_task(&server).await;
    let told = (&task["id"], &task["name"], &task["status"]);
    assert_eq!(told, (&json!(id), &json!("UpgradeMinorVersion"), &json!("EXECUTING")));
    let progress = format!("{}/tasks/{id}/progress", Api::V2.instance(HA));
    server.advance_ms(1_000 + 4_500);
    let half = server.get(&progress).await.ok();
    assert_eq!((&half["progress"], &half["remain_time"]), (&json!(50), &json!(5)));
    assert_eq!(half["step_details"][0]["step_status"], "EXECUTING");
    server.restart().await;
    assert_eq!(version(&server, HA).await["engine_minor_version"], "5.0.9.0");
    server.advance_ms(4_500);
    assert_eq!(version(&server, HA).await, versions(LATEST, proxy));
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
    assert_eq!(newest_task(&server).await["status"], "SUCCESS");
    let ended = server.get(&progress).await.ok();
    let step = &ended["step_details"][0];
    assert_eq!(
        (&ended["progress"], &step["step_status"], &step["error_code"]),
        (&json!(100), &json!("FINISH"), &Value::Null)
    );
    upgrade(&server, HA, &json!({"engine_minor_version": "5.0.14.0", "proxy_minor_version": "5.0.14.0"}))
        .await
        .ok();
    server.advance_ms(10_000);
    assert_eq!(version(&server, HA).await, versions(LATEST, [Some("5.0.14.0"); 2]));
}

#[tokio::test]
async fn an_upgrade_of_nothing_has_ended_at_once() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    for (instance, expected) in [
        (HA, versions(LATEST, [None; 2])),
        (RW_SPLIT, versions(LATEST, [Some("5.0.14.0"); 2])),
        (PROXY, versions(LATEST, [Some("5.0.14.0"); 2])),
        (OLD_REDIS, versions(["3.0.7.9"; 2], [None; 2])),
        (MEMCACHED, versions(["1.5.22.0"; 2], [None; 2])),
    ] {
        assert_eq!(version(&server, instance).await, expected);
    }
    // Without proxies it is of no matter what they are to become.
    let both = json!({"engine_minor_version": "latest", "proxy_minor_version": "9"});
    let id = upgrade(&server, HA, &both).await.ok()["task_id"].clone();
    let task = newest_task(&server).await;
    assert_eq!((&task["id"], &task["status"]), (&id, &json!("SUCCESS")));
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
}

#[tokio::test]
async fn an_upgrade_of_nothing_can_be_refused() {
    let settings = [("task.duration", "10s"), ("compat.upgrade_4053", "true")];
    let server = TestServer::seeded(&behind(), &settings).await;
    let nothing = Refusal {
        legacy: "111400053",
        ..refusal::other("DCS.4053", "the upgrade instance version equals to current version.")
    };
    let latest = json!({"engine_minor_version": "latest", "proxy_minor_version": "latest"});
    let other = json!({"engine_minor_version": "9"});
    upgrade(&server, HA, &other)
        .await
        .assert_refused_by(Api::V2, &refusal::invalid_parameter("engine_minor_version"));
    upgrade(&server, HA, &latest).await.ok();
    // What runs is not there yet.
    upgrade(&server, HA, &latest).await.assert_refused_by(Api::V2, &UPGRADING);
    server.advance_ms(10_000);
    for body in [latest, json!({"engine_minor_version": "5.0.14.0"})] {
        upgrade(&server, HA, &body).await.assert_refused_by(Api::V2, &nothing);
    }
    assert_eq!(server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["task_count"], "1");
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_versions() {
    let server = TestServer::seeded(&behind(), &[]).await;
    let before = version(&server, HA).await;
    let fault = json!({
        "match": {"operation": "upgrade_instance_minor_version"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let id = text(&upgrade(&server, HA, &json!({"proxy_minor_version": "latest"})).await.ok()["task_id"]);
    assert_eq!(version(&server, HA).await, before);
    assert_eq!(newest_task(&server).await["status"], "FAILED");
    let progress = server.get(&format!("{}/tasks/{id}/progress", Api::V2.instance(HA))).await.ok();
    let step = &progress["step_details"][0];
    assert_eq!((&step["step_status"], &step["error_code"]), (&json!("FAILED"), &json!("dcs.08.0002")));
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
}

#[tokio::test]
async fn an_upgrade_that_cannot_be_is_refused() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let latest = json!({"engine_minor_version": "latest"});
    for (instance, body, refusal) in [
        (HA, json!({}), refusal::EMPTY_BODY),
        (HA, json!({"engine_minor_version": "", "proxy_minor_version": null}), refusal::EMPTY_BODY),
        (HA, json!({"engine_minor_version": "5.0.9.0"}), refusal::invalid_parameter("engine_minor_version")),
        (PROXY, json!({"proxy_minor_version": "9"}), refusal::invalid_parameter("proxy_minor_version")),
        (OLD_REDIS, latest.clone(), refusal::WRONG_STATE),
        (MEMCACHED, latest.clone(), refusal::WRONG_STATE),
        (SINGLE_RESTARTING, latest.clone(), refusal::RESTARTING),
        (OTHERS_HA, latest.clone(), refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, latest.clone(), refusal::INSTANCE_NOT_FOUND),
    ] {
        upgrade(&server, instance, &body).await.assert_refused_by(Api::V2, &refusal);
    }
    server.create_backup(SECOND_HA).await;
    upgrade(&server, SECOND_HA, &latest).await.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    let path = format!("{}/version", Api::V2.instance(OTHERS_HA));
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}

#[tokio::test]
async fn a_seed_may_put_an_instance_behind_and_an_export_says_so() {
    let server = TestServer::seeded(&behind(), &[]).await;
    let (before, document) = (version(&server, HA).await, server.export().await);
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    server.seed(&document, "").await.ok();
    assert_eq!(version(&server, HA).await, before);
    assert_eq!(server.export().await, document);
    for (member, wrong) in [
        ("engine_minor_version", "5.0.15.0"),
        ("engine_minor_version", "5.0"),
        ("proxy_minor_version", "5.0.1.x"),
    ] {
        let seed = format!(
            "projects: [{{id: {PROJECT}, instances: [{{id: {UNKNOWN_INSTANCE}, cache_mode: proxy, {member}: \"{wrong}\"}}]}}]"
        );
        let answer = server.seed(&seed, "").await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.text().contains(member), "{}", answer.text());
    }
    let without_proxies = format!(
        "projects: [{{id: {PROJECT}, instances: [{{id: {UNKNOWN_INSTANCE}, cache_mode: ha, proxy_minor_version: 5.0.1.0}}]}}]"
    );
    assert_eq!(server.seed(&without_proxies, "").await.status, 400);
}
