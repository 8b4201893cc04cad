//! The other provider: `opentelekomcloud_dcs_instance_v2`. It polls effects, not jobs, knows fewer states, and sends everything with
//! every update.

use serde_json::{Value, json};

use super::provider::Provider;
use crate::support::text;

/// Waits until `path` shows `value` in `member`.
async fn wait_for(provider: &Provider, path: &str, member: &str, value: &Value) {
    for _ in 0..60 {
        provider.server.advance_ms(10_000);
        if provider.send("GET", path, None, &[200]).await[member] == *value {
            return;
        }
    }
    panic!("{path} never showed {member} {value}");
}

#[tokio::test]
async fn the_other_provider_finds_what_it_sent() {
    let provider = Provider::start().await;
    let body = json!({
        "name": "otc_instance", "engine": "Redis", "engine_version": "6.0", "spec_code": "redis.ha.xu1.tiny.r2.128",
        "capacity": 0.125, "vpc_id": "v", "subnet_id": "s", "az_codes": ["eu-de-02", "eu-de-01"], "instance_num": 1,
        "password": "Hungarian_rapsody1", "port": 6379, "description": "", "security_group_id": "", "rename_commands": {},
        "instance_backup_policy": {
            "save_days": 1, "backup_type": "manual",
            "periodical_backup_plan": {
                "begin_at": "00:00-01:00", "period_type": "weekly", "backup_at": [1, 2], "timezone_offset": "+0000",
            },
        },
        "bss_param": {"charging_mode": ""},
    });
    let made = provider.send("POST", "instances", Some(&body), &[200]).await;
    let id = text(&made["instances"][0]["instance_id"]);
    let path = format!("instances/{id}");
    provider.wait_until_ready(&id, &["CREATING"]).await;

    let whitelist = json!({
        "enable_whitelist": true, "whitelist": [{"group_name": "test-group-name", "ip_list": ["10.10.10.1"]}],
    });
    provider.send("PUT", &format!("instance/{id}/whitelist"), Some(&whitelist), &[204]).await;
    wait_for(&provider, &format!("instance/{id}/whitelist"), "enable_whitelist", &json!(true)).await;
    let configs = json!({"redis_config": [{"param_id": "1", "param_name": "timeout", "param_value": "100"}]});
    provider.send("PUT", &format!("{path}/configs"), Some(&configs), &[204]).await;
    let shown = provider.send("GET", &format!("{path}/configs"), None, &[200]).await;
    assert_eq!(
        (&shown["redis_config"][0]["param_id"], &shown["redis_config"][0]["param_value"]),
        (&json!("1"), &json!("100"))
    );
    provider.send("PUT", &format!("{path}/ssl"), Some(&json!({"enabled": true})), &[200]).await;
    wait_for(&provider, &format!("{path}/ssl"), "enabled", &json!(true)).await;
    let before = provider.send("GET", &path, None, &[200]).await;
    assert_eq!(
        (&before["az_codes"], &before["description"]),
        (&json!(["eu-de-02", "eu-de-01"]), &Value::Null)
    );

    // The port comes with everything, changed or not, and so does what it has nothing to say of.
    for (name, port) in [("otc_instance", 6379), ("otc_renamed", 6379), ("otc_renamed", 6400)] {
        let update = json!({
            "name": name, "port": port, "description": "said", "security_group_id": "", "rename_commands": {},
            "maintain_begin": "", "maintain_end": "",
        });
        provider.send("PUT", &path, Some(&update), &[204]).await;
        wait_for(&provider, &path, "port", &json!(port)).await;
        let shown = provider.send("GET", &path, None, &[200]).await;
        assert_eq!(
            (&shown["name"], &shown["security_group_id"], &shown["maintain_begin"]),
            (&json!(name), &Value::Null, &json!("02:00:00"))
        );
    }
    let password = json!({"old_password": "Hungarian_rapsody1", "new_password": "Hungarian_rapsody2"});
    let changed = provider.send("PUT", &format!("{path}/password"), Some(&password), &[200]).await;
    assert_eq!(changed["result"], "success");

    let resize = json!({"spec_code": "redis.ha.xu1.tiny.r2.256", "new_capacity": 0.25});
    provider.send("POST", &format!("{path}/resize"), Some(&resize), &[204]).await;
    provider.wait_until_ready(&id, &["EXTENDING", "RESTARTING"]).await;
    let shown = provider.send("GET", &path, None, &[200]).await;
    assert_eq!(
        (&shown["spec_code"], &shown["capacity_minor"]),
        (&json!("redis.ha.xu1.tiny.r2.256"), &json!(".25"))
    );
    let tags = json!({"action": "create", "tags": [{"key": "muh", "value": "kuh"}]});
    provider.send("POST", &format!("dcs/{id}/tags/action"), Some(&tags), &[204]).await;
    let shown = provider.send("GET", &format!("{path}/tags"), None, &[200]).await;
    assert_eq!(shown["tags"], tags["tags"]);
    provider.destroy(&id).await;
}
