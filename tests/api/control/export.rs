//! `GET /_emulator/export` and `POST /_emulator/seed`: a state is written down and brought back (issue 5, control API).

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::identity::users;
use crate::support::seed::{
    HA, OTHER_PROJECT, OTHERS_HA, PROJECT, PROXY, RW_SPLIT, SECOND_HA, SINGLE, TINY, backup_path,
    backups_path, instance_path,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, each, text};

pub(crate) const COVERS: &[Covered] =
    &[covered("GET", "/_emulator/export", a_state_that_was_written_down_comes_back_whole)];

const EXPORT: &str = "/_emulator/export";
/// A seed without anything.
const NOTHING: &str = "projects: []\n";

impl TestServer {
    pub(crate) async fn export(&self) -> String {
        let answer = self.get(EXPORT).await;
        answer.ok();
        answer.text().to_owned()
    }

    pub(crate) async fn seed(&self, document: &str, query: &str) -> Answer {
        self.call("POST", &format!("/_emulator/seed{query}")).body(document.to_owned()).send().await
    }

    /// Freezes the clock and lets ids follow from a seed.
    pub(crate) async fn hold_still(&self) {
        self.put("/_emulator/ids", &json!({"seed": 42})).await.ok();
        self.put("/_emulator/clock", &json!({"now": "2026-05-06T07:08:09Z", "frozen": true})).await.ok();
    }

    pub(crate) async fn advance(&self, duration: &str) {
        self.post("/_emulator/clock/advance", &json!({ "duration": duration })).await.ok();
    }

    pub(crate) async fn rule(&self, model: &str, rule: Value) {
        self.put(&format!("/_emulator/transitions/{model}"), &rule).await.ok();
    }

    pub(crate) async fn act(&self, action: &str, instance: &str) {
        let path = format!("{}/status", Api::V2.instances(PROJECT));
        self.put(&path, &json!({ "action": action, "instances": [instance] })).await.ok();
    }

    async fn create_fault(&self, fault: Value) {
        self.post("/_emulator/faults", &fault).await.ok();
    }

    /// Lives through something of every kind; the clock stands still in the end.
    async fn live(&self) {
        let timed = json!({"progression": "time", "durations": {"waiting": "1m", "running": "1h"}});
        let others = format!("{}/{OTHERS_HA}", Api::V1.instances(OTHER_PROJECT));
        let kept = self.create_remarked(HA, "kept \"as\" it is, 备份 🦀").await;
        let deleted = self.create_backup(HA).await;
        self.delete(&backup_path(HA, &deleted)).await.ok();
        self.restore(Api::V2, HA, &json!({"backup_id": kept, "remark": "back"})).await;
        self.create_fault(
            json!({"times": 2, "effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0003"}}}),
        )
        .await;
        let failed = self.create_backup(RW_SPLIT).await;
        self.delete(&backup_path(RW_SPLIT, &failed)).await.ok();
        self.rule("backup", timed.clone()).await;
        self.rule("restore", json!({"instance_id": HA, "progression": "manual"})).await;
        self.create_backup(SECOND_HA).await;
        self.advance("10m").await;
        self.create_backup(RW_SPLIT).await;
        self.restore(Api::V1, HA, &json!({ "backup_id": kept })).await;
        self.create_fault(json!({"match": {"instance_id": HA, "operation": "delete_backup"}, "ttl": "2h", "effect": {"latency": "1ms"}}))
            .await;
        self.create_fault(
            json!({"match": {"project_id": OTHER_PROJECT}, "effect": {"status": 503}, "probability": 0}),
        )
        .await;
        self.rule("backup", json!({"project_id": OTHER_PROJECT, "progression": "immediate"})).await;
        self.act("restart", TINY).await;
        let lasting = json!({"progression": "time", "durations": {"RESTARTING": "3h"}});
        self.rule("instance", lasting).await;
        self.act("restart", SINGLE).await;
        self.delete(&instance_path(PROXY)).await;
        let made = self.post(&format!("{others}/backups"), &json!({})).await.ok();
        self.post(&format!("{others}/restores"), &json!({"backup_id": made["backup_id"]})).await.ok();
    }

    /// Returns what the lists show.
    async fn lists(&self) -> Vec<Value> {
        let mut lists = Vec::new();
        for project in [PROJECT, OTHER_PROJECT] {
            let instances = format!("{}?includeFailure=true", Api::V1.instances(project));
            lists.push(self.get(&instances).await.ok());
            for instance in [HA, SECOND_HA, RW_SPLIT, OTHERS_HA] {
                for list in ["backups", "restores"] {
                    let path = format!("{}/{instance}/{list}", Api::V1.instances(project));
                    lists.push(self.get(&path).await.json());
                }
            }
        }
        for path in
            ["clock", "ids", "transitions/backup", "transitions/restore", "transitions/instance", "faults"]
        {
            lists.push(self.get(&format!("/_emulator/{path}")).await.ok());
        }
        lists
    }
}

