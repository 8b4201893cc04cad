//! Exports of the list of a project's instances (wire contract of the operations of v2, section 10).

use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, CREATE_FAILED, HA, LISTED, MEMCACHED, OLD_REDIS, OTHER_PROJECT, OTHERS_HA, PROJECT, TINY,
    UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal, text};

const FILE: &str = "/obs/{bucket}/exports/{job_id}/{file_name}";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v2/{project_id}/instances/export", instances_are_exported_as_a_table),
    covered("GET", "/v2/{project_id}/instances/export-job", instances_are_exported_as_a_table),
    covered("GET", FILE, instances_are_exported_as_a_table),
    covered("HEAD", FILE, instances_are_exported_as_a_table),
];

async fn export(server: &TestServer, body: &Value) -> String {
    text(&server.post(&format!("/v2/{PROJECT}/instances/export"), body).await.ok()["job_id"])
}

async fn shown(server: &TestServer, project: &str, job: &str) -> Answer {
    server.get(&format!("/v2/{project}/instances/export-job?job_id={job}")).await
}

fn path_in(answer: &Value) -> String {
    let link = text(&answer["link"]);
    let rest = link.strip_prefix("http://").expect("a URL");
    rest[rest.find('/').expect("a path")..].to_owned()
}

/// The table that an export makes, by lines.
async fn table(server: &TestServer, body: &Value) -> Vec<String> {
    let job = export(server, body).await;
    let ended = shown(server, PROJECT, &job).await.ok();
    server.get(&path_in(&ended)).await.text().lines().map(str::to_owned).collect()
}

const HEAD: &str = "name,instance_id,status,engine,engine_version,cache_mode,capacity,spec_code,ip,port,available_zones,\
                    charging_mode,enterprise_project_id,created_at";

#[tokio::test]
async fn instances_are_exported_as_a_table() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let job = export(&server, &json!({"region": "eu-de"})).await;
    let open =
        json!({"status": "RUNNING", "file_name": null, "link": null, "err_code": null, "err_msg": null});
    assert_eq!(shown(&server, PROJECT, &job).await.ok(), open);
    server.restart().await;
    server.advance_ms(10_000);
    let ended = shown(&server, PROJECT, &job).await.ok();
    let link = text(&ended["link"]);
    let expected = json!({
        "status": "SUCCESS", "file_name": "DCS_eu-de_20200302.xls", "link": link, "err_code": null, "err_msg": null,
    });
    assert_eq!(ended, expected);
    let path = path_in(&ended);
    assert!(path.contains(&format!("/exports/{job}/DCS_eu-de_20200302.xls?")), "{path}");
    let file = server.get(&path).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv")));
    assert_eq!(server.call("HEAD", &path).send().await.status, 200);
    let lines: Vec<&str> = file.text().lines().collect();
    assert_eq!((lines[0], lines.len()), (HEAD, 1 + LISTED));
    let instance = server.shown(Api::V2, HA).await;
    let row = format!(
        "dcs-ha,{HA},RUNNING,Redis,5.0,ha,2,{},{},6379,eu-de-01,0,0,2020-03-02T06:15:04.512Z",
        text(&instance["spec_code"]),
        text(&instance["ip"])
    );
    assert!(lines.contains(&row.as_str()), "{row} in {lines:?}");
    // It stays what it was, and is good for a day after it was asked for.
    server.delete(&Api::V2.instance(HA)).await;
    assert_eq!(server.get(&path).await.text(), file.text());
    server.advance_ms(86_400_000);
    let late = server.get(&path).await;
    assert_eq!((late.status, &late.json()["error_code"]), (403, &json!("AccessDenied")));
    let again = shown(&server, PROJECT, &job).await.ok();
    assert_eq!(server.get(&path_in(&again)).await.status, 200);
    let others = path_in(&again).replace(PROJECT, OTHER_PROJECT);
    assert_eq!(server.get(&others).await.status, 403);
}

#[tokio::test]
async fn an_export_is_a_task_of_its_project_alone() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let tasks = async || server.get(&format!("/v2/{PROJECT}/tasks")).await.ok();
    let job = export(&server, &json!({"region": "eu-de"})).await;
    let listed = tasks().await;
    let task = listed["tasks"][0].clone();
    let expected = json!({
        "id": task["id"], "name": "dcsExportJob", "details": null, "user_name": task["user_name"],
        "user_id": task["user_id"], "params": null, "status": "EXECUTING", "created_at": "2020-03-02T06:15:04.512Z",
        "updated_at": "2020-03-02T06:15:04.512Z", "enable_show": true, "error_code": null, "job_id": job,
    });
    assert_eq!((&listed["task_count"], &task), (&json!("1"), &expected));
    assert_eq!(server.get(&format!("{}/tasks", Api::V2.instance(HA))).await.ok()["task_count"], "0");
    assert_eq!(server.get(&format!("/v2/{OTHER_PROJECT}/tasks")).await.ok()["task_count"], "0");
    let one = format!("/v2/{PROJECT}/tasks/{}", text(&task["id"]));
    server.delete(&one).await.assert_refused_by(Api::V2, &refusal::TASK_STATE);
    server.advance_ms(10_000);
    assert_eq!(tasks().await["tasks"][0]["status"], "SUCCESS");
    let shown = server.get(&format!("/v2/{PROJECT}/jobs/{job}")).await.ok();
    assert_eq!((&shown["job_type"], &shown["status"]), (&json!("dcsExportJob"), &json!("SUCCESS")));
    let others = server.delete(&one.replace(PROJECT, OTHER_PROJECT)).await;
    others.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
    assert_eq!(server.delete(&one).await.ok(), json!({"message": ""}));
    server.delete(&one).await.assert_refused_by(Api::V2, &refusal::INVALID_TASK_ID);
    assert_eq!(tasks().await["tasks"], json!([]));
}

