//! Another process holds the write lock: changes wait, then are refused with the advice to come again; none is lost, none is
//! done that was refused.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};

use crate::process_support::database::{block_on, open, texts};
use crate::process_support::eventually;
use crate::process_support::rules::look_through;
use crate::process_support::wire::{Answer, Connection, DEMO_INSTANCE};
use crate::server::Demo;

/// More clients than there are places: the batch that waits for the lock and the queue behind it.
const CLIENTS: usize = 3000;
/// How often somebody looks while nothing can be stored.
const READS: usize = 10;

/// The write lock of a database.
struct WriteLock {
    holder: SqliteConnection,
}

impl WriteLock {
    fn take(database: &Path) -> Self {
        let holder = block_on(async {
            let mut holder = open(database).await;
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
            holder
        });
        Self { holder }
    }

    fn release(self) {
        block_on(async {
            let mut holder = self.holder;
            sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
            holder.close().await.unwrap();
        });
    }
}

fn is_stored(answer: &Answer) -> bool {
    match answer.status {
        200 => true,
        503 => {
            assert_eq!(answer.text("error_code"), "DCS.5000", "{answer:?}");
            assert!(answer.headers.iter().any(|line| line.starts_with("retry-after: ")), "{answer:?}");
            false
        }
        _ => panic!("{answer:?}"),
    }
}

fn remarks(demo: &Demo) -> BTreeSet<String> {
    texts(&demo.database(), "SELECT remark FROM backup_records").into_iter().collect()
}

#[test]
fn changes_wait_for_a_lock_that_is_held_for_a_while() {
    let demo = Demo::start(&[]);
    let lock = WriteLock::take(&demo.database());
    let mut clients = creates_until_one_is_queued(&demo);
    lock.release();
    for client in &mut clients {
        assert!(is_stored(&client.read_answer().unwrap()), "it was not waited for");
    }
    assert_eq!(remarks(&demo).len(), clients.len());
    let database = demo.database();
    let Demo { server, folder: _folder, .. } = demo;
    server.stop();
    look_through(&database);
}

/// Begins creates until one waits in the queue behind the batch that waits for the lock; what comes while that batch is taken
/// belongs to it, however much that is.
fn creates_until_one_is_queued(demo: &Demo) -> Vec<Connection> {
    let mut connection = demo.server.connect();
    let mut clients = Vec::new();
    eventually("a command waits in the queue", || {
        let mut client = demo.server.connect();
        client.begin_create(DEMO_INSTANCE, &clients.len().to_string()).unwrap();
        clients.push(client);
        let metrics = connection.get("/metrics").unwrap().body;
        let line = metrics.lines().find_map(|line| line.strip_prefix("dcs_emulator_writer_queue_depth "));
        let depth: f64 = line.unwrap().parse().unwrap();
        (depth >= 1.0).then_some(())
    });
    clients
}

/// Returns how often each batch had been tried when the first of its callers were refused, as the log has it.
fn tries_before_refusals(demo: &Demo) -> Vec<u32> {
    let log = demo.server.log();
    let refusals = log.lines().filter(|line| line.contains("changes were refused"));
    let tries: Vec<u32> =
        refusals.map(|line| line.split_once("tries=").unwrap().1.trim().parse().unwrap()).collect();
    let begins = |place: &usize| *place == 0 || tries[*place] <= tries[*place - 1];
    (0..tries.len()).filter(begins).map(|place| tries[place]).collect()
}

