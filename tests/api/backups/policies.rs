//! Backup policies are run: what is made, when, and what is not (wire contract v1.0, section 3.2; v2, section 2.1).
//!
//! Every test begins on Monday, 2020-03-02, at 06:15:04.512 UTC.

use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, CLUSTER, HA, OLD_REDIS, PROJECT, SECOND_HA, SINGLE, TINY};
use crate::support::{Api, TestServer, each, text};

const DAYS: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];

/// An automatic policy.
pub(crate) fn auto(days: &[u8], window: &str, zone: &str, save_days: u8) -> Value {
    json!({"backup_type": "auto", "save_days": save_days, "periodical_backup_plan": {
        "begin_at": window, "period_type": "weekly", "backup_at": days, "timezone_offset": zone,
    }})
}

impl TestServer {
    /// Gives an instance a policy.
    pub(crate) async fn set_policy(&self, instance: &str, policy: Value) {
        let answer =
            self.put(&Api::V2.instance(instance), &json!({ "instance_backup_policy": policy })).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// Moves the clock forward; returns what came due meanwhile.
    pub(crate) async fn fired(&self, duration: &str) -> Vec<Value> {
        let mut answer = self.post("/_emulator/clock/advance", &json!({ "duration": duration })).await.ok();
        let Value::Array(fired) = answer["fired"].take() else { panic!("no list: {answer}") };
        fired
    }

    /// Returns members of all records of an instance, the oldest first.
    pub(crate) async fn records(&self, instance: &str, members: &[&str]) -> Vec<Value> {
        let mut list = self.list(instance, "limit=1000").await["backup_record_response"].take();
        let records = list.as_array_mut().expect("a list");
        records.reverse();
        records
            .iter()
            .map(|record| members.iter().map(|name| record[*name].clone()).collect::<Value>())
            .collect()
    }

    /// Returns when the records of an instance were created, the oldest first.
    async fn times(&self, instance: &str) -> Vec<String> {
        self.records(instance, &["created_at"]).await.iter().map(|record| text(&record[0])).collect()
    }
}

/// How `fired` tells of a change of a backup.
pub(crate) fn change(at: &str, id: &Value, from: Option<&str>, to: &str) -> Value {
    json!({"at": at, "model": "backup", "id": id, "instance_id": HA, "from": from, "to": to})
}

#[tokio::test]
async fn a_week_makes_exactly_the_backups_of_the_week() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[5, 1, 3], "02:00-03:00", "+0000", 7)).await;
    let fired = server.fired("7days").await;
    let ids = server.listed_ids(HA, "").await;
    let times = ["2020-03-04T02:00:00.000Z", "2020-03-06T02:00:00.000Z", "2020-03-09T02:00:00.000Z"];
    let expected: Vec<Value> =
        times.iter().zip(ids.iter().rev()).map(|(at, id)| change(at, &json!(id), None, "succeed")).collect();
    assert_eq!(fired, expected);
    let newest = server.newest(HA).await;
    assert!(newest["size"].as_u64() > Some(0), "{newest}");
    let at = times[2];
    assert_eq!(
        newest,
        json!({
            "status": "succeed", "remark": null, "period": "02:00-03:00", "progress": "100.00", "size": newest["size"],
            "instance_id": HA, "backup_id": ids[0], "created_at": at, "updated_at": at, "execution_at": at,
            "backup_type": "auto", "backup_name": "backup_20200309100000", "error_code": null,
            "is_support_restore": "TRUE",
        })
    );
    let v2 = server.get(&Api::V2.backups(HA)).await.ok();
    assert_eq!(each(&v2["backup_record_response"], "backup_format"), ["rdb", "rdb", "rdb"]);
    let made = |at: &str, id: &String| json!([at, "system", "none", "succeed", id, null]);
    let audit = server
        .rows("SELECT json_array(at, who, from_status, to_status, record_id, request_id) FROM backup_audit WHERE what = 'backup'")
        .await;
    assert_eq!(audit, [made(times[0], &ids[2]), made(times[1], &ids[1]), made(times[2], &ids[0])]);
    // It is restored and deleted like every other.
    server.restore(Api::V1, HA, &json!({"backup_id": ids[1]})).await;
    Api::V2.assert_deleted(&server.delete(&Api::V2.backup(HA, &ids[1])).await);
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_policy_of_a_new_instance_is_run_and_the_old_engine_makes_its_own_format() {
    let server = TestServer::start().await;
    let order = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "5.0", "capacity": 0.125, "no_password_access": true,
        "spec_code": "redis.ha.xu1.tiny.r2.128", "vpc_id": "v", "subnet_id": "s", "az_codes": ["eu-de-01"],
        "instance_backup_policy": auto(&DAYS, "23:00-24:00", "+0000", 1),
    });
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    let made = text(&created["instances"][0]["instance_id"]);
    server.set_policy(OLD_REDIS, auto(&DAYS, "23:00-00:00", "+0000", 1)).await;
    server.advance("1day").await;
    assert_eq!(server.records(&made, &["period"]).await, [json!(["23:00-24:00"])]);
    let old = server.get(&Api::V2.backups(OLD_REDIS)).await.ok()["backup_record_response"].take();
    assert_eq!((&old[0]["backup_format"], &old[0]["period"]), (&json!("aof"), &json!("23:00-00:00")));
}

