//! Signed requests: both forms over the request as it came, in time, with the right key (clients and identity document,
//! section 8; `decisions` nos. 24 and 26).

use serde_json::json;

use crate::support::identity::{KEY, Key, users};
use crate::support::seed::{HA, PROJECT};
use crate::support::signer::{Form, ToSign};
use crate::support::{Answer, Api, Refusal, TestServer, refusal};

async fn strict() -> TestServer {
    TestServer::with(&[("auth", "strict")]).await
}

#[tokio::test]
async fn both_forms_are_verified_over_method_path_query_and_body() {
    let server = strict().await;
    for api in Api::BOTH {
        for form in Form::BOTH {
            for path in [
                api.instances(PROJECT),
                format!("{}?limit=10", api.instances(PROJECT)),
                format!("{}?name=dcs%20emu&limit=10", api.instances(PROJECT)),
                format!("{}?name=dcs+emu&limit=10", api.instances(PROJECT)),
                format!("{}?status=&limit=10&name=", api.instances(PROJECT)),
                format!("{}?limit", api.instances(PROJECT)),
                format!("{}?name=%E5%A4%87&ip=10.0.0.1", api.instances(PROJECT)),
            ] {
                server.signed(form, KEY, "GET", &path, b"").send().await.ok();
            }
            let create = api.backups(HA);
            server.signed(form, KEY, "POST", &create, br#"{"remark": "nightly"}"#).send().await.ok();
            server.signed(form, KEY, "POST", &create, b"").send().await.ok();
            server.signed(form, KEY, "POST", &format!("{create}?a=b%20c"), b"").send().await.ok();
        }
    }
}

/// Sends a request that differs from the one that was signed.
async fn differing(
    server: &TestServer,
    form: Form,
    signed: (&str, &str, &[u8]),
    sent: (&str, &str, &[u8]),
) -> Answer {
    let host = server.address().to_string();
    let headers = [("host", host.as_str()), ("x-sdk-date", "20260102T030405Z")];
    let (method, path_and_query, body) = signed;
    let authorization = form.sign(KEY.0, KEY.1, &ToSign { method, path_and_query, headers: &headers, body });
    let (method, path, body) = sent;
    let call = server.call(method, path).header("authorization", &authorization);
    call.header("x-sdk-date", "20260102T030405Z").body(body).send().await
}

#[tokio::test]
async fn a_request_that_is_not_the_signed_one_is_refused_also_in_lenient() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::with(&[("auth", mode)]).await;
        for (api, form) in [(Api::V1, Form::Access), (Api::V2, Form::Credential)] {
            let (list, create) = (api.instances(PROJECT), api.backups(HA));
            let (paged, other) = (format!("{list}?limit=10"), format!("{list}?limit=11"));
            for (signed, sent) in [
                (("GET", create.as_str(), b"".as_slice()), ("POST", create.as_str(), b"".as_slice())),
                (("GET", &list, b""), ("GET", &create, b"")),
                (("GET", &list, b""), ("GET", &paged, b"")),
                (("GET", &paged, b""), ("GET", &other, b"")),
                (("GET", &paged, b""), ("GET", &list, b"")),
                (("POST", &create, b"{}"), ("POST", &create, b"{ }")),
                (("POST", &create, b"{}"), ("POST", &create, b"")),
                (("POST", &create, b""), ("POST", &create, b"{}")),
            ] {
                let answer = differing(&server, form, signed, sent).await;
                assert_eq!(answer.status, 401, "{mode} {signed:?} {sent:?}");
                answer.assert_refused_by(api, &refusal::INVALID_TOKEN);
            }
            differing(&server, form, ("POST", &create, b"{}"), ("POST", &create, b"{}")).await.ok();
        }
        assert_eq!(server.rows("SELECT json_array(count(*)) FROM backup_records").await, [json!([2])]);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_a_quarter_of_an_hour_around_the_real_time() {
    for (mode, form) in [("strict", Form::Access), ("strict", Form::Credential), ("lenient", Form::Access)] {
        let server = TestServer::with(&[("auth", mode)]).await;
        // The other clock is nothing to it.
        server.advance_ms(86_400_000);
        for (date, good) in [
            ("20260102T030405Z", true),
            ("20260102T024905Z", true),
            ("20260102T031905Z", true),
            ("20260102T024904Z", false),
            ("20260102T031906Z", false),
            ("20200302T061504Z", false),
            ("20260101T030405Z", false),
        ] {
            for api in Api::BOTH {
                let answer =
                    server.signed_at(date, form, KEY, "GET", &api.instances(PROJECT), b"").send().await;
                if good {
                    answer.ok();
                } else {
                    answer.assert_refused_by(api, &refusal::INVALID_TOKEN);
                }
            }
        }
        server.advance_real_ms(900_000);
        let path = Api::V1.instances(PROJECT);
        server.signed(form, KEY, "GET", &path, b"").send().await.ok();
        server.advance_real_ms(1_000);
        let late = server.signed(form, KEY, "GET", &path, b"").send().await;
        late.assert_refused(&refusal::INVALID_TOKEN);
    }
}

#[tokio::test]
async fn an_unknown_key_is_nobody_in_lenient_and_refused_in_strict() {
    for form in Form::BOTH {
        for key in [Key("NOBODY", KEY.1), Key("emulatoraccesskey000", KEY.1)] {
            let path = Api::V1.backups(HA);
            let lenient = TestServer::start().await;
            lenient.signed(form, key, "POST", &path, b"{}").send().await.ok();
            assert_eq!(lenient.audit().await[0]["who"], "anonymous");
            let answer = strict().await.signed(form, key, "POST", &path, b"{}").send().await;
            answer.assert_refused(&refusal::INVALID_TOKEN);
        }
    }
}

#[tokio::test]
async fn slashes_are_folded_after_the_signature_was_verified() {
    let server = strict().await;
    for form in Form::BOTH {
        for api in Api::BOTH {
            let list = api.instances(PROJECT);
            for path in [
                format!("{list}/"),
                format!("{list}//"),
                list.replace("/instances", "//instances"),
                format!("/{list}"),
                format!("{}/?limit=1", list.replace("/instances", "///instances")),
            ] {
                let answer = server.signed(form, KEY, "GET", &path, b"").send().await;
                assert_eq!(answer.ok()["instances"].as_array().map(Vec::is_empty), Some(false), "{path}");
            }
            // One slash at the end is as good as none to the signer; others are not.
            let doubled = list.replace("/instances", "//instances");
            let answer = differing(&server, form, ("GET", &list, b""), ("GET", &doubled, b"")).await;
            answer.assert_refused_by(api, &refusal::INVALID_TOKEN);
            let slash = format!("{list}/");
            differing(&server, form, ("GET", &list, b""), ("GET", &slash, b"")).await.ok();
        }
    }
}

#[tokio::test]
async fn a_security_token_is_nothing_to_a_permanent_key() {
    let path = Api::V1.backups(HA);
    for form in Form::BOTH {
        let server = strict().await;
        let with_token = server.signed(form, KEY, "POST", &path, b"{}").header("x-security-token", "x");
        with_token.send().await.ok();
        assert_eq!(server.audit().await[0]["who"], format!("key:{}", KEY.0));
    }
}

#[tokio::test]
async fn a_token_goes_before_a_signature() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let token = server.token_of("alice", PROJECT).await;
    let path = Api::V1.backups(HA);
    let key = crate::support::identity::ALICE;
    let both = server.signed(Form::Access, key, "POST", &path, b"{}").header("x-auth-token", &token);
    both.send().await.ok();
    assert_eq!(server.audit().await[0]["who"], "user:alice");
    let unknown = server.signed(Form::Access, key, "POST", &path, b"{}").header("x-auth-token", "unknown");
    unknown.send().await.assert_refused(&refusal::INVALID_TOKEN);
}

