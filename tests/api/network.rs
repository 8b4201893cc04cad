//! Access from the public network, and bandwidth (wire contract of the operations of v2, sections 8 and 9).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, HA, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, SINGLE, UNKNOWN_INSTANCE,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, is_uuid, of, refusal, text};

const PUBLIC_IP: &str = "/v2/{project_id}/instances/{instance_id}/public-ip";
const BANDWIDTHS: &str = "/v2/{project_id}/instances/{instance_id}/bandwidths";

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", PUBLIC_IP, an_instance_is_opened_to_the_public_and_closed),
    covered("DELETE", PUBLIC_IP, an_instance_is_opened_to_the_public_and_closed),
    covered("GET", BANDWIDTHS, shards_are_given_more_bandwidth_and_keep_it),
    covered("PUT", BANDWIDTHS, shards_are_given_more_bandwidth_and_keep_it),
    covered(
        "PUT",
        "/v2/{project_id}/instances/{instance_id}/bandwidth",
        bandwidth_is_doubled_for_a_week_and_not_at_once_again,
    ),
];

const WEEK_MS: u64 = 604_800_000;
const DAY_MS: u64 = 86_400_000;

async fn open(server: &TestServer, instance: &str, body: Value) -> Answer {
    server.post(&of(instance, "public-ip"), &body).await
}

async fn close(server: &TestServer, instance: &str) -> Answer {
    server.delete(&of(instance, "public-ip")).await
}

async fn job(server: &TestServer, answer: &Answer) -> Value {
    server.get(&format!("/v2/{PROJECT}/jobs/{}", text(&answer.ok()["job_id"]))).await.ok()
}

async fn task(server: &TestServer, instance: &str) -> Value {
    server.get(&of(instance, "tasks")).await.ok()["tasks"][0].take()
}

async fn bandwidths(server: &TestServer, instance: &str) -> Value {
    server.get(&of(instance, "bandwidths")).await.ok()
}

async fn group(server: &TestServer, instance: &str, number: usize) -> Value {
    bandwidths(server, instance).await["group_bandwidths"][number]["group_id"].take()
}

async fn give(server: &TestServer, instance: &str, group: &Value, target: impl Into<Value>) -> Answer {
    let wanted = json!({"group_bandwidths": [{"group_id": group, "target_bandwidth": target.into()}]});
    server.put(&of(instance, "bandwidths"), &wanted).await
}

async fn expand(server: &TestServer, instance: &str) -> Answer {
    server.call("PUT", &of(instance, "bandwidth")).send().await
}

async fn info(server: &TestServer, instance: &str) -> Value {
    server.shown(Api::V2, instance).await["bandwidth_info"].take()
}