#[tokio::test]
async fn days_and_hours_are_those_of_the_zone() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2], "01:00-02:00", "+0800", 7)).await;
    server.set_policy(SECOND_HA, auto(&[2], "23:00-00:00", "-0330", 7)).await;
    // Without a zone it is that of the names.
    let mut zoneless = auto(&[2], "01:00-02:00", "", 7);
    zoneless["periodical_backup_plan"]["timezone_offset"].take();
    server.set_policy(TINY, zoneless).await;
    server.advance("7days").await;
    assert_eq!(server.times(HA).await, ["2020-03-02T17:00:00.000Z"]);
    assert_eq!(server.times(SECOND_HA).await, ["2020-03-04T02:30:00.000Z"]);
    assert_eq!(server.times(TINY).await, ["2020-03-02T17:00:00.000Z"]);
}

#[tokio::test]
async fn a_run_that_finds_the_instance_busy_is_a_failed_record_and_tried_three_times() {
    let server = TestServer::with(&[("backup.duration", "150m")]).await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 1)).await;
    // 07:15:04.512: it ends at 09:45:04.512, so that the third try finds the instance free.
    server.advance("1h").await;
    server.create_backup(HA).await;
    server.advance("4h").await;
    let members =
        ["backup_type", "status", "error_code", "created_at", "execution_at", "updated_at", "progress"];
    let skipped = |at: &str| json!(["auto", "failed", "dcs.08.0008", at, null, at, "0.00"]);
    let records = server.records(HA, &members).await;
    assert_eq!(records[1..3], [skipped("2020-03-02T08:00:00.000Z"), skipped("2020-03-02T09:00:00.000Z")]);
    let at = "2020-03-02T10:00:00.000Z";
    assert_eq!(
        records[3],
        json!(["auto", "backuping", null, at, "2020-03-02T10:15:00.000Z", null, records[3][6]])
    );
    let window = json!(["08:00-09:00", 0]);
    assert_eq!(server.records(HA, &["period", "size"]).await[1..], [window.clone(), window.clone(), window]);
    // Three tries a day, whatever becomes of them; the next day begins anew. The same policy once more changes none of that.
    server.rule("instance", json!({"progression": "time", "durations": {"RESTARTING": "3days"}})).await;
    server.advance("3h").await;
    server.act("restart", HA).await;
    server.advance("18h").await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 1)).await;
    server.advance("1day 6h").await;
    let of_day = |day: u8| [8, 9, 10].map(|hour| skipped(&format!("2020-03-0{day}T{hour:02}:00:00.000Z")));
    assert_eq!(server.records(HA, &members).await[4..], [of_day(3), of_day(4)].concat());
    // What was skipped can be deleted like everything that failed.
    let newest = text(&server.newest(HA).await["backup_id"]);
    Api::V1.assert_deleted(&server.delete(&Api::V1.backup(HA, &newest)).await);
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_run_sees_its_instance_as_it_was_at_its_time() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    server.set_policy(SECOND_HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    let rule = json!({"instance_id": HA, "progression": "time", "durations": {"RESTARTING": "2h"}});
    server.rule("instance", rule).await;
    let rule = json!({"instance_id": SECOND_HA, "progression": "time", "durations": {"RESTARTING": "90m"}});
    server.rule("instance", rule).await;
    // Until 08:15 and until 07:45; both are over when somebody looks.
    server.act("restart", HA).await;
    server.act("restart", SECOND_HA).await;
    let fired = server.fired("12h").await;
    let seen: Vec<Value> =
        fired.iter().map(|change| json!([change["model"], change["at"], change["to"]])).collect();
    assert_eq!(
        seen,
        [
            json!(["instance", "2020-03-02T07:45:04.512Z", "RUNNING"]),
            json!(["backup", "2020-03-02T08:00:00.000Z", "failed"]),
            json!(["backup", "2020-03-02T08:00:00.000Z", "succeed"]),
            json!(["instance", "2020-03-02T08:15:04.512Z", "RUNNING"]),
            json!(["backup", "2020-03-02T09:00:00.000Z", "succeed"]),
        ]
    );
}

