//! The gateway in front of the cloud (networks document, section 10): in strict, where a setting says that there is one.

use serde_json::{Value, json};

use crate::support::identity::{ALICE, BOB, Key, users};
use crate::support::seed::{OTHER_PROJECT, PROJECT};
use crate::support::signer::Form;
use crate::support::{Answer, Api, TestServer, refusal};

use crate::identity::logins::assert_keystone;

async fn gateway(mode: &str) -> TestServer {
    TestServer::seeded(&users(), &[("auth", mode), ("auth_gateway", "true")]).await
}

/// Makes sure that the gateway says this, and nothing else.
#[track_caller]
fn assert_gateway(answer: &Answer, status: u16, code: &str, message: &str) {
    let expected = json!({"error_msg": message, "error_code": code, "request_id": answer.request_id()});
    assert_eq!((answer.status, answer.json()), (status, expected));
    assert_eq!(answer.header("server"), Some("api-gateway"));
}

#[tokio::test]
async fn credentials_are_refused_in_its_words() {
    let server = gateway("strict").await;
    let assert_said = |answer: Answer, detail: &str| {
        let text = format!("Incorrect IAM authentication information: {detail}");
        assert_gateway(&answer, 401, "APIGW.0301", &text);
    };
    let token = server.token_of("alice", PROJECT).await;
    for api in Api::BOTH {
        let path = api.instances(PROJECT);
        assert_said(server.get(&path).await, "Unauthorized");
        let unknown = server.call("GET", &path).header("x-auth-token", "x").send().await;
        assert_said(unknown, "decrypt token fail");
        for form in Form::BOTH {
            let signed = async |key: Key| server.signed(form, key, "GET", &path, b"").send().await;
            assert_said(signed(Key("NOBODY", "x")).await, "ak NOBODY not exist");
            assert_said(signed(Key(ALICE.0, "x")).await, "verify aksk signature fail");
            let old = server.signed_at("20260102T024904Z", form, ALICE, "GET", &path, b"").send().await;
            assert_eq!((old.status, &old.json()["error_code"]), (401, &json!("APIGW.0301")));
            signed(ALICE).await.ok();
        }
        // What lies behind it has its own words.
        let elsewhere = server.signed(Form::Access, BOB, "GET", &path, b"").send().await;
        elsewhere.assert_refused_by(api, &refusal::OTHER_PROJECT);
        let of_token = server.call("GET", &api.instances(OTHER_PROJECT)).header("x-auth-token", &token);
        of_token.send().await.assert_refused_by(api, &refusal::OTHER_PROJECT);
    }
    let long = "A".repeat(200);
    let header =
        format!("SDK-HMAC-SHA256 Access={long}, SignedHeaders=x-sdk-date, Signature={}", "0".repeat(64));
    let answer =
        server.call("GET", &Api::V1.instances(PROJECT)).header("authorization", &header).send().await;
    assert_said(answer, &format!("ak {} not exist", "A".repeat(64)));
    server.advance_real_ms(86_400_000);
    let expired = server.call("GET", &Api::V1.instances(PROJECT)).header("x-auth-token", &token).send().await;
    assert_said(expired, "Unauthorized");
    let journal = server.get("/_emulator/requests").await.ok();
    let last: &Value = journal["requests"].as_array().and_then(|calls| calls.last()).expect("a call");
    assert_eq!(last["error_code"], "APIGW.0301");
}

#[tokio::test]
async fn identity_looks_at_tokens_itself_and_leaves_signatures_to_it() {
    let server = gateway("strict").await;
    let wrong = server.signed(Form::Credential, Key(ALICE.0, "x"), "GET", "/v3/projects", b"").send().await;
    let text = "Incorrect IAM authentication information: verify aksk signature fail";
    assert_gateway(&wrong, 401, "APIGW.0301", text);
    let token = server.call("GET", "/v3/projects").header("x-auth-token", "x").send().await;
    assert_keystone(&token, 401, "Unauthorized");
    assert_keystone(&server.get("/v3/nothing").await, 404, "Not Found");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_published() {
    let text = "The API does not exist or has not been published in the environment";
    let server = gateway("strict").await;
    for path in ["/v1.0/nothing", "/v2/nothing/at/all", "/nothing"] {
        assert_gateway(&server.get(path).await, 404, "APIGW.0101", text);
    }
    let put = server.call("PUT", &Api::V2.instances(PROJECT)).send().await;
    assert_gateway(&put, 404, "APIGW.0101", text);
    // The control API is none of the cloud.
    server.get("/_emulator/nothing").await.assert_refused(&refusal::UNKNOWN_ROUTE);
}

#[tokio::test]
async fn there_is_none_unless_only_good_credentials_are_let_in_and_it_is_asked_for() {
    let lenient = gateway("lenient").await;
    let path = Api::V2.instances(PROJECT);
    let wrong = lenient.signed(Form::Access, Key(ALICE.0, "x"), "GET", &path, b"").send().await;
    wrong.assert_refused_by(Api::V2, &refusal::INVALID_TOKEN);
    lenient.get("/nothing").await.assert_refused(&refusal::UNKNOWN_ROUTE);
    let strict = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    strict.get(&path).await.assert_refused_by(Api::V2, &refusal::NO_TOKEN);
    assert_eq!(strict.get(&path).await.header("server"), None);
}
