//! `POST …/restores` on both versions: what is refused, in which order, and what a restore does to its instance (wire
//! contract v1.0, sections 2.5 and 3.3; v2, section 2.2).

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SECOND_HA, SINGLE, UNKNOWN_BACKUP, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, is_uuid, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "POST",
        "/v1.0/{project_id}/instances/{instance_id}/restores",
        a_restore_that_takes_no_time_has_succeeded_when_its_answer_leaves,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/restores",
        a_restore_that_takes_no_time_has_succeeded_when_its_answer_leaves,
    ),
];

const START: &str = "2020-03-02T06:15:04.512Z";

async fn post(server: &TestServer, api: Api, instance: &str, body: &Value) -> Answer {
    server.post(&api.restores(instance), body).await
}

#[tokio::test]
async fn a_restore_that_takes_no_time_has_succeeded_when_its_answer_leaves() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_remarked(HA, "before migration").await;
        let answer = post(&server, api, HA, &json!({"backup_id": backup, "remark": "roll back"})).await.ok();
        let id = text(&answer["restore_id"]);
        assert_eq!(answer, json!({"restore_id": id}));
        assert!(is_uuid(&id), "{id}");
        assert_eq!(server.status(api, HA).await, "RUNNING");
        let newest = server.newest_restore(api, HA).await;
        assert_eq!((&newest["restore_id"], &newest["status"]), (&json!(id), &json!("succeed")));
        // The instance accepts the next call at once.
        post(&server, api, HA, &json!({"backup_id": backup})).await.ok();
        server.create_backup(HA).await;
    }
}

/// The part of a restore that time changes, and the status of its instance.
async fn moving_part(server: &TestServer, api: Api) -> Value {
    let status = server.status(api, HA).await;
    let record = server.newest_restore(api, HA).await;
    json!([status, record["status"], record["progress"], record["updated_at"], record["error_code"]])
}

#[tokio::test]
async fn the_instance_is_restoring_before_the_answer_leaves_and_until_the_restore_has_ended() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("restore.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        post(&server, api, HA, &json!({"backup_id": backup})).await.ok();
        let end = "2020-03-02T06:15:09.512Z";
        for (millis, expected) in [
            (0, json!(["RESTORING", "waiting", "0.00", null, null])),
            (499, json!(["RESTORING", "waiting", "0.00", null, null])),
            (500, json!(["RESTORING", "restoring", "0.00", null, null])),
            (2_750, json!(["RESTORING", "restoring", "50.00", null, null])),
            (4_999, json!(["RESTORING", "restoring", "99.97", null, null])),
            (5_000, json!(["RUNNING", "succeed", "100.00", end, null])),
            (86_400_000, json!(["RUNNING", "succeed", "100.00", end, null])),
        ] {
            server.set_clock_ms(millis);
            assert_eq!(moving_part(&server, api).await, expected, "{api:?} after {millis} ms");
        }
    }
}

#[tokio::test]
async fn only_the_instance_that_is_restored_is_concerned() {
    let server = TestServer::with(&[("restore.duration", "5s")]).await;
    let backup = server.create_backup(HA).await;
    server.restore(Api::V2, HA, &json!({"backup_id": backup})).await;
    assert_eq!(server.status(Api::V1, HA).await, "RESTORING");
    assert_eq!(server.status(Api::V1, SECOND_HA).await, "RUNNING");
    server.create_backup(SECOND_HA).await;
    let restoring = server.get(&format!("{}?status=RESTORING", Api::V1.instances(PROJECT))).await.ok();
    let seeded_and_this = 2;
    assert_eq!(restoring["instance_num"], seeded_and_this);
}

