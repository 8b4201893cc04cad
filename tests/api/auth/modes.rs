//! Who is let in, by mode, and what the caller may do (wire contract v1.0, section 1.3; `decisions` nos. 17, 18, 26).

use serde_json::{Value, json};

use crate::support::identity::{
    ALICE, BOB, DENIED, DOMAIN, KEY, Key, MEMBER, PASSWORD, READER, USER, login, project, scoped, token_in,
    users,
};
use crate::support::seed::{
    HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SECOND_HA, UNKNOWN_BACKUP, UNKNOWN_PROJECT, of_instances,
};
use crate::support::signer::Form;
use crate::support::{Answer, Api, Refusal, TestServer, refusal, text};

use crate::identity::logins::assert_keystone;

/// A call of the API about [`PROJECT`]: method, path, body.
type Call = (&'static str, String, Value);

/// Every call about a project that only reads.
fn reads(api: Api) -> Vec<Call> {
    [api.instances(PROJECT), api.instance(HA), api.backups(HA), api.restores(HA)]
        .map(|path| ("GET", path, Value::Null))
        .into()
}

/// Every call about a project that is no GET, with the action that it is.
fn writes(api: Api, backup: &str) -> Vec<(Call, &'static str)> {
    vec![
        (("POST", api.backups(HA), json!({})), "dcs:instance:backupData"),
        (("POST", api.restores(HA), json!({"backup_id": backup})), "dcs:instance:restoreData"),
        (("POST", api.links(HA, backup), json!({"expiration": 300})), "dcs:instance:downloadBackupData"),
        (("DELETE", api.backup(HA, backup), Value::Null), "dcs:instance:deleteDataBackupFile"),
    ]
}

fn all(api: Api, backup: &str) -> Vec<Call> {
    reads(api).into_iter().chain(writes(api, backup).into_iter().map(|(call, _)| call)).collect()
}

async fn anonymously(server: &TestServer, (method, path, body): &Call) -> Answer {
    let call = server.call(method, path);
    if body.is_null() { call.send().await } else { call.json(body).send().await }
}

async fn with_token(server: &TestServer, token: &str, (method, path, body): &Call) -> Answer {
    let call = server.call(method, path).header("x-auth-token", token);
    if body.is_null() { call.send().await } else { call.json(body).send().await }
}

async fn with_key(server: &TestServer, form: Form, key: Key, (method, path, body): &Call) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    server.signed(form, key, method, path, &body).send().await
}

#[track_caller]
fn assert_served(answer: &Answer) {
    assert!((200..300).contains(&answer.status), "{}: {}", answer.status, answer.text());
}

/// Has [`ALICE`] back up [`HA`] and returns the id.
async fn backup_of_alice(server: &TestServer) -> String {
    let call = ("POST", Api::V1.backups(HA), json!({}));
    text(&with_key(server, Form::Access, ALICE, &call).await.ok()["backup_id"])
}

#[tokio::test]
async fn off_looks_at_nothing() {
    let server = TestServer::seeded(&users(), &[("auth", "off")]).await;
    let bob = server.token_of("bob", OTHER_PROJECT).await;
    for api in Api::BOTH {
        let backup = server.create_backup(HA).await;
        for call in all(api, &backup) {
            // Not at a token of another project, not at a wrong signature, not at a reader's.
            assert_served(&with_token(&server, &bob, &call).await);
            assert_served(&with_key(&server, Form::Access, Key(ALICE.0, "wrong"), &call).await);
            assert_served(&with_key(&server, Form::Access, READER, &call).await);
            assert_served(&anonymously(&server, &call).await);
        }
    }
    let who =
        server.rows("SELECT json_array(who) FROM backup_audit WHERE what <> 'instance' GROUP BY who").await;
    assert_eq!(who, [json!(["anonymous"])]);
}

