//! `/_emulator`: the clock, what moves work on, ids, reset and seed (issue 5, control API).

use serde_json::{Value, json};

use crate::support::identity::users;
use crate::support::seed::{HA, OTHER_PROJECT, OTHERS_HA, PROJECT, RW_SPLIT, SECOND_HA, of_instances};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] = &[
    covered("GET", "/_emulator/health", the_emulator_says_what_it_is),
    covered("GET", "/_localstack/health", the_emulator_says_what_it_is),
    covered("GET", "/_emulator/info", the_emulator_says_what_it_is),
    covered("GET", "/_emulator/config", settings_are_shown_with_their_origin_and_without_secrets),
    covered("GET", "/_emulator/ca", the_authority_of_https_is_shown_where_there_is_one),
    covered("GET", "/_emulator/operations", every_operation_is_listed_with_its_routes),
    covered("POST", "/_emulator/reset", a_reset_brings_back_the_start),
    covered("POST", "/moto-api/reset", a_reset_has_the_name_that_people_are_used_to),
    covered("POST", "/_emulator/seed", a_seed_adds_what_is_not_there),
    covered("GET", "/_emulator/clock", a_frozen_clock_stands_and_survives_a_restart),
    covered("PUT", "/_emulator/clock", a_frozen_clock_stands_and_survives_a_restart),
    covered("POST", "/_emulator/clock/advance", what_is_due_is_done_when_the_clock_has_moved),
    covered("GET", "/_emulator/transitions/{model}", a_rule_holds_where_it_says_and_no_longer_than_it_stands),
    covered("PUT", "/_emulator/transitions/{model}", a_rule_holds_where_it_says_and_no_longer_than_it_stands),
    covered(
        "DELETE",
        "/_emulator/transitions/{model}",
        a_rule_holds_where_it_says_and_no_longer_than_it_stands,
    ),
    covered("POST", "/_emulator/transitions/{model}/step", what_moves_by_hand_waits_for_the_hand),
    covered("GET", "/_emulator/ids", the_same_seed_gives_the_same_answers),
    covered("PUT", "/_emulator/ids", the_same_seed_gives_the_same_answers),
];

impl TestServer {
    /// Puts a JSON body.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call("PUT", path).json(body).send().await
    }

    /// Sets the rule for everything of a model.
    pub(crate) async fn set_rule(&self, model: &str, rule: &Value) -> Value {
        self.put(&format!("/_emulator/transitions/{model}"), rule).await.ok()
    }

    async fn statuses(&self, instance: &str) -> Vec<Value> {
        each(&self.list(instance, "").await["backup_record_response"], "status")
    }
}

#[tokio::test]
async fn the_emulator_says_what_it_is() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    for path in ["/_emulator/health", "/_localstack/health"] {
        let health = server.get(path).await.ok();
        assert_eq!(health, json!({"status": "ready", "version": env!("CARGO_PKG_VERSION")}));
    }
    let info = server.get("/_emulator/info").await.ok();
    assert_eq!(info["counts"]["backups"], 1);
    assert_eq!(info["counts"]["projects"], 2);
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let path = server.database_path().display().to_string();
    assert_eq!(info["database"], json!({"mode": "file", "path": path}));
    assert!(info["schema_version"].as_u64().is_some_and(|version| version >= 3), "{info}");
}

#[tokio::test]
async fn settings_are_shown_with_their_origin_and_without_secrets() {
    let server = TestServer::with(&[("backup.duration", "5s"), ("control.token", "hush")]).await;
    let answer = server.call("GET", "/_emulator/config").header("X-Emulator-Token", "hush").send().await;
    let config = answer.ok();
    assert_eq!(config["backup.duration"], json!({"value": "5s", "origin": "code"}));
    assert_eq!(config["region"], json!({"value": "eu-de", "origin": "default"}));
    assert_eq!(config["control.token"]["value"], "***");
    assert!(!answer.text().contains("hush"), "{}", answer.text());
}

