//! What each state of an instance permits: every cell of the table in section 3.4 of the wire contract v1.0 that is about
//! backups and restores, on both versions of the API.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{HA, PROJECT, numbered_instances, of_instances};
use crate::support::{Answer, Api, Refusal, TestServer, refusal, text};

/// The columns. `B` is RUNNING with an open backup; `RESTORING` has an open restore, and `RESTORING (seeded)` is in that
/// state without one.
const COLUMNS: [&str; 14] = [
    "CREATING",
    "RUNNING",
    "B",
    "RESTORING",
    "RESTORING (seeded)",
    "RESTARTING",
    "EXTENDING",
    "FLUSHING",
    "ERROR",
    "CLOSED",
    "CLOSING",
    "STARTING",
    "CREATEFAILED",
    "FROZEN",
];

/// A call that is tried in every state.
#[derive(Clone, Copy, Debug)]
enum Operation {
    CreateBackup,
    CreateRestore,
    DeleteBackup,
    CreateLinks,
    GetInstance,
    ListInstances,
    ListBackups,
    ListRestores,
}

/// Served.
const OK: Option<Refusal> = None;
const CREATING: Option<Refusal> = Some(refusal::CREATING);
const BACKING_UP: Option<Refusal> = Some(refusal::BACKING_UP);
const RESTORING: Option<Refusal> = Some(refusal::RESTORING);
const RESTARTING: Option<Refusal> = Some(refusal::RESTARTING);
const EXTENDING: Option<Refusal> = Some(refusal::EXTENDING);
const STATE: Option<Refusal> = Some(refusal::WRONG_STATE);

/// Nothing begins unless the instance is RUNNING and idle.
const BEGINS: [Option<Refusal>; 14] = [
    CREATING, OK, BACKING_UP, RESTORING, RESTORING, RESTARTING, EXTENDING, STATE, STATE, STATE, STATE, STATE,
    STATE, STATE,
];
/// What concerns a finished backup that nothing uses is possible in every state.
const ALWAYS: [Option<Refusal>; 14] = [OK; 14];

/// The table. `backup delete` and `links` are about a record that is neither open nor in use; the other two cells have
/// tests of their own below.
const TABLE: [(Operation, [Option<Refusal>; 14]); 8] = [
    (Operation::CreateBackup, BEGINS),
    (Operation::CreateRestore, BEGINS),
    (Operation::DeleteBackup, ALWAYS),
    (Operation::CreateLinks, ALWAYS),
    (Operation::GetInstance, ALWAYS),
    (Operation::ListInstances, ALWAYS),
    (Operation::ListBackups, ALWAYS),
    (Operation::ListRestores, ALWAYS),
];

/// What a cell needs: an instance of its own with two backups.
struct Cell {
    operation: Operation,
    column: &'static str,
    expected: Option<Refusal>,
    instance: String,
    /// Neither open nor in use in any state.
    backup: String,
    /// Restored from in the column `RESTORING`.
    source: String,
}

/// Starts a server with an instance a cell, each in the state of its column.
async fn cells(api: Api) -> (TestServer, Vec<Cell>) {
    let instances = numbered_instances(TABLE.len() * COLUMNS.len());
    let mut server = TestServer::seeded(&of_instances(PROJECT, &instances), &[]).await;
    let backups = join_all(instances.iter().map(|instance| server.create_backup(instance))).await;
    let sources = join_all(instances.iter().map(|instance| server.create_backup(instance))).await;
    let rows = TABLE.into_iter().flat_map(|(operation, expected)| {
        COLUMNS.into_iter().zip(expected).map(move |(column, expected)| (operation, column, expected))
    });
    let things = instances.into_iter().zip(backups.into_iter().zip(sources));
    let cells: Vec<Cell> = rows
        .zip(things)
        .map(|((operation, column, expected), (instance, (backup, source)))| Cell {
            operation,
            column,
            expected,
            instance,
            backup,
            source,
        })
        .collect();
    server.stop().await;
    for cell in &cells {
        let status = cell.column.split(' ').next().unwrap_or_default();
        if cell.column == "RUNNING" || cell.column == "B" || cell.column == "RESTORING" {
            continue;
        }
        let name = format!("i{}", cell.instance.replace('-', ""));
        server.alter("UPDATE instances SET status = ? WHERE name = ?", &[status, &name]).await;
    }
    server.set(&[("backup.duration", "1h"), ("restore.duration", "1h")]);
    server.restart().await;
    for cell in &cells {
        match cell.column {
            "B" => drop(server.create_backup(&cell.instance).await),
            "RESTORING" => {
                let body = json!({"backup_id": cell.source});
                server.restore(api, &cell.instance, &body).await;
            }
            _ => {}
        }
    }
    (server, cells)
}

