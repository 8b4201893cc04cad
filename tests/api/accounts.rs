//! Accounts of instances (wire contract of the operations of v2, section 1).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, SECOND_HA, SINGLE,
    UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, each, is_uuid, refusal, text};

const ALL: &str = "/v2/{project_id}/instances/{instance_id}/accounts";
const ONE: &str = "/v2/{project_id}/instances/{instance_id}/accounts/{account_id}";
const ROLE: &str = "/v2/{project_id}/instances/{instance_id}/accounts/{account_id}/role";
const MODIFY: &str = "/v2/{project_id}/instances/{instance_id}/accounts/{account_id}/password/modify";
const RESET: &str = "/v2/{project_id}/instances/{instance_id}/accounts/{account_id}/password/reset";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", ALL, an_account_is_made_listed_and_described),
    covered("POST", ALL, an_account_is_made_listed_and_described),
    covered("PUT", ONE, an_account_is_made_listed_and_described),
    covered("PUT", ROLE, a_role_changes_when_its_job_ends),
    covered("PUT", MODIFY, a_password_is_changed_by_those_who_know_the_old_one),
    covered("PUT", RESET, a_password_is_reset_whatever_the_old_one_is),
    covered("DELETE", ONE, a_deleted_account_is_gone_when_its_task_ends),
];

const INVALID: Refusal = refusal::other("DCS.4961", "Acl account request param invalid.");
const FIRST: &str = "Secret-12";
const SECOND: &str = "Secret-34";

fn accounts(instance: &str) -> String {
    format!("{}/accounts", Api::V2.instance(instance))
}

fn one(id: &str, rest: &str) -> String {
    format!("{}/{id}{rest}", accounts(HA))
}

fn order(name: &str) -> Value {
    json!({"account_name": name, "account_role": "read", "account_password": FIRST, "description": "add account"})
}

async fn list(server: &TestServer) -> Value {
    server.get(&accounts(HA)).await.ok()["accounts"].take()
}

/// Makes an account and returns its id.
async fn made(server: &TestServer, name: &str) -> String {
    server.post(&accounts(HA), &order(name)).await.ok();
    let all = list(server).await;
    let found = all.as_array().expect("a list").iter().find(|account| account["account_name"] == name);
    text(&found.expect("it is listed")["account_id"])
}

async fn modify(server: &TestServer, id: &str, old: &str, new: &str) -> Answer {
    server.put(&one(id, "/password/modify"), &json!({"old_password": old, "new_password": new})).await
}

async fn reset(server: &TestServer, id: &str, new: &str) -> Answer {
    server.put(&one(id, "/password/reset"), &json!({ "new_password": new })).await
}

/// Returns the name, the status and the account of each task, newest first.
async fn tasks(server: &TestServer) -> Vec<Value> {
    let all = server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok();
    let all = all["tasks"].as_array().expect("a list").iter();
    all.map(|task| json!([task["name"], task["status"], task["details"]["account_name"]])).collect()
}

async fn job_status(server: &TestServer, answer: &Value) -> Value {
    assert_eq!(answer["instance_id"], HA);
    server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&answer["job_id"]))).await.ok()["status"].take()
}

fn locked() -> Value {
    json!({
        "result": "locked", "message": "instance is locked", "retry_times_left": "0", "lock_time": "5",
        "lock_time_left": "5",
    })
}

