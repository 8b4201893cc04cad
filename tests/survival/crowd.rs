//! More connections than anybody needs.

use rlimit::Resource;
use tempfile::TempDir;

use crate::process_support::wire::{Connection, DEMO_INSTANCE, backups_path};
use crate::process_support::{Server, eventually, isolate, serve};
use crate::server::{Demo, Raw, head};

/// How many connections are opened that ask for nothing.
const CROWD: u64 = 5000;
/// How many files a test needs besides.
const SPARE: u64 = 200;
/// By how much the memory of a server with sixteen workers may grow, in KiB: each has a cache of its own of what it has freed.
const MAX_GROWTH_OF_SIXTEEN_KIB: u64 = 128 * 1024;
/// So few files a program may have open at first on many systems.
const FEW_FILES: u64 = 256;

/// Starts a server that may have so many files open at first and at most.
fn demo_with_limits(soft: u64, hard: u64, workers: &str) -> Demo {
    let folder = TempDir::new().unwrap();
    let program = serve(&folder.path().join("a.db"), &["--demo", "--http-workers", workers]);
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\""));
    command.arg(program.get_program()).args(program.get_args());
    isolate(&mut command);
    Demo::of(Server::start(command), folder)
}

/// Opens connections, each of which asks once and then no more: those that never asked would soon be closed.
fn open_crowd(demo: &Demo, size: u64) -> Vec<Raw> {
    let request = head("GET", "/livez", &[]);
    let open = |_| {
        let mut client = Raw::open(&demo.server);
        client.send(&request);
        client
    };
    (0..size).map(open).collect()
}

#[test]
fn five_thousand_idle_connections_are_in_nobodys_way() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let (_, hard) = Resource::NOFILE.get().unwrap();
    let size = CROWD.min(hard - SPARE);
    // The program raises the limit itself.
    let demo = demo_with_limits(FEW_FILES, hard, "2");
    let crowd = open_crowd(&demo, size);
    demo.is_well();
    eventually("all are taken", || (open_files(&demo) > size).then_some(()));
    demo.is_well();
    drop(crowd);
    eventually("all are gone", || (open_files(&demo) < SPARE).then_some(()));
    demo.is_well();
    demo.stop();
}

#[test]
fn at_the_limit_of_open_files_the_database_still_has_some() {
    // Each worker has files of its own.
    let demo = demo_with_limits(FEW_FILES, FEW_FILES, "16");
    let mut connections: Vec<Connection> = (0..16).map(|_| demo.server.connect()).collect();
    for connection in &mut connections {
        assert_eq!(connection.get("/livez").unwrap().status, 200);
    }
    let crowd = open_crowd(&demo, 2 * FEW_FILES);
    // All readers of the database are wanted at once, of which most were never opened.
    std::thread::scope(|scope| {
        for connection in &mut connections {
            scope.spawn(move || {
                for number in 0..10 {
                    let created = connection.create(DEMO_INSTANCE, &format!("{number}")).unwrap();
                    assert_eq!(created.status, 200, "{created:?}");
                    let listed = connection.get(&backups_path(DEMO_INSTANCE)).unwrap();
                    assert_eq!(listed.status, 200, "{listed:?}");
                }
            });
        }
    });
    drop(crowd);
    demo.is_well_within(MAX_GROWTH_OF_SIXTEEN_KIB);
    demo.stop();
}

fn open_files(demo: &Demo) -> u64 {
    let files = std::fs::read_dir(format!("/proc/{}/fd", demo.server.process.id())).unwrap();
    u64::try_from(files.count()).unwrap()
}
