//! `X-Emulator-Id`: a caller chooses the id of what it makes (issue 5, control API).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::refusal::invalid_parameter;
use crate::support::seed::{HA, OTHERS_HA, PROJECT, SECOND_HA, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, TestServer, each, text};

use crate::instances::create::order;

const HEADER: &str = "X-Emulator-Id";
const ID: &str = "12345678-9abc-1def-8123-456789abcdef";
const OTHER_ID: &str = "22345678-9abc-4def-8123-456789abcdef";

impl TestServer {
    /// Makes something by this path and body that is to have this id.
    async fn make_pinned(&self, path: &str, body: &Value, id: &str) -> Answer {
        self.call("POST", path).header(HEADER, id).json(body).send().await
    }
}

#[tokio::test]
async fn a_record_has_the_id_that_its_maker_chose() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let made = server.make_pinned(&api.backups(HA), &json!({}), &ID.to_uppercase()).await;
        assert_eq!(made.ok(), json!({"backup_id": ID}), "{api:?}");
        assert_eq!(server.listed_ids(HA, "").await, [ID]);
        let body = json!({"backup_id": ID});
        let made = server.make_pinned(&api.restores(HA), &body, OTHER_ID).await;
        assert_eq!(made.ok(), json!({"restore_id": OTHER_ID}), "{api:?}");
        assert_eq!(server.newest_restore(api, HA).await["restore_id"], OTHER_ID);
        // Whoever chooses none gets a new one.
        let third = server.create_backup(HA).await;
        assert!(third != ID && third != OTHER_ID, "{third}");
    }
}

#[tokio::test]
async fn an_id_that_is_taken_or_none_is_refused_and_makes_nothing() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        server.make_pinned(&api.backups(HA), &json!({}), ID).await.ok();
        server.make_pinned(&api.restores(HA), &json!({"backup_id": ID}), OTHER_ID).await.ok();
        server.restart().await;
        for id in [ID, OTHER_ID, HA, "", "x", "123456789abc1def8123456789abcdef"] {
            let of_backup = server.make_pinned(&api.backups(SECOND_HA), &json!({}), id).await;
            of_backup.assert_refused_by(api, &invalid_parameter(HEADER));
            let of_restore = server.make_pinned(&api.restores(HA), &json!({"backup_id": ID}), id).await;
            of_restore.assert_refused_by(api, &invalid_parameter(HEADER));
        }
        assert_eq!(server.list(SECOND_HA, "").await["total_num"], 0);
        assert_eq!(server.restores(api, HA, "").await["total_num"], 1);
        // An instance that is not there says nothing of ids.
        assert_eq!(server.make_pinned(&api.backups(UNKNOWN_INSTANCE), &json!({}), ID).await.status, 404);
    }
}

#[tokio::test]
async fn of_callers_who_choose_the_same_id_at_once_one_gets_it_and_nobody_else_suffers() {
    let server = TestServer::with(&[("http.workers", "0")]).await;
    let (path, empty) = (Api::V2.backups(HA), json!({}));
    let calls = (0..40).map(|number| {
        let (server, path, empty) = (&server, &path, &empty);
        async move {
            if number % 2 == 0 {
                server.make_pinned(path, empty, ID).await
            } else {
                server.post(path, empty).await
            }
        }
    });
    let answers = join_all(calls).await;
    let made: Vec<String> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| text(&answer.json()["backup_id"]))
        .collect();
    assert_eq!(made.len(), 21, "{answers:?}");
    assert_eq!(made.iter().filter(|id| *id == ID).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.assert_refused_by(Api::V2, &invalid_parameter(HEADER));
    }
    let listed = server.get(&format!("{path}?limit=100")).await.ok();
    let listed: Vec<String> = each(&listed["backup_record_response"], "backup_id").iter().map(text).collect();
    assert!(made.iter().all(|id| listed.contains(id)) && listed.len() == made.len());
}

