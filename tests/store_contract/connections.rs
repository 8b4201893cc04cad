//! How the connections of a store are set, read back from each of them, and which SQLite they speak to.

use std::path::Path;

use dcs_emulator::store::sqlite::Location;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::house::{House, Kind, run};

/// How many read-only connections a store has at most.
const READERS: usize = 4;
/// The version whose SQLite does not lose commits that race a checkpoint.
const LIBSQLITE3_SYS: &str = "0.37.0";

async fn pragma(connection: &mut SqliteConnection, name: &str) -> String {
    let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(connection).await.unwrap();
    row.try_get::<String, _>(0).unwrap_or_else(|_| row.get::<i64, _>(0).to_string())
}

/// Reads settings back from every connection of the pool, all held at once.
async fn readers_have(house: &House, settings: &[(&str, &str)]) {
    let pool = house.sqlite.readers();
    let mut connections = Vec::new();
    for _ in 0..READERS {
        connections.push(pool.acquire().await.unwrap());
    }
    assert!(pool.try_acquire().is_none(), "there are more than {READERS}");
    for connection in &mut connections {
        for (name, value) in settings {
            assert_eq!(pragma(connection, name).await, *value, "{name}");
        }
        let refused =
            sqlx::query("INSERT INTO actors (name) VALUES ('nobody')").execute(&mut **connection).await;
        let code =
            refused.unwrap_err().as_database_error().and_then(|error| Some(error.code()?.into_owned()));
        assert_eq!(code.as_deref(), Some("8"), "it can write");
    }
}

#[test]
fn every_reader_of_a_file_is_set_as_it_must_be() {
    run(Kind::File, async |house| {
        readers_have(
            &house,
            &[("journal_mode", "wal"), ("foreign_keys", "1"), ("synchronous", "2"), ("busy_timeout", "5000")],
        )
        .await;
    });
}

#[test]
fn every_reader_of_memory_is_set_as_it_must_be() {
    run(Kind::Memory, async |house| {
        readers_have(&house, &[("journal_mode", "memory"), ("foreign_keys", "1"), ("busy_timeout", "5000")])
            .await;
    });
}

#[test]
fn a_file_is_marked_as_ours_and_keeps_a_write_ahead_log() {
    run(Kind::File, async |house| {
        let Location::File(path) = &house.location else { panic!("{:?}", house.location) };
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        assert_eq!(pragma(&mut connection, "journal_mode").await, "wal");
        assert_eq!(pragma(&mut connection, "application_id").await, i32::from_be_bytes(*b"DCSE").to_string());
    });
}

#[test]
fn two_stores_in_memory_are_two() {
    run(Kind::Memory, async |first| {
        let second = House::open(Kind::Memory).await;
        first.create(crate::house::instance(1), crate::house::after(0), crate::house::AT_ONCE).await.unwrap();
        assert_eq!(second.list(crate::house::instance(1)).await, []);
    });
}

#[test]
fn sqlite_is_one_that_does_not_lose_commits() {
    run(Kind::File, async |house| {
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(house.sqlite.readers()).await.unwrap();
        let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts >= vec![3, 51, 3], "{version}");
    });
}

#[test]
fn the_package_that_brings_sqlite_is_pinned() {
    let read = |name: &str| -> toml::Table {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap().parse().unwrap()
    };
    let wanted = read("Cargo.toml")["dependencies"]["libsqlite3-sys"]["version"].clone();
    assert_eq!(wanted.as_str(), Some(&*format!("={LIBSQLITE3_SYS}")));
    let lock = read("Cargo.lock");
    let locked: Vec<&str> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["name"].as_str() == Some("libsqlite3-sys"))
        .map(|package| package["version"].as_str().unwrap())
        .collect();
    assert_eq!(locked, [LIBSQLITE3_SYS], "one copy of SQLite, and that one");
}
