//! Stopping: asked to by a signal, at once by a second one.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process_support::database::{beside, texts};
use crate::process_support::wire::{Connection, DEMO_INSTANCE, backups_path};
use crate::process_support::{Server, eventually, serve};

/// Requests in flight may take as long as this when a server is told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

fn demo(folder: &TempDir) -> Server {
    Server::start(serve(&folder.path().join("a.db"), &["--demo"]))
}

#[test]
fn either_signal_stops_it_with_every_answered_request_in_the_main_file() {
    for signal in ["TERM", "INT"] {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("a.db");
        let server = demo(&folder);
        let mut connection = server.connect();
        for remark in ["first", "second"] {
            assert_eq!(connection.create(DEMO_INSTANCE, remark).unwrap().status, 200);
        }
        let log = beside(&database, "-wal");
        assert!(log.metadata().unwrap().len() > 0, "nothing is left to be brought into the main file");
        server.signal(signal);
        let stopped = server.finish();
        assert_eq!(stopped.code, Some(0), "SIG{signal}: {stopped:?}");
        assert!(!log.exists() || log.metadata().unwrap().len() == 0, "SIG{signal}: not checkpointed");
        let copy = folder.path().join("copy.db");
        std::fs::copy(&database, &copy).unwrap();
        let remarks = texts(&copy, "SELECT remark FROM backup_records ORDER BY record_number");
        assert_eq!(remarks, ["first", "second"], "SIG{signal}");
    }
}

/// Begins to record a backup, and returns once the server waits for the rest of the body.
fn begin_request(server: &Server, body: &str) -> Connection {
    let mut connection = server.connect();
    let (path, length) = (backups_path(DEMO_INSTANCE), body.len());
    connection
        .write(&format!(
            "POST {path} HTTP/1.1\r\nHost: emulator\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        ))
        .unwrap();
    assert_eq!(connection.read_line().unwrap(), "HTTP/1.1 100 Continue");
    assert_eq!(connection.read_line().unwrap(), "");
    connection.write(&body[..length / 2]).unwrap();
    connection
}

const BODY: &str = r#"{"remark": "in flight"}"#;

#[test]
fn a_request_in_flight_is_finished_while_new_connections_are_refused() {
    let folder = TempDir::new().unwrap();
    let mut server = demo(&folder);
    let mut connection = begin_request(&server, BODY);
    server.signal("TERM");
    server.wait_for_log("stopping");
    let address = server.address().to_owned();
    eventually("new connections are refused", || Connection::open(&address).is_err().then_some(()));
    assert!(server.process.is_running(), "it did not wait");
    connection.write(&BODY[BODY.len() / 2..]).unwrap();
    let answer = connection.read_answer().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let database = folder.path().join("a.db");
    assert_eq!(texts(&database, "SELECT remark FROM backup_records"), ["in flight"]);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let folder = TempDir::new().unwrap();
        let mut server = demo(&folder);
        let answered = server.connect().create(DEMO_INSTANCE, "answered").unwrap();
        assert_eq!(answered.status, 200);
        let _connection = begin_request(&server, BODY);
        server.signal(first);
        server.wait_for_log("stopping");
        assert!(server.process.is_running(), "it did not wait for the request in flight");
        let told = Instant::now();
        server.signal(second);
        let finished = server.finish();
        // Waiting for the request would have taken as long as that.
        assert!(told.elapsed() < STOP_TIMEOUT / 2, "SIG{second} was not heard");
        assert_eq!(finished.code, Some(1), "it was not stopped as asked: {finished:?}");
        let database = folder.path().join("a.db");
        assert_eq!(texts(&database, "SELECT remark FROM backup_records"), ["answered"]);
    }
}

#[test]
fn a_connection_without_a_request_does_not_keep_it_waiting() {
    let folder = TempDir::new().unwrap();
    let server = demo(&folder);
    let mut used = server.connect();
    assert_eq!(used.get("/livez").unwrap().status, 200);
    let _unused = server.connect();
    let told = Instant::now();
    server.stop();
    assert!(told.elapsed() < STOP_TIMEOUT / 2, "idle connections kept it for {:?}", told.elapsed());
}