#[tokio::test]
async fn what_is_no_signature_is_refused_in_strict() {
    let server = strict().await;
    let zeros = "0".repeat(64);
    for header in [
        "SDK-HMAC-SHA256".to_owned(),
        "SDK-HMAC-SHA256 Access=EMULATORACCESSKEY000".to_owned(),
        format!("SDK-HMAC-SHA256 Access=EMULATORACCESSKEY000, SignedHeaders=host, Signature={zeros}"),
        format!("SDK-HMAC-SHA256 Access=EMULATORACCESSKEY000, SignedHeaders=x-sdk-date, Signature={zeros}"),
        "SDK-HMAC-SHA256 Access=EMULATORACCESSKEY000, SignedHeaders=x-sdk-date, Signature=00".to_owned(),
        format!(
            "SDK-HMAC-SHA256 Access=EMULATORACCESSKEY000, SignedHeaders=x-absent;x-sdk-date, Signature={zeros}"
        ),
        format!(
            "SDK-HMAC-SHA256 Credential=EMULATORACCESSKEY000/20260101///sdk_request, SignedHeaders=x-sdk-date, Signature={zeros}"
        ),
    ] {
        let path = Api::V2.instances(PROJECT);
        let call = server.call("GET", &path).header("authorization", &header);
        let answer = call.header("x-sdk-date", "20260102T030405Z").send().await;
        assert_eq!(answer.status, 401, "{header}");
        answer.assert_refused_by(Api::V2, &refusal::INVALID_TOKEN);
        let dateless = server.call("GET", &path).header("authorization", &header).send().await;
        dateless.assert_refused_by(Api::V2, &refusal::INVALID_TOKEN);
    }
    // The signature itself is compared, not only its form.
    let path = Api::V2.instances(PROJECT);
    let answer =
        server.signed(Form::Access, Key(KEY.0, "emulator-secret-keY"), "GET", &path, b"").send().await;
    answer.assert_refused_by(Api::V2, &refusal::INVALID_TOKEN);
}

