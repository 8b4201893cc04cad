//! Which projects can be worked in: every one, or those that somebody has named (issue 5, isolation; `auto_projects`).

use serde_json::{Value, json};

use crate::support::identity::{DOMAIN, KEY, PASSWORD, USER, login, project, scoped, token_in};
use crate::support::seed::{HA, PROJECT, UNKNOWN_PROJECT, of_instances};
use crate::support::signer::Form;
use crate::support::{Answer, Api, TestServer, refusal};

const OFF: (&str, &str) = ("auto_projects", "false");
const ON: (&str, &str) = ("auto_projects", "true");

impl TestServer {
    async fn log_in_to(&self, id: &str) -> Answer {
        self.log_in(&scoped(login(USER, DOMAIN, PASSWORD), project(id))).await
    }
}

#[tokio::test]
async fn where_only_named_projects_work_another_is_refused_to_everybody() {
    for mode in ["off", "lenient"] {
        let server = TestServer::with(&[("auth", mode), OFF]).await;
        for api in Api::BOTH {
            let path = api.instances(UNKNOWN_PROJECT);
            for (method, path, body) in [
                ("GET", path.clone(), Value::Null),
                ("POST", path.clone(), json!({})),
                ("GET", format!("{path}/{HA}"), Value::Null),
                ("POST", format!("{path}/{HA}/backups"), json!({})),
            ] {
                let answer = server.call(method, &path).json(&body).send().await;
                answer.assert_refused_by(api, &refusal::OTHER_PROJECT);
                let signed = server.signed(Form::Access, KEY, method, &path, body.to_string().as_bytes());
                signed.send().await.assert_refused_by(api, &refusal::OTHER_PROJECT);
            }
            server.get(&api.instances(PROJECT)).await.ok();
        }
        assert_eq!(server.log_in_to(UNKNOWN_PROJECT).await.status, 401, "{mode}");
        // What is no id is said before.
        server.get("/v1.0/x/instances").await.assert_refused(&refusal::INVALID_PROJECT_ID);
    }
}

#[tokio::test]
async fn a_project_works_from_when_a_seed_names_it_until_everything_is_reset() {
    let server = TestServer::with(&[OFF]).await;
    let path = Api::V2.instances(UNKNOWN_PROJECT);
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::OTHER_PROJECT);
    let seed = of_instances(UNKNOWN_PROJECT, &["0e000000-0000-4000-8000-000000000001"]);
    server.call("POST", "/_emulator/seed").body(seed).send().await.ok();
    assert_eq!(server.get(&path).await.ok()["instance_num"], 1);
    // One that is emptied is there all the same.
    server.post("/_emulator/reset", &json!({ "project_id": UNKNOWN_PROJECT })).await.ok();
    assert_eq!(server.get(&path).await.ok()["instance_num"], 0);
    server.post("/_emulator/reset", &json!({})).await.ok();
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::OTHER_PROJECT);
}

#[tokio::test]
async fn strict_can_let_good_credentials_into_every_project() {
    let server = TestServer::with(&[("auth", "strict"), ON]).await;
    let path = Api::V2.instances(UNKNOWN_PROJECT);
    let list = server.signed(Form::Access, KEY, "GET", &path, b"").send().await.ok();
    assert_eq!(list["instance_num"], 0);
    let token = token_in(&server.log_in_to(UNKNOWN_PROJECT).await);
    server.call("GET", &path).header("x-auth-token", &token).send().await.ok();
    server.get(&path).await.assert_refused_by(Api::V2, &refusal::NO_TOKEN);
}

#[tokio::test]
async fn a_token_opens_no_project_that_works_no_more() {
    let mut server = TestServer::with(&[ON]).await;
    let token = token_in(&server.log_in_to(UNKNOWN_PROJECT).await);
    let path = Api::V2.instances(UNKNOWN_PROJECT);
    server.call("GET", &path).header("x-auth-token", &token).send().await.ok();
    server.set(&[OFF]);
    server.restart().await;
    let answer = server.call("GET", &path).header("x-auth-token", &token).send().await;
    answer.assert_refused_by(Api::V2, &refusal::OTHER_PROJECT);
}
