//! Upgrading: a database of every version that ever was is taken up, and a copy of it as it was is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process_support::database::{beside, block_on, open, snapshot, texts};
use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, program, run, serve};

/// Returns the newest version of the schema: there is a file of each in the folder of migrations.
fn newest_version() -> usize {
    let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let names = std::fs::read_dir(migrations).unwrap().map(|file| file.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with('V')).count()
}

fn fixture(version: usize, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/schema-v{version}.{ending}"))
}

/// Copies the database of a version into a folder.
fn database_of(version: usize, folder: &TempDir) -> PathBuf {
    let database = folder.path().join("a.db");
    let fixture = fixture(version, "sqlite");
    std::fs::copy(&fixture, &database)
        .unwrap_or_else(|error| panic!("{}: {error}; see the README.md beside it", fixture.display()));
    database
}

fn copy_of(database: &Path, version: usize) -> PathBuf {
    beside(database, &format!(".v{version}.bak"))
}

/// Returns every row of every table, as text.
fn rows(database: &Path) -> Vec<String> {
    let tables = texts(
        database,
        "SELECT format('SELECT %Q || %s FROM %s', name, columns, name)
         FROM (SELECT s.name, group_concat(format('quote(%s)', c.name), ' || '','' || ') AS columns
               FROM sqlite_schema s JOIN pragma_table_info(s.name) c WHERE s.type = 'table' GROUP BY s.name)
         ORDER BY name",
    );
    assert!(tables.len() > 5, "{tables:?}");
    tables.iter().flat_map(|table| texts(database, table)).collect()
}

fn version_of(database: &Path) -> String {
    texts(database, "SELECT CAST(max(version) AS TEXT) FROM refinery_schema_history").remove(0)
}