#[tokio::test]
async fn a_restart_in_the_middle_changes_nothing_of_the_plan() {
    for api in Api::BOTH {
        let mut server = TestServer::with(&[("restore.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        server.restore(api, HA, &json!({"backup_id": backup})).await;
        server.restart().await;
        assert_eq!(moving_part(&server, api).await, json!(["RESTORING", "waiting", "0.00", null, null]));
        server.set_clock_ms(2_750);
        // Not even another duration does.
        server.set(&[("restore.duration", "1h")]);
        server.restart().await;
        assert_eq!(moving_part(&server, api).await, json!(["RESTORING", "restoring", "50.00", null, null]));
        post(&server, api, HA, &json!({"backup_id": backup}))
            .await
            .assert_refused_by(api, &refusal::RESTORING);
        server.stop().await;
        server.set_clock_ms(60_000);
        server.restart().await;
        let end = "2020-03-02T06:15:09.512Z";
        assert_eq!(moving_part(&server, api).await, json!(["RUNNING", "succeed", "100.00", end, null]));
    }
}

#[tokio::test]
async fn the_source_cannot_be_deleted_meanwhile_and_afterwards_it_can() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("restore.duration", "5s")]).await;
        let backup = server.create_remarked(HA, "before migration").await;
        server.restore(api, HA, &json!({"backup_id": backup, "remark": "roll back"})).await;
        let path = api.backup(HA, &backup);
        server.delete(&path).await.assert_refused_by(api, &refusal::RESTORING);
        server.set_clock_ms(5_000);
        let before = server.restores(api, HA, "").await;
        api.assert_deleted(&server.delete(&path).await);
        // The restore keeps what it knows of its backup.
        assert_eq!(server.restores(api, HA, "").await, before);
        let record = &before["restore_record_response"][0];
        assert_eq!(record["backup_id"], backup);
        assert_eq!(
            (&record["backup_name"], &record["backup_remark"]),
            (&json!("backup_20200302141504"), &json!("before migration"))
        );
        post(&server, api, HA, &json!({"backup_id": backup}))
            .await
            .assert_refused_by(api, &refusal::BACKUP_NOT_USABLE);
    }
}

#[tokio::test]
async fn a_backup_that_is_not_there_or_belongs_to_another_instance_is_a_wrong_parameter() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let others = server.create_backup(SECOND_HA).await;
        for backup in [UNKNOWN_BACKUP, &others, &others.to_uppercase()] {
            let answer = post(&server, api, HA, &json!({"backup_id": backup})).await;
            answer.assert_refused_by(api, &refusal::invalid_parameter("backup_id"));
        }
        assert_eq!(server.restores(api, HA, "").await["total_num"], 0);
        assert_eq!(server.status(api, HA).await, "RUNNING");
        // Ids are taken in either case.
        post(&server, api, SECOND_HA, &json!({"backup_id": others.to_uppercase()})).await.ok();
    }
}

#[tokio::test]
async fn a_backup_without_a_file_cannot_be_restored_from() {
    for api in Api::BOTH {
        let mut server = TestServer::with(&[("backup.keep", "1")]).await;
        let expired = server.create_backup(HA).await;
        let deleted = server.create_backup(HA).await;
        server.delete(&api.backup(HA, &deleted)).await;
        server.set(&[("backup.duration", "5s")]);
        server.restart().await;
        let failed = server.create_backup(HA).await;
        // Nothing fails in an emulator that is not told to: this is what the plan of such a backup looks like.
        server.stop().await;
        server.alter("UPDATE open_work SET failure = ?", &["2"]).await;
        server.restart().await;
        let unfinished = json!({"backup_id": failed});
        // While it is open its instance is busy, which is said first.
        post(&server, api, HA, &unfinished).await.assert_refused_by(api, &refusal::BACKING_UP);
        server.set_clock_ms(5_000);
        let list = server.list(HA, "").await["backup_record_response"].take();
        let newest = &list[0];
        assert_eq!(
            json!([newest["status"], newest["error_code"], newest["size"], newest["is_support_restore"]]),
            json!(["failed", "dcs.08.0002", 0, "FALSE"])
        );
        // Kept is the newest usable one; there was another when the first went beyond it.
        assert_eq!((&list[1]["status"], &list[2]["status"]), (&json!("deleted"), &json!("expired")));
        for backup in [expired, deleted, failed] {
            let answer = post(&server, api, HA, &json!({"backup_id": backup})).await;
            answer.assert_refused_by(api, &refusal::BACKUP_NOT_USABLE);
            let links = server.post(&api.links(HA, &backup), &json!({"expiration": 300})).await;
            links.assert_refused_by(api, &refusal::BACKUP_NOT_USABLE);
        }
        assert_eq!(server.restores(api, HA, "").await["total_num"], 0);
    }
}

