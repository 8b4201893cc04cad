//! Passwords of instances: changed, reset, and locked after too many tries (wire contract v1.0, section 2.14; v2, section 2.6).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{BY_STATUS, HA, PROJECT, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "PUT",
        "/v1.0/{project_id}/instances/{instance_id}/password",
        a_password_is_changed_by_those_who_know_the_old_one,
    ),
    covered(
        "PUT",
        "/v2/{project_id}/instances/{instance_id}/password",
        a_password_is_changed_by_those_who_know_the_old_one,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/password/reset",
        a_reset_asks_for_no_old_password,
    ),
];

const FIRST: &str = "Secret-12";
const SECOND: &str = "Secret-34";

/// Makes an instance with the first password and returns its id.
async fn instance(server: &TestServer) -> String {
    let order = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "password": FIRST, "vpc_id": "v",
        "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
    });
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    text(&created["instances"][0]["instance_id"])
}

async fn change(server: &TestServer, api: Api, instance: &str, old: &str, new: &str) -> Answer {
    let body = json!({"old_password": old, "new_password": new});
    server.put(&format!("{}/password", api.instance(instance)), &body).await
}

async fn reset(server: &TestServer, instance: &str, body: &Value) -> Answer {
    server.post(&format!("{}/password/reset", Api::V2.instance(instance)), body).await
}

fn success(api: Api) -> Value {
    match api {
        Api::V1 => json!({
            "result": "success", "message": "Modify DCSInstance password success.", "retry_times_left": "5",
            "lock_time": "0", "lock_time_left": "0",
        }),
        Api::V2 => json!({
            "result": "success", "message": "Successfully updated.", "retry_times_left": null, "lock_time": null,
            "lock_time_left": null,
        }),
    }
}

fn failed(api: Api, left: &str) -> Value {
    json!({
        "result": "passwordFailed", "message": "verify password failed.", "retry_times_left": left, "lock_time": "5",
        "lock_time_left": if api == Api::V1 { json!("5") } else { Value::Null },
    })
}

fn locked(minutes: &str) -> Value {
    json!({
        "result": "locked", "message": "instance is locked", "retry_times_left": "0", "lock_time": "5",
        "lock_time_left": minutes,
    })
}

/// What was noted of instances, in order.
async fn notes(server: &TestServer) -> Vec<Value> {
    server.rows("SELECT json_array(who, remark) FROM backup_audit WHERE remark IS NOT NULL").await
}

#[tokio::test]
async fn a_password_is_changed_by_those_who_know_the_old_one() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let id = instance(&server).await;
        server.set_clock_ms(1_000);
        assert_eq!(change(&server, api, &id, FIRST, SECOND).await.ok(), success(api));
        let shown = server.get(&api.instance(&id)).await.ok();
        let changed_at = json!("2020-03-02T06:15:05.512Z");
        assert_eq!((&shown["update_at"], &shown["no_password_access"]), (&changed_at, &json!("false")));
        server.restart().await;
        assert_eq!(change(&server, api, &id, FIRST, "Secret-56").await.ok(), failed(api, "4"));
        assert_eq!(change(&server, api, &id, SECOND, FIRST).await.ok(), success(api));
        assert_eq!(
            notes(&server).await,
            [
                json!(["anonymous", "password changed"]),
                json!(["anonymous", "wrong password"]),
                json!(["anonymous", "password changed"])
            ]
        );
        // Nothing that was sent stands in the database.
        let hashes = server
            .rows("SELECT json_quote(password_hash) FROM instances WHERE password_hash IS NOT NULL")
            .await;
        assert!(hashes.len() == 1 && text(&hashes[0]).starts_with("$argon2id$"), "{hashes:?}");
    }
}

#[tokio::test]
async fn of_a_seeded_instance_every_password_is_the_right_one() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        let new = format!("Secret-{api:?}-1");
        let old = if api == Api::V1 { "whatever".to_owned() } else { format!("Secret-{:?}-1", Api::V1) };
        assert_eq!(change(&server, api, HA, &old, &new).await.ok(), success(api));
    }
    assert_eq!(change(&server, Api::V1, HA, "whatever", "Secret-99").await.ok(), failed(Api::V1, "4"));
}

