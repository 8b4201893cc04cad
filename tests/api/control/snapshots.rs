//! `/_emulator/snapshots`: copies of everything, and the way back to one (issue 5, control API).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};

use crate::control::clock_ids_reset::fill_every_table;
use crate::support::seed::{HA, PROJECT, RW_SPLIT, SECOND_HA, backups_path, instances_path};
use crate::support::{Answer, Api, Covered, TestServer, covered, each};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/snapshots", a_snapshot_is_taken_shown_and_removed),
    covered("GET", "/_emulator/snapshots/{snapshot_name}", a_snapshot_is_taken_shown_and_removed),
    covered("PUT", "/_emulator/snapshots/{snapshot_name}", a_snapshot_is_taken_shown_and_removed),
    covered("DELETE", "/_emulator/snapshots/{snapshot_name}", a_snapshot_is_taken_shown_and_removed),
    covered("POST", "/_emulator/snapshots/{snapshot_name}/restore", no_table_is_forgotten),
];

pub(crate) const IN_MEMORY: (&str, &str) = ("database", "sqlite::memory:");

/// Every row of every table, as text, by table.
pub(crate) type Everything = BTreeMap<String, Vec<String>>;

impl TestServer {
    pub(crate) async fn take_snapshot(&self, name: &str) -> Value {
        self.call("PUT", &format!("/_emulator/snapshots/{name}")).send().await.ok()
    }

    pub(crate) async fn go_back(&self, name: &str) -> Answer {
        self.call("POST", &format!("/_emulator/snapshots/{name}/restore")).send().await
    }

    async fn freeze_at(&self, now: &str) {
        self.put("/_emulator/clock", &json!({"now": now, "frozen": true})).await.ok();
    }

    /// Returns what a person sees who reads the whole database with another program.
    pub(crate) async fn everything(&self) -> Everything {
        let mut database = self.database().await;
        let statements: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, format('SELECT %s FROM %s ORDER BY 1', columns, name)
             FROM (SELECT s.name, group_concat(format('quote(%s)', c.name), ' || '', '' || ') AS columns
                   FROM sqlite_schema s JOIN pragma_table_info(s.name) c WHERE s.type = 'table' GROUP BY s.name)",
        )
        .fetch_all(&mut database)
        .await
        .expect("the schema can be read");
        let mut everything = Everything::new();
        for (table, statement) in statements {
            let rows = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(&mut database).await;
            everything.insert(table, rows.expect("a table can be read"));
        }
        everything
    }

    /// Returns where the file of a snapshot is.
    pub(crate) fn snapshot_path(&self, name: &str) -> PathBuf {
        self.database_path().with_extension("db.snapshots").join(format!("{name}.db"))
    }
}