#[tokio::test]
async fn an_instance_is_opened_to_the_public_and_closed() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let before = server.shown(Api::V2, HA).await;
    assert_eq!((&before["enable_publicip"], &before["publicip_info"]), (&json!(false), &Value::Null));
    let begun = open(&server, HA, json!({"elb_id": "elb-1"})).await;
    let running = job(&server, &begun).await;
    assert_eq!((&running["job_type"], &running["status"]), (&json!("bindPublicIpJob"), &json!("RUNNING")));
    let meanwhile = server.shown(Api::V2, HA).await;
    assert_eq!(
        (&meanwhile["status"], &meanwhile["task"], &meanwhile["enable_publicip"]),
        (&json!("RUNNING"), &json!("BIND_EIP"), &json!(false))
    );
    close(&server, HA).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("instance_id"));
    open(&server, HA, json!({"elb_id": "elb-2"})).await.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    server.restart().await;
    server.advance_ms(10_000);
    let shown = server.shown(Api::V2, HA).await;
    let public = &shown["publicip_info"];
    assert_eq!((&shown["task"], &shown["enable_publicip"]), (&Value::Null, &json!(true)));
    assert!(
        is_uuid(&text(&public["eip_id"])) && is_uuid(&text(&public["elb_listeners"][0]["id"])),
        "{public}"
    );
    assert!(text(&public["eip_address"]).starts_with("198.1"), "{public}");
    assert_eq!(
        public,
        &json!({
            "elb_id": "elb-1", "eip_id": shown["publicip_id"], "eip_address": shown["publicip_address"],
            "elb_listeners": [{"id": public["elb_listeners"][0]["id"], "port": 6379, "name": "dcs-5560df16-6379"}],
        })
    );
    // Both versions and the lists show the address.
    let listed = server.get(&format!("{}?instance_id={HA}", Api::V2.instances(PROJECT))).await.ok();
    for one in [&server.shown(Api::V1, HA).await, &listed["instances"][0]] {
        assert_eq!(
            (&one["enable_publicip"], &one["publicip_id"], &one["publicip_address"]),
            (&json!(true), &shown["publicip_id"], &shown["publicip_address"])
        );
    }
    assert_eq!(server.shown(Api::V1, HA).await.get("publicip_info"), None);
    let bound = task(&server, HA).await;
    assert_eq!((&bound["name"], &bound["status"]), (&json!("BindEip"), &json!("SUCCESS")));
    let details = &bound["details"];
    assert_eq!(
        (&details["enable_public_ip"], &details["public_ip_id"], &details["public_ip_address"]),
        (&json!(true), &shown["publicip_id"], &shown["publicip_address"])
    );
    assert_eq!(details["enable_ssl"], false);
    let topology = server.get(&of(HA, "nodes")).await.ok();
    assert_eq!(
        topology["elb"],
        json!([{"node_id": topology["elb"][0]["node_id"], "ip": shown["publicip_address"], "port": "6379",
                "node_type": "elb", "status": "Active"}])
    );
    // What is open already is opened anew.
    open(&server, HA, json!({"elb_id": "elb-2", "publicip_id": "eip-2"})).await.ok();
    server.advance_ms(10_000);
    let anew = server.shown(Api::V2, HA).await["publicip_info"].take();
    assert_eq!((&anew["elb_id"], &anew["eip_id"]), (&json!("elb-2"), &json!("eip-2")));
    assert_ne!(anew["eip_address"], shown["publicip_address"]);

    let closing = close(&server, HA).await;
    assert_eq!(server.shown(Api::V2, HA).await["enable_publicip"], true);
    server.advance_ms(10_000);
    assert_eq!(job(&server, &closing).await["status"], "SUCCESS");
    let closed = server.shown(Api::V2, HA).await;
    for name in ["publicip_id", "publicip_address", "publicip_info", "task"] {
        assert_eq!(closed[name], Value::Null, "{name}");
    }
    assert_eq!(closed["enable_publicip"], false);
    let unbound = task(&server, HA).await;
    assert_eq!(unbound["name"], "UnBindEip");
    assert_eq!(
        (&unbound["details"]["enable_public_ip"], &unbound["details"]["public_ip_id"]),
        (&json!(false), &json!("eip-2"))
    );
    assert_eq!(unbound["details"]["public_ip_address"], anew["eip_address"]);
    assert_eq!(server.get(&of(HA, "nodes")).await.ok()["elb"], json!([]));
    close(&server, HA).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("instance_id"));
}

#[tokio::test]
async fn redis_3_is_opened_by_an_address_and_may_encrypt() {
    let server = TestServer::start().await;
    open(&server, OLD_REDIS, json!({"publicip_id": "eip", "enable_ssl": "true"})).await.ok();
    let shown = server.shown(Api::V2, OLD_REDIS).await;
    let public = &shown["publicip_info"];
    assert_eq!((&public["elb_id"], &public["eip_id"]), (&Value::Null, &json!("eip")));
    assert_eq!(shown["enable_ssl"], true);
    close(&server, OLD_REDIS).await.ok();
    assert_eq!(server.shown(Api::V2, OLD_REDIS).await["enable_ssl"], false);
}

#[tokio::test]
async fn every_node_of_a_cluster_has_a_listener() {
    let server = TestServer::start().await;
    open(&server, CLUSTER, json!({"elb_id": "e"})).await.ok();
    let public = server.shown(Api::V2, CLUSTER).await["publicip_info"].take();
    let groups = server.get(&of(CLUSTER, "logical-nodes")).await.ok();
    let ports = each(&public["elb_listeners"], "port");
    assert_eq!(json!(ports.len()), groups["total"]);
    assert_eq!(ports[..2], [6379, 6380]);
}

