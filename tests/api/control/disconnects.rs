//! A caller that goes away in the middle of a change: what the emulator remembers is what it keeps all the same.

use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use sqlx::Connection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::TestServer;
use crate::support::seed::{HA, PROJECT, backups_path};

use crate::backups::policies::auto;

/// How long a test waits for what must come.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After so many answers of its one worker the server has seen what came before.
const ANSWERS: usize = 20;

const KEPT: &str = "SELECT json_array(name, value) FROM kept_settings ORDER BY name";

impl TestServer {
    /// Makes a request whose connection is cut while the change waits to be stored.
    async fn ask_and_go_away(&self, method: &str, path: &str, body: &Value) {
        let mut database = self.database_for_writing().await;
        let lock = database.begin_with("BEGIN IMMEDIATE").await.expect("nobody else writes");
        let mut stream = TcpStream::connect(self.address()).await.expect("the server accepts connections");
        let body = body.to_string();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("the server reads");
        self.answer_others().await;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it is a socket");
        drop(stream);
        self.answer_others().await;
        lock.rollback().await.expect("it was held");
    }

    async fn answer_others(&self) {
        for _ in 0..ANSWERS {
            self.get("/livez").await.ok();
        }
    }

    /// Returns what tests have decided, as the server remembers it.
    async fn remembered(&self) -> Vec<Value> {
        let mut remembered = Vec::new();
        for path in ["clock", "ids", "transitions/backup", "transitions/instance", "faults"] {
            remembered.push(self.get(&format!("/_emulator/{path}")).await.ok());
        }
        remembered
    }

    async fn until_it_keeps_otherwise(&self, before: &[Value]) {
        let changed = async { while self.rows(KEPT).await == before {} };
        tokio::time::timeout(TIMEOUT, changed).await.expect("the change is carried out");
        self.answer_others().await;
    }
}

#[tokio::test]
async fn what_is_remembered_follows_what_is_kept_although_nobody_waits_for_it() {
    let mut server = TestServer::start().await;
    let clock = json!({"now": "2030-01-02T03:04:05.000Z", "frozen": true});
    server.put("/_emulator/clock", &clock).await.ok();
    server.put("/_emulator/ids", &json!({"seed": 7})).await.ok();
    let fault = json!({"match": {"project_id": PROJECT}, "effect": {"latency": "1ms"}});
    let settings = json!({"settings": {
        "clock": {"now": "2031-01-02T03:04:05.000Z", "frozen": true}, "ids": {"seed": 9},
        "faults": [{"id": "seeded", "effect": {"latency": "1ms"}}],
    }});
    for (method, path, body) in [
        ("POST", "/_emulator/faults", fault),
        ("PUT", "/_emulator/ids", json!({"seed": 8})),
        ("PUT", "/_emulator/clock", json!({"now": "2030-02-03T04:05:06.000Z"})),
        ("POST", "/_emulator/clock/advance", json!({"duration": "1h"})),
        ("PUT", "/_emulator/transitions/backup", json!({"progression": "manual", "instance_id": HA})),
        ("DELETE", &*format!("/_emulator/transitions/backup?instance_id={HA}"), json!({})),
        ("POST", "/_emulator/seed?overwrite=true", settings),
        ("DELETE", "/_emulator/faults", json!({})),
        ("POST", "/_emulator/reset", json!({})),
    ] {
        let (before, kept_before) = (server.remembered().await, server.rows(KEPT).await);
        server.ask_and_go_away(method, path, &body).await;
        server.until_it_keeps_otherwise(&kept_before).await;
        let after = server.remembered().await;
        assert_ne!(after, before, "{method} {path}");
        server.restart().await;
        assert_eq!(server.remembered().await, after, "{method} {path}");
    }
}

#[tokio::test]
async fn a_fault_is_used_up_once_that_is_kept_and_by_no_more_calls_than_it_says() {
    let mut server = TestServer::start().await;
    let fault = json!({"times": 2, "effect": {"status": 503}});
    let mut expected = server.post("/_emulator/faults", &fault).await.ok();
    let path = backups_path(HA);
    let faults = "/_emulator/faults";
    let mut database = server.database_for_writing().await;
    let lock = database.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (hit, ()) = tokio::join!(server.get(&path), async {
        for _ in 0..ANSWERS {
            assert_eq!(server.get(faults).await.ok()["faults"], json!([expected]));
        }
        lock.rollback().await.unwrap();
    });
    assert_eq!(hit.status, 503);
    (expected["times"], expected["hits"]) = (json!(1), json!(1));
    assert_eq!(server.get(faults).await.ok()["faults"], json!([expected]));
    // Whoever goes away has used it up as well.
    server.ask_and_go_away("GET", &path, &json!({})).await;
    let used_up = async { while server.get(faults).await.ok() != json!({"faults": []}) {} };
    tokio::time::timeout(TIMEOUT, used_up).await.expect("it is used up");
    server.restart().await;
    assert_eq!(server.get(faults).await.ok(), json!({"faults": []}));
    server.get(&path).await.ok();
}

#[tokio::test]
async fn what_comes_due_uses_up_a_fault_while_somebody_waits_to_change_the_faults() {
    let server = TestServer::start().await;
    server.set_policy(HA, auto(&[1, 2, 3, 4, 5, 6, 7], "08:00-09:00", "+0000", 7)).await;
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    let fault =
        json!({"match": {"operation": "scheduled_backup"}, "times": 1, "effect": {"outcome": outcome}});
    server.post("/_emulator/faults", &fault).await.ok();
    let mut database = server.database_for_writing().await;
    let lock = database.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (day, empty) = (json!({"duration": "1day"}), json!({}));
    let both = async {
        // The reset comes second, and waits for the first.
        tokio::join!(server.post("/_emulator/clock/advance", &day), async {
            server.answer_others().await;
            server.post("/_emulator/reset", &empty).await
        })
    };
    let unlocked = async {
        server.answer_others().await;
        server.answer_others().await;
        lock.rollback().await.unwrap();
    };
    let both = async { tokio::join!(both, unlocked).0 };
    let (advanced, reset) = tokio::time::timeout(TIMEOUT, both).await.expect("both are done");
    assert_eq!(advanced.ok()["fired"][0]["to"], "failed", "{advanced:?}");
    reset.ok();
    assert_eq!(server.get("/_emulator/faults").await.ok(), json!({"faults": []}));
}

#[tokio::test]
async fn of_many_calls_at_once_a_fault_hits_as_many_as_it_says() {
    let server = TestServer::with(&[("http.workers", "0")]).await;
    let path = backups_path(HA);
    server.post("/_emulator/faults", &json!({"times": 7, "effect": {"status": 503}})).await.ok();
    let answers = futures_util::future::join_all((0..40).map(|_| server.get(&path))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 503).count(), 7);
    assert_eq!(server.get("/_emulator/faults").await.ok(), json!({"faults": []}));
}
