//! Killed at every system call that changes a file, while it starts or while it brings a snapshot back, the program starts again.
//!
//! Where nothing can be observed it is killed after delays instead; the test has another name then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process_support::database::{beside, copy_fixture, execute, texts};
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Finished, Process, Server, isolate, program, run, serve};

/// System calls that change a file, or make such changes last.
const CHANGES: &str = "pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,copy_file_range,sendfile";
/// Of the changes of one kind to one file so many are cut off at most, spread evenly over all of them.
const MAX_CUTS: usize = 6;
/// Without strace so many moments are tried.
const DELAYS: u64 = 30;

/// Something that the program does to a database.
pub(crate) struct Scenario {
    /// Puts the database there, and what else there is.
    prepare: fn(&Path),
    /// The command that does it, ends by itself, and can be done again.
    command: fn(&Path) -> Command,
    /// Makes sure that all of it is done.
    judge: fn(&Path),
}

/// A server with the demo that ends by itself once it was ready.
fn start_and_end(database: &Path) -> Command {
    let mut command = program(&["run", "--listen", "127.0.0.1:0", "--demo", "--database"]);
    command.arg(database).args(["--", "true"]);
    command
}

const FIRST_START: Scenario = Scenario {
    prepare: |_| {},
    command: start_and_end,
    judge: |database| assert!(texts(database, "SELECT name FROM instances").len() > 1),
};

const EMPTY_FILE: Scenario =
    Scenario { prepare: |database| std::fs::write(database, "").unwrap(), ..FIRST_START };

const REMARKS: &str = "SELECT remark FROM backup_records ORDER BY record_number";
const BACKUPS: usize = 50;

const ROLLBACK_MODE: Scenario = Scenario {
    prepare: |database| {
        let server = Server::start(serve(database, &["--demo"]));
        let mut connection = server.connect();
        for number in 0..BACKUPS {
            assert_eq!(connection.create(DEMO_INSTANCE, &format!("{number}")).unwrap().status, 200);
        }
        server.stop();
        execute(database, "PRAGMA journal_mode = DELETE");
    },
    command: start_and_end,
    judge: |database| {
        let remarks: Vec<String> = (0..BACKUPS).map(|number| number.to_string()).collect();
        assert_eq!(texts(database, REMARKS), remarks);
    },
};

/// Each database of an old version has some, the second of them deleted.
fn holds_old_backups(database: &Path) {
    assert!(texts(database, REMARKS).len() >= 3, "{:?}", texts(database, REMARKS));
    assert_eq!(texts(database, "SELECT max(version) || '' FROM refinery_schema_history"), [newest_version()]);
}

fn newest_version() -> String {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let names = std::fs::read_dir(migrations).unwrap().map(|file| file.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with('V')).count().to_string()
}

const OLDEST_DATABASE: Scenario = Scenario {
    prepare: |database| copy_fixture(1, database),
    command: start_and_end,
    judge: holds_old_backups,
};

/// One that is in rollback mode as well: as a snapshot that was put in the database's place.
const OLD_DATABASE: Scenario = Scenario {
    prepare: |database| {
        copy_fixture(7, database);
        execute(database, "PRAGMA journal_mode = DELETE");
    },
    ..OLDEST_DATABASE
};

fn snapshots(database: &Path) -> PathBuf {
    beside(database, ".snapshots")
}

/// A server that restores the snapshot `old` and ends.
fn restore_snapshot(database: &Path) -> Command {
    let mut command = program(&["run", "--listen", "127.0.0.1:0", "--database"]);
    // As the command of `run` it finds the control API by its environment.
    command.arg(database).arg("--").arg(env!("CARGO_BIN_EXE_dcs-emulator"));
    command.args(["control", "snapshots", "restore", "old"]);
    command
}

const OLD_SNAPSHOT: Scenario = Scenario {
    prepare: |database| {
        assert_eq!(run(start_and_end(database)).code, Some(0));
        std::fs::create_dir(snapshots(database)).unwrap();
        let snapshot = snapshots(database).join("old.db");
        copy_fixture(7, &snapshot);
        execute(&snapshot, "PRAGMA journal_mode = DELETE");
    },
    command: restore_snapshot,
    judge: holds_old_backups,
};

/// A snapshot with a log beside it that holds most of it: the files of a server that was killed.
const SNAPSHOT_WITH_LOG: Scenario = Scenario {
    prepare: |database| {
        (ROLLBACK_MODE.prepare)(database);
        let server = Server::start(serve(database, &[]));
        assert_eq!(server.connect().create(DEMO_INSTANCE, "in the log").unwrap().status, 200);
        server.signal("KILL");
        server.finish();
        std::fs::create_dir(snapshots(database)).unwrap();
        for suffix in ["", "-wal"] {
            std::fs::copy(beside(database, suffix), beside(&snapshots(database).join("old.db"), suffix))
                .unwrap();
        }
        for suffix in ["", "-wal", "-shm", ".lock"] {
            std::fs::remove_file(beside(database, suffix)).unwrap();
        }
        assert_eq!(run(start_and_end(database)).code, Some(0));
    },
    command: restore_snapshot,
    judge: |database| {
        let remarks = (0..BACKUPS).map(|number| number.to_string()).chain(["in the log".to_owned()]);
        assert_eq!(texts(database, REMARKS), remarks.collect::<Vec<_>>());
    },
};