#[tokio::test]
async fn what_cannot_be_opened_is_refused() {
    let server = TestServer::start().await;
    for (instance, body, refusal) in [
        (HA, json!({}), refusal::invalid_parameter("elb_id")),
        (HA, json!({"elb_id": "", "publicip_id": "p"}), refusal::invalid_parameter("elb_id")),
        (HA, json!({"elb_id": "x".repeat(1025)}), refusal::invalid_parameter("elb_id")),
        (OLD_REDIS, json!({"elb_id": "e"}), refusal::invalid_parameter("publicip_id")),
        (MEMCACHED, json!({"elb_id": "e", "publicip_id": "p"}), refusal::invalid_parameter("instance_id")),
        (UNKNOWN_INSTANCE, json!({"elb_id": "e"}), refusal::INSTANCE_NOT_FOUND),
        (OTHERS_HA, json!({"elb_id": "e"}), refusal::INSTANCE_NOT_FOUND),
        ("x", json!({"elb_id": "e"}), refusal::INVALID_INSTANCE_ID),
    ] {
        open(&server, instance, body).await.assert_refused_by(Api::V2, &refusal);
    }
    let empty = server.call("POST", &of(HA, "public-ip")).send().await;
    empty.assert_refused_by(Api::V2, &refusal::EMPTY_BODY);
    for (status, instance) in BY_STATUS {
        let answer = open(&server, instance, json!({"elb_id": "e"})).await;
        answer.assert_refused_by(Api::V2, &refusal::of_state(status));
        expand(&server, instance).await.assert_refused_by(Api::V2, &refusal::of_state(status));
        let of_shard = group(&server, instance, 0).await;
        let answer = give(&server, instance, &of_shard, 256).await;
        answer.assert_refused_by(Api::V2, &refusal::of_state(status));
    }
}

#[tokio::test]
async fn what_a_creator_says_of_an_address_opens_the_instance() {
    let server = TestServer::start().await;
    let order = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "enable_publicip": true, "publicip_id": "eip-1",
    });
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    let shown = server.shown(Api::V2, &text(&created["instances"][0]["instance_id"])).await;
    assert_eq!((&shown["enable_publicip"], &shown["publicip_id"]), (&json!(true), &json!("eip-1")));
    assert_eq!(shown["publicip_info"]["eip_address"], shown["publicip_address"]);
}

#[tokio::test]
async fn an_opening_can_fail_and_an_export_has_the_load_balancer() {
    let server = TestServer::start().await;
    let fault = json!({
        "match": {"operation": "update_public_ip"}, "times": 1,
        "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}},
    });
    server.post("/_emulator/faults", &fault).await.ok();
    let failed = open(&server, HA, json!({"elb_id": "elb-1"})).await;
    assert_eq!(job(&server, &failed).await["status"], "FAIL");
    assert_eq!(server.shown(Api::V2, HA).await["enable_publicip"], false);
    open(&server, HA, json!({"elb_id": "elb-1"})).await.ok();
    server.hold_still().await;
    let document = server.export().await;
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(
        other.shown(Api::V2, HA).await["publicip_info"],
        server.shown(Api::V2, HA).await["publicip_info"]
    );
}

