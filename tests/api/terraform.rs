//! What Terraform does, request by request, and that nothing drifts by it: what a configuration says is what comes back, twice the
//! same (wire contract v2, section 2.21).

mod otc;
mod provider;

use serde_json::{Value, json};

use provider::{Arguments, Provider};

use crate::support::seed::PROJECT;
use crate::support::{each, text};

/// Makes the arguments of a configuration.
fn arguments(value: Value) -> Arguments {
    match value {
        Value::Object(arguments) => arguments,
        _ => panic!("a configuration is an object"),
    }
}

/// Returns arguments with some of them in place of what was there.
fn with(arguments: &Arguments, changed: &Value) -> Arguments {
    let mut arguments = arguments.clone();
    for (argument, value) in changed.as_object().expect("an object") {
        arguments.insert(argument.clone(), value.clone());
    }
    arguments
}

/// Makes sure that each argument of a configuration comes back as it was sent; of objects and their lists, each member that was.
#[track_caller]
fn assert_no_drift(wanted: &Arguments, read: &Arguments) {
    // What is never read back.
    const UNREAD: [&str; 2] = ["password", "rename_commands"];
    for (argument, wanted) in wanted.iter().filter(|(argument, _)| !UNREAD.contains(&argument.as_str())) {
        assert!(
            is_in(wanted, &read[argument]),
            "{argument}: {wanted} was sent, {} comes back",
            read[argument]
        );
    }
}

fn is_in(wanted: &Value, read: &Value) -> bool {
    match (wanted, read) {
        (Value::Object(wanted), Value::Object(read)) => {
            wanted.iter().all(|(name, value)| read.get(name).is_some_and(|read| is_in(value, read)))
        }
        (Value::Array(wanted), Value::Array(read)) => {
            wanted.len() == read.len() && wanted.iter().zip(read).all(|(wanted, read)| is_in(wanted, read))
        }
        _ => wanted == read,
    }
}

/// Makes sure that a refresh shows what the configuration says, and another one the same.
async fn assert_reconciled(provider: &Provider, instance: &str, wanted: &Arguments) {
    let first = provider.read(instance, wanted).await;
    assert_no_drift(wanted, &first);
    assert_eq!(provider.read(instance, wanted).await, first, "two refreshes differ");
}