/// Each begins the name of a test.
pub(crate) static SCENARIOS: [(&str, Scenario); 7] = [
    ("a_first_start", FIRST_START),
    ("a_first_start_on_an_empty_file", EMPTY_FILE),
    ("a_switch_to_a_log", ROLLBACK_MODE),
    ("an_upgrade_of_the_oldest_database", OLDEST_DATABASE),
    ("an_upgrade_of_an_old_database", OLD_DATABASE),
    ("a_restore_of_an_old_snapshot", OLD_SNAPSHOT),
    ("a_restore_of_a_snapshot_with_a_log", SNAPSHOT_WITH_LOG),
];

/// The changes of one kind that are made to one file: what is behind the database's name in its path, the system call, and which
/// of the calls of a thread they are, as strace counts.
type Changes = BTreeMap<(String, String), Vec<usize>>;

/// Observes which changes are made.
fn observe(scenario: &Scenario) -> Changes {
    let (folder, database) = prepared(scenario);
    let trace = folder.path().join("trace");
    let finished = run(traced(&(scenario.command)(&database), &["-y", "-o", &trace.to_string_lossy()]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let trace = std::fs::read_to_string(trace).unwrap();
    let beginning = database.to_string_lossy().into_owned();
    let mut counts: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut changes = Changes::new();
    for line in trace.lines() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = line.trim_start().split_once('(') else { continue };
        // The first path of the call, by name or as that of an open file.
        let mut paths = arguments.split(['<', '>', '"']).filter_map(|part| part.strip_prefix(&beginning));
        let Some(name) = paths.next() else { continue };
        let count = counts.entry((name, call, thread)).or_default();
        *count += 1;
        // SQLite makes that one anew.
        if !line.contains(" = -1 ") && !name.ends_with("-shm") {
            let numbers = changes.entry((name.to_owned(), call.to_owned())).or_default();
            if !numbers.contains(count) {
                numbers.push(*count);
            }
        }
    }
    changes
}

/// The program under strace, which observes or kills it as told.
fn traced(program: &Command, arguments: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", &format!("trace={CHANGES}")]).args(arguments);
    command.arg(program.get_program()).args(program.get_args());
    isolate(&mut command);
    command
}

fn prepared(scenario: &Scenario) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    // As strace names it.
    let database = folder.path().canonicalize().unwrap().join("a.db");
    (scenario.prepare)(&database);
    (folder, database)
}

/// Prepares once, and copies what was prepared as often as it is needed.
struct Prepared {
    folder: TempDir,
}

impl Prepared {
    fn copy(&self) -> (TempDir, PathBuf) {
        let copy = TempDir::new().unwrap();
        copy_folder(self.folder.path(), copy.path());
        let database = copy.path().canonicalize().unwrap().join("a.db");
        (copy, database)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Does it once more after a kill, and makes sure that it works as if nothing had happened.
fn goes_on(scenario: &Scenario, database: &Path, cut: &str) {
    let finished = run((scenario.command)(database));
    assert_eq!(finished.code, Some(0), "{cut}: {finished:?}");
    let findings = texts(database, "SELECT integrity_check FROM pragma_integrity_check");
    assert_eq!(findings, ["ok"], "{cut}");
    (scenario.judge)(database);
    let folders = [database.parent().unwrap().to_owned(), snapshots(database)];
    let left: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".tmp")))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "{cut}: left for ever");
}

/// Kills the program at every change, and does again what it was about.
pub(crate) fn killed_at_every_change(scenario: &Scenario) {
    let changes = observe(scenario);
    let prepared = Prepared { folder: prepared(scenario).0 };
    let (mut cuts, mut kills) = (0, 0);
    for ((name, call), numbers) in &changes {
        let tried = numbers.len().min(MAX_CUTS);
        for step in 0..tried {
            // The first, the last, and evenly between them.
            let number = numbers[step * (numbers.len() - 1) / (tried - 1).max(1)];
            let (_folder, database) = prepared.copy();
            let path = beside(&database, name);
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let arguments = ["-o", "/dev/null", "-P", &*path.to_string_lossy(), "-e", &inject];
            let finished = run(traced(&(scenario.command)(&database), &arguments));
            cuts += 1;
            kills += usize::from(was_killed(&finished));
            goes_on(scenario, &database, &format!("killed at {call} {number} of a.db{name}"));
        }
    }
    eprintln!("killed {kills} times of {cuts}: {changes:?}");
    assert!(kills * 10 >= cuts * 9, "{kills} of {cuts} were killed: {changes:?}");
}

fn was_killed(finished: &Finished) -> bool {
    // strace ends as the program did.
    finished.code.is_none()
}

/// Kills the program after one delay after the other.
pub(crate) fn killed_after_delays(scenario: &Scenario) {
    let prepared = Prepared { folder: prepared(scenario).0 };
    for delay in 0..DELAYS {
        let (_folder, database) = prepared.copy();
        let mut process = Process::spawn(&mut (scenario.command)(&database));
        std::thread::sleep(Duration::from_millis(2 * delay));
        process.kill();
        // A command of `run` that was left alone may hold on to nothing but its pipes.
        goes_on(scenario, &database, &format!("killed after {} ms", 2 * delay));
    }
}