/// What the tables hold of the domain, users and open work, keys left out that only tie rows together.
async fn rows(server: &TestServer) -> Vec<Value> {
    let mut rows =
        server.rows("SELECT json_array(lower(hex(domain_id)), name, lower(hex(link_key))) FROM domain").await;
    rows.extend(
        server
            .rows(
                "SELECT json_array(u.name, hex(user_id), password_hash, denied, built_in, access, secret, hex(project_id), role)
                 FROM users u LEFT JOIN access_keys USING (user_key) LEFT JOIN user_roles USING (user_key)
                 ORDER BY u.name, access, project_id",
            )
            .await,
    );
    rows.extend(
        server
            .rows(
                "SELECT json_array(name, record_kind, record_number, start_at, finish_at, failure, due_at)
                 FROM open_work JOIN instances USING (instance_key) ORDER BY instance_id",
            )
            .await,
    );
    rows
}

#[tokio::test]
async fn a_state_that_was_written_down_comes_back_whole() {
    let server =
        TestServer::seeded(&format!("{}{}", crate::support::seed::SEED, users_of_a_seed()), &[]).await;
    server.hold_still().await;
    server.live().await;
    let (document, lists, rows_before) = (server.export().await, server.lists().await, rows(&server).await);
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    assert_ne!(server.export().await, document);
    let report = server.seed(&document, "").await.ok();
    assert_eq!((&report["instances_kept"], &report["differences"]), (&json!(0), &json!([])));
    assert_eq!(server.export().await, document);
    assert_eq!(server.lists().await, lists);
    assert_eq!(rows(&server).await, rows_before);
    // What was open goes on as it would have.
    server.advance("2h").await;
    assert_eq!(server.newest(SECOND_HA).await["status"], "failed");
    assert_eq!(server.newest(RW_SPLIT).await["status"], "succeed");
    assert_eq!(server.status(Api::V2, SINGLE).await, "RESTARTING");
    server.advance("1h").await;
    assert_eq!(server.status(Api::V2, SINGLE).await, "RUNNING");
}

/// Returns the users of the tests of logins, and their domain, as a part of a seed.
fn users_of_a_seed() -> String {
    let seed = users();
    let place = |part| seed.find(part).expect("the seed has it");
    seed[place("domain:")..place("projects:")].to_owned()
}

#[tokio::test]
async fn another_server_takes_the_document_at_its_start() {
    let server = TestServer::start().await;
    server.hold_still().await;
    server.live().await;
    let document = server.export().await;
    let mut other = TestServer::seeded(&document, &[]).await;
    for _ in 0..2 {
        assert_eq!(other.export().await, document);
        assert_eq!(other.lists().await, server.lists().await);
        other.restart().await;
    }
}

