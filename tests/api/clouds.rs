//! The two clouds, where they differ (docs/clouds.md).

use serde_json::{Value, json};

use crate::support::seed::{HA, MEMCACHED, OLD_REDIS, PROJECT};
use crate::support::{Answer, Api, TestServer, each, refusal, text};

const OLD: &str = "dcs.master_standby";
const MEMCACHED_PRODUCT: &str = "dcs.memcached.master_standby";
const ARM: &str = "redis.ha.au1.large.r2.2";
const ENTERPRISE: &str = "redis.ha.xu1.large.enthp.8";
const USUAL: &str = "redis.ha.xu1.large.r2.2";

/// Returns which of some products are listed, by both versions of the API.
async fn on_offer(server: &TestServer) -> Vec<&'static str> {
    let products = each(&server.get("/v1.0/products").await.ok()["products"], "spec_code");
    let flavors = each(&server.get(&format!("/v2/{PROJECT}/flavors")).await.ok()["flavors"], "spec_code");
    let is_listed = |code: &&str| {
        let code = json!(code);
        assert_eq!(products.contains(&code), flavors.contains(&code), "{code}");
        flavors.contains(&code)
    };
    [OLD, MEMCACHED_PRODUCT, ARM, ENTERPRISE, USUAL].into_iter().filter(is_listed).collect()
}

async fn order(server: &TestServer, code: &str, zone: &str) -> Answer {
    let (engine, version, capacity) = match code {
        OLD => ("Redis", "3.0", 2),
        MEMCACHED_PRODUCT => ("Memcached", "", 2),
        ENTERPRISE => ("Redis", "6.0", 8),
        _ => ("Redis", "5.0", 2),
    };
    let body = json!({
        "name": format!("of-{}", code.replace('.', "-")), "engine": engine, "engine_version": version, "capacity": capacity,
        "spec_code": code, "az_codes": [zone], "vpc_id": "v", "subnet_id": "s", "security_group_id": "g",
        "no_password_access": true,
    });
    server.post(&Api::V2.instances(PROJECT), &body).await
}

#[tokio::test]
async fn each_cloud_sells_what_it_sells_and_refuses_the_rest() {
    for (profile, zone, sold) in
        [("otc", "eu-de-02", &[OLD, USUAL][..]), ("huaweicloud", "cn-north-4b", &[ARM, ENTERPRISE, USUAL])]
    {
        let server = TestServer::of_cloud(profile, &[]).await;
        assert_eq!(on_offer(&server).await, sold, "{profile}");
        for code in [OLD, MEMCACHED_PRODUCT, ARM, ENTERPRISE, USUAL] {
            let answer = order(&server, code, zone).await;
            if sold.contains(&code) {
                let id = text(&answer.ok()["instances"][0]["instance_id"]);
                assert_eq!(server.shown(Api::V2, &id).await["az_codes"], json!([zone]));
            } else {
                answer.assert_refused_by(Api::V2, &refusal::INVALID_SPEC_CODE);
            }
        }
    }
}

#[tokio::test]
async fn a_setting_says_otherwise() {
    let server =
        TestServer::of_cloud("huaweicloud", &[("cloud.products", "memcached"), ("region", "eu-nl")]).await;
    assert_eq!(on_offer(&server).await, [MEMCACHED_PRODUCT, USUAL]);
    order(&server, MEMCACHED_PRODUCT, "eu-nl-01").await.ok();
    let server = TestServer::of_cloud("otc", &[("cloud.products", "all")]).await;
    assert_eq!(on_offer(&server).await, [OLD, MEMCACHED_PRODUCT, ARM, ENTERPRISE, USUAL]);
    let server = TestServer::of_cloud("otc", &[("cloud.products", "none")]).await;
    assert_eq!(on_offer(&server).await, [USUAL]);
}

#[tokio::test]
async fn regions_and_zones_are_called_as_there() {
    for (profile, region, zones) in [
        ("otc", "eu-de", ["eu-de-01", "eu-de-02", "eu-de-03"]),
        ("huaweicloud", "cn-north-4", ["cn-north-4a", "cn-north-4b", "cn-north-4c"]),
    ] {
        let server = TestServer::of_cloud(profile, &[]).await;
        let listed = server.get("/v1.0/availableZones").await.ok();
        assert_eq!(
            (&listed["regionId"], each(&listed["available_zones"], "code")),
            (&json!(region), zones.map(Value::from).into())
        );
        let listed = server.get(&format!("/v2.1/{PROJECT}/os-availability-zone")).await.ok();
        assert_eq!(each(&listed["availabilityZoneInfo"], "zoneName"), zones);
        // Seeded instances are in the first zone.
        let shown = server.shown(Api::V2, HA).await;
        assert_eq!(
            (&shown["az_codes"], shown["available_zones"].as_array().map(Vec::len)),
            (&json!([zones[0]]), Some(1))
        );
    }
}

#[tokio::test]
async fn strict_refuses_as_the_gateway_of_the_cloud_does() {
    for (profile, settings, code) in [
        ("otc", &[("auth", "strict")][..], "DCS.1001"),
        ("huaweicloud", &[("auth", "strict")], "APIGW.0301"),
        ("huaweicloud", &[("auth", "strict"), ("auth_gateway", "false")], "DCS.1001"),
    ] {
        let server = TestServer::of_cloud(profile, settings).await;
        let answer =
            server.call("GET", &Api::V2.instances(PROJECT)).header("x-auth-token", "none").send().await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (401, &json!(code)), "{profile}");
    }
}

#[tokio::test]
async fn what_one_cloud_has_opens_in_the_other() {
    let mut server = TestServer::of_cloud("otc", &[]).await;
    let id = text(&order(&server, OLD, "eu-de-02").await.ok()["instances"][0]["instance_id"]);
    let export = server.call("GET", "/_emulator/export").send().await.ok();
    server.call("PUT", "/_emulator/snapshots/otc").send().await.ok();
    server.set(&[("cloud.profile", "huaweicloud")]);
    server.restart().await;
    // Instances stay as they are, and work: what is on offer is about new ones.
    for id in [id.as_str(), OLD_REDIS, MEMCACHED] {
        assert_eq!(server.shown(Api::V2, id).await["status"], "RUNNING");
    }
    assert_eq!(server.shown(Api::V2, &id).await["az_codes"], json!(["eu-de-02"]));
    server.create_backup(&id).await;
    order(&server, OLD, "cn-north-4a").await.assert_refused_by(Api::V2, &refusal::INVALID_SPEC_CODE);
    server.call("POST", "/_emulator/snapshots/otc/restore").send().await.ok();
    assert_eq!(server.shown(Api::V2, &id).await["spec_code"], OLD);
    let other = TestServer::of_cloud("huaweicloud", &[]).await;
    other.call("POST", "/_emulator/seed?overwrite=true").json(&export).send().await.ok();
    assert_eq!(other.shown(Api::V2, &id).await["spec_code"], OLD);
    server.stop_soundly().await;
}
