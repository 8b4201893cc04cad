//! Creating instances: what was sent comes back, and what cannot be is refused (wire contract v1.0, section 2.7; v2, section 2.3).

use serde_json::{Value, json};

use crate::support::seed::{PROJECT, UNKNOWN_PROJECT};
use crate::support::{Answer, Api, Covered, Refusal, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("POST", "/v1.0/{project_id}/instances", what_was_sent_comes_back_twice_the_same),
    covered("POST", "/v2/{project_id}/instances", what_was_sent_comes_back_twice_the_same),
];

const ZONES: [&str; 2] = ["eu-de-02", "eu-de-01"];

/// An order that says something of everything, with members replaced.
pub(crate) fn order(api: Api, members: &Value) -> Value {
    let mut order = json!({
        "name": "made-here", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "description": "demo",
        "password": "Secret-12", "vpc_id": "0f1e2d3c", "subnet_id": "3c2d1e0f", "enable_ssl": true,
        "maintain_begin": "22:00:00", "maintain_end": "02:00:00", "enterprise_project_id": 7, "port": "6400",
        "rename_commands": {"keys": "look"}, "tags": [{"key": "env", "value": "test"}],
        "instance_backup_policy": {"backup_type": "auto", "save_days": "3", "periodical_backup_plan": {
            "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": ["5", 1], "timezone_offset": "+0000",
        }},
    });
    match api {
        Api::V1 => {
            order["product_id"] = json!("redis.ha.xu1.large.r2.2-h");
            order["available_zones"] = json!(ZONES);
        }
        Api::V2 => {
            order["spec_code"] = json!("redis.ha.xu1.large.r2.2");
            order["az_codes"] = json!(ZONES);
        }
    }
    for (name, value) in members.as_object().expect("members") {
        order[name] = value.clone();
    }
    order
}

async fn create(server: &TestServer, api: Api, members: &Value) -> Answer {
    server.post(&api.instances(PROJECT), &order(api, members)).await
}

#[tokio::test]
async fn what_was_sent_comes_back_twice_the_same() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let created = create(&server, api, &json!({"private_ip": "10.1.2.3"})).await.ok();
        let id = text(&created["instances"][0]["instance_id"]);
        let mut expected = json!({"instances": [{"instance_id": id, "instance_name": "made-here"}]});
        if api == Api::V1 {
            expected["instance_id"] = json!(id);
        }
        assert_eq!(created, expected);
        for version in [Api::V1, Api::V2, Api::V2] {
            let shown = server.get(&version.instance(&id)).await.ok();
            let at = json!("2020-03-02T06:15:04.512Z");
            for (name, value) in [
                ("name", json!("made-here")),
                ("status", json!("RUNNING")),
                ("engine_version", json!("6.0")),
                ("capacity", json!(2)),
                ("spec_code", json!("redis.ha.xu1.large.r2.2")),
                ("product_id", json!("redis.ha.xu1.large.r2.2-h")),
                ("cache_mode", json!("ha")),
                ("description", json!("demo")),
                ("vpc_id", json!("0f1e2d3c")),
                ("security_group_id", Value::Null),
                ("ip", json!("10.1.2.3")),
                ("port", json!(6400)),
                ("no_password_access", json!("false")),
                ("enable_ssl", json!(true)),
                ("charging_mode", json!(0)),
                ("maintain_begin", json!("22:00:00")),
                ("maintain_end", json!("02:00:00")),
                ("enterprise_project_id", json!("7")),
                ("az_codes", json!(ZONES)),
                ("tags", json!([{"key": "env", "value": "test"}])),
                ("created_at", at.clone()),
                ("launched_at", at),
            ] {
                assert_eq!(shown[name], value, "{name} on {version:?}");
            }
            let policy = &shown["instance_backup_policy"];
            assert_eq!(policy["policy"]["save_days"], 3);
            assert_eq!(policy["policy"]["periodical_backup_plan"]["backup_at"], json!([5, 1]));
            assert_eq!(policy["periodical_backup_plan"]["timezone_offset"], "+0000");
            server.restart().await;
        }
        server.create_backup(&id).await;
    }
}

