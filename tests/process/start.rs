//! Starting: the ready line, the ready file, the demo, seeds, and databases that must not be refused.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::database::{beside, texts};
use crate::process_support::wire::{Connection, DEMO_INSTANCE, backups_path, instance_ids, instances_seed};
use crate::process_support::{Process, Server, eventually, program, run, serve};

#[test]
fn the_ready_line_is_the_last_on_stdout_and_names_where_requests_are_served() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), &["--demo"]));
    let url = server.url.clone();
    assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"), "{url}");
    assert_eq!(server.connect().get("/readyz").unwrap().status, 200);
    let stopped = server.stop();
    assert_eq!(stopped.stdout, format!("dcs-emulator ready on {url}\n"));
}

/// Returns the addresses of this machine that `localhost` stands for.
fn loopbacks() -> Vec<IpAddr> {
    let named = ("localhost", 0).to_socket_addrs().unwrap();
    named.filter(|address| TcpListener::bind(address).is_ok()).map(|address| address.ip()).collect()
}

#[test]
fn a_name_is_listened_to_at_every_address_that_it_has_here() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let mut command = program(&["serve", "--listen", "localhost:0", "--control-listen", "localhost:0"]);
    command.arg("--database").arg(&database);
    let server = Server::start(command);
    let port = server.url.strip_prefix("http://localhost:").expect("the name that was asked for");
    let addresses = loopbacks();
    assert!(!addresses.is_empty());
    for address in addresses {
        let mut connection =
            Connection::open(&SocketAddr::new(address, port.parse().unwrap()).to_string()).unwrap();
        assert_eq!(connection.get("/readyz").unwrap().status, 200, "{address}");
        let alone = connection.get("/_emulator/info").unwrap();
        assert_eq!(alone.status, 404, "the control API is elsewhere: {alone:?}");
    }
    // A port that is taken at one of them is taken.
    let again =
        run(program(&["serve", "--database", "sqlite::memory:", "--listen", &format!("localhost:{port}")]));
    assert_eq!(again.code, Some(3), "{again:?}");
    assert!(again.stderr.contains(&format!("cannot listen on localhost:{port}: ")), "{again:?}");
    let stopped = server.stop();
    assert!(!stopped.stderr.contains("everybody who reaches this server"), "{stopped:?}");
}

#[test]
fn a_name_of_no_address_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let finished = run({
        let mut command = program(&["serve", "--listen", "no-such-name.invalid:8637"]);
        command.current_dir(folder.path());
        command
    });
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("cannot listen on no-such-name.invalid: "), "{finished:?}");
    assert!(finished.stderr.contains("put the name into the hosts file"), "{finished:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it left files");
}

#[test]
fn serve_is_the_default_command_and_the_working_directory_the_default_place() {
    let folder = TempDir::new().unwrap();
    let mut command = program(&["--listen", "127.0.0.1:0"]);
    command.current_dir(folder.path());
    let server = Server::start(command);
    assert!(folder.path().join("dcs-emulator.db").exists());
    server.stop();
}

#[test]
fn the_ready_file_is_whole_when_it_is_there_and_gone_after_a_stop() {
    let folder = TempDir::new().unwrap();
    let ready_file = folder.path().join("ready.json");
    // One that an earlier process left is gone before there is another, which is never written into it.
    std::fs::write(&ready_file, "left by another").unwrap();
    let path = ready_file.to_string_lossy();
    let server = Server::start(serve(&folder.path().join("a.db"), &["--ready-file", &path]));
    let ready: Value = eventually("the ready file", || {
        let content = std::fs::read_to_string(&ready_file).ok()?;
        Some(serde_json::from_str(&content).expect("whole at once, and not what was left"))
    });
    assert_eq!(
        ready,
        serde_json::json!({
            "url": server.url,
            "tls_url": null,
            "control_url": server.url,
            "pid": server.process.id(),
            "version": env!("CARGO_PKG_VERSION"),
        })
    );
    assert!(!beside(&ready_file, ".tmp").exists());
    server.stop();
    assert_eq!(ready_file.metadata().unwrap_err().kind(), ErrorKind::NotFound);
}

