//! `control`: the control API by subcommands.

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Finished, Process, Server, program, run, serve};

/// A server, and subcommands that ask it.
struct Controlled {
    server: Server,
    _folder: TempDir,
}

impl Controlled {
    fn start(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(serve(&folder.path().join("a.db"), &[&["--demo"], flags].concat()));
        Self { server, _folder: folder }
    }

    fn command(&self, words: &[&str]) -> Command {
        program(&[&["control", "--url", &self.server.url], words].concat())
    }

    /// Returns what a subcommand shows that does what it is asked for.
    fn ask(&self, words: &[&str]) -> String {
        let finished = run(self.command(words));
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{words:?}: {finished:?}");
        finished.stdout
    }

    fn ask_json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.ask(&[words, &["--json"]].concat())).unwrap()
    }
}

/// Returns what a subcommand says that does not do what it is asked for.
fn refused(command: Command) -> String {
    let Finished { code, stdout, stderr } = run(command);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    stderr
}

#[test]
fn answers_are_short_for_people_and_whole_for_programs() {
    let controlled = Controlled::start(&[]);
    let health = controlled.ask(&["health"]);
    assert_eq!(health, format!("status: ready\nversion: {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(controlled.ask_json(&["health"])["status"], "ready");
    assert!(controlled.ask(&["info"]).contains("counts.instances: 3\n"));
    assert!(controlled.ask(&["config"]).lines().any(|line| line.starts_with("demo ")));
    assert!(controlled.ask(&["operations"]).contains("create_backup"));
}

#[test]
fn the_clock_is_set_frozen_and_advanced() {
    let controlled = Controlled::start(&["--backup-duration", "10s"]);
    controlled.ask(&["clock", "set", "--now", "2030-01-02T03:04:05Z", "--frozen", "true"]);
    let shown = controlled.ask(&["clock", "show"]);
    assert_eq!(shown, "frozen: true\nnow: 2030-01-02T03:04:05.000Z\nrate: 1.0\n");
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    let advanced = controlled.ask_json(&["clock", "advance", "10s"]);
    assert_eq!(advanced["now"], "2030-01-02T03:04:15.000Z");
    assert_eq!(advanced["fired"].as_array().map(Vec::len), Some(2), "{advanced}");
}

#[test]
fn snapshots_are_taken_and_gone_back_to() {
    let controlled = Controlled::start(&[]);
    assert!(controlled.ask(&["snapshots", "take", "a-clean.1"]).contains("a-clean.1"));
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    controlled.ask(&["snapshots", "restore", "a-clean.1"]);
    assert!(controlled.server.connect().list(DEMO_INSTANCE).is_empty());
    let listed = controlled.ask_json(&["snapshots", "list"]);
    assert_eq!(listed["snapshots"][0], controlled.ask_json(&["snapshots", "show", "a-clean.1"]));
    controlled.ask(&["snapshots", "remove", "a-clean.1"]);
    assert!(refused(controlled.command(&["snapshots", "show", "a-clean.1"])).contains("EMU.4040"));
}

#[test]
fn a_snapshot_goes_from_one_server_to_another_by_a_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("saved.db");
    let path = file.to_string_lossy().into_owned();
    let controlled = Controlled::start(&[]);
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    assert!(controlled.ask(&["snapshots", "save", &path]).contains("name: saved\n"));
    assert!(std::fs::read(&file).unwrap().starts_with(b"SQLite format 3\0"));
    let said = refused(controlled.command(&["snapshots", "save", &path]));
    assert!(said.contains("saved.db exists; --force replaces it"), "{said}");
    controlled.ask(&["snapshots", "save", &path, "--force", "--name", "other"]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 1, "an unfinished file is left");

    let other = Controlled::start(&[]);
    other.ask(&["snapshots", "load", &path, "--no-restore"]);
    assert!(other.server.connect().list(DEMO_INSTANCE).is_empty());
    other.ask(&["snapshots", "load", &path]);
    assert_eq!(other.server.connect().list(DEMO_INSTANCE).len(), 1);
    std::fs::write(&file, "no database").unwrap();
    refused(other.command(&["snapshots", "load", &path]));
    assert_eq!(other.server.connect().list(DEMO_INSTANCE).len(), 1);
}

#[test]
fn transitions_are_ruled_and_stepped() {
    let controlled = Controlled::start(&[]);
    let rule = ["transitions", "set", "backup", "manual", "--instance-id", DEMO_INSTANCE];
    assert!(controlled.ask(&rule).contains("manual"));
    assert!(controlled.ask(&["transitions", "show", "backup"]).contains(DEMO_INSTANCE));
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    let step = ["transitions", "step", "backup", "--instance-id", DEMO_INSTANCE];
    assert!(controlled.ask(&step).contains("backuping"));
    controlled.ask(&["transitions", "remove", "backup", "--instance-id", DEMO_INSTANCE]);
    assert!(!controlled.ask(&["transitions", "show", "backup"]).contains("manual"));
}

#[test]
fn faults_are_made_changed_and_removed() {
    let controlled = Controlled::start(&[]);
    let add = ["faults", "add", "--operation", "create_backup", "--times", "1", "--status", "503"];
    let id = controlled.ask_json(&add)["id"].as_str().unwrap().to_owned();
    assert!(controlled.ask(&["faults", "list"]).contains(&id));
    let change = ["faults", "change", &id, r#"{"effect": {"status": 500}}"#, "--times", "1"];
    assert_eq!(controlled.ask_json(&change)["effect"]["status"], 500);
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 500);
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    let other = controlled.ask_json(&["faults", "add", "--cut"])["id"].as_str().unwrap().to_owned();
    assert_eq!(controlled.ask_json(&["faults", "show", &other])["effect"]["cut"], true);
    controlled.ask(&["faults", "remove", &other]);
    assert_eq!(controlled.ask(&["faults", "clear"]), "no faults\n");
}

#[test]
fn ids_follow_from_a_seed_until_they_do_not() {
    let controlled = Controlled::start(&[]);
    assert_eq!(controlled.ask(&["ids", "set", "42"]), "seed: 42\n");
    assert_eq!(controlled.ask(&["ids", "show"]), "seed: 42\n");
    assert_eq!(controlled.ask(&["ids", "clear"]), "seed: -\n");
}

#[test]
fn the_journal_is_looked_through_and_waited_for() {
    let controlled = Controlled::start(&[]);
    let waiting = controlled.command(&["requests", "wait", "--operation", "create_backup", "--json"]);
    let waiting = Process::spawn(&mut { waiting });
    assert_eq!(controlled.server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    let waited = waiting.finish();
    let waited: Value = serde_json::from_str(&waited.stdout).unwrap();
    assert_eq!(waited["matched"], true, "{waited}");
    assert_eq!(controlled.server.connect().get("/v2/nowhere/at/all").unwrap().status, 404);
    let listed = controlled.ask(&["requests", "list", "--status", "200"]);
    assert!(listed.contains("/backups"), "{listed}");
    assert_eq!(controlled.ask(&["requests", "find", "--method", "PUT"]), "no requests\n");
    assert_eq!(controlled.ask(&["requests", "count", "--operation", "create_backup"]), "count: 1\n");
    assert!(controlled.ask(&["requests", "unsupported"]).contains("/v2/nowhere/at/all"));
    assert_eq!(controlled.ask(&["requests", "clear"]), "count: 0\n");
}

#[test]
fn what_there_is_is_emptied_and_filled() {
    let controlled = Controlled::start(&[]);
    controlled.ask(&["reset", "--no-seed"]);
    assert_eq!(controlled.ask_json(&["info"])["counts"]["instances"], 0);
    let mut seeding = controlled.command(&["seed", "-"]);
    let mut seeding = Process::spawn(seeding.stdin(Stdio::piped()));
    seeding.give("projects: [{id: 00000000000000000000000000000001}]\n");
    let seeded = seeding.finish();
    assert!(seeded.stdout.contains("projects_created: 1\n"), "{seeded:?}");
    let exported: Value = serde_json::from_str(&controlled.ask(&["export"])).unwrap();
    assert_eq!(exported["projects"][0]["id"], "00000000000000000000000000000001", "{exported}");
    controlled.ask(&["reset"]);
    assert_eq!(controlled.ask_json(&["info"])["counts"]["instances"], 3);
}

#[test]
fn a_refusal_is_said_and_so_is_what_to_do_without_a_server() {
    let controlled = Controlled::start(&["--control-token", "hush"]);
    let said = refused(controlled.command(&["info"]));
    assert!(said.contains("control token is missing or wrong") && said.contains("EMU.4010"), "{said}");
    controlled.ask(&["info", "--control-token", "hush"]);
    let said = refused(controlled.command(&["faults", "show", "none", "--control-token", "hush"]));
    assert!(said.contains("no such fault"), "{said}");
    let said = refused(controlled.command(&["seed", "no-such-file", "--control-token", "hush"]));
    assert!(said.contains("no-such-file cannot be read"), "{said}");

    let url = controlled.server.url.clone();
    controlled.server.stop();
    let said = refused(program(&["control", "info", "--url", &url]));
    assert!(said.contains(&format!("no server answers at {url}")), "{said}");
    assert!(said.contains("dcs-emulator serve"), "{said}");
}

#[test]
fn the_server_is_found_by_its_ready_file_and_by_a_variable() {
    let folder = TempDir::new().unwrap();
    let ready_file = folder.path().join("ready.json");
    let path = ready_file.to_string_lossy().into_owned();
    let controlled = Controlled::start(&["--ready-file", &path]);
    for (name, value) in [("DCS_EMULATOR_READY_FILE", &path), ("DCS_EMULATOR_URL", &controlled.server.url)] {
        let mut command = program(&["control", "health"]);
        command.env(name, value);
        assert_eq!(run(command).code, Some(0), "{name}");
    }
    // What the command says goes before what the environment says.
    let mut command = program(&["control", "health", "--ready-file", &path]);
    command.env("DCS_EMULATOR_URL", "http://127.0.0.1:1");
    assert_eq!(run(command).code, Some(0));
    let finished = run(program(&["control", "health", "--ready-file", "no-such-file"]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("no-such-file"), "{finished:?}");

    let inside = ["run", "--demo", "--", env!("CARGO_BIN_EXE_dcs-emulator"), "control", "info"];
    let finished = run(program(&inside));
    assert!(finished.stdout.contains("counts.instances: 3\n"), "{finished:?}");
}
