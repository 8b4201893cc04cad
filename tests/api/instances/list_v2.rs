//! `GET …/instances` and `GET …/instances/{instance_id}` on v2 (wire contract v2, sections 1.8, 1.10, 2.3 and 4.1).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, CREATE_FAILED, HA, LISTED, MEMCACHED, OLD_REDIS, OTHERS_HA, PROJECT, PROXY, RW_SPLIT,
    SECOND_HA, SINGLE, SINGLE_RESTARTING, TINY, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
};
use crate::support::{Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v2/{project_id}/instances/{instance_id}",
        an_instance_has_exactly_these_members_of_exactly_these_types,
    ),
    covered("GET", "/v2/{project_id}/instances", a_row_of_the_list_is_the_instance_as_it_is_shown_alone),
];

/// What of an instance v2 shows beside what both versions show.
fn more() -> Value {
    json!({
        "sub_status": "normal",
        "updated_at": "2020-03-02T06:15:04.512Z",
        "replica_count": 2,
        "sharding_count": 1,
        "db_number": 256,
        "publicip_info": null,
        "features": {
            "support_acl": true, "support_transparent_client_ip": true, "support_ssl": false, "support_audit_log": false,
        },
        "transparent_client_ip_enable": true,
        "domain_name_info": {
            "support_public_resolve": false, "is_latest_rules": true, "zone_name": "dcs.example.com",
            "history_domain_names": [],
        },
        "bandwidth_info": {
            "bandwidth": 128, "assured_bandwidth": 128, "max_bandwidth_for_node": 2048, "begin_time": null,
            "end_time": null, "current_time": 1_583_129_704_512_i64, "next_expand_time": null, "expand_count": 0,
            "expand_effect_time": null, "expand_interval_time": null, "max_expand_count": 3, "task_running": false,
        },
        "support_slow_log_flag": "1",
        "cloud_service_type_code": "hws.service.type.dcs",
        "cloud_resource_type_code": "hws.resource.type.dcs3",
        "inquery_spec_code": "redis.ha.xu1.large.r2.2",
    })
}

async fn list(server: &TestServer, query: &str) -> Value {
    server.get(&format!("{}?{query}", Api::V2.instances(PROJECT))).await.ok()
}

async fn listed(server: &TestServer, query: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        each(&list(server, query).await["instances"], "instance_id").iter().map(text).collect();
    ids.sort_unstable();
    ids
}