#[tokio::test]
async fn five_wrong_tries_in_a_row_lock_for_five_minutes_of_the_emulators_clock() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let id = instance(&server).await;
        for left in ["4", "3", "2", "1"] {
            assert_eq!(change(&server, api, &id, "wrong", SECOND).await.ok(), failed(api, left));
        }
        // A right one counts anew.
        assert_eq!(change(&server, api, &id, FIRST, SECOND).await.ok(), success(api));
        for left in ["4", "3", "2", "1"] {
            assert_eq!(change(&server, api, &id, FIRST, SECOND).await.ok(), failed(api, left));
        }
        assert_eq!(change(&server, api, &id, FIRST, SECOND).await.ok(), locked("5"));
        server.restart().await;
        for (millis, minutes) in [(0, "5"), (1, "5"), (60_000, "4"), (299_999, "1")] {
            server.set_clock_ms(millis);
            assert_eq!(change(&server, api, &id, SECOND, FIRST).await.ok(), locked(minutes), "{millis}");
            let answer = reset(&server, &id, &json!({"new_password": FIRST})).await.ok();
            let expected = json!({
                "code": "3", "message": "instance is locked", "ext_message": null, "retry_times_left": "0",
                "lock_time": "5", "lock_time_left": minutes,
            });
            assert_eq!(answer, expected, "{millis}");
        }
        server.set_clock_ms(300_000);
        assert_eq!(change(&server, api, &id, FIRST, SECOND).await.ok(), failed(api, "4"));
        assert_eq!(change(&server, api, &id, SECOND, FIRST).await.ok(), success(api));
        let notes = notes(&server).await;
        let count = |text: &str| notes.iter().filter(|note| note[1] == text).count();
        assert_eq!(
            (count("wrong password"), count("wrong password: locked"), count("password changed")),
            (9, 1, 2)
        );
    }
}

#[tokio::test]
async fn tries_at_the_same_time_are_counted_one_by_one() {
    let server = TestServer::start().await;
    let id = instance(&server).await;
    let wrong = (0..7).map(|_| change(&server, Api::V1, &id, "wrong", SECOND));
    let answers: Vec<Value> = join_all(wrong).await.iter().map(Answer::ok).collect();
    let locked = answers.iter().filter(|answer| answer["result"] == "locked").count();
    let mut left: Vec<String> = answers.iter().map(|answer| text(&answer["retry_times_left"])).collect();
    left.sort();
    assert_eq!((locked, left.join(" ").as_str()), (3, "0 0 0 1 2 3 4"));
}

#[tokio::test]
async fn of_changes_at_the_same_time_one_finds_its_password() {
    let server = TestServer::start().await;
    let id = instance(&server).await;
    let new = ["Secret-a1", "Secret-b2", "Secret-c3"];
    let changes = new.iter().map(|new| change(&server, Api::V2, &id, FIRST, new));
    let answers: Vec<Value> = join_all(changes).await.iter().map(Answer::ok).collect();
    let succeeded = answers.iter().filter(|answer| answer["result"] == "success").count();
    assert_eq!(succeeded, 1, "{answers:?}");
}

#[tokio::test]
async fn a_reset_asks_for_no_old_password() {
    let server = TestServer::start().await;
    let id = instance(&server).await;
    let expected = json!({
        "code": "1", "message": "success", "ext_message": null, "retry_times_left": "5", "lock_time": "0",
        "lock_time_left": "0",
    });
    let no_password = async || server.get(&Api::V2.instance(&id)).await.ok()["no_password_access"].clone();
    assert_eq!(change(&server, Api::V1, &id, "wrong", SECOND).await.ok(), failed(Api::V1, "4"));
    let body = json!({"new_password": SECOND, "no_password_access": false});
    assert_eq!(reset(&server, &id, &body).await.ok(), expected);
    assert_eq!(no_password().await, "false");
    assert_eq!(change(&server, Api::V2, &id, FIRST, "Secret-56").await.ok(), failed(Api::V2, "4"));
    assert_eq!(change(&server, Api::V2, &id, SECOND, FIRST).await.ok(), success(Api::V2));

    assert_eq!(reset(&server, &id, &json!({"no_password_access": "true"})).await.ok(), expected);
    assert_eq!(no_password().await, "true");
    for api in Api::BOTH {
        change(&server, api, &id, FIRST, SECOND).await.assert_refused_by(api, &refusal::PASSWORD_FREE);
    }
    assert_eq!(reset(&server, &id, &json!({"new_password": SECOND})).await.ok(), expected);
    assert_eq!(no_password().await, "false");
    assert_eq!(change(&server, Api::V1, &id, SECOND, FIRST).await.ok(), success(Api::V1));
}