#[tokio::test]
async fn lenient_lets_in_who_is_unknown_and_holds_its_own_to_their_project() {
    let server = TestServer::seeded(&users(), &[]).await;
    let bob = server.token_of("bob", OTHER_PROJECT).await;
    for api in Api::BOTH {
        let backup = server.create_backup(HA).await;
        for call in all(api, &backup) {
            with_token(&server, &bob, &call).await.assert_refused_by(api, &refusal::OTHER_PROJECT);
            for form in Form::BOTH {
                let answer = with_key(&server, form, BOB, &call).await;
                answer.assert_refused_by(api, &refusal::OTHER_PROJECT);
                let wrong = with_key(&server, form, Key(ALICE.0, "wrong"), &call).await;
                wrong.assert_refused_by(api, &refusal::INVALID_TOKEN);
                assert_served(&with_key(&server, form, Key("NOBODY", "x"), &call).await);
            }
            assert_served(&with_token(&server, "unknown", &call).await);
            assert_served(&anonymously(&server, &call).await);
        }
    }
    // Another scheme is nothing that this service knows.
    let basic = server.call("GET", &Api::V1.instances(PROJECT)).header("authorization", "Basic dTpw");
    basic.send().await.ok();
}

#[tokio::test]
async fn strict_lets_in_only_good_credentials() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let (alice, bob) = (server.token_of("alice", PROJECT).await, server.token_of("bob", OTHER_PROJECT).await);
    for api in Api::BOTH {
        let backup = backup_of_alice(&server).await;
        for call in all(api, &backup) {
            anonymously(&server, &call).await.assert_refused_by(api, &refusal::NO_TOKEN);
            with_token(&server, "", &call).await.assert_refused_by(api, &refusal::NO_TOKEN);
            with_token(&server, "unknown", &call).await.assert_refused_by(api, &refusal::INVALID_TOKEN);
            with_token(&server, &bob, &call).await.assert_refused_by(api, &refusal::OTHER_PROJECT);
            for form in Form::BOTH {
                for key in [Key(ALICE.0, "wrong"), Key("NOBODY", "x")] {
                    let answer = with_key(&server, form, key, &call).await;
                    answer.assert_refused_by(api, &refusal::INVALID_TOKEN);
                }
                let answer = with_key(&server, form, BOB, &call).await;
                answer.assert_refused_by(api, &refusal::OTHER_PROJECT);
                assert_served(&with_key(&server, form, ALICE, &call).await);
            }
            assert_served(&with_token(&server, &alice, &call).await);
        }
        let (method, path, _) = &reads(api)[0];
        let basic = server.call(method, path).header("authorization", "Basic dTpw").send().await;
        basic.assert_refused_by(api, &refusal::NO_TOKEN);
    }
    // What is not about a project asks nobody who they are.
    for path in ["/livez", "/readyz", "/metrics", "/v2", "/v3"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    server.get("/nothing").await.assert_refused(&refusal::UNKNOWN_ROUTE);
    server
        .call("PUT", &Api::V2.backups(HA))
        .send()
        .await
        .assert_refused_by(Api::V2, &refusal::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_of_the_domain_opens_no_project() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::with(&[("auth", mode)]).await;
        let scope = json!({"domain": {"name": DOMAIN}});
        let token = token_in(&server.log_in(&scoped(login(USER, DOMAIN, PASSWORD), scope)).await);
        for api in Api::BOTH {
            for call in all(api, UNKNOWN_BACKUP) {
                with_token(&server, &token, &call).await.assert_refused_by(api, &refusal::OTHER_PROJECT);
            }
        }
    }
}

#[tokio::test]
async fn in_strict_a_key_of_every_project_opens_those_that_somebody_has_named() {
    let call = ("GET", Api::V1.instances(UNKNOWN_PROJECT), Value::Null);
    let strict = TestServer::with(&[("auth", "strict")]).await;
    with_key(&strict, Form::Access, KEY, &call).await.assert_refused(&refusal::OTHER_PROJECT);
    for project in [PROJECT, OTHER_PROJECT] {
        let call = ("GET", Api::V1.instances(project), Value::Null);
        with_key(&strict, Form::Access, KEY, &call).await.ok();
        with_key(&strict, Form::Access, KEY, &call).await.ok();
    }
    let lenient = TestServer::start().await;
    assert_eq!(with_key(&lenient, Form::Access, KEY, &call).await.ok()["instance_num"], 0);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_contracts_order() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let (alice, reader) = (server.token_of("alice", PROJECT).await, server.token_of("reader", PROJECT).await);
    let member = server.token_of("member", PROJECT).await;
    for api in Api::BOTH {
        let path = |project: &str, instance: &str| format!("{}/{instance}/backups", api.instances(project));
        let cases: [(&str, String, &str, Refusal); 8] = [
            // Credentials first, then the form of the project id, then whether they open it, then what they permit,
            // then everything else.
            ("", path("x", "y"), "[]", refusal::NO_TOKEN),
            ("unknown", path("x", "y"), "[]", refusal::INVALID_TOKEN),
            (&alice, path("x", "y"), "[]", refusal::INVALID_PROJECT_ID),
            (&reader, path(OTHER_PROJECT, "y"), "[]", refusal::OTHER_PROJECT),
            (&reader, path(PROJECT, "y"), "[]", refusal::READ_ONLY),
            (&member, path(PROJECT, "y"), "[]", refusal::NO_ROLE),
            (&alice, path(PROJECT, "y"), "[]", refusal::INVALID_INSTANCE_ID),
            (&alice, path(PROJECT, OTHERS_HA), "[]", refusal::INVALID_BODY),
        ];
        for (token, path, body, first) in cases {
            let call = server.call("POST", &path).header("x-auth-token", token).body(body);
            call.send().await.assert_refused_by(api, &first);
        }
        let signed = server.signed(Form::Access, ALICE, "POST", &path("x", "y"), b"[]").send().await;
        signed.assert_refused_by(api, &refusal::INVALID_PROJECT_ID);
    }
}

