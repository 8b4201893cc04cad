//! The life of an instance as the Terraform providers lead it, request by request (wire contract v2, section 2.21): made, read, changed,
//! destroyed, and after each step everything comes back as it was sent.

use serde_json::{Value, json};

use crate::support::seed::PROJECT;
use crate::support::{Answer, Api, TestServer, each, refusal, text};

/// How long the provider waits between two looks.
const BETWEEN_LOOKS_MS: u64 = 10_000;
/// How often it looks before this test gives up.
const MOST_LOOKS: u32 = 20;

/// An instance of the provider, and the server it is on.
struct Resource {
    server: TestServer,
    id: String,
}

impl Resource {
    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", Api::V2.instance(&self.id))
    }

    async fn put(&self, rest: &str, body: Value) -> Answer {
        self.server.put(&self.path(rest), &body).await
    }

    async fn get(&self, rest: &str) -> Value {
        self.server.get(&self.path(rest)).await.ok()
    }

    /// Looks every ten seconds until it has been RUNNING without a task twice in a row.
    async fn wait(&self) {
        let mut ready = 0;
        for _ in 0..MOST_LOOKS {
            self.server.advance_ms(BETWEEN_LOOKS_MS);
            let shown = self.get("").await;
            let status = text(&shown["status"]);
            assert!(!["CREATEFAILED", "ERROR", "FROZEN"].contains(&status.as_str()), "{status}");
            ready = if status == "RUNNING" && shown["task"].is_null() { ready + 1 } else { 0 };
            if ready == 2 {
                return;
            }
        }
        panic!("never ready");
    }

    /// Polls the job that an answer names until it has succeeded.
    async fn wait_for_job(&self, answer: &Answer) {
        let id = match answer.text().strip_prefix("job_id:") {
            Some(id) => id.to_owned(),
            None => text(&answer.ok()["job_id"]),
        };
        let job = self.server.get(&format!("/v2/{PROJECT}/jobs/{id}")).await.ok();
        assert_eq!(job["status"], "SUCCESS");
    }

    /// Reads all that the provider reads, in its order, twice: the same both times.
    async fn read(&self) -> Vec<Value> {
        let once = async || {
            let mut all = Vec::new();
            let beside = |rest: &str| format!("/v2/{PROJECT}/instance/{}{rest}", self.id);
            for path in [
                self.path(""),
                beside("/groups"),
                beside("/whitelist"),
                self.path("/bigkey/autoscan"),
                self.path("/hotkey/autoscan"),
                self.path("/scan-expire-keys/autoscan-config"),
                self.path("/autoscaling-policy/bandwidth"),
                self.path("/configs"),
            ] {
                let mut answer = self.server.get(&path).await.ok();
                if answer.get("bandwidth_info").is_some() {
                    // The present time.
                    answer["bandwidth_info"] = Value::Null;
                }
                all.push(answer);
            }
            all
        };
        let first = once().await;
        assert_eq!(once().await, first);
        first
    }
}

fn policy(days: &Value) -> Value {
    json!({"backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
        "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": days,
    }})
}

fn scan() -> Value {
    json!({"enable_auto_scan": true, "schedule_at": ["22:30"]})
}

/// What is sent, and comes back.
fn arguments() -> Value {
    json!({
        "name": "tf-made", "engine": "Redis", "engine_version": "5.0", "capacity": 0.125,
        "spec_code": "redis.ha.xu1.tiny.r2.128", "vpc_id": "vpc-1", "subnet_id": "subnet-1",
        "az_codes": ["eu-de-01", "eu-de-02"], "description": "said", "port": 6388, "maintain_begin": "22:00:00",
        "maintain_end": "02:00:00", "tags": [{"key": "a", "value": "1"}], "instance_backup_policy": policy(&json!([1])),
        "enterprise_project_id": "0", "rename_commands": {"keys": "look"},
    })
}

/// Makes an instance as the provider does.
async fn create(server: TestServer) -> Resource {
    let rule = json!({"progression": "time", "durations": {"CREATING": "15s", "EXTENDING": "25s", "RESTARTING": "12s"}});
    server.put("/_emulator/transitions/instance", &rule).await.ok();
    server.get("/v2/available-zones").await.ok();
    let mut order = arguments();
    order["instance_num"] = json!(1);
    order["password"] = json!("Secret-12");
    order["no_password_access"] = json!(false);
    order["bss_param"] = json!({"charging_mode": "postPaid"});
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    assert!(created.get("order_id").is_none(), "{created}");
    let id = text(&created["instances"][0]["instance_id"]);
    Resource { server, id }
}