#[tokio::test]
async fn a_snapshot_is_taken_shown_and_removed() {
    for settings in [&[][..], &[IN_MEMORY]] {
        let server = TestServer::with(settings).await;
        assert_eq!(server.get("/_emulator/snapshots").await.ok(), json!({"snapshots": []}));
        server.create_backup(HA).await;
        let taken = server.take_snapshot("first").await;
        assert_eq!(taken["name"], "first");
        assert_eq!(taken["counts"]["backups"], 1);
        assert_eq!(taken["created_at"], "2020-03-02T06:15:04.512Z");
        let info = server.get("/_emulator/info").await.ok();
        assert_eq!((&taken["schema_version"], &taken["counts"]), (&info["schema_version"], &info["counts"]));
        assert!(taken["size_bytes"].as_u64().unwrap() > 4096, "{taken}");
        let second = server.take_snapshot("a-second.1").await;
        assert_eq!(server.get("/_emulator/snapshots").await.ok(), json!({"snapshots": [second, taken]}));
        // Taken again, it is another one.
        server.create_backup(HA).await;
        let again = server.take_snapshot("first").await;
        assert_eq!(again["counts"]["backups"], 2);
        assert_eq!(server.get("/_emulator/snapshots/first").await.ok(), again);
        assert_eq!(server.delete("/_emulator/snapshots/first").await.ok(), json!({"snapshots": [second]}));
        for answer in [
            server.get("/_emulator/snapshots/first").await,
            server.delete("/_emulator/snapshots/first").await,
            server.go_back("first").await,
        ] {
            assert_eq!((answer.status, &answer.json()["error_code"]), (404, &json!("EMU.4040")));
        }
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let long = "n".repeat(65);
    for name in [".hidden", "a%2Fb", "a%00", "a%20b", "%C3%A4", &long] {
        let path = format!("/_emulator/snapshots/{name}");
        for answer in [server.call("PUT", &path).send().await, server.go_back(name).await] {
            assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{name}");
        }
    }
    server.take_snapshot(&"n".repeat(64)).await;
}

#[tokio::test]
async fn there_are_at_most_a_hundred() {
    let server = TestServer::with(&[IN_MEMORY]).await;
    for number in 0..100 {
        server.take_snapshot(&number.to_string()).await;
    }
    let answer = server.call("PUT", "/_emulator/snapshots/one-more").send().await;
    assert_eq!((answer.status, &answer.json()["error_code"]), (409, &json!("EMU.4090")));
    server.take_snapshot("0").await;
    server.delete("/_emulator/snapshots/1").await.ok();
    server.take_snapshot("one-more").await;
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let mut server = TestServer::start().await;
    fill_every_table(&mut server).await;
    let before = server.everything().await;
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table} has no row that could be forgotten");
    }
    server.take_snapshot("full").await;
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    assert_ne!(server.everything().await, before);
    server.go_back("full").await.ok();
    assert_eq!(server.everything().await, before);
    // Nor is it on disk, nor what forbids that records go.
    server.restart().await;
    assert_eq!(server.everything().await, before);
    server.stop().await;
    let mut database = server.database_for_writing().await;
    assert!(sqlx::query("DELETE FROM backups").execute(&mut database).await.is_err());
}

#[tokio::test]
async fn a_table_that_is_added_is_not_forgotten() {
    let mut server = TestServer::start().await;
    server.stop().await;
    let mut database = server.database_for_writing().await;
    let added = "CREATE TABLE added (word TEXT NOT NULL) STRICT; INSERT INTO added VALUES ('before')";
    sqlx::raw_sql(added).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    server.restart().await;
    server.take_snapshot("with-it").await;
    let before = server.everything().await;
    server.stop().await;
    server.alter("UPDATE added SET word = ?", &["after"]).await;
    server.restart().await;
    server.go_back("with-it").await.ok();
    assert_eq!(server.everything().await["added"], before["added"]);
}

#[tokio::test]
async fn what_is_remembered_comes_back_too() {
    for settings in [&[][..], &[IN_MEMORY]] {
        let settings = [settings, &[("auth", "strict")]].concat();
        let mut server = TestServer::with(&settings).await;
        let decided = async |server: &TestServer| {
            let mut decided = Vec::new();
            for path in ["clock", "transitions/backup", "faults", "ids"] {
                decided.push(server.get(&format!("/_emulator/{path}")).await.ok());
            }
            decided
        };
        let create = async |server: &TestServer, token: &str| {
            let call = server.call("POST", &backups_path(HA)).header("X-Auth-Token", token);
            call.json(&json!({})).send().await
        };
        server.freeze_at("2026-05-06T07:08:09Z").await;
        server.put("/_emulator/ids", &json!({"seed": 7})).await.ok();
        server.put("/_emulator/transitions/backup", &json!({"progression": "manual"})).await.ok();
        let fault =
            json!({"match": {"operation": "list_restores"}, "effect": {"status": 503, "error_code": "X"}});
        server.post("/_emulator/faults", &fault).await.ok();
        let known = server.built_in_token().await;
        assert_eq!(create(&server, &known).await.status, 200);
        let before = decided(&server).await;
        server.take_snapshot("then").await;

        server.post("/_emulator/reset", &json!({})).await.ok();
        assert_ne!(decided(&server).await, before);
        assert_eq!(create(&server, &known).await.status, 401, "a reset forgets tokens");
        // Tokens follow from the seed as well.
        server.put("/_emulator/ids", &json!({"seed": 8})).await.ok();
        let later = server.built_in_token().await;
        assert_eq!(create(&server, &later).await.status, 200);

        server.go_back("then").await.ok();
        assert_eq!(decided(&server).await, before);
        assert_eq!(create(&server, &later).await.status, 401, "it was not known then");
        let busy = create(&server, &known).await;
        assert_eq!(busy.json()["error_code"], "DCS.4096", "work that was open is open again");
        server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
        server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
        assert_eq!(create(&server, &known).await.status, 200);
        if !settings.contains(&IN_MEMORY) {
            server.restart().await;
            assert_eq!(decided(&server).await, before);
        }
    }
}

