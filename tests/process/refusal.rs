//! Refusing to start: each reason has its exit code and its sentence, and leaves the database as it was.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process_support::database::{block_on, execute, open, snapshot};
use crate::process_support::wire::{DEMO_INSTANCE, PROJECT};
use crate::process_support::{Finished, Server, isolate, run, serve};

/// Runs a command that must end with `code` and a sentence, and must not change the database in `folder`.
pub(crate) fn refused(folder: &Path, command: Command, code: i32) -> String {
    let before = snapshot(folder);
    let finished = run(command);
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert_eq!(snapshot(folder), before, "it changed something: {finished:?}");
    assert_eq!(finished.stdout, "", "it said that it was ready");
    sentence(&finished)
}

/// Returns what a program said at its end: lines with its name in front, and none that is no sentence.
fn sentence(finished: &Finished) -> String {
    let said = finished.stderr.lines().filter_map(|line| line.strip_prefix("dcs-emulator: "));
    let said = said.collect::<Vec<_>>().join("\n");
    assert!(said.contains(' '), "no sentence: {finished:?}");
    said
}

/// Makes a sound database with one backup in it, all in the main file, and returns its path.
pub(crate) fn sound_database(folder: &TempDir) -> PathBuf {
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "kept").unwrap().status, 200);
    server.stop();
    database
}

#[test]
fn a_database_that_another_process_serves_is_locked() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let ready_file = folder.path().join("ready.json");
    let ready_flag = ["--demo", "--ready-file", &ready_file.to_string_lossy()];
    let server = Server::start(serve(&database, &ready_flag));
    let mut connection = server.connect();
    assert_eq!(connection.create(DEMO_INSTANCE, "before").unwrap().status, 200);
    // The same file by another name is the same file.
    let said = refused(folder.path(), serve(&database, &ready_flag), 4);
    assert!(said.contains("a.db is in use by another process"), "{said}");
    // So is a link to it.
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&database, &link).unwrap();
    refused(folder.path(), serve(&link, &ready_flag), 4);
    // The first one has not noticed.
    assert!(ready_file.exists());
    assert_eq!(connection.create(DEMO_INSTANCE, "after").unwrap().status, 200);
    assert_eq!(connection.list(DEMO_INSTANCE).len(), 2);
    drop(server);
    // A lock does not outlive its process, however that ended.
    Server::start(serve(&database, &["--demo"])).stop();
}

