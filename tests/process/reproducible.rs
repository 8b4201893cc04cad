//! The same seed of ids, a clock that stands still and the same calls: the same answers and the same export, byte by byte.

use tempfile::TempDir;

use crate::process_support::wire::{Connection, DEMO_INSTANCE};
use crate::process_support::{Server, program, run, serve};

const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
const ORDER: &str = r#"{"name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "instance_num": 2,
    "password": "Secret-12", "vpc_id": "0f1e2d3c", "subnet_id": "3c2d1e0f", "spec_code": "redis.ha.xu1.large.r2.2",
    "az_codes": ["eu-de-01"], "instance_backup_policy": {"backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
    "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, 3, 5], "timezone_offset": "+0000"}}}"#;

/// Links name where clients reach the server, whichever port it has.
const FLAGS: [&str; 2] = ["--public-url", "http://dcs.test"];

/// Everything that is answered, in order.
struct Life {
    connection: Connection,
    answers: Vec<String>,
}

impl Life {
    /// Makes a call and returns its answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> serde_json::Value {
        let answer = self.connection.ask(method, path, body).unwrap();
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        let json = if answer.body.is_empty() { serde_json::Value::Null } else { answer.json() };
        self.answers.push(format!("{method} {path} {} {}", answer.status, answer.body));
        json
    }
}

fn seed() -> String {
    format!(
        r#"{{"projects": [{{"id": "{PROJECT}", "instances": [{{"id": "{DEMO_INSTANCE}", "cache_mode": "ha"}}]}}]}}"#
    )
}

/// What ids follow from and what the clock shows, as a seed has it.
const SETTINGS: &str =
    r#"{"settings": {"ids": {"seed": 42}, "clock": {"now": "2026-01-01T00:00:00Z", "frozen": true}}}"#;

/// Lives through a month on a new server and returns all answers, that of the export last.
fn live(begin: &[(&str, &str, &str)]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    live_on(Server::start(serve(&folder.path().join("a.db"), &FLAGS)), begin)
}

/// The same on a server whose database was there before it was given the settings.
fn live_on_an_old_database() -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let (database, seed) = (folder.path().join("a.db"), folder.path().join("seed.json"));
    Server::start(serve(&database, &FLAGS)).stop();
    std::fs::write(&seed, SETTINGS).unwrap();
    let mut command = serve(&database, &FLAGS);
    command.arg("--seed").arg(seed);
    live_on(Server::start(command), &[])
}

fn live_on(server: Server, begin: &[(&str, &str, &str)]) -> Vec<String> {
    let mut life = Life { connection: server.connect(), answers: Vec::new() };
    for (method, path, body) in begin {
        life.ask(method, path, body);
    }
    // What was there before the clock stood still has times of its own.
    life.ask("POST", "/_emulator/seed", &seed());
    let instances = format!("/v2/{PROJECT}/instances");
    let instance = format!("{instances}/{DEMO_INSTANCE}");
    let backup = life.ask("POST", &format!("{instance}/backups"), r#"{"remark": "first"}"#);
    let id = backup["backup_id"].as_str().unwrap().to_owned();
    life.ask("POST", &format!("{instance}/backups/{id}/links"), r#"{"expiration": 300}"#);
    life.ask("POST", &format!("{instance}/restores"), &format!(r#"{{"backup_id": "{id}"}}"#));
    life.ask("POST", &instances, ORDER);
    let dice =
        r#"{"match": {"operation": "list_restores"}, "probability": 0.5, "effect": {"latency": "1ms"}}"#;
    life.ask("POST", "/_emulator/faults", dice);
    for _ in 0..8 {
        life.ask("GET", &format!("{instance}/restores"), "");
    }
    life.ask(
        "PUT",
        "/_emulator/transitions/backup",
        r#"{"progression": "time", "durations": {"running": "1h"}}"#,
    );
    life.ask("POST", &format!("/v1.0/{PROJECT}/instances/{DEMO_INSTANCE}/backups"), "{}");
    life.ask("POST", "/_emulator/clock/advance", r#"{"duration": "30days"}"#);
    life.ask("GET", &instances, "");
    life.ask("GET", "/_emulator/faults", "");
    let exported = run(program(&["control", "--url", &server.url, "export"]));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    life.answers.push(exported.stdout);
    server.stop();
    life.answers
}

fn assert_same(first: &[String], second: &[String], life: &str) {
    for (first, second) in first.iter().zip(second) {
        let end = first.bytes().zip(second.bytes()).take_while(|(first, second)| first == second).count();
        let near = |text: &str| text.chars().skip(end.saturating_sub(60)).take(120).collect::<String>();
        assert!(first == second, "{life}: {} and {}", near(first), near(second));
    }
    assert_eq!(first.len(), second.len());
    assert!(first.last().is_some_and(|export| export.contains("made-here-001")), "{life}");
}

#[test]
fn two_runs_with_the_same_seed_of_ids_answer_the_same() {
    let ids = ("PUT", "/_emulator/ids", r#"{"seed": 42}"#);
    let clock = ("PUT", "/_emulator/clock", r#"{"now": "2026-01-01T00:00:00Z", "frozen": true}"#);
    let by_seed = ("POST", "/_emulator/seed", SETTINGS);
    let reset = ("POST", "/_emulator/reset", "{}");
    for begin in [&[ids, clock][..], &[clock, ids], &[ids, reset, clock], &[by_seed]] {
        assert_same(&live(begin), &live(begin), &format!("{begin:?}"));
    }
    assert_same(&live_on_an_old_database(), &live_on_an_old_database(), "an old database");
    let other = ("PUT", "/_emulator/ids", r#"{"seed": 43}"#);
    assert!(live(&[other, clock]).last() != live(&[ids, clock]).last(), "another seed gives other ids");
}