#[tokio::test]
async fn an_account_is_made_listed_and_described() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let only = list(&server).await;
    let default = json!({
        "account_id": only[0]["account_id"], "account_name": "default", "account_type": "default", "instance_id": HA,
        "status": "AVAILABLE", "account_role": "write", "description": null, "error_code": null,
        "account_read_policy": null,
    });
    assert_eq!(only, json!([default]));
    assert!(is_uuid(&text(&default["account_id"])));
    let begun = server.post(&accounts(HA), &order("rouser")).await.ok();
    assert_eq!(job_status(&server, &begun).await, "RUNNING");
    let shown = server.shown(Api::V2, HA).await;
    assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &Value::Null));
    let all = list(&server).await;
    let id = text(&all[1]["account_id"]);
    let mut account = json!({
        "account_id": id, "account_name": "rouser", "account_type": "normal", "instance_id": HA, "status": "CREATING",
        "account_role": "read", "description": "add account", "error_code": null, "account_read_policy": null,
    });
    assert_eq!(all, json!([default, account]));
    assert_eq!(tasks(&server).await, [json!(["CreateAcl", "EXECUTING", "rouser"])]);
    // Later it may be possible.
    let described = server.put(&one(&id, ""), &json!({"description": "x"})).await;
    described.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    server.delete(&one(&id, "")).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    server.restart().await;
    server.advance_ms(10_000);
    account["status"] = json!("AVAILABLE");
    assert_eq!(list(&server).await, json!([default, account]));
    assert_eq!(job_status(&server, &begun).await, "SUCCESS");
    assert_eq!(tasks(&server).await, [json!(["CreateAcl", "SUCCESS", "rouser"])]);

    server.put(&one(&id, ""), &json!({"description": "another"})).await.assert_no_content();
    assert_eq!(list(&server).await[1]["description"], "another");
    server.put(&one(&id, ""), &json!({"description": ""})).await.assert_no_content();
    assert_eq!(list(&server).await[1]["description"], Value::Null);
    let long = json!({"description": "x".repeat(1025)});
    server.put(&one(&id, ""), &long).await.assert_refused_by(Api::V2, &INVALID);
    assert_eq!(server.get(&accounts(SECOND_HA)).await.ok()["accounts"].as_array().unwrap().len(), 1);
    server.delete(&Api::V2.instance(HA)).await.assert_no_content();
    server.get(&accounts(HA)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused() {
    let server = TestServer::start().await;
    let order = |change: Value| {
        let mut order = order("someone");
        order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        order
    };
    for change in [
        json!({"account_name": null}),
        json!({"account_name": "1a"}),
        json!({"account_name": "default"}),
        json!({"account_name": "x".repeat(65)}),
        json!({"account_role": null}),
        json!({"account_role": "admin"}),
        json!({"account_password": null}),
        json!({"account_password": "secret-x"}),
        json!({"account_password": "Secret:12"}),
        json!({"account_name": "a21-terceS", "account_password": "Secret-12a"}),
        json!({"description": "x".repeat(1025)}),
    ] {
        let answer = server.post(&accounts(HA), &order(change)).await;
        answer.assert_refused_by(Api::V2, &INVALID);
    }
    server.call("POST", &accounts(HA)).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    for number in 0..18 {
        made(&server, &format!("a{number}")).await;
    }
    // What waiting would not mend is said first.
    let again = server.post(&accounts(HA), &order(json!({"account_name": "a0"}))).await;
    again.assert_refused_by(Api::V2, &INVALID);
    server.post(&accounts(HA), &order(json!({}))).await.assert_refused_by(Api::V2, &refusal::TOO_MANY_TAGS);
    let names = each(&list(&server).await, "account_name");
    assert_eq!((names.len(), &names[0], &names[18]), (19, &json!("default"), &json!("a17")));
}

#[tokio::test]
async fn accounts_are_those_of_newer_engines_that_run_and_are_idle() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    for instance in [OLD_REDIS, MEMCACHED] {
        let listed = server.get(&accounts(instance)).await;
        listed.assert_refused_by(Api::V2, &refusal::other("DCS.4964", "Failed to query acl list."));
        server.post(&accounts(instance), &order("a")).await.assert_refused_by(Api::V2, &INVALID);
    }
    for instance in [OTHERS_HA, UNKNOWN_INSTANCE] {
        server.get(&accounts(instance)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
        let created = server.post(&accounts(instance), &order("a")).await;
        created.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    for (status, instance) in BY_STATUS {
        let created = server.post(&accounts(instance), &order("a")).await;
        created.assert_refused_by(Api::V2, &refusal::of_state(status));
        assert_eq!(server.get(&accounts(instance)).await.ok()["accounts"][0]["account_name"], "default");
    }
    let id = made(&server, "rouser").await;
    server.create_backup(HA).await;
    let role = json!({"account_role": "write"});
    for answer in [
        server.post(&accounts(HA), &order("b")).await,
        server.put(&one(&id, ""), &json!({"description": "x"})).await,
        server.put(&one(&id, "/role"), &role).await,
        modify(&server, &id, FIRST, SECOND).await,
        reset(&server, &id, SECOND).await,
        server.delete(&one(&id, "")).await,
    ] {
        answer.assert_refused_by(Api::V2, &refusal::BACKING_UP);
    }
    server.advance_ms(5_000);
    server.put(&one(&id, "/role"), &role).await.ok();
    assert_eq!(list(&server).await[1]["account_role"], "write");
}

#[tokio::test]
async fn the_default_account_and_unknown_ones_stay_as_they_are() {
    let server = TestServer::start().await;
    let default = text(&list(&server).await[0]["account_id"]);
    let role = json!({"account_role": "read"});
    for id in [default.as_str(), UNKNOWN_INSTANCE, "none"] {
        server.put(&one(id, ""), &json!({"description": "x"})).await.assert_refused_by(Api::V2, &INVALID);
        server.put(&one(id, "/role"), &role).await.assert_refused_by(Api::V2, &INVALID);
        server.delete(&one(id, "")).await.assert_refused_by(Api::V2, &INVALID);
    }
    for id in [UNKNOWN_INSTANCE, "none"] {
        modify(&server, id, FIRST, SECOND).await.assert_refused_by(Api::V2, &INVALID);
        reset(&server, id, SECOND).await.assert_refused_by(Api::V2, &INVALID);
    }
    let mine = made(&server, "mine").await;
    let others = format!("{}/{mine}/role", accounts(SECOND_HA));
    server.put(&others, &role).await.assert_refused_by(Api::V2, &INVALID);
    server.put(&one(&mine, "/role"), &json!({})).await.assert_refused_by(Api::V2, &INVALID);
    // The password of the default account is that of the instance.
    reset(&server, &default, "weak").await.assert_refused_by(Api::V2, &refusal::WEAK_PASSWORD);
    assert_eq!(reset(&server, &default, FIRST).await.ok()["code"], "1");
    let changed = modify(&server, &default, "Wrong-12", SECOND).await.ok();
    assert_eq!((&changed["result"], &changed["retry_times_left"]), (&json!("passwordFailed"), &json!("4")));
    assert_eq!(modify(&server, &default, FIRST, SECOND).await.ok()["result"], "success");
    let path = format!("{}/password", Api::V2.instance(HA));
    let body = json!({"old_password": SECOND, "new_password": FIRST});
    assert_eq!(server.put(&path, &body).await.ok()["result"], "success");
}

#[tokio::test]
async fn a_role_changes_when_its_job_ends() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let id = made(&server, "rouser").await;
    server.advance_ms(10_000);
    let begun = server.put(&one(&id, "/role"), &json!({"account_role": "write"})).await.ok();
    assert_eq!(job_status(&server, &begun).await, "RUNNING");
    let account = list(&server).await[1].take();
    assert_eq!((&account["status"], &account["account_role"]), (&json!("UPDATING"), &json!("read")));
    let again = server.put(&one(&id, "/role"), &json!({"account_role": "read"})).await;
    again.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    server.restart().await;
    server.advance_ms(10_000);
    let account = list(&server).await[1].take();
    assert_eq!((&account["status"], &account["account_role"]), (&json!("AVAILABLE"), &json!("write")));
    assert_eq!(job_status(&server, &begun).await, "SUCCESS");
    assert_eq!(tasks(&server).await[0], json!(["UpdateAclRole", "SUCCESS", "rouser"]));
    let events = server
        .rows(
            "SELECT json_array(s.word, t.word) FROM events e LEFT JOIN statuses s ON s.status = from_status
             LEFT JOIN statuses t ON t.status = to_status WHERE subject_kind = 'account' ORDER BY number",
        )
        .await;
    let expected = [
        json!([null, "CREATING"]),
        json!(["CREATING", "AVAILABLE"]),
        json!(["AVAILABLE", "UPDATING"]),
        json!(["UPDATING", "AVAILABLE"]),
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_password_is_changed_by_those_who_know_the_old_one() {
    let mut server = TestServer::start().await;
    let id = made(&server, "rouser").await;
    let success = json!({
        "result": "success", "message": "Modify DCSInstance password success.", "lock_time": "0",
        "lock_time_left": "0", "retry_times_left": "5",
    });
    for (old, new) in [(FIRST, "weak"), (FIRST, FIRST), (FIRST, "Secret:34")] {
        modify(&server, &id, old, new).await.assert_refused_by(Api::V2, &INVALID);
    }
    let missing = server.put(&one(&id, "/password/modify"), &json!({"new_password": SECOND})).await;
    missing.assert_refused_by(Api::V2, &INVALID);
    assert_eq!(modify(&server, &id, FIRST, SECOND).await.ok(), success);
    for left in ["4", "3", "2", "1"] {
        let failed = json!({
            "result": "passwordFailed", "message": "verify password failed.", "retry_times_left": left,
            "lock_time": "5", "lock_time_left": null,
        });
        assert_eq!(modify(&server, &id, FIRST, "Secret-56").await.ok(), failed);
        server.restart().await;
    }
    assert_eq!(modify(&server, &id, FIRST, "Secret-56").await.ok(), locked());
    assert_eq!(modify(&server, &id, SECOND, "Secret-56").await.ok(), locked());
    let refused = reset(&server, &id, "Secret-56").await.ok();
    let message = json!("instance is locked");
    assert_eq!(
        (&refused["code"], &refused["message"], &refused["lock_time_left"]),
        (&json!("3"), &message, &json!("5"))
    );
    server.advance_ms(300_000);
    assert_eq!(modify(&server, &id, SECOND, "Secret-56").await.ok(), success);
    // No password stands anywhere, nor does a task tell of it.
    for secret in [FIRST, SECOND] {
        let found = server.rows("SELECT json_quote(document) FROM accounts").await;
        assert!(!found[0].to_string().contains(secret), "{found:?}");
    }
    assert_eq!(tasks(&server).await.len(), 1);
}

#[tokio::test]
async fn a_password_is_reset_whatever_the_old_one_is() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let id = made(&server, "rouser").await;
    server.advance_ms(10_000);
    reset(&server, &id, "weak").await.assert_refused_by(Api::V2, &INVALID);
    server.put(&one(&id, "/password/reset"), &json!({})).await.assert_refused_by(Api::V2, &INVALID);
    assert_eq!(
        reset(&server, &id, SECOND).await.ok(),
        json!({"code": "1", "message": "Reset DCSInstance password success.", "lock_time": "0", "lock_time_left": "0",
               "retry_times_left": "5"})
    );
    assert_eq!(list(&server).await[1]["status"], "UPDATING");
    assert_eq!(tasks(&server).await[0], json!(["ResetAclPassword", "EXECUTING", "rouser"]));
    server.advance_ms(10_000);
    assert_eq!(list(&server).await[1]["status"], "AVAILABLE");
    assert_eq!(modify(&server, &id, FIRST, "Secret-56").await.ok()["result"], "passwordFailed");
    assert_eq!(modify(&server, &id, SECOND, "Secret-56").await.ok()["result"], "success");
}

#[tokio::test]
async fn a_deleted_account_is_gone_when_its_task_ends() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let id = made(&server, "rouser").await;
    server.advance_ms(10_000);
    assert_eq!(server.delete(&one(&id, "")).await.ok(), json!({}));
    assert_eq!(list(&server).await[1]["status"], "DELETING");
    assert_eq!(tasks(&server).await[0], json!(["DeleteAcl", "EXECUTING", "rouser"]));
    server.restart().await;
    server.advance_ms(10_000);
    assert_eq!(list(&server).await.as_array().unwrap().len(), 1);
    assert_eq!(tasks(&server).await[0], json!(["DeleteAcl", "SUCCESS", "rouser"]));
    server.delete(&one(&id, "")).await.assert_refused_by(Api::V2, &INVALID);
    made(&server, "rouser").await;
}

#[tokio::test]
async fn each_change_can_fail() {
    let server = TestServer::start().await;
    let fail = async |operation: &str| {
        let fault = json!({
            "match": {"operation": operation}, "times": 1,
            "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
        });
        server.post("/_emulator/faults", &fault).await.ok();
    };
    let status = async || list(&server).await[1]["status"].take();
    fail("create_acl_account").await;
    let id = made(&server, "rouser").await;
    assert_eq!(status().await, "CREATEFAILED");
    assert_eq!(tasks(&server).await[0], json!(["CreateAcl", "FAILED", "rouser"]));
    let role = json!({"account_role": "write"});
    server.put(&one(&id, "/role"), &role).await.assert_refused_by(Api::V2, &INVALID);
    fail("delete_acl_account").await;
    server.delete(&one(&id, "")).await.ok();
    assert_eq!(status().await, "DELETEFAILED");
    server.delete(&one(&id, "")).await.ok();
    let id = made(&server, "rouser").await;
    fail("update_acl_account").await;
    server.put(&one(&id, "/role"), &role).await.ok();
    assert_eq!(status().await, "ERROR");
    assert_eq!(list(&server).await[1]["account_role"], "read");
    fail("reset_acl_account_pass_word").await;
    reset(&server, &id, SECOND).await.ok();
    assert_eq!(status().await, "ERROR");
    assert_eq!(modify(&server, &id, FIRST, SECOND).await.ok()["result"], "success");
    server.put(&one(&id, "/role"), &role).await.ok();
    assert_eq!(status().await, "AVAILABLE");
}

#[tokio::test]
async fn a_password_with_a_colon_leaves_no_room_for_accounts() {
    let server = TestServer::start().await;
    let colon = json!({"new_password": "Secret:12", "no_password_access": false});
    for (instance, is_refused) in [(HA, true), (SINGLE, true), (CLUSTER, false), (PROXY, false)] {
        let path = format!("{}/password/reset", Api::V2.instance(instance));
        server.post(&path, &colon).await.ok();
        let created = server.post(&accounts(instance), &order("a")).await;
        if is_refused {
            created.assert_refused_by(Api::V2, &INVALID);
            server.post(&path, &json!({"new_password": FIRST, "no_password_access": false})).await.ok();
            server.post(&accounts(instance), &order("a")).await.ok();
        } else {
            created.ok();
        }
    }
    let new = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "password": "Secret:12",
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
    });
    let made = server.post(&Api::V2.instances(PROJECT), &new).await.ok();
    let instance = text(&made["instances"][0]["instance_id"]);
    server.post(&accounts(&instance), &order("a")).await.assert_refused_by(Api::V2, &INVALID);
    let change = json!({"old_password": "Secret:12", "new_password": FIRST});
    server.put(&format!("{}/password", Api::V2.instance(&instance)), &change).await.ok();
    server.post(&accounts(&instance), &order("a")).await.ok();
}
