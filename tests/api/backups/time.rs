//! Backups that take time: nobody ever sees a state that the plan has left behind (wire contract v1.0, sections 3.2 and
//! 3.4).

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{
    HA, PROJECT, SECOND_HA, backup_path, backups_path, numbered_instances, of_instances,
};
use crate::support::{TestServer, refusal, text};

/// How long the background work may take to do what is due before the test fails.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

async fn server() -> TestServer {
    TestServer::with(&[("backup.duration", "5s")]).await
}

/// The part of a record that time changes.
fn moving_part(record: &Value) -> Value {
    json!([
        record["status"],
        record["progress"],
        record["execution_at"],
        record["updated_at"],
        record["size"].as_u64().map(|size| size > 0),
        record["is_support_restore"],
        record["error_code"],
    ])
}

#[tokio::test]
async fn a_backup_waits_for_a_tenth_of_its_time_then_runs_then_has_succeeded() {
    let server = server().await;
    let backup_id = server.create_remarked(HA, "nightly").await;
    let first = server.newest(HA).await;
    let (start, end) = ("2020-03-02T06:15:05.012Z", "2020-03-02T06:15:09.512Z");
    for (millis, expected) in [
        (0, json!(["waiting", "0.00", null, null, false, "FALSE", null])),
        (499, json!(["waiting", "0.00", null, null, false, "FALSE", null])),
        (500, json!(["backuping", "0.00", start, null, false, "FALSE", null])),
        (501, json!(["backuping", "0.02", start, null, false, "FALSE", null])),
        (950, json!(["backuping", "10.00", start, null, false, "FALSE", null])),
        (2_750, json!(["backuping", "50.00", start, null, false, "FALSE", null])),
        (4_999, json!(["backuping", "99.97", start, null, false, "FALSE", null])),
        (5_000, json!(["succeed", "100.00", start, end, true, "TRUE", null])),
        (86_400_000, json!(["succeed", "100.00", start, end, true, "TRUE", null])),
    ] {
        server.set_clock_ms(millis);
        let record = server.newest(HA).await;
        assert_eq!(moving_part(&record), expected, "after {millis} ms");
        for name in ["instance_id", "created_at", "backup_name", "backup_type", "remark", "period"] {
            assert_eq!(record[name], first[name], "{name}");
        }
        assert_eq!(record["backup_id"], backup_id);
        assert_eq!(server.list(HA, "").await["total_num"], 1);
    }
    assert_eq!(first["created_at"], "2020-03-02T06:15:04.512Z");
}

#[tokio::test]
async fn who_looks_late_sees_the_planned_times() {
    let server = server().await;
    server.create_backup(HA).await;
    server.advance_ms(3_600_000);
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!([
            "succeed",
            "100.00",
            "2020-03-02T06:15:05.012Z",
            "2020-03-02T06:15:09.512Z",
            true,
            "TRUE",
            null
        ])
    );
}

#[tokio::test]
async fn a_second_create_is_refused_until_the_first_backup_has_ended() {
    let server = server().await;
    let first = server.create_backup(HA).await;
    for millis in [0, 499, 500, 4_999] {
        server.set_clock_ms(millis);
        server.post(&backups_path(HA), &json!({})).await.assert_refused(&refusal::BACKING_UP);
    }
    server.set_clock_ms(5_000);
    let second = server.create_backup(HA).await;
    assert_eq!(server.listed_ids(HA, "").await, [second, first]);
    let statuses = server.list(HA, "").await["backup_record_response"].take();
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&json!("waiting"), &json!("succeed")));
}

#[tokio::test]
async fn other_instances_are_not_concerned() {
    let server = server().await;
    server.create_backup(HA).await;
    server.create_backup(SECOND_HA).await;
    server.set_clock_ms(4_999);
    server.post(&backups_path(SECOND_HA), &json!({})).await.assert_refused(&refusal::BACKING_UP);
}

#[tokio::test]
async fn an_open_backup_cannot_be_deleted() {
    let server = server().await;
    let backup_id = server.create_backup(HA).await;
    let path = backup_path(HA, &backup_id);
    for millis in [0, 500, 4_999] {
        server.set_clock_ms(millis);
        let before = server.newest(HA).await;
        server.delete(&path).await.assert_refused(&refusal::BACKING_UP);
        assert_eq!(server.newest(HA).await, before);
    }
    server.set_clock_ms(5_000);
    // The very first request that the end of the backup meets.
    server.delete(&path).await.ok();
    let record = server.newest(HA).await;
    assert_eq!(
        moving_part(&record),
        json!([
            "deleted",
            "100.00",
            "2020-03-02T06:15:05.012Z",
            "2020-03-02T06:15:09.512Z",
            true,
            "FALSE",
            null
        ])
    );
}

#[tokio::test]
async fn an_older_backup_can_be_deleted_while_another_is_open() {
    let server = server().await;
    let older = server.create_backup(HA).await;
    server.advance_ms(5_000);
    server.create_backup(HA).await;
    server.delete(&backup_path(HA, &older)).await.ok();
    let list = server.list(HA, "").await["backup_record_response"].take();
    assert_eq!((&list[0]["status"], &list[1]["status"]), (&json!("waiting"), &json!("deleted")));
}

