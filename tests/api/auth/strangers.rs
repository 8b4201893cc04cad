//! A caller with credentials of one project learns nothing of another: on every route of both versions, what belongs to
//! somebody else looks exactly like what is not there.

use serde_json::{Value, json};

use crate::support::identity::{ALICE, BOB, users};
use crate::support::seed::{
    HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SECOND_HA, UNKNOWN_BACKUP, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
};
use crate::support::signer::Form;
use crate::support::{Answer, Api, TestServer, refusal, text};

/// Everything of an answer that a client can tell apart, except the id that every request has of its own.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let own = ["x-request-id", "x-openstack-request-id", "date"];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().expect("headers are ASCII").to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text().to_owned())
}

/// The calls about an instance: method, what stands behind its id, body.
fn calls(backup: &str) -> Vec<(&'static str, String, Value)> {
    vec![
        ("GET", String::new(), Value::Null),
        ("GET", "/backups".to_owned(), Value::Null),
        ("GET", "/restores".to_owned(), Value::Null),
        ("POST", "/backups".to_owned(), json!({"remark": "mine?"})),
        ("POST", "/restores".to_owned(), json!({"backup_id": backup})),
        ("POST", format!("/backups/{backup}/links"), json!({"expiration": 300})),
        ("DELETE", format!("/backups/{backup}"), Value::Null),
    ]
}

async fn ask(server: &TestServer, path: &str, (method, _, body): &(&str, String, Value)) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    server.signed(Form::Access, ALICE, method, path, &body).send().await
}

/// Has [`BOB`] back up his instance and restore it, and returns the id of the backup.
async fn backup_of_bob(server: &TestServer) -> String {
    let instance = format!("{}/{OTHERS_HA}", Api::V1.instances(OTHER_PROJECT));
    let create = server.signed(Form::Access, BOB, "POST", &format!("{instance}/backups"), b"{}").send().await;
    let backup = text(&create.ok()["backup_id"]);
    let body = json!({"backup_id": backup}).to_string();
    let path = format!("{instance}/restores");
    server.signed(Form::Access, BOB, "POST", &path, body.as_bytes()).send().await.ok();
    backup
}

#[tokio::test]
async fn an_instance_of_somebody_else_looks_like_one_that_is_not_there_on_every_route() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::seeded(&users(), &[("auth", mode)]).await;
        let backup = backup_of_bob(&server).await;
        for api in Api::BOTH {
            for call in calls(&backup) {
                let path = |instance: &str| format!("{}/{instance}{}", api.instances(PROJECT), call.1);
                let of_bob = ask(&server, &path(OTHERS_HA), &call).await;
                of_bob.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
                let missing = ask(&server, &path(UNKNOWN_INSTANCE), &call).await;
                assert_eq!(visible(&of_bob), visible(&missing), "{api:?} {call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_project_of_somebody_else_looks_like_one_that_is_not_there_on_every_route() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::seeded(&users(), &[("auth", mode)]).await;
        let backup = backup_of_bob(&server).await;
        for api in Api::BOTH {
            let list = ("GET", String::new(), Value::Null);
            let of_bob = ask(&server, &api.instances(OTHER_PROJECT), &list).await;
            of_bob.assert_refused_by(api, &refusal::OTHER_PROJECT);
            assert_eq!(
                visible(&of_bob),
                visible(&ask(&server, &api.instances(UNKNOWN_PROJECT), &list).await)
            );
            for call in calls(&backup) {
                let path = |project: &str| format!("{}/{OTHERS_HA}{}", api.instances(project), call.1);
                let of_bob = ask(&server, &path(OTHER_PROJECT), &call).await;
                of_bob.assert_refused_by(api, &refusal::OTHER_PROJECT);
                let missing = ask(&server, &path(UNKNOWN_PROJECT), &call).await;
                assert_eq!(visible(&of_bob), visible(&missing), "{api:?} {call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_backup_of_somebody_else_looks_like_one_that_is_not_there() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let backup = backup_of_bob(&server).await;
    for api in Api::BOTH {
        let (by_theirs, by_none) = (calls(&backup), calls(UNKNOWN_BACKUP));
        for (theirs, none) in by_theirs.iter().zip(&by_none).skip(4) {
            let path = |call: &(&str, String, Value)| format!("{}{}", api.instance(HA), call.1);
            let of_bob = ask(&server, &path(theirs), theirs).await;
            assert!((400..500).contains(&of_bob.status), "{theirs:?}");
            assert_eq!(
                visible(&of_bob),
                visible(&ask(&server, &path(none), none).await),
                "{api:?} {theirs:?}"
            );
        }
    }
}

#[tokio::test]
async fn lists_and_filters_show_only_what_is_ones_own() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    for api in Api::BOTH {
        for query in [
            String::new(),
            "name=dcs-ha".to_owned(),
            "status=RUNNING".to_owned(),
            "include_failure=true&include_delete=true".to_owned(),
            format!("id={OTHERS_HA}"),
            format!("instance_id={OTHERS_HA}"),
            format!("marker={OTHERS_HA}"),
        ] {
            let path = format!("{}?{query}", api.instances(PROJECT));
            let list = server.signed(Form::Access, ALICE, "GET", &path, b"").send().await;
            list.ok();
            assert!(!list.text().contains(OTHERS_HA), "{query}: {}", list.text());
        }
        let all = server.signed(Form::Access, ALICE, "GET", &api.instances(PROJECT), b"").send().await.ok();
        assert_eq!(all["instance_num"], 2, "{HA} and {SECOND_HA}");
    }
}

#[tokio::test]
async fn a_link_needs_no_credentials_and_opens_only_its_file() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let create = server.signed(Form::Access, ALICE, "POST", &Api::V2.backups(HA), b"{}").send().await;
    let backup = text(&create.ok()["backup_id"]);
    let of_bob = backup_of_bob(&server).await;
    for api in Api::BOTH {
        let path = api.links(HA, &backup);
        let body = br#"{"expiration": 300}"#;
        let links = server.signed(Form::Credential, ALICE, "POST", &path, body).send().await.ok();
        let link = text(&links["links"][0]["link"]);
        let path = link.strip_prefix(&format!("http://{}", server.address())).expect("this server");
        assert_eq!(server.get(path).await.status, 200);
        // Not even wrong ones are looked at.
        assert_eq!(server.call("GET", path).header("x-auth-token", "unknown").send().await.status, 200);
        let bent = path.replace(PROJECT, OTHER_PROJECT).replace(HA, OTHERS_HA).replace(&backup, &of_bob);
        let missing =
            path.replace(PROJECT, OTHER_PROJECT).replace(HA, OTHERS_HA).replace(&backup, UNKNOWN_BACKUP);
        let answer = server.get(&bent).await;
        assert_eq!(answer.status, 403);
        assert_eq!(visible(&answer), visible(&server.get(&missing).await));
    }
}
