//! What runs in the background: tasks of instances, and jobs (wire contract v1.0, sections 2.30 and 2.31; v2, sections 2.16 and
//! 2.17).

use serde_json::{Value, json};

use crate::support::seed::{HA, OTHER_PROJECT, PROJECT, SECOND_HA, UNKNOWN_INSTANCE};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v1.0/{project_id}/instances/{instance_id}/tasks", a_task_tells_what_changed),
    covered("GET", "/v2/{project_id}/instances/{instance_id}/tasks", a_task_tells_what_changed),
    covered(
        "DELETE",
        "/v1.0/{project_id}/instances/{instance_id}/tasks/{task_id}",
        a_task_that_has_ended_can_be_removed,
    ),
    covered(
        "DELETE",
        "/v2/{project_id}/instances/{instance_id}/tasks/{task_id}",
        a_task_that_has_ended_can_be_removed,
    ),
    covered("GET", "/v2/{project_id}/tasks", a_project_lists_the_tasks_of_its_instances),
    covered("DELETE", "/v2/{project_id}/tasks/{task_id}", a_project_lists_the_tasks_of_its_instances),
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/tasks/{task_id}/progress",
        a_task_tells_how_far_it_is,
    ),
    covered("GET", "/v2/{project_id}/jobs/{job_id}", a_job_is_shown_also_when_its_instance_is_gone),
];

fn tasks_path(api: Api, instance: &str) -> String {
    format!("{}/tasks", api.instance(instance))
}

async fn tasks(server: &TestServer, api: Api, query: &str) -> Value {
    server.get(&format!("{}?{query}", tasks_path(api, HA))).await.ok()
}

async fn delete(server: &TestServer, api: Api, instance: &str, task: &str) -> Answer {
    server.delete(&format!("{}/{task}", tasks_path(api, instance))).await
}

/// Gives an instance one size after the other, a second between them.
async fn grow(server: &TestServer, capacities: &[u32]) {
    for (number, capacity) in (1..).zip(capacities) {
        server.set_clock_ms(number * 1_000);
        let body = json!({"new_capacity": capacity});
        assert_eq!(server.post(&format!("{}/extend", Api::V1.instance(HA)), &body).await.status, 204);
    }
}

async fn by_hand(server: &TestServer) {
    server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
}

#[tokio::test]
async fn a_task_tells_what_changed() {
    let mut server = TestServer::start().await;
    for api in Api::BOTH {
        assert_eq!(tasks(&server, api, "").await, json!({"task_count": "0", "tasks": []}));
    }
    grow(&server, &[4]).await;
    for api in [Api::V1, Api::V2, Api::V2] {
        let mut list = tasks(&server, api, "").await;
        let task = list["tasks"][0].take();
        let id = text(&task["id"]);
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(
            task,
            json!({
                "id": id, "name": "ChangeInstanceSpec", "status": "SUCCESS", "params": null, "enable_show": true,
                "user_name": task["user_name"], "user_id": task["user_id"],
                "created_at": "2020-03-02T06:15:05.512Z", "updated_at": "2020-03-02T06:15:05.512Z",
                "details": {
                    "old_capacity": "2", "new_capacity": "4", "old_resource_spec_code": "redis.ha.xu1.large.r2.2",
                    "new_resource_spec_code": "redis.ha.xu1.large.r2.4", "old_cache_mode": "ha", "new_cache_mode": "ha",
                    "old_replica_num": 2, "new_replica_num": 2, "old_cache_type": "ha", "new_cache_type": "ha",
                    "enable_public_ip": null, "public_ip_id": null, "public_ip_address": null, "enable_ssl": null,
                    "replica_ip": null, "replica_az": null, "group_name": null, "old_port": null, "new_port": null,
                    "is_only_adjust_charging": null, "account_name": null, "source_ip": null, "target_ip": null,
                    "node_name": null, "rename_commands": [], "updated_config_length": null,
                },
            })
        );
        assert_eq!(task["user_name"], server.get(&api.instance(HA)).await.ok()["user_name"]);
        assert_eq!(list["task_count"], "1");
        server.restart().await;
    }
    // Tasks are an instance's own.
    let other = server.get(&tasks_path(Api::V2, SECOND_HA)).await.ok();
    assert_eq!(other["tasks"], json!([]));
}