#[tokio::test]
async fn shards_are_given_more_bandwidth_and_keep_it() {
    let mut server = TestServer::with(&[("task.duration", "10s")]).await;
    let before = bandwidths(&server, CLUSTER).await;
    assert_eq!(
        (&before["bandwidth"], &before["max_bandwidth"], &before["allow_modify"]),
        (&json!(2304), &json!(6144), &json!(true))
    );
    let first = &before["group_bandwidths"][0];
    assert_eq!(
        first,
        &json!({"group_id": first["group_id"], "updated_at": null, "bandwidth": 768, "max_bandwidth": 2048, "assured_bandwidth": 768})
    );
    let groups = server.get(&format!("/v2/{PROJECT}/instance/{CLUSTER}/groups")).await.ok();
    assert_eq!(each(&groups["group_list"], "group_id"), each(&before["group_bandwidths"], "group_id"));
    let begun = give(&server, CLUSTER, &first["group_id"], "1030").await;
    assert_eq!(job(&server, &begun).await["job_type"], "modifyBandwidthJob");
    assert_eq!(bandwidths(&server, CLUSTER).await, before);
    assert_eq!(server.shown(Api::V2, CLUSTER).await["task"], Value::Null);
    server.advance_ms(10_000);
    server.restart().await;
    let after = bandwidths(&server, CLUSTER).await;
    // A multiple of 8, and of that shard only.
    assert_eq!(each(&after["group_bandwidths"], "bandwidth"), [1024, 768, 768]);
    assert_eq!(after["group_bandwidths"][0]["updated_at"], "2020-03-02T06:15:14.512Z");
    assert_eq!(after["bandwidth"], 2560);
    let info = info(&server, CLUSTER).await;
    assert_eq!((&info["bandwidth"], &info["assured_bandwidth"]), (&json!(2560), &json!(2304)));
    let task = task(&server, CLUSTER).await;
    assert_eq!((&task["name"], &task["status"]), (&json!("ModifyBandwidth"), &json!("SUCCESS")));

    // Another size keeps the surplus; new shards have what is assured; shards that were gone do not come back with more.
    let resize = |capacity: u32| json!({"new_capacity": capacity, "spec_code": format!("redis.cluster.xu1.large.r2.{capacity}")});
    let last = after["group_bandwidths"][2]["group_id"].clone();
    give(&server, CLUSTER, &last, 2048).await.ok();
    server.advance_ms(10_000);
    server.post(&of(CLUSTER, "resize"), &resize(48)).await.assert_no_content();
    let larger = bandwidths(&server, CLUSTER).await;
    assert_eq!(each(&larger["group_bandwidths"], "bandwidth"), [1024, 768, 2048, 768, 768, 768]);
    let sixth = larger["group_bandwidths"][5]["group_id"].clone();
    give(&server, CLUSTER, &sixth, 1600).await.ok();
    server.advance_ms(10_000);
    server.post(&of(CLUSTER, "resize"), &resize(4)).await.assert_no_content();
    server.post(&of(CLUSTER, "resize"), &resize(48)).await.assert_no_content();
    let again = bandwidths(&server, CLUSTER).await;
    assert_eq!(each(&again["group_bandwidths"], "bandwidth"), [1024, 768, 2048, 768, 768, 768]);
    // Less than is assured is what is assured.
    give(&server, CLUSTER, &first["group_id"], 8).await.ok();
    server.advance_ms(10_000);
    assert_eq!(bandwidths(&server, CLUSTER).await["group_bandwidths"][0]["bandwidth"], 768);
}

#[tokio::test]
async fn a_client_reads_exactly_what_it_set() {
    let server = TestServer::start().await;
    let of_shard = group(&server, HA, 0).await;
    for target in [512, 1024] {
        give(&server, HA, &of_shard, target).await.ok();
        let row = bandwidths(&server, HA).await["group_bandwidths"][0].take();
        assert_eq!(row["bandwidth"], target);
        assert_ne!(row["updated_at"], Value::Null);
    }
}

#[tokio::test]
async fn a_bandwidth_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let of_shard = group(&server, HA, 0).await;
    let one =
        |target: Value| json!({"group_bandwidths": [{"group_id": of_shard, "target_bandwidth": target}]});
    for (instance, body, name) in [
        (HA, json!({}), "group_bandwidths"),
        (HA, json!({"group_bandwidths": []}), "group_bandwidths"),
        (HA, json!({"group_bandwidths": [{"target_bandwidth": 256}]}), "group_id"),
        (HA, json!({"group_bandwidths": [{"group_id": "x", "target_bandwidth": 256}]}), "group_id"),
        (
            HA,
            json!({"group_bandwidths": vec![json!({"group_id": of_shard, "target_bandwidth": 256}); 2]}),
            "group_bandwidths",
        ),
        (HA, one(Value::Null), "target_bandwidth"),
        (HA, one(json!(2049)), "target_bandwidth"),
        (HA, one(json!("much")), "target_bandwidth"),
        (OLD_REDIS, one(json!(256)), "instance_id"),
        (MEMCACHED, one(json!(256)), "instance_id"),
        (SINGLE, one(json!(256)), "group_id"),
    ] {
        let answer = server.put(&of(instance, "bandwidths"), &body).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
    }
    for instance in [UNKNOWN_INSTANCE, OTHERS_HA] {
        server
            .get(&of(instance, "bandwidths"))
            .await
            .assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
        give(&server, instance, &of_shard, 256)
            .await
            .assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
        expand(&server, instance).await.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    for old in [OLD_REDIS, MEMCACHED] {
        assert_eq!(bandwidths(&server, old).await["allow_modify"], false);
        expand(&server, old).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("instance_id"));
    }
    assert_eq!(bandwidths(&server, HA).await["bandwidth"], 128);
}