#[tokio::test]
async fn an_id_is_chosen_only_with_the_control_token_where_there_is_one() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("control.token", "hush")]).await;
        for token in [None, Some("hus")] {
            let mut call = server.call("POST", &api.backups(HA)).header(HEADER, ID);
            if let Some(token) = token {
                call = call.header("X-Emulator-Token", token);
            }
            let answer = call.send().await;
            assert_eq!((answer.status, &answer.json()["error_code"]), (401, &json!("EMU.4010")), "{token:?}");
        }
        assert_eq!(server.list(HA, "").await["total_num"], 0);
        let call = server.call("POST", &api.backups(HA)).header(HEADER, ID);
        let made = call.header("X-Emulator-Token", "hush").send().await;
        assert_eq!(made.ok(), json!({"backup_id": ID}));
    }
}

/// Orders instances of a name, one of which at most can have the id.
async fn ordered(server: &TestServer, api: Api, name: &str, count: u64, id: &str) -> Answer {
    let order = order(api, &json!({"name": name, "instance_num": count}));
    server.make_pinned(&api.instances(PROJECT), &order, id).await
}

#[tokio::test]
async fn an_instance_has_the_id_that_its_maker_chose() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let made = ordered(&server, api, "pinned", 1, &ID.to_uppercase()).await.ok();
        assert_eq!(made["instances"], json!([{"instance_id": ID, "instance_name": "pinned"}]));
        assert_eq!(server.status(api, ID).await, "RUNNING");
        server.delete(&api.instance(ID)).await;
        server.restart().await;
        let before = server.get(&api.instances(PROJECT)).await.ok()["instance_num"].take();
        let backup = server.create_backup(HA).await;
        // Also that of an instance that is gone, or of another kind of thing.
        for id in [ID, HA, OTHERS_HA, backup.as_str(), "x", ""] {
            let refused = ordered(&server, api, "second", 1, id).await;
            refused.assert_refused_by(api, &invalid_parameter(HEADER));
        }
        assert_eq!(server.get(&api.instances(PROJECT)).await.ok()["instance_num"], before);
    }
}

#[tokio::test]
async fn several_instances_cannot_have_one_id_and_none_is_made() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let before = server.get(&api.instances(PROJECT)).await.ok()["instance_num"].take();
        let refused = ordered(&server, api, "pinned", 2, ID).await;
        refused.assert_refused_by(api, &invalid_parameter(HEADER));
        assert_eq!(server.get(&api.instances(PROJECT)).await.ok()["instance_num"], before);
        // What was refused has left nothing behind: the id and the name are free.
        ordered(&server, api, "pinned", 1, ID).await.ok();
        let created = server
            .rows(
                "SELECT json_quote(count(*)) FROM backup_audit WHERE what = 'instance' AND who = 'anonymous'",
            )
            .await;
        assert_eq!(created, [json!(1)]);
    }
}

#[tokio::test]
async fn a_template_has_the_id_that_its_maker_chose() {
    let mut server = TestServer::start().await;
    let templates = format!("/v2/{PROJECT}/config-templates");
    let body = json!({"template_id": "11", "name": "pinned", "params": {}});
    let made = server.make_pinned(&templates, &body, &ID.to_uppercase()).await;
    assert_eq!(made.ok(), json!({"id": ID}));
    server.restart().await;
    let taken = json!({"template_id": "11", "name": "second", "params": {}});
    for id in [ID, HA, "x", ""] {
        server
            .make_pinned(&templates, &taken, id)
            .await
            .assert_refused_by(Api::V2, &invalid_parameter(HEADER));
    }
    let listed = server.get(&format!("{templates}?type=user")).await.ok();
    let names = |list: &Value| (each(&list["templates"], "template_id"), each(&list["templates"], "name"));
    assert_eq!(names(&listed), (vec![json!(ID)], vec![json!("pinned")]));
    // What it is called can change; what it is called by cannot.
    let path = format!("{templates}/{ID}");
    let body = json!({"name": "renamed"});
    server.call("PUT", &path).header(HEADER, OTHER_ID).json(&body).send().await.ok();
    let listed = server.get(&format!("{templates}?type=user")).await.ok();
    assert_eq!(names(&listed), (vec![json!(ID)], vec![json!("renamed")]));
}
