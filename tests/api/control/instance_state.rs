//! Seeds and exports of what instances have come to have: scans, nodes, bandwidth, subscriptions, and the orders of their project.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::seed::{CLUSTER, HA, OTHER_PROJECT, PROJECT, PROXY, RW_SPLIT, SECOND_HA, SINGLE};
use crate::support::{Answer, Api, TestServer, each, of, of_node, text};

/// An instance that only a seed of these tests names.
const NEW: &str = "0e000000-0000-4000-8000-000000000001";
/// An instance that is gone.
const GONE: &str = "0e000000-0000-4000-8000-000000000002";
/// A time of the emulator's clock.
const NOW: &str = "2026-05-06T07:08:09.000Z";

/// The path of the replicas of a node's shard, in the cluster.
fn replicas_of(node: &Value) -> String {
    format!("/v2/{PROJECT}/instance/{CLUSTER}/groups/{}/replications", text(&node["group_id"]))
}

/// Removes a replica of the cluster.
async fn remove(server: &TestServer, node: &Value) -> Answer {
    server.delete(of_node(CLUSTER, node, "").trim_end_matches('/')).await
}

async fn nodes(server: &TestServer, instance: &str) -> Vec<Value> {
    let mut found = server.get(&of(instance, "logical-nodes")).await.ok();
    found["nodes"].as_array_mut().map(std::mem::take).expect("an array of nodes")
}

/// Gives the master/standby instance so many copies.
async fn copies(server: &TestServer, copies: u32, members: Value) {
    let mut body = json!({"new_capacity": 2, "spec_code": format!("redis.ha.xu1.large.r{copies}.2")});
    for (name, value) in members.as_object().expect("an object of members") {
        body[name] = value.clone();
    }
    server.post(&of(HA, "resize"), &body).await;
}

/// Makes an instance that is paid for in advance; returns its id and that of the order.
async fn buy(server: &TestServer, name: &str, billing: Value) -> (String, String) {
    let mut wanted = json!({
        "name": name, "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": 2},
    });
    for (member, value) in billing.as_object().expect("an object of members") {
        wanted["bss_param"][member] = value.clone();
    }
    let bought = server.post(&Api::V2.instances(PROJECT), &wanted).await.ok();
    (text(&bought["instances"][0]["instance_id"]), text(&bought["order_id"]))
}

async fn order(server: &TestServer, id: &str) -> Value {
    server.get(&format!("/v2/orders/customer-orders/details/{id}")).await.ok()["order_info"].take()
}

