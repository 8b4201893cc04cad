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
/// So many instances have a policy.
const SCHEDULED: usize = 12;
/// So many of their backups are to fail: those of twenty days.
const FAILING: usize = SCHEDULED * 20;
const ADVANCE: &str = r#"{"duration": "30days"}"#;
/// Everything that clients and people see of records but their ids, which need not be the same, and the order in which it came
/// about.
const STATE: &str = "SELECT json_array(instance_id, record_number, status, period, error_code, size, created_at, execution_at, \
                                       updated_at) FROM backup_records";
const AUDIT: &str =
    "SELECT json_array(at, who, what, instance_id, from_status, to_status, error_code) FROM backup_audit";

/// The faults that are left.
const FAULTS: &str = "SELECT value FROM kept_settings WHERE name = 'faults'";

/// What happens while the clock is moved.
struct Scene {
    instances: usize,
    /// Plans it.
    plan: fn(&mut Connection),
    /// Yields a row for each change that was made by the move.
    changes: &'static str,
    /// How many there are in all.
    all: usize,
    /// How many have been made, at least, when the program is killed.
    killed_after: [usize; 4],
}

fn start(database: &Path, instances: usize) -> Server {
    let seed = database.parent().unwrap().join("seed.yaml");
    std::fs::write(&seed, instances_seed(instances)).unwrap();
    let mut command = serve(database, &[]);
    command.arg("--seed").arg(seed);
    Server::start(command)
}

/// Leaves a stopped database in which much is planned, the clock standing still.
fn plan(database: &Path, scene: &Scene) {
    let server = start(database, scene.instances);
    let mut connection = server.connect();
    tell(&mut connection, "PUT", "/_emulator/clock", r#"{"now": "2026-01-01T00:00:00Z", "frozen": true}"#);
    (scene.plan)(&mut connection);
    server.stop();
}

fn tell(connection: &mut Connection, method: &str, path: &str, body: &str) {
    let answer = connection.ask(method, path, body).unwrap();
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
}

fn begin_backups(connection: &mut Connection) {
    for (number, instance) in instance_ids(INSTANCES).iter().enumerate() {
        if number.is_multiple_of(50) {
            // Some end before others begin.
            let hours = 1 + number % 7;
            let durations = format!(r#"{{"waiting": "{hours}h", "backuping": "{}h"}}"#, 8 - hours);
            let rule = format!(r#"{{"progression": "time", "durations": {durations}}}"#);
            tell(connection, "PUT", "/_emulator/transitions/backup", &rule);
        }
        tell(connection, "POST", &backups_path(instance), "{}");
    }
}

fn set_policies(connection: &mut Connection) {
    let rule = r#"{"progression": "time", "durations": {"waiting": "30m", "backuping": "1h"}}"#;
    tell(connection, "PUT", "/_emulator/transitions/backup", rule);
    for (number, instance) in instance_ids(SCHEDULED).iter().enumerate() {
        let (begin, end) = (1 + number % 4, 2 + number % 4);
        let policy = format!(
            r#"{{"instance_backup_policy": {{"backup_type": "auto", "save_days": 2, "periodical_backup_plan": {{
                "begin_at": "{begin:02}:00-{end:02}:00", "period_type": "weekly", "backup_at": [1,2,3,4,5,6,7],
                "timezone_offset": "+0000"}}}}}}"#
        );
        tell(connection, "PUT", backups_path(instance).strip_suffix("/backups").unwrap(), &policy);
    }
}

fn set_policies_that_fail(connection: &mut Connection) {
    set_policies(connection);
    let outcome = r#"{"outcome": {"status": "failed", "error_code": "dcs.08.0002"}}"#;
    let fault = format!(r#"{{"times": {FAILING}, "effect": {outcome}}}"#);
    tell(connection, "POST", "/_emulator/faults", &fault);
}

fn advance(connection: &mut Connection) -> std::io::Result<usize> {
    let answer = connection.ask("POST", "/_emulator/clock/advance", ADVANCE)?;
    Ok(answer.json()["fired"].as_array().unwrap().len())
}

/// Returns what there is once a server has been asked something and was stopped.
fn end_of(database: &Path, instances: usize) -> [Vec<String>; 3] {
    let server = start(database, instances);
    server.connect().list(&instance_ids(1)[0]);
    server.stop();
    look_through(database);
    [texts(database, STATE), texts(database, AUDIT), texts(database, FAULTS)]
}

fn killed_it_ends_where_it_would_have(scene: &Scene) {
    let folder = TempDir::new().unwrap();
    let planned = folder.path().join("planned.db");
    plan(&planned, scene);
    let copy = |name: &str| {
        let database = folder.path().join(name);
        std::fs::copy(&planned, &database).unwrap();
        assert!(!beside(&planned, "-wal").exists(), "a stopped server leaves everything in one file");
        database
    };
    let undisturbed = copy("undisturbed.db");
    let server = start(&undisturbed, scene.instances);
    assert_eq!(advance(&mut server.connect()).unwrap(), scene.all);
    server.stop();
    let expected = end_of(&undisturbed, scene.instances);

    let mut in_the_middle = 0;
    for changes in scene.killed_after {
        let database = copy(&format!("killed-{changes}.db"));
        let mut server = start(&database, scene.instances);
        let mut connection = server.connect();
        let (asked, is_asked) = mpsc::channel();
        let advancing = std::thread::spawn(move || {
            asked.send(()).unwrap();
            // It may be cut off, or just have been answered.
            advance(&mut connection).ok()
        });
        is_asked.recv().unwrap();
        eventually("some of the work is done", || {
            (texts(&database, scene.changes).len() >= changes).then_some(())
        });
        server.process.kill();
        let answered = advancing.join().unwrap();
        let done = texts(&database, scene.changes).len();
        eprintln!("killed after {done} of {} changes, answered: {answered:?}", scene.all);
        in_the_middle += usize::from(done < scene.all);
        look_through(&database);
        assert_eq!(end_of(&database, scene.instances), expected, "killed after {done} changes");
    }
    assert!(in_the_middle > 0, "it was never killed in the middle");
}

#[test]
fn killed_while_the_clock_moves_it_ends_where_it_would_have() {
    killed_it_ends_where_it_would_have(&Scene {
        instances: INSTANCES,
        plan: begin_backups,
        changes: "SELECT 'change' FROM events WHERE subject_kind = 'backup' AND from_status IS NOT NULL",
        all: 2 * INSTANCES,
        // After each of the first rounds.
        killed_after: [1, 300, 600, 900],
    });
}

#[test]
fn killed_while_policies_are_run_it_ends_where_it_would_have() {
    killed_it_ends_where_it_would_have(&Scene {
        instances: SCHEDULED,
        plan: set_policies,
        changes: "SELECT 'change' FROM events WHERE subject_kind = 'backup'",
        // Each of thirty days a backup, with its two changes, and of all but those of the last two days the expiry.
        all: SCHEDULED * (30 * 3 + 28),
        killed_after: [1, 200, 500, 900],
    });
}

#[test]
fn killed_while_faults_are_used_up_it_ends_where_it_would_have() {
    killed_it_ends_where_it_would_have(&Scene {
        instances: SCHEDULED,
        plan: set_policies_that_fail,
        changes: "SELECT 'change' FROM events WHERE subject_kind = 'backup'",
        // What has failed does not expire.
        all: SCHEDULED * (30 * 3 + 28) - FAILING,
        killed_after: [1, 200, 400, 600],
    });
}
