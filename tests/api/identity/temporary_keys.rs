//! Temporary keys (networks document, sections 7.4 and 7.6): they sign with their security token, act as who asked for them, and end.

use serde_json::{Value, json};

use crate::support::identity::{
    ALICE, BOB, Carried, DOMAIN, KEY, PASSWORD, TemporaryKey, USER, login, project, scoped, token_in, users,
};
use crate::support::seed::{HA, OTHER_PROJECT, PROJECT};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Covered, REAL_START, TestServer, covered, refusal};

use crate::identity::logins::assert_keystone;

pub(crate) const COVERS: &[Covered] =
    &[covered("POST", PATH, a_temporary_key_signs_with_its_security_token_signed_or_added)];

const PATH: &str = "/v3.0/OS-CREDENTIAL/securitytokens";
/// The time at which every test begins by the emulator's clock, as signatures write it.
const START: &str = "20200302T061504Z";
const MINUTE_MS: u64 = 60_000;

/// The ways in which clients carry a security token.
const WAYS: [(Form, Carried); 4] = [
    (Form::Access, Carried::Signed),
    (Form::Access, Carried::Added),
    (Form::Credential, Carried::Signed),
    (Form::Credential, Carried::Added),
];

/// The body that asks for a key of the caller.
fn asking(token: &Value) -> Value {
    json!({"auth": {"identity": {"methods": ["token"], "token": token}}})
}

impl TestServer {
    /// Asks for a temporary key with a token; `details` says how.
    pub(crate) async fn temporary_key(&self, token: &str, details: Value) -> TemporaryKey {
        TemporaryKey::of(&self.ask_for_key(token, &details).await)
    }

    async fn ask_for_key(&self, token: &str, details: &Value) -> Answer {
        self.call("POST", PATH).header("x-auth-token", token).json(&asking(details)).send().await
    }

    /// Lists the instances of a project with a temporary key.
    async fn list_with(&self, way: (Form, Carried), key: &TemporaryKey, api: Api, project: &str) -> Answer {
        self.signed_for_a_while(REAL_START, way, key, ("GET", &api.instances(project), b"")).send().await
    }
}

#[tokio::test]
async fn a_temporary_key_signs_with_its_security_token_signed_or_added() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::seeded(&users(), &[("auth", mode)]).await;
        let token = server.token_of("alice", PROJECT).await;
        let key = server.temporary_key(&token, json!({})).await;
        let others = server.temporary_key(&token, json!({})).await;
        assert_ne!(key, others);
        for way in WAYS {
            for api in Api::BOTH {
                server.list_with(way, &key, api, PROJECT).await.ok();
                // Whoever names a known key must use it rightly, whatever the mode.
                let refused = refusal::INVALID_TOKEN;
                let bare = server.list_with((way.0, Carried::Not), &key, api, PROJECT).await;
                bare.assert_refused_by(api, &refused);
                let with_other = TemporaryKey { token: others.token.clone(), ..key.clone() };
                server.list_with(way, &with_other, api, PROJECT).await.assert_refused_by(api, &refused);
                let wrong = TemporaryKey { secret: others.secret.clone(), ..key.clone() };
                server.list_with(way, &wrong, api, PROJECT).await.assert_refused_by(api, &refused);
                // It is good where its user is.
                let elsewhere = server.list_with(way, &key, api, OTHER_PROJECT).await;
                elsewhere.assert_refused_by(api, &refusal::OTHER_PROJECT);
            }
            // What is added is not signed, and decides all the same.
            let call =
                server.signed_for_a_while(REAL_START, way, &key, ("POST", &Api::V2.backups(HA), b"{}"));
            call.send().await.ok();
            assert_eq!(server.audit().await.last().expect("an event")["who"], "user:alice");
        }
    }
}