/// Has instances come to have something of everything; returns the ids of the orders.
async fn live(server: &TestServer) -> Vec<String> {
    let daily = json!({"enable_auto_scan": true, "schedule_at": ["22:30", "07:10"]});
    server.put(&of(HA, "bigkey/autoscan"), &daily).await.ok();
    server
        .put(&of(HA, "hotkey/autoscan"), &json!({"enable_auto_scan": false, "schedule_at": ["01:00"]}))
        .await
        .ok();
    let expired = json!({"enable_auto_scan": true, "first_scan_at": "2026-05-06T07:09:09", "interval": 60, "timeout": 120});
    server.put(&of(HA, "scan-expire-keys/autoscan-config"), &expired).await.ok();
    let keys = json!({"keys": [{"name": "ends", "ttl": 30}, {"name": "stays"}]});
    server.put(&format!("/_emulator/instances/{HA}/contents"), &keys).await.ok();

    copies(server, 3, json!({"change_type": "createReplication", "available_zones": ["eu-de-02"]})).await;
    let replicas = nodes(server, HA).await;
    server
        .post(&of_node(HA, &replicas[2], "slave-priority"), &json!({"slave_priority_weight": 7}))
        .await
        .assert_no_content();
    server.delete(&of_node(HA, &replicas[1], "remove-ip")).await.ok();
    server.call("POST", &of(HA, "swap")).send().await.assert_no_content();
    let shards = nodes(server, CLUSTER).await;
    for zone in ["eu-de-02", "eu-de-03"] {
        server.post(&replicas_of(&shards[0]), &json!({"az_code": zone})).await.assert_no_content();
    }
    remove(server, &shards[1]).await.ok();
    remove(server, &nodes(server, CLUSTER).await[1]).await.ok();
    let replica = nodes(server, CLUSTER).await.remove(1);
    server.call("POST", &of_node(CLUSTER, &replica, "async-switchover")).send().await.ok();

    let colon = json!({"new_password": "Secret:12", "no_password_access": false});
    server.post(&of(SINGLE, "password/reset"), &colon).await.ok();

    let group = server.get(&of(CLUSTER, "bandwidths")).await.ok()["group_bandwidths"][1]["group_id"].take();
    let wanted = json!({"group_bandwidths": [{"group_id": group, "target_bandwidth": 1024}]});
    server.put(&of(CLUSTER, "bandwidths"), &wanted).await.ok();
    for instance in [CLUSTER, PROXY] {
        server.call("PUT", &of(instance, "bandwidth")).send().await.ok();
    }

    let (renewed, bought) = buy(server, "renewed", json!({"is_auto_renew": "true"})).await;
    let resize = json!({"new_capacity": 4, "spec_code": "redis.ha.xu1.large.r2.4"});
    let path = format!("/v2/{PROJECT}/orders/instances/{renewed}/resize");
    let resized = text(&server.post(&path, &resize).await.ok()["order_id"]);
    server.advance("1s").await;
    let (_, unpaid) = buy(server, "unpaid", json!({"is_auto_pay": "false"})).await;
    let (ended, ended_by) = buy(server, "ended", json!({})).await;
    let end = json!({"resource_ids": [ended], "unsubscribe_type": 1});
    let end = server.post("/v2/orders/subscriptions/resources/unsubscribe", &end).await.ok();
    vec![bought, resized, unpaid, ended_by, text(&end["order_ids"][0])]
}

/// Returns what pages show of all that.
async fn shown(server: &TestServer, orders: &[String]) -> Vec<Value> {
    let mut pages = Vec::new();
    for instance in [HA, CLUSTER, PROXY] {
        for rest in [
            "bigkey/autoscan",
            "hotkey/autoscan",
            "scan-expire-keys/autoscan-config",
            "logical-nodes",
            "bandwidths",
            "deletable-replication",
        ] {
            pages.push(server.get(&of(instance, rest)).await.ok());
        }
        pages.push(server.get(&format!("/v2/{PROJECT}/instance/{instance}/groups")).await.ok());
        pages.push(server.shown(Api::V2, instance).await);
        pages.push(
            each(&server.get(&of(instance, "bigkey-tasks")).await.ok()["records"], "created_at").into(),
        );
    }
    for id in orders {
        pages.push(order(server, id).await);
    }
    pages.push(server.post("/v2/orders/suscriptions/resources/query", &json!({})).await.ok());
    pages
}

