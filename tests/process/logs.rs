//! Logs: what an operator reads.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process_support::wire::{DEMO_INSTANCE, PROJECT};
use crate::process_support::{Server, program, serve};

#[test]
fn at_info_the_log_tells_nothing_of_the_framework() {
    let folder = TempDir::new().unwrap();
    let stopped = Server::start(serve(&folder.path().join("a.db"), &["--demo"])).stop();
    assert!(stopped.stderr.contains("INFO records are kept in a file"), "{stopped:?}");
    for word in ["Tokio", "tokio", "worker", "accept thread"] {
        assert!(!stopped.stderr.contains(word), "{word}: {stopped:?}");
    }
}

#[test]
fn no_log_line_has_anything_of_credentials() {
    let folder = TempDir::new().unwrap();
    let flags = ["--log-level", "dcs_emulator=trace,sqlx=trace", "--auth", "strict"];
    let server = Server::start(serve(&folder.path().join("a.db"), &flags));
    let mut client = server.connect();
    let user = json!({"name": "emulator", "password": "emulator-password"});
    let login = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    let login = client.ask("POST", "/v3/auth/tokens", &login.to_string()).unwrap();
    let token = login.headers.iter().find_map(|line| line.strip_prefix("x-subject-token: "));
    let token = token.unwrap_or_else(|| panic!("{login:?}"));
    let asking = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}});
    let path = "/v3.0/OS-CREDENTIAL/securitytokens";
    let key = client.ask("POST", path, &asking.to_string()).unwrap().json()["credential"].take();
    drop(client);
    let stopped = server.stop();
    assert!(stopped.stderr.contains("create_temporary_key"), "{stopped:?}");
    for secret in ["emulator-password", token]
        .into_iter()
        .chain(["access", "secret", "securitytoken"].map(|name| key[name].as_str().unwrap()))
    {
        assert!(!stopped.stderr.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_variable_that_no_setting_has_is_named_at_the_start_with_the_nearest() {
    let mut command = program(&["serve", "--database", "sqlite::memory:", "--listen", "127.0.0.1:0"]);
    command.env("DCS_EMULATOR_BAKCUP_DURATION", "5s").env("DCS_EMULATOR_URL", "http://127.0.0.1:1");
    let stopped = Server::start(command).stop();
    let warnings: Vec<&str> = stopped.stderr.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings[..] else { panic!("{stopped:?}") };
    assert!(warning.contains("DCS_EMULATOR_BAKCUP_DURATION"), "{warning}");
    assert!(warning.contains("did you mean DCS_EMULATOR_BACKUP_DURATION?"), "{warning}");
}

#[test]
fn the_lines_of_a_request_carry_its_id_operation_project_and_instance_in_all_rooms() {
    let folder = TempDir::new().unwrap();
    let flags = ["--demo", "--log-level", "dcs_emulator=debug", "--log-format", "json"];
    let server = Server::start(serve(&folder.path().join("a.db"), &flags));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "nightly").unwrap().status, 200);
    let stopped = server.stop();
    // The demo shows a request as well, which is no line of the log.
    let lines = stopped.stderr.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.filter(|line| line["span"]["operation"] == "create_backup").collect();
    let of_room = |room: &str| {
        let line = lines.iter().find(|line| line["target"].as_str().unwrap().starts_with(room));
        line.unwrap_or_else(|| panic!("no line of {room}: {stopped:?}"))
    };
    let (engine, http) = (of_room("dcs_emulator::engine"), of_room("dcs_emulator::http"));
    assert_eq!(engine["fields"]["message"], "a backup was created");
    assert_eq!(http["fields"]["message"], "request served");
    for line in [engine, http] {
        assert_eq!(line["span"]["project.id"], PROJECT, "{line}");
        assert_eq!(line["span"]["instance.id"], DEMO_INSTANCE, "{line}");
        assert_eq!(line["span"]["request.id"].as_str().unwrap().len(), 32, "{line}");
    }
    assert_eq!(engine["span"]["request.id"], http["span"]["request.id"]);
}
