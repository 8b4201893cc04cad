//! Damaged databases: refused as they are, or not refused when nothing is lost.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::process_support::database::{beside, block_on, execute, open, snapshot, texts};
use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, program, run, serve};
use crate::refusal::{refused, sound_database};

/// Where the header of a SQLite file says how many pages there are, big-endian.
const PAGE_COUNT: std::ops::Range<usize> = 28..32;
/// Length of a page, as SQLite chooses it.
const PAGE: usize = 4096;

/// Refuses the database as damaged, to serve and to check it, and says that it names the file.
fn refused_as_damaged(folder: &TempDir, database: &Path) -> String {
    let check = ["check", "--database", &database.to_string_lossy()].map(str::to_owned);
    let check = program(&check.each_ref().map(String::as_str));
    refused(folder.path(), check, 5);
    let said = refused(folder.path(), serve(database, &["--demo"]), 5);
    assert!(said.contains(&*database.to_string_lossy()), "{said}");
    said
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = std::fs::read(path).unwrap();
    change(&mut content);
    std::fs::write(path, content).unwrap();
}

/// Creates a database of another program.
fn foreign_database(path: &Path, sql: &str) {
    block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

#[test]
fn garbage_is_refused_whatever_lies_beside_it() {
    for (length, log) in [(7, false), (100, false), (3 * PAGE, false), (3 * PAGE, true)] {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("a.db");
        std::fs::write(&database, "nonsense".repeat(length / 8 + 1)).unwrap();
        if log {
            std::fs::write(beside(&database, "-wal"), "nonsense".repeat(PAGE)).unwrap();
        }
        refused_as_damaged(&folder, &database);
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let whole = std::fs::read(&database).unwrap();
    assert!(whole.len() > 4 * PAGE);
    for length in [50, 100, PAGE, whole.len() / 2, whole.len() - PAGE, whole.len() - 1] {
        std::fs::write(&database, &whole[..length]).unwrap();
        refused_as_damaged(&folder, &database);
    }
}

#[test]
fn a_header_that_counts_more_pages_than_there_are_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    edit(&database, |content| {
        let pages = u32::from_be_bytes(content[PAGE_COUNT].try_into().unwrap());
        assert_eq!(content.len(), usize::try_from(pages).unwrap() * PAGE, "the header counts right at first");
        content[PAGE_COUNT].copy_from_slice(&(pages + 1).to_be_bytes());
    });
    let said = refused_as_damaged(&folder, &database);
    assert!(said.contains("where its header says"), "{said}");
}

#[test]
fn an_unreadable_schema_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    // The tree of the schema begins behind the header of the file.
    edit(&database, |content| content[100..PAGE].fill(0xff));
    refused_as_damaged(&folder, &database);
}

