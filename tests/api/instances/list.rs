//! `GET …/instances` and `GET …/instances/{instance_id}` (wire contract v1.0, sections 1.6, 2.8 and 2.9).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, CLUSTER, CREATE_FAILED, HA, LISTED, MEMCACHED, OLD_REDIS, OTHER_PROJECT, OTHERS_HA, PROJECT,
    PROXY, RW_SPLIT, SECOND_HA, SINGLE, SINGLE_RESTARTING, TINY, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
    instance_path, instances_path, of_instances,
};
use crate::support::{Api, Covered, TestServer, covered, each, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "GET",
        "/v1.0/{project_id}/instances/{instance_id}",
        an_instance_has_exactly_these_members_of_exactly_these_types,
    ),
    covered("GET", "/v1.0/{project_id}/instances", a_row_of_the_list_is_the_instance_as_it_is_shown_alone),
];

/// The instance [`HA`] as it is shown alone.
fn ha() -> Value {
    json!({
        "name": "dcs-ha",
        "engine": "Redis",
        "engine_version": "5.0",
        "capacity": 2,
        "capacity_minor": null,
        "ip": "192.168.0.2",
        "domainName": "redis-5560df1-dcs-ha.dcs.example.com",
        "domain_name": "redis-5560df1-dcs-ha.dcs.example.com",
        "readonly_domain_name": "redis-5560df1-dcs-ha-readonly.dcs.example.com",
        "port": 6379,
        "status": "RUNNING",
        "libos": false,
        "description": null,
        "task": null,
        "task_status": null,
        "max_memory": 2048,
        "used_memory": 1,
        "instance_id": HA,
        "resource_spec_code": "redis.ha.xu1.large.r2.2",
        "spec_code": "redis.ha.xu1.large.r2.2",
        "product_id": "redis.ha.xu1.large.r2.2-h",
        "cache_mode": "ha",
        "product_type": "generic",
        "cpu_type": "x86_64",
        "storage_type": "DRAM",
        "internal_version": null,
        "charging_mode": 0,
        "order_id": null,
        "is_free": null,
        "vpc_id": "c5cd009b-9ba9-41f2-9a26-2b8c3f3ffd39",
        "vpc_name": "vpc-default",
        "subnet_id": "7e95c4d6-d7af-424c-a3cf-2be10968fe81",
        "subnet_name": "subnet-default",
        "subnet_cidr": "192.168.0.0/24",
        "security_group_id": null,
        "security_group_name": null,
        "created_at": "2020-03-02T06:15:04.512Z",
        "launched_at": "2020-03-02T06:15:04.512Z",
        "update_at": "2020-03-02T06:15:04.512Z",
        "error_code": null,
        "user_id": "9bfac09d9bcd4eb7bb1465a7bcff815b",
        "user_name": "emulator",
        "maintain_begin": "02:00:00",
        "maintain_end": "06:00:00",
        "no_password_access": "false",
        "access_user": null,
        "enable_publicip": false,
        "publicip_id": null,
        "publicip_address": null,
        "enable_ssl": false,
        "service_upgrade": false,
        "service_task_id": null,
        "enterprise_project_id": "0",
        "enterprise_project_name": "default",
        "available_zones": ["ae04cf9d61544df3806a3feeb401b204"],
        "az_codes": ["eu-de-01"],
        "backend_addrs": null,
        "instance_backup_policy": null,
        "tags": [],
    })
}

/// Lists the ids of the instances of [`PROJECT`], `query` being what stands behind the question mark.
async fn listed(server: &TestServer, query: &str) -> Vec<String> {
    let list = server.get(&format!("{}?{query}", instances_path(PROJECT))).await.ok();
    each(&list["instances"], "instance_id").iter().map(text).collect()
}

/// Returns how many instances match, on all pages together.
async fn matching(server: &TestServer, query: &str) -> Value {
    server.get(&format!("{}?{query}", instances_path(PROJECT))).await.ok()["instance_num"].take()
}

