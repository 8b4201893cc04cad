//! No room: what cannot be stored is refused, everything else goes on, and with room again all is as before.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::database::{beside, texts};
use crate::process_support::rules::look_through;
use crate::process_support::wire::{Answer, Connection, DEMO_INSTANCE, PROJECT, backups_path, restores_path};
use crate::process_support::{Server, eventually, serve};
use crate::shortage::{Shortage, SizeLimit, SmallFileSystem};

/// So many creates fit into what is left at most.
const LAST_CREATES: usize = 100;
/// How many clients find no room at once.
const CLIENTS: usize = 16;

const REMARKS: &str = "SELECT remark FROM backup_records ORDER BY record_number";

fn assert_failed(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.text("error_code"), code, "{answer:?}");
}

fn assert_ok(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Creates backups until there is no room; returns the remarks of those that were stored.
fn create_until_full(connection: &mut Connection) -> Vec<String> {
    for number in 0..LAST_CREATES {
        let answer = connection.create(DEMO_INSTANCE, &format!("last {number}")).unwrap();
        if answer.status != 200 {
            assert_failed(&answer, "DCS.5090");
            return (0..number).map(|number| format!("last {number}")).collect();
        }
    }
    panic!("it never got full");
}

/// Tries everything that stores something; none of it can be.
fn find_no_room(connection: &mut Connection, backup: &str) {
    for _ in 0..3 {
        assert_failed(&connection.create(DEMO_INSTANCE, "no room").unwrap(), "DCS.5090");
        assert_failed(&connection.delete(DEMO_INSTANCE, backup).unwrap(), "DCS.4101");
        assert_failed(&connection.restore(DEMO_INSTANCE, backup, "no room").unwrap(), "DCS.5092");
        let v2 = format!("/v2/{PROJECT}/instances/{DEMO_INSTANCE}/backups");
        let answer = connection.ask("POST", &v2, r#"{"remark": "no room"}"#).unwrap();
        assert_failed(&answer, "DCS.5090");
        let ready = connection.get("/readyz").unwrap();
        assert_eq!(ready.status, 503, "it says that it is ready: {ready:?}");
    }
}

/// Reads everything; all of it can be.
fn read_all(connection: &mut Connection, remarks: &[String]) {
    let listed = connection.list(DEMO_INSTANCE);
    let found: BTreeSet<&str> = listed.values().map(|record| record["remark"].as_str().unwrap()).collect();
    assert_eq!(found, remarks.iter().map(String::as_str).collect());
    assert!(listed.values().all(|record| record["status"] == "succeed"), "{listed:?}");
    for path in ["/livez".to_owned(), "/metrics".to_owned(), restores_path(DEMO_INSTANCE)] {
        assert_ok(&connection.get(&path).unwrap());
    }
    for id in listed.keys() {
        let links = format!("{}/{id}/links", backups_path(DEMO_INSTANCE));
        assert_ok(&connection.ask("POST", &links, r#"{"expiration": 300}"#).unwrap());
    }
}

/// Makes sure that a copy of the database is sound and holds these backups and no others.
fn look_at_copy(server: &impl Shortage, remarks: &[String]) {
    let folder = TempDir::new().unwrap();
    let copy = server.copy_to(folder.path());
    look_through(&copy);
    assert_eq!(texts(&copy, REMARKS), remarks);
    // A crash now would lose nothing either.
    let restarted = Server::start(serve(&copy, &["--demo"]));
    assert_eq!(restarted.connect().list(DEMO_INSTANCE).len(), remarks.len());
    restarted.stop();
    look_through(&copy);
}

fn survives(server: &impl Shortage) {
    let mut connection = server.server().connect();
    let first = connection.create(DEMO_INSTANCE, "before").unwrap();
    assert_ok(&first);
    let first = &*first.text("backup_id");
    let mut remarks = vec!["before".to_owned()];
    for _ in 0..2 {
        server.fill();
        remarks.extend(create_until_full(&mut connection));
        find_no_room(&mut connection, first);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let mut connection = server.server().connect();
                scope.spawn(move || find_no_room(&mut connection, first));
            }
        });
        read_all(&mut connection, &remarks);
        look_at_copy(server, &remarks);
        server.relieve();
        assert_ok(&connection.create(DEMO_INSTANCE, "after").unwrap());
        remarks.push("after".to_owned());
        assert_ok(&connection.get("/readyz").unwrap());
        read_all(&mut connection, &remarks);
        look_at_copy(server, &remarks);
    }
    assert_ok(&connection.restore(DEMO_INSTANCE, first, "there is room").unwrap());
    assert_ok(&connection.delete(DEMO_INSTANCE, first).unwrap());
}

pub(crate) fn a_full_file_system_is_survived() {
    let server = SmallFileSystem::start(&["--demo"]);
    survives(&server);
}

pub(crate) fn a_file_that_may_not_grow_is_survived() {
    let server = SizeLimit::start(&["--demo"]);
    survives(&server);
    let database = server.database();
    server.server.stop();
    look_through(&database);
}

/// Long enough that the disk is full before the work ends.
const DURATION: &str = "3s";

pub(crate) fn reads_go_on_when_what_is_due_cannot_be_stored() {
    let server = SizeLimit::start(&["--demo", "--backup-duration", DURATION]);
    let mut connection = server.server.connect();
    assert_ok(&connection.create(DEMO_INSTANCE, "slow").unwrap());
    server.fill();
    let newest = |connection: &mut Connection| -> Value {
        let answer = connection.get(&backups_path(DEMO_INSTANCE)).unwrap();
        assert_ok(&answer);
        answer.json()["backup_record_response"][0].take()
    };
    let is_over = |record: &Value| record["status"] == "succeed";
    let planned = newest(&mut connection)["created_at"].as_str().unwrap().to_owned();
    server.server.wait_for_log("could not do what is due");
    for _ in 0..10 {
        assert!(!is_over(&newest(&mut connection)), "it is said to be done and is not");
        assert_ok(&connection.get(&format!("/v1.0/{PROJECT}/instances/{DEMO_INSTANCE}")).unwrap());
    }
    server.relieve();
    let record = eventually("the work is done", || Some(newest(&mut connection)).filter(is_over));
    assert_eq!(record["created_at"].as_str(), Some(&*planned));
    let took = "SELECT printf('%d', updated_at - created_at) FROM backups";
    let database = server.database();
    server.server.stop();
    assert_eq!(texts(&database, took), ["3000"], "it ended when it was planned to");
    look_through(&database);
}

pub(crate) fn it_stops_well_when_nothing_can_be_stored() {
    let server = SizeLimit::start(&["--demo"]);
    let mut connection = server.server.connect();
    assert_ok(&connection.create(DEMO_INSTANCE, "before").unwrap());
    server.allow_nothing();
    assert_eq!(create_until_full(&mut connection), Vec::<String>::new());
    let database = server.database();
    let SizeLimit { server, folder: _folder } = server;
    server.stop();
    assert!(
        beside(&database, "-wal").metadata().is_ok_and(|log| log.len() > 0),
        "the log is in the main file"
    );
    Server::start(serve(&database, &["--demo"])).stop();
    assert_eq!(texts(&database, REMARKS), ["before"]);
    look_through(&database);
}

/// So many backups with remarks so long do not fit into SQLite's memory: they are written before the transaction is committed.
const MANY: usize = 8_000;

pub(crate) fn what_undoes_a_transaction_is_reported_as_itself() {
    let server = SizeLimit::start(&["--demo"]);
    let mut connection = server.server.connect();
    assert_ok(&connection.create(DEMO_INSTANCE, "before").unwrap());
    server.fill();
    let backups = vec![serde_json::json!({ "remark": "🦀".repeat(128) }); MANY];
    let instance = serde_json::json!({ "id": "0a000000-0000-4000-8000-000000000001", "cache_mode": "ha", "backups": backups });
    let seed = serde_json::json!({ "projects": [{ "id": PROJECT, "instances": [instance] }] }).to_string();
    let answer = connection.ask("POST", "/_emulator/seed", &seed).unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    server.server.wait_for_log("a transaction was undone");
    let said = server.server.log();
    let undone = said.lines().find(|line| line.contains("a transaction was undone")).unwrap();
    assert!(undone.contains("disk I/O error"), "{undone}");
    assert!(!said.contains("no such savepoint"), "{said}");
    server.relieve();
    assert_ok(&connection.ask("POST", "/_emulator/seed", &seed).unwrap());
    server.server.stop();
}

pub(crate) fn a_snapshot_that_fails_leaves_nothing() {
    let server = SizeLimit::start(&["--demo"]);
    let mut connection = server.server.connect();
    assert_ok(&connection.create(DEMO_INSTANCE, "before").unwrap());
    // Too little for a copy of the database.
    server.limit(64 * 1024);
    let answer = connection.ask("PUT", "/_emulator/snapshots/one", "").unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    let left: Vec<_> = beside(&server.database(), ".snapshots").read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    server.relieve();
    assert_ok(&connection.ask("PUT", "/_emulator/snapshots/one", "").unwrap());
    server.server.stop();
}
