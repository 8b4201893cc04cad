//! Tokens: shown to their owner, kept as hashes only, good for a day of the world outside, also across restarts.

use serde_json::json;

use crate::support::identity::{DOMAIN, KEY, PASSWORD, USER, login, project, scoped, token_in, users};
use crate::support::seed::{PROJECT, UNKNOWN_PROJECT};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal};

use crate::identity::logins::assert_keystone;

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v3/auth/tokens", a_token_is_shown_as_it_was_given),
    covered("HEAD", "/v3/auth/tokens", a_token_is_shown_as_it_was_given),
];

const PATH: &str = "/v3/auth/tokens";
const DAY_MS: u64 = 86_400_000;

async fn show(server: &TestServer, method: &str, caller: &str, subject: &str) -> Answer {
    server.call(method, PATH).header("x-auth-token", caller).header("x-subject-token", subject).send().await
}

#[tokio::test]
async fn a_token_is_shown_as_it_was_given() {
    let server = TestServer::start().await;
    let login = server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(PROJECT))).await;
    let token = token_in(&login);
    let shown = show(&server, "GET", &token, &token).await;
    assert_eq!((shown.ok(), shown.header("x-subject-token")), (login.json(), Some(token.as_str())));
    let head = show(&server, "HEAD", &token, &token).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("x-subject-token"), Some(token.as_str()));
    // A key may ask as well.
    for form in Form::BOTH {
        let signed = server.signed(form, KEY, "GET", PATH, b"").header("x-subject-token", &token);
        assert_eq!(signed.send().await.ok(), login.json());
    }
    let bare = server.call("GET", &format!("{PATH}?nocatalog")).header("x-auth-token", &token);
    assert_eq!(bare.header("x-subject-token", &token).send().await.ok()["token"].get("catalog"), None);
}

#[tokio::test]
async fn a_token_begets_another_one() {
    let server = TestServer::start().await;
    let first = server.built_in_token().await;
    let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": first}}}});
    let answer = server.log_in(&scoped(body, json!({"project": {"name": "other"}}))).await;
    let second = token_in(&answer);
    assert_ne!(second, first);
    let token = answer.json()["token"].take();
    assert_eq!((&token["methods"], &token["project"]["name"]), (&json!(["token"]), &json!("other")));
    for id in ["", "x", &second[1..]] {
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": id}}}});
        assert_keystone(&server.log_in(&body).await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn a_token_of_nobody_or_of_somebody_else_is_not_found() {
    let server = TestServer::seeded(&users(), &[]).await;
    let (alice, reader) = (server.token_of("alice", PROJECT).await, server.token_of("reader", PROJECT).await);
    let mut messages = Vec::new();
    for subject in ["x", UNKNOWN_PROJECT, reader.as_str()] {
        let answer = show(&server, "GET", &alice, subject).await;
        assert_keystone(&answer, 404, "Not Found");
        messages.push(answer.text().to_owned());
        assert_eq!(show(&server, "HEAD", &alice, subject).await.status, 404);
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    for caller in ["x", UNKNOWN_PROJECT] {
        assert_keystone(&show(&server, "GET", caller, &alice).await, 401, "Unauthorized");
    }
    let nobody = server.call("GET", PATH).header("x-subject-token", &alice).send().await;
    assert_keystone(&nobody, 401, "Unauthorized");
    let no_subject = server.call("GET", PATH).header("x-auth-token", &alice).send().await;
    assert_keystone(&no_subject, 400, "Bad Request");
}

#[tokio::test]
async fn a_token_is_good_for_a_day_of_the_real_clock() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::with(&[("auth", mode)]).await;
        let token = server.built_in_token().await;
        let ask = async |api: Api| {
            server.call("GET", &api.instances(PROJECT)).header("x-auth-token", &token).send().await
        };
        // The other clock is nothing to it.
        server.advance_ms(10 * DAY_MS);
        server.advance_real_ms(DAY_MS - 1);
        ask(Api::V1).await.ok();
        show(&server, "GET", &token, &token).await.ok();
        server.advance_real_ms(1);
        for api in Api::BOTH {
            ask(api).await.assert_refused_by(api, &refusal::TOKEN_EXPIRED);
        }
        assert_keystone(&show(&server, "GET", &token, &token).await, 401, "Unauthorized");
        let fresh = server.built_in_token().await;
        assert_keystone(&show(&server, "GET", &fresh, &token).await, 404, "Not Found");
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}});
        assert_keystone(&server.log_in(&body).await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn tokens_and_passwords_survive_a_restart() {
    let mut server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let token = server.token_of("alice", PROJECT).await;
    // Without the catalogue, which names the address.
    let shown = async |server: &TestServer| {
        let mut shown = show(server, "GET", &token, &token).await.ok();
        shown["token"]["catalog"].take();
        shown
    };
    let before = shown(&server).await;
    for _ in 0..2 {
        server.restart().await;
        assert_eq!(shown(&server).await, before);
        server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", &token).send().await.ok();
        server.token_of("alice", PROJECT).await;
    }
    // A changed password in the seed changes nothing of a user that is there.
    server.write_seed(&users().replace("password-of-alice", "another"));
    server.restart().await;
    server.token_of("alice", PROJECT).await;
    assert_keystone(&server.log_in(&login("alice", "acme", "another")).await, 401, "Unauthorized");
    server.advance_real_ms(DAY_MS);
    server.restart().await;
    let late = server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", &token).send().await;
    late.assert_refused(&refusal::TOKEN_EXPIRED);
}

#[tokio::test]
async fn neither_tokens_nor_passwords_are_in_the_files() {
    let mut server = TestServer::seeded(&users(), &[]).await;
    let token = server.token_of("alice", PROJECT).await;
    let call = server.call("POST", &Api::V1.backups(crate::support::seed::HA)).header("x-auth-token", &token);
    call.json(&json!({"remark": "to be found"})).send().await.ok();
    let raw = hex::decode(&token).expect("a token is hexadecimal");
    for running in [true, false] {
        if !running {
            server.stop().await;
        }
        let database = server.database_path();
        let folder = database.parent().expect("a folder");
        let mut contents = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name() != Some(std::ffi::OsStr::new("seed.yaml")) {
                contents.extend(std::fs::read(path).unwrap());
            }
        }
        let holds = |bytes: &[u8]| contents.windows(bytes.len()).any(|window| window == bytes);
        assert!(holds(b"to be found") && holds(b"$argon2id$"), "this is where it would be");
        assert!(!holds(token.as_bytes()) && !holds(&raw), "the token is in a file");
        assert!(!holds(b"password-of-"), "a password is in a file");
    }
}
