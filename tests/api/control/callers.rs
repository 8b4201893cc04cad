//! Who may call the control API: no web page of another origin, and nobody by a host name that could have been pointed here
//! (DNS rebinding). Browsers are held to the second rule everywhere (issue 11 D).

use dcs_emulator::http::routes;
use serde_json::{Value, json};

use crate::control::place::control_routes;
use crate::support::seed::{HA, PROJECT};
use crate::support::{Answer, Api, TestServer, text};

const ALONE: (&str, &str) = ("control.listen", "127.0.0.1:0");
const EVIL: &str = "evil.example";

/// A header.
type Header = (&'static str, &'static str);

/// What browsers send with the requests of a page of another origin.
const FOREIGN: [&[Header]; 7] = [
    &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Content-Type", "text/plain")],
    &[("Origin", "https://evil.example")],
    &[("Sec-Fetch-Site", "cross-site")],
    // Of another port of the same machine.
    &[("Sec-Fetch-Site", "same-site")],
    &[("Origin", "http://127.0.0.1:1")],
    &[("Origin", "null")],
    &[("Origin", "")],
];

/// Replaces the placeholders of a path.
fn filled(path: &str) -> String {
    path.replace("{model}", "backup")
        .replace("{snapshot_name}", "clean")
        .replace("{fault_id}", "0e000000-0000-4000-8000-000000000001")
        .replace("{project_id}", PROJECT)
        .replace("{instance_id}", HA)
}

/// Makes sure that a caller was refused by name of the setting, in the shape of the control API's errors.
#[track_caller]
fn assert_kept_out(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
    let body: Value = answer.json();
    assert_eq!((&body["error_code"], &body["error"]["code"]), (&json!("EMU.4031"), &json!("EMU.4031")));
    let message = text(&body["error_msg"]);
    assert!(message.contains("control.allowed_hosts"), "{what}: {message}");
    assert_eq!(body["error"]["message"], message.as_str());
}