#[tokio::test]
async fn an_export_lists_the_instances_that_are_asked_for() {
    let server = TestServer::start().await;
    let count = async |filter: Value| {
        let mut body = json!({"region": "eu-de"});
        body.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let lines = table(&server, &body).await;
        lines.iter().skip(1).filter_map(|line| line.split(',').nth(1).map(str::to_owned)).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        (json!({"included_instances": [CLUSTER, OTHERS_HA, "none"]}), vec![CLUSTER]),
        (json!({"instance_id": HA, "included_instances": []}), vec![HA]),
        (json!({"name": "ld-red"}), vec![OLD_REDIS]),
        (json!({"capacity": "0.125"}), vec![TINY]),
        (json!({"capacity": 4, "cache_mode": "ha"}), vec![OLD_REDIS]),
        (json!({"engine": "memcached"}), vec![MEMCACHED]),
        (json!({"engine_version": "3.0", "status": "running"}), vec![OLD_REDIS]),
        (json!({"status": "CREATEFAILED"}), vec![CREATE_FAILED]),
        (
            json!({"cache_mode": "cluster", "product_type": "generic", "cpu_type": "x86_64", "charging_mode": "0",
                "enterprise_project_id": "0", "available_zone": "eu-de-01"}),
            vec![CLUSTER],
        ),
        (json!({"product_type": "enterprise"}), vec![]),
        (json!({"cpu_type": "aarch64"}), vec![]),
        (json!({"charging_mode": "1"}), vec![]),
        (json!({"available_zone": "eu-de-09"}), vec![]),
        (json!({"enterprise_project_id": "e"}), vec![]),
        (json!({"ip": "10.0"}), vec![]),
        (json!({"tags": "env=test"}), vec![]),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter}");
    }
    let tags = json!({"action": "create", "tags": [{"key": "env", "value": "test"}]});
    server.post(&format!("/v1.0/{PROJECT}/dcs/{HA}/tags/action"), &tags).await;
    assert_eq!(count(json!({"tags": "env=test"})).await, [HA]);
    assert_eq!(count(json!({"tags": "env=test,a=b"})).await, Vec::<String>::new());
    let name = json!({"name": "a,\"b\""});
    if server.put(&Api::V2.instance(TINY), &name).await.status == 204 {
        let lines = table(&server, &json!({"region": "x", "instance_id": TINY})).await;
        assert!(lines[1].starts_with("\"a,\"\"b\"\"\","), "{lines:?}");
    }
}

#[tokio::test]
async fn an_export_that_cannot_be_is_refused_and_one_can_fail() {
    let server = TestServer::start().await;
    let path = format!("/v2/{PROJECT}/instances/export");
    let region = refusal::invalid_parameter("region");
    for body in
        [json!({}), json!({"region": ""}), json!({"region": "../x"}), json!({"region": "x".repeat(65)})]
    {
        server.post(&path, &body).await.assert_refused_by(Api::V2, &region);
    }
    let many: Vec<&str> = std::iter::repeat_n(HA, 1001).collect();
    let answer = server.post(&path, &json!({"region": "eu-de", "included_instances": many})).await;
    answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("included_instances"));
    server.call("POST", &path).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    server
        .post(&path.replace(PROJECT, "x"), &json!({}))
        .await
        .assert_refused_by(Api::V2, &refusal::INVALID_PROJECT_ID);
    let missing = server.get(&format!("/v2/{PROJECT}/instances/export-job")).await;
    missing.assert_refused_by(Api::V2, &refusal::invalid_query("job_id"));
    // What is the job of something else is no export.
    let whitelist = format!("/v2/{PROJECT}/instance/{HA}/whitelist-async");
    let other = text(&server.put(&whitelist, &json!({"enable_whitelist": true})).await.ok()["job_id"]);
    for unknown in ["x", &UNKNOWN_INSTANCE.replace('-', ""), &other] {
        let answer = shown(&server, PROJECT, unknown).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("job_id"));
    }
    let fault = json!({
        "match": {"operation": "export_instances_task"}, "times": 1,
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let job = export(&server, &json!({"region": "eu-de"})).await;
    let failed = json!({
        "status": "FAIL", "file_name": null, "link": null, "err_code": "dcs.08.0002", "err_msg": "The export failed.",
    });
    assert_eq!(shown(&server, PROJECT, &job).await.ok(), failed);
    let tasks = server.get(&format!("/v2/{PROJECT}/tasks")).await.ok();
    let task = &tasks["tasks"][0];
    assert_eq!((&task["status"], &task["error_code"]), (&json!("FAILED"), &json!("dcs.08.0002")));
    shown(&server, OTHER_PROJECT, &job)
        .await
        .assert_refused_by(Api::V2, &refusal::invalid_parameter("job_id"));
    // A project that nothing has heard of has an empty table.
    let body = json!({"region": "eu-de"});
    let first = server.post(&path.replace(PROJECT, UNKNOWN_PROJECT), &body).await.ok();
    let ended = shown(&server, UNKNOWN_PROJECT, &text(&first["job_id"])).await.ok();
    assert_eq!(server.get(&path_in(&ended)).await.text(), format!("{HEAD}\n"));
}
