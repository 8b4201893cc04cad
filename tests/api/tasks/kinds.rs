//! What callers set going, and the tasks and jobs that tell of it (wire contract v2, sections 2.16 and 2.17; v1.0, section 2.30).

use serde_json::{Value, json};

use crate::support::seed::{CLUSTER, HA, PROJECT};
use crate::support::{Answer, Api, TestServer, each, text};

const V2_HA: &str = "/v2/{project}/instances/{instance}";

/// A call, and what it leaves behind: the name of a task and the type of a job, where there is one.
struct Row {
    method: &'static str,
    path: &'static str,
    body: &'static str,
    task: Option<&'static str>,
    job: Option<&'static str>,
    /// What of the details of the task is not null.
    details: &'static str,
}

const fn row(method: &'static str, path: &'static str, body: &'static str) -> Row {
    Row { method, path, body, task: None, job: None, details: "{}" }
}

impl Row {
    const fn task(self, name: &'static str, details: &'static str) -> Self {
        Self { task: Some(name), details, ..self }
    }

    const fn job(self, kind: &'static str) -> Self {
        Self { job: Some(kind), ..self }
    }
}

const SIZES: &str = r#"{"old_capacity": "2", "new_capacity": "4", "old_resource_spec_code": "redis.ha.xu1.large.r2.2",
    "new_resource_spec_code": "redis.ha.xu1.large.r2.4", "old_cache_mode": "ha", "new_cache_mode": "ha", "old_cache_type": "ha",
    "new_cache_type": "ha", "old_replica_num": 2, "new_replica_num": 2}"#;
const WHITELIST: &str =
    r#"{"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": ["10.0.0.1"]}]}"#;
const CONFIGS: &str = r#"{"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "5"}]}"#;

