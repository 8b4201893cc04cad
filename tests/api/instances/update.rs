//! Changing what of an instance takes no time (wire contract v1.0, section 2.10; v2, section 2.3).

use serde_json::{Value, json};

use crate::support::seed::{
    BY_STATUS, HA, MEMCACHED, OLD_REDIS, PROJECT, SINGLE, UNKNOWN_INSTANCE, UNKNOWN_PROJECT,
};
use crate::support::{Answer, Api, Covered, TestServer, covered, refusal, text};

pub(crate) const COVERS: &[Covered] = &[
    covered(
        "PUT",
        "/v1.0/{project_id}/instances/{instance_id}",
        what_is_changed_is_shown_after_a_restart_too,
    ),
    covered("PUT", "/v2/{project_id}/instances/{instance_id}", what_is_changed_is_shown_after_a_restart_too),
];

async fn update(server: &TestServer, api: Api, instance: &str, body: &Value) -> Answer {
    server.put(&api.instance(instance), body).await
}

/// What was done to instances, without what the seed did.
async fn history(server: &TestServer) -> Vec<Value> {
    server
        .rows(
            "SELECT json_array(at, who, instance_name, from_status, to_status, remark) FROM backup_audit WHERE who <> 'seed'",
        )
        .await
}

#[tokio::test]
async fn what_is_changed_is_shown_after_a_restart_too() {
    for api in Api::BOTH {
        let mut server = TestServer::start().await;
        let before = server.shown_but_for_the_time(HA).await;
        server.set_clock_ms(1_000);
        let body = json!({
            "instance_id": HA, "name": "new-name", "description": "said", "maintain_begin": "22:00:00", "maintain_end": "02:00",
            "instance_backup_policy": {"backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
                "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, "5"], "timezone_offset": "+0000",
            }},
        });
        update(&server, api, HA, &body).await.assert_no_content();
        for _ in 0..2 {
            let mut after = server.shown_but_for_the_time(HA).await;
            let policy = after["instance_backup_policy"].take();
            assert_eq!(
                policy["policy"],
                json!({
                    "backup_type": "auto", "save_days": 3, "periodical_backup_plan": {
                        "begin_at": "02:00-03:00", "period_type": "weekly", "backup_at": [1, 5], "timezone_offset": "+0000",
                    },
                })
            );
            let mut expected = before.clone();
            let at = "2020-03-02T06:15:05.512Z";
            for (name, value) in [
                ("name", json!("new-name")),
                ("description", json!("said")),
                ("maintain_begin", json!("22:00:00")),
                ("maintain_end", json!("02:00:00")),
                ("update_at", json!(at)),
                ("updated_at", json!(at)),
                ("domainName", json!("redis-5560df1-new-name.dcs.example.com")),
                ("domain_name", json!("redis-5560df1-new-name.dcs.example.com")),
                ("readonly_domain_name", json!("redis-5560df1-new-name-readonly.dcs.example.com")),
            ] {
                expected[name] = value;
            }
            assert_eq!(after, expected, "{api:?}");
            server.restart().await;
        }
        let note = "changed name, description, maintenance, backup policy";
        let event = json!(["2020-03-02T06:15:05.512Z", "anonymous", "new-name", "RUNNING", "RUNNING", note,]);
        assert_eq!(history(&server).await, [event]);
    }
}

#[tokio::test]
async fn what_is_not_sent_stays_and_nothing_sent_changes_nothing() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        update(&server, api, HA, &json!({"description": "said", "name": "named"})).await.assert_no_content();
        let before = server.shown_but_for_the_time(HA).await;
        server.set_clock_ms(1_000);
        for body in [
            json!({}),
            json!({"name": null, "description": null, "instance_backup_policy": {}, "port": ""}),
            json!({"maintain_begin": "", "maintain_end": "", "security_group_id": "", "rename_commands": {}}),
            json!({"name": "named", "unknown": [1]}),
        ] {
            update(&server, api, HA, &body).await.assert_no_content();
            assert_eq!(server.shown_but_for_the_time(HA).await, before, "{api:?} {body}");
        }
        assert_eq!(history(&server).await.len(), 1);
        update(&server, api, HA, &json!({"description": ""})).await.assert_no_content();
        assert_eq!(server.shown_but_for_the_time(HA).await["description"], Value::Null);
    }
}

