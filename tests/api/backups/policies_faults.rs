//! Faults of backups that policies make: how many a fault hits, and that no more is kept of it than has happened (issue 5, control API).

use serde_json::{Value, json};

use crate::backups::policies::auto;
use crate::support::seed::{CLUSTER, HA, OTHER_PROJECT, SECOND_HA, TINY};
use crate::support::{Api, TestServer, each, text};

const DAYS: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];
const FAULTS: &str = "/_emulator/faults";

/// A fault that lets so many runs of policies fail.
fn of_runs(times: u64) -> Value {
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    json!({"match": {"operation": "scheduled_backup"}, "times": times, "effect": {"outcome": outcome}})
}

impl TestServer {
    async fn faults(&self) -> Value {
        self.get(FAULTS).await.ok()["faults"].take()
    }
}

#[tokio::test]
async fn a_fault_can_be_that_of_a_run() {
    let mut server = TestServer::start().await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    for fault in [
        json!({"match": {"operation": "scheduled_backup"}, "times": 2, "effect": {"outcome": outcome, "latency": "1ms"}}),
        // These are about calls.
        json!({"match": {"operation": "create_backup"}, "times": 1, "effect": {"outcome": outcome}}),
        json!({"match": {"instance_id": HA, "operation": "scheduled_backup"}, "effect": {"status": 503}}),
    ] {
        server.post(FAULTS, &fault).await.ok();
    }
    server.advance("1day").await;
    server.restart().await;
    server.advance("2days").await;
    let records = server.records(HA, &["status", "error_code"]).await;
    let failed = json!(["failed", "dcs.08.0002"]);
    assert_eq!(records, [failed.clone(), failed, json!(["succeed", null])]);
    assert_eq!(each(&server.faults().await, "hits"), [0, 0]);
}

#[tokio::test]
async fn a_run_that_begins_no_backup_uses_no_fault_up() {
    let mut server = TestServer::with(&[("backup.duration", "150m")]).await;
    for (instance, window) in [(HA, "08:00-09:00"), (CLUSTER, "08:00-09:00"), (SECOND_HA, "09:00-10:00")] {
        // Clusters are not backed up by their policies.
        server.set_policy(instance, auto(&DAYS, window, "+0000", 7)).await;
    }
    server.post(FAULTS, &of_runs(1)).await.ok();
    // 07:15:04.512: it ends at 09:45:04.512, so that two runs find the instance busy.
    server.advance("1h").await;
    server.create_backup(HA).await;
    server.advance("1h").await;
    assert_eq!(server.records(HA, &["error_code"]).await, [json!([null]), json!(["dcs.08.0008"])]);
    server.restart().await;
    let left = server.faults().await;
    assert_eq!((each(&left, "times"), each(&left, "hits")), (vec![json!(1)], vec![json!(0)]));
    server.advance("10h").await;
    let skipped = json!(["failed", "dcs.08.0008"]);
    let done = json!(["succeed", null]);
    let records = server.records(HA, &["status", "error_code"]).await;
    assert_eq!(records, [done.clone(), skipped.clone(), skipped, done]);
    let records = server.records(SECOND_HA, &["status", "error_code"]).await;
    assert_eq!(records, [json!(["failed", "dcs.08.0002"])]);
    assert_eq!(server.faults().await, json!([]));
    server.stop_soundly().await;
}

#[tokio::test]
async fn of_the_runs_of_one_hour_a_fault_hits_no_more_than_it_says() {
    let server = TestServer::start().await;
    for instance in [HA, SECOND_HA, TINY] {
        server.set_policy(instance, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    }
    server.post(FAULTS, &of_runs(2)).await.ok();
    let fired = server.fired("12h").await;
    assert_eq!(each(&json!(fired), "to"), ["failed", "failed", "succeed"]);
    assert_eq!(server.faults().await, json!([]));
}

#[tokio::test]
async fn what_is_answered_about_faults_is_kept_while_runs_and_calls_use_them_up() {
    const TIMES: u64 = 1000;
    const DAYS_LIVED: u64 = 40;
    let mut server = TestServer::start().await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    let runs = text(&server.post(FAULTS, &of_runs(TIMES)).await.ok()["id"]);
    let of_calls =
        json!({"match": {"operation": "list_restores"}, "times": TIMES, "effect": {"status": 503}});
    let calls = text(&server.post(FAULTS, &of_calls).await.ok()["id"]);
    let other =
        |id: &str| json!({"id": id, "match": {"operation": "list_instances"}, "effect": {"cut": true}});
    for day in 0..DAYS_LIVED {
        let seed = json!({"settings": {"faults": [other(&format!("of-day-{day}"))]}});
        let of_other = json!({"project_id": OTHER_PROJECT});
        let changing = async {
            // One change a day, at another moment of the run each time: a later one would make good what this one has lost.
            for _ in 0..day % 10 {
                server.get("/_emulator/clock").await.ok();
            }
            match day % 3 {
                0 => server.post(FAULTS, &other("")).await.ok(),
                1 => server.post("/_emulator/seed", &seed).await.ok(),
                _ => server.post("/_emulator/reset", &of_other).await.ok(),
            };
        };
        let calling = async { assert_eq!(server.get(&Api::V2.restores(HA)).await.status, 503) };
        tokio::join!(server.fired("1day"), changing, calling);
        let kept = server.rows("SELECT value FROM kept_settings WHERE name = 'faults'").await;
        assert_eq!(json!(kept), json!([server.faults().await]), "on day {day}");
    }
    server.restart().await;
    let records = server.records(HA, &["error_code"]).await;
    assert_eq!(records, vec![json!(["dcs.08.0002"]); records.len()]);
    for (fault, hits) in [(runs, records.len() as u64), (calls, DAYS_LIVED)] {
        let fault = server.get(&format!("{FAULTS}/{fault}")).await.ok();
        assert_eq!((&fault["hits"], &fault["times"]), (&json!(hits), &json!(TIMES - hits)), "{fault}");
    }
}