/// Makes sure that `found` says everything that `expected` does; it may say more.
fn assert_says(found: &Value, expected: &Value, path: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, expected) in expected {
                let found = found.get(name).unwrap_or_else(|| panic!("{path}: {name} is gone"));
                assert_says(found, expected, &format!("{path} {name}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}");
            for (found, expected) in found.iter().zip(expected) {
                assert_says(found, expected, path);
            }
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

#[test]
fn a_database_of_every_version_answers_as_it_did() {
    for version in (1..=newest_version()).filter(|version| fixture(*version, "sqlite").exists()) {
        let folder = TempDir::new().unwrap();
        let database = database_of(version, &folder);
        let answers = std::fs::read_to_string(fixture(version, "json")).unwrap();
        let answers: serde_json::Map<String, Value> = serde_json::from_str(&answers).unwrap();
        assert!(!answers.is_empty());
        let server = Server::start(serve(&database, &[]));
        let mut connection = server.connect();
        for (path, expected) in &answers {
            let answer = connection.get(path).unwrap();
            assert_eq!(answer.status, 200, "version {version}: {path}: {answer:?}");
            assert_says(&answer.json(), expected, &format!("version {version}: {path}"));
        }
        // What had been begun is still open.
        let refused = connection.create(DEMO_INSTANCE, "one more").unwrap();
        assert!(refused.body.contains("DCS.4096"), "version {version}: {refused:?}");
        server.stop();
        look_through(&database);
        assert_eq!(version_of(&database), newest_version().to_string());
    }
}

/// Returns the rows of the views that people read, by view and project, each row as one text of the columns that `like` has.
fn views(database: &Path, like: &Path) -> BTreeMap<(String, String), Vec<String>> {
    let views = texts(
        like,
        "SELECT json_array(s.name, group_concat(format('quote(%s)', c.name), ' || '','' || '))
         FROM sqlite_schema s JOIN pragma_table_info(s.name) c
         WHERE s.name IN ('backup_audit', 'backup_records', 'restore_records') GROUP BY s.name",
    );
    let mut rows: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for view in views {
        let (name, columns): (String, String) = serde_json::from_str(&view).unwrap();
        for row in texts(database, &format!("SELECT json_array(project_id, {columns}) FROM {name}")) {
            let (project, row): (String, String) = serde_json::from_str(&row).unwrap();
            rows.entry((name.clone(), project)).or_default().push(row);
        }
    }
    rows
}

#[test]
fn people_read_the_same_audit_and_records_after_an_upgrade() {
    for version in 1..newest_version() {
        let folder = TempDir::new().unwrap();
        let database = database_of(version, &folder);
        Server::start(serve(&database, &[])).stop();
        let before = copy_of(&database, version);
        assert_eq!(views(&database, &before), views(&before, &before), "version {version}");
    }
}

#[test]
fn a_policy_of_before_there_were_runs_is_run_from_then_on() {
    let folder = TempDir::new().unwrap();
    let database = database_of(6, &folder);
    let server = Server::start(serve(&database, &[]));
    let mut connection = server.connect();
    // The first request notices it, on the first of January 2030, a Tuesday; it names Mondays and Thursdays.
    connection.get("/_emulator/info").unwrap();
    assert_eq!(connection.create(DEMO_INSTANCE, "one more").unwrap().status, 400);
    let advanced =
        connection.ask("POST", "/_emulator/clock/advance", r#"{"duration": "7days"}"#).unwrap().json();
    let fired = advanced["fired"].as_array().unwrap().iter();
    let fired: Vec<Value> = fired.map(|change| json!([change["at"], change["to"]])).collect();
    let (thursday, monday) = ("2030-01-03T01:00:00.000Z", "2030-01-07T01:00:00.000Z");
    // The first had two days, and stayed until there was another.
    assert_eq!(fired, [json!([thursday, "succeed"]), json!([monday, "succeed"]), json!([monday, "expired"])]);
    server.stop();
    look_through(&database);
}

#[test]
fn there_is_a_database_of_every_version_but_the_newest() {
    for version in 1..newest_version() {
        let folder = TempDir::new().unwrap();
        let database = database_of(version, &folder);
        assert_eq!(version_of(&database), version.to_string());
        let checked = run(program(&["check", "--database", &database.to_string_lossy()]));
        let expected = format!("its schema is of version {version}: only pages and keys");
        assert!(checked.code == Some(0) && checked.stdout.contains(&expected), "{checked:?}");
        let answers = std::fs::read_to_string(fixture(version, "json")).unwrap();
        for word in ["waiting", "succeed", "deleted"] {
            assert!(answers.contains(&format!("\"{word}\"")), "version {version}: nothing is {word}");
        }
    }
}

#[test]
fn a_copy_is_kept_before_an_upgrade_and_only_then() {
    for version in 1..newest_version() {
        let folder = TempDir::new().unwrap();
        let database = database_of(version, &folder);
        let before = rows(&database);
        let server = Server::start(serve(&database, &[]));
        let copy = copy_of(&database, version);
        server.wait_for_log(&copy.display().to_string());
        assert_eq!(rows(&copy), before, "version {version}");
        assert_eq!(version_of(&copy), version.to_string());
        server.stop();
        let files = snapshot(folder.path()).into_keys().collect::<Vec<_>>();
        assert_eq!(files, [database.clone(), copy], "version {version}");
        // What is of the newest version is not copied.
        Server::start(serve(&database, &[])).stop();
        assert_eq!(snapshot(folder.path()).into_keys().collect::<Vec<_>>(), files);
    }
}

#[test]
fn the_copy_holds_what_was_only_in_the_log() {
    let folder = TempDir::new().unwrap();
    let database = database_of(1, &folder);
    let killed = TempDir::new().unwrap();
    block_on(async {
        let mut connection = open(&database).await;
        let change = "PRAGMA journal_mode = WAL; UPDATE projects SET name = 'in the log'";
        sqlx::raw_sql(change).execute(&mut connection).await.unwrap();
        // As a process leaves them that is killed here.
        for (path, content) in snapshot(folder.path()) {
            std::fs::write(killed.path().join(path.file_name().unwrap()), content.0).unwrap();
        }
    });
    let database = killed.path().join("a.db");
    assert!(beside(&database, "-wal").metadata().unwrap().len() > 0);
    Server::start(serve(&database, &[])).stop();
    assert_eq!(texts(&copy_of(&database, 1), "SELECT name FROM projects"), ["in the log"]);
    assert_eq!(texts(&database, "SELECT name FROM projects WHERE name = 'in the log'"), ["in the log"]);
}

#[test]
fn a_copy_that_is_there_stays() {
    let folder = TempDir::new().unwrap();
    let database = database_of(1, &folder);
    let copy = copy_of(&database, 1);
    std::fs::write(&copy, "kept by somebody").unwrap();
    let server = Server::start(serve(&database, &[]));
    server.wait_for_log("stays as it is");
    server.stop();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "kept by somebody");
}