/// Compares an instance, as it is shown, with what was sent.
fn assert_no_drift(shown: &Value, sent: &Value) {
    for name in [
        "name",
        "engine",
        "engine_version",
        "spec_code",
        "vpc_id",
        "subnet_id",
        "az_codes",
        "description",
        "port",
        "maintain_begin",
        "maintain_end",
        "tags",
        "enterprise_project_id",
    ] {
        assert_eq!(shown[name], sent[name], "{name}");
    }
    let capacity = match shown["capacity"].as_f64().expect("a number") {
        0.0 => text(&shown["capacity_minor"]).parse().expect("a number"),
        capacity => capacity,
    };
    assert_eq!(Some(capacity), sent["capacity"].as_f64());
    let policy = &shown["instance_backup_policy"]["policy"];
    for name in ["backup_type", "save_days"] {
        assert_eq!(policy[name], sent["instance_backup_policy"][name], "{name}");
    }
    for name in ["begin_at", "period_type", "backup_at"] {
        let sent = &sent["instance_backup_policy"]["periodical_backup_plan"][name];
        assert_eq!(&policy["periodical_backup_plan"][name], sent, "{name}");
    }
    let (group, user) = (&shown["security_group_id"], &shown["access_user"]);
    assert_eq!((group, user), (&Value::Null, &Value::Null));
    assert_eq!((&shown["charging_mode"], &shown["enable_ssl"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn an_instance_of_terraform_is_made_read_changed_and_destroyed_without_drift() {
    let resource = create(TestServer::start().await).await;
    resource.wait().await;

    // The rest of creating.
    let whitelist =
        json!({"enable_whitelist": true, "whitelist": [{"group_name": "g", "ip_list": ["10.0.0.1"]}]});
    let whitelist_path = format!("/v2/{PROJECT}/instance/{}/whitelist", resource.id);
    assert_eq!(resource.server.put(&whitelist_path, &whitelist).await.status, 204);
    let parameters =
        json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "100"}]});
    let answer = resource.put("/async-configs", parameters).await;
    resource.wait_for_job(&answer).await;
    resource.get("/configs").await;
    let restart = json!({"instances": [resource.id], "action": "restart"});
    resource.server.put(&format!("{}/status", Api::V2.instances(PROJECT)), &restart).await.ok();
    resource.wait().await;
    for rest in ["/bigkey/autoscan", "/hotkey/autoscan"] {
        resource.put(rest, scan()).await.ok();
    }

    let all = resource.read().await;
    let mut sent = arguments();
    assert_no_drift(&all[0], &sent);
    assert_eq!(each(&all[1]["group_list"][0]["replication_list"], "az_code"), ["eu-de-01", "eu-de-02"]);
    assert_eq!((&all[2]["enable_whitelist"], &all[2]["whitelist"]), (&json!(true), &whitelist["whitelist"]));
    assert_eq!(all[3]["schedule_at"], json!(["22:30"]));
    let timeout =
        all[7]["redis_config"].as_array().expect("a list").iter().find(|row| row["param_id"] == "1");
    assert_eq!(timeout.expect("a parameter")["param_value"], "100");

    // Changes, in the provider's order.
    let changed = json!({
        "name": "tf-renamed", "description": "", "maintain_begin": "02:00:00", "maintain_end": "06:00:00",
        "instance_backup_policy": policy(&json!([1, 3, 5])),
    });
    assert_eq!(resource.put("", changed.clone()).await.status, 204);
    assert_eq!(resource.put("", json!({"rename_commands": {"keys": "search"}})).await.status, 204);
    resource.wait().await;
    assert_eq!(resource.put("", json!({"port": 6399})).await.status, 204);
    resource.wait().await;
    let reset = json!({"new_password": "Secret-34", "no_password_access": false});
    let answer = resource.server.post(&resource.path("/password/reset"), &reset).await.ok();
    assert_eq!((&answer["code"], &answer["message"]), (&json!("1"), &json!("success")));
    resource.wait().await;
    let flavors = format!("/v2/{PROJECT}/flavors?spec_code=");
    let mut counts = Vec::new();
    for code in ["redis.ha.xu1.tiny.r2.128", "redis.ha.xu1.large.r3.4"] {
        let found = resource.server.get(&format!("{flavors}{code}")).await.ok();
        assert_eq!(found["flavors"][0]["cache_mode"], "ha");
        counts.push(found["flavors"][0]["replica_count"].as_u64().expect("a number"));
    }
    assert_eq!(counts, [2, 3]);
    let resize = json!({
        "spec_code": "redis.ha.xu1.large.r3.4", "new_capacity": 4, "change_type": "createReplication",
        "available_zones": ["eu-de-02"], "execute_immediately": null,
    });
    assert_eq!(resource.server.post(&resource.path("/resize"), &resize).await.status, 204);
    assert_eq!(resource.get("").await["status"], "EXTENDING");
    let delete = resource.server.delete(&resource.path("")).await;
    delete.assert_refused_by(Api::V2, &refusal::EXTENDING);
    resource.wait().await;
    let tags = format!("/v2/{PROJECT}/dcs/{}/tags/action", resource.id);
    for (action, key) in [("delete", "a"), ("create", "b")] {
        let body = json!({"action": action, "tags": [{"key": key, "value": "1"}]});
        assert_eq!(resource.server.post(&tags, &body).await.status, 204);
    }

    for (name, value) in changed.as_object().expect("members") {
        sent[name] = value.clone();
    }
    sent["description"] = Value::Null;
    sent["port"] = json!(6399);
    sent["capacity"] = json!(4);
    sent["spec_code"] = json!("redis.ha.xu1.large.r3.4");
    sent["tags"] = json!([{"key": "b", "value": "1"}]);
    let all = resource.read().await;
    assert_no_drift(&all[0], &sent);
    assert_eq!((&all[0]["replica_count"], &all[0]["no_password_access"]), (&json!(3), &json!("false")));
    let renamed = resource.get("/rename-commands").await;
    assert!(renamed.to_string().contains("\"keys\""), "{renamed}");

    // The end: gone at once, for good.
    assert_eq!(resource.server.delete(&resource.path("")).await.status, 204);
    for _ in 0..2 {
        resource.server.advance_ms(BETWEEN_LOOKS_MS);
        let gone = resource.server.get(&resource.path("")).await;
        gone.assert_refused_by(Api::V2, &refusal::INSTANCE_NOT_FOUND);
    }
}