fn sorted(ids: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn an_instance_has_exactly_these_members_of_exactly_these_types() {
    let server = TestServer::start().await;
    // All that v1.0 shows, which `instances.rs` writes down, and this.
    let mut expected = server.get(&Api::V1.instance(HA)).await.ok();
    let members = expected.as_object_mut().unwrap();
    members.extend(more().as_object().unwrap().clone());
    assert_eq!(server.shown(Api::V2, HA).await, expected);
}

#[tokio::test]
async fn the_members_that_the_clients_read_are_there_with_their_types() {
    let server = TestServer::start().await;
    let texts = [
        "instance_id",
        "name",
        "status",
        "sub_status",
        "engine",
        "engine_version",
        "spec_code",
        "cache_mode",
        "ip",
        "domain_name",
        "vpc_id",
        "vpc_name",
        "subnet_id",
        "subnet_name",
        "subnet_cidr",
        "no_password_access",
        "maintain_begin",
        "maintain_end",
        "enterprise_project_id",
        "enterprise_project_name",
        "user_id",
        "user_name",
        "created_at",
        "updated_at",
        "update_at",
        "cpu_type",
        "product_type",
        "storage_type",
        "support_slow_log_flag",
        "cloud_service_type_code",
        "cloud_resource_type_code",
        "inquery_spec_code",
    ];
    let numbers = [
        "capacity",
        "max_memory",
        "used_memory",
        "replica_count",
        "sharding_count",
        "db_number",
        "port",
        "charging_mode",
    ];
    let truths = ["enable_publicip", "enable_ssl", "service_upgrade", "transparent_client_ip_enable"];
    let arrays = ["az_codes", "available_zones", "tags"];
    let objects = ["features", "domain_name_info", "bandwidth_info"];
    let nullable = [
        "task",
        "capacity_minor",
        "readonly_domain_name",
        "backend_addrs",
        "security_group_id",
        "security_group_name",
        "order_id",
        "access_user",
        "publicip_id",
        "publicip_address",
        "publicip_info",
        "description",
        "instance_backup_policy",
        "service_task_id",
        "launched_at",
    ];
    let rows = list(&server, "limit=1000&include_failure=true").await["instances"].take();
    assert_eq!(rows.as_array().unwrap().len(), LISTED + 1);
    for row in rows.as_array().unwrap() {
        let all = |names: &[&str], fits: fn(&Value) -> bool| {
            for name in names {
                assert!(row.get(name).is_some_and(fits), "{name} is {:?}", row.get(name));
            }
        };
        all(&texts, Value::is_string);
        all(&numbers, Value::is_u64);
        all(&truths, Value::is_boolean);
        all(&arrays, Value::is_array);
        all(&objects, Value::is_object);
        all(&nullable, |value| value.is_null() || value.is_string());
        for time in ["created_at", "updated_at", "update_at"] {
            assert_eq!(row[time], "2020-03-02T06:15:04.512Z");
        }
    }
}

#[tokio::test]
async fn a_row_of_the_list_is_the_instance_as_it_is_shown_alone() {
    let server = TestServer::start().await;
    for instance in [HA, CLUSTER, OLD_REDIS, MEMCACHED, TINY] {
        let alone = server.shown(Api::V2, instance).await;
        let list = list(&server, &format!("instance_id={instance}")).await;
        assert_eq!(list, json!({"instances": [alone], "instance_num": 1}));
    }
}

#[tokio::test]
async fn figures_follow_from_mode_size_and_version() {
    let server = TestServer::start().await;
    for (instance, [replicas, shards, databases], readonly, [acl, transparent]) in [
        (HA, [2, 1, 256], true, [true, true]),
        (RW_SPLIT, [2, 1, 256], false, [true, true]),
        (SINGLE, [1, 1, 256], false, [true, true]),
        (CLUSTER, [2, 3, 1], false, [true, true]),
        (PROXY, [2, 3, 256], false, [true, true]),
        (OLD_REDIS, [2, 1, 256], true, [false, false]),
    ] {
        let shown = server.shown(Api::V2, instance).await;
        let figures = json!([shown["replica_count"], shown["sharding_count"], shown["db_number"]]);
        assert_eq!(figures, json!([replicas, shards, databases]), "{instance}");
        assert_eq!(shown["readonly_domain_name"].is_string(), readonly, "{instance}");
        let features = &shown["features"];
        assert_eq!(
            json!([
                features["support_acl"],
                features["support_transparent_client_ip"],
                shown["transparent_client_ip_enable"]
            ]),
            json!([acl, transparent, transparent])
        );
    }
    let tiny = server.shown(Api::V2, TINY).await;
    assert_eq!(
        json!([tiny["capacity"], tiny["capacity_minor"], tiny["max_memory"]]),
        json!([0, ".125", 128])
    );
    let memcached = server.shown(Api::V2, MEMCACHED).await;
    assert_eq!(json!([memcached["engine"], memcached["engine_version"]]), json!(["Memcached", ""]));
}

#[tokio::test]
async fn a_side_task_is_shown_while_a_backup_is_open_and_null_from_the_moment_it_has_ended() {
    let server = TestServer::with(&[("backup.duration", "5s"), ("restore.duration", "5s")]).await;
    let task = async |api: Api| {
        let shown = server.get(&api.instance(HA)).await.ok();
        (shown["status"].clone(), shown["task"].clone())
    };
    let idle = (json!("RUNNING"), Value::Null);
    let busy = (json!("RUNNING"), json!("BACKUPING"));
    assert_eq!(task(Api::V2).await, idle);
    let backup = server.create_backup(HA).await;
    for millis in [0, 500, 4_999] {
        server.set_clock_ms(millis);
        assert_eq!(task(Api::V2).await, busy, "after {millis} ms");
        assert_eq!(server.shown(Api::V2, SECOND_HA).await["task"], Value::Null);
    }
    server.set_clock_ms(5_000);
    assert_eq!(task(Api::V2).await, idle);
    // The next call is accepted at once, as Terraform sends it.
    server.restore(Api::V2, HA, &json!({"backup_id": backup})).await;
    assert_eq!(task(Api::V2).await, (json!("RESTORING"), Value::Null));
    server.set_clock_ms(10_000);
    assert_eq!(task(Api::V2).await, idle);
    let quick = TestServer::start().await;
    quick.create_backup(HA).await;
    assert_eq!(quick.shown(Api::V2, HA).await["task"], Value::Null);
}

#[tokio::test]
async fn names_are_found_by_a_part_or_as_a_whole() {
    let server = TestServer::start().await;
    for (query, expected) in [
        ("name=dcs-ha", sorted(&[HA, SECOND_HA])),
        ("name=dcs-ha&name_equal=false", sorted(&[HA, SECOND_HA])),
        ("name=dcs-ha&name_equal=False", sorted(&[HA, SECOND_HA])),
        ("name=dcs-ha&name_equal=", sorted(&[HA, SECOND_HA])),
        ("name=dcs-ha&name_equal=true", sorted(&[HA])),
        ("name=dcs-ha&name_equal=TRUE", sorted(&[HA])),
        ("name=dcs-h&name_equal=true", sorted(&[])),
        // Any other text is a whole name by itself.
        ("name_equal=dcs-ha-second", sorted(&[SECOND_HA])),
        ("name_equal=dcs-h", sorted(&[])),
        ("name=dcs&name_equal=dcs-ha", sorted(&[HA])),
        ("name=nothing&name_equal=dcs-ha", sorted(&[])),
        ("name=Tiny", sorted(&[TINY])),
        ("name=tiny", sorted(&[])),
        ("name=%25", sorted(&[])),
        ("name=dcs_ha", sorted(&[])),
    ] {
        assert_eq!(listed(&server, query).await, expected, "{query}");
    }
    assert_eq!(list(&server, "name_equal=true").await["instance_num"], LISTED);
}

#[tokio::test]
async fn a_status_is_found_in_any_case_and_a_failed_creation_only_when_asked_for() {
    let server = TestServer::start().await;
    for (status, instance) in BY_STATUS {
        let expected = match status {
            "RESTARTING" => sorted(&[instance, SINGLE_RESTARTING]),
            _ => sorted(&[instance]),
        };
        for text in
            [status.to_owned(), status.to_lowercase(), status[..1].to_owned() + &status[1..].to_lowercase()]
        {
            assert_eq!(listed(&server, &format!("status={text}")).await, expected, "{text}");
        }
    }
    assert_eq!(listed(&server, "status=running").await.len(), 9);
    for text in ["nothing", "RUNNING,ERROR", "RUN"] {
        assert_eq!(
            list(&server, &format!("status={text}")).await,
            json!({"instances": [], "instance_num": 0})
        );
    }
    for (query, there) in [
        ("limit=1000", false),
        ("limit=1000&include_failure=true", true),
        ("limit=1000&include_failure=True", true),
        ("limit=1000&include_failure=false", false),
        ("limit=1000&include_failure=1", false),
    ] {
        let ids = listed(&server, query).await;
        assert_eq!(
            (ids.contains(&CREATE_FAILED.to_owned()), ids.len()),
            (there, LISTED + usize::from(there)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn addresses_are_found_by_a_part_on_v2_and_as_a_whole_on_v1() {
    let server = TestServer::start().await;
    let ip = text(&server.shown(Api::V2, HA).await["ip"]);
    assert!(listed(&server, &format!("ip={ip}")).await.contains(&HA.to_owned()));
    assert_eq!(list(&server, "ip=192.168").await["instance_num"], LISTED);
    assert_eq!(list(&server, "ip=10.0.0.1").await["instance_num"], 0);
    assert_eq!(list(&server, "ip=%25").await["instance_num"], 0);
    assert_eq!(list(&server, "ip=192_168").await["instance_num"], 0);
    let part = server.get(&format!("{}?ip=192.168", Api::V1.instances(PROJECT))).await.ok();
    assert_eq!(part["instance_num"], 0);
}

#[tokio::test]
async fn capacities_and_ids_are_found_exactly() {
    let server = TestServer::start().await;
    for (query, expected) in [
        ("capacity=0.125", sorted(&[TINY])),
        ("capacity=4", sorted(&[OLD_REDIS, CLUSTER, PROXY])),
        ("capacity=4.0", sorted(&[OLD_REDIS, CLUSTER, PROXY])),
        ("capacity=3", sorted(&[])),
        ("capacity=0.3", sorted(&[])),
        ("capacity=-1", sorted(&[])),
        ("capacity=NaN", sorted(&[])),
        ("capacity=inf", sorted(&[])),
        ("capacity=x", sorted(&[])),
    ] {
        assert_eq!(listed(&server, query).await, expected, "{query}");
    }
    assert_eq!(list(&server, "capacity=2").await["instance_num"], LISTED - 4);
    for name in ["instance_id", "id"] {
        assert_eq!(listed(&server, &format!("{name}={SECOND_HA}")).await, [SECOND_HA]);
        assert_eq!(listed(&server, &format!("{name}={}", SECOND_HA.to_uppercase())).await, [SECOND_HA]);
        for id in [UNKNOWN_INSTANCE, OTHERS_HA, "x", &SECOND_HA[..8]] {
            let list = list(&server, &format!("{name}={id}")).await;
            assert_eq!(list, json!({"instances": [], "instance_num": 0}), "{name}={id}");
        }
    }
    // No instance of the seed has tags, and none is shown once it is deleted.
    assert_eq!(list(&server, "tags=env%3Dtest").await["instance_num"], 0);
    assert_eq!(list(&server, "include_delete=true").await["instance_num"], LISTED);
}

#[tokio::test]
async fn a_page_holds_ten_unless_asked_and_all_pages_together_hold_all() {
    let server = TestServer::start().await;
    let first = list(&server, "").await;
    assert_eq!((first["instances"].as_array().unwrap().len(), &first["instance_num"]), (10, &json!(LISTED)));
    let all: Vec<String> =
        each(&list(&server, "limit=1000").await["instances"], "instance_id").iter().map(text).collect();
    assert_eq!(all.len(), LISTED);
    for size in [1, 7, 10] {
        let mut pages = Vec::new();
        for skip in (0..LISTED).step_by(size) {
            let page = list(&server, &format!("offset={skip}&limit={size}")).await;
            assert_eq!(page["instance_num"], LISTED);
            pages.extend(each(&page["instances"], "instance_id").iter().map(text));
        }
        assert_eq!(pages, all, "{size}");
    }
    assert_eq!(list(&server, "offset=20").await, json!({"instances": [], "instance_num": LISTED}));
    for value in ["-1", "a", "1.5", "%2B1"] {
        for name in ["offset", "limit"] {
            let answer = server.get(&format!("{}?{name}={value}", Api::V2.instances(PROJECT))).await;
            answer.assert_refused_by(Api::V2, &refusal::invalid(name));
        }
    }
    for value in ["0", "1001"] {
        let answer = server.get(&format!("{}?limit={value}", Api::V2.instances(PROJECT))).await;
        answer.assert_refused_by(Api::V2, &refusal::invalid("limit"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_an_unknown_project_is_empty() {
    let server = TestServer::start().await;
    for instance in [UNKNOWN_INSTANCE, OTHERS_HA] {
        let answer = server.get(&Api::V2.instance(instance)).await;
        answer.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
    server.get(&Api::V2.instance("x")).await.assert_refused_by(Api::V2, &refusal::INVALID_INSTANCE_ID);
    let empty = server.get(&Api::V2.instances(UNKNOWN_PROJECT)).await.ok();
    assert_eq!(empty, json!({"instances": [], "instance_num": 0}));
}