#[tokio::test]
async fn several_instances_are_numbered_and_all_or_none_are_made() {
    let server = TestServer::start().await;
    let three = json!({"instance_num": 3});
    let created = create(&server, Api::V2, &three).await.ok();
    let names: Vec<&Value> =
        created["instances"].as_array().unwrap().iter().map(|made| &made["instance_name"]).collect();
    assert_eq!(names, ["made-here-000", "made-here-001", "made-here-002"]);
    assert_eq!(create(&server, Api::V2, &three).await.json()["error_code"], "DCS.4060");
    let list = server.get(&format!("{}?name=made-here", Api::V2.instances(PROJECT))).await.ok();
    assert_eq!(list["instance_num"], 3);
}

#[tokio::test]
async fn a_cluster_shows_the_addresses_of_all_its_nodes_and_others_one() {
    let server = TestServer::start().await;
    for (product, capacity, addresses) in [
        ("redis.ha.xu1.large.r5.2", 2, 1),
        ("redis.ha.xu1.large.p3.2", 2, 1),
        ("redis.proxy.xu1.large.4", 4, 1),
        ("redis.cluster.xu1.large.r2.4", 4, 6),
    ] {
        let members = json!({"name": product.replace('.', "-"), "spec_code": product, "capacity": capacity});
        let created = create(&server, Api::V2, &members).await.ok();
        let id = text(&created["instances"][0]["instance_id"]);
        let ip = text(&server.get(&Api::V2.instance(&id)).await.ok()["ip"]);
        assert_eq!(ip.split(',').count(), addresses, "{product}: {ip}");
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_instance_of_a_subnet_as_long_as_that_lives() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let address = |name: &str, ip: &str| json!({"name": name, "private_ip": ip});
        let refused = async |members: Value| {
            create(&server, api, &members)
                .await
                .assert_refused_by(api, &refusal::invalid_parameter("private_ip"));
        };
        let created = create(&server, api, &address("first", "10.1.2.3")).await.ok();
        let first = text(&created["instances"][0]["instance_id"]);
        refused(address("second", "10.1.2.3")).await;
        // One of several will do, however they are written.
        let several = json!({
            "name": "cluster", "capacity": 4, "product_id": "redis.cluster.xu1.large.r2.4-h",
            "spec_code": "redis.cluster.xu1.large.r2.4", "private_ips": ["10.1.2.4", "10.1.2.3"],
        });
        refused(several.clone()).await;
        let mut free = several;
        free["private_ips"] = json!(["10.1.2.5", "10.1.2.30"]);
        create(&server, api, &free).await.ok();
        refused(address("third", "10.1.2.30")).await;
        // Another subnet and another project have addresses of their own; several instances get theirs from the emulator.
        let elsewhere = json!({"name": "elsewhere", "private_ip": "10.1.2.3", "subnet_id": "another"});
        create(&server, api, &elsewhere).await.ok();
        let theirs = order(api, &address("theirs", "10.1.2.3"));
        server.post(&api.instances(UNKNOWN_PROJECT), &theirs).await.ok();
        create(&server, api, &json!({"name": "several", "private_ip": "10.1.2.3", "instance_num": 2}))
            .await
            .ok();
        assert_eq!(server.delete(&api.instance(&first)).await.status, 204);
        create(&server, api, &address("second", "10.1.2.3")).await.ok();
    }
}

#[tokio::test]
async fn an_instance_is_creating_until_its_time_has_come() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let rule = json!({"progression": "time", "durations": {"CREATING": "5s"}});
        server.put("/_emulator/transitions/instance", &rule).await.ok();
        let created = create(&server, api, &json!({})).await.ok();
        let id = text(&created["instances"][0]["instance_id"]);
        let shown = server.get(&api.instance(&id)).await.ok();
        assert_eq!((&shown["status"], &shown["launched_at"]), (&json!("CREATING"), &Value::Null));
        server.set_clock_ms(5_000);
        let shown = server.get(&api.instance(&id)).await.ok();
        let launched_at = json!("2020-03-02T06:15:09.512Z");
        assert_eq!((&shown["status"], &shown["launched_at"]), (&json!("RUNNING"), &launched_at));
    }
}

