//! Where the control API is to be had: beside the API, on a listener of its own, or nowhere (issue 5, control API).

use dcs_emulator::http::routes;
use serde_json::{Value, json};

use crate::support::seed::HA;
use crate::support::{Api, TestServer, refusal};

const ALONE: (&str, &str) = ("control.listen", "127.0.0.1:0");
const OFF: (&str, &str) = ("control.enabled", "false");

/// Returns method and path of every route of the control API, its aliases among them.
pub(crate) fn control_routes() -> Vec<(String, &'static str)> {
    let first = |path: &'static str| path.split('/').nth(1).unwrap_or_default();
    let routes: Vec<_> = routes::table()
        .iter()
        .filter(|route| first(&route.path).starts_with('_') || first(&route.path) == "moto-api")
        .map(|route| (route.method.to_string(), route.path.as_str()))
        .collect();
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

#[tokio::test]
async fn a_control_api_that_listens_alone_is_not_where_the_api_is() {
    let server = TestServer::with(&[ALONE]).await;
    for (method, path) in control_routes() {
        server.call(&method, path).send().await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
    for path in ["/livez", "/readyz"] {
        server.get(path).await.ok();
        server.control_call("GET", path).send().await.assert_refused(&refusal::UNKNOWN_ROUTE);
    }
    for api in Api::BOTH {
        let answer = server.control_call("GET", &api.backups(HA)).send().await;
        answer.assert_refused_by(api, &refusal::UNKNOWN_ROUTE);
    }
    // What was asked in the wrong place is no call of the API.
    let calls = server.control_call("GET", "/_emulator/requests").send().await.ok();
    assert_eq!(calls["requests"], json!([]));
    for path in ["/_emulator/health", "/_localstack/health"] {
        assert_eq!(server.control_call("GET", path).send().await.ok()["status"], "ready");
    }
}

#[tokio::test]
async fn a_control_api_that_listens_alone_controls_the_same_emulator() {
    let server = TestServer::with(&[ALONE, ("backup.duration", "10s")]).await;
    let id = server.create_backup(HA).await;
    let body = json!({"duration": "10s"});
    let advanced = server.control_call("POST", "/_emulator/clock/advance").json(&body).send().await.ok();
    assert_eq!(advanced["fired"][1]["id"], id.as_str(), "{advanced}");
    assert_eq!(server.newest(HA).await["status"], "succeed");
    let journal = server.control_call("GET", "/_emulator/requests").send().await.ok();
    assert_eq!(journal["requests"].as_array().map(Vec::len), Some(2), "{journal}");
    server.control_call("POST", "/moto-api/reset").send().await.ok();
    assert_eq!(server.list(HA, "").await["total_num"], 0);
    // An id is chosen where things are made.
    let id = "12345678-9abc-4def-8123-456789abcdef";
    let pinned = server.call("POST", &Api::V2.backups(HA)).header("X-Emulator-Id", id).send().await;
    assert_eq!(pinned.ok()["backup_id"], id);
}

#[tokio::test]
async fn a_control_api_that_is_switched_off_is_nowhere() {
    // Whatever else is set for it.
    for settings in [&[OFF][..], &[OFF, ALONE]] {
        let server = TestServer::with(settings).await;
        for (method, path) in control_routes() {
            server.call(&method, path).send().await.assert_refused(&refusal::UNKNOWN_ROUTE);
        }
        for path in ["/livez", "/readyz"] {
            server.get(path).await.ok();
        }
        server.create_backup(HA).await;
        assert_eq!(server.control_url(), None);
    }
}

#[tokio::test]
async fn an_id_cannot_be_chosen_where_there_is_no_control_api() {
    for settings in [&[OFF][..], &[OFF, ("control.token", "hush")]] {
        let server = TestServer::with(settings).await;
        for api in Api::BOTH {
            let call = server.call("POST", &api.backups(HA)).json(&json!({}));
            let call = call.header("X-Emulator-Id", "12345678-9abc-4def-8123-456789abcdef");
            let answer = call.header("X-Emulator-Token", "hush").send().await;
            let body: Value = answer.json();
            assert_eq!((answer.status, &body["error_code"]), (403, &json!("EMU.4030")), "{body}");
        }
        assert_eq!(server.list(HA, "").await["total_num"], 0);
    }
}