#[tokio::test]
async fn what_moves_backups_on_moves_automatic_ones_too() {
    let server = TestServer::start().await;
    server
        .rule("backup", json!({"progression": "time", "durations": {"waiting": "1m", "running": "1h"}}))
        .await;
    server.rule("backup", json!({"instance_id": TINY, "progression": "manual"})).await;
    server.set_policy(HA, auto(&[2], "00:00-01:00", "+0000", 1)).await;
    server.set_policy(TINY, auto(&[2], "00:00-01:00", "+0000", 1)).await;
    server.advance("1065m").await;
    let members = ["status", "created_at", "execution_at", "updated_at"];
    let at = "2020-03-03T00:00:00.000Z";
    let waiting = json!(["waiting", at, null, null]);
    assert_eq!(server.records(HA, &members).await, std::slice::from_ref(&waiting));
    server.advance("3days").await;
    let done = json!(["succeed", at, "2020-03-03T00:01:00.000Z", "2020-03-03T01:01:00.000Z"]);
    assert_eq!(server.records(HA, &members).await, [done]);
    assert_eq!(server.records(TINY, &members).await, [waiting]);
    server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
    assert_eq!(server.newest(TINY).await["status"], "backuping");
}

#[tokio::test]
async fn what_was_missed_while_nothing_ran_is_made_with_its_times() {
    let mut server = TestServer::start().await;
    server.set_policy(HA, auto(&[1, 4], "02:00-03:00", "+0000", 7)).await;
    server.stop().await;
    server.advance_ms(15 * 86_400_000);
    server.restart().await;
    let missed =
        ["2020-03-05", "2020-03-09", "2020-03-12", "2020-03-16"].map(|day| format!("{day}T02:00:00.000Z"));
    assert_eq!(server.times(HA).await, missed);
    let statuses = server.records(HA, &["status"]).await;
    assert_eq!(statuses, ["expired", "expired", "succeed", "succeed"].map(|status| json!([status])));
    // Of more than 366 days only those are made.
    server.stop().await;
    server.advance_ms(1000 * 86_400_000);
    server.restart().await;
    let times = server.times(HA).await;
    // 2022-12-12, 06:15, less 366 days is a Saturday; the Monday after it is the first.
    assert_eq!(times[4], "2021-12-13T02:00:00.000Z");
    assert_eq!((times.len() - 4, times.last().map(String::as_str)), (105, Some("2022-12-12T02:00:00.000Z")));
    server.stop_soundly().await;
}

