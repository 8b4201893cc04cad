//! Many clients at once: nothing is lost, doubled or skipped.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{HA, PROJECT, backup_path, backups_path, numbered_instances, of_instances};
use crate::support::{Answer, TestServer, each, refusal, text};

/// How many creates are under way at once.
const CREATES: usize = 1_000;

/// Starts a server with these instances and a worker a processor.
async fn server(instances: &[impl AsRef<str>], settings: &[(&str, &str)]) -> TestServer {
    TestServer::seeded(&of_instances(PROJECT, instances), &[settings, &[("http.workers", "0")]].concat())
        .await
}

/// Creates a backup of each of `targets` at once, and returns the answers in their order.
async fn create_all(server: &TestServer, targets: &[&str]) -> Vec<Answer> {
    let create = async |number: usize, instance: &str| {
        server.post(&backups_path(instance), &json!({"remark": format!("number {number}")})).await
    };
    join_all(targets.iter().enumerate().map(|(number, instance)| create(number, instance))).await
}

fn backup_id(answer: &Answer) -> String {
    text(&answer.ok()["backup_id"])
}

/// What is known of each backup: its instance, and the request that created it.
type Known = HashMap<String, (String, String)>;

/// Makes sure that lists, records and events agree with what clients were told.
async fn assert_consistent(server: &TestServer, known: &Known) {
    let mut by_instance: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (id, (instance, _)) in known {
        by_instance.entry(instance).or_default().insert(id);
    }
    for (instance, ids) in &by_instance {
        let list = server.list(instance, "limit=1000").await;
        assert_eq!(list["total_num"], ids.len());
        let in_order: Vec<String> =
            each(&list["backup_record_response"], "backup_id").iter().map(text).collect();
        let listed: BTreeSet<&str> = in_order.iter().map(String::as_str).collect();
        assert_eq!((in_order.len(), &listed), (ids.len(), ids));
        // One record a page gives the same order.
        let third = server.listed_ids(instance, "start=3&limit=1").await;
        assert_eq!(third, in_order[2..3]);
    }
    let gaps = server
        .rows(
            "SELECT json_array(instance_id, min(record_number), max(record_number) - count(*), count(DISTINCT record_number) - count(*))
             FROM backup_records GROUP BY instance_id",
        )
        .await;
    assert_eq!(gaps.len(), by_instance.len());
    for row in gaps {
        assert_eq!((&row[1], &row[2], &row[3]), (&json!(1), &json!(0), &json!(0)), "{row}");
    }
    let audit = server.audit().await;
    assert_eq!(audit.len(), known.len());
    for event in audit {
        let (instance, request_id) = &known[&text(&event["record_id"])];
        assert_eq!(event["instance_id"], json!(instance));
        assert_eq!(event["request_id"], json!(request_id));
        assert_eq!((&event["from_status"], &event["to_status"]), (&json!("none"), &json!("succeed")));
    }
    let soundness: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut server.database().await)
        .await
        .expect("the database can be checked");
    assert_eq!(soundness, ["ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_creates_at_once_on_one_instance_and_on_a_hundred() {
    let hundred = numbered_instances(100);
    let mut all: Vec<&str> = hundred.iter().map(String::as_str).collect();
    all.push(HA);
    let server = server(&all, &[]).await;
    let on_one = vec![HA; CREATES];
    let on_hundred: Vec<&str> = (0..CREATES).map(|number| hundred[number % hundred.len()].as_str()).collect();
    let mut known = Known::new();
    for targets in [on_one, on_hundred] {
        let answers = create_all(&server, &targets).await;
        assert_eq!(answers.len(), CREATES);
        for (answer, instance) in answers.iter().zip(targets) {
            let doubled =
                known.insert(backup_id(answer), (instance.to_owned(), answer.request_id().to_owned()));
            assert_eq!(doubled, None, "an id was given twice");
        }
    }
    assert_eq!(known.len(), 2 * CREATES);
    let requests: BTreeSet<&String> = known.values().map(|(_, request_id)| request_id).collect();
    assert_eq!(requests.len(), known.len());
    assert_consistent(&server, &known).await;
    // Every remark is where it belongs.
    let remarks: BTreeSet<String> = server
        .rows("SELECT json_quote(remark) FROM backup_records WHERE instance_id = '5560df16-cebf-4473-95c4-d1b573c16e79'")
        .await
        .iter()
        .map(text)
        .collect();
    assert_eq!(remarks, (0..CREATES).map(|number| format!("number {number}")).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creates_at_once_exactly_one_begins() {
    let server = server(&[HA], &[("backup.duration", "5s")]).await;
    for round in 1..=5 {
        let answers = create_all(&server, &[HA; 50]).await;
        let (begun, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((begun.len(), refused.len()), (1, 49));
        for answer in refused {
            answer.assert_refused(&refusal::BACKING_UP);
        }
        assert_eq!(server.newest(HA).await["backup_id"], json!(backup_id(begun[0])));
        assert_eq!(server.list(HA, "").await["total_num"], round);
        server.advance_ms(5_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creates_at_once_exactly_one_begins_on_each_instance() {
    let hundred = numbered_instances(100);
    let server = server(&hundred, &[("backup.duration", "5s")]).await;
    let targets: Vec<&str> = (0..CREATES).map(|number| hundred[number % hundred.len()].as_str()).collect();
    let answers = create_all(&server, &targets).await;
    let mut begun: HashMap<&str, usize> = HashMap::new();
    for (answer, instance) in answers.iter().zip(targets) {
        if answer.status == 200 {
            *begun.entry(instance).or_default() += 1;
        } else {
            answer.assert_refused(&refusal::BACKING_UP);
        }
    }
    assert_eq!(begun, hundred.iter().map(|instance| (instance.as_str(), 1)).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deletes_of_one_backup_at_once_are_all_answered_and_one_event() {
    let server = server(&[HA], &[]).await;
    let id = server.create_backup(HA).await;
    let path = backup_path(HA, &id);
    let answers = join_all((0..50).map(|_| server.delete(&path))).await;
    for answer in answers {
        assert_eq!(answer.ok(), json!({"message": ""}));
    }
    let statuses: Vec<Value> =
        server.audit().await.into_iter().map(|event| event["to_status"].clone()).collect();
    assert_eq!(statuses, ["succeed", "deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_answered_is_seen_by_the_very_next_read() {
    let hundred = numbered_instances(100);
    let server = server(&hundred, &[]).await;
    join_all(hundred.iter().map(async |instance| {
        for expected in 1..=5 {
            let id = server.create_backup(instance).await;
            let list = server.list(instance, "limit=1").await;
            assert_eq!(list["total_num"], expected);
            assert_eq!(list["backup_record_response"][0]["backup_id"], json!(id));
            server.delete(&backup_path(instance, &id)).await.ok();
            assert_eq!(server.newest(instance).await["status"], "deleted");
        }
    }))
    .await;
}