#[tokio::test]
async fn an_instance_has_exactly_these_members_of_exactly_these_types() {
    let server = TestServer::start().await;
    assert_eq!(server.shown(Api::V1, HA).await, ha());
}

#[tokio::test]
async fn a_row_of_the_list_is_the_instance_as_it_is_shown_alone() {
    let server = TestServer::start().await;
    let mut row = ha();
    // Empty in lists, as the pages have it.
    row["service_task_id"] = json!("");
    let list = server.get(&format!("{}?id={HA}", instances_path(PROJECT))).await.ok();
    assert_eq!(list, json!({"instances": [row], "instance_num": 1}));
}

#[tokio::test]
async fn capacities_below_one_gigabyte_are_zero_and_a_fraction_in_text() {
    let server = TestServer::start().await;
    let tiny = server.shown(Api::V1, TINY).await;
    assert_eq!((&tiny["capacity"], &tiny["capacity_minor"]), (&json!(0), &json!(".125")));
    assert_eq!((&tiny["max_memory"], &tiny["spec_code"]), (&json!(128), &json!("redis.ha.xu1.tiny.r2.128")));
    let list = server.get(&format!("{}?id={TINY}", instances_path(PROJECT))).await.ok();
    assert_eq!(list["instances"][0]["capacity"], json!(0));
    assert_eq!(list["instances"][0]["capacity_minor"], ".125");
}

#[tokio::test]
async fn every_cache_mode_engine_and_state_is_shown() {
    let server = TestServer::start().await;
    for (instance, mode, spec_code, capacity) in [
        (RW_SPLIT, "ha_rw_split", "redis.ha.xu1.large.p2.2", 2),
        (SINGLE, "single", "redis.single.xu1.large.2", 2),
        (CLUSTER, "cluster", "redis.cluster.xu1.large.r2.4", 4),
        (PROXY, "proxy", "redis.proxy.xu1.large.4", 4),
        (OLD_REDIS, "ha", "dcs.master_standby", 4),
        (MEMCACHED, "ha", "dcs.memcached.master_standby", 2),
    ] {
        let shown = server.shown(Api::V1, instance).await;
        assert_eq!(shown["cache_mode"], mode);
        assert_eq!(
            (&shown["spec_code"], &shown["resource_spec_code"]),
            (&json!(spec_code), &json!(spec_code))
        );
        assert_eq!((&shown["capacity"], &shown["capacity_minor"]), (&json!(capacity), &Value::Null));
    }
    for (status, instance) in BY_STATUS {
        assert_eq!(server.shown(Api::V1, instance).await["status"], status);
    }
    let old = server.shown(Api::V1, OLD_REDIS).await;
    assert_eq!((&old["engine_version"], &old["max_memory"]), (&json!("3.0"), &json!(3277)));
    assert_eq!(old["security_group_id"], "d57fad27-e3e9-43b7-9498-0a698ab63b27");
    let memcached = server.shown(Api::V1, MEMCACHED).await;
    assert_eq!((&memcached["engine"], &memcached["engine_version"]), (&json!("Memcached"), &json!("")));
    assert_eq!((&memcached["port"], &memcached["access_user"]), (&json!(11211), &json!("memcached")));
}

#[tokio::test]
async fn every_row_has_the_same_members() {
    let server = TestServer::start().await;
    let list = server.get(&format!("{}?includeFailure=true", instances_path(PROJECT))).await.ok();
    let names = |row: &Value| row.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let expected = names(&ha());
    let rows = list["instances"].as_array().unwrap();
    assert_eq!(rows.len(), LISTED + 1);
    for row in rows {
        assert_eq!(names(row), expected);
        assert!(row["capacity"].is_u64() && row["port"].is_u64() && row["max_memory"].is_u64(), "{row}");
    }
}

