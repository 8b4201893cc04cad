//! What v2 sets beside an instance: who may connect, scans, bandwidth (wire contract v2, sections 2.10 and 2.20).

use serde_json::{Value, json};

use crate::support::seed::{HA, OLD_REDIS, OTHERS_HA, PROJECT};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal};

const WHITELIST: &str = "/v2/{project_id}/instance/{instance_id}/whitelist";
const BIG_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/bigkey/autoscan";
const HOT_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/hotkey/autoscan";
const EXPIRED_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/scan-expire-keys/autoscan-config";
const BANDWIDTH: &str = "/v2/{project_id}/instances/{instance_id}/autoscaling-policy/bandwidth";

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", WHITELIST, a_whitelist_is_replaced_whole_and_keeps_its_order),
    covered("PUT", WHITELIST, a_whitelist_is_replaced_whole_and_keeps_its_order),
    covered("GET", BIG_KEYS, daily_scans_are_shown_as_set),
    covered("PUT", BIG_KEYS, daily_scans_are_shown_as_set),
    covered("GET", HOT_KEYS, daily_scans_are_shown_as_set),
    covered("PUT", HOT_KEYS, daily_scans_are_shown_as_set),
    covered("GET", EXPIRED_KEYS, the_scan_for_expired_keys_echoes_what_it_was_told),
    covered("PUT", EXPIRED_KEYS, the_scan_for_expired_keys_echoes_what_it_was_told),
    covered("GET", BANDWIDTH, a_bandwidth_policy_is_set_and_removed),
    covered("PUT", BANDWIDTH, a_bandwidth_policy_is_set_and_removed),
    covered("DELETE", BANDWIDTH, a_bandwidth_policy_is_set_and_removed),
];

/// Returns a path of an instance of the project.
fn of(template: &str, instance: &str) -> String {
    template.replace("{project_id}", PROJECT).replace("{instance_id}", instance)
}

async fn put(server: &TestServer, template: &str, body: &Value) -> Answer {
    server.call("PUT", &of(template, HA)).json(body).send().await
}

#[tokio::test]
async fn a_whitelist_is_replaced_whole_and_keeps_its_order() {
    let mut server = TestServer::start().await;
    let path = of(WHITELIST, HA);
    let never = json!({"instance_id": HA, "enable_whitelist": false, "whitelist": []});
    assert_eq!(server.get(&path).await.ok(), never);
    let groups = json!([
        {"group_name": "office", "ip_list": ["10.0.0.0/8", "192.168.1.4"]},
        {"group_name": "home", "ip_list": ["10.0.0.1"]},
    ]);
    let answer = put(&server, WHITELIST, &json!({"enable_whitelist": true, "whitelist": groups})).await;
    answer.assert_no_content();
    server.restart().await;
    let expected = json!({"instance_id": HA, "enable_whitelist": true, "whitelist": groups});
    assert_eq!(server.get(&path).await.ok(), expected);
    // A client leaves an empty list out.
    put(&server, WHITELIST, &json!({"enable_whitelist": false})).await;
    assert_eq!(server.get(&path).await.ok(), never);
}

#[tokio::test]
async fn a_whitelist_can_be_answered_with_a_body() {
    let server = TestServer::with(&[("compat.whitelist_200", "true")]).await;
    assert_eq!(put(&server, WHITELIST, &json!({"enable_whitelist": true})).await.ok(), json!({}));
    assert_eq!(server.get(&of(WHITELIST, HA)).await.ok()["enable_whitelist"], true);
}

#[tokio::test]
async fn a_bad_whitelist_and_one_of_an_old_engine_are_refused() {
    let server = TestServer::start().await;
    let with = |addresses: Value| json!({"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": addresses}]});
    for bad in [json!(["0.0.0.0"]), json!(["0.0.0.0/0"]), json!(["10.0.0.256"]), json!(vec!["10.0.0.1"; 21])]
    {
        put(&server, WHITELIST, &with(bad))
            .await
            .assert_refused_by(Api::V2, &refusal::invalid_parameter("whitelist"));
    }
    let switchless = put(&server, WHITELIST, &json!({"whitelist": []})).await;
    switchless.assert_refused_by(Api::V2, &refusal::invalid_parameter("enable_whitelist"));
    let old = server.call("PUT", &of(WHITELIST, OLD_REDIS)).json(&with(json!(["10.0.0.1"]))).send().await;
    old.assert_refused_by(Api::V2, &refusal::WRONG_STATE);
    for template in [WHITELIST, BIG_KEYS, HOT_KEYS, EXPIRED_KEYS, BANDWIDTH] {
        let answer = server.get(&of(template, OTHERS_HA)).await;
        answer.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
}