#[tokio::test]
async fn a_clock_that_runs_goes_on_from_what_it_showed() {
    let mut server = TestServer::start().await;
    let now = async |server: &TestServer| server.get("/_emulator/clock").await.ok()["now"].clone();
    server.take_snapshot("untouched").await;
    server.put("/_emulator/clock", &json!({"now": "2026-01-01T00:00:00Z", "rate": 60})).await.ok();
    server.advance_ms(1_000);
    server.take_snapshot("after-a-minute").await;
    server.advance_ms(600_000);
    server.go_back("after-a-minute").await.ok();
    assert_eq!(now(&server).await, "2026-01-01T00:01:00.000Z");
    server.advance_ms(1_000);
    server.restart().await;
    assert_eq!(now(&server).await, "2026-01-01T00:02:00.000Z");
    // One that nobody had touched shows the time of the world.
    server.go_back("untouched").await.ok();
    assert_eq!(now(&server).await, "2020-03-02T06:25:06.512Z");
}

#[tokio::test]
async fn work_is_due_again_after_the_way_back() {
    let server = TestServer::with(&[("backup.duration", "100s")]).await;
    server.freeze_at("2026-01-01T00:00:00Z").await;
    let id = server.create_backup(HA).await;
    server.take_snapshot("waiting").await;
    let end = async || {
        let answer = server.post("/_emulator/clock/advance", &json!({"duration": "200s"})).await.ok();
        let fired = each(&answer["fired"], "to");
        (fired, server.newest(HA).await)
    };
    let (fired, ended) = end().await;
    assert_eq!((&fired[..], &ended["backup_id"]), (&[json!("backuping"), json!("succeed")][..], &json!(id)));
    server.go_back("waiting").await.ok();
    assert_eq!(server.newest(HA).await["status"], "waiting");
    assert_eq!(end().await, (fired, ended));
}

/// The bodies that a state answers with, in the order of [`paths`].
async fn bodies(server: &TestServer) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for path in paths() {
        let answer = server.get(&path).await;
        answer.ok();
        bodies.push(answer.body);
    }
    bodies
}

fn paths() -> [String; 5] {
    [
        format!("{}?limit=1000", backups_path(HA)),
        format!("{}?limit=1000", Api::V2.backups(HA)),
        format!("{}?limit=1000", backups_path(SECOND_HA)),
        Api::V1.restores(HA),
        instances_path(PROJECT),
    ]
}

/// Makes a state with so many backups, at a time of its own, and takes a snapshot of it.
async fn state(server: &TestServer, name: &str, now: &str, counts: [usize; 2]) -> Vec<Vec<u8>> {
    server.post("/_emulator/reset", &json!({})).await.ok();
    server.freeze_at(now).await;
    for (instance, count) in [HA, SECOND_HA].into_iter().zip(counts) {
        for number in 0..count {
            server.create_remarked(instance, &format!("{name} {number}")).await;
        }
    }
    let backup_id = server.newest(HA).await["backup_id"].clone();
    server.restore(Api::V1, HA, &json!({ "backup_id": backup_id, "remark": name })).await;
    server.take_snapshot(name).await;
    bodies(server).await
}

