//! One project learns nothing of another: what belongs to somebody else looks exactly like what is not there.

use serde_json::{Value, json};

use crate::support::seed::{
    HA, OTHER_PROJECT, OTHERS_HA, PROJECT, UNKNOWN_BACKUP, UNKNOWN_INSTANCE, backup_path, backups_path,
    instances_path,
};
use crate::support::{Answer, TestServer, refusal};

/// Everything of two answers that a client can tell apart, except the id that every request has of its own.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let ids = ["x-request-id", "x-openstack-request-id", "date"];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !ids.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().expect("headers are ASCII").to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

/// The calls about an instance, with what stands behind its id and a body.
fn calls(backup: &str) -> Vec<(&'static str, String, Value)> {
    vec![
        ("GET", String::new(), Value::Null),
        ("GET", "/backups".to_owned(), Value::Null),
        ("GET", "/backups?start=1&limit=5&beginTime=20200101000000".to_owned(), Value::Null),
        ("POST", "/backups".to_owned(), json!({"remark": "mine?"})),
        ("DELETE", format!("/backups/{backup}"), Value::Null),
        ("DELETE", format!("/backups/{UNKNOWN_BACKUP}"), Value::Null),
    ]
}

#[tokio::test]
async fn an_instance_of_another_project_looks_exactly_like_one_that_is_not_there() {
    for (name, value) in [("backup.enabled", "true"), ("backup.enabled", "false"), ("backup.duration", "5s")]
    {
        let server = TestServer::with(&[(name, value)]).await;
        let others = format!("/v1.0/{OTHER_PROJECT}/instances/{OTHERS_HA}/backups");
        // Whether or not it could be created.
        let created = server.post(&others, &json!({})).await.json();
        let backup = created["backup_id"].as_str().unwrap_or(UNKNOWN_BACKUP);
        for (method, rest, body) in calls(backup) {
            let ask = async |instance: &str| {
                let call = server.call(method, &format!("{}/{instance}{rest}", instances_path(PROJECT)));
                if body.is_null() { call.send().await } else { call.json(&body).send().await }
            };
            let (of_others, missing) = (ask(OTHERS_HA).await, ask(UNKNOWN_INSTANCE).await);
            of_others.assert_refused(&refusal::INSTANCE_NOT_FOUND);
            assert_eq!(visible(&of_others), visible(&missing), "{method} {rest}");
        }
        assert_eq!(
            server.get(&others).await.ok()["total_num"],
            usize::from(created["backup_id"].is_string())
        );
    }
}

#[tokio::test]
async fn a_project_lists_only_its_own_instances() {
    let server = TestServer::start().await;
    let list = server.get(&instances_path(OTHER_PROJECT)).await.ok();
    assert_eq!(list["instance_num"], 1);
    assert_eq!(list["instances"][0]["instance_id"], OTHERS_HA);
    for query in ["", "includeFailure=true", "name=dcs-ha", "status=RUNNING"] {
        let own = server.get(&format!("{}?{query}", instances_path(PROJECT))).await;
        assert!(!own.text().contains(OTHERS_HA), "{query}");
    }
    for query in [format!("id={OTHERS_HA}"), format!("marker={OTHERS_HA}")] {
        let own = server.get(&format!("{}?{query}", instances_path(PROJECT))).await.ok();
        assert_eq!(own["instances"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn two_projects_may_have_an_instance_of_the_same_name() {
    let server = TestServer::start().await;
    for (project, instance) in [(PROJECT, HA), (OTHER_PROJECT, OTHERS_HA)] {
        let query = "name=dcs-ha&isExactMatchName=true";
        let list = server.get(&format!("{}?{query}", instances_path(project))).await.ok();
        assert_eq!(
            (&list["instance_num"], &list["instances"][0]["instance_id"]),
            (&json!(1), &json!(instance))
        );
    }
}

#[tokio::test]
async fn a_backup_of_another_project_cannot_be_reached_through_an_own_instance() {
    let server = TestServer::start().await;
    let others = format!("/v1.0/{OTHER_PROJECT}/instances/{OTHERS_HA}/backups");
    let created = server.post(&others, &json!({})).await.ok();
    let backup = created["backup_id"].as_str().unwrap();
    let (of_others, missing) = (
        server.delete(&backup_path(HA, backup)).await,
        server.delete(&backup_path(HA, UNKNOWN_BACKUP)).await,
    );
    of_others.assert_refused(&refusal::BACKUP_NOT_FOUND);
    assert_eq!(visible(&of_others), visible(&missing));
    assert_eq!(server.get(&others).await.ok()["backup_record_response"][0]["status"], "succeed");
    assert_eq!(server.get(&backups_path(HA)).await.ok()["total_num"], 0);
}
