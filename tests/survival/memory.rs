//! How much memory the program takes at worst, and that it gives it back. `cargo test --release --test survival memory -- --nocapture`
//! prints figures.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::thread;

use tempfile::TempDir;

use crate::process_support::database::{execute, texts};
use crate::process_support::wire::{Connection, DEMO_INSTANCE, PROJECT, backups_path};
use crate::process_support::{Server, eventually, serve};
use crate::server::{Demo, Raw, create_head, memory_kib};

const MIB: u64 = 1024;
/// What the program may take at worst besides its own file, in KiB: with it 100 MiB. (A file with symbols has 30 MiB in memory, one without 10.)
const MOST: u64 = 88 * MIB;
/// What it may still take soon afterwards, in KiB: with its own file 64 MiB.
const AFTERWARDS: u64 = 52 * MIB;

const CLIENTS: usize = 8;
const LOGINS_OF_A_CLIENT: usize = 25;
const INSTANCES_OF_A_CLIENT: usize = 6;
const ROUNDS_OF_A_CLIENT: usize = 40;

/// So many clients send the beginning of a body of the longest length.
const DRIPPING: usize = 2000;
const LONGEST: usize = 1 << 20;
/// How much of it they send: more than is read ahead of anybody.
const BEGINNING: usize = 256 * 1024;

/// Of `old-password`, as version 0.1 made it: it takes 19 MiB.
const OLD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$ZGNzLWVtdWxhdG9yLS0tLQ$LeGytzPbN3lXfYs2YFYyz8DWhC+478v078YRVmVYj6I";
const OLD_PASSWORD: &str = "emulator-password";

/// Returns whether the memory of a program can be read here; says so if not.
fn can_be_measured() -> bool {
    let status = Path::new("/proc/self/status");
    let is_there = status.exists();
    if !is_there {
        eprintln!(
            "{}: not run: there is no {}",
            thread::current().name().unwrap_or_default(),
            status.display()
        );
    }
    is_there
}

/// Makes sure that a server kept to its bounds; prints what it took.
fn kept_within_bounds(server: &Server, what: &str) {
    let file = memory_kib(server, "RssFile");
    let besides_file = |measure| memory_kib(server, measure).saturating_sub(file);
    let (most, last) = (besides_file("VmHWM"), besides_file("VmRSS"));
    eprintln!(
        "{what}: {} MiB at most, {} MiB at the end, {} MiB of files",
        most / MIB,
        last / MIB,
        file / MIB
    );
    assert!(most <= MOST, "{what}: {most} KiB");
    let afterwards = eventually("memory is given back", || {
        let now = besides_file("VmRSS");
        (now < AFTERWARDS).then_some(now)
    });
    eprintln!("{what}: {} MiB afterwards", afterwards / MIB);
}

fn log_in(client: &mut Connection, user: &str, password: &str) -> u16 {
    let user = serde_json::json!({"name": user, "domain": {"name": "emulator-domain"}, "password": password});
    let login =
        serde_json::json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}});
    client.ask("POST", "/v3/auth/tokens", &login.to_string()).unwrap().status
}

fn from_all_clients(server: &Server, act: impl Fn(&mut Connection, usize) + Sync) {
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (mut connection, act) = (server.connect(), &act);
            scope.spawn(move || act(&mut connection, client));
        }
    });
}

fn log_in_wrongly(client: &mut Connection, user: &str) {
    for number in 0..LOGINS_OF_A_CLIENT {
        let user = if number % 2 == 0 { user } else { "nobody" };
        assert_eq!(log_in(client, user, "wrong"), 401);
    }
}