#[tokio::test]
async fn a_policy_takes_the_place_of_the_one_before_and_keeps_its_id() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let policy = async || server.shown_but_for_the_time(HA).await["instance_backup_policy"].take();
        assert_eq!(policy().await, Value::Null);
        let plan = json!({"begin_at": "00:00-01:00", "period_type": "weekly", "backup_at": [7]});
        let auto = json!({"backup_type": "auto", "save_days": "1", "periodical_backup_plan": plan});
        update(&server, api, HA, &json!({"instance_backup_policy": auto})).await.assert_no_content();
        let first = policy().await;
        assert_eq!(first["policy"]["periodical_backup_plan"]["timezone_offset"], "+0800");
        server.set_clock_ms(1_000);
        let manual = r#"{"backup_type": "manual"}"#;
        update(&server, api, HA, &json!({"instance_backup_policy": manual})).await.assert_no_content();
        let second = policy().await;
        assert_eq!(
            second["policy"],
            json!({"backup_type": "manual", "save_days": null, "periodical_backup_plan": null})
        );
        for name in ["backup_policy_id", "created_at"] {
            assert_eq!(second[name], first[name], "{name}");
        }
        assert_eq!(second["updated_at"], "2020-03-02T06:15:05.512Z");
    }
}

#[tokio::test]
async fn only_v2_changes_the_port_and_the_names_of_commands() {
    let body = json!({"port": "6400", "rename_commands": {"keys": "look"}});
    let server = TestServer::start().await;
    update(&server, Api::V1, HA, &body).await.assert_no_content();
    // Of what it does not know, v1.0 does not mind the type.
    update(&server, Api::V1, HA, &json!({"port": [1], "rename_commands": 5})).await.assert_no_content();
    assert_eq!(server.shown_but_for_the_time(HA).await["port"], 6379);
    for body in [json!({"port": [1]}), json!({"rename_commands": 5}), json!({"rename_commands": {"keys": 5}})]
    {
        update(&server, Api::V2, HA, &body).await.assert_refused_by(Api::V2, &refusal::INVALID_BODY);
    }
    update(&server, Api::V2, HA, &body).await.assert_no_content();
    assert_eq!(server.shown_but_for_the_time(HA).await["port"], 6400);
    let renamed = async || server.rows("SELECT rename_commands FROM instances WHERE port = 6400").await;
    assert_eq!(renamed().await, [json!({"keys": "look"})]);
    // They replace what was there.
    update(&server, Api::V2, HA, &json!({"rename_commands": {"hgetall": "all"}})).await.assert_no_content();
    assert_eq!(renamed().await, [json!({"hgetall": "all"})]);
    update(&server, Api::V2, HA, &json!({"port": 6400, "rename_commands": {}})).await.assert_no_content();
    assert_eq!(renamed().await, [json!({})]);
}

#[tokio::test]
async fn later_generations_are_in_no_security_group_but_that_of_their_creation() {
    let server = TestServer::start().await;
    let order = json!({
        "name": "in-a-group", "engine": "Redis", "engine_version": "6.0", "capacity": 2, "no_password_access": true,
        "vpc_id": "v", "subnet_id": "s", "spec_code": "redis.ha.xu1.large.r2.2", "az_codes": ["eu-de-01"],
        "security_group_id": "g",
    });
    let created = server.post(&Api::V2.instances(PROJECT), &order).await.ok();
    let id = text(&created["instances"][0]["instance_id"]);
    let refused = refusal::other("DCS.4872", "Do not support security group whitelist.");
    for api in Api::BOTH {
        for same in ["", "g"] {
            update(&server, api, &id, &json!({"security_group_id": same})).await.assert_no_content();
        }
        for (instance, group) in [(id.as_str(), "h"), (HA, "g")] {
            let answer =
                update(&server, api, instance, &json!({"security_group_id": group, "name": "other-name"}))
                    .await;
            answer.assert_refused_by(api, &refused);
        }
        let shown = server.shown(api, &id).await;
        assert_eq!((&shown["security_group_id"], &shown["name"]), (&json!("g"), &json!("in-a-group")));
    }
}

#[tokio::test]
async fn the_first_generation_keeps_its_port_and_has_a_security_group() {
    for (instance, port) in [(OLD_REDIS, 6379), (MEMCACHED, 11211)] {
        let server = TestServer::start().await;
        update(&server, Api::V2, instance, &json!({"port": port, "rename_commands": {}}))
            .await
            .assert_no_content();
        for (body, name) in
            [(json!({"port": 6400}), "port"), (json!({"rename_commands": {"keys": "k"}}), "rename_commands")]
        {
            let answer = update(&server, Api::V2, instance, &body).await;
            answer.assert_refused_by(Api::V2, &refusal::invalid_parameter(name));
        }
        for api in Api::BOTH {
            let group = format!("group-{api:?}");
            update(&server, api, instance, &json!({"security_group_id": group})).await.assert_no_content();
            assert_eq!(server.shown_but_for_the_time(instance).await["security_group_id"], json!(group));
        }
    }
}

