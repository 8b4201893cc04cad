//! Giving instances another size (wire contract v1.0, section 2.13; v2, section 2.5; `decisions` no. 20).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, PROJECT, PROXY, SECOND_HA, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "POST",
        "/v1.0/{project_id}/instances/{instance_id}/extend",
        an_instance_has_its_new_size_when_the_answer_leaves,
    ),
    covered(
        "POST",
        "/v2/{project_id}/instances/{instance_id}/resize",
        an_instance_has_its_new_size_when_the_answer_leaves,
    ),
];

async fn resize(server: &TestServer, api: Api, instance: &str, body: &Value) -> Answer {
    let word = if api == Api::V1 { "extend" } else { "resize" };
    server.post(&format!("{}/{word}", api.instance(instance)), body).await
}

fn to(capacity: u32) -> Value {
    json!({"new_capacity": capacity, "spec_code": format!("redis.ha.xu1.large.r2.{capacity}")})
}

async fn history(server: &TestServer) -> Vec<Value> {
    server
        .rows("SELECT json_array(at, who, from_status, to_status) FROM backup_audit WHERE who <> 'seed' AND what = 'instance'")
        .await
}

async fn rule(server: &TestServer, rule: Value) {
    server.put("/_emulator/transitions/instance", &rule).await.ok();
}

/// Lets it take five seconds to give an instance another size.
async fn five_seconds(server: &TestServer) {
    rule(server, json!({"progression": "time", "durations": {"EXTENDING": "5s"}})).await;
}

async fn task(server: &TestServer, api: Api, instance: &str) -> Value {
    server.get(&format!("{}/tasks", api.instance(instance))).await.ok()["tasks"][0].take()
}

#[tokio::test]
async fn an_instance_has_its_new_size_when_the_answer_leaves() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let before = server.shown_but_for_the_time(HA).await;
        server.set_clock_ms(1_000);
        resize(&server, api, HA, &to(8)).await.assert_no_content();
        let at = "2020-03-02T06:15:05.512Z";
        for _ in 0..2 {
            let mut expected = before.clone();
            for (name, value) in [
                ("capacity", json!(8)),
                ("max_memory", json!(8192)),
                ("spec_code", json!("redis.ha.xu1.large.r2.8")),
                ("resource_spec_code", json!("redis.ha.xu1.large.r2.8")),
                ("inquery_spec_code", json!("redis.ha.xu1.large.r2.8")),
                ("product_id", json!("redis.ha.xu1.large.r2.8-h")),
                ("update_at", json!(at)),
                ("updated_at", json!(at)),
            ] {
                expected[name] = value;
            }
            assert_eq!(server.shown_but_for_the_time(HA).await, expected, "{api:?}");
            server.restart().await;
        }
        assert_eq!(
            history(&server).await,
            [
                json!([at, "anonymous", "RUNNING", "EXTENDING"]),
                json!([at, "anonymous", "EXTENDING", "RUNNING"])
            ]
        );
    }
}

#[tokio::test]
async fn an_instance_is_extending_until_its_time_has_come_and_a_restart_changes_nothing() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        five_seconds(&server).await;
        let mut expected = server.shown_but_for_the_time(HA).await;
        expected["status"] = json!("EXTENDING");
        resize(&server, api, HA, &to(4)).await.assert_no_content();
        for millis in [0, 4_999] {
            server.set_clock_ms(millis);
            server.restart().await;
            let mut shown = server.shown_but_for_the_time(HA).await;
            for name in ["update_at", "updated_at"] {
                shown[name] = expected[name].clone();
            }
            assert_eq!(shown, expected, "{api:?} {millis}");
            assert_eq!(task(&server, api, HA).await["status"], "EXECUTING");
            server.post(&api.backups(HA), &json!({})).await.assert_refused_by(api, &refusal::EXTENDING);
            resize(&server, api, HA, &to(8)).await.assert_refused_by(api, &refusal::EXTENDING);
        }
        server.set_clock_ms(5_000);
        let after = server.shown_but_for_the_time(HA).await;
        assert_eq!((&after["status"], &after["capacity"]), (&json!("RUNNING"), &json!(4)));
        let task = task(&server, api, HA).await;
        assert_eq!(
            (&task["status"], &task["updated_at"]),
            (&json!("SUCCESS"), &json!("2020-03-02T06:15:09.512Z"))
        );
        server.create_backup(HA).await;
    }
}

