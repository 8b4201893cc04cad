//! Slow logs and run logs of instances (wire contract of the operations of v2, section 7).

use serde_json::{Value, json};

use crate::support::seed::{
    CLUSTER, HA, OLD_REDIS, OTHERS_HA, PROJECT, SINGLE, SINGLE_RESTARTING, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, is_uuid, of, refusal, text};

const RUN_LOGS: &str = "/v2/{project_id}/instances/{instance_id}/redislog";

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}/slowlog",
        slow_commands_are_those_that_are_declared,
    ),
    covered("POST", RUN_LOGS, run_logs_are_collected_by_the_day_and_downloaded),
    covered("GET", RUN_LOGS, run_logs_are_collected_by_the_day_and_downloaded),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/redislog/{id}/links",
        run_logs_are_collected_by_the_day_and_downloaded,
    ),
    covered(
        "GET",
        "/obs/{bucket}/{instance_id}/redislog/{id}/{file_name}",
        run_logs_are_collected_by_the_day_and_downloaded,
    ),
    covered(
        "HEAD",
        "/obs/{bucket}/{instance_id}/redislog/{id}/{file_name}",
        run_logs_are_collected_by_the_day_and_downloaded,
    ),
];

/// From eight days before every test begins, until it.
const SLOW: &str = "slowlog?start_time=1582438504512&end_time=1583129704512";

async fn hold(server: &TestServer, instance: &str, contents: &Value) {
    server.put(&format!("/_emulator/instances/{instance}/contents"), contents).await.ok();
}

async fn replicas(server: &TestServer, instance: &str) -> Vec<String> {
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok();
    let lists = each(&groups["group_list"], "replication_list");
    lists.iter().flat_map(|list| each(list, "replication_id")).map(|id| text(&id)).collect()
}

async fn collect(server: &TestServer, instance: &str, query: &str) -> Answer {
    server.call("POST", &of(instance, &format!("redislog?{query}"))).send().await
}

async fn logs(server: &TestServer, instance: &str, query: &str) -> Value {
    server.get(&of(instance, &format!("redislog?log_type=run{query}"))).await.ok()
}

async fn link(server: &TestServer, instance: &str, id: &str) -> Answer {
    server.call("POST", &of(instance, &format!("redislog/{id}/links"))).send().await
}

/// Returns path and query of a link.
fn path_in(answer: &Value) -> String {
    let link = text(&answer["link"]);
    let rest = link.strip_prefix("http://").expect("a URL");
    rest[rest.find('/').expect("a path")..].to_owned()
}

#[tokio::test]
async fn slow_commands_are_those_that_are_declared() {
    let mut server = TestServer::start().await;
    let nothing = json!({"total_num": 0, "count": 0, "slowlogs": []});
    assert_eq!(server.get(&of(HA, SLOW)).await.ok(), nothing);
    let declared = json!({"slow_log": [
        {"command": "KEYS *", "start_time": "2020-03-02T06:00:00.700Z", "duration": 17, "database_id": 1, "client_ip": "10.0.0.9"},
        {"command": "old", "start_time": "2020-02-24T06:15:04.512Z", "duration": 99},
        {"command": "too old", "start_time": "2020-02-24T06:15:04.511Z"},
        {"command": "proxied", "start_time": "2020-03-01T00:00:00Z", "duration": 50, "node_role": "proxy", "username": "u",
         "shard": 2},
    ]});
    hold(&server, CLUSTER, &declared).await;
    server.restart().await;
    let all = server.get(&of(CLUSTER, SLOW)).await.ok();
    let first = json!({
        "id": 1, "command": "KEYS *", "start_time": "2020-03-02T06:00:00Z", "duration": "17", "shard_name": "group-0",
        "database_id": 1, "username": "default", "node_role": "master", "client_ip": "10.0.0.9",
    });
    assert_eq!((&all["total_num"], &all["count"], &all["slowlogs"][0]), (&json!(3), &json!(3), &first));
    assert_eq!(each(&all["slowlogs"], "command"), ["KEYS *", "proxied", "old"]);
    let told = [
        &all["slowlogs"][1]["shard_name"],
        &all["slowlogs"][1]["username"],
        &all["slowlogs"][1]["client_ip"],
    ];
    assert_eq!(told, ["group-2", "u", ""]);
    for (query, commands) in [
        ("&sort_dir=asc", vec!["old", "proxied", "KEYS *"]),
        ("&sort_key=duration", vec!["old", "proxied", "KEYS *"]),
        ("&sort_key=duration&sort_dir=asc", vec!["KEYS *", "proxied", "old"]),
        ("&role=server", vec!["KEYS *", "old"]),
        ("&role=proxy", vec!["proxied"]),
        ("&offset=1&limit=1", vec!["proxied"]),
        ("&offset=9", vec![]),
    ] {
        let shown = server.get(&of(CLUSTER, &format!("{SLOW}{query}"))).await.ok();
        assert_eq!(each(&shown["slowlogs"], "command"), commands, "{query}");
    }
    let part = of(CLUSTER, "slowlog?start_time=1583020800000&end_time=1583020800000");
    assert_eq!(each(&server.get(&part).await.ok()["slowlogs"], "command"), ["proxied"]);
    // A restart of the instance loses them.
    let restart = json!({"action": "restart", "instances": [CLUSTER]});
    server.put(&format!("{}/status", Api::V2.instances(PROJECT)), &restart).await.ok();
    assert_eq!(server.get(&of(CLUSTER, SLOW)).await.ok(), nothing);
}