async fn ask(server: &TestServer, api: Api, cell: &Cell) -> Answer {
    let Cell { instance, backup, .. } = cell;
    match cell.operation {
        Operation::CreateBackup => server.post(&api.backups(instance), &json!({})).await,
        Operation::CreateRestore => server.post(&api.restores(instance), &json!({"backup_id": backup})).await,
        Operation::DeleteBackup => server.delete(&api.backup(instance, backup)).await,
        Operation::CreateLinks => {
            server.post(&api.links(instance, backup), &json!({"expiration": 300})).await
        }
        Operation::GetInstance => server.get(&api.instance(instance)).await,
        Operation::ListInstances => {
            let query = match api {
                Api::V1 => format!("id={instance}&includeFailure=true"),
                Api::V2 => format!("instance_id={instance}&include_failure=true"),
            };
            server.get(&format!("{}?{query}", api.instances(PROJECT))).await
        }
        Operation::ListBackups => server.get(&api.backups(instance)).await,
        Operation::ListRestores => server.get(&api.restores(instance)).await,
    }
}

/// Everything about an instance that a call could change.
async fn everything(server: &TestServer, api: Api, instance: &str) -> Vec<Value> {
    let mut shown = server.get(&api.instance(instance)).await.ok();
    // The present time.
    shown["bandwidth_info"] = Value::Null;
    vec![shown, server.get(&api.backups(instance)).await.ok(), server.get(&api.restores(instance)).await.ok()]
}

#[tokio::test]
async fn every_cell_of_the_table_is_as_the_contract_has_it() {
    for api in Api::BOTH {
        let (server, cells) = cells(api).await;
        assert_eq!(cells.len(), 14 * 8);
        for cell in &cells {
            let place = format!("{api:?}: {:?} in {}", cell.operation, cell.column);
            let status = if cell.column == "B" { "RUNNING" } else { cell.column.split(' ').next().unwrap() };
            assert_eq!(server.status(api, &cell.instance).await, status, "{place}");
            let before = everything(&server, api, &cell.instance).await;
            let answer = ask(&server, api, cell).await;
            if let Some(refusal) = &cell.expected {
                assert_eq!(answer.status, 400, "{place}: {}", answer.text());
                answer.assert_refused_by(api, refusal);
                assert_eq!(everything(&server, api, &cell.instance).await, before, "{place}");
            } else {
                assert!((200..300).contains(&answer.status), "{place}: {}", answer.text());
                assert_shown(cell, &answer, &place);
            }
        }
    }
}

/// An answer that is no refusal is about the instance it was asked about.
fn assert_shown(cell: &Cell, answer: &Answer, place: &str) {
    let total = |name: &str| answer.json()[name].as_u64().unwrap_or_else(|| panic!("{place}"));
    match cell.operation {
        Operation::GetInstance => assert_eq!(answer.json()["instance_id"], cell.instance, "{place}"),
        Operation::ListInstances => {
            assert_eq!(total("instance_num"), 1, "{place}");
            assert_eq!(answer.json()["instances"][0]["instance_id"], cell.instance, "{place}");
        }
        Operation::ListBackups => {
            assert_eq!(total("total_num"), if cell.column == "B" { 3 } else { 2 }, "{place}");
        }
        Operation::ListRestores => {
            assert_eq!(total("total_num"), u64::from(cell.column == "RESTORING"), "{place}");
        }
        Operation::CreateLinks => {
            assert_eq!(answer.json()["links"].as_array().map(Vec::len), Some(1), "{place}");
        }
        Operation::CreateBackup | Operation::CreateRestore | Operation::DeleteBackup => {}
    }
}

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