#[tokio::test]
async fn each_member_has_its_own_refusal_and_then_nothing_changes() {
    let plan = |members: Value| {
        let mut plan = json!({"begin_at": "00:00-01:00", "period_type": "weekly", "backup_at": [7]});
        for (name, value) in members.as_object().unwrap() {
            plan[name] = value.clone();
        }
        json!({"backup_type": "auto", "save_days": 1, "periodical_backup_plan": plan})
    };
    for api in Api::BOTH {
        let server = TestServer::start().await;
        let before = server.shown_but_for_the_time(HA).await;
        for (member, value, code) in [
            ("name", json!(""), "DCS.4010"),
            ("name", json!("1st"), "DCS.4010"),
            ("name", json!("abc"), "DCS.4010"),
            ("name", json!("x".repeat(65)), "DCS.4010"),
            ("name", json!("dcs-single"), "DCS.4060"),
            ("description", json!("x".repeat(1025)), "DCS.4011"),
            ("maintain_begin", json!("02:00:00"), "DCS.4106"),
            ("maintain_end", json!("02:00:00"), "DCS.4106"),
            ("instance_backup_policy", json!({"backup_type": "daily"}), "DCS.4073"),
            ("instance_backup_policy", json!({"backup_type": "auto", "save_days": 8}), "DCS.4072"),
            ("instance_backup_policy", json!({"backup_type": "auto"}), "DCS.4072"),
            ("instance_backup_policy", plan(json!({"begin_at": "00:30-01:30"})), "DCS.4076"),
            ("instance_backup_policy", plan(json!({"period_type": "daily"})), "DCS.4074"),
            ("instance_backup_policy", plan(json!({"backup_at": [0]})), "DCS.4075"),
            ("instance_backup_policy", json!("no JSON"), "DCS.4005"),
            ("instance_backup_policy", json!([1]), "DCS.4005"),
            ("name", json!(5), "DCS.4005"),
            ("description", json!({}), "DCS.4005"),
            ("maintain_begin", json!(22), "DCS.4005"),
            ("security_group_id", json!(true), "DCS.4005"),
        ] {
            let mut body = json!({"description": "not kept", "name": "not-kept"});
            body[member] = value;
            let answer = update(&server, api, HA, &body).await;
            let found = (answer.status, answer.json()["error_code"].clone());
            assert_eq!(found, (400, json!(code)), "{api:?} {body}");
            assert_eq!(server.shown_but_for_the_time(HA).await, before, "{api:?} {body}");
        }
        for body in ["", "[]", "{", "null"] {
            let answer = server.call("PUT", &api.instance(HA)).body(body).send().await;
            let expected = if body.is_empty() { &refusal::EMPTY_BODY } else { &refusal::INVALID_BODY };
            answer.assert_refused_by(api, expected);
        }
        for (port, code) in [(json!(0), 400), (json!(70_000), 400), (json!("x"), 400), (json!([1]), 400)] {
            let answer = update(&server, Api::V2, HA, &json!({ "port": port })).await;
            assert_eq!(answer.status, code, "{port}");
        }
        let single = json!({"instance_backup_policy": {"backup_type": "manual", "save_days": 1}});
        update(&server, api, SINGLE, &single).await.assert_refused_by(api, &refusal::ONLY_MASTER_STANDBY);
        assert_eq!(history(&server).await.iter().filter(|event| event[2] == "dcs-single").count(), 0);
    }
}

#[tokio::test]
async fn a_name_may_be_had_twice_if_the_settings_say_so() {
    let server = TestServer::with(&[("instances.unique_names", "false")]).await;
    for api in Api::BOTH {
        update(&server, api, HA, &json!({"name": "dcs-single"})).await.assert_no_content();
    }
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_not_changed() {
    let server = TestServer::start().await;
    for api in Api::BOTH {
        let body = json!({"name": "other"});
        update(&server, api, UNKNOWN_INSTANCE, &body)
            .await
            .assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        update(&server, api, "no-id", &body).await.assert_refused_by(api, &refusal::INVALID_INSTANCE_ID);
        let elsewhere = format!("{}/{HA}", api.instances(UNKNOWN_PROJECT));
        server.put(&elsewhere, &body).await.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
        assert_eq!(server.delete(&api.instance(HA)).await.status, if api == Api::V1 { 204 } else { 404 });
        update(&server, api, HA, &body).await.assert_refused_by(api, &refusal::INSTANCE_NOT_FOUND);
    }
    assert_eq!(history(&server).await.len(), 1, "{PROJECT}");
}

#[tokio::test]
async fn it_is_changed_in_every_state_but_those_that_lead_nowhere() {
    for api in Api::BOTH {
        let server = TestServer::start().await;
        for (status, instance) in BY_STATUS {
            let answer = update(&server, api, instance, &json!({"description": status})).await;
            match status {
                "CREATING" => answer.assert_refused_by(api, &refusal::CREATING),
                "CREATEFAILED" | "FROZEN" => answer.assert_refused_by(api, &refusal::WRONG_STATE),
                _ => answer.assert_no_content(),
            }
            let is_changed = answer.status == 204;
            let shown = server.shown_but_for_the_time(instance).await;
            assert_eq!((&shown["status"], shown["description"] == status), (&json!(status), is_changed));
        }
    }
}