#[tokio::test]
async fn daily_scans_are_shown_as_set() {
    let server = TestServer::start().await;
    for template in [BIG_KEYS, HOT_KEYS] {
        let never =
            json!({"instance_id": HA, "enable_auto_scan": false, "schedule_at": [], "updated_at": null});
        assert_eq!(server.get(&of(template, HA)).await.ok(), never);
        let set =
            put(&server, template, &json!({"enable_auto_scan": true, "schedule_at": ["22:30", "03:00"]}))
                .await;
        let expected = json!({
            "instance_id": HA, "enable_auto_scan": true, "schedule_at": ["22:30", "03:00"],
            "updated_at": "2020-03-02T06:15:04.512Z",
        });
        assert_eq!(set.ok(), expected);
        assert_eq!(server.get(&of(template, HA)).await.ok(), expected);
        for bad in [
            json!({"enable_auto_scan": true, "schedule_at": []}),
            json!({"enable_auto_scan": true}),
            json!({"enable_auto_scan": true, "schedule_at": ["24:00"]}),
        ] {
            let answer = put(&server, template, &bad).await;
            answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("schedule_at"));
        }
    }
    // Each is a setting of its own.
    put(&server, BIG_KEYS, &json!({"enable_auto_scan": false})).await;
    assert_eq!(server.get(&of(HOT_KEYS, HA)).await.ok()["enable_auto_scan"], true);
}

#[tokio::test]
async fn the_scan_for_expired_keys_echoes_what_it_was_told() {
    let server = TestServer::start().await;
    let path = of(EXPIRED_KEYS, HA);
    assert_eq!(
        server.get(&path).await.ok(),
        json!({
            "instance_id": HA, "enable_auto_scan": false, "first_scan_at": null, "interval": null, "timeout": null,
            "scan_keys_count": null, "updated_at": null,
        })
    );
    let change = json!({
        "enable_auto_scan": true, "first_scan_at": "2023-07-07T15:00:05.000", "interval": 600, "timeout": 1200,
        "scan_keys_count": 20000,
    });
    let mut expected = change.clone();
    expected["instance_id"] = json!(HA);
    expected["updated_at"] = json!("2020-03-02T06:15:04.512Z");
    assert_eq!(put(&server, EXPIRED_KEYS, &change).await.ok(), expected);
    assert_eq!(server.get(&path).await.ok(), expected);
    for (member, value, refusal) in [
        ("first_scan_at", json!("soon"), &refusal::INVALID_SCAN_START),
        ("interval", json!(-1), &refusal::INVALID_SCAN_INTERVAL),
        ("timeout", json!(1199), &refusal::INVALID_SCAN_TIMEOUT),
        ("scan_keys_count", json!(9), &refusal::INVALID_SCAN_KEYS),
    ] {
        let mut bad = change.clone();
        bad[member] = value;
        put(&server, EXPIRED_KEYS, &bad).await.assert_refused_by(Api::V2, refusal);
    }
}

#[tokio::test]
async fn a_bandwidth_policy_is_set_and_removed() {
    let server = TestServer::start().await;
    let path = of(BANDWIDTH, HA);
    assert_eq!(server.get(&path).await.ok(), json!({}));
    let policy = json!({
        "window_size": 5, "bandwidth_usage_upper_threshold": 80, "scale_out_cooldown": 60, "scale_in_enabled": true,
        "bandwidth_usage_lower_threshold": 20, "scale_in_cooldown": 120,
    });
    assert_eq!(put(&server, BANDWIDTH, &policy).await.ok(), policy);
    assert_eq!(server.get(&path).await.ok(), policy);
    for (member, value) in [
        ("window_size", json!(6)),
        ("bandwidth_usage_upper_threshold", json!(55)),
        ("scale_out_cooldown", json!(null)),
    ] {
        let mut bad = policy.clone();
        bad[member] = value;
        put(&server, BANDWIDTH, &bad).await.assert_refused_by(Api::V2, &refusal::invalid_parameter(member));
    }
    for _ in 0..2 {
        let answer = server.delete(&path).await;
        answer.assert_no_content();
        assert_eq!(server.get(&path).await.ok(), json!({}));
    }
}