#[tokio::test]
async fn a_signature_by_another_algorithm_is_refused_by_its_name() {
    let path = Api::V2.instances(PROJECT);
    let call = async |server: &TestServer, algorithm: &str, access: &str| {
        let header = format!("{algorithm} Access={access}, SignedHeaders=x-sdk-date, Signature=00");
        server.call("GET", &path).header("authorization", &header).send().await
    };
    let (strict, lenient) = (strict().await, TestServer::seeded(&users(), &[("auth", "lenient")]).await);
    for (algorithm, refused) in [
        ("SDK-HMAC-SM3", "Signatures by SDK-HMAC-SM3 are not emulated; sign with SDK-HMAC-SHA256."),
        ("v11-hmac-sha256", "Signatures by V11-HMAC-SHA256 are not emulated; sign with SDK-HMAC-SHA256."),
    ] {
        let refused = Refusal { message: refused, ..refusal::INVALID_TOKEN };
        for access in [KEY.0, "unknown"] {
            call(&strict, algorithm, access).await.assert_refused_by(Api::V2, &refused);
        }
        // Unknown keys are let in as those of nobody, whatever they sign with.
        let ours = call(&lenient, algorithm, crate::support::identity::ALICE.0).await;
        ours.assert_refused_by(Api::V2, &refused);
        call(&lenient, algorithm, "unknown").await.ok();
    }
    call(&strict, "Basic", KEY.0).await.assert_refused_by(Api::V2, &refusal::NO_TOKEN);
}

#[tokio::test]
async fn a_content_hash_that_is_not_signed_protects_nobody_elses_body() {
    let server = strict().await;
    let path = Api::V1.backups(HA);
    for form in Form::BOTH {
        let signed = server.signed(form, KEY, "POST", &path, b"{}");
        let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let changed =
            signed.header("x-sdk-content-sha256", hash).body(br#"{"remark": "changed"}"#.as_slice());
        changed.send().await.assert_refused(&refusal::INVALID_TOKEN);
    }
}

#[tokio::test]
async fn strangers_are_refused_before_their_body_is_read() {
    let server = strict().await;
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n{{",
        Api::V1.backups(HA)
    );
    let answer = server.raw(request.as_bytes()).await;
    answer.assert_refused(&refusal::NO_TOKEN);
}
