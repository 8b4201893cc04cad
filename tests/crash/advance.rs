//! Killed while the clock is moved over much work, the program ends where it would have ended undisturbed.

use std::path::Path;
use std::sync::mpsc;

use tempfile::TempDir;

use crate::process_support::database::{beside, texts};
use crate::process_support::rules::look_through;
use crate::process_support::wire::{Connection, backups_path, instance_ids, instances_seed};
use crate::process_support::{Server, eventually, serve};

/// So many backups are under way, each with two changes to come: several rounds.
const INSTANCES: usize = 600;
/// How many changes have been made, at least, when it is killed: after each of the first rounds.
const KILLED_AFTER: [usize; 4] = [1, 300, 600, 900];
const ADVANCE: &str = r#"{"duration": "30days"}"#;
/// Everything that clients and people see of records, and the order in which it came about.
const STATE: &str =
    "SELECT json_array(backup_id, status, size, created_at, execution_at, updated_at) FROM backup_records";
const AUDIT: &str = "SELECT json_array(at, who, what, from_status, to_status, record_id) FROM backup_audit";
const CHANGES: &str = "SELECT 'change' FROM events WHERE record_kind = 1 AND from_status IS NOT NULL";

fn start(database: &Path) -> Server {
    let seed = database.parent().unwrap().join("seed.yaml");
    std::fs::write(&seed, instances_seed(INSTANCES)).unwrap();
    let mut command = serve(database, &[]);
    command.arg("--seed").arg(seed);
    Server::start(command)
}

/// Leaves a stopped database in which much work is planned, the clock standing still.
fn plan_work(database: &Path) {
    let server = start(database);
    let mut connection = server.connect();
    let mut tell = |method: &str, path: &str, body: &str| {
        let answer = connection.ask(method, path, body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    tell("PUT", "/_emulator/clock", r#"{"now": "2026-01-01T00:00:00Z", "frozen": true}"#);
    for (number, instance) in instance_ids(INSTANCES).iter().enumerate() {
        if number.is_multiple_of(50) {
            // Some end before others begin.
            let hours = 1 + number % 7;
            let durations = format!(r#"{{"waiting": "{hours}h", "backuping": "{}h"}}"#, 8 - hours);
            let rule = format!(r#"{{"progression": "time", "durations": {durations}}}"#);
            tell("PUT", "/_emulator/transitions/backup", &rule);
        }
        tell("POST", &backups_path(instance), "{}");
    }
    server.stop();
}

fn advance(connection: &mut Connection) -> std::io::Result<usize> {
    let answer = connection.ask("POST", "/_emulator/clock/advance", ADVANCE)?;
    Ok(answer.json()["fired"].as_array().unwrap().len())
}

/// Returns what there is once a server has been asked something and was stopped.
fn end_of(database: &Path) -> [Vec<String>; 2] {
    let server = start(database);
    server.connect().list(&instance_ids(1)[0]);
    server.stop();
    look_through(database);
    [texts(database, STATE), texts(database, AUDIT)]
}

#[test]
fn killed_while_the_clock_moves_it_ends_where_it_would_have() {
    let folder = TempDir::new().unwrap();
    let planned = folder.path().join("planned.db");
    plan_work(&planned);
    let copy = |name: &str| {
        let database = folder.path().join(name);
        std::fs::copy(&planned, &database).unwrap();
        assert!(!beside(&planned, "-wal").exists(), "a stopped server leaves everything in one file");
        database
    };
    let undisturbed = copy("undisturbed.db");
    let server = start(&undisturbed);
    assert_eq!(advance(&mut server.connect()).unwrap(), 2 * INSTANCES);
    server.stop();
    let expected = end_of(&undisturbed);

    let mut in_the_middle = 0;
    for changes in KILLED_AFTER {
        let database = copy(&format!("killed-{changes}.db"));
        let mut server = start(&database);
        let mut connection = server.connect();
        let (asked, is_asked) = mpsc::channel();
        let advancing = std::thread::spawn(move || {
            asked.send(()).unwrap();
            // It may be cut off, or just have been answered.
            advance(&mut connection).ok()
        });
        is_asked.recv().unwrap();
        eventually("some of the work is done", || (texts(&database, CHANGES).len() >= changes).then_some(()));
        server.process.kill();
        let answered = advancing.join().unwrap();
        let done = texts(&database, CHANGES).len();
        eprintln!("killed after {done} of {} changes, answered: {answered:?}", 2 * INSTANCES);
        in_the_middle += usize::from(done < 2 * INSTANCES);
        look_through(&database);
        assert_eq!(end_of(&database), expected, "killed after {done} changes");
    }
    assert!(in_the_middle > 0, "it was never killed in the middle");
}