/// A master/standby instance with everything that can be set.
fn whole() -> Arguments {
    arguments(json!({
        "name": "tf_whole", "engine": "Redis", "engine_version": "6.0", "flavor": "redis.ha.xu1.large.r2.1", "capacity": 1,
        "vpc_id": "0f1e2d3c", "subnet_id": "3c2d1e0f", "availability_zones": ["eu-de-01", "eu-de-02"],
        "password": "Terraform_123", "description": "made by terraform", "port": 6388, "private_ip": "192.168.0.77",
        "maintain_begin": "22:00:00", "maintain_end": "02:00:00", "enterprise_project_id": "0",
        "rename_commands": {"command": "command001", "keys": "keys001"},
        "tags": [{"key": "owner", "value": "terraform"}, {"key": "env", "value": "test"}],
        "backup_policy": {
            "backup_type": "auto", "save_days": 3,
            "periodical_backup_plan": {"begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, 3, 5]},
        },
        "whitelist": {
            "enable_whitelist": true,
            "whitelist": [{"group_name": "office", "ip_list": ["10.10.10.1", "10.10.10.0/24"]}],
        },
        "parameters": [
            {"param_id": "1", "param_name": "timeout", "param_value": "500"},
            {"param_id": "17", "param_name": "appendonly", "param_value": "no"},
        ],
        "ssl_enable": true,
        "big_key_enable_auto_scan": {"enable_auto_scan": true, "schedule_at": ["10:00", "23:30"]},
        "hot_key_enable_auto_scan": {"enable_auto_scan": true, "schedule_at": ["00:00"]},
        "expire_key_enable_auto_scan": {
            "enable_auto_scan": true, "first_scan_at": "2023-07-07T15:00:05.000", "interval": 600, "timeout": 1200,
            "scan_keys_count": 20000,
        },
        "transparent_client_ip_enable": false,
        "auto_scaling": {
            "window_size": 5, "bandwidth_usage_upper_threshold": 80, "scale_out_cooldown": 60, "scale_in_enabled": true,
            "bandwidth_usage_lower_threshold": 20, "scale_in_cooldown": 120,
        },
    }))
}

/// As little as can be said of an instance.
fn bare(name: &str, version: &str, flavor: &str, capacity: &str, zones: &[&str]) -> Arguments {
    let capacity: Value = capacity.parse().expect("a number");
    arguments(json!({
        "name": name, "engine": "Redis", "engine_version": version, "flavor": flavor, "capacity": capacity,
        "vpc_id": "0f1e2d3c", "subnet_id": "3c2d1e0f", "availability_zones": zones,
    }))
}

#[tokio::test]
async fn what_is_created_comes_back_as_it_was_sent_and_goes_without_a_trace() {
    let provider = Provider::start().await;
    let mut configurations = vec![
        whole(),
        bare("tf_tiny", "5.0", "redis.ha.xu1.tiny.r2.128", "0.125", &["eu-de-01", "eu-de-02"]),
        bare("tf_single", "5.0", "redis.single.xu1.tiny.128", "0.125", &["eu-de-03"]),
        bare("tf_cluster", "5.0", "redis.cluster.xu1.large.r2.4", "4", &["eu-de-01", "eu-de-02"]),
        bare("tf_proxy", "5.0", "redis.proxy.xu1.large.4", "4", &["eu-de-01", "eu-de-02"]),
        bare("tf_split", "5.0", "redis.ha.xu1.large.p2.8", "8", &["eu-de-01", "eu-de-02"]),
        bare("tf_old", "3.0", "dcs.master_standby", "2", &["eu-de-01", "eu-de-02"]),
    ];
    configurations[6].insert("security_group_id".to_owned(), json!("sg-1"));
    for wanted in &configurations {
        let instance = provider.create(wanted).await;
        assert_reconciled(&provider, &instance, wanted).await;
        // What was not said is such that a plan shows no change.
        let read = provider.read(&instance, wanted).await;
        let unsaid = |argument: &str| !wanted.contains_key(argument);
        for argument in ["backup_policy", "security_group_id", "description"] {
            assert!(!unsaid(argument) || read[argument].is_null(), "{argument}: {}", read[argument]);
        }
        assert!(!unsaid("tags") || read["tags"] == json!([]));
        provider.destroy(&instance).await;
    }
}

#[tokio::test]
async fn what_is_updated_comes_back_and_what_is_not_stays() {
    let mut provider = Provider::start().await;
    let mut current = whole();
    let instance = provider.create(&current).await;
    for changed in [
        json!({"name": "tf_renamed", "description": ""}),
        json!({"maintain_begin": "02:00:00", "maintain_end": "06:00:00"}),
        json!({"backup_policy": {
            "backup_type": "auto", "save_days": 7,
            "periodical_backup_plan": {"begin_at": "04:00-05:00", "period_type": "weekly", "backup_at": [7]},
        }}),
        json!({"rename_commands": {"keys": "keys002"}}),
        json!({"port": 6389}),
        json!({"password": "Terraform_456"}),
        json!({"flavor": "redis.ha.xu1.large.r2.2", "capacity": 2}),
        json!({"flavor": "redis.ha.xu1.large.r3.2", "capacity": 2}),
        json!({"tags": [{"key": "env", "value": "prod"}]}),
        json!({"whitelist": {"enable_whitelist": true, "whitelist": [{"group_name": "home", "ip_list": ["10.0.0.1"]}]}}),
        json!({"parameters": [
            {"param_id": "1", "param_name": "timeout", "param_value": "600"},
            {"param_id": "17", "param_name": "appendonly", "param_value": "yes"},
        ]}),
        json!({"ssl_enable": false}),
        json!({"big_key_enable_auto_scan": {"enable_auto_scan": false, "schedule_at": []}}),
        json!({"hot_key_enable_auto_scan": {"enable_auto_scan": true, "schedule_at": ["01:00"]}}),
        json!({"expire_key_enable_auto_scan": {
            "enable_auto_scan": true, "first_scan_at": "2024-07-07T15:00:05.000", "interval": 60, "timeout": 120,
            "scan_keys_count": 10,
        }}),
        json!({"transparent_client_ip_enable": true}),
        json!({"vpc_id": "vpc-2", "subnet_id": "subnet-2"}),
        json!({"auto_scaling": {
            "window_size": 10, "bandwidth_usage_upper_threshold": 90, "scale_out_cooldown": 120,
            "scale_in_enabled": false,
        }}),
        json!({"availability_zones": ["eu-de-03", "eu-de-01"]}),
    ] {
        let wanted = with(&current, &changed);
        provider.update(&instance, &current, &wanted).await;
        let mut expected = wanted.clone();
        if expected["description"] == "" {
            // To a provider, nothing and a text without characters are the same.
            expected["description"] = Value::Null;
        }
        assert_reconciled(&provider, &instance, &expected).await;
        current = wanted;
        provider.server.restart().await;
        assert_reconciled(&provider, &instance, &expected).await;
    }
    provider.destroy(&instance).await;
}

#[tokio::test]
async fn a_backup_is_made_read_restored_and_removed() {
    let provider = Provider::start().await;
    let wanted = whole();
    let instance = provider.create(&wanted).await;
    let backups = format!("instances/{instance}/backups");
    for body in
        [json!({"remark": "before", "backup_format": "aof"}), json!({"backup_format": "rdb"}), json!({})]
    {
        let made = provider.send("POST", &backups, Some(&body), &[200]).await;
        let id = text(&made["backup_id"]);
        let backup = wait_for_record(&provider, &backups, "backup", &id, &["waiting", "backuping"]).await;
        assert_eq!((&backup["remark"], &backup["instance_id"]), (&body["remark"], &json!(instance)));
        assert_eq!(backup["backup_format"], *body.get("backup_format").unwrap_or(&json!("rdb")));
        assert_eq!(
            (&backup["backup_type"], &backup["is_support_restore"]),
            (&json!("manual"), &json!("TRUE"))
        );

        // It does not come again: what reads as finished must be so.
        let restores = format!("instances/{instance}/restores");
        let body = json!({"backup_id": id, "remark": "back"});
        let begun = provider.send("POST", &restores, Some(&body), &[200]).await;
        let restore = text(&begun["restore_id"]);
        let restore =
            wait_for_record(&provider, &restores, "restore", &restore, &["waiting", "restoring"]).await;
        assert_eq!((&restore["backup_id"], &restore["restore_remark"]), (&json!(id), &json!("back")));
        assert_reconciled(&provider, &instance, &wanted).await;

        provider.send("DELETE", &format!("{backups}/{id}"), None, &[204]).await;
        let after = found(&provider, &backups, "backup", &id).await;
        assert!(after.is_none_or(|record| record["status"] == "deleted"));
    }
    provider.destroy(&instance).await;
    let gone = provider.server.get(&format!("/v2/{PROJECT}/{backups}?limit=10&offset=0")).await;
    assert_eq!(gone.status, 404);
}

/// Waits until a record has succeeded, by looking for it page by page.
async fn wait_for_record(provider: &Provider, path: &str, kind: &str, id: &str, pending: &[&str]) -> Value {
    for _ in 0..60 {
        provider.server.advance_ms(10_000);
        let record =
            found(provider, path, kind, id).await.expect("a record is listed from the moment it is made");
        let status = text(&record["status"]);
        if status == "succeed" {
            return record;
        }
        assert!(pending.contains(&status.as_str()), "{status} is no way there");
    }
    panic!("the {kind} never succeeded");
}

/// Returns how many there are, as totals say it.
fn counted(seen: &[Value]) -> u64 {
    u64::try_from(seen.len()).expect("not that many")
}

/// Finds a record as the provider does: page by page until as many have been seen as there are said to be.
async fn found(provider: &Provider, path: &str, kind: &str, id: &str) -> Option<Value> {
    let mut seen = Vec::new();
    loop {
        let page =
            provider.send("GET", &format!("{path}?limit=10&offset={}", seen.len()), None, &[200]).await;
        let total = page["total_num"].as_u64().expect("a number of records");
        let rows = page[format!("{kind}_record_response")].as_array().expect("an array of records").clone();
        assert!(!rows.is_empty() || counted(&seen) >= total, "it would look for ever");
        seen.extend(rows);
        if counted(&seen) >= total {
            break;
        }
    }
    let ids = each(&Value::Array(seen.clone()), &format!("{kind}_id"));
    seen.into_iter().zip(ids).find(|(_, record)| record == id).map(|(record, _)| record)
}