/// Every call on the master/standby instance that sets something going, and two that only look so.
const ROWS: [Row; 17] = [
    row("POST", "/v1.0/{project}/instances/{instance}/extend", r#"{"new_capacity": 4}"#)
        .task("ChangeInstanceSpec", SIZES),
    row("PUT", "/v2/{project}/instance/{instance}/whitelist", WHITELIST)
        .task("AddWhitelist", r#"{"group_name": "g"}"#),
    row("PUT", "/v2/{project}/instance/{instance}/whitelist-async", WHITELIST)
        .task("AddWhitelist", r#"{"group_name": "g"}"#)
        .job("modifyWhitelistJob"),
    row("PUT", V2_HA, r#"{"port": 7000}"#).task("UpdatePort", r#"{"old_port": 6379, "new_port": 7000}"#),
    // A client sends the port with everything, changed or not.
    row("PUT", V2_HA, r#"{"port": 7000, "description": "d"}"#),
    row("PUT", V2_HA, r#"{"name": "another"}"#),
    row(
        "POST",
        "/v2/{project}/instances/{instance}/password/reset",
        r#"{"new_password": "Test_password1", "no_password_access": false}"#,
    )
    .task("modify", "{}"),
    row(
        "PUT",
        "/v1.0/{project}/instances/{instance}/password",
        r#"{"old_password": "Test_password1", "new_password": "Test_password2"}"#,
    )
    .task("modify", "{}"),
    row(
        "PUT",
        "/v2/{project}/instances/{instance}/password",
        r#"{"old_password": "Test_password1", "new_password": "Test_password3"}"#,
    ),
    row("PUT", "/v2/{project}/instances/{instance}/configs", CONFIGS),
    row("PUT", "/v2/{project}/instances/{instance}/async-configs", CONFIGS).job("modifyConfigJob"),
    row(
        "PUT",
        "/v2/{project}/{instance}/client-ip-transparent-transmission",
        r#"{"transparent_client_ip_enable": false}"#,
    )
    .job("modifyClientIpTransJob"),
    row(
        "PUT",
        "/v2/{project}/instances/{instance}/available-zones",
        r#"{"new_available_zones": ["eu-de-02"]}"#,
    )
    .job("migrateAzJob"),
    row(
        "POST",
        "/v2/{project}/instances/{instance}/resources/subnet",
        r#"{"action": "switch", "vpc_id": "v", "subnet_id": "s"}"#,
    )
    .job("switchSubnetJob"),
    row("PUT", "/v2/{project}/instances/{instance}/nodes/status", r#"{"action": "stop"}"#)
        .job("modifyNodeStatusJob"),
    row("PUT", "/v2/{project}/instances/{instance}/bigkey/autoscan", r#"{"enable_auto_scan": false}"#),
    row("PUT", "/v2/{project}/instances/status", r#"{"action": "restart", "instances": ["{instance}"]}"#),
];

async fn call(server: &TestServer, row: &Row) -> Answer {
    let filled = |text: &str| text.replace("{project}", PROJECT).replace("{instance}", HA);
    server.call(row.method, &filled(row.path)).body(filled(row.body)).send().await
}

async fn tasks(server: &TestServer, api: Api, instance: &str) -> Vec<Value> {
    let list = server.get(&format!("{}/tasks", api.instance(instance))).await.ok();
    list["tasks"].as_array().expect("an array of tasks").clone()
}

async fn jobs(server: &TestServer) -> Vec<Value> {
    server.rows("SELECT json_array(lower(hex(job_id)), job_type) FROM jobs ORDER BY begin_at DESC").await
}

/// The details of a task that are not null.
fn told(task: &Value) -> Value {
    let details = task["details"].as_object().expect("an object of details");
    assert_eq!(details.len(), 26, "every member is there");
    let told = details.iter().filter(|(name, value)| !value.is_null() && *name != "rename_commands");
    told.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn what_is_set_going_leaves_the_tasks_and_jobs_of_its_row() {
    let mut server = TestServer::start().await;
    for (number, row) in (1..).zip(&ROWS) {
        server.set_clock_ms(number * 1_000);
        let (tasks_before, jobs_before) = (tasks(&server, Api::V2, HA).await, jobs(&server).await);
        let answer = call(&server, row).await;
        assert!(answer.status < 300, "{}: {} {}", row.path, answer.status, answer.text());
        let (tasks, jobs) = (tasks(&server, Api::V2, HA).await, jobs(&server).await);
        assert_eq!(tasks.len(), tasks_before.len() + usize::from(row.task.is_some()), "{}", row.path);
        assert_eq!(jobs.len(), jobs_before.len() + usize::from(row.job.is_some()), "{}", row.path);
        if let Some(name) = row.task {
            assert_eq!((&tasks[0]["name"], &tasks[0]["status"]), (&json!(name), &json!("SUCCESS")));
            let details: Value = serde_json::from_str(row.details).unwrap();
            assert_eq!(told(&tasks[0]), details, "{}", row.path);
        }
        if let Some(kind) = row.job {
            assert_eq!(jobs[0][1], kind, "{}", row.path);
            let shown = server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&jobs[0][0]))).await.ok();
            assert_eq!((&shown["job_type"], &shown["status"]), (&json!(kind), &json!("SUCCESS")));
        }
        if let (Some(_), Some(_)) = (row.task, row.job) {
            let of_project = server.get(&format!("/v2/{PROJECT}/tasks?limit=1")).await.ok();
            assert_eq!(of_project["tasks"][0]["job_id"], jobs[0][0], "{}", row.path);
        }
    }
    let before = tasks(&server, Api::V2, HA).await;
    server.restart().await;
    for api in Api::BOTH {
        assert_eq!(tasks(&server, api, HA).await, before);
    }
}

#[tokio::test]
async fn the_task_of_a_replica_runs_until_it_has_come_or_gone() {
    for version in ["v1.0", "v2"] {
        let mut server = TestServer::start().await;
        server.put("/_emulator/transitions/instance", &json!({"progression": "manual"})).await.ok();
        let groups = format!("/v2/{PROJECT}/instance/{CLUSTER}/groups");
        let first = async |server: &TestServer| server.get(&groups).await.ok()["group_list"][0].clone();
        let group = text(&first(&server).await["group_id"]);
        let step = async |server: &TestServer| {
            server.post("/_emulator/transitions/instance/step", &json!({})).await.ok();
        };
        let api = if version == "v2" { Api::V2 } else { Api::V1 };

        server.set_clock_ms(1_000);
        let path = format!("/{version}/{PROJECT}/instance/{CLUSTER}/groups/{group}/replications");
        assert_eq!(server.post(&path, &json!({"az_code": "eu-de-03"})).await.status, 204);
        server.restart().await;
        let task = tasks(&server, api, CLUSTER).await[0].clone();
        assert_eq!((&task["name"], &task["status"]), (&json!("AddReplica"), &json!("EXECUTING")));
        step(&server).await;
        let task = tasks(&server, api, CLUSTER).await[0].clone();
        assert_eq!((&task["name"], &task["status"]), (&json!("AddReplica"), &json!("SUCCESS")));
        let node = first(&server).await["replication_list"][2].clone();
        let replica =
            json!({"group_name": "group-0", "replica_az": "eu-de-03", "replica_ip": node["replication_ip"]});
        assert_eq!(told(&task), replica);

        server.set_clock_ms(2_000);
        let path = format!(
            "/v2/{PROJECT}/instances/{CLUSTER}/groups/{group}/replications/{}",
            text(&node["node_id"])
        );
        let job = server.delete(&path).await.ok()["job_id"].clone();
        let all = tasks(&server, api, CLUSTER).await;
        let courses = each(&json!(all), "status");
        assert_eq!(
            (&all[0]["name"], courses),
            (&json!("DelReplica"), vec![json!("EXECUTING"), json!("SUCCESS")])
        );
        assert_eq!(told(&all[0]), replica);
        let of_project = server.get(&format!("/v2/{PROJECT}/tasks")).await.ok();
        assert_eq!(of_project["tasks"][0]["job_id"], job);
        step(&server).await;
        let all = tasks(&server, api, CLUSTER).await;
        assert_eq!(each(&json!(all), "status"), ["SUCCESS", "SUCCESS"]);
        let shown = server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&job))).await.ok();
        assert_eq!(shown["status"], "SUCCESS");
    }
}