#[test]
fn a_schema_that_was_made_otherwise_is_refused() {
    for change in [
        "checksum = '1' WHERE version = 2",
        "version = 3 WHERE version = 2",
        "name = 'else' WHERE version = 1",
    ] {
        let folder = TempDir::new().unwrap();
        let database = sound_database(&folder);
        // Of version 3 there is one.
        execute(&database, "CREATE TABLE history AS SELECT * FROM refinery_schema_history");
        execute(&database, "DROP TABLE refinery_schema_history");
        execute(&database, "ALTER TABLE history RENAME TO refinery_schema_history");
        execute(&database, &format!("UPDATE refinery_schema_history SET {change}"));
        let said = refused_as_damaged(&folder, &database);
        assert!(said.contains("of its schema is not the one"), "{said}");
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    execute(&database, "PRAGMA application_id = 1195855429");
    let said = refused_as_damaged(&folder, &database);
    assert!(said.contains("another program"), "{said}");

    let folder = TempDir::new().unwrap();
    let foreign = folder.path().join("a.db");
    foreign_database(&foreign, "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('precious')");
    let said = refused_as_damaged(&folder, &foreign);
    assert!(said.contains("another program"), "{said}");
    assert_eq!(texts(&foreign, "SELECT text FROM notes"), ["precious"]);
}

#[test]
fn a_database_of_another_program_that_calls_itself_ours_is_refused() {
    let folder = TempDir::new().unwrap();
    let foreign = folder.path().join("a.db");
    foreign_database(&foreign, "CREATE TABLE notes (text TEXT); PRAGMA application_id = 0x44435345");
    refused_as_damaged(&folder, &foreign);
}

/// What a server leaves that is killed after a few backups: nearly everything is in the log.
struct Killed {
    folder: TempDir,
    database: PathBuf,
}

const REMARKS: [&str; 3] = ["first", "second", "third"];

fn killed() -> Killed {
    killed_after(&REMARKS)
}

fn killed_after(remarks: &[&str]) -> Killed {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let mut server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    for remark in remarks {
        assert_eq!(connection.create(DEMO_INSTANCE, remark).unwrap().status, 200);
    }
    server.process.kill();
    Killed { folder, database }
}

#[test]
fn a_checkpoint_cut_off_in_the_middle_is_finished_not_refused() {
    // So many that the main file grows.
    let Killed { folder, database } = killed_after(&["kept"; 300]);
    // What the checkpoint would have made of it, elsewhere.
    let finished = folder.path().join("finished.db");
    for suffix in ["", "-wal"] {
        std::fs::copy(beside(&database, suffix), beside(&finished, suffix)).unwrap();
    }
    execute(&finished, "PRAGMA wal_checkpoint(TRUNCATE)");
    let pages = std::fs::read(&finished).unwrap();
    assert!(pages.len() > 4 * PAGE);
    // The crash came when two pages had been written: the first one counts them all.
    edit(&database, |content| {
        assert!(content.len() < pages.len(), "the log holds no page that the main file has not");
        content[..2 * PAGE].copy_from_slice(&pages[..2 * PAGE]);
    });
    let cut_off = std::fs::read(&database).unwrap();
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().list(DEMO_INSTANCE).len(), 300);
    server.stop();
    assert_eq!(texts(&database, KEPT), ["kept"; 300]);

    // Without its log the same file is damaged.
    std::fs::write(&database, cut_off).unwrap();
    refused_as_damaged(&folder, &database);
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_transaction_loses_only_that() {
    let Killed { folder: _folder, database } = killed();
    let log = beside(&database, "-wal");
    let length = log.metadata().unwrap().len();
    // The last frame was not written whole: the transaction it ends was never acknowledged.
    OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 10).unwrap();
    let server = Server::start(serve(&database, &["--demo"]));
    server.stop();
    assert_eq!(texts(&database, "SELECT remark FROM backup_records ORDER BY record_number"), REMARKS[..2]);
}

#[test]
fn a_log_with_leftovers_behind_its_end_is_read_up_to_its_end() {
    let Killed { folder: _folder, database } = killed();
    let mut log = OpenOptions::new().append(true).open(beside(&database, "-wal")).unwrap();
    log.write_all(&[0x5a; PAGE + 24]).unwrap();
    drop(log);
    Server::start(serve(&database, &["--demo"])).stop();
    assert_eq!(texts(&database, "SELECT remark FROM backup_records ORDER BY record_number"), REMARKS);
}

/// Grows the database until SQLite writes to the main file, and changes its first page.
const GROWTH: &str = "
    PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; CREATE TABLE filler (content BLOB);
    INSERT INTO filler WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
                       SELECT randomblob(3000) FROM n";

/// What a process leaves that is killed in the middle of a transaction without a write-ahead log.
fn cut_off(database: &Path, sql: &str) -> (TempDir, PathBuf) {
    let killed = TempDir::new().unwrap();
    let copy = killed.path().join("a.db");
    block_on(async {
        let mut connection = open(database).await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        for suffix in ["", "-journal"] {
            std::fs::copy(beside(database, suffix), beside(&copy, suffix)).unwrap();
        }
    });
    assert!(std::fs::read(beside(&copy, "-journal")).unwrap().starts_with(&[0xd9]), "the journal is not hot");
    (killed, copy)
}

/// Tears the first page of a database.
fn tear(database: &Path) {
    edit(database, |content| content[..PAGE / 2].fill(0x5a));
}

const KEPT: &str = "SELECT remark FROM backup_records";

#[test]
fn a_hot_journal_is_played_back() {
    for is_torn in [false, true] {
        let folder = TempDir::new().unwrap();
        let (killed, database) = cut_off(&sound_database(&folder), GROWTH);
        if is_torn {
            tear(&database);
        }
        // A look changes nothing, and finds it sound.
        let before = snapshot(killed.path());
        let check = run(program(&["check", "--database", &database.to_string_lossy()]));
        assert_eq!(check.code, Some(0), "{check:?}");
        assert!(check.stdout.contains(" 1 backups"), "{check:?}");
        assert_eq!(snapshot(killed.path()), before);
        Server::start(serve(&database, &["--demo"])).stop();
        assert_eq!(snapshot(killed.path()).into_keys().collect::<Vec<_>>(), std::slice::from_ref(&database));
        assert_eq!(texts(&database, KEPT), ["kept"]);
        look_through(&database);
    }
}