#[tokio::test]
async fn instances_of_one_hour_are_backed_up_together_and_each_once() {
    let ids = crate::support::seed::numbered_instances(300);
    let server = TestServer::seeded(&crate::support::seed::of_instances(PROJECT, &ids), &[]).await;
    for id in &ids {
        server.set_policy(id, auto(&[2], "02:00-03:00", "+0000", 7)).await;
    }
    let fired = server.fired("7days").await;
    let mut backed_up: Vec<String> = fired.iter().map(|change| text(&change["instance_id"])).collect();
    backed_up.sort_unstable();
    assert_eq!(backed_up, ids);
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_policy_that_changes_counts_from_then_on() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    server.advance("1h").await;
    server.set_policy(HA, auto(&DAYS, "10:00-11:00", "+0000", 7)).await;
    server.advance("1day").await;
    assert_eq!(server.times(HA).await, ["2020-03-02T10:00:00.000Z"]);
    server.set_policy(HA, json!({"backup_type": "manual"})).await;
    assert_eq!(server.fired("30days").await, Vec::<Value>::new());
    server.set_policy(HA, auto(&DAYS, "08:00-09:00", "+0000", 7)).await;
    server.advance("1day").await;
    assert_eq!(server.times(HA).await.len(), 2);
    // Nothing is made of an instance that is gone, nor is it told of any more.
    assert_eq!(server.delete(&Api::V1.instance(HA)).await.status, 204);
    assert_eq!(server.fired("30days").await, Vec::<Value>::new());
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_cannot_be_backed_up_is_not_and_leaves_no_record() {
    let policy = || auto(&DAYS, "08:00-09:00", "+0000", 7);
    for (settings, instance, made) in [
        (&[][..], CLUSTER, 0),
        (&[("backup.cluster", "never")][..], CLUSTER, 0),
        (&[("backup.cluster", "always")][..], CLUSTER, 7),
        (&[("backup.enabled", "false")][..], HA, 0),
        (&[][..], SINGLE, 0),
    ] {
        let server = TestServer::with(settings).await;
        server.put(&Api::V2.instance(instance), &json!({ "instance_backup_policy": policy() })).await;
        server.advance("7days").await;
        assert_eq!(server.list(instance, "").await["total_num"], made, "{settings:?} {instance}");
    }
    // An instance that is not RUNNING could be, so a run of it is a failed one.
    let server = TestServer::start().await;
    let mut policies = Vec::new();
    for (status, instance) in BY_STATUS {
        let answer =
            server.put(&Api::V2.instance(instance), &json!({ "instance_backup_policy": policy() })).await;
        server.advance("1day").await;
        let records = server.records(instance, &["status", "error_code"]).await;
        let tries = if answer.status == 204 { 3 } else { 0 };
        assert_eq!(records, vec![json!(["failed", "dcs.08.0008"]); tries], "{status}");
        policies.extend((answer.status == 204).then_some(status));
        server
            .put(&Api::V2.instance(instance), &json!({"instance_backup_policy": {"backup_type": "manual"}}))
            .await;
    }
    let all = ["ERROR", "RESTARTING", "EXTENDING", "RESTORING", "FLUSHING", "STARTING", "CLOSING", "CLOSED"];
    assert_eq!(policies, all);
}

#[tokio::test]
async fn an_exported_policy_is_run_on_where_it_is_seeded() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&DAYS, "02:00-03:00", "+0000", 2)).await;
    server.advance("4days").await;
    let document = server.export().await;
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(other.export().await, document);
    let members = ["status", "created_at", "period", "backup_type"];
    for server in [&server, &other] {
        server.advance("4days").await;
    }
    assert_eq!(other.records(HA, &members).await, server.records(HA, &members).await);
    // One that was written before there were runs says nothing of the next: it is planned from the seeding on.
    let old: Vec<&str> = document.split(',').filter(|part| !part.contains("\"next_run_at\"")).collect();
    let third = TestServer::seeded(&old.join(","), &[]).await;
    let before = third.list(HA, "").await["total_num"].take();
    assert_eq!(before, 4);
    third.advance("1day").await;
    assert_eq!(third.list(HA, "").await["total_num"], 5);
    third.stop_soundly().await;
}
