//! Diagnoses of instances (wire contract of the operations of v2, section 6).

use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHER_PROJECT, OTHERS_HA, PROJECT, SINGLE, SINGLE_RESTARTING,
    UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, is_uuid, refusal, text};

const DIAGNOSES: &str = "/v2/{project_id}/instances/{instance_id}/diagnosis";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", DIAGNOSES, a_report_is_made_once_and_stays),
    covered("GET", DIAGNOSES, a_report_is_made_once_and_stays),
    covered("GET", "/v2/{project_id}/diagnosis/{report_id}", a_report_is_made_once_and_stays),
    covered("DELETE", DIAGNOSES, a_report_is_deleted_and_then_gone),
];

/// Five minutes before every test begins, and half a second before it.
const BEGIN: i64 = 1_583_129_404_000;
const END: i64 = 1_583_129_704_000;

fn of(instance: &str) -> String {
    format!("{}/diagnosis", Api::V2.instance(instance))
}

fn report(id: &str) -> String {
    format!("/v2/{PROJECT}/diagnosis/{id}")
}

async fn begin(server: &TestServer, instance: &str, body: Value) -> Answer {
    server.post(&of(instance), &body).await
}

async fn diagnose(server: &TestServer, instance: &str) -> String {
    text(&begin(server, instance, json!({"begin_time": BEGIN, "end_time": END})).await.ok()["report_id"])
}

async fn delete(server: &TestServer, instance: &str, ids: Value) -> Answer {
    server.call("DELETE", &of(instance)).json(&json!({ "report_id_list": ids })).send().await
}

async fn nodes(server: &TestServer, instance: &str) -> Vec<Value> {
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    let lists = each(&groups["group_list"], "replication_list");
    lists.iter().flat_map(|list| list.as_array().expect("an array of nodes").clone()).collect()
}

fn item(name: &str, result: &str, conclusions: [Value; 3]) -> Value {
    let [cause, impact, advice] = conclusions;
    json!({"name": name, "result": result, "error_code": null, "cause_ids": cause, "impact_ids": impact, "advice_ids": advice})
}

/// The dimensions of a node, each item with a result; one of them abnormal if commands took long.
fn dimensions(result: &str, slow: Option<&str>) -> Value {
    let nothing = || [json!([]), json!([]), json!([])];
    let failed = |items: usize| if result == "failed" { items } else { 0 };
    let slow_item = match slow {
        Some(names) => {
            let conclusion = |id: u32| json!([{"id": id, "params": {"COMMANDS": names}}]);
            item("time_consuming_commands", "abnormal", [conclusion(10), conclusion(3), conclusion(7)])
        }
        None => item("time_consuming_commands", result, nothing()),
    };
    let others =
        |names: &[&str]| -> Vec<Value> { names.iter().map(|name| item(name, result, nothing())).collect() };
    json!([
        {"name": "load", "abnormal_num": usize::from(slow.is_some()), "failed_num": failed(2),
         "diagnosis_item_list": [item("cpu_usage", result, nothing()), slow_item]},
        {"name": "storage", "abnormal_num": 0, "failed_num": failed(5), "diagnosis_item_list": others(
            &["inner_memory_fragmentation", "persistence", "memory_usage", "centralized_expiration", "hit_ratio"])},
        {"name": "network", "abnormal_num": 0, "failed_num": failed(2),
         "diagnosis_item_list": others(&["connection_num", "rx_controlled"])},
    ])
}

fn link_row(name: &str) -> Value {
    json!({"total_num": 1, "total_usec_sum": 300.0, "result": "succeed", "error_code": null, "command_list": [
        {"command_name": name, "calls_sum": 300, "usec_sum": 300.0, "per_usec": "100.00%", "average_usec": 1.0}]})
}

