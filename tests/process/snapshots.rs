//! Snapshots and the program as a process: killed on the way back to one, it is before or after.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::process_support::database::beside;
use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::process_support::{Server, eventually, serve};

/// So many backups, with remarks so long, do not fit into SQLite's memory: what is changed is in the log before it is committed.
const BACKUPS: usize = 6_000;
const CLIENTS: usize = 8;

const SNAPSHOTS: &str = "/_emulator/snapshots";

fn ids(server: &Server) -> BTreeSet<String> {
    server.connect().list(DEMO_INSTANCE).into_keys().collect()
}

fn log_length(database: &Path) -> u64 {
    beside(database, "-wal").metadata().map_or(0, |metadata| metadata.len())
}

/// A stopped database with few records, and a snapshot of it with many.
struct House {
    folder: TempDir,
    few: BTreeSet<String>,
    many: BTreeSet<String>,
}

impl House {
    fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(serve(&folder.path().join("a.db"), &["--demo"]));
        let remark = "🦀".repeat(128);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    for _ in 0..BACKUPS / CLIENTS {
                        assert_eq!(connection.create(DEMO_INSTANCE, &remark).unwrap().status, 200);
                    }
                });
            }
        });
        let mut connection = server.connect();
        let many = ids(&server);
        assert_eq!(connection.ask("PUT", &format!("{SNAPSHOTS}/many"), "").unwrap().status, 200);
        assert_eq!(connection.ask("POST", "/_emulator/reset", "").unwrap().status, 200);
        assert_eq!(connection.create(DEMO_INSTANCE, "one of few").unwrap().status, 200);
        let few = ids(&server);
        server.stop();
        Self { folder, few, many }
    }

    /// Copies it all, so that it can be broken.
    fn copy(&self) -> (TempDir, PathBuf) {
        let copy = TempDir::new().unwrap();
        let (from, to) = (self.folder.path(), copy.path());
        std::fs::create_dir(to.join("a.db.snapshots")).unwrap();
        for file in ["a.db", "a.db.snapshots/many.db"] {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
        let database = to.join("a.db");
        (copy, database)
    }
}

#[test]
fn killed_on_the_way_back_it_is_before_or_after() {
    let house = House::build();
    let whole = house.folder.path().join("a.db.snapshots/many.db").metadata().unwrap().len();
    let mut ends = Vec::new();
    // Once at once, several times in the middle, and once with the answer.
    for twelfths in [Some(0), Some(1), Some(3), Some(6), Some(9), None] {
        let (_folder, database) = house.copy();
        let mut server = Server::start(serve(&database, &["--demo"]));
        let before = log_length(&database);
        let mut connection = server.connect();
        let going = std::thread::spawn(move || {
            // The connection's end is no answer.
            connection.ask("POST", &format!("{SNAPSHOTS}/many/restore"), "").map(|answer| answer.status)
        });
        match twelfths {
            Some(twelfths) => eventually("the log grows, or it is over", || {
                let grown = log_length(&database) - before;
                (grown > whole * twelfths / 12 || going.is_finished()).then_some(())
            }),
            None => eventually("the answer", || going.is_finished().then_some(())),
        }
        server.process.kill();
        let answered = going.join().unwrap().ok();
        let server = Server::start(serve(&database, &["--demo"]));
        let found = ids(&server);
        let is_after = found == house.many;
        assert!(is_after || found == house.few, "half way, with {} records", found.len());
        if let Some(status) = answered {
            assert_eq!((status, is_after), (200, true), "it was answered");
        }
        assert_eq!(server.connect().create(DEMO_INSTANCE, "it goes on").unwrap().status, 200);
        server.stop();
        look_through(&database);
        ends.push(is_after);
    }
    assert!(ends.contains(&false) && ends.contains(&true), "it was never killed on the way: {ends:?}");
}

#[test]
fn what_a_crash_leaves_unfinished_is_no_snapshot() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let snapshots = folder.path().join("a.db.snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    for name in ["cut-off.tmp", "cut-off.tmp-journal", "other.tmp"] {
        std::fs::write(snapshots.join(name), "half of it").unwrap();
    }
    let server = Server::start(serve(&database, &["--demo"]));
    assert_eq!(snapshots.read_dir().unwrap().count(), 0, "what is left holds secret keys");
    let mut connection = server.connect();
    let listed = connection.get(SNAPSHOTS).unwrap().json();
    assert_eq!(listed, serde_json::json!({"snapshots": []}));
    assert_eq!(connection.ask("PUT", &format!("{SNAPSHOTS}/cut-off"), "").unwrap().status, 200);
    let files: Vec<_> =
        std::fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["cut-off.db"]);
    server.stop();
    look_through(&snapshots.join("cut-off.db"));
}
