//! The operations beside what the emulator is about (wire contract v2, section 3): what only reads answers truthfully, what
//! would change a thing that is not there is refused and listed.

use dcs_emulator::http::{Emulation, routes};
use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, MEMCACHED, OTHERS_HA, PROJECT, PROXY, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
};
use crate::support::{Api, TestServer, each, refusal};

const SOME_ID: &str = "8abfa7aa8e2c1f5c018e2c60b0a50021";

/// Returns the routes of operations that are emulated so far, as method and path with placeholders.
fn routes_of(emulation: Emulation) -> Vec<(String, &'static str)> {
    let table = routes::table().iter();
    let found = table.filter(|route| route.operation.emulation == emulation);
    found.map(|route| (route.method.to_string(), route.path.as_str())).collect()
}

/// Writes a path of a route.
fn path(template: &str, project: &str, instance: &str) -> String {
    let parts = template.split('/').map(|part| match part {
        "{project_id}" => project,
        "{instance_id}" => instance,
        _ if part.starts_with('{') => SOME_ID,
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Calls every route that is not emulated.
#[tokio::test]
pub(crate) async fn what_is_not_emulated_is_refused_and_listed() {
    let server = TestServer::start().await;
    let refused = routes_of(Emulation::None);
    let mut paths = Vec::new();
    for (method, template) in &refused {
        let path = path(template, PROJECT, HA);
        let answer = server.call(method, &path).json(&json!({})).send().await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error_code"]), (400, &json!("DCS.4094")), "{method} {path}");
        let message = body["error_msg"].as_str().unwrap();
        assert!(message.starts_with("This operation is not emulated: "), "{message}");
        paths.push(json!(path));
    }
    let unsupported = server.get("/_emulator/requests/unsupported").await.ok();
    assert_eq!(each(&unsupported["requests"], "path"), paths);
}

/// What is never there, as nothing makes it: method, path, code and message.
const NEVER_THERE: &[(&str, &str, &str, &str)] = &[
    ("GET", "/migration-task/{task_id}", "DCS.4133", "The migration task does not exist."),
    ("GET", "/migration-task/{task_id}/stats", "DCS.4133", "The migration task does not exist."),
    ("GET", "/migration-task/{task_id}/logs", "DCS.4133", "The migration task does not exist."),
];

/// Calls every route that only reads.
#[tokio::test]
pub(crate) async fn what_only_reads_answers_that_there_is_nothing_of_the_kind() {
    let server = TestServer::start().await;
    let page = json!({
        "router": ["dcs_memcached_instance_id"], "children": [], "total": 1,
        "instances": [{"dcs_memcached_instance_id": MEMCACHED, "name": "memcached", "status": "normal"}],
    });
    let groups = groups(&server, HA).await;
    let instance = "/instances/{instance_id}";
    let answers = [
        (
            format!("{instance}/deletable-replication"),
            json!({"check_result": false, "available_zone": "", "replication_list": []}),
        ),
        (format!("{instance}/accounts"), json!({"accounts": []})),
        (
            format!("{instance}/clients"),
            json!({"time": "2020-03-02T06:15:04.512Z", "count": 0, "clients": []}),
        ),
        ("/instance/{instance_id}/groups/{group_id}/group-nodes-state".to_owned(), json!([])),
        ("/migration-tasks".to_owned(), json!({"count": 0, "migration_tasks": []})),
        ("/dims/monitored-objects?dim_name=dcs_memcached_instance_id".to_owned(), page),
        (format!("/dims/monitored-objects/{HA}?dim_name=dcs_instance_id"), parts(HA, "dcs-ha", &groups)),
    ];
    let mut called = Vec::new();
    for (rest, expected) in answers {
        let path = path(&format!("/v2/{{project_id}}{rest}"), PROJECT, HA);
        assert_eq!(server.get(&path).await.ok(), expected, "{path}");
        called.push(("GET", path));
    }
    let clients = format!("{}/clients", Api::V2.instance(HA));
    assert_eq!(server.post(&clients, &json!({"node_id": SOME_ID})).await.ok(), json!({}));
    called.push(("POST", clients));
    for &(method, rest, code, message) in NEVER_THERE {
        let path = path(&format!("/v2/{{project_id}}{rest}"), PROJECT, HA);
        let answer = server.call(method, &path).send().await;
        let expected = json!({"error_code": code, "error_msg": message, "error_ext_msg": null});
        assert_eq!((answer.status, answer.json()), (400, expected), "{path}");
        called.push((method, path));
    }
    assert_eq!(called.len(), routes_of(Emulation::ReadOnly).len());
    // None of it is what the emulator cannot do.
    assert_eq!(server.get("/_emulator/requests/unsupported").await.ok(), json!({"requests": []}));
}

/// Returns the shards of an instance.
async fn groups(server: &TestServer, instance: &str) -> Value {
    server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok()["group_list"].take()
}

fn parts(instance: &str, name: &str, groups: &Value) -> Value {
    let node = |node: &Value| {
        json!({
            "dcs_instance_id": instance, "name": node["replication_ip"], "status": "normal",
            "dcs_cluster_redis_node": node["dimensions"][1]["value"],
        })
    };
    let nodes = groups[0]["replication_list"].as_array().expect("an array");
    let nodes: Vec<Value> = nodes.iter().map(node).collect();
    let parts = ["dcs_cluster_redis_node", "dcs_cluster_proxy_node", "dcs_cluster_proxy2_node"];
    let children =
        parts.map(|part| json!({"dim_name": part, "dim_route": format!("dcs_instance_id,{part}")}));
    json!({
        "router": ["dcs_instance_id"], "children": children, "total": 1,
        "instances": [{"dcs_instance_id": instance, "name": name, "status": "normal"}],
        "dcs_cluster_redis_node": nodes, "dcs_cluster_proxy_node": [], "dcs_cluster_proxy2_node": [],
    })
}

#[tokio::test]
async fn what_follows_from_an_instance_differs_with_it() {
    let server = TestServer::start().await;
    let parts = format!("/v2/{PROJECT}/dims/monitored-objects/{PROXY}?dim_name=dcs_instance_id");
    let parts = server.get(&parts).await.ok();
    assert_eq!(each(&parts["dcs_cluster_redis_node"], "status").len(), 6);
    assert_eq!(each(&parts["dcs_cluster_proxy_node"], "status").len(), 3);
}

#[tokio::test]
async fn what_can_be_monitored_comes_in_pages() {
    let server = TestServer::start().await;
    let page = async |query: &str| {
        server
            .get(&format!("/v2/{PROJECT}/dims/monitored-objects?dim_name=dcs_instance_id&{query}"))
            .await
            .ok()
    };
    let all = page("limit=1000").await;
    assert_eq!(all["total"], each(&all["instances"], "name").len());
    let second = page("offset=1&limit=1").await;
    assert_eq!(second["instances"], json!([all["instances"][1]]));
    assert_eq!(page("offset=1000").await["instances"], json!([]));
}

#[tokio::test]
async fn a_parameter_that_must_be_there_is_named() {
    let server = TestServer::start().await;
    for (rest, name) in [
        ("/dims/monitored-objects".to_owned(), "dim_name"),
        (format!("/dims/monitored-objects/{HA}"), "dim_name"),
    ] {
        let answer = server.get(&format!("/v2/{PROJECT}{rest}")).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_query(name));
    }
}

#[tokio::test]
async fn whoever_asks_wrongly_learns_that_first() {
    let server = TestServer::start().await;
    for emulation in [Emulation::ReadOnly, Emulation::None] {
        for (method, template) in routes_of(emulation) {
            let of_no_project = path(template, "x", HA);
            let answer = server.call(&method, &of_no_project).send().await;
            answer.assert_refused_by(Api::V2, &refusal::INVALID_PROJECT_ID);
            if !template.contains("{instance_id}") {
                continue;
            }
            for (project, instance, refusal) in [
                (PROJECT, "x", &refusal::INVALID_INSTANCE_ID),
                (PROJECT, UNKNOWN_INSTANCE, &refusal::INSTANCE_NOT_FOUND),
                (PROJECT, OTHERS_HA, &refusal::INSTANCE_NOT_FOUND),
                (UNKNOWN_PROJECT, HA, &refusal::INSTANCE_NOT_FOUND),
            ] {
                let path = path(template, project, instance);
                server.call(&method, &path).send().await.assert_refused_by(Api::V2, refusal);
            }
        }
    }
}