#[tokio::test]
async fn a_restore_that_fails_says_so_and_its_instance_runs_again() {
    for api in Api::BOTH {
        let mut server = TestServer::with(&[("restore.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        server.restore(api, HA, &json!({"backup_id": backup})).await;
        server.stop().await;
        server.alter("UPDATE open_work SET failure = ?", &["7"]).await;
        server.restart().await;
        assert_eq!(moving_part(&server, api).await, json!(["RESTORING", "waiting", "0.00", null, null]));
        server.set_clock_ms(60_000);
        let end = "2020-03-02T06:15:09.512Z";
        assert_eq!(
            moving_part(&server, api).await,
            json!(["RUNNING", "failed", "99.99", end, "dcs.08.0007"])
        );
        // The backup is not modified.
        assert_eq!(server.newest(HA).await["status"], "succeed");
        server.restore(api, HA, &json!({"backup_id": backup})).await;
    }
}

#[tokio::test]
async fn what_is_switched_off_or_of_the_wrong_mode_is_not_restored() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let body = json!({"backup_id": UNKNOWN_BACKUP});
        post(&server, api, SINGLE, &body).await.assert_refused_by(api, &refusal::ONLY_MASTER_STANDBY);
        for instance in [CLUSTER, PROXY] {
            // By default v1.0 refuses the clusters that v2 takes; there the backup is what is wrong.
            let expected = match api {
                Api::V1 => refusal::ONLY_MASTER_STANDBY,
                Api::V2 => refusal::invalid_parameter("backup_id"),
            };
            post(&server, api, instance, &body).await.assert_refused_by(api, &expected);
        }
        post(&server, api, RW_SPLIT, &body)
            .await
            .assert_refused_by(api, &refusal::invalid_parameter("backup_id"));
        let off = TestServer::with(&[("backup.enabled", "false")]).await;
        post(&off, api, SINGLE, &body).await.assert_refused_by(api, &refusal::BACKUP_SWITCHED_OFF);
        assert_eq!(off.restores(api, HA, "").await["total_num"], 0);
    }
}

#[tokio::test]
async fn a_cluster_is_restored_on_v2() {
    let server = TestServer::start().await;
    let backup = text(&server.post(&Api::V2.backups(CLUSTER), &json!({})).await.ok()["backup_id"]);
    server.restore(Api::V2, CLUSTER, &json!({"backup_id": backup})).await;
    // Reading is allowed for every mode on both.
    assert_eq!(server.restores(Api::V1, CLUSTER, "").await["total_num"], 1);
}

#[tokio::test]
async fn a_body_must_be_there_and_an_object_of_the_right_types() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_backup(HA).await;
        let call = |body: Vec<u8>| server.call("POST", &api.restores(HA)).body(body).send();
        call(Vec::new()).await.assert_refused_by(api, &refusal::EMPTY_BODY);
        for body in ["[]", "null", "\"x\"", "{", " ", "{} {}", r#"{"backup_id": 1}"#, r#"{"backup_id": {}}"#]
        {
            call(body.into()).await.assert_refused_by(api, &refusal::INVALID_BODY);
        }
        call(format!(r#"{{"backup_id": "{backup}", "remark": 1}}"#).into())
            .await
            .assert_refused_by(api, &refusal::INVALID_BODY);
        call(b"{\"backup_id\": \"\xff\"}".to_vec()).await.assert_refused_by(api, &refusal::INVALID_BODY);
        for id in
            [json!(null), json!(""), json!("x"), json!(backup.replace('-', "")), json!(format!(" {backup}"))]
        {
            let answer = post(&server, api, HA, &json!({"backup_id": id})).await;
            answer.assert_refused_by(api, &refusal::invalid_parameter("backup_id"));
        }
        call(b"{}".to_vec()).await.assert_refused_by(api, &refusal::invalid_parameter("backup_id"));
        assert_eq!(server.restores(api, HA, "").await["total_num"], 0);
        post(&server, api, HA, &json!({"backup_id": backup, "remark": null, "unknown": [1]})).await.ok();
    }
}

#[tokio::test]
async fn a_remark_has_at_most_128_characters() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let backup = server.create_backup(HA).await;
        for (remark, fits) in [
            ("", true),
            ("x", true),
            (&"备".repeat(128), true),
            (&"x".repeat(129), false),
            (&"🦀".repeat(129), false),
        ] {
            let answer = post(&server, api, HA, &json!({"backup_id": backup, "remark": remark})).await;
            if fits {
                answer.ok();
                assert_eq!(server.newest_restore(api, HA).await["restore_remark"], remark);
            } else {
                answer.assert_refused_by(api, &refusal::REMARK_TOO_LONG);
            }
        }
    }
}