#[tokio::test]
async fn a_control_token_keeps_strangers_out_of_the_control_api_only() {
    let server = TestServer::with(&[("control.token", "hush")]).await;
    let strangers = [None, Some(("X-Emulator-Token", "hus")), Some(("Authorization", "Bearer husk"))];
    for header in strangers {
        let mut call = server.call("POST", "/_emulator/reset");
        if let Some((name, value)) = header {
            call = call.header(name, value);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, 401, "{header:?}");
        assert_eq!(answer.json()["error_code"], "EMU.4010");
    }
    for (name, value) in [("X-Emulator-Token", "hush"), ("Authorization", "Bearer hush")] {
        server.call("GET", "/_emulator/info").header(name, value).send().await.ok();
    }
    server.create_backup(HA).await;
}

#[tokio::test]
async fn the_authority_of_https_is_shown_where_there_is_one() {
    let missing = TestServer::start().await.get("/_emulator/ca").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/json")));
    assert!(missing.text().contains("--tls-mode self-signed"), "{missing:?}");
    let server = TestServer::with(&[("tls.mode", "self-signed")]).await;
    let shown = server.get("/_emulator/ca").await;
    assert_eq!(
        (shown.status, shown.header("content-type")),
        (200, Some("application/pem-certificate-chain"))
    );
    assert!(shown.text().starts_with("-----BEGIN CERTIFICATE-----"), "{shown:?}");
}

#[tokio::test]
async fn every_operation_is_listed_with_its_routes() {
    let server = TestServer::start().await;
    let operations = server.get("/_emulator/operations").await.ok();
    let create =
        operations["operations"].as_array().unwrap().iter().find(|row| row["name"] == "create_backup");
    let apis = each(&create.expect("create_backup is listed")["routes"], "api");
    assert_eq!(apis, ["v1.0", "v2"]);
}

#[tokio::test]
async fn a_frozen_clock_stands_and_survives_a_restart() {
    let mut server = TestServer::start().await;
    let now = "2026-05-06T07:08:09.000Z";
    server.put("/_emulator/clock", &json!({"now": now, "frozen": true})).await.ok();
    server.advance_ms(60_000);
    let clock = json!({"now": now, "frozen": true, "rate": 1.0});
    assert_eq!(server.get("/_emulator/clock").await.ok(), clock);
    server.restart().await;
    assert_eq!(server.get("/_emulator/clock").await.ok(), clock);
    server.create_backup(HA).await;
    assert_eq!(server.newest(HA).await["created_at"], now);
    server.put("/_emulator/clock", &json!({"frozen": false, "rate": 60.0})).await.ok();
    server.advance_ms(1_000);
    assert_eq!(server.get("/_emulator/clock").await.ok()["now"], "2026-05-06T07:09:09.000Z");
}

#[tokio::test]
async fn a_clock_that_cannot_be_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let before = server.get("/_emulator/clock").await.ok();
    for body in
        [json!({"now": "yesterday"}), json!({"rate": -1}), json!({"frozen": 1}), json!({"later": true})]
    {
        let answer = server.put("/_emulator/clock", &body).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{body}");
    }
    assert_eq!(server.get("/_emulator/clock").await.ok(), before);
}