#[test]
fn a_hot_journal_beside_a_database_of_another_program_is_left_to_that() {
    let folder = TempDir::new().unwrap();
    let foreign = folder.path().join("foreign.db");
    foreign_database(&foreign, "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('precious')");
    for is_torn in [false, true] {
        let (killed, database) = cut_off(&foreign, GROWTH);
        if is_torn {
            tear(&database);
        }
        let said = refused_as_damaged(&killed, &database);
        assert!(said.contains("another program"), "{said}");
        assert!(!said.contains("look"), "it names the copy: {said}");
    }
}

#[test]
fn a_hot_journal_beside_a_newer_database_is_left_to_the_newer_program() {
    let folder = TempDir::new().unwrap();
    let newer = sound_database(&folder);
    execute(&newer, "INSERT INTO refinery_schema_history VALUES (999, 'later', '2099-01-01T00:00:00Z', '1')");
    let (killed, database) = cut_off(&newer, GROWTH);
    refused(killed.path(), serve(&database, &["--demo"]), 6);
}

#[test]
fn a_snapshot_with_a_hot_journal_is_brought_back() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let old = folder.path().join("old.db");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-v7.sqlite"), &old).unwrap();
    let (killed, snapshot) = cut_off(&old, GROWTH);
    tear(&snapshot);
    let snapshots = beside(&database, ".snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    for suffix in ["", "-journal"] {
        std::fs::copy(beside(&snapshot, suffix), beside(&snapshots.join("old.db"), suffix)).unwrap();
    }
    drop(killed);
    let server = Server::start(serve(&database, &["--demo"]));
    let mut connection = server.connect();
    let restored = connection.ask("POST", "/_emulator/snapshots/old/restore", "").unwrap();
    assert_eq!(restored.status, 200, "{restored:?}");
    assert!(connection.list(DEMO_INSTANCE).len() > 2);
    server.stop();
    look_through(&database);
    look_through(&snapshots.join("old.db"));
}

#[test]
fn a_snapshot_in_the_place_of_one_with_a_hot_journal_is_the_new_one() {
    for removed_first in [false, true] {
        let folder = TempDir::new().unwrap();
        let database = sound_database(&folder);
        let old = folder.path().join("old.db");
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-v7.sqlite"), &old).unwrap();
        let (_killed, cut_off) = cut_off(&old, GROWTH);
        let snapshots = beside(&database, ".snapshots");
        std::fs::create_dir(&snapshots).unwrap();
        for suffix in ["", "-journal"] {
            std::fs::copy(beside(&cut_off, suffix), beside(&snapshots.join("old.db"), suffix)).unwrap();
        }
        let server = Server::start(serve(&database, &["--demo"]));
        let mut connection = server.connect();
        let before = connection.list(DEMO_INSTANCE);
        let path = "/_emulator/snapshots/old";
        if removed_first {
            assert_eq!(connection.ask("DELETE", path, "").unwrap().status, 200);
            assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 0);
        }
        assert_eq!(connection.ask("PUT", path, "").unwrap().status, 200);
        assert_eq!(connection.create(DEMO_INSTANCE, "later").unwrap().status, 200);
        assert_eq!(connection.ask("POST", &format!("{path}/restore"), "").unwrap().status, 200);
        assert_eq!(connection.list(DEMO_INSTANCE), before);
        server.stop();
        look_through(&database);
        look_through(&snapshots.join("old.db"));
    }
}

#[test]
fn the_log_beside_a_snapshot_of_an_older_version_is_part_of_it() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let old = folder.path().join("old.db");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-v7.sqlite"), &old).unwrap();
    let snapshots = beside(&database, ".snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    block_on(async {
        let mut connection = open(&old).await;
        let change = "PRAGMA journal_mode = WAL; UPDATE projects SET name = 'in the log'";
        sqlx::raw_sql(change).execute(&mut connection).await.unwrap();
        // As a process leaves them that is killed here.
        for suffix in ["", "-wal"] {
            std::fs::copy(beside(&old, suffix), beside(&snapshots.join("old.db"), suffix)).unwrap();
        }
    });
    let server = Server::start(serve(&database, &["--demo"]));
    for _ in 0..2 {
        let restored = server.connect().ask("POST", "/_emulator/snapshots/old/restore", "").unwrap();
        assert_eq!(restored.status, 200, "{restored:?}");
    }
    server.stop();
    look_through(&snapshots.join("old.db"));
    assert_eq!(texts(&database, "SELECT name FROM projects WHERE name = 'in the log'"), ["in the log"]);
}

#[test]
fn garbage_with_a_journal_beside_it_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    for journal in ["nonsense".repeat(PAGE), "\0".repeat(PAGE)] {
        std::fs::write(&database, "nonsense".repeat(PAGE)).unwrap();
        std::fs::write(beside(&database, "-journal"), journal).unwrap();
        refused_as_damaged(&folder, &database);
    }
}
