//! How long the backups of a policy stay: their days, and the newest of them longer (wire contract v1.0, section 3.2).
//!
//! Every test begins on Monday, 2020-03-02, at 06:15:04.512 UTC.

use serde_json::{Value, json};

use crate::backups::policies::{auto, change};
use crate::support::seed::{HA, SECOND_HA};
use crate::support::{Api, TestServer, text};

#[tokio::test]
async fn a_backup_expires_when_its_days_are_over() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2, 3, 7], "02:00-03:00", "+0000", 2)).await;
    server.advance("2days").await;
    let ids = server.listed_ids(HA, "").await;
    let [second, first] = [json!(ids[0]), json!(ids[1])];
    assert_eq!(
        server.fired("1day").await,
        [change("2020-03-05T02:00:00.000Z", &first, Some("succeed"), "expired")]
    );
    let gone = server.get(&Api::V1.backups(HA)).await.ok()["backup_record_response"][1].take();
    assert_eq!(
        json!([
            gone["status"],
            gone["progress"],
            gone["is_support_restore"],
            gone["updated_at"],
            gone["error_code"]
        ]),
        json!(["expired", "100.00", "FALSE", "2020-03-03T02:00:00.000Z", null])
    );
    let links = server.post(&Api::V2.links(HA, &ids[1]), &json!({"expiration": 300})).await;
    assert_eq!((links.status, &links.json()["error_code"]), (400, &json!("DCS.4087")));
    // The other is the newest: it stays until there is a newer one, on Sunday, and does not outlive that.
    assert_eq!(server.fired("2days").await, Vec::<Value>::new());
    assert_eq!(server.newest(HA).await["status"], "succeed");
    let fired = server.fired("1day").await;
    let third = json!(server.listed_ids(HA, "limit=1").await[0]);
    let at = "2020-03-08T02:00:00.000Z";
    assert_eq!(fired, [change(at, &third, None, "succeed"), change(at, &second, Some("succeed"), "expired")]);
    let audit = server
        .rows("SELECT json_array(at, who, to_status, record_id, request_id) FROM backup_audit WHERE to_status = 'expired'")
        .await;
    let event = |at: &str, id: &Value| json!([at, "system", "expired", id, null]);
    assert_eq!(audit, [event("2020-03-05T02:00:00.000Z", &first), event(at, &second)]);
    server.stop_soundly().await;
}

#[tokio::test]
async fn the_newest_stays_whatever_happens_to_the_policy_and_until_it_is_deleted() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2], "02:00-03:00", "+0000", 1)).await;
    server.advance("1day").await;
    server.set_policy(HA, json!({"backup_type": "manual"})).await;
    // Neither what somebody asks for nor what fails is a newer one of its kind.
    server.create_backup(HA).await;
    assert_eq!(server.fired("30days").await, Vec::<Value>::new());
    let held = server.listed_ids(HA, "").await[1].clone();
    assert_eq!(server.get(&Api::V1.backups(HA)).await.ok()["backup_record_response"][1]["status"], "succeed");
    Api::V1.assert_deleted(&server.delete(&Api::V1.backup(HA, &held)).await);
    assert_eq!(server.fired("30days").await, Vec::<Value>::new());
    assert_eq!(server.newest(HA).await["status"], "succeed");
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_held_backup_goes_when_a_newer_one_is_finished_and_not_before() {
    let server = TestServer::with(&[("backup.duration", "10h")]).await;
    server.set_policy(HA, auto(&[2], "02:00-03:00", "+0000", 1)).await;
    server.advance("1day").await;
    server.advance("7days").await;
    let statuses = async || server.records(HA, &["status"]).await;
    assert_eq!(statuses().await, [json!(["succeed"]), json!(["backuping"])]);
    let fired = server.fired("1day").await;
    let seen: Vec<Value> = fired.iter().map(|change| json!([change["at"], change["to"]])).collect();
    let at = "2020-03-10T12:00:00.000Z";
    assert_eq!(seen, [json!([at, "succeed"]), json!([at, "expired"])]);
    assert_eq!(statuses().await, [json!(["expired"]), json!(["succeed"])]);
}