#[tokio::test]
async fn what_is_due_is_done_when_the_clock_has_moved() {
    let server = TestServer::with(&[("backup.duration", "100s")]).await;
    server.put("/_emulator/clock", &json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    let first = server.create_backup(HA).await;
    let advance = async |duration: &str| {
        server.post("/_emulator/clock/advance", &json!({ "duration": duration })).await.ok()
    };
    assert_eq!(advance("1s").await["fired"], json!([]));
    let second = server.create_backup(SECOND_HA).await;
    let answer = advance("30days").await;
    assert_eq!(answer["now"], "2026-01-31T00:00:01.000Z");
    let fired = answer["fired"].as_array().unwrap();
    let told: Vec<_> = fired
        .iter()
        .map(|change| (change["at"].clone(), change["id"].clone(), change["to"].clone()))
        .collect();
    let change = |at: &str, id: &str, to: &str| (json!(at), json!(id), json!(to));
    assert_eq!(
        told,
        [
            change("2026-01-01T00:00:10.000Z", &first, "backuping"),
            change("2026-01-01T00:00:11.000Z", &second, "backuping"),
            change("2026-01-01T00:01:40.000Z", &first, "succeed"),
            change("2026-01-01T00:01:41.000Z", &second, "succeed"),
        ]
    );
    assert_eq!(server.statuses(HA).await, ["succeed"]);
}

#[tokio::test]
async fn a_month_of_work_comes_due_in_the_order_of_time() {
    const COUNT: usize = 1_000;
    let instances: Vec<String> =
        (0..COUNT).map(|number| format!("0a000000-0000-4000-8000-{number:012x}")).collect();
    let server = TestServer::seeded(&of_instances(PROJECT, &instances), &[]).await;
    // The first have ended before the last begin, and what is done at once has ends between its beginnings.
    let durations = json!({"waiting": "2000s", "backuping": "100s"});
    server.set_rule("backup", &json!({"progression": "time", "durations": durations})).await;
    for instance in &instances {
        server.advance_ms(1_000);
        server.create_backup(instance).await;
    }
    let answer = server.post("/_emulator/clock/advance", &json!({"duration": "30days"})).await.ok();
    let times = each(&answer["fired"], "at");
    assert_eq!(times.len(), 2 * COUNT);
    assert!(times.is_sorted_by_key(|time| time.as_str().unwrap().to_owned()));
    let ends = each(&answer["fired"], "to");
    assert!(ends.iter().position(|to| to == "succeed") < ends.iter().rposition(|to| to == "backuping"));
    let open = server
        .rows("SELECT json_object('status', status) FROM backup_records WHERE status <> 'succeed'")
        .await;
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn a_rule_holds_where_it_says_and_no_longer_than_it_stands() {
    const PATH: &str = "/_emulator/transitions/backup";
    let mut server = TestServer::start().await;
    let rule =
        json!({"instance_id": HA, "progression": "time", "durations": {"waiting": "1s", "backuping": "5s"}});
    let rules = server.set_rule("backup", &rule).await;
    assert_eq!(rules["rules"], json!([rule]));
    server.restart().await;
    assert_eq!(server.get(PATH).await.ok()["rules"], json!([rule]));
    server.create_backup(HA).await;
    server.create_backup(SECOND_HA).await;
    assert_eq!(server.statuses(HA).await, ["waiting"]);
    assert_eq!(server.statuses(SECOND_HA).await, ["succeed"]);
    server.advance_ms(1_000);
    assert_eq!(server.statuses(HA).await, ["backuping"]);
    server.advance_ms(5_000);
    assert_eq!(server.statuses(HA).await, ["succeed"]);
    let rules = server.delete(&format!("{PATH}?instance_id={HA}")).await.ok();
    assert_eq!(rules["rules"], json!([]));
    server.create_backup(HA).await;
    assert_eq!(server.statuses(HA).await, ["succeed", "succeed"]);
}

#[tokio::test]
async fn what_moves_by_hand_waits_for_the_hand() {
    let server = TestServer::start().await;
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    let id = server.create_backup(HA).await;
    server.create_backup(SECOND_HA).await;
    server.advance_ms(365 * 86_400_000);
    assert_eq!(server.statuses(HA).await, ["waiting"]);
    for (from, to) in [("waiting", "backuping"), ("backuping", "succeed")] {
        let answer =
            server.post("/_emulator/transitions/backup/step", &json!({ "instance_id": HA })).await.ok();
        let fired = answer["fired"].as_array().unwrap();
        assert_eq!(fired.len(), 1);
        assert_eq!(
            (&fired[0]["id"], &fired[0]["from"], &fired[0]["to"]),
            (&json!(id), &json!(from), &json!(to))
        );
        assert_eq!(server.statuses(HA).await, [to]);
    }
    assert_eq!(server.statuses(SECOND_HA).await, ["waiting"]);
}

#[tokio::test]
async fn restores_have_rules_of_their_own() {
    let server = TestServer::start().await;
    let backup_id = server.create_backup(HA).await;
    server.set_rule("restore", &json!({"project_id": PROJECT, "progression": "manual"})).await;
    server.restore(Api::V2, HA, &json!({ "backup_id": backup_id })).await;
    assert_eq!(server.status(Api::V2, HA).await, "RESTORING");
    server.post("/_emulator/transitions/restore/step", &json!({})).await.ok();
    server.post("/_emulator/transitions/restore/step", &json!({})).await.ok();
    assert_eq!(server.status(Api::V2, HA).await, "RUNNING");
    assert_eq!(server.get("/_emulator/transitions/weather").await.status, 404);
}

#[tokio::test]
async fn rules_that_are_made_at_once_are_all_kept() {
    let server = TestServer::start().await;
    let rules = (0..20).map(|number| {
        let project = format!("{number:032x}");
        let server = &server;
        async move {
            let rule = json!({"project_id": project, "progression": "manual"});
            server.set_rule("backup", &rule).await
        }
    });
    futures_util::future::join_all(rules).await;
    let rules = server.get("/_emulator/transitions/backup").await.ok();
    assert_eq!(rules["rules"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn a_reset_brings_back_the_start() {
    let mut server = TestServer::start().await;
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    server.put("/_emulator/clock", &json!({"now": "2030-01-01T00:00:00Z", "frozen": true})).await.ok();
    server.create_backup(HA).await;
    let report = server.post("/_emulator/reset", &json!({})).await.ok();
    assert_eq!(report["projects_created"], 2);
    assert_eq!(server.list(HA, "").await["total_num"], 0);
    assert_eq!(server.get("/_emulator/transitions/backup").await.ok()["rules"], json!([]));
    assert_eq!(server.get("/_emulator/clock").await.ok()["frozen"], false);
    server.restart().await;
    assert_eq!(server.get("/_emulator/transitions/backup").await.ok()["rules"], json!([]));
    assert_eq!(server.get("/_emulator/clock").await.ok()["frozen"], false);
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    assert_eq!(server.get("/_emulator/info").await.ok()["counts"]["instances"], 0);
}

#[tokio::test]
async fn a_reset_has_the_name_that_people_are_used_to() {
    let server = TestServer::start().await;
    server.create_backup(HA).await;
    server.call("POST", "/moto-api/reset").send().await.ok();
    assert_eq!(server.list(HA, "").await["total_num"], 0);
}

#[tokio::test]
async fn a_reset_of_a_project_leaves_the_others_alone() {
    let server = TestServer::start().await;
    let others = format!("{}/{OTHERS_HA}/backups", Api::V1.instances(OTHER_PROJECT));
    server.create_backup(HA).await;
    let made = server.post(&others, &json!({})).await.ok();
    let restores = others.replace("/backups", "/restores");
    server.post(&restores, &json!({ "backup_id": made["backup_id"] })).await.ok();
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    server.post(&others, &json!({})).await.ok();
    let of_others = "SELECT json_array(number, at, what, id, from_status, to_status, request_id) FROM audit
                     WHERE project_id = '885cacf2d49d4bb6931ae668e9c07553'";
    let audit = server.rows(of_others).await;
    server.post("/_emulator/reset", &json!({ "project_id": OTHER_PROJECT })).await.ok();
    assert_eq!(server.list(HA, "").await["total_num"], 1);
    assert_eq!(server.get(&others).await.ok()["total_num"], 0);
    // The audit of the project begins anew, that of others is as it was.
    assert_eq!(server.rows(of_others).await, audit);
    let numbers = "SELECT json_array(min(number), max(number) - count(*)) FROM audit GROUP BY project_id";
    assert_eq!(server.rows(numbers).await, [json!([1, 0]), json!([1, 0])]);
}

#[tokio::test]
async fn a_reset_of_a_project_takes_with_it_what_is_limited_to_it() {
    let mut server = TestServer::start().await;
    let manual = |scope: Value| {
        let mut rule = scope;
        rule["progression"] = json!("manual");
        rule
    };
    let limits = [
        json!({}),
        json!({"project_id": PROJECT}),
        json!({"project_id": OTHER_PROJECT}),
        json!({"instance_id": HA}),
        json!({"instance_id": OTHERS_HA}),
    ];
    for scope in &limits {
        server.set_rule("restore", &manual(scope.clone())).await;
        let fault = json!({"match": scope, "effect": {"status": 503}, "probability": 0});
        server.post("/_emulator/faults", &fault).await.ok();
    }
    let others = format!("{}/{OTHERS_HA}/backups", Api::V1.instances(OTHER_PROJECT));
    server.get(&others).await.ok();
    server.list(HA, "").await;
    server.post("/_emulator/reset", &json!({ "project_id": OTHER_PROJECT })).await.ok();
    let calls = server.get("/_emulator/requests").await.ok();
    assert_eq!(each(&calls["requests"], "project_id"), [PROJECT]);
    let stays =
        [manual(json!({})), manual(json!({"project_id": PROJECT})), manual(json!({"instance_id": HA}))];
    for _ in 0..2 {
        let rules = server.get("/_emulator/transitions/restore").await.ok();
        assert_eq!(rules["rules"], json!(stays));
        let faults = each(&server.get("/_emulator/faults").await.ok()["faults"], "match");
        let limits: Vec<_> =
            faults.iter().map(|limit| (&limit["project_id"], &limit["instance_id"])).collect();
        let (project, instance) = (json!(PROJECT), json!(HA));
        let none = &Value::Null;
        assert_eq!(limits, [(none, none), (&project, none), (none, &instance)]);
        server.restart().await;
    }
}

/// Tables that a reset leaves as they are: what migrations wrote.
const KEPT_BY_A_RESET: [&str; 3] = ["refinery_schema_history", "sqlite_sequence", "statuses"];
/// Tables with what is there from the start: the built-in domain, project and user; and the settings of the emulator itself.
const BUILT_IN: [&str; 6] = ["domain", "projects", "users", "user_roles", "access_keys", "kept_settings"];

impl TestServer {
    /// Has a row in each table of the configuration of instances and of what follows from their lives.
    pub(crate) async fn fill_what_is_beside_instances(&mut self) {
        let configs =
            json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "5"}]});
        assert_eq!(self.put(&format!("{}/configs", Api::V2.instance(HA)), &configs).await.status, 204);
        let tags = json!({"action": "create", "tags": [{"key": "env", "value": "test"}]});
        self.post(&format!("/v1.0/{PROJECT}/dcs/{HA}/tags/action"), &tags).await;
        let whitelist = format!("/v2/{PROJECT}/instance/{HA}/whitelist");
        assert_eq!(self.put(&whitelist, &json!({"enable_whitelist": true})).await.status, 204);
        let template = json!({"template_id": "1", "name": "mine", "params": {}});
        self.post(&format!("/v2/{PROJECT}/config-templates"), &template).await.ok();
        // What no call fills yet.
        self.stop().await;
        for statement in [
            "INSERT INTO backup_policies (instance_key, policy_id, backup_type, created_at, updated_at) \
             VALUES (1, randomblob(16), 'manual', 0, 0)",
            "INSERT INTO planned_sizes (instance_key, spec_code, capacity_mb, cache_mode, ip) VALUES (1, 'x', 1, 'ha', '')",
            "INSERT INTO background_tasks (project_key, instance_key, task_id, name, details, user_id, user_name, created_at) \
             VALUES (1, 1, randomblob(16), 'x', '{}', '', '', 0)",
            "INSERT INTO minor_versions (instance_key, engine) VALUES (1, '5.0.9.0')",
            "INSERT INTO jobs (job_id, project_key, job_type, begin_at) VALUES (randomblob(16), 1, 'x', 0)",
            "INSERT INTO planned_places (instance_key, zone_codes) VALUES (1, 'eu-de-02')",
            "INSERT INTO replica_changes (instance_key, shard, copy, course) VALUES (1, 0, 9, 'removed')",
            "INSERT INTO waiting_changes (instance_key, change_number, due_at, task_id, job_id, product, capacity_gb, zones, nodes) \
             VALUES (1, 9, 4102444800000, randomblob(16), randomblob(16), 'x', 0.5, '', '')",
            "INSERT INTO stopped_nodes (instance_key, node_id) VALUES (1, randomblob(16))",
        ] {
            self.alter(statement, &[]).await;
        }
        self.restart().await;
    }
}

/// Does so much that every table has a row.
pub(crate) async fn fill_every_table(server: &mut TestServer) {
    let backup_id = server.create_backup(HA).await;
    server.restore(Api::V2, HA, &json!({ "backup_id": backup_id })).await;
    let token = server.built_in_token().await;
    server.temporary_key(&token, json!({})).await;
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    server.create_backup(SECOND_HA).await;
    server.put("/_emulator/clock", &json!({"frozen": true})).await.ok();
    server.fill_what_is_beside_instances().await;
    server.begin_background_work().await;
}

impl TestServer {
    /// Leaves something in every table of background work and of what it is about.
    async fn begin_background_work(&self) {
        for model in ["account", "analysis", "diagnosis", "migration", "task"] {
            self.set_rule(model, &json!({"progression": "manual"})).await;
        }
        let contents = format!("/_emulator/instances/{HA}/contents");
        self.put(&contents, &json!({"keys": [{"name": "a"}]})).await.ok();
        self.call("POST", &format!("{}/bigkey-task", Api::V2.instance(HA))).send().await.ok();
        let order = json!({
            "name": "ordered", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
            "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
            "bss_param": {"charging_mode": "prePaid", "period_type": "month", "period_num": 1},
        });
        self.post(&Api::V2.instances(PROJECT), &order).await.ok();
        let minute = json!({"begin_time": 1_583_000_000_000_i64, "end_time": 1_583_000_060_000_i64});
        self.post(&format!("{}/diagnosis", Api::V2.instance(HA)), &minute).await.ok();
        let replicas = self.get(&format!("/v2/{PROJECT}/instance/{HA}/groups")).await.ok();
        let replica = text(&replicas["group_list"][0]["replication_list"][0]["replication_id"]);
        let collected = format!("{}/redislog?log_type=run&replication_id={replica}", Api::V2.instance(HA));
        self.call("POST", &collected).send().await.assert_no_content();
        self.post(&format!("{}/export", Api::V2.instances(PROJECT)), &json!({"region": "eu-de"})).await.ok();
        self.call("POST", &format!("{}/swap", Api::V2.instance(HA))).send().await.assert_no_content();
        let account = json!({"account_name": "a", "account_role": "read", "account_password": "Secret-12"});
        self.post(&format!("{}/accounts", Api::V2.instance(RW_SPLIT)), &account).await.ok();
        let nodes = self.get(&format!("{}/logical-nodes", Api::V2.instance(HA))).await.ok();
        let node = json!({"node_id": nodes["nodes"][0]["node_id"]});
        self.post(&format!("{}/clients", Api::V2.instance(HA)), &node).await.ok();
        self.post(&format!("{}/webcli/auth", Api::V2.instance(HA)), &json!({})).await.ok();
        let migration =
            json!({"name": "migration", "vpc_id": "v", "subnet_id": "s", "security_group_id": "g"});
        self.post(&format!("/v2/{PROJECT}/migration/instance"), &migration).await.ok();
        let vpc = json!({"vpc": {"name": "net", "cidr": "10.1.0.0/16"}});
        self.post(&format!("/v1/{PROJECT}/vpcs"), &vpc).await.ok();
        self.post("/v1.0/enterprise-projects", &json!({"name": "ep"})).await;
    }
}

#[tokio::test]
async fn a_reset_without_seeds_leaves_no_table_with_rows_of_before() {
    let mut server = TestServer::start().await;
    fill_every_table(&mut server).await;
    let tables =
        server.rows("SELECT json_object('name', name) FROM sqlite_schema WHERE type = 'table'").await;
    let tables = each(&json!(tables), "name");
    let tables = tables.iter().map(|name| name.as_str().unwrap());
    let tables: Vec<_> = tables.filter(|table| !KEPT_BY_A_RESET.contains(table)).collect();
    for table in &tables {
        assert!(server.count(table).await > 0, "{table} has no row that could be forgotten");
    }
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    for table in &tables {
        assert_eq!(server.count(table).await, i64::from(BUILT_IN.contains(table)), "{table}");
    }
    let names = server.rows("SELECT json_object('user', (SELECT name FROM users), 'setting', (SELECT name FROM kept_settings))").await;
    assert_eq!(names, [json!({"user": "emulator", "setting": "ids"})]);
}

#[tokio::test]
async fn a_seed_adds_what_is_not_there() {
    let server = TestServer::start().await;
    let project = "0123456789abcdef0123456789abcdef";
    let seed = of_instances(project, &["0e000000-0000-4000-8000-000000000001"]);
    for created in [1, 0] {
        let answer = server.call("POST", "/_emulator/seed").body(seed.clone()).send().await;
        assert_eq!(answer.ok()["instances_created"], created);
    }
    let listed = server.get(&Api::V1.instances(project)).await.ok();
    assert_eq!(listed["instance_num"], 1);
    let bad = server.call("POST", "/_emulator/seed").body("projects: [{id: x}]").send().await;
    assert_eq!((bad.status, &bad.json()["error_code"]), (400, &json!("EMU.4000")));
}

/// Returns what is answered after ids follow from `seed`, with so many ids taken before and so many calls in between.
async fn answers_after_seed(seed: u64, before: usize, between: usize) -> Vec<u8> {
    let server = TestServer::start().await;
    for _ in 0..before {
        server.create_backup(RW_SPLIT).await;
    }
    server.put("/_emulator/ids", &json!({ "seed": seed })).await.ok();
    server.put("/_emulator/clock", &json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    server.create_backup(HA).await;
    for _ in 0..between {
        server.get("/livez").await.ok();
    }
    server.create_backup(HA).await;
    assert_eq!(server.get("/_emulator/ids").await.ok(), json!({ "seed": seed }));
    server.get(&Api::V1.backups(HA)).await.body
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers() {
    let first = answers_after_seed(7, 0, 0).await;
    assert_eq!(answers_after_seed(7, 3, 5).await, first);
    assert_ne!(answers_after_seed(8, 0, 0).await, first);
}

#[tokio::test]
async fn an_id_that_is_taken_is_skipped() {
    let mut server = TestServer::start().await;
    server.put("/_emulator/clock", &json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    let mut ids = Vec::new();
    for _ in 0..3 {
        server.put("/_emulator/ids", &json!({"seed": 42})).await.ok();
        ids.push(server.create_backup(HA).await);
    }
    server.restart().await;
    ids.push(server.create_backup(HA).await);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn ids_of_what_is_set_are_skipped_as_well() {
    let server = TestServer::start().await;
    server.put("/_emulator/clock", &json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).await.ok();
    let plan = json!({"backup_at": [1], "period_type": "weekly", "begin_at": "02:00-03:00", "timezone_offset": "+0000"});
    let policy = json!({"backup_type": "auto", "save_days": 2, "periodical_backup_plan": plan});
    let templates = format!("/v2/{PROJECT}/config-templates");
    let template =
        |name: &str| json!({"template_id": "10", "type": "user", "name": name, "params": {"timeout": 100}});
    for (round, instance) in [HA, SECOND_HA, RW_SPLIT].into_iter().enumerate() {
        let path = Api::V2.instance(instance);
        let again = async || {
            server.put("/_emulator/ids", &json!({"seed": 42})).await.ok();
        };
        again().await;
        let answer = server.put(&path, &json!({ "instance_backup_policy": policy })).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        again().await;
        let config =
            json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "7"}]});
        let answer = server.put(&format!("{path}/configs"), &config).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        again().await;
        server.post(&templates, &template(&format!("mine-{round}"))).await.ok();
    }
    let own = server.get(&format!("{templates}?type=user")).await.ok();
    assert_eq!(own["template_num"], 3, "{own}");
}

#[tokio::test]
async fn ids_start_over_with_a_reset() {
    let server = TestServer::start().await;
    let freeze = async || {
        let clock = json!({"now": "2026-01-01T00:00:00Z", "frozen": true});
        server.put("/_emulator/clock", &clock).await.ok();
    };
    server.put("/_emulator/ids", &json!({"seed": 42})).await.ok();
    freeze().await;
    let first = server.create_backup(HA).await;
    server.create_backup(HA).await;
    server.post("/_emulator/reset", &json!({})).await.ok();
    freeze().await;
    assert_eq!(server.create_backup(HA).await, first);
}

#[tokio::test]
async fn a_body_that_goes_on_or_leaves_out_is_refused() {
    let server = TestServer::start().await;
    for body in ["{}", "{\"seed\": 1} more", "[]"] {
        let answer = server.call("PUT", "/_emulator/ids").body(body).send().await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{body}");
    }
    assert_eq!(server.get("/_emulator/ids").await.ok(), json!({"seed": null}));
}

#[tokio::test]
async fn a_step_goes_on_after_the_clock_was_put_back() {
    let server = TestServer::start().await;
    server.set_rule("backup", &json!({"progression": "manual"})).await;
    server.create_backup(HA).await;
    server.put("/_emulator/clock", &json!({"now": "2001-01-01T00:00:00Z"})).await.ok();
    for to in ["backuping", "succeed"] {
        server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
        assert_eq!(server.statuses(HA).await, [to]);
    }
}

#[tokio::test]
async fn users_of_the_seed_can_log_in_after_a_reset() {
    let mut server = TestServer::seeded(&users(), &[]).await;
    server.post("/_emulator/reset", &json!({})).await.ok();
    server.token_of("alice", PROJECT).await;
    server.restart().await;
    server.token_of("alice", PROJECT).await;
}