#[tokio::test]
async fn a_reader_reads_and_does_not_write() {
    for mode in ["lenient", "strict"] {
        let server = TestServer::seeded(&users(), &[("auth", mode)]).await;
        let backup = backup_of_alice(&server).await;
        let token = server.token_of("reader", PROJECT).await;
        for api in Api::BOTH {
            for call in reads(api) {
                with_token(&server, &token, &call).await.ok();
                with_key(&server, Form::Credential, READER, &call).await.ok();
            }
            for (call, action) in writes(api, &backup) {
                // A link changes nothing.
                if action == "dcs:instance:downloadBackupData" {
                    with_token(&server, &token, &call).await.ok();
                    continue;
                }
                with_token(&server, &token, &call).await.assert_refused_by(api, &refusal::READ_ONLY);
                let answer = with_key(&server, Form::Access, READER, &call).await;
                answer.assert_refused_by(api, &refusal::READ_ONLY);
            }
        }
        let call = ("GET", Api::V1.backups(HA), Value::Null);
        let list = with_token(&server, &token, &call).await.ok();
        assert_eq!(
            (&list["total_num"], &list["backup_record_response"][0]["status"]),
            (&json!(1), &json!("succeed"))
        );
    }
}

#[tokio::test]
async fn a_member_without_rights_is_refused_everything() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let backup = backup_of_alice(&server).await;
    let token = server.token_of("member", PROJECT).await;
    for api in Api::BOTH {
        for call in all(api, &backup) {
            with_token(&server, &token, &call).await.assert_refused_by(api, &refusal::NO_ROLE);
            with_key(&server, Form::Access, MEMBER, &call).await.assert_refused_by(api, &refusal::NO_ROLE);
        }
    }
}

#[tokio::test]
async fn what_is_denied_is_named_and_nothing_else_is_touched() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let token = server.token_of("denied", PROJECT).await;
    for api in Api::BOTH {
        let backup = backup_of_alice(&server).await;
        for (call, action) in writes(api, &backup) {
            let answer = with_token(&server, &token, &call).await;
            if action == "dcs:instance:deleteDataBackupFile" {
                answer.assert_refused_by(api, &refusal::action_denied("dcs:instance:deleteDataBackupFile"));
                assert!(
                    answer
                        .text()
                        .contains("Policy does not allow dcs:instance:deleteDataBackupFile to be performed.")
                );
            } else {
                assert_served(&answer);
            }
        }
        let list = with_key(&server, Form::Access, DENIED, &reads(api)[0]).await;
        list.assert_refused_by(api, &refusal::action_denied("dcs:instance:list"));
        with_key(&server, Form::Access, DENIED, &reads(api)[1]).await.ok();
    }
}

#[tokio::test]
async fn every_action_can_be_denied_by_its_own_name() {
    let names = [
        "dcs:instance:list",
        "dcs:instance:get",
        "dcs:instance:getDataBackupLog",
        "dcs:instance:getDataRestoreLog",
        "dcs:instance:backupData",
        "dcs:instance:restoreData",
        "dcs:instance:downloadBackupData",
        "dcs:instance:deleteDataBackupFile",
    ];
    for (position, name) in names.into_iter().enumerate() {
        let seed = format!(
            "users: [{{name: u, roles: {{\"*\": dcs_admin}}, access_keys: [{{access: AK, secret: sk}}], deny: [{name}]}}]\n{}",
            of_instances(PROJECT, &[HA])
        );
        let server = TestServer::seeded(&seed, &[]).await;
        let backup = server.create_backup(HA).await;
        for (other, call) in all(Api::V2, &backup).iter().enumerate() {
            let answer = with_key(&server, Form::Access, Key("AK", "sk"), call).await;
            if other == position {
                answer.assert_refused_by(Api::V2, &refusal::action_denied(name));
            } else {
                assert_served(&answer);
            }
        }
    }
}