#[tokio::test]
async fn a_document_of_a_project_holds_nothing_of_the_others() {
    let server = TestServer::start().await;
    server.hold_still().await;
    server.live().await;
    let path = format!("{EXPORT}?project_id={OTHER_PROJECT}");
    let document = server.get(&path).await.text().to_owned();
    let value: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(each(&value["projects"], "id"), [OTHER_PROJECT]);
    assert!(!document.contains(PROJECT) && !document.contains(HA), "{document}");
    assert_eq!(value["settings"]["transitions"].as_array().unwrap().len(), 1);
    assert_eq!(value["settings"]["faults"].as_array().unwrap().len(), 1);
    assert!(value["users"].is_null() && value["settings"]["clock"].is_null(), "{document}");
    // It comes back beside what the other project has become meanwhile.
    let lists = server.lists().await;
    server.post("/_emulator/reset", &json!({"project_id": OTHER_PROJECT, "seed": false})).await.ok();
    server.seed(&document, "").await.ok();
    assert_eq!(server.get(&path).await.text(), document);
    let rules_in_order = |mut lists: Vec<Value>| {
        lists.retain(|list| list["rules"].is_null() && list["faults"].is_null());
        lists
    };
    assert_eq!(rules_in_order(server.lists().await), rules_in_order(lists));
    let nothing = server.get(&format!("{EXPORT}?project_id={}", "0".repeat(32))).await;
    assert_eq!(nothing.ok(), json!({"version": 1}));
    assert_eq!(server.get(&format!("{EXPORT}?project_id=x")).await.status, 400);
}

#[tokio::test]
async fn links_of_before_lead_to_the_file_again() {
    let server = TestServer::start().await;
    let backup = server.create_backup(HA).await;
    let links = format!("{}/links", backup_path(HA, &backup));
    let link = text(&server.post(&links, &json!({"expiration": 300})).await.ok()["links"][0]["link"]);
    let path = &link[link.find("/obs/").unwrap()..];
    let file = server.get(path).await.body;
    let document = server.export().await;
    let other = TestServer::seeded(NOTHING, &[]).await;
    assert_eq!(other.get(path).await.status, 404);
    other.seed(&document, "").await.ok();
    assert_eq!(other.get(path).await.body, file);
}

#[tokio::test]
async fn users_log_in_with_the_passwords_that_nobody_wrote_down() {
    let server = TestServer::seeded(&users(), &[("auth", "strict")]).await;
    let document = server.export().await;
    assert!(document.contains("argon2id"), "{document}");
    let other = TestServer::seeded(NOTHING, &[("auth", "strict")]).await;
    other.seed(&document, "").await.ok();
    other.token_of("alice", PROJECT).await;
}