#[tokio::test]
async fn a_restart_in_the_middle_changes_nothing_of_the_plan() {
    let mut server = server().await;
    server.create_backup(HA).await;
    server.restart().await;
    assert_eq!(server.newest(HA).await["status"], "waiting");
    server.post(&backups_path(HA), &json!({})).await.assert_refused(&refusal::BACKING_UP);
    server.set_clock_ms(2_750);
    server.restart().await;
    let start = "2020-03-02T06:15:05.012Z";
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!(["backuping", "50.00", start, null, false, "FALSE", null])
    );
    // Not even another duration does.
    server.set(&[("backup.duration", "1h")]);
    server.restart().await;
    server.set_clock_ms(5_000);
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!(["succeed", "100.00", start, "2020-03-02T06:15:09.512Z", true, "TRUE", null])
    );
    server.create_backup(HA).await;
    server.advance_ms(5_000);
    assert_eq!(server.newest(HA).await["status"], "waiting");
}

#[tokio::test]
async fn what_came_due_while_the_server_was_away_happened_as_planned() {
    let mut server = server().await;
    server.create_backup(HA).await;
    server.stop().await;
    server.advance_ms(86_400_000);
    server.restart().await;
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!([
            "succeed",
            "100.00",
            "2020-03-02T06:15:05.012Z",
            "2020-03-02T06:15:09.512Z",
            true,
            "TRUE",
            null
        ])
    );
    server.create_backup(HA).await;
}

#[tokio::test]
async fn what_is_due_is_done_also_when_nobody_asks() {
    let server = server().await;
    server.create_backup(HA).await;
    server.advance_ms(5_000);
    let status = "SELECT json_object('status', status) FROM backup_records";
    let done = async {
        while server.rows(status).await != [json!({"status": "succeed"})] {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(TIMEOUT, done).await.expect("the background work does what is due");
}

#[tokio::test]
async fn many_instances_are_reconciled_at_once() {
    // More than one round of the work that moves records.
    let instances = numbered_instances(300);
    let seed = of_instances(PROJECT, &instances);
    let server = TestServer::seeded(&seed, &[("backup.duration", "5s")]).await;
    join_all(instances.iter().map(|instance| server.create_backup(instance))).await;
    server.advance_ms(5_000);
    for instance in &instances {
        let record = server.newest(instance).await;
        assert_eq!((&record["status"], &record["progress"]), (&json!("succeed"), &json!("100.00")));
    }
    // Also when it takes more than one round, what happened stands in the order in which it happened.
    let events: Vec<(String, String)> =
        server.audit().await.iter().map(|event| (text(&event["at"]), text(&event["to_status"]))).collect();
    assert_eq!(events.len(), 900);
    assert!(events.is_sorted_by_key(|(at, _)| at));
    let backuping = events.iter().filter(|(_, status)| status == "backuping").count();
    assert_eq!((backuping, &events[899].1), (300, &"succeed".to_owned()));
}

#[tokio::test]
async fn a_clock_that_steps_back_does_not_put_records_out_of_order() {
    let server = TestServer::start().await;
    let ids = server.create_backups_at(HA, &[10_000, 4_000, 12_000]).await;
    let list = server.list(HA, "").await["backup_record_response"].take();
    let shown: Vec<_> =
        (0..3).map(|at| (list[at]["backup_id"].clone(), list[at]["created_at"].clone())).collect();
    let expected = [
        (json!(ids[2]), json!("2020-03-02T06:15:16.512Z")),
        (json!(ids[1]), json!("2020-03-02T06:15:14.512Z")),
        (json!(ids[0]), json!("2020-03-02T06:15:14.512Z")),
    ];
    assert_eq!(shown, expected);
    let window = "beginTime=20200302061514&endTime=20200302061514";
    assert_eq!(server.listed_ids(HA, window).await, [ids[1].clone(), ids[0].clone()]);
}

#[tokio::test]
async fn a_clock_that_steps_back_does_not_undo_what_was_done() {
    let server = server().await;
    server.create_backup(HA).await;
    server.set_clock_ms(600);
    assert_eq!(server.newest(HA).await["status"], "backuping");
    server.set_clock_ms(-60_000);
    let record = server.newest(HA).await;
    assert_eq!((&record["status"], &record["progress"]), (&json!("backuping"), &json!("0.00")));
    server.set_clock_ms(5_000);
    assert_eq!(server.newest(HA).await["status"], "succeed");
}

#[tokio::test]
async fn a_duration_of_a_millisecond_is_a_duration() {
    let server = TestServer::with(&[("backup.duration", "1ms")]).await;
    server.create_backup(HA).await;
    // A tenth of it is nothing: the work starts at once.
    let at = "2020-03-02T06:15:04.512Z";
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!(["backuping", "0.00", at, null, false, "FALSE", null])
    );
    server.advance_ms(1);
    let end = "2020-03-02T06:15:04.513Z";
    assert_eq!(
        moving_part(&server.newest(HA).await),
        json!(["succeed", "100.00", at, end, true, "TRUE", null])
    );
}