#[tokio::test]
async fn bandwidth_is_doubled_for_a_week_and_not_at_once_again() {
    let mut server = TestServer::start().await;
    let begin = info(&server, HA).await["current_time"].as_u64().unwrap();
    assert_eq!(expand(&server, HA).await.ok(), json!({}));
    let refused = refusal::invalid_parameter("instance_id");
    expand(&server, HA).await.assert_refused_by(Api::V2, &refused);
    let doubled = info(&server, HA).await;
    assert_eq!(
        doubled,
        json!({
            "bandwidth": 256, "assured_bandwidth": 128, "max_bandwidth_for_node": 2048, "begin_time": begin,
            "end_time": begin + WEEK_MS, "current_time": begin, "next_expand_time": begin + WEEK_MS + DAY_MS,
            "expand_count": 1, "expand_effect_time": WEEK_MS, "expand_interval_time": DAY_MS, "max_expand_count": 3,
            "task_running": true,
        })
    );
    assert_eq!(bandwidths(&server, HA).await["group_bandwidths"][0]["bandwidth"], 256);
    let of_shard = group(&server, HA, 0).await;
    give(&server, HA, &of_shard, 512).await.assert_refused_by(Api::V2, &refused);
    server.restart().await;
    server.advance_ms(WEEK_MS - 1);
    assert_eq!(info(&server, HA).await["bandwidth"], 256);
    server.advance_ms(1);
    let after = info(&server, HA).await;
    assert_eq!((&after["bandwidth"], &after["task_running"]), (&json!(128), &json!(false)));
    assert_eq!(bandwidths(&server, HA).await["bandwidth"], 128);
    server.advance_ms(DAY_MS - 1);
    expand(&server, HA).await.assert_refused_by(Api::V2, &refused);
    for count in [2, 3] {
        server.advance_ms(1);
        expand(&server, HA).await.ok();
        assert_eq!(info(&server, HA).await["expand_count"], count);
        server.advance_ms(WEEK_MS + DAY_MS);
    }
    expand(&server, HA).await.assert_refused_by(Api::V2, &refused);
}

#[tokio::test]
async fn an_instance_behind_proxies_is_doubled_up_to_a_limit() {
    let server = TestServer::start().await;
    let resize = json!({"new_capacity": 64, "spec_code": "redis.proxy.xu1.large.64"});
    server.post(&of(PROXY, "resize"), &resize).await.assert_no_content();
    assert_eq!(info(&server, PROXY).await["bandwidth"], 6144);
    expand(&server, PROXY).await.ok();
    assert_eq!(info(&server, PROXY).await["bandwidth"], 10_000);
    assert_eq!(each(&bandwidths(&server, PROXY).await["group_bandwidths"], "bandwidth"), [1250; 8]);
    server.advance_ms(WEEK_MS + DAY_MS);
    let resize = json!({"new_capacity": 192, "spec_code": "redis.proxy.xu1.large.192"});
    server.post(&of(PROXY, "resize"), &resize).await.assert_no_content();
    // What has as much as that already is not doubled; and the shards have all of it together.
    let shown = bandwidths(&server, PROXY).await;
    assert_eq!(shown["bandwidth"], 10_000);
    expand(&server, PROXY).await.assert_refused_by(Api::V2, &refusal::invalid_parameter("instance_id"));
}
