//! `/_emulator/faults`: failures on demand (issue 5, control API).

use serde_json::{Value, json};

use crate::support::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, SECOND_HA, backups_path};
use crate::support::{Api, Covered, Refusal, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/faults", faults_are_listed_changed_and_removed),
    covered("POST", "/_emulator/faults", a_fault_answers_as_often_as_it_says),
    covered("DELETE", "/_emulator/faults", faults_are_listed_changed_and_removed),
    covered("GET", "/_emulator/faults/{fault_id}", faults_are_listed_changed_and_removed),
    covered("PATCH", "/_emulator/faults/{fault_id}", faults_are_listed_changed_and_removed),
    covered("DELETE", "/_emulator/faults/{fault_id}", faults_are_listed_changed_and_removed),
];

const FAULTS: &str = "/_emulator/faults";

impl TestServer {
    async fn fault(&self, fault: Value) -> Value {
        self.post(FAULTS, &fault).await.ok()
    }
}

#[tokio::test]
async fn a_fault_answers_as_often_as_it_says() {
    let mut server = TestServer::start().await;
    let fault = json!({
        "match": {"operation": "create_backup", "api": "v1.0"}, "times": 2,
        "effect": {"status": 503, "error_code": "DCS.5030"},
    });
    server.fault(fault).await;
    let refused = server.post(&backups_path(HA), &json!({})).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (503, &json!("DCS.5030")));
    // What is left of it outlives a restart.
    server.restart().await;
    server.post(&Api::V2.backups(SECOND_HA), &json!({})).await.ok();
    assert_eq!(server.post(&backups_path(HA), &json!({})).await.status, 503);
    assert_eq!(server.list(HA, "").await["total_num"], 0);
    server.create_backup(HA).await;
}

#[tokio::test]
async fn an_error_of_a_fault_looks_as_the_version_has_it() {
    let server = TestServer::start().await;
    for (effect, status, refusal) in [
        (json!({"status": 400, "error_code": "DCS.4096"}), 400, refusal::BACKING_UP),
        (json!({"status": 409, "error_code": "111400096"}), 409, refusal::BACKING_UP),
        (json!({"status": 503}), 503, refusal::INTERNAL),
        (
            json!({"status": 429, "error_code": "APIGW.0308", "message": "Slower, please."}),
            429,
            refusal::other("APIGW.0308", "Slower, please."),
        ),
        (json!({"status": 403, "error_code": "DCS.3002"}), 403, refusal::READ_ONLY),
        (
            json!({"status": 403, "error_code": "APIGW.0302", "message": "Not from there."}),
            403,
            refusal::other("APIGW.0302", "Not from there."),
        ),
        (
            json!({"status": 418, "error_code": "EMU.0418"}),
            418,
            refusal::other("EMU.0418", "A fault that was asked for."),
        ),
    ] {
        server.fault(json!({"times": 2, "effect": effect})).await;
        for api in Api::BOTH {
            let answer = server.get(&api.backups(HA)).await;
            answer.assert_refused_by(api, &Refusal { status, ..refusal });
            let again = matches!(status, 429 | 503).then_some("1");
            assert_eq!(answer.header("retry-after"), again, "{effect}");
        }
    }
    let long = json!({"effect": {"status": 500, "message": "x".repeat(1025)}});
    assert_eq!(server.post(FAULTS, &long).await.status, 400);
    server.get(&Api::V2.backups(HA)).await.ok();
}

#[tokio::test]
async fn a_fault_hits_only_what_it_matches() {
    let server = TestServer::start().await;
    server.fault(json!({"match": {"instance_id": HA}, "effect": {"status": 500}})).await;
    server.fault(json!({"match": {"project_id": "f".repeat(32)}, "effect": {"status": 500}})).await;
    assert_eq!(server.post(&backups_path(HA), &json!({})).await.status, 500);
    server.create_backup(SECOND_HA).await;
    // The control API is never hit by a fault.
    server.get(FAULTS).await.ok();
}