#[tokio::test]
async fn the_order_of_the_command_line_client_passes() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "cli-made", "engine": "Redis", "engine_version": "3.0.7", "capacity": 2, "product_id": "OTC_DCS_MS",
        "password": "Secret-12", "vpc_id": "v", "subnet_id": "s", "security_group_id": "g",
        "instance_backup_policy": "{\"save_days\": 1, \"backup_type\": \"manual\"}",
    });
    let created = server.post(&Api::V1.instances(PROJECT), &body).await.ok();
    let shown = server.get(&Api::V1.instance(&text(&created["instance_id"]))).await.ok();
    assert_eq!(
        (&shown["engine_version"], &shown["spec_code"]),
        (&json!("3.0.7"), &json!("dcs.master_standby"))
    );
    assert_eq!((&shown["security_group_id"], &shown["az_codes"]), (&json!("g"), &json!(["eu-de-01"])));
    assert_eq!(shown["instance_backup_policy"]["policy"]["backup_type"], "manual");
}

#[tokio::test]
async fn a_prepaid_instance_has_an_order_and_cannot_be_deleted() {
    let server = TestServer::start().await;
    let paid = json!({"bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": "1"}});
    let created = create(&server, Api::V2, &paid).await.ok();
    assert!(text(&created["order_id"]).starts_with("CS2003020615"), "{created}");
    let id = text(&created["instances"][0]["instance_id"]);
    let shown = server.get(&Api::V2.instance(&id)).await.ok();
    assert_eq!((&shown["charging_mode"], &shown["order_id"]), (&json!(1), &created["order_id"]));
    assert_eq!(server.delete(&Api::V2.instance(&id)).await.json()["error_code"], "DCS.4857");
}

#[tokio::test]
async fn each_member_has_its_own_refusal() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let before = server.count("instances").await;
        let (product, zones, unknown_product) = match api {
            Api::V1 => ("product_id", "available_zones", "DCS.4009"),
            Api::V2 => ("spec_code", "az_codes", "DCS.4927"),
        };
        for (members, code) in [
            (json!({"name": "1st"}), "DCS.4010"),
            (json!({"name": "x".repeat(57), "instance_num": 2}), "DCS.4010"),
            (json!({"name": "dcs-ha"}), "DCS.4060"),
            (json!({"description": "x".repeat(1025)}), "DCS.4011"),
            (json!({"engine": "Valkey"}), "DCS.4007"),
            (json!({"engine_version": "8.0"}), "DCS.4008"),
            (json!({"engine_version": "3.0", "security_group_id": "g"}), "DCS.4007"),
            (json!({"capacity": 3.5}), "DCS.4012"),
            (json!({"capacity": 4}), "DCS.4012"),
            (json!({"no_password_access": 5}), "DCS.4843"),
            (json!({"no_password_access": "true"}), "DCS.4845"),
            (json!({"password": ""}), "DCS.4845"),
            (json!({"password": "simple"}), "DCS.4019"),
            (json!({"vpc_id": ""}), "DCS.4013"),
            (json!({"subnet_id": null}), "DCS.4016"),
            (json!({zones: ["mars-1"]}), "DCS.4042"),
            (json!({product: "none"}), unknown_product),
            (json!({product: "redis.ha.xu1.large.r9.2"}), "DCS.4927"),
            (json!({product: "redis.single.xu1.large.2"}), "DCS.4067"),
            (json!({product: "redis.single.xu1.large.2", zones: ["eu-de-01"]}), "DCS.4086"),
            (json!({"maintain_end": "03:00:00"}), "DCS.4106"),
            (json!({"instance_num": 101}), "DCS.4063"),
            (json!({"port": 70000}), "DCS.4063"),
            (json!({"rename_commands": {"get": "x"}}), "DCS.4063"),
            (json!({"tags": [{"key": "", "value": "x"}]}), "DCS.4063"),
            (json!({"instance_backup_policy": {"backup_type": "auto", "save_days": 8}}), "DCS.4072"),
            (json!({"instance_backup_policy": {"backup_type": "daily"}}), "DCS.4073"),
            (json!({"bss_param": {"charging_mode": "later"}}), "DCS.4063"),
            (json!({"capacity": []}), "DCS.4005"),
        ] {
            let answer = create(&server, api, &members).await;
            assert_eq!(
                (answer.status, &answer.json()["error_code"]),
                (400, &json!(code)),
                "{api:?} {members}"
            );
        }
        assert_eq!(server.count("instances").await, before);
    }
}