#[tokio::test]
async fn days_are_those_of_the_policy_that_made_the_backup() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2, 3, 4], "02:00-03:00", "+0000", 7)).await;
    server.advance("1day").await;
    server.set_policy(HA, auto(&[2, 3, 4], "02:00-03:00", "+0000", 1)).await;
    server.advance("3days").await;
    let statuses = server.records(HA, &["status"]).await;
    assert_eq!(statuses, ["succeed", "expired", "succeed"].map(|status| json!([status])));
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_deleted_backup_does_not_hold_up_what_is_due_after_it() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2, 3, 4, 5, 6], "02:00-03:00", "+0000", 2)).await;
    server.advance("2days").await;
    let first = server.listed_ids(HA, "").await[1].clone();
    Api::V1.assert_deleted(&server.delete(&Api::V1.backup(HA, &first)).await);
    server.advance("4days").await;
    let statuses = server.records(HA, &["status"]).await;
    let expected = ["deleted", "expired", "expired", "expired", "succeed"].map(|status| json!([status]));
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn as_many_as_are_kept_stay_and_no_more() {
    let server = TestServer::with(&[("backup.keep", "2")]).await;
    server.set_policy(HA, auto(&[2, 3, 4], "02:00-03:00", "+0000", 7)).await;
    server.advance("4days").await;
    let statuses = server.records(HA, &["status"]).await;
    assert_eq!(statuses, ["expired", "succeed", "succeed"].map(|status| json!([status])));
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_year_of_a_policy_is_exact() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[1, 4], "02:00-03:00", "+0000", 7)).await;
    let fired = server.fired("365days").await;
    let records = server.records(HA, &["status", "created_at", "backup_id"]).await;
    // Thursday, 5 March 2020, to Monday, 1 March 2021: two a week. Those of the last seven days are still there.
    assert_eq!((records.len(), fired.len()), (104, 104 + 102));
    assert_eq!(text(&records[0][1]), "2020-03-05T02:00:00.000Z");
    assert_eq!(text(&records[103][1]), "2021-03-01T02:00:00.000Z");
    let is_usable: Vec<bool> = records.iter().map(|record| record[0] == "succeed").collect();
    assert_eq!(is_usable, [vec![false; 102], vec![true; 2]].concat());
    assert!(records[..102].iter().all(|record| record[0] == "expired"));
    assert!(fired.is_sorted_by_key(|change| text(&change["at"])));
    let audit = server
        .rows(
            "SELECT json_array(count(*), min(unixepoch(expiry.at) - unixepoch(made.at)),
                               max(unixepoch(expiry.at) - unixepoch(made.at)), min(expiry.who), max(made.who))
             FROM backup_audit made JOIN backup_audit expiry USING (record_id)
             WHERE made.from_status = 'none' AND expiry.from_status = 'succeed' AND expiry.to_status = 'expired'",
        )
        .await;
    assert_eq!(audit, [json!([102, 7 * 86_400, 7 * 86_400, "system", "system"])]);
    assert_eq!(server.audit().await.len(), 104 + 102);
    server.stop_soundly().await;
}

#[tokio::test]
async fn a_year_in_one_step_is_a_year_in_many() {
    let [at_once, by_weeks] = [TestServer::start().await, TestServer::start().await];
    for server in [&at_once, &by_weeks] {
        server.set_policy(HA, auto(&[1, 2, 5], "22:00-23:00", "-0500", 3)).await;
    }
    let mut fired = Vec::new();
    for _ in 0..10 {
        fired.extend(by_weeks.fired("7days").await);
    }
    let changes = |fired: Vec<Value>| -> Vec<Value> {
        fired.iter().map(|change| json!([change["at"], change["from"], change["to"]])).collect()
    };
    assert_eq!(changes(at_once.fired("70days").await), changes(fired));
    let members = ["status", "created_at", "updated_at", "backup_name", "size"];
    assert_eq!(at_once.records(HA, &members).await, by_weeks.records(HA, &members).await);
}

/// Returns what became of backups: when, and what they are now.
fn ends(fired: &[Value]) -> Vec<Value> {
    let of_backups = fired.iter().filter(|change| change["model"] == "backup");
    of_backups.map(|change| json!([change["at"], change["from"], change["to"]])).collect()
}

#[tokio::test]
async fn a_backup_stays_until_the_restore_from_it_has_ended() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[2, 3], "02:00-03:00", "+0000", 2)).await;
    server.advance("2days").await;
    let first = server.listed_ids(HA, "").await[1].clone();
    server
        .rule("restore", json!({"progression": "time", "durations": {"waiting": "1h", "running": "2days"}}))
        .await;
    server.restore(Api::V2, HA, &json!({"backup_id": first})).await;
    // Its days end on Thursday, with a newer one there.
    assert_eq!(ends(&server.fired("1day").await), [] as [Value; 0]);
    let shown = server.records(HA, &["status", "is_support_restore"]).await;
    assert_eq!(shown, [json!(["succeed", "TRUE"]), json!(["succeed", "TRUE"])]);
    let fired = server.fired("30h").await;
    let restored = json!("2020-03-06T07:15:04.512Z");
    assert_eq!(ends(&fired), [json!([restored, "succeed", "expired"])]);
    assert_eq!(fired.iter().position(|change| change["to"] == "expired"), Some(fired.len() - 1));
    assert_eq!(server.records(HA, &["status"]).await, [json!(["expired"]), json!(["succeed"])]);
    server.stop_soundly().await;
}

#[tokio::test]
async fn nothing_is_held_of_an_instance_that_is_gone() {
    let server = TestServer::start().await;
    for instance in [HA, SECOND_HA] {
        server.set_policy(instance, auto(&[2], "02:00-03:00", "+0000", 1)).await;
    }
    server.advance("1day").await;
    let delete = async |instance| assert_eq!(server.delete(&Api::V2.instance(instance)).await.status, 204);
    delete(HA).await;
    // Its backup expires, unseen. That of the other one is held, until there is nothing any more that it is held for.
    assert_eq!(ends(&server.fired("2days").await), [] as [Value; 0]);
    let held = async || server.rows("SELECT json_array(status, held) FROM backups ORDER BY backup_id").await;
    assert_eq!(held().await, [json!([4, null]), json!([2, 1])]);
    delete(SECOND_HA).await;
    assert_eq!(held().await, [json!([4, null]), json!([4, 1])]);
    assert_eq!(ends(&server.fired("30days").await), [] as [Value; 0]);
    let audit = server.rows("SELECT json_array(at, who) FROM backup_audit WHERE to_status = 'expired'").await;
    assert_eq!(
        audit,
        [json!(["2020-03-04T02:00:00.000Z", "system"]), json!(["2020-03-05T06:15:04.512Z", "system"])]
    );
    server.stop_soundly().await;
}