#[tokio::test]
async fn tasks_are_listed_by_pages_and_times_newest_first() {
    let server = TestServer::start().await;
    grow(&server, &[4, 8, 16, 24, 32]).await;
    let sizes = |list: &Value| -> Vec<String> {
        each(&list["tasks"], "details").iter().map(|details| text(&details["new_capacity"])).collect()
    };
    for api in Api::BOTH {
        assert_eq!(sizes(&tasks(&server, api, "").await), ["32", "24", "16", "8", "4"]);
        let page = tasks(&server, api, &api.page(1, 2)).await;
        assert_eq!(
            (sizes(&page), &page["task_count"]),
            (vec!["24".to_owned(), "16".to_owned()], &json!("5"))
        );
        let past = tasks(&server, api, &api.page(5, 10)).await;
        assert_eq!((&past["tasks"], &past["task_count"]), (&json!([]), &json!("5")));
        for names in [("start_time", "end_time"), ("begin_time", "end_time"), ("beginTime", "endTime")] {
            let window = format!("{}=20200302061506&{}=20200302061507", names.0, names.1);
            let list = tasks(&server, api, &window).await;
            assert_eq!(
                (sizes(&list), &list["task_count"]),
                (vec!["16".to_owned(), "8".to_owned()], &json!("2"))
            );
        }
    }
    let path = tasks_path(Api::V1, HA);
    server.get(&format!("{path}?start=0")).await.assert_refused(&refusal::invalid_query("start"));
    server.get(&format!("{path}?beginTime=2020")).await.assert_refused(&refusal::invalid_query("beginTime"));
    let path = tasks_path(Api::V2, HA);
    for (query, name) in [("limit=0", "limit"), ("offset=-1", "offset"), ("start_time=x", "start_time")] {
        let answer = server.get(&format!("{path}?{query}")).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid(name));
    }
    for api in Api::BOTH {
        let unknown = server.get(&tasks_path(api, UNKNOWN_INSTANCE)).await;
        unknown.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
    }
}

#[tokio::test]
async fn a_task_that_has_ended_can_be_removed() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        grow(&server, &[4, 8]).await;
        let ids: Vec<String> = each(&tasks(&server, api, "").await["tasks"], "id").iter().map(text).collect();
        let answer = delete(&server, api, HA, &ids[1].to_ascii_uppercase()).await;
        match api {
            Api::V1 => answer.assert_no_content(),
            Api::V2 => assert_eq!(answer.ok(), json!({"message": ""})),
        }
        server.restart().await;
        assert_eq!(each(&tasks(&server, api, "").await["tasks"], "id"), [json!(ids[0])]);
        let gone = match api {
            Api::V1 => &refusal::UNKNOWN_ROUTE,
            Api::V2 => &refusal::INVALID_TASK_ID,
        };
        delete(&server, api, HA, &ids[1]).await.assert_refused_by(api, gone);
        delete(&server, api, SECOND_HA, &ids[0]).await.assert_refused_by(api, gone);
        delete(&server, api, HA, "no-id").await.assert_refused_by(api, &refusal::INVALID_TASK_ID);
        delete(&server, api, UNKNOWN_INSTANCE, &ids[0])
            .await
            .assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        let notes =
            server.rows("SELECT json_array(who, remark) FROM backup_audit WHERE remark IS NOT NULL").await;
        assert_eq!(notes, [json!(["anonymous", "task removed"])]);
    }
}

#[tokio::test]
async fn a_task_that_runs_stays_in_the_list() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        by_hand(&server).await;
        grow(&server, &[4]).await;
        let running = tasks(&server, api, "").await["tasks"][0].take();
        assert_eq!(running["status"], "EXECUTING");
        let busy = match api {
            Api::V1 => &refusal::TASK_RUNNING,
            Api::V2 => &refusal::TASK_STATE,
        };
        delete(&server, api, HA, &text(&running["id"])).await.assert_refused_by(api, busy);
        server.post("/_emulator/transitions/instance/step", &json!({"instance_id": HA})).await.ok();
        assert!(delete(&server, api, HA, &text(&running["id"])).await.status < 300);
    }
}

