//! What happens before a handler is reached: paths, methods, bodies and headers that a client should not have sent, each
//! answered in the API's own shape (wire contract v1.0, sections 1.1 to 1.4; `decisions` nos. 22 to 25).

use serde_json::{Value, json};

use crate::support::seed::{HA, PROJECT, backups_path, instance_path, instances_path};
use crate::support::{Answer, Api, TestServer, refusal};

/// The longest body that is taken.
const LIMIT: usize = 1024 * 1024;

/// A JSON object of exactly `length` bytes with a member that nobody reads.
fn body_of(length: usize) -> Vec<u8> {
    let frame = br#"{"filling":""}"#;
    let filling = "x".repeat(length - frame.len());
    format!(r#"{{"filling":"{filling}"}}"#).into_bytes()
}

/// The head of a create whose connection ends with it.
fn create_head(headers: &str) -> String {
    let path = backups_path(HA);
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends a create with these headers and this body, byte by byte.
async fn create_raw(server: &TestServer, headers: &str, body: &[u8]) -> Answer {
    server.raw(&[create_head(headers).as_bytes(), body].concat()).await
}

/// Writes `body` as chunks of `size` bytes and the end of them.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(size) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}

/// Nothing was recorded, and the server still serves.
async fn assert_untouched(server: &TestServer) {
    assert_eq!(server.list(HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let server = TestServer::start().await;
    for path in [
        "/favicon.ico".to_owned(),
        "/v1.0".to_owned(),
        format!("/v1.0/{PROJECT}"),
        format!("/v1.00/{PROJECT}/instances"),
        format!("/{PROJECT}/instances"),
        format!("{}/backup", instance_path(HA)),
        format!("{}/backups/x/y", instance_path(HA)),
        format!("/dcs{}", instance_path(HA)),
        format!("{}%2Fbackups", instances_path(PROJECT)),
        "/%00".to_owned(),
        "/%ff%fe".to_owned(),
        format!("/{}", "x".repeat(4096)),
    ] {
        for method in ["GET", "POST", "DELETE", "PUT", "OPTIONS"] {
            server.call(method, &path).send().await.assert_refused(&refusal::UNKNOWN_ROUTE);
        }
    }
}

#[tokio::test]
async fn a_path_is_not_climbed_up() {
    let server = TestServer::start().await;
    for step in ["..", "%2e%2e", ".", "%2E"] {
        // Byte by byte: a client would climb by itself.
        let path = format!("{}/{step}/backups", instance_path(HA));
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        server.raw(request.as_bytes()).await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
}

#[tokio::test]
async fn the_case_of_a_path_matters() {
    let server = TestServer::start().await;
    for path in [
        format!("/V1.0/{PROJECT}/instances"),
        format!("/v1.0/{PROJECT}/Instances"),
        format!("/v1.0/{PROJECT}/INSTANCES/{HA}"),
        format!("{}/Backups", instance_path(HA)),
        "/Livez".to_owned(),
    ] {
        server.get(&path).await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
}

#[tokio::test]
async fn literal_paths_are_no_ids() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        for (word, method) in [("statistic", "PUT"), ("statistic", "DELETE"), ("status", "DELETE")] {
            let path = format!("{}/{word}", api.instances(PROJECT));
            server.call(method, &path).send().await.assert_refused_by(api, &refusal::METHOD_NOT_ALLOWED);
        }
    }
}

#[tokio::test]
async fn a_text_with_a_null_character_is_refused() {
    let server = TestServer::start().await;
    let backups = Api::V2.backups(HA);
    for body in [json!({"remark": "a\0b"}), json!({"remark\0": "a"})] {
        server.post(&backups, &body).await.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    }
    let escaped = server.call("POST", &backups).body(br#"{"remark": "a\\u0000"}"#).send().await;
    escaped.ok();
    for query in ["name=%00", "na%00me=a", "limit=1%00"] {
        let answer = server.get(&format!("{}?{query}", Api::V2.instances(PROJECT))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid("query"));
    }
    let path = format!("{}/a%00b/progress", Api::V2.instance(HA).replace(HA, &format!("{HA}/tasks")));
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("path"));
    let login = json!({"auth": {"identity": {"methods": ["password\0"]}}});
    assert_eq!(server.post("/v3/auth/tokens", &login).await.status, 400);
    let fault = json!({"effect": {"status": 500, "message": "a\0"}});
    assert_eq!(server.post("/_emulator/faults", &fault).await.status, 400);
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_405() {
    let server = TestServer::start().await;
    let paths = [
        instances_path(PROJECT),
        instance_path(HA),
        backups_path(HA),
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
    ];
    for path in &paths {
        for method in ["PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            server.call(method, path).send().await.assert_refused(&refusal::METHOD_NOT_ALLOWED);
        }
    }
    // Also with a body that nobody reads.
    let answer = server.call("PUT", &paths[2]).json(&json!({"remark": "nightly"})).send().await;
    answer.assert_refused(&refusal::METHOD_NOT_ALLOWED);
    let answer = server.call("PUT", &backups_path(HA)).send().await;
    assert_eq!(answer.header("allow"), Some("POST, GET"));
    let answer = server.call("DELETE", "/v3/projects").send().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
    let answer = server.call("PUT", "/_emulator/faults").send().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST, DELETE")));
    assert_untouched(&server).await;
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let server = TestServer::start().await;
    for (path, status) in [
        (backups_path(HA), 405),
        ("/livez".to_owned(), 200),
        ("/metrics".to_owned(), 405),
        ("/nothing".to_owned(), 404),
    ] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!((answer.status, answer.body.as_slice()), (status, &[][..]), "{path}");
    }
}

#[tokio::test]
async fn duplicate_and_trailing_slashes_are_as_if_they_were_not_there() {
    let server = TestServer::start().await;
    let backup_id = server.create_remarked(HA, "nightly").await;
    let expected = server.list(HA, "limit=1").await;
    for path in [
        format!("/v1.0/{PROJECT}/instances/{HA}/backups/?limit=1"),
        format!("/v1.0/{PROJECT}/instances/{HA}/backups//?limit=1"),
        format!("/v1.0//{PROJECT}/instances///{HA}/backups?limit=1"),
        format!("//v1.0/{PROJECT}/instances/{HA}/backups?limit=1"),
        format!("///v1.0///{PROJECT}///instances///{HA}///backups///?limit=1"),
    ] {
        // Byte by byte: a client may fold them by itself.
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(server.raw(request.as_bytes()).await.ok(), expected, "{path}");
    }
    server.get("/livez/").await.ok();
    server.get("//livez").await.ok();
    server.get(&format!("{}/", instances_path(PROJECT))).await.ok();
    assert_eq!(server.get("//").await.json(), server.get("/").await.json());
    server.delete(&format!("{}//{backup_id}/", backups_path(HA))).await.ok();
    assert_eq!(server.newest(HA).await["status"], "deleted");
}

#[tokio::test]
async fn slashes_in_a_query_are_left_alone() {
    let server = TestServer::start().await;
    let list = server.get(&format!("{}/?name=a//b/", instances_path(PROJECT))).await.ok();
    assert_eq!(list, json!({"instances": [], "instance_num": 0}));
}

#[tokio::test]
async fn the_content_type_decides_nothing() {
    let server = TestServer::start().await;
    for content_type in [
        "application/json",
        "application/json;charset=UTF-8",
        "application/json; charset=utf-16",
        "Application/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/xml",
        "nonsense",
        "",
    ] {
        let call = server.call("POST", &backups_path(HA)).header("Content-Type", content_type);
        call.body(r#"{"remark": "typed"}"#).send().await.ok();
        assert_eq!(server.newest(HA).await["remark"], "typed", "{content_type}");
    }
    let untyped = server.call("POST", &backups_path(HA)).body(r#"{"remark": "untyped"}"#).send().await;
    untyped.ok();
    assert_eq!(server.newest(HA).await["remark"], "untyped");
}

#[tokio::test]
async fn json_that_is_nested_deeply_is_harmless() {
    let server = TestServer::start().await;
    let deep = 100_000;
    for open_and_close in [("[", "]"), (r#"{"a":"#, "}")] {
        let (open, close) = open_and_close;
        let nested = format!("{}1{}", open.repeat(deep), close.repeat(deep));
        let unclosed = open.repeat(deep);
        for body in [
            format!(r#"{{"remark": {nested}}}"#),
            format!(r#"{{"remark": {unclosed}"#),
            format!(r#"{{"more": {unclosed}"#),
            format!("[{nested}]"),
        ] {
            let answer = server.call("POST", &backups_path(HA)).body(body).send().await;
            answer.assert_refused(&refusal::INVALID_BODY);
        }
        // A member that nobody reads is ignored, however deep it is: or else refused, but not more than that.
        let answer =
            server.call("POST", &backups_path(HA)).body(format!(r#"{{"more": {nested}}}"#)).send().await;
        assert!(answer.status == 200 || answer.status == 400, "{}", answer.status);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_413() {
    let server = TestServer::start().await;
    let path = backups_path(HA);
    server.call("POST", &path).body(body_of(LIMIT)).send().await.ok();
    let answer = server.call("POST", &path).body(body_of(LIMIT + 1)).send().await;
    answer.assert_refused(&refusal::BODY_TOO_LARGE);
    assert_eq!(server.list(HA, "").await["total_num"], 1);
}

#[tokio::test]
async fn the_limit_is_a_setting() {
    let server = TestServer::with(&[("http.body_limit", "100")]).await;
    server.call("POST", &backups_path(HA)).body(body_of(100)).send().await.ok();
    let answer = server.call("POST", &backups_path(HA)).body(body_of(101)).send().await;
    answer.assert_refused(&refusal::BODY_TOO_LARGE);
}

#[tokio::test]
async fn a_body_far_too_large_is_413_however_it_is_sent() {
    let server = TestServer::start().await;
    let body = body_of(8 * LIMIT);
    let length = format!("Content-Length: {}\r\n", body.len());
    for (headers, sent) in [
        (length.clone(), body.clone()),
        (format!("{length}Expect: 100-continue\r\n"), body.clone()),
        // The client waits for a "100 Continue" that it should not get, or gets and does not use.
        (format!("{length}Expect: 100-continue\r\n"), Vec::new()),
        // The length alone decides.
        (format!("Content-Length: {}\r\n", u64::MAX), Vec::new()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&body, 65_536)),
        ("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n".to_owned(), chunked(&body, 1000)),
    ] {
        let answer = create_raw(&server, &headers, &sent).await;
        answer.assert_refused(&refusal::BODY_TOO_LARGE);
    }
    assert_untouched(&server).await;
}

#[tokio::test]
async fn a_client_that_goes_on_sending_learns_that_its_body_is_too_large() {
    let server = TestServer::start().await;
    for _ in 0..20 {
        let answer = server.call("POST", &backups_path(HA)).body(body_of(4 * LIMIT)).send().await;
        answer.assert_refused(&refusal::BODY_TOO_LARGE);
    }
}

#[tokio::test]
async fn a_body_may_come_in_chunks_or_after_a_continue() {
    let server = TestServer::start().await;
    let body = r#"{"remark": "备份 in pieces"}"#.as_bytes();
    let length = format!("Content-Length: {}\r\n", body.len());
    for (headers, sent) in [
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(body, 1)),
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(body, 1000)),
        (format!("{length}Expect: 100-continue\r\n"), body.to_vec()),
    ] {
        create_raw(&server, &headers, &sent).await.ok();
        assert_eq!(server.newest(HA).await["remark"], "备份 in pieces");
    }
    // No chunks at all are no body.
    create_raw(&server, "Transfer-Encoding: chunked\r\n", &chunked(b"", 1)).await.ok();
    assert_eq!(server.newest(HA).await["remark"], Value::Null);
}

#[tokio::test]
async fn a_body_that_is_compressed_is_not_json() {
    let server = TestServer::start().await;
    let call = server.call("POST", &backups_path(HA)).header("Content-Encoding", "gzip");
    let answer = call.body(&b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"[..]).send().await;
    answer.assert_refused(&refusal::INVALID_BODY);
}

#[tokio::test]
async fn a_connection_is_kept_and_what_is_wrong_with_one_request_does_not_touch_the_next() {
    let server = TestServer::start().await;
    let get = |path: &str, connection: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")
    };
    let bad =
        format!("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n[1]", backups_path(HA));
    let pipeline = [bad, get("/nothing", "keep-alive"), get("/livez", "close")].concat();
    let answers = server.raw_bytes(pipeline.as_bytes()).await;
    let text = String::from_utf8(answers).unwrap();
    let statuses: Vec<_> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["400", "404", "200"]);
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own_also_when_it_brings_one() {
    let server = TestServer::start().await;
    let brought = "0123456789abcdef0123456789abcdef";
    let mut seen = std::collections::HashSet::new();
    for path in ["/livez", "/readyz", "/metrics", "/nothing", &backups_path(HA), &backups_path("x")] {
        for method in ["GET", "PUT"] {
            let answer = server.call(method, path).header("X-Request-Id", brought).send().await;
            assert_ne!(answer.request_id(), brought);
            assert!(seen.insert(answer.request_id().to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn credentials_are_not_looked_at_yet() {
    let server = TestServer::start().await;
    for (name, value) in [
        ("X-Auth-Token", "anything"),
        ("X-Auth-Token", ""),
        ("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=00"),
        ("Authorization", "Bearer nonsense"),
    ] {
        server.call("GET", &instance_path(HA)).header(name, value).send().await.ok();
    }
}
