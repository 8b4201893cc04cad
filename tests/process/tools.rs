//! The other commands: `check` looks whether a database is sound, `healthcheck` whether a server is ready.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process_support::database::{execute, texts};
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, program, run, serve};
use crate::refusal::{refused, sound_database};

fn check(database: &Path) -> Command {
    let mut command = program(&["check", "--database"]);
    command.arg(database);
    command
}

/// Makes a sound database of three backups, of which the second is deleted.
fn used_database(folder: &TempDir) -> std::path::PathBuf {
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    let ids: Vec<String> = ["first", "second", "third"]
        .map(|remark| connection.create(DEMO_INSTANCE, remark).unwrap().text("backup_id"))
        .to_vec();
    assert_eq!(connection.delete(DEMO_INSTANCE, &ids[1]).unwrap().status, 200);
    server.stop();
    database
}

#[test]
fn a_sound_database_passes_the_check() {
    let folder = TempDir::new().unwrap();
    let database = used_database(&folder);
    let checked = run(check(&database));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("a.db is sound: 3 backups, 7 events"), "{checked:?}");
}

#[test]
fn a_database_can_be_checked_while_it_is_served() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    assert_eq!(connection.create(DEMO_INSTANCE, "while served").unwrap().status, 200);
    let checked = run(check(&database));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("2 backups"), "{checked:?}");
    assert_eq!(connection.create(DEMO_INSTANCE, "and after").unwrap().status, 200);
    server.stop();
}

#[test]
fn a_database_that_is_not_there_does_not_pass_and_is_not_created() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let said = refused(folder.path(), check(&database), 5);
    assert!(said.contains("there is no database"), "{said}");
    assert!(!database.exists());
}

/// Breaks a database by `sql`, with all its triggers out of the way, and returns what the check says of it.
fn broken(sql: &str) -> String {
    let folder = TempDir::new().unwrap();
    let database = used_database(&folder);
    let drops =
        texts(&database, "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'");
    let definitions = texts(&database, "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger'");
    let (drops, definitions) = (drops.concat(), definitions.concat());
    execute(&database, &format!("PRAGMA foreign_keys = OFF; {drops} {sql}; {definitions}"));
    refused(folder.path(), check(&database), 5)
}

#[test]
fn a_hole_in_the_record_numbers_does_not_pass() {
    for number in [1, 2] {
        let said = broken(&format!(
            "DELETE FROM backups WHERE record_number = {number};
             DELETE FROM events WHERE subject_kind = 'backup' AND subject_id NOT IN (SELECT backup_id FROM backups)"
        ));
        assert!(said.contains("backup numbers"), "{number}: {said}");
    }
}

#[test]
fn a_missing_event_does_not_pass() {
    for (what, which) in [
        ("the creation of a backup", "number = 4"),
        ("the creation of a backup that was deleted later", "number = 5"),
        ("the deletion of a backup", "to_status = 5"),
        ("the creation of the newest backup", "number = 6"),
        ("an event of an instance", "number = 1"),
        ("everything after the second instance", "number > 2"),
    ] {
        let said = broken(&format!("DELETE FROM events WHERE {which}"));
        assert!(said.contains("broken rule") && said.contains("event"), "{what}: {said}");
    }
}

#[test]
fn a_status_that_no_event_explains_does_not_pass() {
    let said = broken("UPDATE backups SET status = 5 WHERE record_number = 3");
    assert!(said.contains("is 5 but its audit says 2"), "{said}");
}