#[tokio::test]
async fn a_fault_matches_by_each_member_and_by_all_of_them() {
    let server = TestServer::start().await;
    let (by_v1, by_v2) = (Api::V1.backups(HA), Api::V2.backups(HA));
    let other_project = format!("{}/{OTHERS_HA}/backups", Api::V2.instances(OTHER_PROJECT));
    let calls = [by_v1, by_v2, Api::V2.backups(SECOND_HA), Api::V2.restores(HA), other_project];
    for (matcher, hits) in [
        (json!({}), [true, true, true, true, true]),
        (json!({"operation": "list_backups"}), [true, true, true, false, true]),
        (json!({"api": "v1.0"}), [true, false, false, false, false]),
        (json!({"api": "v2"}), [false, true, true, true, true]),
        (json!({"project_id": OTHER_PROJECT}), [false, false, false, false, true]),
        (json!({"project_id": PROJECT.to_uppercase()}), [true, true, true, true, false]),
        (json!({"instance_id": HA}), [true, true, false, true, false]),
        (json!({"instance_id": HA, "project_id": OTHER_PROJECT}), [false; 5]),
        (
            json!({"operation": "list_backups", "api": "v2", "project_id": PROJECT, "instance_id": HA}),
            [false, true, false, false, false],
        ),
    ] {
        server.fault(json!({"match": matcher, "effect": {"status": 503}})).await;
        for (call, hit) in calls.iter().zip(hits) {
            assert_eq!(server.get(call).await.status == 503, hit, "{call} by {matcher}");
        }
        server.delete(FAULTS).await.ok();
    }
}

#[tokio::test]
async fn faults_are_listed_and_removed_by_project_and_by_instance() {
    let server = TestServer::start().await;
    for matcher in [json!({}), json!({"project_id": PROJECT}), json!({"instance_id": HA})] {
        server.fault(json!({"match": matcher, "effect": {"status": 503}})).await;
    }
    let left = async |query: &str| {
        each(&server.get(&format!("{FAULTS}{query}")).await.ok()["faults"], "match").len()
    };
    let (by_project, by_instance) =
        (format!("?project_id={}", PROJECT.to_uppercase()), format!("?instance_id={HA}"));
    assert_eq!([left("").await, left(&by_project).await, left(&by_instance).await], [3, 1, 1]);
    assert_eq!(server.delete(&format!("{FAULTS}?project_id=x")).await.status, 400);
    server.delete(&format!("{FAULTS}{by_project}")).await.ok();
    assert_eq!([left("").await, left(&by_project).await, left(&by_instance).await], [2, 0, 1]);
    server.delete(&format!("{FAULTS}{by_instance}")).await.ok();
    assert_eq!(left("").await, 1);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let server = TestServer::start().await;
    let fault = json!({
        "match": {"operation": "list_backups", "api": "v2"}, "times": 5, "ttl": "10m", "effect": {"status": 503, "latency": "1ms"},
    });
    let made = server.fault(fault).await;
    let path = format!("{FAULTS}/{}", text(&made["id"]));
    let wanted = json!({"match": {"api": null, "instance_id": HA}, "times": null, "effect": {"status": 500}});
    let changed = server.call("PATCH", &path).json(&wanted).send().await.ok();
    let mut expected = made;
    expected["match"] =
        json!({"operation": "list_backups", "api": null, "project_id": null, "instance_id": HA});
    expected["times"] = Value::Null;
    expected["effect"] = json!({"status": 500});
    assert_eq!(changed, expected);
    for bad in
        [json!({"times": "x"}), json!({"effect": null}), json!({"effect": {}}), json!({"colour": "red"})]
    {
        let answer = server.call("PATCH", &path).json(&bad).send().await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{bad}");
    }
    assert_eq!(server.get(&path).await.ok(), expected);
    // Neither its name nor its hits are the caller's.
    let renamed = server.call("PATCH", &path).json(&json!({"id": "x", "hits": 7})).send().await.ok();
    assert_eq!(renamed, expected);
}