#[tokio::test]
async fn a_node_keeps_the_newest_slow_commands() {
    let server = TestServer::start().await;
    let slow = |number: usize| json!({"command": number.to_string(), "start_time": format!("2020-03-01T00:{:02}:{:02}Z", number / 60, number % 60)});
    hold(&server, HA, &json!({"slow_log": (0..130).map(slow).collect::<Vec<_>>()})).await;
    let all = server.get(&of(HA, &format!("{SLOW}&limit=1000"))).await.ok();
    assert_eq!((&all["total_num"], &all["slowlogs"][127]["command"]), (&json!(128), &json!("2")));
    let configs =
        json!({"redis_config": [{"param_id": "19", "param_name": "slowlog-max-len", "param_value": "2"}]});
    server.put(&of(HA, "configs"), &configs).await.assert_no_content();
    assert_eq!(each(&server.get(&of(HA, SLOW)).await.ok()["slowlogs"], "command"), ["129", "128"]);
}

#[tokio::test]
async fn a_slow_log_that_is_asked_for_wrongly_is_refused() {
    let server = TestServer::start().await;
    for (query, name) in [
        ("end_time=2", "start_time"),
        ("start_time=1", "end_time"),
        ("start_time=x&end_time=2", "start_time"),
        ("start_time=2&end_time=1", "end_time"),
        ("start_time=1&end_time=99999999999999999", "end_time"),
        ("start_time=1&end_time=2&sort_key=id", "sort_key"),
        ("start_time=1&end_time=2&sort_dir=up", "sort_dir"),
        ("start_time=1&end_time=2&role=master", "role"),
        ("start_time=1&end_time=2&limit=1001", "limit"),
    ] {
        let answer = server.get(&of(HA, &format!("slowlog?{query}"))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid(name));
    }
    for unknown in [OTHERS_HA, UNKNOWN_INSTANCE] {
        server.get(&of(unknown, SLOW)).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    server.get(&of(SINGLE_RESTARTING, SLOW)).await.ok();
}

#[tokio::test]
async fn run_logs_are_collected_by_the_day_and_downloaded() {
    let mut server = TestServer::start().await;
    assert_eq!(logs(&server, HA, "").await, json!({"total_num": 0, "file_list": []}));
    let replicas = replicas(&server, HA).await;
    hold(
        &server,
        HA,
        &json!({"run_log": [
            {"time": "2020-03-01T23:59:59.999Z", "text": "yesterday"},
            {"time": "2020-03-02T05:00:00Z", "text": "of the other", "replication_id": replicas[0]},
            {"time": "2020-03-02T04:00:00Z", "text": "第二"},
            {"time": "2020-03-02T03:00:00Z", "text": "first", "replication_id": replicas[1]},
        ]}),
    )
    .await;
    let query = format!("log_type=run&query_time=3&replication_id={}", replicas[1]);
    collect(&server, HA, &query).await.assert_no_content();
    server.restart().await;
    let all = logs(&server, HA, "").await;
    let files = all["file_list"].as_array().unwrap();
    let ip = text(&files[0]["replication_ip"]);
    let file = |number: usize, day: &str| {
        json!({"id": files[number]["id"], "file_name": format!("redis_{ip}_{day}.log"), "group_name": "group-0",
               "replication_ip": ip, "status": "succeed", "time": day, "backup_id": files[number]["backup_id"]})
    };
    let expected = json!({"total_num": 3, "file_list": [file(0, "2020-03-02"), file(1, "2020-03-01"), file(2, "2020-02-29")]});
    assert_eq!(all, expected);
    assert!(is_uuid(&text(&files[0]["id"])) && is_uuid(&text(&files[0]["backup_id"])));
    for (page, days) in [
        ("&offset=0&limit=2", vec!["2020-03-02", "2020-03-01"]),
        ("&offset=1&limit=2", vec!["2020-03-02", "2020-03-01"]),
        ("&offset=3&limit=2", vec!["2020-02-29"]),
        ("&offset=5&limit=2", vec![]),
    ] {
        assert_eq!(each(&logs(&server, HA, page).await["file_list"], "time"), days, "{page}");
    }
    for (number, content) in [(0, "first\n第二\n"), (1, "yesterday\n"), (2, "")] {
        let linked = link(&server, HA, &text(&files[number]["id"])).await.ok();
        let link = text(&linked["link"]);
        assert_eq!(
            linked,
            json!({"id": files[number]["id"], "backup_id": files[number]["backup_id"], "link": link})
        );
        let path = path_in(&linked);
        let name = text(&files[number]["file_name"]);
        assert!(path.contains(&format!("/{name}?")), "{path}");
        let file = server.get(&path).await;
        assert_eq!((file.status, file.text()), (200, content));
        assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(server.call("HEAD", &path).send().await.status, 200);
    }
    // Once more: one file a day still, and what was collected is what there is then.
    hold(&server, HA, &json!({})).await;
    collect(&server, HA, &query.replace("query_time=3", "query_time=0")).await.assert_no_content();
    let again = logs(&server, HA, "").await;
    assert_eq!(each(&again["file_list"], "time"), ["2020-03-02", "2020-03-01", "2020-02-29"]);
    assert_ne!(again["file_list"][0]["id"], files[0]["id"]);
    let linked = link(&server, HA, &text(&again["file_list"][0]["id"])).await.ok();
    assert_eq!(server.get(&path_in(&linked)).await.text(), "");
    // For a week they are kept.
    server.advance_ms(5 * 86_400_000);
    assert_eq!(logs(&server, HA, "").await["total_num"], 2);
    server.advance_ms(2 * 86_400_000);
    assert_eq!(logs(&server, HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn a_link_to_a_run_log_is_good_for_a_day_and_cannot_be_changed() {
    let server = TestServer::start().await;
    collect(&server, SINGLE, "log_type=run").await.assert_no_content();
    let id = text(&logs(&server, SINGLE, "").await["file_list"][0]["id"]);
    let path = path_in(&link(&server, SINGLE, &id).await.ok());
    let refused = async |path: &str, status: u16, code: &str| {
        let answer = server.get(path).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (status, &json!(code)), "{path}");
    };
    for changed in [
        path.replace(SINGLE, HA),
        path.replace("2020-03-02.log", "2020-03-01.log"),
        path.replace("/redislog/", "/"),
        path.replace("Expires=15832", "Expires=15842"),
    ] {
        assert_ne!(changed, path);
        refused(&changed, 403, "SignatureDoesNotMatch").await;
    }
    server.set_clock_ms(86_399_000);
    assert_eq!(server.get(&path).await.status, 200);
    server.set_clock_ms(86_400_000);
    refused(&path, 403, "AccessDenied").await;
    server.set_clock_ms(1_000);
    collect(&server, SINGLE, "log_type=run").await.assert_no_content();
    refused(&path, 404, "NoSuchKey").await;
}

#[tokio::test]
async fn a_run_log_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let log_type = refusal::other("DCS.4800", "Invalid logType.");
    for query in ["", "log_type=slow"] {
        collect(&server, HA, query).await.assert_refused_by(Api::V2, &log_type);
        server.get(&of(HA, &format!("redislog?{query}"))).await.assert_refused_by(Api::V2, &log_type);
    }
    let others = replicas(&server, SINGLE).await.remove(0);
    for (query, name) in [
        ("query_time=2".to_owned(), "query_time"),
        ("query_time=x".to_owned(), "query_time"),
        ("query_time=1".to_owned(), "replication_id"),
        ("replication_id=none".to_owned(), "replication_id"),
        (format!("replication_id={others}"), "replication_id"),
    ] {
        let answer = collect(&server, HA, &format!("log_type=run&{query}")).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid(name));
    }
    for (instance, refusal) in [
        (OLD_REDIS, refusal::WRONG_STATE),
        (SINGLE_RESTARTING, refusal::RESTARTING),
        (OTHERS_HA, refusal::INSTANCE_NOT_FOUND),
        (UNKNOWN_INSTANCE, refusal::INSTANCE_NOT_FOUND),
    ] {
        collect(&server, instance, "log_type=run").await.assert_refused_by(Api::V2, &refusal);
    }
    for unknown in ["none", UNKNOWN_INSTANCE] {
        link(&server, HA, unknown).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("id"));
    }
    link(&server, OTHERS_HA, UNKNOWN_INSTANCE).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    let fault = json!({
        "match": {"operation": "create_redislog"},
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    collect(&server, SINGLE, "log_type=run").await.assert_no_content();
    let failed = logs(&server, SINGLE, "").await["file_list"][0].take();
    assert_eq!(failed["status"], "failed");
    let no_file = link(&server, SINGLE, &text(&failed["id"])).await;
    no_file.assert_refused_by(Api::V2, &refusal::invalid_parameter("id"));
    assert_eq!(server.delete(&Api::V2.instance(SINGLE)).await.status, 204);
    let gone = server.get(&of(SINGLE, "redislog?log_type=run")).await;
    gone.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
}