#[test]
fn more_changes_than_can_wait_are_refused_and_none_is_lost() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let demo = Demo::start(&[]);
    assert_eq!(demo.server.connect().create(DEMO_INSTANCE, "before").unwrap().status, 200);
    let lock = WriteLock::take(&demo.database());
    let mut clients: Vec<(String, Connection)> =
        (0..CLIENTS).map(|number| (number.to_string(), demo.server.connect())).collect();
    for (remark, client) in &mut clients {
        client.begin_create(DEMO_INSTANCE, remark).unwrap();
    }
    // Whoever only reads does not wait.
    assert_eq!(demo.server.connect().list(DEMO_INSTANCE).len(), 1);
    // The first is refused once it has waited long enough.
    let (_, first) = &mut clients[0];
    assert!(!is_stored(&first.read_answer().unwrap()));
    let mut stored: BTreeSet<String> = BTreeSet::from(["before".to_owned()]);
    let (refused, waiting) = clients.split_at_mut(CLIENTS / 2);
    for (_, client) in refused.iter_mut().skip(1) {
        assert!(!is_stored(&client.read_answer().unwrap()));
    }
    // Whoever is behind the first batch has waited meanwhile, not once more.
    let [first, later @ ..] = &tries_before_refusals(&demo)[..] else { panic!("no refusal is in the log") };
    assert!(
        !later.is_empty() && later.iter().all(|tries| tries * 2 < *first),
        "{first} tries, then {later:?}"
    );
    let not_ready = demo.server.connect().get("/readyz").unwrap();
    assert_eq!(not_ready.status, 503, "{not_ready:?}");
    // A new one comes just before the lock is free.
    let mut last = demo.server.connect();
    last.begin_create(DEMO_INSTANCE, "last").unwrap();
    lock.release();
    assert!(is_stored(&last.read_answer().unwrap()));
    stored.insert("last".to_owned());
    for (remark, client) in waiting {
        if is_stored(&client.read_answer().unwrap()) {
            stored.insert(remark.clone());
        }
    }
    // Whoever was refused comes again.
    for (remark, client) in refused {
        assert!(is_stored(&client.create(DEMO_INSTANCE, remark).unwrap()));
        stored.insert(remark.clone());
    }
    assert_eq!(remarks(&demo), stored, "what was refused was done, or what was done is lost");
    let database = demo.database();
    let Demo { server, folder: _folder, .. } = demo;
    assert_eq!(server.connect().get("/readyz").unwrap().status, 200);
    server.stop();
    look_through(&database);
}

#[test]
fn it_stops_while_the_lock_is_held() {
    let demo = Demo::start(&[]);
    assert_eq!(demo.server.connect().create(DEMO_INSTANCE, "before").unwrap().status, 200);
    let lock = WriteLock::take(&demo.database());
    let mut clients = creates_until_one_is_queued(&demo);
    let (database, server) = (demo.database(), demo.server);
    server.signal("TERM");
    // Requests in flight are finished, these by a refusal.
    for client in &mut clients {
        assert!(!is_stored(&client.read_answer().unwrap()), "it cannot have been stored");
    }
    let finished = server.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    lock.release();
    assert_eq!(texts(&database, "SELECT remark FROM backup_records"), ["before"]);
    look_through(&database);
}

fn has_succeeded(client: &mut Connection) -> bool {
    client.list(DEMO_INSTANCE).values().all(|backup| backup["status"] == "succeed")
}

#[test]
fn reads_do_not_wait_again_for_what_cannot_be_stored() {
    let demo = Demo::start(&["--backup-duration", "1s"]);
    let mut client = demo.server.connect();
    assert_eq!(client.create(DEMO_INSTANCE, "slow").unwrap().status, 200);
    let lock = WriteLock::take(&demo.database());
    demo.server.wait_for_log("could not do what is due");
    let refusals = || demo.server.log().matches("changes were refused").count();
    let before = refusals();
    for _ in 0..READS {
        assert!(!has_succeeded(&mut client), "that cannot have been stored");
    }
    // The timer goes on trying; if each read tried as well, each would be refused.
    assert!(refusals() < before + READS / 2, "reads waited for the lock");
    // Whoever changes something waits for it.
    client.begin_create(DEMO_INSTANCE, "next").unwrap();
    assert!(!is_stored(&client.read_answer().unwrap()));
    lock.release();
    eventually("what is due is done", || has_succeeded(&mut client).then_some(()));
    assert_eq!(client.create(DEMO_INSTANCE, "next").unwrap().status, 200);
    let database = demo.database();
    let Demo { server, folder: _folder, .. } = demo;
    drop(client);
    server.stop();
    look_through(&database);
}

#[test]
fn a_fault_that_cannot_be_kept_is_not_held_either() {
    let demo = Demo::start(&[]);
    let mut client = demo.server.connect();
    let fault = r#"{"match": {"operation": "list_backups"}, "effect": {"latency": "1ms"}}"#;
    let kept = client.ask("POST", "/_emulator/faults", fault).unwrap();
    assert_eq!(kept.status, 200, "{kept:?}");
    let path = format!("/_emulator/faults/{}", kept.text("id"));
    let lock = WriteLock::take(&demo.database());
    let before = client.get("/_emulator/faults").unwrap().body;
    for (method, path, body) in [("POST", "/_emulator/faults", fault), ("DELETE", &path, "")] {
        let refused = client.ask(method, path, body).unwrap();
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(client.get("/_emulator/faults").unwrap().body, before, "{method}");
    }
    lock.release();
    assert_eq!(client.ask("DELETE", &path, "").unwrap().status, 200);
    demo.stop();
}