#[tokio::test]
async fn without_overwrite_nothing_that_is_there_is_touched_and_with_it_everything_named_is_replaced() {
    let server = TestServer::start().await;
    server.hold_still().await;
    server.live().await;
    let document = server.export().await;
    server.put("/_emulator/clock", &json!({"now": "2030-01-01T00:00:00Z"})).await.ok();
    server.put("/_emulator/ids", &json!({"seed": 7})).await.ok();
    server.create_backup(TINY).await;
    let changed = server.export().await;
    let kept = server.seed(&document, "").await.ok();
    assert_eq!((&kept["instances_created"], &kept["instances_replaced"]), (&json!(0), &json!(0)));
    assert_eq!(server.export().await, changed);
    let report = server.seed(&document, "?overwrite=true").await.ok();
    assert_eq!((&report["instances_created"], &report["instances_kept"]), (&json!(0), &json!(0)));
    assert!(report["instances_replaced"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(server.export().await, document);
    assert_eq!(server.seed(&document, "?overwrite=perhaps").await.status, 400);
}

#[tokio::test]
async fn a_seed_that_cannot_be_applied_changes_nothing() {
    let server = TestServer::start().await;
    server.hold_still().await;
    let account =
        json!({"account_name": "taken", "account_password": "Test_password1", "account_role": "read"});
    server.post(&format!("{}/accounts", Api::V2.instance(SECOND_HA)), &account).await.ok();
    let accounts = server.get(&format!("{}/accounts", Api::V2.instance(SECOND_HA))).await.ok();
    let taken_account = &accounts["accounts"][1]["account_id"];
    assert!(taken_account.is_string(), "{accounts}");
    server.live().await;
    let before = server.export().await;
    let taken_id = server.create_backup(TINY).await;
    let before_and_one = server.export().await;
    assert_ne!(before, before_and_one);
    let id = "0e000000-0000-4000-8000-000000000001";
    for (instance, problem) in [
        (json!({"id": id, "cache_mode": "ha", "name": "dcs-ha"}), "has the name"),
        (json!({"id": id, "cache_mode": "ha", "backups": [{"id": taken_id}]}), "has the id"),
        (
            json!({"id": id, "cache_mode": "ha", "accounts": [{"id": taken_account, "name": "a"}]}),
            "has the id",
        ),
    ] {
        let seed = json!({
            "settings": {"clock": {"now": "2031-01-01T00:00:00Z"}},
            "projects": [{"id": PROJECT, "instances": [instance]}],
        });
        for query in ["", "?overwrite=true"] {
            let answer = server.seed(&seed.to_string(), query).await;
            assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{seed}");
            assert!(answer.text().contains(problem), "{}", answer.text());
            assert_eq!(server.export().await, before_and_one);
        }
    }
}

#[tokio::test]
async fn the_token_keeps_strangers_from_seeds_and_exports() {
    let server = TestServer::with(&[("control.token", "hush"), ("http.body_limit", "1KiB")]).await;
    assert_eq!(server.get(EXPORT).await.status, 401);
    // Before the body is read, too.
    let long = format!("# {}\n{NOTHING}", "x".repeat(2 * 1024 * 1024));
    assert_eq!(server.seed(&long, "").await.status, 401);
    let call = server.call("POST", "/_emulator/seed").header("X-Emulator-Token", "hush").body(long);
    call.send().await.ok();
}

#[tokio::test]
async fn a_backup_by_hand_needs_hardly_a_word() {
    let id = "0e000000-0000-4000-8000-000000000001";
    let seed = format!(
        "projects:
  - id: {PROJECT}
    instances:
      - id: {id}
        cache_mode: ha
        backups:
          - {{}}
          - {{remark: broken, status: failed}}
          - {{remark: gone, status: deleted, created_at: 2020-03-02T07:00:00Z}}
          - {{remark: waiting, status: waiting}}
        restores: [{{}}]
"
    );
    let mut server = TestServer::seeded(&seed, &[]).await;
    let listed = server.list(id, "").await["backup_record_response"].take();
    assert_eq!(each(&listed, "status"), ["waiting", "deleted", "failed", "succeed"]);
    assert_eq!(each(&listed, "created_at")[..3], vec![json!("2020-03-02T07:00:00.000Z"); 3][..]);
    assert!(listed[3]["size"].as_u64().unwrap() > 0, "{listed}");
    server.restart().await;
    assert_eq!(server.list(id, "").await["backup_record_response"], listed);
    server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
    assert_eq!(server.newest(id).await["status"], "backuping");
    let restores = server.get(&backups_path(id).replace("/backups", "/restores")).await.ok();
    assert_eq!(restores["total_num"], 1);
    server.stop_soundly().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_record_is_said_at_its_place() {
    let server = TestServer::start().await;
    for (records, place, problem) in [
        (r#""backups": [{"status": "done"}]"#, "backups[0].status", "must be one of waiting"),
        (r#""backups": [{}, {"status": "waiting", "size": 1}]"#, "backups[1]", "cannot have size"),
        (r#""backups": [{"status": "waiting"}, {}]"#, "backups[0]", "must be the newest"),
        (r#""restores": [{}]"#, "restores[0]", "needs a backup"),
        (r#""backups": [{"updated_at": "2020-01-01T00:00:00Z"}]"#, "backups[0]", "needs created_at"),
        (
            r#""backups": [{"created_at": "2020-01-02T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}]"#,
            "backups[0]",
            "do not follow each other",
        ),
        (
            r#""backups": [{"created_at": "2020-01-02T00:00:00Z"}, {"created_at": "2020-01-01T00:00:00Z"}]"#,
            "backups[1]",
            "before the one in front of it",
        ),
        (
            r#""status": "RUNNING", "backups": [{}], "restores": [{"status": "waiting"}]"#,
            "restores[0]",
            "must be RESTORING",
        ),
        (r#""backups": [{"progress": "12"}]"#, "backups[0].progress", "two decimals"),
        (r#""zones": []"#, "instances[0].zones", "one zone"),
        (r#""parameters": {"timeout": "much"}"#, "instances[0].parameters", "timeout"),
        (r#""parameters": {"color": "red"}"#, "instances[0].parameters", "color"),
        (r#""tags": [{"key": "a=b"}]"#, "tags[0].key", "36 characters"),
        (r#""order_id": "o""#, "instances[0].order_id", "charging_mode"),
        (r#""maintain_begin": "02:00:00""#, "instances[0].maintain_begin", "windows"),
        (r#""password_hash": "plain""#, "instances[0].password_hash", ""),
        (r#""accounts": [{"name": "default"}]"#, "instances[0].accounts[0].name", "must begin with a letter"),
        (r#""accounts": [{"name": "a"}, {"name": "a"}]"#, "instances[0].accounts[1].name", "another one"),
        (
            r#""accounts": [{"id": "0e000000-0000-4000-8000-00000000000a", "name": "a"},
                            {"id": "0e000000-0000-4000-8000-00000000000a", "name": "b"}]"#,
            "accounts[1].id",
            "is there twice",
        ),
        (r#""accounts": [{"name": "a", "status": "UPDATING"}]"#, "instances[0].accounts[0].status", "lasts"),
        (
            r#""accounts": [{"name": "a", "password_hash": "x"}]"#,
            "instances[0].accounts[0].password_hash",
            "PHC",
        ),
        (r#""work": {}"#, "instances[0].work", "RUNNING does not end by itself"),
        (
            r#""status": "RESTARTING", "work": {"start_at": "2020-01-01T00:00:00Z"}"#,
            "instances[0].work",
            "or neither",
        ),
        (
            r#""status": "RESTARTING", "work": {}, "backups": [{"status": "waiting"}]"#,
            "instances[0].work",
            "backup",
        ),
        (
            r#""whitelist": {"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": ["x"]}]}"#,
            "whitelist",
            "",
        ),
        (r#""instance_backup_policy": {"backup_type": "auto"}"#, "instance_backup_policy", ""),
        (r#""updated_at": "2020-01-01T00:00:00Z""#, "instances[0].updated_at", "created_at"),
    ] {
        let instance = format!(
            "{{\"id\": \"0e000000-0000-4000-8000-000000000001\", \"cache_mode\": \"ha\", {records}}}"
        );
        let seed = format!("{{\"projects\": [{{\"id\": \"{PROJECT}\", \"instances\": [{instance}]}}]}}");
        let answer = server.seed(&seed, "").await;
        assert_eq!(answer.status, 400, "{seed}");
        let said = answer.text();
        assert!(said.contains(place) && said.contains(problem), "{said}");
    }
    for (rest, problem) in [
        (r#""settings": {"faults": [{"effect": {}}]}"#, "settings.faults[0]"),
        (r#""settings": {"clock": {"now": "2020-01-01T00:00:00Z", "rate": 0}}"#, "settings.clock.rate"),
        (r#""settings": {"transitions": [{"model": "weather"}]}"#, "settings.transitions[0]"),
        (r#""settings": {"mood": 1}"#, "unknown field"),
        (r#""users": [{"name": "a", "password_hash": "plain"}]"#, "users[0].password_hash"),
        (r#""version": 2"#, "must be 1"),
    ] {
        let answer = server.seed(&format!("{{{rest}}}"), "").await;
        assert_eq!(answer.status, 400, "{rest}");
        assert!(answer.text().contains(problem), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_configuration_of_instances_and_projects_is_exported_in_the_words_of_the_api() {
    let id = "0e000000-0000-4000-8000-000000000001";
    let policy = json!({
        "backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
            "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, 5], "timezone_offset": "+0000"},
    });
    let whitelist =
        json!({"enable_whitelist": true, "whitelist": [{"group_name": "office", "ip_list": ["10.0.0.0/8"]}]});
    let bandwidth = json!({
        "window_size": 5, "bandwidth_usage_upper_threshold": 80, "scale_out_cooldown": 60, "scale_in_enabled": true,
        "bandwidth_usage_lower_threshold": 20, "scale_in_cooldown": 60,
    });
    let instance = json!({
        "id": id, "cache_mode": "ha", "engine_version": "5.0", "charging_mode": 1, "order_id": "order-1", "product_id": "p",
        "maintain_begin": "22:00:00", "maintain_end": "02:00:00", "enterprise_project_id": "e", "enable_ssl": true,
        "enable_publicip": true, "publicip_id": "i", "transparent_client_ip_enable": false, "access_user": "u",
        "domain_name": "other.example.com",
        "rename_commands": {"keys": "k"}, "tags": [{"key": "env", "value": "test"}, {"key": "bare"}],
        "parameters": {"timeout": "5", "maxmemory-policy": "noeviction"}, "instance_backup_policy": policy,
        "whitelist": whitelist, "bandwidth_policy": bandwidth, "description": "said",
        "accounts": [{"id": "0e000000-0000-4000-8000-00000000000a", "name": "reader", "role": "read", "description": "reads",
                      "status": "ERROR", "password_hash": dcs_emulator::domain::builtin::PASSWORD_HASH}],
    });
    let template =
        json!({"name": "mine", "engine_version": "5.0", "cache_mode": "ha", "params": {"timeout": "7"}});
    let project = json!({
        "id": PROJECT, "quotas": {"instances": 77, "memory_gb": 777}, "templates": [template], "instances": [instance],
    });
    let seed = json!({"version": 1, "projects": [project]});
    let server = TestServer::seeded(&seed.to_string(), &[]).await;
    server.hold_still().await;
    let of = async |server: &TestServer, path: String| server.get(&path).await.ok();
    let instance_v2 = Api::V2.instance(id);
    let shown = async |server: &TestServer| {
        let configs = of(server, format!("{instance_v2}/configs")).await;
        let mut all = vec![server.shown_but_for_the_time(id).await, configs["redis_config"].clone()];
        for path in [
            format!("/v2/{PROJECT}/instance/{id}/whitelist"),
            format!("/v1.0/{PROJECT}/instances/{id}/tags"),
            format!("{instance_v2}/autoscaling-policy/bandwidth"),
            format!("/v2/{PROJECT}/config-templates?type=user"),
            format!("{instance_v2}/accounts"),
            format!("/v2/{PROJECT}/quota"),
        ] {
            all.push(of(server, path).await);
        }
        all
    };
    let before = shown(&server).await;
    let text = json!(before).to_string();
    for value in
        ["order-1", "22:00:00", "office", "noeviction", "\"env\"", "02:00-03:00", "mine", "777", "reader"]
    {
        assert!(text.contains(value), "{value} is not in {text}");
    }
    let document = server.export().await;
    let exported: Value = serde_json::from_str(&document).unwrap();
    let exported = &exported["projects"][0]["instances"][0];
    for (member, expected) in instance.as_object().unwrap() {
        let found = &exported[member];
        match (found.as_object(), expected.as_object()) {
            // What was left out is written.
            (Some(found), Some(expected)) => {
                assert!(expected.iter().all(|(name, value)| found[name] == *value), "{member}: {found:?}");
            }
            _ if member == "tags" => assert_eq!(found[0], expected[0]),
            _ => assert_eq!(found, expected, "{member}"),
        }
    }
    for word in ["instance_key", "rows", "columns", "events"] {
        assert!(!document.contains(word), "{word} is in {document}");
    }
    let other = TestServer::seeded(&document, &[]).await;
    assert_eq!(shown(&other).await, before);
    for query in ["", "?overwrite=true"] {
        other.seed(&document, query).await.ok();
        assert_eq!(other.export().await, document);
    }
    server.post("/_emulator/reset", &json!({"seed": false})).await.ok();
    server.seed(&document, "").await.ok();
    assert_eq!(server.export().await, document);
}

#[tokio::test]
async fn an_export_of_version_0_1_is_refused_and_told_how_to_go_on() {
    let server = TestServer::start().await;
    let before = server.export().await;
    let instance = |more: &str| format!(r#"{{"id": "{HA}", "cache_mode": "ha", {more}}}"#);
    let project = |more: &str| format!(r#""projects": [{{"id": "{PROJECT}", {more}}}]"#);
    for document in [
        format!("{{{}, \n \"events\": []}}", project(r#""name": "p""#)),
        format!("{{{}}}", project(r#""rows": {"jobs": []}"#)),
        format!(
            "{{\n{}}}",
            project(&format!(r#""instances": [{}]"#, instance(r#""columns": {"enable_ssl": 1}"#)))
        ),
        format!(
            "{{{}}}",
            project(&format!(r#""instances": [{}]"#, instance(r#""deleted_at": "2020-01-01T00:00:00Z""#)))
        ),
    ] {
        let answer = server.seed(&document, "").await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{document}");
        let said = answer.text();
        assert!(said.contains("version 0.1") && said.contains("snapshots save"), "{said}");
    }
    assert_eq!(server.export().await, before);
}

/// Lives the same life twice and returns what was answered and what was written down.
async fn answers_of_a_life() -> (Vec<Value>, String) {
    let server = TestServer::start().await;
    server.hold_still().await;
    server.live().await;
    (server.lists().await, server.export().await)
}

#[tokio::test]
async fn the_same_seed_of_ids_and_the_same_calls_give_the_same_document() {
    let first = answers_of_a_life().await;
    assert_eq!(answers_of_a_life().await, first);
}

#[tokio::test]
async fn a_document_shows_one_moment_whatever_is_written_meanwhile() {
    let server = TestServer::start().await;
    let write = async {
        for _ in 0..100 {
            server.create_backup(HA).await;
            server.create_backup(SECOND_HA).await;
        }
    };
    let read = async {
        for _ in 0..10 {
            let document: Value = serde_json::from_str(&server.export().await).unwrap();
            let instances = document["projects"][0]["instances"].as_array().unwrap();
            let count = |at: usize| instances[at]["backups"].as_array().map_or(0, Vec::len);
            assert!(count(0) == count(1) || count(0) == count(1) + 1, "{} and {}", count(0), count(1));
        }
    };
    tokio::join!(write, read);
}

/// A step of a random life.
#[derive(Clone, Copy, Debug)]
enum Step {
    Backup(usize),
    Restore(usize),
    Delete(usize),
    Advance(u64),
    Fault,
}

const INSTANCES: [&str; 3] = [HA, SECOND_HA, RW_SPLIT];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..INSTANCES.len()).prop_map(Step::Backup),
        2 => (0..INSTANCES.len()).prop_map(Step::Restore),
        2 => (0..INSTANCES.len()).prop_map(Step::Delete),
        3 => (1_u64..20_000).prop_map(Step::Advance),
        1 => Just(Step::Fault),
    ]
}

impl TestServer {
    /// Does a step; whether it is refused is no matter.
    async fn walk(&self, step: Step) {
        match step {
            Step::Backup(instance) => {
                self.post(&backups_path(INSTANCES[instance]), &json!({"remark": "walked"})).await;
            }
            Step::Restore(instance) => {
                if let Some(id) = self.listed_ids(INSTANCES[instance], "limit=1").await.first() {
                    let path = backups_path(INSTANCES[instance]).replace("/backups", "/restores");
                    self.post(&path, &json!({ "backup_id": id })).await;
                }
            }
            Step::Delete(instance) => {
                if let Some(id) = self.listed_ids(INSTANCES[instance], "").await.last() {
                    self.delete(&backup_path(INSTANCES[instance], id)).await;
                }
            }
            Step::Advance(millis) => self.advance(&format!("{millis}ms")).await,
            Step::Fault => {
                let outcome = json!({"status": "failed", "error_code": "dcs.08.0001"});
                self.create_fault(json!({"times": 1, "effect": {"outcome": outcome}})).await;
            }
        }
    }
}

#[test]
fn whatever_was_lived_through_comes_back_in_another_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let lives = prop::collection::vec(step(), 1..25);
    let result = runner.run(&lives, |life| {
        runtime.block_on(async {
            let durations = [("backup.duration", "7s"), ("restore.duration", "11s"), ("backup.keep", "2")];
            let server = TestServer::with(&durations).await;
            server.hold_still().await;
            for step in life {
                server.walk(step).await;
            }
            let document = server.export().await;
            let other = TestServer::seeded(&document, &durations).await;
            prop_assert_eq!(other.export().await, document);
            prop_assert_eq!(other.lists().await, server.lists().await);
            for server in [&server, &other] {
                server.advance("1m").await;
            }
            prop_assert_eq!(other.export().await, server.export().await);
            Ok(())
        })
    });
    result.unwrap();
}