#[tokio::test]
async fn a_report_is_made_once_and_stays() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    assert_eq!(server.get(&of(HA)).await.ok(), json!({"total_num": 0, "diagnosis_report_list": []}));
    let id = diagnose(&server, HA).await;
    assert!(is_uuid(&id), "{id}");
    let row = |status: &str, abnormal: usize| {
        json!({"total_num": 1, "diagnosis_report_list": [{
            "report_id": id, "status": status, "begin_time": "2020-03-02T06:10:04.000Z",
            "end_time": "2020-03-02T06:15:04.000Z", "created_at": "2020-03-02T06:15:04.512Z", "node_num": 2,
            "abnormal_item_sum": abnormal, "failed_item_sum": 0}]})
    };
    assert_eq!(server.get(&of(HA)).await.ok(), row("diagnosing", 0));
    let empty = json!({"abnormal_item_sum": 0, "failed_item_sum": 0, "diagnosis_node_report_list": []});
    assert_eq!(server.get(&report(&id)).await.ok(), empty);
    assert_eq!(server.shown(Api::V2, HA).await["task"], Value::Null);
    let contents = format!("/_emulator/instances/{HA}/contents");
    let slow = |command: &str, time: &str, duration: u64| json!({"command": command, "start_time": time, "duration": duration});
    let declared = json!({"slow_log": [
        slow("KEYS a*", "2020-03-02T06:10:04Z", 500), slow("keys *", "2020-03-02T06:15:04Z", 100),
        slow("hgetall h", "2020-03-02T06:12:00Z", 100), slow("too early", "2020-03-02T06:10:03.999Z", 9),
        slow("too late", "2020-03-02T06:15:04.001Z", 9),
        {"command": "other shard", "start_time": "2020-03-02T06:12:00Z", "shard": 1},
        {"command": "proxied", "start_time": "2020-03-02T06:12:00Z", "node_role": "proxy"},
    ]});
    server.put(&contents, &declared).await.ok();
    server.restart().await;
    server.advance_ms(10_000);
    let nodes = nodes(&server, HA).await;
    let node = |number: usize, role: &str, slow: Option<&str>, commands: Value| {
        let address = format!("{}:6379", text(&nodes[number]["replication_ip"]));
        json!({
            "node_ip": address, "az_code": nodes[number]["az_code"], "group_name": "group-0", "role": role,
            "abnormal_sum": usize::from(slow.is_some()), "failed_sum": 0, "is_faulted": false,
            "diagnosis_dimension_list": dimensions("normal", slow), "command_time_taken_list": commands,
        })
    };
    let command = |name: &str, calls: u64, usec: f64, share: &str, average: f64| json!({"command_name": name, "calls_sum": calls, "usec_sum": usec, "per_usec": share, "average_usec": average});
    let of_master = json!({"total_num": 3, "total_usec_sum": 1000.0, "result": "succeed", "error_code": null, "command_list": [
        command("keys", 2, 600.0, "60.00%", 300.0), command("replconf", 300, 300.0, "30.00%", 1.0),
        command("hgetall", 1, 100.0, "10.00%", 100.0)]});
    let expected = json!({"abnormal_item_sum": 1, "failed_item_sum": 0, "diagnosis_node_report_list": [
        node(0, "master", Some("hgetall,keys"), of_master), node(1, "slave", None, link_row("ping"))]});
    assert_eq!(server.get(&report(&id)).await.ok(), expected);
    assert_eq!(server.get(&of(HA)).await.ok(), row("finished", 1));
    // What was found stays, whatever the instance holds then.
    server.put(&contents, &json!({})).await.ok();
    assert_eq!(server.get(&report(&id)).await.ok(), expected);
}

#[tokio::test]
async fn nodes_are_named_by_address_and_differ_by_what_they_do() {
    let server = TestServer::start().await;
    let nodes = nodes(&server, CLUSTER).await;
    let addresses: Vec<&Value> = nodes[2..4].iter().map(|node| &node["replication_ip"]).collect();
    // Texts of numbers are as good.
    let body =
        json!({"begin_time": BEGIN.to_string(), "end_time": END.to_string(), "node_ip_list": addresses});
    let id = text(&begin(&server, CLUSTER, body).await.ok()["report_id"]);
    let made = server.get(&report(&id)).await.ok();
    let found = &made["diagnosis_node_report_list"];
    assert_eq!(
        (each(found, "role"), each(found, "group_name")),
        (vec![json!("master"), json!("slave")], vec![json!("group-1"); 2])
    );
    let single = diagnose(&server, SINGLE).await;
    let single = server.get(&report(&single)).await.ok()["diagnosis_node_report_list"].take();
    let nothing = json!({"total_num": 0, "total_usec_sum": 0.0, "result": "succeed", "error_code": null, "command_list": []});
    assert_eq!((single.as_array().unwrap().len(), &single[0]["command_time_taken_list"]), (1, &nothing));
    assert_eq!(single[0]["diagnosis_dimension_list"], dimensions("normal", None));
    diagnose(&server, OLD_REDIS).await;
}