/// 32 clients read and write while everything is replaced again and again.
async fn go_back_under_load(settings: &[(&str, &str)], times: usize) {
    const READERS: usize = 20;
    const WRITERS: usize = 6;
    const WATCHERS: usize = 6;
    let times_of = ["2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"];
    let clocks_ms = [1_767_225_600_000_i64, 1_798_761_600_000];
    let server = TestServer::with(&[settings, &[("http.workers", "2")]].concat()).await;
    let states =
        [state(&server, "a", times_of[0], [60, 5]).await, state(&server, "b", times_of[1], [7, 90]).await];
    let (server, states) = (&server, &states);
    let (is_over, answers) = (&Cell::new(false), &Cell::new(0));
    let reader = async |number: usize| {
        let path = number % states[0].len();
        while !is_over.get() {
            let answer = server.get(&paths()[path]).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let is_whole = states.iter().any(|bodies| bodies[path] == answer.body);
            assert!(is_whole, "neither before nor after: {}", answer.text());
            answers.set(answers.get() + 1);
        }
    };
    let writer = async |_| {
        while !is_over.get() {
            server.create_backup(RW_SPLIT).await;
            answers.set(answers.get() + 1);
        }
    };
    // What is recorded in a state is recorded at the time of that state.
    let watcher = async |_| {
        while !is_over.get() {
            let list = server.list(RW_SPLIT, "limit=1000").await;
            let mut shown = each(&list["backup_record_response"], "created_at");
            shown.dedup();
            assert!(
                shown.is_empty() || times_of.iter().any(|time| shown == [json!(time)]),
                "of two times at once: {shown:?}"
            );
            answers.set(answers.get() + 1);
        }
    };
    // Whoever reads the file with another program takes no turn.
    let person = async {
        const SEEN: &str = "SELECT json_array(max(remark LIKE 'a %'), max(remark LIKE 'b %'), \
                                              (SELECT value ->> 'shown_ms' FROM kept_settings WHERE name = 'clock')) FROM backups";
        while !is_over.get() && !settings.contains(&IN_MEMORY) {
            let seen = server.rows(SEEN).await;
            let whole = [json!([[1, 0, clocks_ms[0]]]), json!([[0, 1, clocks_ms[1]]])];
            assert!(whole.contains(&json!(seen)), "of two states at once: {seen:?}");
        }
    };
    let turner = async {
        for turn in 0..times {
            let state = turn % 2;
            let went = server.go_back(["a", "b"][state]).await;
            went.ok();
            assert_eq!(bodies(server).await, states[state], "after the answer everything is as it was");
            // It is taken while others write: of one moment.
            server.take_snapshot("under-load").await;
            server.go_back("under-load").await.ok();
            assert_eq!(bodies(server).await, states[state]);
        }
        is_over.set(true);
    };
    let readers = join_all((0..READERS).map(reader));
    let writers = join(join_all((0..WRITERS).map(writer)), join_all((0..WATCHERS).map(watcher)));
    join(join(turner, person), join(readers, writers)).await;
    assert!(answers.get() > times, "the clients were asleep");
}

#[tokio::test]
async fn under_load_every_answer_is_of_before_or_after() {
    go_back_under_load(&[], 6).await;
}

#[tokio::test]
async fn in_memory_too_every_answer_is_of_before_or_after() {
    go_back_under_load(&[IN_MEMORY], 6).await;
}