/// Returns the words of a shell command; only single quotes are known.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_requests_that_the_demo_shows_work() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), &["--demo"]));
    server.wait_for_log(&format!("curl {}", server.url));
    let log = server.log();
    let shown: Vec<&str> = log.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    let [create, list] = shown.as_slice() else { panic!("{shown:?}") };

    let mut connection = server.connect();
    let [_, _, method, url, _, header, _, body] = <[String; 8]>::try_from(words(create)).unwrap();
    let path = url.strip_prefix(&server.url).expect("it is a URL of this server");
    assert_eq!(header, "Content-Type: application/json");
    let created = connection.ask(&method, path, &body).unwrap();
    assert_eq!(created.status, 200, "{created:?}");
    let id = created.text("backup_id");

    let [_, url] = <[String; 2]>::try_from(words(list)).unwrap();
    let listed = connection.get(url.strip_prefix(&server.url).unwrap()).unwrap();
    assert!(listed.body.contains(&id), "{listed:?}");
    assert!(listed.body.contains("nightly"), "{listed:?}");

    // And pasted as they stand, where there is a curl to paste them for.
    if Command::new("curl").arg("--version").output().is_ok() {
        let pasted = Command::new("sh").arg("-c").arg(create).output().unwrap();
        let answer = String::from_utf8(pasted.stdout).unwrap();
        assert!(answer.starts_with(r#"{"backup_id":"#), "{answer}");
    }
    server.stop();
}

#[test]
fn a_seed_can_come_from_standard_input() {
    let folder = TempDir::new().unwrap();
    let mut command = serve(&folder.path().join("a.db"), &["--seed", "-"]);
    let mut process = Process::spawn(command.stdin(Stdio::piped()));
    process.give(&instances_seed(2));
    let server = Server::ready(process);
    let mut connection = server.connect();
    for instance in instance_ids(2) {
        assert_eq!(connection.create(&instance, "seeded").unwrap().status, 200);
    }
    server.stop();
}

#[test]
fn starting_twice_with_a_seed_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let rows = "SELECT json_array('instance', hex(instance_id), name, created_at) FROM instances
                UNION ALL SELECT json_array('event', number, at, hex(subject_id)) FROM events
                UNION ALL SELECT json_array('project', hex(project_id), name, created_at) FROM projects";
    Server::start(serve(&database, &["--demo"])).stop();
    let before = texts(&database, rows);
    assert_eq!(before.len(), 7, "a project, three instances and the event of each: {before:?}");
    Server::start(serve(&database, &["--demo"])).stop();
    assert_eq!(texts(&database, rows), before);
}

#[test]
fn an_empty_file_is_a_new_database() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    std::fs::write(&database, "").unwrap();
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "first").unwrap().status, 200);
    server.stop();
    assert_eq!(texts(&database, "SELECT remark FROM backup_records"), ["first"]);
}

#[test]
fn a_database_in_memory_works_and_says_so() {
    let folder = TempDir::new().unwrap();
    let mut command =
        program(&["serve", "--listen", "127.0.0.1:0", "--demo", "--database", "sqlite::memory:"]);
    command.current_dir(folder.path());
    let server = Server::start(command);
    let mut connection = server.connect();
    let info = connection.get("/_emulator/info").unwrap().json();
    assert_eq!(info["database"], serde_json::json!({"mode": "memory", "path": null}));
    let id = connection.create(DEMO_INSTANCE, "gone soon").unwrap().text("backup_id");
    assert!(connection.get(&backups_path(DEMO_INSTANCE)).unwrap().body.contains(&id));
    let stopped = server.stop();
    assert!(stopped.stderr.contains("kept in memory"), "{stopped:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it left files");
}

#[test]
fn logs_are_json_when_asked_for() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(serve(&folder.path().join("a.db"), &["--log-format", "json"]));
    let stopped = server.stop();
    assert!(!stopped.stderr.is_empty());
    for line in stopped.stderr.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
    }
}