#[tokio::test]
async fn a_fault_ends_at_the_time_that_is_given() {
    let mut server = TestServer::start().await;
    let at = "2020-03-02T06:15:14.512Z";
    let made =
        server.fault(json!({"effect": {"status": 503}, "expires_at": "2020-03-02T07:15:14.512+01:00"})).await;
    assert_eq!((&made["expires_at"], &made["ttl"]), (&json!(at), &Value::Null));
    let path = format!("{FAULTS}/{}", text(&made["id"]));
    server.restart().await;
    assert_eq!(server.get(&path).await.ok()["expires_at"], at);
    server.set_clock_ms(9_999);
    assert_eq!(server.get(&backups_path(HA)).await.status, 503);
    server.set_clock_ms(10_000);
    server.get(&backups_path(HA)).await.ok();
    assert_eq!(server.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_patch_moves_the_end_of_a_fault_only_if_it_names_it() {
    let server = TestServer::start().await;
    let made = server.fault(json!({"effect": {"status": 503}, "ttl": "1h"})).await;
    let path = format!("{FAULTS}/{}", text(&made["id"]));
    let (one_hour, two_hours) = ("2020-03-02T07:15:04.512Z", "2020-03-02T08:15:05.512Z");
    server.set_clock_ms(1_000);
    let (given, none) = ("2020-03-03T00:00:00Z", json!([null, null]));
    for (patch, end) in [
        (json!({"probability": 1}), json!(["1h", one_hour])),
        (json!({"ttl": "2h"}), json!(["2h", two_hours])),
        (json!({"expires_at": given}), json!([null, "2020-03-03T00:00:00.000Z"])),
        (json!({"ttl": null}), json!([null, "2020-03-03T00:00:00.000Z"])),
        (json!({"ttl": "2h", "expires_at": null}), json!(["2h", two_hours])),
        (json!({"ttl": null, "expires_at": given}), json!([null, "2020-03-03T00:00:00.000Z"])),
        (json!({"expires_at": null}), none.clone()),
        (json!({"ttl": "2h"}), json!(["2h", two_hours])),
        (json!({"ttl": null}), none.clone()),
        (json!({"ttl": "2h"}), json!(["2h", two_hours])),
        (json!({"expires_at": null}), none),
    ] {
        let shown = server.call("PATCH", &path).json(&patch).send().await.ok();
        assert_eq!(json!([shown["ttl"], shown["expires_at"]]), end, "{patch}");
        assert_eq!(server.get(&path).await.ok(), shown, "{patch}");
    }
    // As it is shown it can be sent back.
    let both = json!({"effect": {"status": 503}, "ttl": "1h", "expires_at": given});
    let shown = server.call("PATCH", &path).json(&both).send().await.ok();
    assert_eq!(json!([shown["ttl"], shown["expires_at"]]), json!(["1h", "2020-03-03T00:00:00.000Z"]));
    let over = json!({"effect": {"status": 503}, "expires_at": "2020-03-02T06:15:05.512Z"});
    let no_time = json!({"effect": {"status": 503}, "expires_at": "tomorrow"});
    for wrong in [over, no_time] {
        for answer in
            [server.post(FAULTS, &wrong).await, server.call("PATCH", &path).json(&wrong).send().await]
        {
            assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{wrong}");
        }
    }
    assert_eq!(server.get(FAULTS).await.ok()["faults"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_seed_says_when_its_faults_end() {
    let fault = json!({"effect": {"status": 503}, "expires_at": "2020-03-02T06:15:14.512Z"});
    let server = TestServer::start().await;
    server.post("/_emulator/seed", &json!({"settings": {"faults": [fault]}})).await.ok();
    assert_eq!(server.get(&backups_path(HA)).await.status, 503);
    server.set_clock_ms(10_000);
    server.get(&backups_path(HA)).await.ok();
}

#[tokio::test]
async fn a_cut_connection_records_nothing() {
    let server = TestServer::start().await;
    server.fault(json!({"times": 1, "effect": {"cut": true}})).await;
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}",
        backups_path(HA)
    );
    let answer = server.raw_bytes(request.as_bytes()).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    let calls = server.get("/_emulator/requests").await.ok();
    assert_eq!(calls["requests"][0]["status"], 500);
    assert_eq!(server.list(HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn work_that_is_to_fail_fails_after_its_normal_time() {
    let server = TestServer::with(&[("backup.duration", "10s")]).await;
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0002"});
    server.fault(json!({"match": {"project_id": PROJECT}, "times": 1, "effect": {"outcome": outcome}})).await;
    let failing = server.create_backup(HA).await;
    server.create_backup(SECOND_HA).await;
    assert_eq!(server.newest(HA).await["status"], "waiting");
    server.advance_ms(10_000);
    let failed = server.newest(HA).await;
    assert_eq!((&failed["backup_id"], &failed["status"]), (&json!(failing), &json!("failed")));
    assert_eq!(failed["error_code"], "dcs.08.0002");
    assert_eq!(server.newest(SECOND_HA).await["status"], "succeed");
}

#[tokio::test]
async fn an_end_that_is_decided_waits_for_work_to_be_made() {
    let server = TestServer::start().await;
    let outcome = json!({"status": "failed", "error_code": "dcs.08.0001"});
    server.fault(json!({"times": 1, "effect": {"outcome": outcome}})).await;
    server.list(HA, "").await;
    server.create_backup(HA).await;
    assert_eq!(server.newest(HA).await["status"], "failed");
}

#[tokio::test]
async fn a_reset_removes_faults_for_good() {
    let mut server = TestServer::start().await;
    server.fault(json!({"times": 1_000, "effect": {"status": 500}})).await;
    let hits = async {
        for _ in 0..20 {
            server.get(&backups_path(HA)).await;
        }
    };
    let empty = json!({});
    tokio::join!(hits, server.post("/_emulator/reset", &empty));
    server.restart().await;
    server.get(&backups_path(HA)).await.ok();
}

#[tokio::test]
async fn a_fault_ends_with_its_time() {
    let server = TestServer::start().await;
    server.fault(json!({"ttl": "10m", "effect": {"status": 500}})).await;
    server.advance_ms(599_999);
    assert_eq!(server.get(&backups_path(HA)).await.status, 500);
    server.advance_ms(1);
    server.get(&backups_path(HA)).await.ok();
    assert_eq!(server.get(FAULTS).await.ok(), json!({"faults": []}));
}

#[tokio::test]
async fn faults_are_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let first = text(&server.fault(json!({"effect": {"status": 500}})).await["id"]);
    let second = text(&server.fault(json!({"effect": {"status": 502}})).await["id"]);
    let path = format!("{FAULTS}/{first}");
    let changed = json!({"match": {"operation": "list_backups"}, "effect": {"status": 504}});
    server.call("PATCH", &path).json(&changed).send().await.ok();
    assert_eq!(server.get(&path).await.ok()["effect"], json!({"status": 504}));
    assert_eq!(
        server.delete(&format!("{FAULTS}/{second}")).await.ok()["faults"].as_array().unwrap().len(),
        1
    );
    assert_eq!(server.get(&backups_path(HA)).await.status, 504);
    server.create_backup(HA).await;
    server.delete(FAULTS).await.ok();
    server.get(&backups_path(HA)).await.ok();
    assert_eq!(server.get(&path).await.status, 404);
    assert_eq!(server.get(FAULTS).await.ok(), json!({"faults": []}));
}

#[tokio::test]
async fn a_fault_without_sense_is_refused() {
    let server = TestServer::start().await;
    for fault in [
        json!({}),
        json!({"effect": {}}),
        json!({"effect": {"status": 200}}),
        json!({"effect": {"status": 500}, "probability": 2}),
        json!({"effect": {"latency": "soon"}}),
        json!({"effect": {"status": 500}, "mach": {}}),
        json!({"effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0099"}}}),
        json!({"effect": {"status": 500}, "match": {"operation": "make_coffee"}}),
        json!({"effect": {"status": 500}, "match": {"operation": "create_token"}}),
        json!({"effect": {"status": 500}, "match": {"api": "v1"}}),
        json!({"effect": {"status": 500}, "match": {"instance_id": "x"}}),
        json!({"effect": {"status": 500, "error_code": "x".repeat(65)}}),
        json!({"effect": {"latency": "11min"}}),
    ] {
        let answer = server.post(FAULTS, &fault).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{fault}");
    }
    assert_eq!(server.get(FAULTS).await.ok(), json!({"faults": []}));
}

#[tokio::test]
async fn the_dice_follow_the_seed_of_ids() {
    let run = async |seed: u64, before: usize| {
        let server = TestServer::start().await;
        for _ in 0..before {
            server.create_backup(HA).await;
        }
        server.put("/_emulator/ids", &json!({ "seed": seed })).await.ok();
        server.fault(json!({"probability": 0.5, "effect": {"status": 500}})).await;
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(server.get(&backups_path(HA)).await.status);
        }
        statuses
    };
    let statuses = run(3, 0).await;
    assert!(statuses.contains(&200) && statuses.contains(&500), "{statuses:?}");
    assert_eq!(run(3, 2).await, statuses);
    assert_ne!(run(4, 0).await, statuses);
}