#[tokio::test]
async fn what_instances_have_come_to_have_comes_back_whole_and_goes_on() {
    let server = TestServer::start().await;
    server.hold_still().await;
    let orders = live(&server).await;
    let (document, before) = (server.export().await, shown(&server, &orders).await);
    let mut other = TestServer::seeded(&document, &[]).await;
    for _ in 0..2 {
        assert_eq!(other.export().await, document);
        assert_eq!(shown(&other, &orders).await, before);
        other.restart().await;
    }
    let work = async |server: &TestServer| server.count("background_work").await;
    assert_eq!((work(&other).await, work(&server).await), (4, 4));
    for query in ["", "?overwrite=true"] {
        let report = other.seed(&document, query).await.ok();
        assert_eq!(report["differences"], json!([]), "{query}");
        assert_eq!(other.export().await, document);
        assert_eq!(work(&other).await, 4, "{query}");
    }
    // What is set anew takes the place of what was seeded.
    for server in [&server, &other] {
        let daily = json!({"enable_auto_scan": true, "schedule_at": ["07:20"]});
        server.put(&of(HA, "bigkey/autoscan"), &daily).await.ok();
        let unpaid = json!({"order_id": orders[2]});
        server.post("/v2/orders/customer-orders/pay", &unpaid).await.assert_no_content();
        server.advance("8d").await;
        let account =
            json!({"account_name": "a", "account_password": "Test_password1", "account_role": "read"});
        let refused = server.post(&of(SINGLE, "accounts"), &account).await;
        assert_eq!(refused.status, 400, "the password has a colon");
        // A replica gets a number that none has had.
        let path = replicas_of(&nodes(server, CLUSTER).await[0]);
        server.post(&path, &json!({})).await.assert_no_content();
    }
    assert_eq!(work(&other).await, work(&server).await);
    let after = shown(&server, &orders).await;
    assert_eq!(shown(&other, &orders).await, after);
    assert_eq!(other.export().await, server.export().await);
    assert!(!server.export().await.contains("\"ends\""), "the scan has removed it");
    let running = server.shown(Api::V2, PROXY).await["bandwidth_info"]["task_running"].take();
    assert_eq!(running, false);
    other.stop_soundly().await;
}

#[tokio::test]
async fn a_reset_and_a_seed_that_overwrites_leave_nothing_of_before() {
    let server = TestServer::start().await;
    server.hold_still().await;
    live(&server).await;
    let document = server.export().await;
    live_on(&server).await;
    assert_ne!(server.export().await, document);
    // The orders that were made meanwhile are about instances that are replaced.
    server.seed(&document, "?overwrite=true").await.ok();
    assert_eq!(server.export().await, document);
    server.post("/_emulator/reset", &json!({"project_id": PROJECT, "seed": false})).await.ok();
    for table in ["orders", "nodes", "replica_changes", "background_work", "side_settings"] {
        assert_eq!(server.count(table).await, 0, "{table}");
    }
    server.seed(&document, "?overwrite=true").await.ok();
    assert_eq!(server.export().await, document);
}

/// Changes what [`live`] has left.
async fn live_on(server: &TestServer) {
    let off = json!({"enable_auto_scan": false});
    server.put(&of(HA, "bigkey/autoscan"), &off).await.ok();
    server
        .put(&of(SECOND_HA, "bigkey/autoscan"), &json!({"enable_auto_scan": true, "schedule_at": ["01:00"]}))
        .await
        .ok();
    server.call("POST", &of(HA, "swap")).send().await.assert_no_content();
    server.call("PUT", &of(RW_SPLIT, "bandwidth")).send().await.ok();
    let listed = server.post("/v2/orders/suscriptions/resources/query", &json!({})).await.ok();
    let renewed = text(&listed["data"][0]["resource_id"]);
    let path = format!("/v2/orders/subscriptions/resources/autorenew/{renewed}");
    server.delete(&path).await.assert_no_content();
    let resize = json!({"new_capacity": 8, "spec_code": "redis.ha.xu1.large.r2.8"});
    server.post(&format!("/v2/{PROJECT}/orders/instances/{renewed}/resize"), &resize).await.ok();
}