/// Returns what the check says of a database with two restores, the second of them open, that `sql` has broken.
fn broken_with_restores(sql: &str) -> String {
    broken(&format!(
        "INSERT INTO restores (instance_key, record_number, restore_id, backup_number, status, name_offset_minutes,
                               created_at, execution_at, updated_at)
             SELECT instance_key, 1, randomblob(16), 1, 2, 0, created_at, created_at, created_at
             FROM backups WHERE record_number = 3;
         INSERT INTO restores (instance_key, record_number, restore_id, backup_number, status, name_offset_minutes, created_at)
             SELECT instance_key, 2, randomblob(16), 3, 0, 0, created_at FROM backups WHERE record_number = 3;
         INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, to_status, actor_key)
             SELECT 1, 7 + record_number, created_at, 'restore', restore_id, 'restore', status, 1 FROM restores;
         INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, from_status, to_status, actor_key)
             SELECT 1, 10, created_at, 'instance', instance_id, name, 21, 25, 1
             FROM instances WHERE instance_key IN (SELECT instance_key FROM restores);
         UPDATE instances SET status = 'RESTORING' WHERE instance_key IN (SELECT instance_key FROM restores);
         INSERT INTO open_work (instance_key, record_kind, record_number, start_at, finish_at, due_at)
             SELECT instance_key, 2, 2, created_at, created_at, created_at FROM restores WHERE record_number = 2;
         {sql}"
    ))
}

#[test]
fn a_broken_history_of_restores_does_not_pass() {
    for (sql, broken_rule) in [
        ("UPDATE restores SET record_number = 5 WHERE record_number = 2", "restore numbers of an instance"),
        ("UPDATE restores SET created_at = created_at - 1 WHERE record_number = 2", "never go back in time"),
        (
            "UPDATE restores SET status = 2, execution_at = created_at, updated_at = created_at WHERE record_number = 2",
            "restore 2 is 2 but its audit says 0",
        ),
        ("DELETE FROM open_work", "every open restore has its work planned"),
        (
            "UPDATE open_work SET record_number = 1",
            "every open restore has its work planned, and nothing else has",
        ),
        ("UPDATE instances SET status = 'RUNNING'", "is RESTORING while a restore of it is open"),
        ("UPDATE instances SET status = 'RUNNING'", "is RUNNING but its audit says RESTORING"),
    ] {
        let said = broken_with_restores(sql);
        assert!(said.contains(broken_rule), "{sql}: {said}");
    }
}

#[test]
fn a_row_that_refers_to_nothing_does_not_pass() {
    let said = broken("DELETE FROM actors");
    assert!(said.contains("rows refer to rows that are not there") || said.contains("broken rule"), "{said}");
}

#[test]
fn a_broken_page_does_not_pass() {
    let folder = TempDir::new().unwrap();
    let database = used_database(&folder);
    let root = texts(&database, "SELECT CAST(rootpage AS TEXT) FROM sqlite_schema WHERE name = 'backups'");
    let root: usize = root[0].parse().unwrap();
    let mut content = std::fs::read(&database).unwrap();
    content[(root - 1) * 4096..root * 4096].fill(0x5a);
    std::fs::write(&database, content).unwrap();
    let said = refused(folder.path(), check(&database), 5);
    assert!(said.contains("a.db"), "{said}");
}

#[test]
fn a_database_in_memory_cannot_be_checked() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), check(Path::new("sqlite::memory:")), 2);
}

#[test]
fn a_ready_server_passes_the_health_check() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), &[]));
    let address = server.address().to_owned();
    for arguments in [&["healthcheck", "--url", &server.url][..], &["healthcheck", "--listen", &address]] {
        let asked = run(program(arguments));
        assert_eq!(asked.code, Some(0), "{asked:?}");
    }
    let mut command = program(&["healthcheck"]);
    command.env("DCS_EMULATOR_LISTEN", &address);
    assert_eq!(run(command).code, Some(0));
    let url = server.url.clone();
    server.stop();
    let asked = run(program(&["healthcheck", "--url", &url]));
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.stderr.contains("is not ready"), "{asked:?}");
}

#[test]
fn a_server_that_says_it_is_not_ready_does_not_pass_the_health_check() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let asked = run(program(&["healthcheck", "--url", &url]));
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(server.join().unwrap().starts_with("GET /readyz "));
}