#[tokio::test]
async fn a_way_that_is_ended_by_hand_ends_with_the_new_size() {
    let server = TestServer::start().await;
    rule(&server, json!({"progression": "manual"})).await;
    resize(&server, Api::V2, HA, &to(4)).await.assert_no_content();
    server.advance_ms(1_000_000);
    assert_eq!(server.status(Api::V2, HA).await, "EXTENDING");
    server.post("/_emulator/transitions/instance/step", &json!({"instance_id": HA})).await.ok();
    assert_eq!(server.shown_but_for_the_time(HA).await["capacity"], 4);
    // A seeded instance that is EXTENDING has no size to come, and stays as it is.
    let seeded = BY_STATUS.iter().find(|(status, _)| *status == "EXTENDING").unwrap().1;
    server.post("/_emulator/transitions/instance/step", &json!({"instance_id": seeded})).await;
    assert_eq!(server.shown_but_for_the_time(seeded).await["capacity"], 2);
}

#[tokio::test]
async fn an_export_in_the_middle_ends_at_the_size_of_before() {
    let server = TestServer::start().await;
    server.hold_still().await;
    five_seconds(&server).await;
    resize(&server, Api::V2, HA, &to(16)).await.assert_no_content();
    let document = server.export().await;
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(other.export().await, document);
    assert_eq!(other.status(Api::V1, HA).await, "EXTENDING");
    other.post("/_emulator/clock/advance", &json!({"duration": "5s"})).await.ok();
    let shown = other.shown_but_for_the_time(HA).await;
    assert_eq!((&shown["status"], &shown["capacity"]), (&json!("RUNNING"), &json!(2)));
}

#[tokio::test]
async fn a_snapshot_in_the_middle_goes_on_where_it_was() {
    let server = TestServer::start().await;
    five_seconds(&server).await;
    resize(&server, Api::V2, HA, &to(16)).await.assert_no_content();
    server.put("/_emulator/snapshots/middle", &json!({})).await;
    server.set_clock_ms(5_000);
    assert_eq!(server.shown_but_for_the_time(HA).await["capacity"], 16);
    server.set_clock_ms(0);
    server.post("/_emulator/snapshots/middle/restore", &json!({})).await.ok();
    assert_eq!(server.status(Api::V1, HA).await, "EXTENDING");
    assert_eq!(task(&server, Api::V2, HA).await["status"], "EXECUTING");
    server.set_clock_ms(5_000);
    assert_eq!(server.shown_but_for_the_time(HA).await["capacity"], 16);
}

#[tokio::test]
async fn backups_from_before_can_be_downloaded_and_deleted_but_not_restored() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        five_seconds(&server).await;
        let old = server.create_backup(HA).await;
        resize(&server, api, HA, &to(4)).await.assert_no_content();
        assert_eq!(server.newest(HA).await["is_support_restore"], "TRUE");
        server.set_clock_ms(5_000);
        let new = server.create_backup(HA).await;
        for _ in 0..2 {
            let list = server.get(&api.backups(HA)).await.ok();
            assert_eq!(each(&list["backup_record_response"], "is_support_restore"), ["TRUE", "FALSE"]);
            assert_eq!(each(&list["backup_record_response"], "status"), ["succeed", "succeed"]);
            let answer = server.post(&api.restores(HA), &json!({"backup_id": old})).await;
            answer.assert_refused_by(api, &refusal::BACKUP_NOT_USABLE);
            server.restart().await;
        }
        let views = server.rows("SELECT json_quote(is_support_restore) FROM backup_records").await;
        assert_eq!(views, [json!("TRUE"), json!("FALSE")]);
        server.post(&api.links(HA, &old), &json!({"expiration": 300})).await.ok();
        server.restore(api, HA, &json!({"backup_id": new})).await;
        api.assert_deleted(&server.delete(&api.backup(HA, &old)).await);
    }
}