/// Calls every route of the control API with some headers and makes sure that each call is refused and changes nothing.
async fn assert_kept_out_of_everything(server: &TestServer, headers: &[(&str, &str)]) {
    let before = server.control_call("GET", "/_emulator/export").send().await.ok();
    for (method, path) in control_routes() {
        let mut call = server.control_call(&method, &filled(path));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let answer = call.body(r#"{"seed": false}"#).send().await;
        assert_kept_out(&answer, &format!("{method} {path} with {headers:?}"));
    }
    assert_eq!(server.control_call("GET", "/_emulator/export").send().await.ok(), before);
    assert_eq!(server.control_call("GET", "/_emulator/snapshots").send().await.ok()["snapshots"], json!([]));
}

/// Sends a request with a host in its head, or none, and returns the answer.
async fn sent_to(server: &TestServer, target: &str, host: Option<&str>) -> Answer {
    let (version, host) = match host {
        Some(host) => ("1.1", format!("Host: {host}\r\n")),
        None => ("1.0", String::new()),
    };
    let head = format!("GET {target} HTTP/{version}\r\n{host}Connection: close\r\n\r\n");
    server.raw(head.as_bytes()).await
}

#[tokio::test]
async fn a_page_of_another_origin_is_kept_out_of_every_route_of_the_control_api() {
    for settings in [&[][..], &[ALONE]] {
        let server = TestServer::with(settings).await;
        server.create_backup(HA).await;
        for headers in FOREIGN {
            assert_kept_out_of_everything(&server, headers).await;
        }
    }
}

#[tokio::test]
async fn no_route_of_the_control_api_is_served_by_a_name_that_can_be_pointed_here() {
    for settings in [&[][..], &[ALONE]] {
        let server = TestServer::with(settings).await;
        server.create_backup(HA).await;
        assert_kept_out_of_everything(&server, &[("Host", EVIL)]).await;
        // As a browser sends it to a page that was rebound.
        let rebound: [(&str, &str); 3] =
            [("Host", EVIL), ("Origin", "http://evil.example"), ("Sec-Fetch-Site", "same-origin")];
        assert_kept_out_of_everything(&server, &rebound).await;
    }
}

#[tokio::test]
async fn names_that_cannot_be_pointed_here_and_addresses_need_no_setting() {
    let server = TestServer::start().await;
    let path = "/_emulator/info";
    for host in [
        "127.0.0.1",
        "10.1.2.3:8637",
        "[::1]",
        "[::1]:8637",
        "localhost",
        "LOCALHOST:8637",
        "localhost.:8637",
        "emulator.localhost:8637",
        "dcs-emulator:8637",
        "a_b",
        "Host.Docker.Internal:8637",
        "metadata.internal.",
        "",
    ] {
        assert_eq!(sent_to(&server, path, Some(host)).await.status, 200, "{host:?}");
    }
    assert_eq!(sent_to(&server, path, None).await.status, 200);
    for host in [
        EVIL,
        "evil.example:8637",
        "EVIL.EXAMPLE",
        "evil.example.",
        "localhost.evil.example",
        "evil.localhost.example",
        "evilinternal.example",
        "127.0.0.1.evil.example",
        "[::1].evil.example",
        "[evil.example]",
        "evil@127.0.0.1",
        "127.0.0.1:8637:evil.example",
        "evil..",
    ] {
        assert_kept_out(&sent_to(&server, path, Some(host)).await, host);
    }
    // A target with a host of its own is what the request is for; neither may be foreign.
    assert_kept_out(
        &sent_to(&server, "http://evil.example/_emulator/info", Some("localhost")).await,
        "target",
    );
    assert_kept_out(&sent_to(&server, "http://localhost/_emulator/info", Some(EVIL)).await, "host");
    assert_eq!(sent_to(&server, "http://localhost/_emulator/info", Some("localhost")).await.status, 200);
    let twice =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n");
    // It is refused before it has an id.
    let answer = server.raw_bytes(twice.as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn pages_of_the_server_itself_and_typed_addresses_are_served() {
    let server = TestServer::start().await;
    let port = server.address().port();
    for host in ["localhost", "127.0.0.1", "[::1]", "emulator.localhost", "dcs-emulator"] {
        let host = format!("{host}:{port}");
        let typed = server.call("GET", "/_emulator/docs").header("Host", &host);
        let page = typed.header("Sec-Fetch-Site", "none").send().await;
        assert_eq!(page.status, 200, "{host}: {}", page.text());
        let read = server.call("GET", "/_emulator/openapi.json").header("Host", &host);
        read.header("Sec-Fetch-Site", "same-origin").send().await.ok();
        let tried = server.call("POST", "/_emulator/reset").header("Host", &host);
        let tried = tried.header("Sec-Fetch-Site", "same-origin").header("Origin", &format!("http://{host}"));
        tried.json(&json!({})).send().await.ok();
    }
    // Port 80 is not written.
    let call = server.call("GET", "/_emulator/info").header("Host", "localhost:80");
    call.header("Origin", "http://localhost").send().await.ok();
    for origin in ["http://localhost:81", "https://localhost", "http://127.0.0.1", "localhost", "file://"] {
        let call = server.call("GET", "/_emulator/info").header("Host", "localhost");
        assert_kept_out(&call.header("Origin", origin).send().await, origin);
    }
}

#[tokio::test]
async fn a_setting_names_other_hosts() {
    let settings = [("control.allowed_hosts", "CI.example.test., *.lab.test"), ALONE];
    let server = TestServer::with(&settings).await;
    for (host, is_served) in [
        ("ci.example.test", true),
        ("ci.example.test:8637", true),
        ("Ci.Example.Test.", true),
        ("a.lab.test", true),
        ("a.b.lab.test:80", true),
        ("lab.test", false),
        ("evillab.test", false),
        ("a.ci.example.test", false),
        ("ci.example.test.evil.example", false),
    ] {
        let called = server.control_call("GET", "/_emulator/info").header("Host", host).send().await;
        // Pages that come from there may call as well, wherever the server was reached.
        let page = server.control_call("POST", "/_emulator/reset").header("Sec-Fetch-Site", "cross-site");
        let page = page.header("Origin", &format!("https://{host}")).json(&json!({})).send().await;
        if is_served {
            assert_eq!((called.status, page.status), (200, 200), "{host}: {}{}", called.text(), page.text());
        } else {
            assert_kept_out(&called, host);
            assert_kept_out(&page, host);
        }
    }
}

#[tokio::test]
async fn a_token_opens_nothing_to_a_page() {
    let server = TestServer::with(&[("control.token", "hush")]).await;
    for headers in FOREIGN.into_iter().chain([&[("Host", EVIL)][..]]) {
        let mut call = server.call("POST", "/_emulator/reset").header("X-Emulator-Token", "hush");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        assert_kept_out(&call.send().await, &format!("{headers:?}"));
    }
}

#[tokio::test]
async fn a_call_that_chooses_an_id_is_held_to_the_rules_of_the_control_api() {
    let server = TestServer::start().await;
    let id = "12345678-9abc-4def-8123-456789abcdef";
    for api in Api::BOTH {
        for headers in FOREIGN.into_iter().chain([&[("Host", EVIL)][..]]) {
            let mut call = server.call("POST", &api.backups(HA)).json(&json!({})).header("X-Emulator-Id", id);
            // What `json` set stays.
            for (name, value) in headers.iter().filter(|(name, _)| *name != "Content-Type") {
                call = call.header(name, value);
            }
            assert_kept_out(&call.send().await, &format!("{headers:?}"));
        }
    }
    assert_eq!(server.list(HA, "").await["total_num"], 0);
    let call = server.call("POST", &Api::V2.backups(HA)).json(&json!({})).header("X-Emulator-Id", id);
    assert_eq!(call.send().await.ok()["backup_id"], id);
}

#[tokio::test]
async fn clients_of_the_api_call_it_by_any_host_name() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        let call = server.call("POST", &api.backups(HA)).header("Host", "dcs.eu-de.example.com");
        call.json(&json!({})).send().await.ok();
        let call = server.call("GET", &api.backups(HA)).header("Host", "dcs.eu-de.example.com:8637");
        call.send().await.ok();
    }
    for (host, path) in [("iam", "/v3"), ("dcs", "/livez"), ("dcs", "/readyz")] {
        let host = format!("{host}.eu-de.example.com");
        let answer = server.call("GET", path).header("Host", &host).send().await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_browser_is_held_to_the_names_on_every_route() {
    let server = TestServer::start().await;
    let browser = ("Sec-Fetch-Site", "same-origin");
    let of_project = format!("/v3/{PROJECT}/");
    let mut seen = 0;
    for route in routes::table() {
        let path = filled(&route.path);
        let call = server.call(route.method.as_str(), &path).header(browser.0, browser.1);
        let answer = call.header("Host", EVIL).send().await;
        let what = format!("{} {path}", route.method);
        if route.method == "HEAD" {
            assert_eq!(answer.status, 403, "{what}");
        } else if ["/v3", "/v5"].iter().any(|version| path.starts_with(version))
            && !path.starts_with(&of_project)
        {
            let error = answer.json()["error"].take();
            assert_eq!((answer.status, &error["code"]), (403, &json!(403)), "{what}: {error}");
            assert_eq!(error["title"], "Forbidden");
            assert!(text(&error["message"]).contains("control.allowed_hosts"), "{what}: {error}");
        } else {
            assert_kept_out(&answer, &what);
        }
        seen += 1;
    }
    assert!(seen > 200, "{seen}");
    // What was refused is in the journal, like every other refusal.
    let calls = server.get("/_emulator/requests?error_code=EMU.4031&operation=create_backup").await.ok();
    assert_eq!(calls["requests"].as_array().map(Vec::len), Some(2), "{calls}");
    assert_eq!(calls["requests"][0]["status"], 403);
    // Also where only `Origin` tells that it is one: browsers send the other to trustworthy places only.
    let call = server.call("DELETE", &Api::V2.instance(HA)).header("Host", EVIL);
    assert_kept_out(&call.header("Origin", "http://evil.example").send().await, "Origin");
    // By other names it is served.
    for host in ["localhost", "dcs-emulator:8637", "127.0.0.1", "a.localhost"] {
        let call = server.call("GET", &Api::V2.backups(HA)).header(browser.0, browser.1);
        call.header("Host", host).send().await.ok();
    }
}

#[tokio::test]
async fn a_caller_is_refused_before_the_body_is_read() {
    let server = TestServer::start().await;
    for path in ["/_emulator/seed", "/_emulator/reset"] {
        // The body never comes.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 100\r\n\r\n"
        );
        assert_kept_out(&server.raw(head.as_bytes()).await, path);
    }
}