/// Makes an instance with a password, and deletes it: a project may have few.
fn make_an_instance(client: &mut Connection, name: &str) {
    let order = serde_json::json!({
        "name": name, "engine": "Redis", "engine_version": "6.0", "capacity": 2, "password": "Secret-12", "vpc_id": "v",
        "subnet_id": "s", "security_group_id": "g", "az_codes": ["eu-de-01", "eu-de-02"],
        "spec_code": "redis.ha.xu1.large.r2.2",
    });
    let path = format!("/v2/{PROJECT}/instances");
    let made = client.ask("POST", &path, &order.to_string()).unwrap();
    assert_eq!(made.status, 200, "{made:?}");
    let id = made.json()["instances"][0]["instance_id"].as_str().unwrap().to_owned();
    assert_eq!(client.ask("DELETE", &format!("{path}/{id}"), "").unwrap().status, 204);
}

#[test]
fn passwords_take_bounded_memory() {
    if !can_be_measured() {
        return;
    }
    let demo = Demo::start(&[]);
    from_all_clients(&demo.server, |client, _| log_in_wrongly(client, "emulator"));
    kept_within_bounds(&demo.server, "wrong logins");
    from_all_clients(&demo.server, |client, number| {
        for _ in 0..LOGINS_OF_A_CLIENT {
            assert_eq!(log_in(client, "emulator", "emulator-password"), 201);
        }
        for instance in 0..INSTANCES_OF_A_CLIENT {
            make_an_instance(client, &format!("made-{number}-{instance}"));
        }
    });
    kept_within_bounds(&demo.server, "good logins and instances with passwords");
    demo.stop();
}

fn password_hash(database: &Path) -> String {
    let mut hashes = texts(database, "SELECT password_hash FROM users WHERE name = 'old'");
    assert_eq!(hashes.len(), 1);
    hashes.remove(0)
}

#[test]
fn hashes_of_old_take_bounded_memory_until_their_users_log_in() {
    if !can_be_measured() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let (database, seed) = (folder.path().join("a.db"), folder.path().join("seed.yaml"));
    let users =
        format!("users:\n  - name: old\n    password_hash: {OLD_HASH}\n    roles: {{\"*\": dcs_admin}}\n");
    std::fs::write(&seed, users).unwrap();
    let server = Server::start(serve(&database, &["--seed", seed.to_str().unwrap()]));
    from_all_clients(&server, |client, _| log_in_wrongly(client, "old"));
    kept_within_bounds(&server, "wrong logins of a user with an old hash");
    let mut client = server.connect();
    assert_eq!(log_in(&mut client, "old", OLD_PASSWORD), 201);
    assert_eq!(log_in(&mut client, "old", "wrong"), 401);
    assert_eq!(log_in(&mut client, "old", OLD_PASSWORD), 201);
    drop(client);
    server.stop();
    let hash = password_hash(&database);
    assert!(hash.starts_with("$argon2id$") && !hash.contains("m=19456"), "{hash}");
    // The seed does not bring the old one back.
    Server::start(serve(&database, &["--seed", seed.to_str().unwrap()])).stop();
    assert_eq!(password_hash(&database), hash);
}

/// Sends what is taken at once, at most so much; returns whether the connection is still there.
fn send_at_once(client: &mut Raw, bytes: &[u8]) -> bool {
    let mut sent = 0;
    while sent < bytes.len() {
        match client.stream.write(&bytes[sent..]) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => return false,
        }
    }
    true
}

