//! `/_emulator/snapshots/{snapshot_name}/file`: a snapshot leaves one server as a file and comes to another (issue 12).

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::clock_ids_reset::fill_every_table;
use super::snapshots::{IN_MEMORY, break_file};
use crate::support::seed::{HA, PROJECT, backups_path, instances_path};
use crate::support::{Answer, Covered, TestServer, covered};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/snapshots/{snapshot_name}/file", everything_comes_to_another_server),
    covered("PUT", "/_emulator/snapshots/{snapshot_name}/file", everything_comes_to_another_server),
];

/// How long a test waits for what must come.
const TIMEOUT: Duration = Duration::from_secs(30);

impl TestServer {
    async fn download(&self, name: &str) -> Answer {
        self.get(&format!("/_emulator/snapshots/{name}/file")).await
    }

    async fn upload(&self, name: &str, file: Vec<u8>) -> Answer {
        self.call("PUT", &format!("/_emulator/snapshots/{name}/file")).body(file).send().await
    }

    /// Returns the names of the files beside the database that belong to snapshots.
    fn snapshot_files(&self) -> Vec<String> {
        let folder = self.snapshot_path("any");
        let files = std::fs::read_dir(folder.parent().expect("it lies in a folder"));
        let files = files.into_iter().flatten().map(|file| file.expect("it can be listed").file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().expect("a name")).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn everything_comes_to_another_server() {
    let mut server = TestServer::start().await;
    fill_every_table(&mut server).await;
    let mut before = server.everything().await;
    let taken = server.take_snapshot("full").await;
    let answer = server.download("full").await;
    assert_eq!(answer.status, 200);
    for (header, value) in [
        ("content-type", "application/vnd.sqlite3"),
        ("content-disposition", "attachment; filename=\"full.db\""),
        ("content-length", &answer.body.len().to_string()),
    ] {
        assert_eq!(answer.headers[header], value);
    }
    assert_eq!(answer.body, std::fs::read(server.snapshot_path("full")).unwrap());

    let other = TestServer::seeded("projects: []\n", &[]).await;
    let mut expected = taken.clone();
    expected["name"] = json!("brought");
    assert_eq!(other.upload("brought", answer.body.clone()).await.ok(), expected);
    assert_eq!(other.get("/_emulator/snapshots").await.ok(), json!({"snapshots": [expected]}));
    assert_eq!(other.snapshot_files(), ["brought.db"]);
    let secret = std::os::unix::fs::PermissionsExt::mode(
        &other.snapshot_path("brought").metadata().unwrap().permissions(),
    );
    assert_eq!(secret & 0o077, 0, "a snapshot holds keys");
    other.go_back("brought").await.ok();
    let mut after = other.everything().await;
    for everything in [&mut before, &mut after] {
        // When each server brought its schema up to date.
        everything.remove("refinery_schema_history");
    }
    assert_eq!(after, before);
    // In place of one that has that name.
    other.take_snapshot("brought").await;
    other.upload("brought", answer.body).await.ok();
    assert_eq!(other.get("/_emulator/snapshots/brought").await.ok(), expected);
}

#[tokio::test]
async fn what_is_in_memory_leaves_as_a_file_and_comes_as_one() {
    let [from, to] = [&[IN_MEMORY][..], &[]].map(TestServer::with);
    let (from, to) = (from.await, to.await);
    let backups = async |server: &TestServer| server.list(HA, "").await;
    from.create_backup(HA).await;
    let instances = from.get(&instances_path(PROJECT)).await.body;
    let before = backups(&from).await;
    from.take_snapshot("s").await;
    to.upload("s", from.download("s").await.body).await.ok();
    to.go_back("s").await.ok();
    assert_eq!(
        (backups(&to).await, to.get(&instances_path(PROJECT)).await.body),
        (before.clone(), instances)
    );
    // And back.
    from.post("/_emulator/reset", &json!({})).await.ok();
    assert_ne!(backups(&from).await, before);
    let brought = from.upload("again", to.download("s").await.body).await.ok();
    assert_eq!(brought["counts"]["backups"], 1);
    from.go_back("again").await.ok();
    assert_eq!(backups(&from).await, before);
}

#[tokio::test]
async fn a_database_of_a_server_that_was_stopped_is_a_snapshot_too() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    server.stop().await;
    let database = std::fs::read(server.database_path()).unwrap();
    let other = TestServer::start().await;
    let brought = other.upload("database", database).await.ok();
    assert_eq!(
        (&brought["counts"]["backups"], &brought["created_at"]),
        (&json!(1), &json!("2020-03-02T06:15:04.512Z"))
    );
    other.go_back("database").await.ok();
    assert_eq!(other.list(HA, "").await["total_num"], 1);
    assert_eq!(other.snapshot_files(), ["database.db"]);
}

#[tokio::test]
async fn a_file_of_an_older_version_is_upgraded_when_it_comes() {
    let server = TestServer::start().await;
    let current = server.take_snapshot("now").await["schema_version"].clone();
    let old =
        std::fs::read(format!("{}/tests/fixtures/schema-v3.sqlite", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let brought = server.upload("old", old).await.ok();
    assert_eq!(brought["schema_version"], current);
    server.go_back("old").await.ok();
    server.go_back("now").await.ok();
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused_and_leaves_nothing_behind() {
    let server = TestServer::start().await;
    server.take_snapshot("good").await;
    let good = std::fs::read(server.snapshot_path("good")).unwrap();
    for settings in [&[][..], &[IN_MEMORY]] {
        let to = TestServer::with(settings).await;
        let listed = to.get("/_emulator/snapshots").await.ok();
        for way in ["empty", "garbage", "cut", "newer", "foreign", "table", "view"] {
            let path = server.snapshot_path(way);
            std::fs::write(&path, &good).unwrap();
            match way {
                "table" => execute(&path, "CREATE TABLE other (word TEXT)").await,
                "view" => {
                    let endless = "DROP TABLE refinery_schema_history; CREATE VIEW refinery_schema_history AS
                        WITH RECURSIVE n (version) AS (SELECT 1 UNION ALL SELECT version + 1 FROM n)
                        SELECT version, 'x' AS name, '1' AS checksum FROM n";
                    execute(&path, endless).await;
                }
                way => break_file(&path, way).await,
            }
            let answer = to.upload("s", std::fs::read(&path).unwrap()).await;
            assert_eq!((answer.status, &answer.json()["error_code"]), (409, &json!("EMU.4091")), "{way}");
            assert!(!answer.text().contains(".tmp"), "{}", answer.text());
            assert_eq!(to.get("/_emulator/snapshots").await.ok(), listed, "{way}");
            assert_eq!(to.snapshot_files(), [""; 0], "{way}");
        }
    }
}

/// Changes the file of a snapshot.
async fn execute(path: &std::path::Path, statements: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("it can be opened");
    sqlx::raw_sql(statements).execute(&mut connection).await.expect("the statements are right");
    connection.close().await.expect("it can be closed");
}

#[tokio::test]
async fn names_tokens_numbers_and_lengths_are_looked_at_before_the_file() {
    let server = TestServer::with(&[("control.token", "hush")]).await;
    assert_eq!(server.upload("s", Vec::new()).await.status, 401);
    assert_eq!(server.download("s").await.status, 401);
    let call = |method: &str, name: &str| {
        let path = format!("/_emulator/snapshots/{name}/file");
        server.call(method, &path).header("X-Emulator-Token", "hush")
    };
    for (method, name, status, code) in [
        ("PUT", "a%20b", 400, "EMU.4000"),
        ("GET", "a%20b", 400, "EMU.4000"),
        ("GET", "none", 404, "EMU.4040"),
    ] {
        let answer = call(method, name).body(Vec::new()).send().await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (status, &json!(code)), "{method} {name}");
    }
    // Longer than any may be.
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "PUT /_emulator/snapshots/s/file HTTP/1.1\r\nHost: localhost\r\nX-Emulator-Token: hush\r\n\
                Content-Length: 4294967297\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    tokio::time::timeout(TIMEOUT, read).await.expect("it is answered").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.snapshot_files(), [""; 0]);
}

#[tokio::test]
async fn of_a_file_whose_sender_goes_away_nothing_is_left() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head =
        "PUT /_emulator/snapshots/s/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; 2_000_000]).await.unwrap();
    let until = async |has_file: bool| {
        let changed = async {
            while server.snapshot_files().is_empty() == has_file {
                server.get("/livez").await.ok();
            }
        };
        tokio::time::timeout(TIMEOUT, changed).await.expect("the file comes and goes");
    };
    until(true).await;
    drop(stream);
    until(false).await;
    assert_eq!(server.get("/_emulator/snapshots").await.ok(), json!({"snapshots": []}));
}

#[tokio::test]
async fn no_snapshot_takes_the_place_of_a_file_that_is_arriving() {
    let server = TestServer::start().await;
    server.take_snapshot("s").await;
    let file = server.download("s").await.body;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "PUT /_emulator/snapshots/brought/file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let arriving = async {
        loop {
            server.get("/livez").await.ok();
            if let Some(name) = server.snapshot_files().into_iter().find(|name| name.contains(".tmp")) {
                return name;
            }
        }
    };
    let name = tokio::time::timeout(TIMEOUT, arriving).await.expect("the file comes");
    server.take_snapshot(name.trim_start_matches('.').trim_end_matches(".tmp")).await;
    stream.write_all(&file).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    tokio::time::timeout(TIMEOUT, read).await.expect("it is answered").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_file_that_does_not_arrive_is_not_waited_for() {
    let server = TestServer::with(&[("http.body_timeout", "50ms")]).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head =
        "PUT /_emulator/snapshots/s/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    tokio::time::timeout(TIMEOUT, read).await.expect("it is answered").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.snapshot_files(), [""; 0]);
}

#[tokio::test]
async fn a_download_shows_one_snapshot_although_it_is_taken_anew_meanwhile() {
    let server = TestServer::start().await;
    for _ in 0..10 {
        server.take_snapshot("s").await;
        let (answer, _) = tokio::join!(server.download("s"), async {
            server.post(&backups_path(HA), &json!({})).await.ok();
            server.take_snapshot("s").await
        });
        assert_eq!(answer.status, 200);
        server.upload("copy", answer.body).await.ok();
        let counts: Value = server.go_back("copy").await.ok()["counts"].clone();
        assert_eq!(server.get("/_emulator/info").await.ok()["counts"], counts);
    }
}