#[tokio::test]
async fn without_a_product_v1_takes_the_one_of_the_family_and_v2_wants_one() {
    let server = TestServer::start().await;
    for (instance, capacity, product) in [
        (HA, 24, "redis.ha.xu1.large.r2.24"),
        (SINGLE, 64, "redis.single.xu1.large.64"),
        (OLD_REDIS, 8, "dcs.master_standby"),
        (MEMCACHED, 4, "dcs.memcached.master_standby"),
        (CLUSTER, 48, "redis.cluster.xu1.large.r2.48"),
    ] {
        let body = json!({"new_capacity": capacity, "order_id": "", "change_type": [5]});
        resize(&server, Api::V2, instance, &body).await.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
        let body = json!({"new_capacity": capacity, "order_id": ""});
        resize(&server, Api::V2, instance, &body)
            .await
            .assert_refused_by(Api::V2, &refusal::INVALID_SPEC_CODE);
        let body = json!({"new_capacity": capacity, "order_id": "", "change_type": [5], "node_list": 1});
        resize(&server, Api::V1, instance, &body).await.assert_no_content();
        let shown = server.shown_but_for_the_time(instance).await;
        assert_eq!((&shown["capacity"], &shown["spec_code"]), (&json!(capacity), &json!(product)));
    }
}

