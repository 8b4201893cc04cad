//! The web CLI of instances (wire contract of the operations of v2, section 5).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, SECOND_HA, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, each, is_lower_hex, refusal, text};

const AUTH: &str = "/v2/{project_id}/instances/{instance_id}/webcli/auth";
const COMMAND: &str = "/v2/{project_id}/instances/{instance_id}/webcli/command";
const LOGOUT: &str = "/v2/{project_id}/instances/{instance_id}/webcli/logout";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", AUTH, a_login_lives_for_five_minutes_after_its_last_command),
    covered("POST", COMMAND, a_login_lives_for_five_minutes_after_its_last_command),
    covered("POST", LOGOUT, a_login_lives_for_five_minutes_after_its_last_command),
];

const WRONG: Refusal = refusal::other("DCS.4080", "Instance password verify failed.");
const NO_CLIENT: Refusal = refusal::invalid_parameter("client_id");
const FIRST: &str = "Secret-12";
const SECOND: &str = "Secret-34";

async fn auth(server: &TestServer, instance: &str, body: Value) -> Answer {
    server.post(&format!("{}/webcli/auth", Api::V2.instance(instance)), &body).await
}

/// Logs in and returns what the client shows from then on.
async fn client(server: &TestServer, body: Value) -> String {
    text(&auth(server, HA, body).await.ok()["client_id"])
}

async fn command(server: &TestServer, client: &str, command: &str) -> Answer {
    let body = json!({"client_id": client, "command": command});
    server.post(&format!("{}/webcli/command", Api::V2.instance(HA)), &body).await
}

async fn logout(server: &TestServer, instance: &str, client: &str) -> Answer {
    server.post(&format!("{}/webcli/logout", Api::V2.instance(instance)), &json!({"client_id": client})).await
}

async fn set_password(server: &TestServer, body: Value) {
    server.post(&format!("{}/password/reset", Api::V2.instance(HA)), &body).await.ok();
}

async fn hold(server: &TestServer, keys: Value) {
    server.put(&format!("/_emulator/instances/{HA}/contents"), &json!({ "keys": keys })).await.ok();
}

async fn held(server: &TestServer) -> Vec<Value> {
    let contents = server.get(&format!("/_emulator/instances/{HA}/contents")).await.ok();
    each(&contents["keys"], "name")
}

/// Makes sure that commands answer so.
async fn assert_answers(server: &TestServer, client: &str, answers: &[(&str, &str)]) {
    for (line, expected) in answers {
        let answer = command(server, client, line).await.ok();
        assert_eq!(answer, json!({ "response": expected }), "{line}");
    }
}