#[tokio::test]
async fn the_audit_says_who_it_was_and_never_what_they_showed() {
    let server = TestServer::seeded(&users(), &[]).await;
    let token = server.token_of("alice", PROJECT).await;
    let call = ("POST", Api::V2.backups(HA), json!({}));
    with_token(&server, &token, &call).await.ok();
    with_key(&server, Form::Access, ALICE, &call).await.ok();
    with_key(&server, Form::Credential, DENIED, &call).await.ok();
    anonymously(&server, &call).await.ok();
    with_token(&server, "unknown-token", &call).await.ok();
    with_key(&server, Form::Access, Key("AKNOBODY", "x"), &call).await.ok();
    let restore = ("POST", Api::V1.restores(HA), json!({"backup_id": server.newest(HA).await["backup_id"]}));
    with_key(&server, Form::Access, ALICE, &restore).await.ok();
    let rows = server.rows("SELECT json_array(what, who) FROM backup_audit WHERE what <> 'instance'").await;
    let expected = [
        ["backup", "user:alice"],
        ["backup", "key:AKALICE"],
        ["backup", "key:AKDENIED"],
        ["backup", "anonymous"],
        ["backup", "anonymous"],
        ["backup", "anonymous"],
        ["restore", "key:AKALICE"],
    ];
    assert_eq!(json!(rows), json!(expected));
    let names = server.rows("SELECT json_array(name) FROM actors").await;
    assert!(!json!(names).to_string().contains(&token));
}

#[tokio::test]
async fn the_built_in_user_is_there_only_while_no_seed_has_users() {
    let mut server = TestServer::start().await;
    let token = server.built_in_token().await;
    let call = ("GET", Api::V1.instances(PROJECT), Value::Null);
    with_key(&server, Form::Access, KEY, &call).await.ok();
    server.set(&[("auth", "strict")]);
    server.write_seed(&users().replace(
        "0123456789abcdef0123456789abcdef, name: acme",
        "d78cbac186b744899480f25bd022f468, name: emulator-domain",
    ));
    server.restart().await;
    // Gone with all that hung on it.
    assert_keystone(&server.log_in(&login(USER, DOMAIN, PASSWORD)).await, 401, "Unauthorized");
    with_token(&server, &token, &call).await.assert_refused(&refusal::INVALID_TOKEN);
    with_key(&server, Form::Access, KEY, &call).await.assert_refused(&refusal::INVALID_TOKEN);
    with_key(&server, Form::Access, ALICE, &call).await.ok();
    // And it does not come back when a later seed says nothing of users.
    server.write_seed(&of_instances(PROJECT, &[HA]));
    server.restart().await;
    with_key(&server, Form::Access, KEY, &call).await.assert_refused(&refusal::INVALID_TOKEN);
    with_key(&server, Form::Access, ALICE, &call).await.ok();
}

#[tokio::test]
async fn a_seed_may_say_who_the_user_emulator_is() {
    let seed = format!(
        "users: [{{name: emulator, password: changed, access_keys: [{{access: OWNKEY, secret: own}}]}}]\n{}",
        of_instances(PROJECT, &[HA, SECOND_HA])
    );
    let server = TestServer::seeded(&seed, &[("auth", "strict")]).await;
    assert_keystone(&server.log_in(&login(USER, DOMAIN, PASSWORD)).await, 401, "Unauthorized");
    let token = token_in(&server.log_in(&scoped(login(USER, DOMAIN, "changed"), project(PROJECT))).await);
    // Without roles in the seed: everything, everywhere.
    let call = ("POST", Api::V1.backups(HA), json!({}));
    with_token(&server, &token, &call).await.ok();
    with_key(&server, Form::Access, Key("OWNKEY", "own"), &call).await.ok();
    with_key(&server, Form::Access, KEY, &call).await.assert_refused(&refusal::INVALID_TOKEN);
}