#[tokio::test]
async fn what_cannot_be_a_password_is_refused() {
    let server = TestServer::start().await;
    let before = server.get(&Api::V1.instance(HA)).await.ok();
    for api in Api::BOTH {
        let path = format!("{}/password", api.instance(HA));
        for (body, expected) in [
            (json!({"new_password": SECOND}), &refusal::invalid_parameter("old_password")),
            (
                json!({"old_password": "", "new_password": SECOND}),
                &refusal::invalid_parameter("old_password"),
            ),
            (json!({"old_password": FIRST}), &refusal::invalid_parameter("new_password")),
            (
                json!({"old_password": FIRST, "new_password": null}),
                &refusal::invalid_parameter("new_password"),
            ),
            (json!({"old_password": FIRST, "new_password": "simple"}), &refusal::WEAK_PASSWORD),
            (json!({"old_password": FIRST, "new_password": FIRST}), &refusal::WEAK_PASSWORD),
            (json!({"old_password": 5, "new_password": FIRST}), &refusal::INVALID_BODY),
            (json!({"old_password": FIRST, "new_password": [SECOND]}), &refusal::INVALID_BODY),
            (json!([FIRST, SECOND]), &refusal::INVALID_BODY),
        ] {
            server.put(&path, &body).await.assert_refused_by(api, expected);
        }
        server.call("PUT", &path).send().await.assert_refused_by(api, &refusal::EMPTY_BODY);
        let unknown = change(&server, api, UNKNOWN_INSTANCE, FIRST, SECOND).await;
        unknown.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
    }
    for (body, code) in [
        (json!({"new_password": SECOND, "no_password_access": true}), "DCS.4849"),
        (json!({}), "DCS.4845"),
        (json!({"no_password_access": false}), "DCS.4845"),
        (json!({"new_password": "", "no_password_access": ""}), "DCS.4845"),
        (json!({"new_password": "simple"}), "DCS.4019"),
        (json!({"new_password": SECOND, "no_password_access": "perhaps"}), "DCS.4843"),
        (json!({"new_password": 12}), "DCS.4005"),
        (json!({"no_password_access": []}), "DCS.4005"),
    ] {
        let answer = reset(&server, HA, &body).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!(code)), "{body}");
    }
    let unknown = reset(&server, UNKNOWN_INSTANCE, &json!({"no_password_access": true})).await;
    unknown.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    assert_eq!(server.get(&Api::V1.instance(HA)).await.ok(), before);
}

#[tokio::test]
async fn only_instances_that_run_change_their_passwords() {
    let server = TestServer::start().await;
    for (status, instance) in BY_STATUS {
        let expected = refusal::of_state(status);
        for api in Api::BOTH {
            change(&server, api, instance, FIRST, SECOND).await.assert_refused_by(api, &expected);
        }
        let answer = reset(&server, instance, &json!({"no_password_access": true})).await;
        answer.assert_refused_by(Api::V2, &expected);
    }
    assert_eq!(notes(&server).await, [] as [Value; 0]);
}

/// Returns the id of the next backup once ids follow from `seed` and a call was made meanwhile: each hash made by it takes salt from
/// them.
async fn id_after(server: &TestServer, seed: usize, meanwhile: impl AsyncFnOnce()) -> String {
    server.put("/_emulator/ids", &json!({ "seed": seed })).await.ok();
    meanwhile().await;
    server.create_backup(HA).await
}

#[tokio::test]
async fn a_wrong_password_takes_no_ids_away() {
    let (server, calm) = (TestServer::start().await, TestServer::start().await);
    let (locked_soon, _) = (instance(&server).await, instance(&calm).await);
    let tries = async || {
        let answer = change(&server, Api::V2, &locked_soon, "wrong", SECOND).await.ok();
        assert_eq!(answer["retry_times_left"], "4");
    };
    assert_eq!(id_after(&server, 1, tries).await, id_after(&calm, 1, async || {}).await);
}

#[tokio::test]
async fn nothing_is_hashed_for_whoever_is_refused() {
    let settings = [("instances.unique_names", "false")];
    let (server, calm) = (TestServer::with(&settings).await, TestServer::with(&settings).await);
    let mut made = Vec::new();
    for server in [&server, &calm] {
        let (free, locked) = (instance(server).await, instance(server).await);
        reset(server, &free, &json!({"no_password_access": true})).await.ok();
        for _ in 0..5 {
            change(server, Api::V1, &locked, "wrong", SECOND).await.ok();
        }
        made = vec![free, locked];
    }
    let [free, locked] = [&made[0], &made[1]];
    let (_, restarting) = BY_STATUS[2];
    let new = json!({"new_password": SECOND});
    let refused = [
        (Some(FIRST), free.as_str(), "DCS.4850"),
        (Some(FIRST), locked, "locked"),
        (None, locked, "3"),
        (Some(FIRST), restarting, "DCS.4111"),
        (None, restarting, "DCS.4111"),
        (None, UNKNOWN_INSTANCE, "DCS.3022"),
    ];
    for (seed, (old, instance, expected)) in refused.into_iter().enumerate() {
        let refused = async || {
            let answer = match old {
                Some(old) => change(&server, Api::V2, instance, old, SECOND).await.json(),
                None => reset(&server, instance, &new).await.json(),
            };
            let words = [&answer["error_code"], &answer["result"], &answer["code"]];
            assert!(words.contains(&&json!(expected)), "{answer}");
        };
        let id = id_after(&server, seed, refused).await;
        assert_eq!(id, id_after(&calm, seed, async || {}).await, "{expected}");
    }
    let hashed = id_after(&server, 6, async || {
        change(&server, Api::V1, HA, "whatever", SECOND).await.ok();
    });
    assert_ne!(hashed.await, id_after(&calm, 6, async || {}).await);
}
