//! The files around a running server: deleted, replaced, moved, left behind by one that was killed, or grown.

use std::net::TcpListener;
use std::path::Path;

use sqlx::SqliteConnection;
use tempfile::TempDir;

use crate::process_support::database::{beside, block_on, open};
use crate::process_support::wire::{Connection, DEMO_INSTANCE};
use crate::process_support::{Server, eventually, program, run, serve};
use crate::refusal::{refused, sound_database};

/// What the server says in its log when its files are gone.
const GONE: &str = "was deleted or replaced while it is served";
/// So many creates make a log that should have been brought into the database long before.
const MANY_CREATES: usize = 20_000;

fn status_of_create(connection: &mut Connection) -> u16 {
    connection.create(DEMO_INSTANCE, "who keeps it?").unwrap().status
}

/// Returns the sum of the samples of a measurement; none if there is no such measurement.
fn measured(connection: &mut Connection, name: &str) -> Option<f64> {
    let text = connection.get("/metrics").unwrap().body;
    let samples = text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    samples.reduce(|one, other| one + other)
}

#[test]
fn files_that_are_deleted_or_replaced_are_noticed() {
    let deleted = |path: &Path| std::fs::remove_file(path).unwrap();
    let replaced = |path: &Path| {
        let other = beside(path, ".other");
        std::fs::copy(path, &other).unwrap();
        std::fs::rename(&other, path).unwrap();
    };
    for (name, ending, change) in [
        ("database deleted", "", &deleted as &dyn Fn(&Path)),
        ("database replaced", "", &replaced),
        ("log deleted", "-wal", &deleted),
        ("log replaced", "-wal", &replaced),
        ("index of the log deleted", "-shm", &deleted),
    ] {
        for by_probe in [true, false] {
            eprintln!("{name}, noticed by a probe: {by_probe}");
            let folder = TempDir::new().unwrap();
            let database = folder.path().join("a.db");
            let server = Server::start(serve(&database, &["--demo"]));
            let mut connection = server.connect();
            assert_eq!(status_of_create(&mut connection), 200);
            change(&beside(&database, ending));
            if by_probe {
                assert_eq!(connection.get("/readyz").unwrap().status, 503);
            } else {
                eventually("a create is refused", || {
                    (status_of_create(&mut connection) != 200).then_some(())
                });
            }
            assert_eq!(status_of_create(&mut connection), 500);
            assert_eq!(connection.get("/readyz").unwrap().status, 503);
            assert!(!connection.list(DEMO_INSTANCE).is_empty(), "what it has can still be read");
            server.wait_for_log(GONE);
            let log = server.log();
            let lines: Vec<&str> = log.lines().filter(|line| line.contains(GONE)).collect();
            let [line] = lines.as_slice() else { panic!("said more than once: {log}") };
            let missing = beside(&database, ending);
            assert!(line.contains("ERROR") && line.contains(&*missing.to_string_lossy()), "{line}");
            server.stop();
        }
    }
}

#[test]
fn a_database_that_is_moved_back_is_served_again() {
    let folder = TempDir::new().unwrap();
    let (database, elsewhere) = (folder.path().join("a.db"), folder.path().join("elsewhere.db"));
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    assert_eq!(status_of_create(&mut connection), 200);
    std::fs::rename(&database, &elsewhere).unwrap();
    assert_eq!(connection.get("/readyz").unwrap().status, 503);
    assert_eq!(status_of_create(&mut connection), 500);
    std::fs::rename(&elsewhere, &database).unwrap();
    assert_eq!(connection.get("/readyz").unwrap().status, 200);
    assert_eq!(status_of_create(&mut connection), 200);
    server.stop();
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().list(DEMO_INSTANCE).len(), 2);
    server.stop();
}

#[test]
fn a_database_is_locked_also_when_its_lock_file_is_deleted() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    assert_eq!(status_of_create(&mut connection), 200);
    for _ in 0..2 {
        std::fs::remove_file(beside(&database, ".lock")).unwrap();
        let said = refused(folder.path(), serve(&database, &["--demo"]), 4);
        assert!(said.contains("a.db is in use by another process"), "{said}");
        assert_eq!(status_of_create(&mut connection), 200);
    }
    assert_eq!(connection.get("/readyz").unwrap().status, 200);
    drop(server);
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().list(DEMO_INSTANCE).len(), 3);
    server.stop();
}

#[test]
fn a_ready_file_that_a_killed_server_left_is_removed_before_a_start() {
    let folder = TempDir::new().unwrap();
    let ready_file = folder.path().join("ready.json");
    let database = sound_database(&folder);
    let ready_flag = ["--ready-file", &*ready_file.to_string_lossy()];
    let mut server = Server::start(serve(&database, &ready_flag));
    eventually("the ready file", || ready_file.exists().then_some(()));
    server.process.kill();
    assert!(ready_file.exists());
    // Nothing comes of this start: not even its port is to be had.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = program(&["serve", "--listen", &address]);
    command.arg("--database").arg(&database).args(ready_flag);
    assert_eq!(run(command).code, Some(3));
    assert!(!ready_file.exists(), "it tells of a server that is gone");
}

#[test]
fn a_server_that_stops_leaves_the_ready_file_of_another() {
    let folder = TempDir::new().unwrap();
    let ready_file = folder.path().join("ready.json");
    let serve =
        |name: &str| serve(&folder.path().join(name), &["--ready-file", &*ready_file.to_string_lossy()]);
    let content = || std::fs::read_to_string(&ready_file).unwrap_or_default();
    let first = Server::start(serve("a.db"));
    eventually("the first ready file", || content().contains(&first.url).then_some(()));
    let second = Server::start(serve("b.db"));
    eventually("the second ready file", || content().contains(&second.url).then_some(()));
    first.stop();
    assert!(content().contains(&second.url), "{}", content());
    second.stop();
    assert!(!ready_file.exists());
}

/// Reads the database at its present state until it is closed.
fn hold_a_state(database: &Path) -> SqliteConnection {
    block_on(async {
        let mut reader = open(database).await;
        sqlx::raw_sql("BEGIN; SELECT count(*) FROM backups").execute(&mut reader).await.unwrap();
        reader
    })
}

#[test]
fn a_log_that_is_never_brought_into_the_database_is_told() {
    const FAILED: &str = "dcs_emulator_checkpoints_incomplete_total";
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    assert_eq!(status_of_create(&mut connection), 200);
    let reader = hold_a_state(&database);
    let is_told = |server: &Server| server.log().contains("cannot be brought into the database");
    for _ in 0..MANY_CREATES {
        if is_told(&server) {
            break;
        }
        assert_eq!(status_of_create(&mut connection), 200);
    }
    assert!(is_told(&server), "the log has {} bytes", beside(&database, "-wal").metadata().unwrap().len());
    assert!(measured(&mut connection, FAILED).unwrap() >= 1.0);
    let length = measured(&mut connection, "dcs_emulator_wal_bytes").unwrap();
    assert!(length >= 16.0 * 1024.0 * 1024.0, "{length}");
    drop(reader);
    for _ in 0..MANY_CREATES {
        if server.log().contains("is brought into the database again") {
            break;
        }
        assert_eq!(status_of_create(&mut connection), 200);
    }
    let log = server.log();
    assert!(log.contains("is brought into the database again"), "{log}");
    assert_eq!(log.matches("cannot be brought into the database").count(), 1, "{log}");
    server.stop();
}
