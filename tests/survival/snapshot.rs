//! Another process reads an old state of the database for long: the log cannot be emptied meanwhile, and grows; nobody waits.

use std::path::Path;

use sqlx::Connection as _;

use crate::process_support::database::{beside, block_on, execute, open};
use crate::process_support::eventually;
use crate::process_support::rules::look_through;
use crate::process_support::wire::DEMO_INSTANCE;
use crate::server::Demo;

/// Usually the log is emptied when it is about as long as this, in bytes: a thousand pages and their headers.
const DEFAULT_LENGTH: u64 = 1000 * (4096 + 24);

/// What is left of the log at most once it has been emptied, in bytes.
const MAX_EMPTIED: u64 = 64 << 20;

/// How often the log has begun from its start: it is counted in its header.
fn beginnings(database: &Path) -> u32 {
    let header = std::fs::read(beside(database, "-wal")).unwrap();
    u32::from_be_bytes(header[12..16].try_into().unwrap())
}

fn log_length(database: &Path) -> u64 {
    beside(database, "-wal").metadata().unwrap().len()
}

#[test]
fn a_reader_that_holds_an_old_state_is_in_nobodys_way() {
    let demo = Demo::start(&[]);
    let database = demo.database();
    let mut connection = demo.server.connect();
    let mut created = 0_usize;
    let mut create = || {
        let answer = connection.create(DEMO_INSTANCE, "").unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        created += 1;
        created
    };
    create();
    let count = "SELECT count(*) FROM backups";
    let mut reader = block_on(open(&database));
    block_on(async {
        sqlx::raw_sql("BEGIN").execute(&mut reader).await.unwrap();
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        assert_eq!(seen, 1);
    });
    let before = beginnings(&database);
    while log_length(&database) < 2 * DEFAULT_LENGTH {
        create();
    }
    assert_eq!(beginnings(&database), before, "the log was emptied under a reader");
    block_on(async {
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        assert_eq!(seen, 1, "the reader sees what was not there when it began");
    });
    demo.is_well();
    let longest = log_length(&database);
    block_on(reader.close()).unwrap();
    // Now it can be emptied, and is used from its start again.
    eventually("the log begins from its start", || {
        create();
        (beginnings(&database) > before).then_some(())
    });
    while beginnings(&database) < before + 3 {
        create();
    }
    assert!(log_length(&database) <= longest + DEFAULT_LENGTH, "the log grows on");
    let total = create() + 1;
    assert_eq!(
        demo.server.connect().list(DEMO_INSTANCE).len(),
        total,
        "with the one that looked whether all is well"
    );
    let Demo { server, folder: _folder, .. } = demo;
    server.stop();
    look_through(&database);
}

#[test]
fn a_log_that_has_grown_long_is_cut_when_it_has_been_emptied() {
    let demo = Demo::start(&[]);
    let database = demo.database();
    let mut connection = demo.server.connect();
    let mut create = || assert_eq!(connection.create(DEMO_INSTANCE, "").unwrap().status, 200);
    create();
    let mut reader = block_on(open(&database));
    block_on(sqlx::raw_sql("BEGIN; SELECT count(*) FROM backups").execute(&mut reader)).unwrap();
    // As much as a long day would write. Nobody reads a setting of this name.
    let words = "INSERT INTO kept_settings VALUES ('padding', json_quote(hex(zeroblob(36000000))))";
    execute(&database, words);
    let before = beginnings(&database);
    let longest = log_length(&database);
    assert!(longest > MAX_EMPTIED, "{longest} bytes are too few to be cut");
    block_on(reader.close()).unwrap();
    execute(&database, "DELETE FROM kept_settings WHERE name = 'padding'");
    eventually("the log begins from its start", || {
        create();
        (beginnings(&database) > before).then_some(())
    });
    assert!(log_length(&database) <= MAX_EMPTIED, "{} bytes are left", log_length(&database));
    demo.is_well();
    let Demo { server, folder: _folder, .. } = demo;
    server.stop();
    look_through(&database);
}
