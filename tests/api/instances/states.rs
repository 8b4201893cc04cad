//! Records that are open or in use, and work that begins at once: what the table of states leaves to the records (wire contract v1.0,
//! section 3.4). The table itself is tried out in `plan.rs`.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::seed::HA;
use crate::support::{Api, TestServer, refusal, text};

#[tokio::test]
async fn the_record_that_is_open_can_neither_be_deleted_nor_linked_to() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("backup.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        for millis in [0, 500, 4_999] {
            server.set_clock_ms(millis);
            server.delete(&api.backup(HA, &backup)).await.assert_refused_by(api, &refusal::BACKING_UP);
            let links = server.post(&api.links(HA, &backup), &json!({"expiration": 300})).await;
            links.assert_refused_by(api, &refusal::BACKUP_NOT_USABLE);
        }
        server.set_clock_ms(5_000);
        server.post(&api.links(HA, &backup), &json!({"expiration": 300})).await.ok();
        api.assert_deleted(&server.delete(&api.backup(HA, &backup)).await);
    }
}

#[tokio::test]
async fn the_record_that_is_restored_from_can_neither_be_deleted_nor_linked_to() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("restore.duration", "5s")]).await;
        let (other, source) = (server.create_backup(HA).await, server.create_backup(HA).await);
        server.restore(api, HA, &json!({"backup_id": source})).await;
        for millis in [0, 500, 4_999] {
            server.set_clock_ms(millis);
            server.delete(&api.backup(HA, &source)).await.assert_refused_by(api, &refusal::RESTORING);
            let links = server.post(&api.links(HA, &source), &json!({"expiration": 300})).await;
            links.assert_refused_by(api, &refusal::RESTORING);
        }
        server.post(&api.links(HA, &other), &json!({"expiration": 300})).await.ok();
        api.assert_deleted(&server.delete(&api.backup(HA, &other)).await);
        server.set_clock_ms(5_000);
        server.post(&api.links(HA, &source), &json!({"expiration": 300})).await.ok();
        api.assert_deleted(&server.delete(&api.backup(HA, &source)).await);
        let list = server.list(HA, "").await["backup_record_response"].take();
        let statuses: Vec<String> = list.as_array().unwrap().iter().map(|row| text(&row["status"])).collect();
        assert_eq!(statuses, ["deleted", "deleted"]);
    }
}

#[tokio::test]
async fn of_backups_and_restores_at_once_one_begins() {
    let settings = [("backup.duration", "5s"), ("restore.duration", "5s"), ("http.workers", "0")];
    let server = TestServer::with(&settings).await;
    let source = server.create_backup(HA).await;
    server.advance_ms(5_000);
    let calls = [(Api::V1, true), (Api::V2, false), (Api::V2, true), (Api::V1, false)].repeat(5);
    let ask = async |(api, is_backup): &(Api, bool)| {
        let (path, body) = if *is_backup {
            (api.backups(HA), json!({}))
        } else {
            (api.restores(HA), json!({"backup_id": source}))
        };
        (*api, *is_backup, server.post(&path, &body).await)
    };
    let answers = join_all(calls.iter().map(ask)).await;
    let (begun, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(.., answer)| answer.status == 200);
    assert_eq!(begun.len(), 1);
    let busy = if begun[0].1 { refusal::BACKING_UP } else { refusal::RESTORING };
    for (api, _, answer) in refused {
        answer.assert_refused_by(*api, &busy);
    }
}