#[tokio::test]
async fn a_product_that_does_not_fit_is_refused_as_each_version_does() {
    let server = TestServer::start().await;
    for (members, refusal) in [
        (
            json!({"engine_version": "7.0", "product_id": "redis.proxy.xu1.large.4", "capacity": 4}),
            Refusal {
                legacy: "111400007",
                ..refusal::other("DCS.4007", "The selected cache engine type is not supported.")
            },
        ),
        (json!({"product_id": "redis.ha.xu1.large.r9.2"}), refusal::INVALID_SPEC_CODE),
        (
            json!({"product_id": "OTC_DCS_XX"}),
            Refusal {
                legacy: "111400009",
                ..refusal::other("DCS.4009", "Invalid product ID in the request.")
            },
        ),
    ] {
        create(&server, Api::V1, &members).await.assert_refused_by(Api::V1, &refusal);
    }
    let other = json!({"engine_version": "7.0", "spec_code": "redis.proxy.xu1.large.4", "capacity": 4});
    let refused = create(&server, Api::V2, &other).await;
    refused.assert_refused_by(
        Api::V2,
        &refusal::other("DCS.4007", "The selected cache engine type is not supported."),
    );
}

#[tokio::test]
async fn what_is_said_of_a_product_must_be_so() {
    let server = TestServer::with(&[("instances.unique_names", "false")]).await;
    for (said, fits) in [
        (json!({}), true),
        (json!({"sharding_count": 1, "replica_count": "2", "cache_mode": "ha"}), true),
        (json!({"sharding_count": 3}), false),
        (json!({"replica_count": 3}), false),
        (json!({"replica_count": 0}), false),
        (json!({"cache_mode": "single"}), false),
    ] {
        let answer = create(&server, Api::V2, &json!({"spec_param": said})).await;
        if fits {
            answer.ok();
        } else {
            answer.assert_refused_by(Api::V2, &refusal::invalid_parameter("spec_param"));
        }
        // v1.0 does not know it.
        create(&server, Api::V1, &json!({"spec_param": said})).await.ok();
    }
}

#[tokio::test]
async fn what_a_project_may_have_is_all_it_gets() {
    let seed = format!("projects:\n  - {{id: {PROJECT}, quotas: {{instances: 2, memory_gb: 4}}}}\n");
    let server = TestServer::seeded(&seed, &[]).await;
    let three = create(&server, Api::V1, &json!({"instance_num": 3})).await;
    assert_eq!(three.json()["error_code"], "DCS.4035");
    let large = json!({"capacity": 8, "product_id": "redis.ha.xu1.large.r2.8-h"});
    assert_eq!(create(&server, Api::V1, &large).await.json()["error_code"], "DCS.4036");
    create(&server, Api::V2, &json!({"instance_num": 2})).await.ok();
}

#[tokio::test]
async fn a_project_that_nobody_has_heard_of_can_have_instances() {
    let server = TestServer::with(&[("instances.unique_names", "false")]).await;
    for _ in 0..2 {
        server.post(&Api::V2.instances(UNKNOWN_PROJECT), &order(Api::V2, &json!({}))).await.ok();
    }
    let list = server.get(&Api::V2.instances(UNKNOWN_PROJECT)).await.ok();
    assert_eq!(list["instance_num"], 2);
}