#[tokio::test]
async fn nodes_and_addresses_follow_the_product() {
    let server = TestServer::start().await;
    let addresses = async |instance: &str| -> Vec<String> {
        text(&server.shown_but_for_the_time(instance).await["ip"]).split(',').map(str::to_owned).collect()
    };
    let before = addresses(CLUSTER).await;
    let wider = json!({"new_capacity": 48, "spec_code": "redis.cluster.xu1.large.r2.48", "change_type": "addSharding"});
    resize(&server, Api::V2, CLUSTER, &wider).await.assert_no_content();
    let wide = addresses(CLUSTER).await;
    assert_eq!((wide.len(), &wide[..before.len()]), (12, &before[..]));
    let figures = server.shown_but_for_the_time(CLUSTER).await;
    assert_eq!((&figures["sharding_count"], &figures["replica_count"]), (&json!(6), &json!(2)));
    let nodes = server.get(&format!("{}/logical-nodes", Api::V2.instance(CLUSTER))).await.ok();
    assert_eq!(each(&nodes["nodes"], "node_ip").iter().map(text).collect::<BTreeSet<_>>().len(), 12);
    // Smaller again, then others want addresses: nobody gets one that another has.
    let smaller = json!({"new_capacity": 4.0, "spec_code": "redis.cluster.xu1.large.r2.4"});
    resize(&server, Api::V2, CLUSTER, &smaller).await.assert_no_content();
    assert_eq!(addresses(CLUSTER).await, wide[..6]);
    let copies = json!({"new_capacity": 2, "spec_code": "redis.ha.xu1.large.r5.2", "change_type": "createReplication",
                        "available_zones": ["eu-de-01", "eu-de-02", "eu-de-03"]});
    resize(&server, Api::V2, HA, &copies).await.assert_no_content();
    assert_eq!(server.shown_but_for_the_time(HA).await["replica_count"], 5);
    let list = server.get(&format!("{}?limit=100", Api::V2.instances(PROJECT))).await.ok();
    let all: Vec<String> = each(&list["instances"], "ip")
        .iter()
        .flat_map(|ip| text(ip).split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
}

#[tokio::test]
async fn the_type_of_an_instance_can_change() {
    for (instance, capacity, product, mode) in [
        (SINGLE, 2, "redis.ha.xu1.large.r2.2", "ha"),
        (HA, 4, "redis.proxy.xu1.large.4", "proxy"),
        (HA, 2, "redis.ha.xu1.large.p2.2", "ha_rw_split"),
        (PROXY, 8, "redis.ha.xu1.large.r2.8", "ha"),
        (OLD_REDIS, 64, "dcs.cluster", "proxy"),
    ] {
        let server = TestServer::start().await;
        let body = json!({"new_capacity": capacity, "spec_code": product, "change_type": "instanceType"});
        resize(&server, Api::V2, instance, &body).await.assert_no_content();
        let shown = server.shown_but_for_the_time(instance).await;
        assert_eq!((&shown["cache_mode"], &shown["spec_code"]), (&json!(mode), &json!(product)));
        assert_eq!(shown["capacity"], capacity);
        let task = task(&server, Api::V2, instance).await;
        assert_eq!(task["details"]["new_cache_mode"], mode);
    }
}

#[tokio::test]
async fn what_an_instance_cannot_become_is_refused_and_nothing_changes() {
    let code = |product: &str| json!(product);
    for (api, instance, capacity, product, expected) in [
        (Api::V1, HA, json!(null), code("redis.ha.xu1.large.r2.4"), "DCS.4012"),
        (Api::V1, HA, json!("x"), code("redis.ha.xu1.large.r2.4"), "DCS.4012"),
        (Api::V1, HA, json!(4.5), code("redis.ha.xu1.large.r2.4"), "DCS.4012"),
        (Api::V1, HA, json!(true), code("redis.ha.xu1.large.r2.4"), "DCS.4012"),
        (Api::V1, HA, json!([4]), code("redis.ha.xu1.large.r2.4"), "DCS.4005"),
        (Api::V1, HA, json!(4), json!(7), "DCS.4005"),
        (Api::V1, HA, json!(2), json!(null), "DCS.4103"),
        (Api::V1, HA, json!(1), code("redis.ha.xu1.large.r2.1"), "DCS.4103"),
        (Api::V1, HA, json!(2), code("redis.ha.xu1.large.r3.2"), "DCS.4103"),
        (Api::V1, HA, json!(3), json!(null), "DCS.4012"),
        (Api::V1, HA, json!(4), code("redis.ha.xu1.large.r2.8"), "DCS.4012"),
        (Api::V1, HA, json!(4), code("none"), "DCS.4009"),
        (Api::V1, OLD_REDIS, json!(8), code("dcs.single_node"), "DCS.4200"),
        (Api::V2, HA, json!(2), code("redis.ha.xu1.large.r2.2"), "DCS.4103"),
        (Api::V2, HA, json!(4), code("none"), "DCS.4927"),
        (Api::V2, HA, json!(4), code("dcs.memcached.master_standby"), "DCS.4009"),
        (Api::V2, HA, json!(4), code("dcs.master_standby"), "DCS.4102"),
        (Api::V2, HA, json!(8), code("redis.ha.xu1.large.enthp.8"), "DCS.4102"),
        (Api::V2, OLD_REDIS, json!(2), code("dcs.master_standby"), "DCS.4103"),
        (Api::V2, OLD_REDIS, json!(8), code("dcs.single_node"), "DCS.4200"),
        (Api::V2, OLD_REDIS, json!(8), code("redis.ha.xu1.large.r2.8"), "DCS.4102"),
    ] {
        let server = TestServer::start().await;
        let before = server.shown_but_for_the_time(instance).await;
        let body = json!({"new_capacity": capacity, "spec_code": product});
        let answer = resize(&server, api, instance, &body).await;
        let found = (answer.status, answer.json()["error_code"].clone());
        assert_eq!(found, (400, json!(expected)), "{api:?} {instance} {body}");
        assert_eq!(server.shown_but_for_the_time(instance).await, before);
        assert_eq!(server.count("background_tasks").await + server.count("planned_sizes").await, 0);
    }
    let server = TestServer::start().await;
    for api in Api::BOTH {
        resize(&server, api, UNKNOWN_INSTANCE, &to(4))
            .await
            .assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        resize(&server, api, "no-id", &to(4)).await.assert_refused_by(api, &refusal::INVALID_INSTANCE_ID);
        let path = format!("{}/{}", api.instance(HA), if api == Api::V1 { "extend" } else { "resize" });
        server.call("POST", &path).send().await.assert_refused_by(api, &refusal::EMPTY_BODY);
        server.post(&path, &json!([4])).await.assert_refused_by(api, &refusal::INVALID_BODY);
    }
}

#[tokio::test]
async fn replicas_come_and_go_as_their_zones_and_nodes_are_named() {
    let server = TestServer::start().await;
    let ask = async |copies: u32, members: Value| {
        let mut body = json!({"new_capacity": 2, "spec_code": format!("redis.ha.xu1.large.r{copies}.2")});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        resize(&server, Api::V2, HA, &body).await
    };
    let refused = |answer: &Answer, code: &str| {
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!(code)));
    };
    let adding = |zones: Value| json!({"change_type": "createReplication", "available_zones": zones});
    let removing = |nodes: Value| json!({"change_type": "deleteReplication", "node_list": nodes});
    refused(&ask(3, json!({"change_type": "explode"})).await, "DCS.4063");
    refused(&ask(3, json!({"change_type": 5})).await, "DCS.4005");
    refused(&ask(4, adding(json!(["mars-1", "eu-de-01"]))).await, "DCS.4933");
    refused(&ask(3, adding(json!(["eu-de-01", "eu-de-02"]))).await, "DCS.4875");
    refused(&ask(3, removing(json!([]))).await, "DCS.4937");
    ask(4, adding(json!(["eu-de-01", "eu-de-02"]))).await.assert_no_content();
    refused(&ask(3, adding(json!(["eu-de-01"]))).await, "DCS.4102");
    refused(&ask(5, removing(json!([]))).await, "DCS.4102");
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{HA}/groups")).await.ok();
    let nodes = each(&groups["group_list"][0]["replication_list"], "node_id");
    assert_eq!(nodes.len(), 4);
    refused(&ask(3, removing(json!(["no-id"]))).await, "DCS.4930");
    refused(&ask(3, removing(json!(["00000000000000000000000000000000"]))).await, "DCS.4930");
    refused(&ask(3, removing(json!([nodes[1], nodes[2]]))).await, "DCS.4930");
    refused(&ask(3, removing(json!([nodes[0]]))).await, "DCS.4936");
    ask(3, removing(json!([nodes[3]]))).await.assert_no_content();
    assert_eq!(server.shown_but_for_the_time(HA).await["replica_count"], 3);
}