#[tokio::test]
async fn a_login_lives_for_five_minutes_after_its_last_command() {
    let mut server = TestServer::start().await;
    let opened = auth(&server, HA, json!({})).await.ok();
    let first = text(&opened["client_id"]);
    assert_eq!(opened, json!({"client_id": first, "databases": 256}));
    assert!(first.len() == 48 && is_lower_hex(&first), "{first}");
    let second = client(&server, json!({"password": "any"})).await;
    assert_ne!(first, second);
    assert_eq!(auth(&server, CLUSTER, json!({})).await.ok()["databases"], 1);
    for _ in 0..2 {
        server.advance_ms(299_999);
        assert_answers(&server, &first, &[("ping", "PONG")]).await;
        server.restart().await;
    }
    command(&server, &second, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    server.advance_ms(300_000);
    command(&server, &first, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    let third = client(&server, json!({})).await;
    assert_eq!(server.count("web_cli_logins").await, 1, "what is over was forgotten");
    // It is a login of the one instance only.
    let body = json!({"client_id": third, "command": "ping"});
    let elsewhere = server.post(&format!("{}/webcli/command", Api::V2.instance(SECOND_HA)), &body).await;
    elsewhere.assert_refused_by(Api::V2, &NO_CLIENT);
    logout(&server, SECOND_HA, &third).await.assert_no_content();
    assert_answers(&server, &third, &[("ping", "PONG")]).await;
    for _ in 0..2 {
        logout(&server, HA, &third).await.assert_no_content();
    }
    command(&server, &third, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
}

#[tokio::test]
async fn who_logs_in_needs_the_password_while_there_is_one() {
    let server = TestServer::start().await;
    set_password(&server, json!({"new_password": FIRST, "no_password_access": false})).await;
    for body in [json!({}), json!({"password": ""}), json!({"password": SECOND})] {
        auth(&server, HA, body).await.assert_refused_by(Api::V2, &WRONG);
    }
    let first = client(&server, json!({"password": FIRST})).await;
    let named = client(&server, json!({"password": format!("default:{FIRST}")})).await;
    assert_answers(&server, &named, &[("ping", "PONG")]).await;
    set_password(&server, json!({"new_password": SECOND, "no_password_access": false})).await;
    for client in [&first, &named] {
        command(&server, client, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    }
    auth(&server, HA, json!({"password": FIRST})).await.assert_refused_by(Api::V2, &WRONG);
    let second = client(&server, json!({"password": SECOND})).await;
    set_password(&server, json!({"no_password_access": true})).await;
    command(&server, &second, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    client(&server, json!({})).await;
    let found = server.rows("SELECT json_quote(hex(client_hash)) FROM web_cli_logins").await;
    assert!(!found[0].to_string().to_lowercase().contains(&second));
}

#[tokio::test]
async fn an_account_may_do_what_its_role_says() {
    let server = TestServer::start().await;
    set_password(&server, json!({"new_password": FIRST, "no_password_access": false})).await;
    hold(&server, json!([{"name": "a"}, {"name": "b"}])).await;
    let accounts = format!("{}/accounts", Api::V2.instance(HA));
    let order = json!({"account_name": "rouser", "account_role": "read", "account_password": SECOND});
    server.post(&accounts, &order).await.ok();
    let id = text(&server.get(&accounts).await.ok()["accounts"][1]["account_id"]);
    for password in [SECOND, "rouser:Secret-12", "nobody:Secret-34"] {
        auth(&server, HA, json!({ "password": password })).await.assert_refused_by(Api::V2, &WRONG);
    }
    let reader = client(&server, json!({"password": "rouser:Secret-34"})).await;
    let noperm = "NOPERM this user has no permissions to run the 'del' command or its subcommand";
    assert_answers(&server, &reader, &[("keys *", "a\r\nb"), ("del a", noperm), ("dbsize", "2")]).await;
    server.put(&format!("{accounts}/{id}/role"), &json!({"account_role": "write"})).await.ok();
    assert_answers(&server, &reader, &[("del a", "1"), ("dbsize", "1")]).await;
    // The password of the instance is another one's.
    set_password(&server, json!({"new_password": "Secret-56", "no_password_access": false})).await;
    assert_answers(&server, &reader, &[("ping", "PONG")]).await;
    server.put(&format!("{accounts}/{id}/password/reset"), &json!({"new_password": "Secret-78"})).await.ok();
    command(&server, &reader, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    let reader = client(&server, json!({"password": "rouser:Secret-78"})).await;
    server.delete(&format!("{accounts}/{id}")).await.ok();
    command(&server, &reader, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    let gone = auth(&server, HA, json!({"password": "rouser:Secret-78"})).await;
    gone.assert_refused_by(Api::V2, &WRONG);
}

#[tokio::test]
async fn commands_read_what_the_instance_holds() {
    let server = TestServer::start().await;
    hold(
        &server,
        json!([
            {"name": "user:1", "size": 12}, {"name": "user:2", "size": 7, "ttl": 100}, {"name": "over", "expired": true},
            {"name": "list", "type": "list", "elements": 3}, {"name": "a b", "type": "hash", "elements": 2},
            {"name": "elsewhere", "db": 1},
        ]),
    )
    .await;
    let client = client(&server, json!({})).await;
    server.advance_ms(40_400);
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_answers(
        &server,
        &client,
        &[
            ("PING", "PONG"),
            ("ping 'hello there'", "hello there"),
            ("echo x", "x"),
            ("scan 0", "user:1\r\nuser:2\r\nlist\r\na b"),
            ("scan 0 match user:* count 1", "user:1\r\nuser:2"),
            ("SCAN 0 TYPE hash", "a b"),
            ("scan x", "ERR invalid cursor"),
            ("scan 0 match", "ERR syntax error"),
            ("scan 0 count none", "ERR value is not an integer or out of range"),
            ("keys *", "user:1\r\nuser:2\r\nlist\r\na b"),
            ("keys user:[2-9]", "user:2"),
            ("keys nothing", ""),
            ("dbsize", "4"),
            ("exists user:1 over list none", "2"),
            ("type \"a b\"", "hash"),
            ("type over", "none"),
            ("ttl user:1", "-1"),
            ("ttl user:2", "60"),
            ("pttl user:2", "59600"),
            ("ttl over", "-2"),
            ("strlen user:1", "12"),
            ("strlen none", "0"),
            ("strlen list", wrong_type),
            ("llen list", "3"),
            ("hlen 'a b'", "2"),
            ("scard list", wrong_type),
            ("zcard none", "0"),
            ("get user:1", "nil"),
            ("get none", "nil"),
            ("get list", wrong_type),
            ("get", "ERR wrong number of arguments for 'get' command"),
            ("get 'a", "Invalid argument(s)"),
            ("Set a 1", "ERR unknown command 'Set'"),
        ],
    )
    .await;
    let info = text(&command(&server, &client, "info").await.ok()["response"]);
    for line in
        ["redis_version:5.0", "tcp_port:6379", "role:master", "db0:keys=4,expires=1,avg_ttl=0", "db1:keys=1,"]
    {
        assert!(info.split("\r\n").any(|one| one.starts_with(line)), "{line} in {info}");
    }
    let path = format!("{}/webcli/command", Api::V2.instance(HA));
    for database in [json!(1), json!("1")] {
        let body = json!({"client_id": client, "command": "keys *", "database": database});
        assert_eq!(server.post(&path, &body).await.ok()["response"], "elsewhere");
    }
    for database in [json!(256), json!(-1), json!("x")] {
        let body = json!({"client_id": client, "command": "keys *", "database": database});
        let answer = server.post(&path, &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("database"));
        let body = json!({"client_id": "nobody", "command": "keys *", "database": database});
        let answer = server.post(&path, &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("database"));
    }
    for line in ["", "  ", &"x".repeat(4097)] {
        let refused = command(&server, &client, line).await;
        refused.assert_refused_by(Api::V2, &refusal::invalid_parameter("command"));
    }
    let missing = server.post(&path, &json!({"command": "ping"})).await;
    missing.assert_refused_by(Api::V2, &NO_CLIENT);
}

#[tokio::test]
async fn commands_drop_what_the_instance_holds() {
    let mut server = TestServer::start().await;
    let keys =
        json!([{"name": "a"}, {"name": "b"}, {"name": "over", "expired": true}, {"name": "a", "db": 1}]);
    hold(&server, keys.clone()).await;
    let client = client(&server, json!({})).await;
    assert_answers(&server, &client, &[("del a over none", "1"), ("dbsize", "1")]).await;
    server.restart().await;
    assert_eq!(held(&server).await, ["b", "a"]);
    assert_answers(&server, &client, &[("flushdb", "OK")]).await;
    assert_eq!(held(&server).await, ["a"]);
    hold(&server, keys).await;
    assert_answers(&server, &client, &[("FLUSHALL never", "ERR syntax error"), ("FLUSHALL async", "OK")])
        .await;
    assert_eq!(held(&server).await, Vec::<Value>::new());
    let notes = server
        .rows("SELECT json_quote(remark) FROM events WHERE remark LIKE 'contents changed%' ORDER BY number")
        .await;
    assert_eq!(
        notes,
        ["contents changed by del", "contents changed by flushdb", "contents changed by flushall"]
    );
}

#[tokio::test]
async fn a_renamed_command_has_its_new_name_only() {
    let server = TestServer::start().await;
    hold(&server, json!([{"name": "a"}])).await;
    let client = client(&server, json!({})).await;
    let names = json!({"rename_commands": {"keys": "List", "flushall": "keys"}});
    server.put(&Api::V2.instance(HA), &names).await.assert_no_content();
    assert_answers(
        &server,
        &client,
        &[("LIST *", "a"), ("flushall", "ERR unknown command 'flushall'"), ("keys", "OK"), ("list *", "")],
    )
    .await;
}

#[tokio::test]
async fn only_newer_engines_that_run_have_a_web_cli() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    let stopped = BY_STATUS.map(|(_, instance)| instance);
    for instance in [OLD_REDIS, MEMCACHED].into_iter().chain(stopped) {
        auth(&server, instance, json!({})).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
        let body = json!({"client_id": "x", "command": "ping"});
        let path = format!("{}/webcli/command", Api::V2.instance(instance));
        server.post(&path, &body).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
        logout(&server, instance, "x").await.assert_no_content();
    }
    for instance in [OTHERS_HA, UNKNOWN_INSTANCE] {
        auth(&server, instance, json!({})).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
        logout(&server, instance, "x").await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    // A backup is no obstacle.
    server.create_backup(HA).await;
    let client = client(&server, json!({})).await;
    assert_answers(&server, &client, &[("ping", "PONG")]).await;
    server.advance_ms(5_000);
    server.delete(&Api::V2.instance(HA)).await.assert_no_content();
    command(&server, &client, "ping").await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    let none = server.post(&format!("{}/webcli/logout", Api::V2.instance(SECOND_HA)), &json!({})).await;
    none.assert_refused_by(Api::V2, &NO_CLIENT);
    assert_eq!(server.get(&Api::V2.instances(PROJECT)).await.status, 200);
}

#[tokio::test]
async fn of_too_many_logins_the_oldest_go() {
    let server = TestServer::start().await;
    let first = client(&server, json!({})).await;
    server.advance_ms(1);
    let second = client(&server, json!({})).await;
    server.advance_ms(1);
    for _ in 0..99 {
        client(&server, json!({})).await;
    }
    command(&server, &first, "ping").await.assert_refused_by(Api::V2, &NO_CLIENT);
    assert_answers(&server, &second, &[("ping", "PONG")]).await;
    assert_eq!(server.count("web_cli_logins").await, 100);
}