#[tokio::test]
async fn a_key_is_asked_for_by_token_or_signature() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let alice = server.token_of("alice", PROJECT).await;
    let bob = server.token_of("bob", OTHER_PROJECT).await;
    let whose = async |key: &TemporaryKey| {
        let path = "/v3/users";
        let shown = server.signed_for_a_while(REAL_START, WAYS[0], key, ("GET", path, b"")).send().await.ok();
        shown["users"][0]["name"].clone()
    };
    let answer = server.post(PATH, &asking(&json!({"id": alice, "duration_seconds": 86_400}))).await;
    assert_eq!(whose(&TemporaryKey::of(&answer)).await, "alice");
    let credential = answer.json()["credential"].take();
    assert_eq!(credential["expires_at"], "2026-01-03T03:04:05.000000Z");
    assert_eq!(credential.as_object().map(serde_json::Map::len), Some(4));
    // The token of the head goes before that of the body.
    let both = server.ask_for_key(&bob, &json!({"id": alice})).await;
    assert_eq!(whose(&TemporaryKey::of(&both)).await, "bob");
    let usual = server.ask_for_key(&alice, &json!({})).await.json()["credential"]["expires_at"].take();
    assert_eq!(usual, "2026-01-02T03:19:05.000000Z");
    let body = asking(&json!({"duration_seconds": 3600})).to_string().into_bytes();
    for form in Form::BOTH {
        let signed = server.signed(form, ALICE, "POST", PATH, &body).send().await;
        assert_eq!(whose(&TemporaryKey::of(&signed)).await, "alice");
    }
    let wrong = server.signed(Form::Access, crate::support::identity::Key(ALICE.0, "x"), "POST", PATH, &body);
    assert_keystone(&wrong.send().await, 401, "Unauthorized");
    assert_keystone(&server.post(PATH, &asking(&json!({}))).await, 401, "Unauthorized");
    assert_keystone(&server.post(PATH, &asking(&json!({"id": "x"}))).await, 401, "Unauthorized");
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_a_bad_request_of_this_service() {
    let server = TestServer::start().await;
    let token = server.built_in_token().await;
    for (body, message) in [
        (String::new(), "Request body is invalid."),
        ("[]".to_owned(), "Request body is invalid."),
        (r#"{"auth": {"identity": {"methods": []}}}"#.to_owned(), "Request body is invalid."),
        (r#"{"auth": {"identity": {"methods": ["assume_role"]}}}"#.to_owned(), "Request body is invalid."),
        (
            asking(&json!({"duration_seconds": 899})).to_string(),
            "Invalid duration_seconds parameter in the request.",
        ),
        (
            asking(&json!({"duration_seconds": 86_401})).to_string(),
            "Invalid duration_seconds parameter in the request.",
        ),
    ] {
        let answer = server.call("POST", PATH).header("x-auth-token", &token).body(body).send().await;
        let expected = json!({"error_code": "IAM.0011", "error_msg": message});
        assert_eq!((answer.status, answer.json()), (400, expected));
    }
    for least_and_most in [900, 86_400] {
        server.temporary_key(&token, json!({"duration_seconds": least_and_most})).await;
    }
}

#[tokio::test]
async fn keys_and_tokens_end_by_the_clock_that_the_settings_name() {
    for (clock, date) in [("real", REAL_START), ("emulator", START)] {
        for mode in ["lenient", "strict"] {
            let server = TestServer::with(&[("auth", mode), ("auth_clock", clock)]).await;
            let advance = |millis| {
                if clock == "real" { server.advance_real_ms(millis) } else { server.advance_ms(millis) }
            };
            let token = server.built_in_token().await;
            let key = server.temporary_key(&token, json!({})).await;
            let list = Api::V2.instances(PROJECT);
            let ask =
                async |way| server.signed_for_a_while(date, way, &key, ("GET", &list, b"")).send().await;
            // The other clock is nothing to them.
            if clock == "real" {
                server.advance_ms(86_400_000);
            } else {
                server.advance_real_ms(86_400_000);
            }
            advance(15 * MINUTE_MS - 1);
            ask(WAYS[0]).await.ok();
            advance(1);
            for way in WAYS {
                ask(way).await.assert_refused_by(Api::V2, &refusal::TOKEN_EXPIRED);
            }
            // A signature is as old, and may not be older.
            server.signed_at(date, Form::Access, KEY, "GET", &list, b"").send().await.ok();
            advance(1_000);
            let late = server.signed_at(date, Form::Access, KEY, "GET", &list, b"").send().await;
            late.assert_refused_by(Api::V2, &refusal::INVALID_TOKEN);
            // What has ended is known still, also when others are given out.
            server.built_in_token().await;
            let get = server.call("GET", &list).header("x-auth-token", &token);
            get.send().await.ok();
            advance(24 * 60 * MINUTE_MS);
            let get = server.call("GET", &list).header("x-auth-token", &token);
            get.send().await.assert_refused_by(Api::V2, &refusal::TOKEN_EXPIRED);
        }
    }
}

#[tokio::test]
async fn what_is_given_for_a_token_or_a_key_ends_with_it() {
    let server = TestServer::with(&[("auth", "strict")]).await;
    let token = server.built_in_token().await;
    server.advance_real_ms(24 * 60 * MINUTE_MS - 20 * MINUTE_MS);
    let answer = server.ask_for_key(&token, &json!({"duration_seconds": 86_400})).await;
    assert_eq!(answer.json()["credential"]["expires_at"], "2026-01-03T03:04:05.000000Z");
    let key = TemporaryKey::of(&answer);
    let body = asking(&json!({"duration_seconds": 86_400})).to_string().into_bytes();
    let again = server.signed_for_a_while("20260103T024405Z", WAYS[0], &key, ("POST", PATH, &body));
    assert_eq!(again.send().await.json()["credential"]["expires_at"], "2026-01-03T03:04:05.000000Z");
}

#[tokio::test]
async fn a_key_goes_with_its_user_and_with_a_reset_and_comes_back_with_a_snapshot() {
    let mut server = TestServer::with(&[("auth", "strict")]).await;
    let token = server.built_in_token().await;
    let key = server.temporary_key(&token, json!({"duration_seconds": 3600})).await;
    server.restart().await;
    server.list_with(WAYS[1], &key, Api::V1, PROJECT).await.ok();
    server.take_snapshot("before").await;
    for gone in ["seed", "reset"] {
        if gone == "seed" {
            // The built-in user is there only while no seed has users.
            server.seed("users: [{name: only, password: p}]", "").await.ok();
        } else {
            server.post("/_emulator/reset", &json!({})).await.ok();
        }
        let answer = server.list_with(WAYS[1], &key, Api::V1, PROJECT).await;
        answer.assert_refused(&refusal::INVALID_TOKEN);
        let by_token = server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", &token);
        by_token.send().await.assert_refused(&refusal::INVALID_TOKEN);
        server.go_back("before").await.ok();
        server.list_with(WAYS[1], &key, Api::V1, PROJECT).await.ok();
    }
}

#[tokio::test]
async fn nothing_of_a_key_is_in_the_journal_the_audit_an_export_or_in_clear_in_the_files() {
    let server = TestServer::seeded(&users(), &[]).await;
    let token = server.token_of("alice", PROJECT).await;
    let key = server.temporary_key(&token, json!({})).await;
    for way in WAYS {
        let create = Api::V1.backups(HA);
        server.signed_for_a_while(REAL_START, way, &key, ("POST", &create, b"{}")).send().await.ok();
    }
    let wrong = TemporaryKey { token: format!("{}0", key.token), ..key.clone() };
    server.list_with(WAYS[0], &wrong, Api::V1, PROJECT).await.assert_refused(&refusal::INVALID_TOKEN);
    let audit = json!(server.rows("SELECT json_array(who, remark) FROM audit").await).to_string();
    let journal = server.get("/_emulator/requests").await.text().to_owned();
    assert!(audit.contains("user:alice") && journal.contains("create_temporary_key"), "{audit} {journal}");
    let config = server.get("/_emulator/config").await.text().to_owned();
    for text in [&audit, &journal, &server.export().await, &config] {
        for secret in [&key.access, &key.secret, &key.token, &token] {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
    let database = server.database_path();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(database.parent().expect("a folder")).expect("it can be read") {
        files.extend(std::fs::read(entry.expect("an entry").path()).expect("a file"));
    }
    let holds = |text: &str| files.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&key.access), "this is where it would be");
    assert!(!holds(&key.token), "the security token is in a file");
    assert!(!holds(&token), "the token is in a file");
}

#[tokio::test]
async fn a_token_of_the_domain_is_had_for_one_of_a_project_and_back() {
    let server = TestServer::start().await;
    let first = server.built_in_token().await;
    let by = |token: &str| json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}});
    let domain = server.log_in(&scoped(by(&first), json!({"domain": {"name": DOMAIN}}))).await;
    assert_eq!(domain.json()["token"]["domain"]["name"], DOMAIN);
    assert_eq!(domain.json()["token"].get("project"), None);
    let path = "/v3/auth/tokens?nocatalog";
    let back = server.post(path, &scoped(by(&token_in(&domain)), project(OTHER_PROJECT))).await;
    assert_eq!(back.json()["token"]["project"]["id"], OTHER_PROJECT);
    assert_eq!(back.json()["token"].get("catalog"), None);
    server
        .call("GET", &Api::V2.instances(OTHER_PROJECT))
        .header("x-auth-token", &token_in(&back))
        .send()
        .await
        .ok();
    // A key of a domain token acts as its user, as any other.
    let key = server.temporary_key(&token_in(&domain), json!({})).await;
    server.list_with(WAYS[0], &key, Api::V2, PROJECT).await.ok();
    let bobs = TestServer::seeded(&users(), &[]).await;
    let signed = bobs.signed(Form::Access, BOB, "POST", PATH, asking(&json!({})).to_string().as_bytes());
    let key = TemporaryKey::of(&signed.send().await);
    bobs.list_with(WAYS[0], &key, Api::V2, PROJECT).await.assert_refused_by(Api::V2, &refusal::OTHER_PROJECT);
    token_in(&server.log_in(&login(USER, DOMAIN, PASSWORD)).await);
}
