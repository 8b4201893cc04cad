//! The settings that change what a client of v1.0 sees.

use serde_json::json;

use crate::support::seed::{
    CLUSTER, HA, PROXY, RW_SPLIT, SINGLE, UNKNOWN_INSTANCE, backup_path, backups_path, instance_path,
};
use crate::support::{TestServer, refusal};

#[tokio::test]
async fn clusters_are_refused_unless_they_may_always_be_backed_up() {
    for (value, refused) in [("never", true), ("v2", true), ("always", false)] {
        let server = TestServer::with(&[("backup.cluster", value)]).await;
        for instance in [CLUSTER, PROXY] {
            let answer = server.post(&backups_path(instance), &json!({})).await;
            if refused {
                answer.assert_refused(&refusal::ONLY_MASTER_STANDBY);
            } else {
                answer.ok();
                assert_eq!(server.newest(instance).await["status"], "succeed");
            }
        }
        // It is about clusters only.
        let answer = server.post(&backups_path(SINGLE), &json!({})).await;
        answer.assert_refused(&refusal::ONLY_MASTER_STANDBY);
        for instance in [HA, RW_SPLIT] {
            server.post(&backups_path(instance), &json!({})).await.ok();
        }
    }
}

#[tokio::test]
async fn backups_that_are_switched_off_can_still_be_read() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    server.set(&[("backup.enabled", "false")]);
    server.restart().await;
    server.post(&backups_path(HA), &json!({})).await.assert_refused(&refusal::BACKUP_SWITCHED_OFF);
    assert_eq!(server.list(HA, "").await["total_num"], 1);
    server.get(&instance_path(HA)).await.ok();
}

#[tokio::test]
async fn errors_can_carry_the_newer_codes() {
    let server = TestServer::with(&[("errors.code_style", "dcs")]).await;
    for (answer, refusal) in [
        (server.post(&backups_path(SINGLE), &json!({})).await, refusal::ONLY_MASTER_STANDBY),
        (server.get(&instance_path(UNKNOWN_INSTANCE)).await, refusal::INSTANCE_NOT_FOUND),
        (server.get("/nothing").await, refusal::UNKNOWN_ROUTE),
        (server.call("PUT", "/livez").send().await, refusal::METHOD_NOT_ALLOWED),
        (server.get(&format!("{}?limit=0", backups_path(HA))).await, refusal::invalid_query("limit")),
    ] {
        let text = refusal.text();
        let expected = json!({
            "error": {"code": refusal.code, "message": text},
            "error_code": refusal.code,
            "error_msg": text,
            "ext_message": null,
        });
        assert_eq!((answer.status, answer.json()), (refusal.status, expected));
    }
}

#[tokio::test]
async fn errors_can_have_the_shape_of_the_page_alone() {
    for (style, code) in [("legacy", refusal::ONLY_MASTER_STANDBY.legacy), ("dcs", "DCS.4086")] {
        let server =
            TestServer::with(&[("errors.add_v2_fields", "false"), ("errors.code_style", style)]).await;
        let answer = server.post(&backups_path(SINGLE), &json!({})).await;
        let expected = json!({"error": {"code": code, "message": refusal::ONLY_MASTER_STANDBY.message}});
        assert_eq!((answer.status, answer.json()), (400, expected));
    }
}

#[tokio::test]
async fn names_show_the_time_of_the_zone_that_is_set_when_they_are_given() {
    let mut server = TestServer::start().await;
    for (offset, name) in [
        ("+00:00", "backup_20200302061504"),
        ("+01:00", "backup_20200302071504"),
        ("-07:30", "backup_20200301224504"),
        ("+14:00", "backup_20200302201504"),
        ("+08:00", "backup_20200302141504"),
    ] {
        server.set(&[("naming.utc_offset", offset)]);
        server.restart().await;
        server.create_backup(HA).await;
        let record = server.newest(HA).await;
        assert_eq!(
            (&record["backup_name"], &record["created_at"]),
            (&json!(name), &json!("2020-03-02T06:15:04.512Z"))
        );
    }
    // A name never changes.
    let list = server.list(HA, "").await["backup_record_response"].take();
    assert_eq!(list[4]["backup_name"], "backup_20200302061504");
}

#[tokio::test]
async fn the_region_names_the_zones() {
    let server = TestServer::with(&[("region", "cn-north-4")]).await;
    let shown = server.get(&instance_path(HA)).await.ok();
    assert_eq!(shown["az_codes"], json!(["cn-north-4a"]));
    assert_eq!(shown["available_zones"], json!(["ae04cf9d61544df3806a3feeb401b204"]));
}

#[tokio::test]
async fn a_database_in_memory_serves_as_well_and_keeps_nothing() {
    let mut server = TestServer::with(&[("database", "sqlite::memory:")]).await;
    let backup_id = server.create_backup(HA).await;
    server.delete(&backup_path(HA, &backup_id)).await.ok();
    assert_eq!(server.newest(HA).await["status"], "deleted");
    server.restart().await;
    assert_eq!(server.list(HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn two_databases_in_memory_know_nothing_of_each_other() {
    let first = TestServer::with(&[("database", "sqlite::memory:")]).await;
    let second = TestServer::with(&[("database", "sqlite::memory:")]).await;
    first.create_backup(HA).await;
    assert_eq!(second.list(HA, "").await["total_num"], 0);
}