/// Breaks the file of a snapshot in a way, so that it must be refused.
pub(crate) async fn break_file(path: &PathBuf, way: &str) {
    let bytes = std::fs::read(path).expect("it can be read");
    let write = |bytes: &[u8]| std::fs::write(path, bytes).expect("it can be written");
    let execute = async |statements: &'static str| {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let opened = sqlx::SqliteConnection::connect_with(&options).await;
        let mut connection = opened.expect("it can be opened");
        sqlx::raw_sql(statements).execute(&mut connection).await.expect("the statements are right");
        connection.close().await.expect("it can be closed");
    };
    match way {
        "empty" => write(b""),
        "garbage" => write(&b"no database ".repeat(1000)),
        "cut" => write(&bytes[..bytes.len() / 2]),
        "torn" => {
            let mut bytes = bytes;
            for page in bytes.chunks_mut(4096).skip(2) {
                page[..2048].fill(0xff);
            }
            write(&bytes);
        }
        "newer" => {
            execute("INSERT INTO refinery_schema_history VALUES (999, 'later', '2099-01-01T00:00:00Z', '1')")
                .await;
        }
        "foreign" => execute("PRAGMA application_id = 7").await,
        "dangling" => execute("PRAGMA foreign_keys = OFF; DELETE FROM projects").await,
        "undecided" => execute("UPDATE kept_settings SET value = '{}' WHERE name = 'clock'").await,
        "faulty" => execute("INSERT INTO kept_settings VALUES ('faults', '{}')").await,
        _ => panic!("no such way: {way}"),
    }
}

#[tokio::test]
async fn a_snapshot_that_is_broken_is_refused_and_nothing_changes() {
    let server = TestServer::start().await;
    server.freeze_at("2026-01-01T00:00:00Z").await;
    server.create_backup(HA).await;
    for way in ["empty", "garbage", "cut", "torn", "newer", "foreign", "dangling", "undecided", "faulty"] {
        server.take_snapshot(way).await;
        break_file(&server.snapshot_path(way), way).await;
    }
    server.create_backup(HA).await;
    let before = server.everything().await;
    let listed = server.get("/_emulator/snapshots").await.ok();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 9);
    for snapshot in listed["snapshots"].as_array().unwrap() {
        let name = snapshot["name"].as_str().unwrap();
        let answer = server.go_back(name).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (409, &json!("EMU.4091")), "{name}");
        assert!(!answer.text().contains("dcs-emulator.db"), "{}", answer.text());
        assert_eq!(server.everything().await, before, "{name}");
    }
    server.create_backup(HA).await;
}

#[tokio::test]
async fn a_snapshot_with_another_schema_changes_nothing() {
    let server = TestServer::start().await;
    server.take_snapshot("other").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.snapshot_path("other"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE other (word TEXT)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    server.create_backup(HA).await;
    let before = server.everything().await;
    assert_eq!(server.go_back("other").await.status, 500);
    assert_eq!(server.everything().await, before);
    server.create_backup(HA).await;
}

#[tokio::test]
async fn a_snapshot_of_an_older_version_is_upgraded() {
    let server = TestServer::start().await;
    server.take_snapshot("new").await;
    for version in 1..=5 {
        let old = format!("{}/tests/fixtures/schema-v{version}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(format!("{old}.sqlite"), server.snapshot_path("old")).unwrap();
        let answers = std::fs::read_to_string(format!("{old}.json")).unwrap();
        let answers: BTreeMap<String, Value> = serde_json::from_str(&answers).unwrap();
        server.go_back("old").await.ok();
        let lists = answers.iter().filter(|(path, _)| path.ends_with("/backups"));
        for (path, expected) in lists {
            assert_eq!(server.get(path).await.ok(), *expected, "version {version}: {path}");
        }
        server.go_back("new").await.ok();
    }
}

#[tokio::test]
async fn snapshots_stay_after_a_restart_and_a_reset() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    let taken = server.take_snapshot("kept").await;
    let secret = std::os::unix::fs::PermissionsExt::mode(
        &server.snapshot_path("kept").metadata().unwrap().permissions(),
    );
    assert_eq!(secret & 0o077, 0, "a snapshot holds keys");
    server.restart().await;
    server.post("/_emulator/reset", &json!({})).await.ok();
    assert_eq!(server.get("/_emulator/snapshots").await.ok(), json!({"snapshots": [taken]}));
    server.go_back("kept").await.ok();
    assert_eq!(server.list(HA, "").await["total_num"], 1);
}