#[tokio::test]
async fn a_seed_by_hand_says_only_what_is_not_the_usual() {
    let instance = json!({
        "id": NEW, "cache_mode": "ha", "zones": ["eu-de-01", "eu-de-02"],
        "charging_mode": 1, "order_id": "CS2601010000AAAAA", "subscription": {"period_num": 12},
        "bigkey_autoscan": {"enable_auto_scan": true, "schedule_at": ["07:10"]},
        "hotkey_autoscan": {"enable_auto_scan": false, "updated_at": "2026-01-01T00:00:00Z"},
        "group_bandwidths": [{"group_name": "group-0", "surplus": 384}],
        "bandwidth_info": {"expand_count": 2, "task_running": true},
        "replicas": [{"group_name": "group-0", "copy": 2}, {"group_name": "group-0", "copy": 3, "az_code": "eu-de-03"},
                     {"group_name": "group-0", "copy": 1, "removed": true}],
        "nodes": [{"group_name": "group-0", "copy": 0, "place": 3}, {"group_name": "group-0", "copy": 3, "place": 0},
                  {"group_name": "group-0", "copy": 2, "priority_weight": 1, "is_remove_ip": true}],
    });
    let orders = json!([
        {"order_id": "CS2601010000AAAAA", "resource_ids": [NEW]},
        {"order_id": "CS2601010000AAAAB", "order_type": "unsubscription", "create_time": "2026-01-01T00:00:00Z", "resource_ids": [GONE]},
    ]);
    let seed = json!({
        "settings": {"clock": {"now": NOW, "frozen": true}},
        "projects": [{"id": PROJECT, "orders": orders, "instances": [instance]}],
    });
    let server = TestServer::seeded(&seed.to_string(), &[]).await;
    let row = |node: &Value| {
        json!([node["node_type"], node["az_code"], node["priority_weight"], node["is_remove_ip"]])
    };
    assert_eq!(
        nodes(&server, NEW).await.iter().map(row).collect::<Value>(),
        json!([
            ["master", "eu-de-01", 100, false],
            ["slave", "eu-de-02", 1, true],
            ["slave", "eu-de-03", 100, false]
        ])
    );
    let info = server.shown(Api::V2, NEW).await["bandwidth_info"].take();
    assert_eq!(
        (&info["bandwidth"], &info["expand_count"], &info["task_running"]),
        (&json!(2 * (128 + 384)), &json!(2), &json!(true))
    );
    let bought = order(&server, "CS2601010000AAAAA").await;
    assert_eq!(
        (&bought["status"], &bought["order_type"], &bought["payment_time"]),
        (&json!(5), &json!(1), &json!("2026-05-06T07:08:09Z"))
    );
    let ended = order(&server, "CS2601010000AAAAB").await;
    assert_eq!((&ended["order_type"], &ended["create_time"]), (&json!(4), &json!("2026-01-01T00:00:00Z")));
    let paid =
        server.post("/v2/orders/suscriptions/resources/query", &json!({})).await.ok()["data"][0].take();
    assert_eq!((&paid["resource_id"], &paid["expire_time"]), (&json!(NEW), &json!("2027-05-06T23:59:59Z")));

    let document = server.export().await;
    let exported: Value = serde_json::from_str(&document).unwrap();
    let (orders, exported) = (&exported["projects"][0]["orders"], &exported["projects"][0]["instances"][0]);
    assert_eq!(
        exported["bigkey_autoscan"],
        json!({"enable_auto_scan": true, "schedule_at": ["07:10"], "updated_at": NOW})
    );
    assert_eq!(exported["hotkey_autoscan"]["updated_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(
        exported["group_bandwidths"],
        json!([{"group_name": "group-0", "surplus": 384, "updated_at": NOW}])
    );
    assert_eq!(
        exported["bandwidth_info"],
        json!({"expand_count": 2, "begin_time": NOW, "task_running": true})
    );
    assert_eq!(
        exported["replicas"],
        json!([{"group_name": "group-0", "copy": 1, "removed": true}, {"group_name": "group-0", "copy": 2, "az_code": "eu-de-02"},
               {"group_name": "group-0", "copy": 3, "az_code": "eu-de-03"}])
    );
    assert_eq!(
        exported["nodes"],
        json!([{"group_name": "group-0", "copy": 0, "place": 3, "role_since": NOW},
               {"group_name": "group-0", "copy": 2, "priority_weight": 1, "is_remove_ip": true},
               {"group_name": "group-0", "copy": 3, "place": 0, "role_since": NOW}])
    );
    assert_eq!(
        exported["subscription"],
        json!({"period_num": 12, "effective_time": NOW, "expire_time": "2027-05-06T23:59:59.000Z"})
    );
    assert_eq!(
        orders[0],
        json!({"order_id": "CS2601010000AAAAA", "order_type": "purchase", "status": "done", "create_time": NOW,
               "payment_time": NOW, "resource_ids": [NEW]})
    );
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(other.export().await, document);
    server.advance("2m").await;
    assert_eq!(server.get(&of(NEW, "bigkey-tasks")).await.ok()["count"], 1);
}

/// Makes sure that seeds are refused: each is the rest of an instance, with the place and a part of what is said of it.
async fn assert_refused(server: &TestServer, seeds: &[(&str, &str, &str)]) {
    for (rest, place, problem) in seeds {
        let mode = if rest.contains("cache_mode") { "" } else { r#""cache_mode": "ha", "# };
        let instance = format!(r#"{{"id": "{NEW}", {mode}{rest}}}"#);
        let seed = format!(r#"{{"projects": [{{"id": "{PROJECT}", "instances": [{instance}]}}]}}"#);
        let answer = server.seed(&seed, "").await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{seed}");
        assert!(answer.text().contains(place) && answer.text().contains(problem), "{}", answer.text());
    }
}

#[tokio::test]
async fn scans_and_nodes_that_an_instance_cannot_have_are_refused_at_their_place() {
    let server = TestServer::start().await;
    let before = server.export().await;
    let seeds = [
        (r#""bigkey_autoscan": {"enable_auto_scan": true}"#, "bigkey_autoscan", "schedule_at"),
        (
            r#""bigkey_autoscan": {"enable_auto_scan": true, "schedule_at": ["7:00"]}"#,
            "schedule_at[0]",
            "HH:mm",
        ),
        (
            r#""bigkey_autoscan": {"enable_auto_scan": false}, "engine": "Memcached""#,
            "bigkey_autoscan",
            "big keys",
        ),
        (
            r#""hotkey_autoscan": {"enable_auto_scan": false}, "engine_version": "3.0""#,
            "hotkey_autoscan",
            "hot keys",
        ),
        (
            r#""expire_autoscan": {"enable_auto_scan": false}, "engine_version": "3.0""#,
            "expire_autoscan",
            "expired keys",
        ),
        (
            r#""expire_autoscan": {"enable_auto_scan": true, "first_scan_at": "soon"}"#,
            "expire_autoscan",
            "first time",
        ),
        (
            r#""expire_autoscan": {"enable_auto_scan": true, "interval": 60, "timeout": 61}"#,
            "expire_autoscan",
            "timeout",
        ),
        (r#""replicas": [{"group_name": "group-1", "copy": 2}]"#, "replicas[0].group_name", "no shard"),
        (r#""replicas": [{"group_name": "group-01", "copy": 2}]"#, "replicas[0].group_name", "group-0"),
        (
            r#""replicas": [{"group_name": "group-0", "copy": 0, "removed": true}]"#,
            "replicas[0].copy",
            "from 1",
        ),
        (
            r#""replicas": [{"group_name": "group-0", "copy": 65536, "removed": true}]"#,
            "replicas[0].copy",
            "to 65535",
        ),
        (
            r#""replicas": [{"group_name": "group-0", "copy": 2}, {"group_name": "group-0", "copy": 2, "removed": true}]"#,
            "replicas[1].copy",
            "twice",
        ),
        (
            r#""replicas": [{"group_name": "group-0", "copy": 2}, {"group_name": "group-0", "copy": 3},
                            {"group_name": "group-0", "copy": 4}, {"group_name": "group-0", "copy": 5}]"#,
            "instances[0].replicas",
            "5 nodes",
        ),
        (
            r#""replicas": [{"group_name": "group-0", "copy": 2}], "cache_mode": "single""#,
            "replicas",
            "single node",
        ),
        (
            r#""nodes": [{"group_name": "group-0", "copy": 1, "place": 0}]"#,
            "instances[0].nodes",
            "two places",
        ),
        (r#""nodes": [{"group_name": "group-0", "copy": 2}]"#, "nodes[0].place", "no node"),
        (r#""nodes": [{"group_name": "group-0", "copy": 2, "place": 1}]"#, "nodes[0].copy", "no node"),
        (
            r#""nodes": [{"group_name": "group-0", "copy": 1}, {"group_name": "group-0", "copy": 1}]"#,
            "nodes[1].place",
            "twice",
        ),
        (
            r#""nodes": [{"group_name": "group-0", "copy": 1, "priority_weight": 101}]"#,
            "priority_weight",
            "to 100",
        ),
        (
            r#""nodes": [{"group_name": "group-0", "copy": 1, "is_remove_ip": true}], "engine_version": "3.0""#,
            "nodes[0].is_remove_ip",
            "version",
        ),
    ];
    assert_refused(&server, &seeds).await;
    assert_eq!(server.export().await, before);
}

#[tokio::test]
async fn bandwidths_and_subscriptions_that_an_instance_cannot_have_are_refused_at_their_place() {
    let server = TestServer::start().await;
    let before = server.export().await;
    let seeds = [
        (
            r#""group_bandwidths": [{"group_name": "group-1", "surplus": 8}]"#,
            "group_bandwidths[0].group_name",
            "no shard",
        ),
        (
            r#""group_bandwidths": [{"group_name": "group-0", "surplus": 2049}]"#,
            "group_bandwidths[0].surplus",
            "2048",
        ),
        (
            r#""group_bandwidths": [{"group_name": "group-0", "surplus": 8}, {"group_name": "group-0", "surplus": 8}]"#,
            "group_bandwidths[1].group_name",
            "twice",
        ),
        (
            r#""group_bandwidths": [{"group_name": "group-0", "surplus": 8}], "engine_version": "3.0""#,
            "group_bandwidths",
            "version",
        ),
        (r#""bandwidth_info": {"expand_count": 1}, "engine_version": "3.0""#, "bandwidth_info", "version"),
        (r#""bandwidth_info": {"expand_count": 4}"#, "bandwidth_info.expand_count", "1 to 3"),
        (r#""subscription": {"period_num": 1}"#, "instances[0].subscription", "charging_mode"),
        (r#""charging_mode": 1, "subscription": {"period_num": 37}"#, "subscription.period_num", "1 to 36"),
        (
            r#""charging_mode": 1, "subscription": {"period_num": 1, "effective_time": null, "expire_time": "2026-01-01T00:00:00Z"}"#,
            "subscription.expire_time",
            "effective_time",
        ),
        (
            r#""charging_mode": 1, "created_at": "2026-02-01T00:00:00Z",
               "subscription": {"period_num": 1, "expire_time": "2026-01-01T00:00:00Z"}"#,
            "subscription.expire_time",
            "effective_time",
        ),
    ];
    assert_refused(&server, &seeds).await;
    assert_eq!(server.export().await, before);
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused_at_their_place() {
    let server = TestServer::start().await;
    let order = |more: Value| {
        let mut order = json!({"order_id": "a", "resource_ids": [HA]});
        order.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        order
    };
    let paid = json!({"status": "unpaid", "payment_time": "2026-01-01T00:00:00Z"});
    for (orders, place, problem) in [
        (json!([order(json!({"resource_ids": []}))]), "orders[0].resource_ids", "one instance"),
        (json!([order(json!({"status": "paid"}))]), "orders[0].status", "unpaid"),
        (json!([order(paid)]), "orders[0].payment_time", "not paid"),
        (json!([order(json!({"resize": {"new_capacity": 4}}))]), "orders[0].resize", "payment of a change"),
        (json!([order(json!({})), order(json!({}))]), "orders[1].order_id", "twice"),
    ] {
        let seed = json!({"projects": [{"id": PROJECT, "orders": orders}]}).to_string();
        let answer = server.seed(&seed, "").await;
        assert_eq!(answer.status, 400, "{seed}");
        assert!(answer.text().contains(place) && answer.text().contains(problem), "{}", answer.text());
    }
    assert_eq!(server.count("orders").await, 0);
}

#[tokio::test]
async fn an_order_that_is_there_stays_unless_it_is_overwritten() {
    let server = TestServer::start().await;
    let seed = |project: &str, status: &str| {
        let orders =
            json!([{"order_id": "CS1", "status": status, "create_time": NOW, "resource_ids": [GONE]}]);
        let name = if project == PROJECT { "eu-de" } else { "other" };
        json!({"projects": [{"id": project, "name": name, "orders": orders}]}).to_string()
    };
    let status = async || order(&server, "CS1").await["status"].take();
    assert_eq!(server.seed(&seed(PROJECT, "processing"), "").await.ok()["differences"], json!([]));
    assert_eq!(server.seed(&seed(PROJECT, "processing"), "").await.ok()["differences"], json!([]));
    for other in [seed(PROJECT, "done"), seed(OTHER_PROJECT, "processing")] {
        let differences = server.seed(&other, "").await.ok()["differences"].take();
        assert_eq!(differences, json!(["order CS1 was there already and stays as it is"]));
        assert_eq!(status().await, 3);
    }
    assert_eq!(
        server.seed(&seed(OTHER_PROJECT, "done"), "?overwrite=true").await.ok()["differences"],
        json!([])
    );
    assert_eq!(status().await, 5);
    server.post("/_emulator/reset", &json!({"project_id": OTHER_PROJECT, "seed": false})).await.ok();
    assert_eq!(server.count("orders").await, 0);
}

#[tokio::test]
async fn what_is_under_way_is_exported_as_if_it_came_to_nothing() {
    // A replica comes, one of the product goes, or one that was added.
    for leaving in [None, Some(1), Some(2)] {
        let server = TestServer::start().await;
        server.hold_still().await;
        let (instance, _) = buy(&server, "waits", json!({})).await;
        let mut later = json!({"new_capacity": 4, "spec_code": "redis.ha.xu1.large.r2.4"});
        later["execute_immediately"] = json!(false);
        let path = format!("/v2/{PROJECT}/orders/instances/{instance}/resize");
        let waits = text(&server.post(&path, &later).await.ok()["order_id"]);
        assert_eq!(order(&server, &waits).await["status"], 3);
        let (instance, _) = buy(&server, "unpaid", json!({})).await;
        later["bss_param"] = json!({"is_auto_pay": "false"});
        let path = format!("/v2/{PROJECT}/orders/instances/{instance}/resize");
        let unpaid = text(&server.post(&path, &later).await.ok()["order_id"]);
        assert_eq!(order(&server, &unpaid).await["status"], 6);
        let path = replicas_of(&nodes(&server, CLUSTER).await[0]);
        server.post(&path, &json!({})).await.assert_no_content();
        let before = nodes(&server, CLUSTER).await;
        server.rule("instance", json!({"progression": "time", "durations": {"EXTENDING": "1h"}})).await;
        match leaving {
            Some(number) => drop(remove(&server, &before[number]).await.ok()),
            None => server.post(&path, &json!({})).await.assert_no_content(),
        }
        assert_eq!(server.status(Api::V2, CLUSTER).await, "EXTENDING");
        let document = server.export().await;
        let other = TestServer::seeded(&document, &[]).await;
        assert_eq!(other.export().await, document);
        assert_eq!(order(&other, &waits).await["status"], 4);
        other.post("/v2/orders/customer-orders/pay", &json!({"order_id": unpaid})).await.assert_no_content();
        other.advance("1h").await;
        assert_eq!(other.status(Api::V2, CLUSTER).await, "RUNNING");
        assert_eq!(nodes(&other, CLUSTER).await, before);
        other.advance("1d").await;
        assert_eq!(other.shown(Api::V2, &instance).await["capacity"], 4);
        assert_eq!(order(&other, &unpaid).await["status"], 5);
        let paid = other.export().await;
        assert_eq!(TestServer::seeded(&paid, &[]).await.export().await, paid);
    }
}

/// A step of a random life of nodes; numbers are places in the list of nodes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Swap,
    Promote(usize),
    SetWeight(usize, u8),
    RemoveAddress(usize),
    Add(usize),
    Remove(usize),
    Copies(u32),
    Shards(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Swap),
        4 => (0..9_usize).prop_map(Step::Promote),
        2 => (0..9_usize, 0..=100_u8).prop_map(|(node, weight)| Step::SetWeight(node, weight)),
        1 => (0..9_usize).prop_map(Step::RemoveAddress),
        4 => (0..9_usize).prop_map(Step::Add),
        3 => (0..9_usize).prop_map(Step::Remove),
        3 => (2..=5_u32).prop_map(Step::Copies),
        1 => any::<bool>().prop_map(Step::Shards),
    ]
}

impl TestServer {
    /// Does a step; whether it is refused is no matter.
    async fn change_nodes(&self, step: Step) {
        let shards = nodes(self, CLUSTER).await;
        let node = |number: usize| &shards[number % shards.len()];
        match step {
            Step::Swap => drop(self.call("POST", &of(HA, "swap")).send().await),
            Step::Promote(number) => {
                self.call("POST", &of_node(CLUSTER, node(number), "async-switchover")).send().await;
            }
            Step::SetWeight(number, weight) => {
                let path = of_node(CLUSTER, node(number), "slave-priority");
                self.post(&path, &json!({ "slave_priority_weight": weight })).await;
            }
            Step::RemoveAddress(number) => {
                self.delete(&of_node(CLUSTER, node(number), "remove-ip")).await;
            }
            Step::Add(number) => {
                self.post(&replicas_of(node(number)), &json!({})).await;
            }
            Step::Remove(number) => drop(remove(self, node(number)).await),
            Step::Copies(count) => {
                copies(self, count, json!({})).await;
                let body =
                    json!({"new_capacity": 4, "spec_code": format!("redis.cluster.xu1.large.r{count}.4")});
                self.post(&of(CLUSTER, "resize"), &body).await;
            }
            Step::Shards(more) => {
                let capacity = if more { 48 } else { 4 };
                let body = json!({"new_capacity": capacity, "spec_code": format!("redis.cluster.xu1.large.r2.{capacity}")});
                self.post(&of(CLUSTER, "resize"), &body).await;
            }
        }
    }
}

#[test]
fn whatever_nodes_have_lived_through_comes_back_in_another_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let lives = prop::collection::vec(step(), 1..25);
    let result = runner.run(&lives, |life| {
        runtime.block_on(async {
            let server = TestServer::start().await;
            server.hold_still().await;
            for step in life {
                server.change_nodes(step).await;
            }
            let document = server.export().await;
            let other = TestServer::seeded(&document, &[]).await;
            prop_assert_eq!(other.export().await, document);
            for instance in [HA, CLUSTER] {
                prop_assert_eq!(nodes(&other, instance).await, nodes(&server, instance).await);
            }
            for server in [&server, &other] {
                for step in [Step::Swap, Step::Promote(1), Step::Add(0), Step::Remove(1), Step::Copies(3)] {
                    server.change_nodes(step).await;
                }
            }
            prop_assert_eq!(other.export().await, server.export().await);
            Ok(())
        })
    });
    result.unwrap();
}