#[tokio::test]
async fn a_stopped_node_is_faulted_and_a_fault_fails_everything() {
    let server = TestServer::start().await;
    let nodes = nodes(&server, HA).await;
    let stop = json!({"action": "stop", "node_ids": [nodes[1]["node_id"]]});
    server.put(&format!("{}/nodes/status", Api::V2.instance(HA)), &stop).await;
    let id = diagnose(&server, HA).await;
    let made = server.get(&report(&id)).await.ok();
    let found = &made["diagnosis_node_report_list"];
    assert_eq!(
        (each(found, "is_faulted"), each(found, "failed_sum")),
        (vec![json!(false), json!(true)], vec![json!(0), json!(9)])
    );
    assert_eq!(found[1]["diagnosis_dimension_list"], dimensions("failed", None));
    assert_eq!(made["failed_item_sum"], 9);
    let fault = json!({
        "match": {"operation": "create_diagnosis_task"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    diagnose(&server, SINGLE).await;
    let row = server.get(&of(SINGLE)).await.ok()["diagnosis_report_list"][0].take();
    assert_eq!((&row["status"], &row["failed_item_sum"]), (&json!("finished"), &json!(9)));
}

#[tokio::test]
async fn a_report_is_deleted_and_then_gone() {
    let server = TestServer::with(&[("task.duration", "10s")]).await;
    let (first, second) = (diagnose(&server, HA).await, diagnose(&server, HA).await);
    let page = server.get(&format!("{}?offset=1&limit=1", of(HA))).await.ok();
    assert_eq!(
        (&page["total_num"], each(&page["diagnosis_report_list"], "report_id")),
        (&json!(2), vec![json!(first)])
    );
    server.advance_ms(1_000);
    // Of another instance, another project, or of none.
    let answer = delete(&server, SINGLE, json!([first])).await.ok();
    assert_eq!(answer, json!({"results": [{"id": first, "result": "failed"}]}));
    let other = server.get(&report(&first).replace(PROJECT, OTHER_PROJECT)).await;
    other.assert_refused_by(Api::V2, &refusal::UNKNOWN_ROUTE);
    let answer = delete(&server, HA, json!([first, "none", UNKNOWN_INSTANCE])).await.ok();
    assert_eq!(each(&answer["results"], "result"), ["successful", "failed", "failed"]);
    // The end of what is gone comes all the same, and changes nothing.
    server.advance_ms(10_000);
    for gone in [first.as_str(), "none", UNKNOWN_INSTANCE] {
        server.get(&report(gone)).await.assert_refused_by(Api::V2, &refusal::UNKNOWN_ROUTE);
    }
    assert_eq!(server.get(&report(&second)).await.status, 200);
    let unnamed = refusal::invalid_parameter("report_id_list");
    delete(&server, HA, json!([])).await.assert_refused_by(Api::V2, &unnamed);
    server.delete(&of(HA)).await.assert_refused_by(Api::V2, &unnamed);
    delete(&server, OTHERS_HA, json!([second]))
        .await
        .assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    assert_eq!(server.delete(&Api::V2.instance(HA)).await.status, 204);
    server.get(&report(&second)).await.assert_refused_by(Api::V2, &refusal::UNKNOWN_ROUTE);
    server.get(&of(HA)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}

#[tokio::test]
async fn a_diagnosis_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let minute = |begin: Value, end: Value| json!({"begin_time": begin, "end_time": end});
    for (body, name) in [
        (json!({}), "begin_time"),
        (minute(json!(BEGIN), Value::Null), "end_time"),
        (minute(json!("soon"), json!(END)), "begin_time"),
        (minute(json!(END), json!(END)), "begin_time"),
        (minute(json!(END - 600_001), json!(END)), "begin_time"),
        (minute(json!(BEGIN), json!(END + 513)), "end_time"),
        (json!({"begin_time": BEGIN, "end_time": END, "node_ip_list": ["10.9.9.9"]}), "node_ip_list"),
    ] {
        begin(&server, HA, body).await.assert_refused_by(Api::V2, &refusal::invalid(name));
    }
    begin(&server, HA, minute(json!(END - 599_488), json!(END + 512))).await.ok();
    let good = minute(json!(BEGIN), json!(END));
    for (instance, refusal) in [
        (MEMCACHED, refusal::WRONG_STATE),
        (SINGLE_RESTARTING, refusal::RESTARTING),
        (OTHERS_HA, refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, refusal::INSTANCE_NOT_FOUND),
    ] {
        begin(&server, instance, good.clone()).await.assert_refused_by(Api::V2, &refusal);
    }
    server.call("POST", &of(HA)).send().await.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    server.get(&format!("{}?limit=0", of(HA))).await.assert_refused_by(Api::V2, &refusal::invalid("limit"));
}