#[test]
fn a_taken_port_is_refused_before_the_database_is_touched() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for database in [database, folder.path().join("not-there.db")] {
        // `serve` names port 0 first; a repeated flag would be bad usage, so the variable of the file does it.
        let mut command = crate::process_support::program(&["serve", "--listen", &address, "--demo"]);
        command.arg("--database").arg(database);
        let said = refused(folder.path(), command, 3);
        assert!(said.contains(&address), "{said}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    const NEWER: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                         VALUES (999, 'from_the_future', '2099-01-01T00:00:00Z', '1')";
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    execute(&database, NEWER);
    let said = refused(folder.path(), serve(&database, &["--demo"]), 6);
    assert!(said.contains("newer version") && said.contains("999"), "{said}");
}

#[test]
fn a_newer_version_is_seen_also_while_it_is_only_in_the_log() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let killed = TempDir::new().unwrap();
    block_on(async {
        let mut connection = open(&database).await;
        sqlx::raw_sql(
            "INSERT INTO refinery_schema_history VALUES (999, 'later', '2099-01-01T00:00:00Z', '1')",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        // As a process leaves them that is killed here.
        for (path, content) in snapshot(folder.path()) {
            std::fs::write(killed.path().join(path.file_name().unwrap()), content.0).unwrap();
        }
    });
    let database = killed.path().join("a.db");
    assert!(killed.path().join("a.db-wal").metadata().unwrap().len() > 0);
    refused(killed.path(), serve(&database, &["--demo"]), 6);
}

/// A user without rights, and a program that this user may run.
struct Stranger {
    program: PathBuf,
    is_root: bool,
}

impl Stranger {
    /// The user `nobody` on every system this is developed on.
    const ID: u32 = 65534;

    /// Puts a copy of the program where everybody may run it.
    fn new(folder: &TempDir) -> Self {
        set_mode(folder.path(), 0o755);
        let program = folder.path().join("dcs-emulator");
        // By another process: a file that is being written cannot be run, nor while a child holds on to the handle.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_dcs-emulator")).arg(&program).status();
        assert!(copied.unwrap().success());
        set_mode(&program, 0o755);
        Self { program, is_root: folder.path().metadata().unwrap().uid() == 0 }
    }

    /// Returns the program as this user runs it on the database at `path`. Mode bits alone do not bind root.
    fn serve(&self, path: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--database"]).arg(path);
        isolate(&mut command);
        if self.is_root {
            command.uid(Self::ID).gid(Self::ID);
        }
        command
    }

    /// Makes a file or a folder this user's own.
    fn give(&self, path: &Path) {
        if self.is_root {
            std::os::unix::fs::chown(path, Some(Self::ID), Some(Self::ID)).unwrap();
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let programs = TempDir::new().unwrap();
    let stranger = Stranger::new(&programs);
    let folder = TempDir::new().unwrap();
    set_mode(folder.path(), 0o555);
    let said = refused(folder.path(), stranger.serve(&folder.path().join("new.db")), 7);
    set_mode(folder.path(), 0o755);
    assert!(said.contains("new.db cannot be written"), "{said}");
}

#[test]
fn a_folder_that_can_no_longer_be_written_is_refused_though_its_files_can() {
    let programs = TempDir::new().unwrap();
    let stranger = Stranger::new(&programs);
    let folder = TempDir::new().unwrap();
    stranger.give(folder.path());
    set_mode(folder.path(), 0o755);
    let database = folder.path().join("a.db");
    Server::start(stranger.serve(&database)).stop();
    set_mode(folder.path(), 0o555);
    let said = refused(folder.path(), stranger.serve(&database), 7);
    set_mode(folder.path(), 0o755);
    assert!(said.contains("a.db cannot be written"), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    let programs = TempDir::new().unwrap();
    let stranger = Stranger::new(&programs);
    let folder = TempDir::new().unwrap();
    stranger.give(folder.path());
    set_mode(folder.path(), 0o755);
    let database = folder.path().join("a.db");
    Server::start(stranger.serve(&database)).stop();
    set_mode(&database, 0o444);
    let said = refused(folder.path(), stranger.serve(&database), 7);
    assert!(said.contains("a.db cannot be written"), "{said}");
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("missing/a.db");
    let said = refused(folder.path(), serve(&database, &[]), 7);
    assert!(said.contains("a.db cannot be written"), "{said}");
}

#[test]
fn bad_usage_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    for (arguments, named) in [
        (&["--listne", "127.0.0.1:0"][..], "--listne"),
        (&["frobnicate"], "frobnicate"),
        (
            &["--backup-cluster", "sometimes"],
            "--backup-cluster: \"sometimes\" must be one of never, v2, always",
        ),
        (&["--backup-duration", "5"], "--backup-duration: \"5\" must be a duration"),
        (&["--http-body-limit", "1GB"], "--http-body-limit"),
        (&["--log-level", "=="], "--log-level"),
        (&["--region", "EU"], "--region"),
    ] {
        let before = snapshot(folder.path());
        let finished = run(serve(&database, arguments));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(named), "{named}: {finished:?}");
        assert_eq!(snapshot(folder.path()), before);
    }
}

#[test]
fn a_bad_variable_is_refused_by_its_name() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    for (variable, text) in [
        ("DCS_EMULATOR_DEMO", "maybe"),
        ("DCS_EMULATOR_HTTP_WORKERS", "-1"),
        ("DCS_EMULATOR_LOG_FORMAT", "xml"),
    ] {
        let mut command = serve(&database, &[]);
        command.env(variable, text);
        let said = refused(folder.path(), command, 2);
        assert!(said.starts_with(&format!("{variable}: {text:?} must be")), "{said}");
    }
}

#[test]
fn a_bad_configuration_file_is_refused_by_file_and_key() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let file = folder.path().join("settings.toml");
    for (text, named) in [
        ("regoin = \"eu-de\"", "regoin is no setting; did you mean region?"),
        ("[backup]\ntime = 1", "backup.time is no setting"),
        ("[backup]\ncluster = \"sometimes\"", "backup.cluster: \"sometimes\" must be one of"),
        ("listen = 8637", "listen: \"8637\" must be an address or a name"),
        ("region = 1.5", "region must be a text"),
        ("region = \"eu-de", "line 1"),
    ] {
        std::fs::write(&file, text).unwrap();
        // Here the file sets `listen`, so no flag does.
        let mut command = crate::process_support::program(&["serve", "--config"]);
        command.arg(&file).arg("--database").arg(&database);
        let before = snapshot(folder.path());
        let finished = run(command);
        assert_eq!(finished.code, Some(2), "{text}: {finished:?}");
        assert!(finished.stderr.contains(&*file.to_string_lossy()), "{text}: {finished:?}");
        assert!(finished.stderr.contains(named), "{text}: {finished:?}");
        assert_eq!(snapshot(folder.path()), before);
    }
    let missing = folder.path().join("missing.toml");
    let said = refused(folder.path(), serve(&database, &["--config", &missing.to_string_lossy()]), 2);
    assert!(said.contains("missing.toml: cannot be read"), "{said}");
}