#[tokio::test]
async fn clusters_stay_as_they_are_if_the_settings_say_so() {
    let mut server = TestServer::with(&[("instance.allow_cluster_extend", "false")]).await;
    for _ in 0..2 {
        for api in Api::BOTH {
            for (instance, product) in
                [(CLUSTER, "redis.cluster.xu1.large.r2.8"), (PROXY, "redis.proxy.xu1.large.8")]
            {
                let body = json!({"new_capacity": 8, "spec_code": product});
                resize(&server, api, instance, &body)
                    .await
                    .assert_refused_by(api, &refusal::RESIZE_UNSUPPORTED);
            }
        }
        server.restart().await;
    }
    resize(&server, Api::V1, HA, &to(4)).await.assert_no_content();
    server.set(&[("instance.allow_cluster_extend", "true")]);
    server.restart().await;
    resize(&server, Api::V1, CLUSTER, &json!({"new_capacity": 8})).await.assert_no_content();
}

#[tokio::test]
async fn what_a_project_may_have_is_all_it_gets() {
    let seed = format!(
        "projects:\n  - id: {PROJECT}\n    quotas: {{memory_gb: 7}}\n    instances:\n      - {{id: {HA}, cache_mode: ha}}\n      \
         - {{id: {SECOND_HA}, cache_mode: ha}}\n"
    );
    let server = TestServer::seeded(&seed, &[]).await;
    for api in Api::BOTH {
        resize(&server, api, HA, &to(8)).await.assert_refused_by(api, &refusal::MEMORY_QUOTA);
    }
    rule(&server, json!({"progression": "time", "durations": {"EXTENDING": "5s"}})).await;
    resize(&server, Api::V2, HA, &to(4)).await.assert_no_content();
    // What it grows to is taken already.
    for api in Api::BOTH {
        resize(&server, api, SECOND_HA, &to(4)).await.assert_refused_by(api, &refusal::MEMORY_QUOTA);
    }
    server.advance("5s").await;
    // Nothing more is not too much, nor is less.
    let other = json!({"new_capacity": 1, "spec_code": "redis.ha.xu1.large.r2.1"});
    resize(&server, Api::V2, HA, &other).await.assert_no_content();
}

#[tokio::test]
async fn a_size_that_is_paid_in_advance_has_an_order() {
    let server = TestServer::start().await;
    let order = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "password": "Secret-12", "vpc_id": "v",
        "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": 1},
    });
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    let id = text(&created["instances"][0]["instance_id"]);
    let order = resize(&server, Api::V2, &id, &to(4)).await.ok();
    assert!(text(&order["order_id"]).starts_with("CS2003020615"), "{order}");
    resize(&server, Api::V1, &id, &to(8)).await.assert_no_content();
}

#[tokio::test]
async fn only_idle_instances_that_run_get_another_size() {
    for api in Api::BOTH {
        let server = TestServer::with(&[("backup.duration", "1h")]).await;
        for (status, instance) in BY_STATUS {
            let expected = refusal::of_state(status);
            resize(&server, api, instance, &to(4)).await.assert_refused_by(api, &expected);
        }
        server.create_backup(HA).await;
        resize(&server, api, HA, &to(4)).await.assert_refused_by(api, &refusal::BACKING_UP);
        assert_eq!(server.count("background_tasks").await, 0);
    }
}