#[tokio::test]
async fn the_first_check_that_fails_is_the_answer() {
    let long = "x".repeat(129);
    for api in Api::BOTH {
        let server = TestServer::start().await;
        server.create_backup(HA).await;
        let path = |project: &str, instance: &str| format!("{}/{instance}/restores", api.instances(project));
        let unknown = json!({"backup_id": UNKNOWN_BACKUP});
        let long_and_unknown = json!({"backup_id": UNKNOWN_BACKUP, "remark": long});
        let cases: [(String, Value, Refusal); 13] = [
            (path("x", "y"), json!([]), refusal::INVALID_PROJECT_ID),
            (path("x", HA), unknown.clone(), refusal::INVALID_PROJECT_ID),
            (path(PROJECT, "y"), json!([]), refusal::INVALID_INSTANCE_ID),
            (path(PROJECT, UNKNOWN_INSTANCE), json!([]), refusal::INVALID_BODY),
            (path(PROJECT, SINGLE), json!({"backup_id": 1, "remark": long}), refusal::INVALID_BODY),
            (
                path(PROJECT, UNKNOWN_INSTANCE),
                json!({"remark": long}),
                refusal::invalid_parameter("backup_id"),
            ),
            (
                path(PROJECT, UNKNOWN_INSTANCE),
                json!({"backup_id": "x", "remark": long}),
                refusal::invalid_parameter("backup_id"),
            ),
            (path(PROJECT, UNKNOWN_INSTANCE), long_and_unknown.clone(), refusal::REMARK_TOO_LONG),
            (path(PROJECT, SINGLE), long_and_unknown, refusal::REMARK_TOO_LONG),
            (path(PROJECT, UNKNOWN_INSTANCE), unknown.clone(), refusal::INSTANCE_NOT_FOUND),
            (path(PROJECT, OTHERS_HA), unknown.clone(), refusal::INSTANCE_NOT_FOUND),
            (path(PROJECT, SINGLE), unknown.clone(), refusal::ONLY_MASTER_STANDBY),
            (path(PROJECT, HA), unknown, refusal::invalid_parameter("backup_id")),
        ];
        for (path, body, first) in cases {
            server.post(&path, &body).await.assert_refused_by(api, &first);
        }
    }
}

#[tokio::test]
async fn a_busy_instance_is_said_before_an_unknown_backup() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("backup.duration", "5s"), ("restore.duration", "5s")]).await;
        let backup = server.create_backup(HA).await;
        let unknown = json!({"backup_id": UNKNOWN_BACKUP});
        post(&server, api, HA, &unknown).await.assert_refused_by(api, &refusal::BACKING_UP);
        server.set_clock_ms(5_000);
        post(&server, api, HA, &json!({"backup_id": backup})).await.ok();
        post(&server, api, HA, &unknown).await.assert_refused_by(api, &refusal::RESTORING);
        server.post(&api.backups(HA), &json!({})).await.assert_refused_by(api, &refusal::RESTORING);
    }
}

#[tokio::test]
async fn of_many_restores_at_once_one_begins() {
    let server = TestServer::with(&[("restore.duration", "5s"), ("http.workers", "0")]).await;
    let backup = server.create_backup(HA).await;
    let body = json!({"backup_id": backup});
    let apis = Api::BOTH.repeat(10);
    let answers = join_all(apis.iter().map(async |api| (*api, post(&server, *api, HA, &body).await))).await;
    let (begun, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 200);
    assert_eq!(begun.len(), 1);
    for (api, answer) in refused {
        answer.assert_refused_by(*api, &refusal::RESTORING);
    }
    assert_eq!(server.restores(Api::V1, HA, "").await["total_num"], 1);
}

#[tokio::test]
async fn a_restore_is_in_the_audit_with_what_it_does_to_its_instance() {
    for (api, duration) in [(Api::V1, "5s"), (Api::V2, "0s")] {
        let server = TestServer::with(&[("restore.duration", duration)]).await;
        let backup = server.create_backup(HA).await;
        let answer = post(&server, api, HA, &json!({"backup_id": backup, "remark": "roll back"})).await;
        let restore = text(&answer.ok()["restore_id"]);
        server.advance_ms(60_000);
        server.restores(api, HA, "").await;
        let rows = server
            .rows(
                "SELECT json_array(at, who, what, from_status, to_status, remark, record_id, request_id)
                 FROM backup_audit WHERE what <> 'backup' AND instance_name = 'dcs-ha' AND who <> 'seed'",
            )
            .await;
        let asked = answer.request_id();
        let expected = if duration == "0s" {
            vec![json!([START, "anonymous", "restore", "none", "succeed", "roll back", restore, asked])]
        } else {
            let (began, ended) = ("2020-03-02T06:15:05.012Z", "2020-03-02T06:15:09.512Z");
            vec![
                json!([START, "anonymous", "restore", "none", "waiting", "roll back", restore, asked]),
                json!([START, "anonymous", "instance", "RUNNING", "RESTORING", null, null, asked]),
                json!([began, "system", "restore", "waiting", "restoring", "roll back", restore, null]),
                json!([ended, "system", "restore", "restoring", "succeed", "roll back", restore, null]),
                json!([ended, "system", "instance", "RESTORING", "RUNNING", null, null, null]),
            ]
        };
        assert_eq!(rows, expected);
    }
}