#[test]
fn a_bad_seed_is_refused_by_file_line_and_field() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let project = format!("projects:\n  - id: {PROJECT}\n    instances:\n");
    let instance = "5560df16-cebf-4473-95c4-d1b573c16e70";
    for (name, text, places) in [
        (
            "mode.yaml",
            format!("{project}      - id: {instance}\n        cache_mode: HA\n"),
            &[":5:", "cache_mode"][..],
        ),
        ("id.yaml", "projects:\n  - id: 12\n".to_owned(), &[":2:", "projects[0].id"]),
        (
            "field.yaml",
            format!("{project}      - id: {instance}\n        cache_mode: ha\n        colour: red\n"),
            &[":6:", "colour"],
        ),
        ("syntax.yaml", "projects: [\n".to_owned(), &["syntax.yaml:"]),
        (
            "mode.json",
            format!(
                "{{\"projects\": [\n{{\"id\": \"{PROJECT}\", \"instances\": [\n{{\"id\": \"{instance}\", \"cache_mode\": \"HA\"}}]}}]}}"
            ),
            &[":3:", "cache_mode"],
        ),
        ("yaml.json", "projects: []\n".to_owned(), &["yaml.json:1:"]),
        (
            "twice.yaml",
            format!(
                "{project}      - {{id: {instance}, cache_mode: ha}}\n      - {{id: {instance}, cache_mode: ha, name: other}}\n"
            ),
            &[":5:", "projects[0].instances[1].id", instance],
        ),
        (
            "name.yaml",
            format!(
                "{project}      - {{id: {instance}, cache_mode: ha, name: same}}\n      - {{id: 5560df16-cebf-4473-95c4-d1b573c16e71, cache_mode: ha, name: same}}\n"
            ),
            &[":5:", "projects[0].instances[1].name", "same"],
        ),
    ] {
        let seed = folder.path().join(name);
        std::fs::write(&seed, text).unwrap();
        let said = refused(folder.path(), serve(&database, &["--seed", &seed.to_string_lossy()]), 2);
        assert!(said.contains(name), "{name}: {said}");
        for place in places {
            assert!(said.contains(place), "{name}: {place}: {said}");
        }
    }
}

#[test]
fn a_seed_that_cannot_be_read_is_refused() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    for seed in [folder.path().join("missing.yaml"), folder.path().to_owned()] {
        let seed = seed.to_string_lossy();
        let said = refused(folder.path(), serve(&database, &["--seed", &seed]), 2);
        assert!(said.contains(&format!("{seed} cannot be read")), "{said}");
    }
}

#[test]
fn a_bad_seed_among_good_ones_leaves_everything_undone() {
    let folder = TempDir::new().unwrap();
    let seed = folder.path().join("bad.yaml");
    std::fs::write(&seed, "projects: nothing\n").unwrap();
    let new = folder.path().join("new.db");
    refused(folder.path(), serve(&new, &["--demo", "--seed", &seed.to_string_lossy()]), 2);
    assert!(!new.exists());
}

#[test]
fn a_name_that_another_instance_has_already_is_a_bad_seed() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    let seed = folder.path().join("seed.yaml");
    let text = format!(
        "projects:\n- id: {PROJECT}\n  instances:\n  - {{id: 0a000000-0000-4000-8000-000000000001, cache_mode: ha, name: dcs-ha}}\n"
    );
    std::fs::write(&seed, text).unwrap();
    let command = serve(&database, &["--seed", &seed.to_string_lossy()]);
    let finished = run(command);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(sentence(&finished).contains("has the name"), "{finished:?}");
}

#[test]
fn the_database_is_its_owners_only() {
    let folder = TempDir::new().unwrap();
    let database = sound_database(&folder);
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
}