#[tokio::test]
async fn ids_are_taken_in_either_case() {
    let server = TestServer::start().await;
    let path = format!("/v1.0/{}/instances/{}", PROJECT.to_uppercase(), HA.to_uppercase());
    assert_eq!(server.get(&path).await.ok(), ha());
    assert_eq!(listed(&server, &format!("id={}", HA.to_uppercase())).await, [HA]);
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_404_and_a_name_is_no_id() {
    let server = TestServer::start().await;
    for (path, expected) in [
        (instance_path(UNKNOWN_INSTANCE), refusal::INSTANCE_NOT_FOUND),
        (format!("{}/{HA}", instances_path(UNKNOWN_PROJECT)), refusal::INSTANCE_NOT_FOUND),
        // What openstacksdk does first when it looks for an instance by name.
        (instance_path("dcs-ha"), refusal::INVALID_INSTANCE_ID),
        (format!("/v1.0/eu-de/instances/{HA}"), refusal::INVALID_PROJECT_ID),
        ("/v1.0/eu-de/instances/dcs-ha".to_owned(), refusal::INVALID_PROJECT_ID),
        ("/v1.0/eu-de/instances?start=0".to_owned(), refusal::INVALID_PROJECT_ID),
    ] {
        server.get(&path).await.assert_refused(&expected);
    }
}

#[tokio::test]
async fn the_newest_instance_is_first_and_of_the_same_instant_the_lower_id() {
    let mut server = TestServer::start().await;
    let (low, middle, high, later) = (
        "10000000-0000-4000-8000-000000000000",
        "90000000-0000-4000-8000-000000000000",
        "f0000000-0000-4000-8000-000000000000",
        "80000000-0000-4000-8000-000000000000",
    );
    server.write_seed(&of_instances(UNKNOWN_PROJECT, &[middle, high, low]));
    server.restart().await;
    server.advance_ms(1);
    server.write_seed(&of_instances(UNKNOWN_PROJECT, &[later]));
    server.restart().await;
    let list = server.get(&instances_path(UNKNOWN_PROJECT)).await.ok();
    assert_eq!(each(&list["instances"], "instance_id"), [later, low, middle, high]);
}

#[tokio::test]
async fn a_project_nobody_has_heard_of_has_no_instances() {
    let server = TestServer::start().await;
    let list = server.get(&instances_path(UNKNOWN_PROJECT)).await.ok();
    assert_eq!(list, json!({"instances": [], "instance_num": 0}));
}

#[tokio::test]
async fn each_filter_lets_through_what_matches_it() {
    let server = TestServer::start().await;
    for (query, ids) in [
        ("id=5560df16-cebf-4473-95c4-d1b573c16e79", &[HA][..]),
        ("id=ffffffff-ffff-4fff-8fff-ffffffffffff", &[]),
        ("id=nonsense", &[]),
        ("id=5560df16", &[]),
        ("name=dcs-ha", &[SECOND_HA, HA]),
        ("name=second", &[SECOND_HA]),
        ("name=Redis", &[TINY]),
        ("name=redis", &[OLD_REDIS]),
        ("name=%25", &[]),
        ("name=_ha", &[]),
        ("name=dcs%2Dha", &[SECOND_HA, HA]),
        ("name=dcs-ha&isExactMatchName=true", &[HA]),
        ("name=dcs-ha&isExactMatchName=True", &[HA]),
        ("name=dcs-ha&exactMatchName=TRUE", &[HA]),
        ("name=dcs-ha&isExactMatchName=false", &[SECOND_HA, HA]),
        ("name=dcs-ha&isExactMatchName=1", &[SECOND_HA, HA]),
        ("name=dcs&isExactMatchName=true", &[]),
        ("name=DCS-HA&isExactMatchName=true", &[]),
        ("status=RESTARTING", &[BY_STATUS[2].1, SINGLE_RESTARTING]),
        ("status=CREATING", &[BY_STATUS[0].1]),
        ("status=CREATEFAILED", &[CREATE_FAILED]),
        ("status=CREATEFAILED&includeFailure=false", &[CREATE_FAILED]),
        ("status=restarting", &[]),
        ("status=UPGRADING", &[]),
        ("status=RESTARTING,CREATING", &[]),
        ("ip=192.168.0.2", &[HA]),
        ("ip=192.168.0", &[]),
        ("ip=192.168.0.19", &[BY_STATUS[8].1]),
        ("ip=.", &[]),
        ("tags=env=test", &[]),
        ("tags=%7B'env':'test'%7D", &[]),
        ("name=dcs-ha&id=5560df16-cebf-4473-95c4-d1b573c16e79", &[HA]),
        ("name=dcs-ha&status=RESTARTING", &[]),
        ("name=single&status=RESTARTING", &[SINGLE_RESTARTING]),
    ] {
        assert_eq!(listed(&server, query).await, ids, "{query}");
        assert_eq!(matching(&server, query).await, ids.len(), "{query}");
    }
}

#[tokio::test]
async fn instances_whose_creation_failed_are_left_out_unless_asked_for() {
    let server = TestServer::start().await;
    for (query, count) in [
        ("", LISTED),
        ("includeFailure=false", LISTED),
        ("includeFailure=1", LISTED),
        ("includeFailure=", LISTED),
        ("includeFailure=true", LISTED + 1),
        ("includeFailure=True", LISTED + 1),
        ("include_failure=TRUE", LISTED + 1),
    ] {
        let ids = listed(&server, query).await;
        assert_eq!(ids.len(), count, "{query}");
        assert_eq!(ids.contains(&CREATE_FAILED.to_owned()), count > LISTED, "{query}");
        assert_eq!(matching(&server, query).await, count, "{query}");
    }
}

#[tokio::test]
async fn empty_and_unknown_parameters_are_absent() {
    let server = TestServer::start().await;
    for query in [
        "start=&limit=&marker=&name=&id=&status=&ip=&tags=&includeFailure=&isExactMatchName=",
        "colour=red&offset=7&sort&=&&",
        "isExactMatchName=true",
        "start=1&limit=1000",
        "limit=100000",
    ] {
        assert_eq!(listed(&server, query).await.len(), LISTED, "{query}");
    }
}

#[tokio::test]
async fn start_and_limit_cut_a_page_out_of_the_list() {
    let server = TestServer::start().await;
    let all = listed(&server, "").await;
    for (query, page) in [
        ("limit=3", &all[..3]),
        ("start=1&limit=3", &all[..3]),
        ("start=4&limit=3", &all[3..6]),
        ("start=20&limit=3", &all[19..]),
        ("start=21", &[]),
        ("start=99999999999999999999", &[]),
        ("start=19", &all[18..]),
    ] {
        assert_eq!(listed(&server, query).await, page, "{query}");
        assert_eq!(matching(&server, query).await, LISTED, "{query}");
    }
    assert_eq!(listed(&server, "name=dcs-ha&start=2").await, [HA]);
}

#[tokio::test]
async fn a_start_or_limit_that_is_no_whole_number_of_at_least_one_is_refused() {
    let server = TestServer::start().await;
    for value in ["0", "-1", "1.5", "a", "%2B1", "1%20", "0x10", "true"] {
        for name in ["start", "limit"] {
            let answer = server.get(&format!("{}?{name}={value}", instances_path(PROJECT))).await;
            answer.assert_refused(&refusal::invalid_query(name));
        }
    }
    // The first in the order of the contract is named, not the first that was sent.
    let answer = server.get(&format!("{}?limit=0&start=0", instances_path(PROJECT))).await;
    answer.assert_refused(&refusal::invalid_query("start"));
    // Also when a filter lets nothing through.
    let answer = server.get(&format!("{}?id=nonsense&limit=0", instances_path(PROJECT))).await;
    answer.assert_refused(&refusal::invalid_query("limit"));
}

/// Pages as openstacksdk does: the same query again with the last id as marker, until a page is empty.
async fn paged_by_marker(server: &TestServer, query: &str) -> Vec<String> {
    let mut ids = listed(server, query).await;
    let mut last_page = ids.clone();
    while let Some(marker) = last_page.last() {
        last_page = listed(server, &format!("{query}&marker={marker}")).await;
        assert!(last_page.iter().all(|id| !ids.contains(id)), "endless pagination loop");
        ids.extend(last_page.iter().cloned());
    }
    ids
}

#[tokio::test]
async fn paging_by_marker_walks_through_the_whole_list_once_and_ends() {
    let server = TestServer::start().await;
    let all = listed(&server, "").await;
    for limit in [1, 3, 7, 10, 20, 21, 1000] {
        assert_eq!(paged_by_marker(&server, &format!("limit={limit}")).await, all, "{limit}");
        // The client goes on sending its start.
        let with_start = paged_by_marker(&server, &format!("start=1&limit={limit}")).await;
        assert_eq!(with_start, all, "{limit}");
    }
    assert_eq!(paged_by_marker(&server, "start=4&limit=3").await, all[3..]);
    assert_eq!(paged_by_marker(&server, "name=dcs-&limit=2").await, listed(&server, "name=dcs-").await);
    let with_failed = listed(&server, "includeFailure=true").await;
    assert_eq!(paged_by_marker(&server, "includeFailure=true&limit=4").await, with_failed);
}

#[tokio::test]
async fn a_marker_makes_start_have_no_effect() {
    let server = TestServer::start().await;
    let all = listed(&server, "").await;
    let query = format!("marker={}&start=5&limit=2", all[0]);
    assert_eq!(listed(&server, &query).await, all[1..3]);
    assert_eq!(matching(&server, &query).await, LISTED);
}

#[tokio::test]
async fn nothing_follows_a_marker_that_is_unknown_or_last() {
    let server = TestServer::start().await;
    let all = listed(&server, "").await;
    for marker in [UNKNOWN_INSTANCE, OTHERS_HA, "nonsense", "0", all.last().unwrap()] {
        assert_eq!(listed(&server, &format!("marker={marker}")).await, [] as [&str; 0], "{marker}");
        assert_eq!(matching(&server, &format!("marker={marker}")).await, LISTED, "{marker}");
    }
}

#[tokio::test]
async fn a_marker_may_be_left_out_of_the_filter() {
    let server = TestServer::start().await;
    let all = listed(&server, "").await;
    let after_failed: Vec<_> = all.iter().filter(|id| id.as_str() > CREATE_FAILED).cloned().collect();
    assert!(!after_failed.is_empty() && after_failed.len() < LISTED);
    assert_eq!(listed(&server, &format!("marker={CREATE_FAILED}")).await, after_failed);
}

#[tokio::test]
async fn each_instance_of_a_project_has_an_address_of_its_own() {
    let server = TestServer::start().await;
    let list = server.get(&format!("{}?includeFailure=true", instances_path(PROJECT))).await.ok();
    let mut addresses: Vec<String> = each(&list["instances"], "ip").iter().map(text).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), LISTED + 1);
}

#[tokio::test]
async fn an_instance_that_is_being_backed_up_stays_running() {
    let server = TestServer::with(&[("backup.duration", "5s")]).await;
    server.create_backup(HA).await;
    let busy = server.shown(Api::V1, HA).await;
    assert_eq!((&busy["status"], &busy["task"]), (&json!("RUNNING"), &json!("BACKUPING")));
    assert_eq!(listed(&server, "status=RUNNING&name=dcs-ha").await, [SECOND_HA, HA]);
    server.advance_ms(5_000);
    assert_eq!(server.shown(Api::V1, HA).await, ha());
}

#[tokio::test]
async fn an_instance_and_the_list_take_no_other_method_yet() {
    let server = TestServer::start().await;
    for method in ["PATCH", "OPTIONS"] {
        for path in [instance_path(HA), instances_path(OTHER_PROJECT)] {
            let answer = server.call(method, &path).send().await;
            answer.assert_refused(&refusal::METHOD_NOT_ALLOWED);
        }
    }
}
