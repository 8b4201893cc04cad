//! Figures of the instances of a project (wire contract v1.0, sections 2.16 and 2.17; v2, section 2.7).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CREATE_FAILED, HA, LISTED, MEMCACHED, OLD_REDIS, OTHER_PROJECT, OTHERS_HA, PROJECT, SINGLE,
    TINY, UNKNOWN_PROJECT,
};
use crate::support::{Api, Covered, TestServer, covered, each};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/v1.0/{project_id}/instances/status", instances_are_counted_by_their_state),
    covered("GET", "/v2/{project_id}/instances/status", instances_are_counted_by_their_state),
    covered("GET", "/v1.0/{project_id}/instances/statistic", what_is_in_service_has_statistics),
    covered("GET", "/v2/{project_id}/instances/statistic", what_is_in_service_has_statistics),
];

/// The counters of v1.0, and those of v2.
const OF_V1: [&str; 16] = [
    "creating",
    "running",
    "error",
    "restarting",
    "createfailed",
    "extending",
    "deleting",
    "frozen",
    "restoring",
    "flushing",
    "starting",
    "closing",
    "closed",
    "paying",
    "migrating",
    "upgrading",
];
const OF_V2: [&str; 13] = [
    "paying",
    "freezing",
    "migrating",
    "flushing",
    "upgrading",
    "restoring",
    "extending",
    "creating",
    "running",
    "error",
    "frozen",
    "createfailed",
    "restarting",
];

/// Counters that are zero but for those that are given.
fn counters(names: &[&str], given: &[(&str, u64)]) -> Value {
    let mut counters = json!({});
    for name in names {
        let count = given.iter().find(|(of, _)| of == name).map_or(0, |(_, count)| *count);
        counters[format!("{name}_count")] = json!(count);
    }
    counters
}

fn of_both_engines(redis: &[(&str, u64)], memcached: &[(&str, u64)], all: &[(&str, u64)]) -> Value {
    let mut counts = counters(&OF_V2, all);
    counts["redis"] = counters(&OF_V2, redis);
    counts["memcached"] = counters(&OF_V2, memcached);
    counts
}

async fn counts(server: &TestServer, api: Api, project: &str, query: &str) -> Value {
    server.get(&format!("{}/status?{query}", api.instances(project))).await.ok()
}

#[tokio::test]
async fn instances_are_counted_by_their_state() {
    let server = TestServer::with(&[("backup.duration", "1h")]).await;
    // One that is being backed up is in service.
    server.create_backup(HA).await;
    let others =
        ["creating", "error", "extending", "restoring", "flushing", "frozen"].map(|state| (state, 1));
    let of_v1 = [("starting", 1), ("closing", 1), ("closed", 1), ("restarting", 2), ("running", 9)];
    let of_v2 = |running| [("restarting", 2), ("running", running)];
    for (query, failed) in
        [("", 0), ("includeFailure=false", 0), ("includeFailure=True", 1), ("include_failure=true", 1)]
    {
        let failed = [("createfailed", failed)];
        let v1 = [&others[..], &of_v1, &failed].concat();
        assert_eq!(counts(&server, Api::V1, PROJECT, query).await, counters(&OF_V1, &v1), "{query}");
        let all = [&others[..], &of_v2(9), &failed].concat();
        let redis = [&others[..], &of_v2(8), &failed].concat();
        let expected = of_both_engines(&redis, &[("running", 1)], &all);
        assert_eq!(counts(&server, Api::V2, PROJECT, query).await, expected, "{query}");
    }
    for project in [UNKNOWN_PROJECT, OTHER_PROJECT] {
        let running = [("running", u64::from(project == OTHER_PROJECT))];
        assert_eq!(counts(&server, Api::V1, project, "").await, counters(&OF_V1, &running));
        let expected = of_both_engines(&running, &[], &running);
        assert_eq!(counts(&server, Api::V2, project, "").await, expected);
    }
}

#[tokio::test]
async fn counts_follow_every_change() {
    let mut server = TestServer::start().await;
    let rule = json!({"progression": "time", "durations": {"EXTENDING": "5s", "RESTARTING": "5s"}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
    let body = json!({"new_capacity": 4});
    server.post(&format!("{}/extend", Api::V1.instance(HA)), &body).await;
    server
        .put(
            &format!("{}/status", Api::V1.instances(PROJECT)),
            &json!({"action": "restart", "instances": [SINGLE]}),
        )
        .await
        .ok();
    server.delete(&Api::V2.instance(TINY)).await;
    server.delete(&Api::V2.instance(CREATE_FAILED)).await;
    for millis in [0, 5_000] {
        server.set_clock_ms(millis);
        server.restart().await;
        let counts = counts(&server, Api::V1, PROJECT, "includeFailure=true").await;
        let found = ["running", "extending", "restarting", "createfailed"]
            .map(|name| counts[format!("{name}_count")].clone());
        let expected = if millis == 0 { [6, 2, 3, 0] } else { [8, 1, 2, 0] };
        assert_eq!(found.map(|count| count.as_u64().unwrap()), expected, "{millis}");
        let total: u64 = counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(usize::try_from(total).unwrap(), LISTED - 1);
    }
}

#[tokio::test]
async fn what_is_in_service_has_statistics() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        let shown = server.get(&format!("{}/statistic", api.instances(PROJECT))).await.ok();
        let rows = shown["statistics"].as_array().unwrap();
        assert_eq!((shown.as_object().unwrap().len(), rows.len()), (1, 9), "{api:?}");
        let ids = each(&shown["statistics"], "instance_id");
        for (status, instance) in BY_STATUS {
            assert!(!ids.contains(&json!(instance)), "{status}");
        }
        assert!(!ids.contains(&json!(OTHERS_HA)));
        for (instance, max_memory) in [(HA, 2048), (TINY, 128), (OLD_REDIS, 3277), (MEMCACHED, 1536)] {
            let row = rows.iter().find(|row| row["instance_id"] == instance).unwrap();
            let expected = json!({
                "keys": 0, "instance_id": instance, "used_memory": 1, "max_memory": max_memory, "cmd_get_count": 0,
                "cmd_set_count": 0, "used_cpu": "0.0", "input_kbps": "0.0", "output_kbps": "0.0",
            });
            assert_eq!(*row, expected, "{instance}");
        }
        let nowhere = server.get(&format!("{}/statistic", api.instances(UNKNOWN_PROJECT))).await.ok();
        assert_eq!(nowhere, json!({"statistics": []}));
    }
}

#[tokio::test]
async fn every_instance_in_service_has_statistics_however_many_there_are() {
    let ids = crate::support::seed::numbered_instances(1_201);
    let server = TestServer::seeded(&crate::support::seed::of_instances(PROJECT, &ids), &[]).await;
    let shown = server.get(&format!("{}/statistic", Api::V2.instances(PROJECT))).await.ok();
    let found: std::collections::BTreeSet<String> =
        each(&shown["statistics"], "instance_id").iter().map(crate::support::text).collect();
    assert_eq!(found, ids.into_iter().collect());
}