#[tokio::test]
async fn a_project_lists_the_tasks_of_its_instances() {
    let server = TestServer::start().await;
    grow(&server, &[4, 8]).await;
    let extend = format!("{}/extend", Api::V1.instance(SECOND_HA));
    server.set_clock_ms(3_000);
    assert_eq!(server.post(&extend, &json!({"new_capacity": 16})).await.status, 204);
    let path = format!("/v2/{PROJECT}/tasks");
    let list = async |query: &str| server.get(&format!("{path}?{query}")).await.ok();
    let all = list("").await;
    let sizes: Vec<Value> =
        each(&all["tasks"], "details").iter().map(|details| details["new_capacity"].clone()).collect();
    assert_eq!((sizes, &all["task_count"]), (vec![json!("16"), json!("8"), json!("4")], &json!("3")));
    let mut expected = tasks(&server, Api::V2, "").await["tasks"][0].take();
    for name in ["error_code", "job_id"] {
        expected[name] = Value::Null;
    }
    assert_eq!(list("offset=1&limit=1").await, json!({"task_count": "3", "tasks": [expected]}));
    assert_eq!(list("start_time=20200302061507&end_time=20200302061507").await["task_count"], "1");
    let elsewhere = server.get(&format!("/v2/{OTHER_PROJECT}/tasks")).await.ok();
    assert_eq!(elsewhere, json!({"task_count": "0", "tasks": []}));

    let id = text(&all["tasks"][2]["id"]);
    let of_other = server.delete(&format!("/v2/{OTHER_PROJECT}/tasks/{id}")).await;
    of_other.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
    assert_eq!(server.delete(&format!("{path}/{id}")).await.ok(), json!({"message": ""}));
    for gone in [id.as_str(), "no-id"] {
        let answer = server.delete(&format!("{path}/{gone}")).await;
        answer.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
    }
    // Those of an instance that is gone are gone with it.
    server.delete(&Api::V2.instance(SECOND_HA)).await;
    assert_eq!(list("").await["task_count"], "1");
}

#[tokio::test]
async fn a_task_tells_how_far_it_is() {
    let server = TestServer::start().await;
    let rule = json!({"progression": "time", "durations": {"EXTENDING": "8s"}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
    grow(&server, &[4]).await;
    let id = text(&tasks(&server, Api::V2, "").await["tasks"][0]["id"]);
    let progress = async || server.get(&format!("{}/{id}/progress", tasks_path(Api::V2, HA))).await.ok();
    for (millis, percent, remaining) in [(1_000, 0, 8), (3_000, 25, 6), (8_999, 99, 1), (9_000, 100, 0)] {
        server.set_clock_ms(millis);
        let ended = millis == 9_000;
        let expected = json!({"progress": percent, "remain_time": remaining, "step_details": [{
            "step_id": "1", "step_name": "ChangeInstanceSpec", "step_status": if ended { "FINISH" } else { "EXECUTING" },
            "begin_time": "2020-03-02T06:15:05.512Z",
            "end_time": if ended { json!("2020-03-02T06:15:13.512Z") } else { Value::Null }, "error_code": null,
            "sub_step_details": [],
        }]});
        assert_eq!(progress().await, expected, "{millis}");
    }
    let other = server.get(&format!("{}/{id}/progress", tasks_path(Api::V2, SECOND_HA))).await;
    other.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
    let unknown = server.get(&format!("{}/no-id/progress", tasks_path(Api::V2, HA))).await;
    unknown.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
}

#[tokio::test]
async fn a_job_is_shown_also_when_its_instance_is_gone() {
    let mut server = TestServer::start().await;
    server.furnish().await;
    let jobs = server
        .rows("SELECT json_array(lower(hex(job_id)), job_type, end_at IS NULL) FROM jobs ORDER BY job_type DESC")
        .await;
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        let (id, kind, runs) = (text(&job[0]), text(&job[1]), job[2] == 1);
        let shown = server.get(&format!("/v2/{PROJECT}/jobs/{id}")).await.ok();
        let (begun, ended) = (shown["begin_time"].clone(), shown["end_time"].clone());
        assert_eq!(text(&begun), "1583129704512");
        assert_eq!(ended, if runs { Value::Null } else { begun.clone() });
        assert_eq!(
            shown,
            json!({
                "job_id": id, "job_type": kind, "status": if runs { "RUNNING" } else { "FAIL" }, "begin_time": begun,
                "end_time": ended, "fail_reason": if runs { Value::Null } else { json!("why") },
            })
        );
        let elsewhere = server.get(&format!("/v2/{OTHER_PROJECT}/jobs/{id}")).await;
        elsewhere.assert_refused_by(Api::V2, &refusal::invalid_parameter("job_id"));
    }
    for unknown in ["00000000000000000000000000000000", "no-id"] {
        let answer = server.get(&format!("/v2/{PROJECT}/jobs/{unknown}")).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("job_id"));
    }
}
