//! Seeds: what they bring, and that they leave alone what is there (`decisions` nos. 15 to 17).

use serde_json::{Value, json};

use crate::support::seed::{
    HA, LISTED, PROJECT, SEED, UNKNOWN_INSTANCE, backups_path, instance_path, instances_path, of_instances,
};
use crate::support::{TestServer, each, text};

/// Everything the database holds that a seed could have changed.
async fn contents(server: &TestServer) -> Vec<Vec<Value>> {
    vec![
        server.rows("SELECT json_array(project_key, hex(project_id), name, created_at) FROM projects ORDER BY 1").await,
        server
            .rows(
                "SELECT json_array(instance_key, hex(instance_id), project_key, name, engine, engine_version, cache_mode,
                                   capacity_mb, spec_code, status, ip, port, created_at, deleted_at)
                 FROM instances ORDER BY instance_key",
            )
            .await,
        server.rows("SELECT json_array(project_key, number, at, hex(subject_id), to_status) FROM events ORDER BY 1").await,
    ]
}

async fn listed(server: &TestServer) -> Value {
    server.get(&format!("{}?includeFailure=true", instances_path(PROJECT))).await.ok()
}

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    let (before, list, backups) = (contents(&server).await, listed(&server).await, server.list(HA, "").await);
    for _ in 0..2 {
        server.advance_ms(86_400_000);
        server.restart().await;
        assert_eq!(contents(&server).await, before);
        assert_eq!(listed(&server).await, list);
        assert_eq!(server.list(HA, "").await, backups);
    }
}

#[tokio::test]
async fn a_changed_seed_leaves_what_is_there_as_it_is() {
    let mut server = TestServer::start().await;
    let before = contents(&server).await;
    let changed = SEED
        .replace("name: eu-de", "name: renamed")
        .replace(
            "name: dcs-ha, cache_mode: ha",
            "name: dcs-renamed, cache_mode: single, capacity: 8, status: ERROR",
        )
        .replace("status: FROZEN", "status: RUNNING");
    assert_ne!(changed, SEED);
    server.write_seed(&changed);
    server.restart().await;
    assert_eq!(contents(&server).await, before);
    let shown = server.get(&instance_path(HA)).await.ok();
    assert_eq!((&shown["name"], &shown["cache_mode"]), (&json!("dcs-ha"), &json!("ha")));
}

#[tokio::test]
async fn a_seed_adds_what_is_not_there_and_removes_nothing() {
    let mut server = TestServer::start().await;
    server.create_backup(HA).await;
    server.advance_ms(1_000);
    let named = "ffffffff-ffff-4fff-8fff-fffffffffffe";
    let seed = format!(
        "{}      - {{id: {UNKNOWN_INSTANCE}, cache_mode: ha_rw_split}}\n",
        of_instances(PROJECT, &[named])
    );
    server.write_seed(&seed);
    server.restart().await;
    let list = listed(&server).await;
    assert_eq!(list["instance_num"], LISTED + 3);
    let newest = &list["instances"][1];
    assert_eq!((&newest["instance_id"], &newest["name"]), (&json!(UNKNOWN_INSTANCE), &json!("dcs-ffffffff")));
    assert_eq!(newest["created_at"], "2020-03-02T06:15:05.512Z");
    assert_eq!(server.list(HA, "").await["total_num"], 1);
    server.post(&backups_path(UNKNOWN_INSTANCE), &json!({})).await.ok();
}

#[tokio::test]
async fn without_a_seed_what_is_there_goes_on_being_served() {
    let mut server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    server.write_seed("projects: []\n");
    server.restart().await;
    assert_eq!(server.listed_ids(HA, "").await, [backup_id]);
    server.create_backup(HA).await;
}

#[tokio::test]
async fn a_seed_may_be_json_and_ids_are_taken_in_either_case() {
    // JSON is YAML.
    let seed = json!({
        "projects": [{
            "id": PROJECT.to_uppercase(),
            "instances": [{"id": HA.to_uppercase(), "cache_mode": "ha", "capacity": 0.5, "engine": "redis", "engine_version": "6.0"}],
        }],
    });
    let server = TestServer::seeded(&seed.to_string(), &[]).await;
    let shown = server.get(&instance_path(HA)).await.ok();
    assert_eq!((&shown["instance_id"], &shown["name"]), (&json!(HA), &json!("dcs-5560df16")));
    assert_eq!((&shown["capacity"], &shown["capacity_minor"]), (&json!(0), &json!(".5")));
    assert_eq!((&shown["engine"], &shown["engine_version"]), (&json!("Redis"), &json!("6.0")));
}

#[tokio::test]
async fn the_demo_has_one_instance_of_each_kind() {
    let server = TestServer::seeded("projects: []\n", &[("demo", "true")]).await;
    let list = listed(&server).await;
    let mut modes: Vec<String> = each(&list["instances"], "cache_mode").iter().map(text).collect();
    modes.sort_unstable();
    assert_eq!(modes, ["cluster", "ha", "single"]);
    server.create_backup(HA).await;
}

#[tokio::test]
async fn times_that_a_seed_leaves_out_are_of_the_clock_that_holds_afterwards() {
    const ID: &str = "0d000000-0000-4000-8000-000000000001";
    let with = |settings: Value| {
        let backups = json!([{}]);
        let instance = json!({"id": ID, "cache_mode": "ha", "backups": backups});
        json!({"projects": [{"id": PROJECT, "instances": [instance]}], "settings": settings}).to_string()
    };
    let clock = json!({"clock": {"now": "2031-01-01T00:00:00Z", "frozen": true}});
    for (settings, time) in [(json!({}), "2020-03-02T06:15:04.512Z"), (clock, "2031-01-01T00:00:00.000Z")] {
        let server = TestServer::seeded(&with(settings), &[]).await;
        let times = async || {
            let instance = server.get(&instance_path(ID)).await.ok()["created_at"].take();
            [instance, server.newest(ID).await["created_at"].take()]
        };
        assert_eq!(times().await, [time, time]);
        // A reset puts the clock back first.
        server.put("/_emulator/clock", &json!({"now": "2050-01-01T00:00:00Z"})).await.ok();
        server.post("/_emulator/reset", &json!({})).await.ok();
        assert_eq!(times().await, [time, time]);
    }
}

#[tokio::test]
async fn a_seed_gives_no_address_that_another_instance_has() {
    let ids: Vec<String> =
        (1..=3).map(|number| format!("00000000-0000-4000-8000-00000000000{number}")).collect();
    let server = TestServer::seeded(&of_instances(PROJECT, &ids), &[]).await;
    let again = of_instances(PROJECT, &ids[..1]);
    server.call("POST", "/_emulator/seed?overwrite=true").body(again).send().await.ok();
    let mut addresses = server.rows("SELECT json_quote(ip) FROM instances WHERE deleted_at IS NULL").await;
    addresses.sort_by_key(Value::to_string);
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
}