#[tokio::test]
async fn the_provider_of_the_telekom_always_sends_the_port_and_knows_both_passwords() {
    let resource = create(TestServer::start().await).await;
    resource.wait().await;
    let body = json!({
        "name": "otc-renamed", "description": "said", "port": 6388, "maintain_begin": "22:00:00", "maintain_end": "02:00:00",
        "security_group_id": "", "rename_commands": {}, "instance_backup_policy": policy(&json!([7])),
    });
    assert_eq!(resource.put("", body).await.status, 204);
    let passwords = json!({"old_password": "Secret-12", "new_password": "Secret-56"});
    assert_eq!(resource.put("/password", passwords).await.ok()["result"], "success");
    let resize = json!({
        "spec_code": "redis.ha.xu1.large.r2.2", "new_capacity": 2, "change_type": "", "bss_param": {"charging_mode": ""},
    });
    assert_eq!(resource.server.post(&resource.path("/resize"), &resize).await.status, 204);
    // It takes EXTENDING and RESTARTING for pending, and the new product for the end.
    let mut statuses = Vec::new();
    for _ in 0..MOST_LOOKS {
        let shown = resource.get("").await;
        statuses.push(text(&shown["status"]));
        if shown["status"] == "RUNNING" {
            assert_eq!((&shown["spec_code"], &shown["capacity"]), (&resize["spec_code"], &json!(2)));
            break;
        }
        resource.server.advance_ms(BETWEEN_LOOKS_MS);
    }
    assert_eq!(statuses, ["EXTENDING", "EXTENDING", "EXTENDING", "RUNNING"]);
    let mut sent = arguments();
    sent["name"] = json!("otc-renamed");
    sent["capacity"] = json!(2);
    sent["spec_code"] = resize["spec_code"].clone();
    sent["instance_backup_policy"] = policy(&json!([7]));
    assert_no_drift(&resource.get("").await, &sent);
    assert_eq!(resource.server.delete(&resource.path("")).await.status, 204);
}