#[test]
fn bodies_that_drip_take_bounded_memory() {
    if !can_be_measured() {
        return;
    }
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    for framing in [format!("Content-Length: {LONGEST}"), "Transfer-Encoding: chunked".to_owned()] {
        let demo = Demo::start(&[]);
        let is_chunked = framing.starts_with("Transfer");
        let head = create_head(&[&framing]);
        let mut beginning = if is_chunked { format!("{LONGEST:x}\r\n").into_bytes() } else { Vec::new() };
        beginning.resize(BEGINNING, b' ');
        let mut clients: Vec<Raw> = (0..DRIPPING)
            .map(|_| {
                let mut client = Raw::open(&demo.server);
                client.stream.set_nonblocking(true).unwrap();
                assert!(send_at_once(&mut client, &head));
                client
            })
            .collect();
        let mut drip = |bytes: &[u8]| clients.retain_mut(|client| send_at_once(client, bytes));
        drip(&beginning);
        // Whoever sends a short body is served meanwhile.
        assert_eq!(demo.server.connect().create(DEMO_INSTANCE, "short").unwrap().status, 200);
        for _ in 0..3 {
            drip(b"        ");
            assert_eq!(demo.server.connect().create(DEMO_INSTANCE, "short").unwrap().status, 200);
        }
        let what = format!("bodies that drip, {framing}");
        eprintln!("{what}: {} MiB meanwhile", memory_kib(&demo.server, "VmRSS") / MIB);
        drop(clients);
        eventually("a long body is taken again", || {
            let created = demo.server.connect().create(DEMO_INSTANCE, &" ".repeat(LONGEST / 2)).unwrap();
            (created.status == 400).then_some(())
        });
        kept_within_bounds(&demo.server, &what);
        demo.stop();
    }
}

#[test]
fn requests_of_all_kinds_take_bounded_memory() {
    if !can_be_measured() {
        return;
    }
    let demo = Demo::start(&[]);
    from_all_clients(&demo.server, |client, number| {
        for round in 0..ROUNDS_OF_A_CLIENT {
            let created = client.create(DEMO_INSTANCE, &format!("{number}-{round}")).unwrap();
            assert_eq!(created.status, 200, "{created:?}");
            client.restore(DEMO_INSTANCE, &created.text("backup_id"), "mixed").unwrap();
            assert_eq!(
                client.get(&format!("{}?limit=1000", backups_path(DEMO_INSTANCE))).unwrap().status,
                200
            );
            assert_eq!(client.get(&format!("/v2/{PROJECT}/instances")).unwrap().status, 200);
            assert_eq!(client.get("/nowhere").unwrap().status, 404);
            assert_eq!(client.create(DEMO_INSTANCE, &"x".repeat(100_000)).unwrap().status, 400);
            assert_eq!(log_in(client, "emulator", "emulator-password"), 201);
            assert_eq!(log_in(client, "emulator", "wrong"), 401);
            make_an_instance(client, &format!("mixed-{number}-{round}"));
        }
        assert_eq!(client.get("/_emulator/export").unwrap().status, 200);
    });
    kept_within_bounds(&demo.server, "requests of all kinds");
    demo.stop();
}

#[test]
fn a_reset_of_a_large_database_takes_no_memory_by_its_size() {
    /// About 20 MiB, which would have to be remembered to be undone if they were deleted one by one.
    const BACKUPS: u32 = 100_000;
    if !can_be_measured() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(server.connect().create(DEMO_INSTANCE, "").unwrap().status, 200);
    server.stop();
    let more = format!(
        "WITH RECURSIVE number (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < {BACKUPS})
         INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format,
                              name_offset_minutes, created_at, execution_at, updated_at, size_bytes, remark)
         SELECT instance_key, n, randomblob(16), status, backup_type, backup_format, name_offset_minutes,
                created_at, execution_at, updated_at, size_bytes, 'the remark of a nightly backup'
         FROM backups, number WHERE record_number = 1"
    );
    execute(&database, &more);
    let server = Server::start(serve(&database, &["--demo"]));
    // What any reset takes, which is the code for the most part, does not count.
    let other = r#"{"project_id": "00000000000000000000000000000001"}"#;
    assert_eq!(server.connect().ask("POST", "/_emulator/reset", other).unwrap().status, 200);
    let before = memory_kib(&server, "VmHWM");
    let answer = server.connect().ask("POST", "/_emulator/reset", "{}").unwrap();
    let grown = memory_kib(&server, "VmHWM") - before;
    eprintln!("a reset of {BACKUPS} backups: {} MiB", grown / MIB);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(grown < 8 * MIB, "{grown} KiB");
    server.stop();
    assert_eq!(texts(&database, "SELECT count(*) || '' FROM backups"), ["0"]);
}
