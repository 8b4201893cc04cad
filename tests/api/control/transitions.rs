//! `/_emulator/transitions`: the rules of every model, and what they are about (issue 5, control API).

use serde_json::{Value, json};

use crate::support::seed::{HA, PROJECT, SECOND_HA};
use crate::support::{TestServer, each, text};

const MODELS: [&str; 3] = ["backup", "restore", "instance"];

fn path(model: &str) -> String {
    format!("/_emulator/transitions/{model}")
}

impl TestServer {
    async fn rules(&self, model: &str) -> Value {
        self.get(&path(model)).await.ok()["rules"].take()
    }
}

#[tokio::test]
async fn instances_have_rules_by_state() {
    let mut server = TestServer::start().await;
    let durations = json!({"CREATING": "15s", "EXTENDING": "1m 30s"});
    let rule = json!({"project_id": PROJECT, "progression": "time", "durations": durations});
    let shown = server.put(&path("instance"), &rule).await.ok();
    assert_eq!(shown, json!({"model": "instance", "rules": [rule]}));
    server.restart().await;
    assert_eq!(server.rules("instance").await, json!([rule]));
    assert_eq!(server.rules("backup").await, json!([]));
    // Nothing of an instance is open, so that nothing moves.
    let stepped = server.post(&format!("{}/step", path("instance")), &json!({})).await.ok();
    assert_eq!(stepped, json!({"fired": []}));
}

#[tokio::test]
async fn every_model_takes_every_progression_for_everything_a_project_and_an_instance() {
    let mut server = TestServer::start().await;
    for model in MODELS {
        let scopes = [json!({}), json!({"project_id": PROJECT}), json!({"instance_id": HA})];
        let mut rules = Vec::new();
        for (scope, progression) in scopes.into_iter().zip(["manual", "immediate", "manual"]) {
            let mut rule = scope;
            rule["progression"] = json!(progression);
            server.put(&path(model), &rule).await.ok();
            rules.push(rule);
        }
        server.restart().await;
        assert_eq!(server.rules(model).await, json!(rules), "{model}");
        // A rule takes the place of the one about the same.
        rules.remove(1);
        rules.push(json!({"project_id": PROJECT, "progression": "manual"}));
        assert_eq!(server.put(&path(model), &rules[2]).await.ok()["rules"], json!(rules), "{model}");
        for (query, left) in [
            (format!("?instance_id={SECOND_HA}"), json!(rules)),
            (format!("?instance_id={HA}"), json!([rules[0], rules[2]])),
            (format!("?project_id={PROJECT}"), json!([rules[0]])),
            (String::new(), json!([])),
        ] {
            let answer = server.delete(&format!("{}{query}", path(model))).await.ok();
            assert_eq!(answer["rules"], left, "{model} {query}");
        }
    }
}

#[tokio::test]
async fn a_rule_about_states_that_do_not_pass_is_refused() {
    let server = TestServer::start().await;
    for (model, durations, named) in [
        ("instance", json!({"RUNNING": "1s"}), "durations.RUNNING"),
        ("instance", json!({"RESTORING": "1s"}), "durations.RESTORING"),
        ("instance", json!({"creating": "1s"}), "durations.creating"),
        ("instance", json!({"CREATING": "soon"}), "soon"),
        ("backup", json!({"restoring": "1s"}), "durations.restoring"),
        ("restore", json!({"backuping": "1s"}), "durations.backuping"),
        ("restore", json!({"CREATING": "1s"}), "durations.CREATING"),
        ("instance", Value::Null, "durations are missing"),
        ("backup", Value::Null, "durations are missing"),
    ] {
        let rule = json!({"progression": "time", "durations": durations});
        let answer = server.put(&path(model), &rule).await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (400, &json!("EMU.4000")), "{rule}");
        assert!(text(&answer.json()["error_msg"]).contains(named), "{}", answer.text());
        assert_eq!(server.rules(model).await, json!([]), "{rule}");
    }
}

#[tokio::test]
async fn what_expires_is_told_after_what_it_made_room_for() {
    let server = TestServer::with(&[("backup.duration", "10s"), ("backup.keep", "1")]).await;
    let advance = async |duration: &str| {
        let answer = server.post("/_emulator/clock/advance", &json!({ "duration": duration })).await.ok();
        let fired = answer["fired"].as_array().unwrap().clone();
        fired
            .iter()
            .map(|change| ["id", "from", "to"].map(|member| text(&change[member])))
            .collect::<Vec<_>>()
    };
    let change = |id: &str, from: &str, to: &str| [id, from, to].map(str::to_owned);
    let first = server.create_backup(HA).await;
    let work = |id: &str| [change(id, "waiting", "backuping"), change(id, "backuping", "succeed")];
    assert_eq!(advance("1h").await, work(&first));
    let second = server.create_backup(HA).await;
    let [started, succeeded] = work(&second);
    assert_eq!(advance("1h").await, [started, succeeded, change(&first, "succeed", "expired")]);
    server.put("/_emulator/transitions/backup", &json!({"progression": "manual"})).await.ok();
    let third = server.create_backup(HA).await;
    server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
    let stepped = server.post("/_emulator/transitions/backup/step", &json!({})).await.ok();
    assert_eq!(each(&stepped["fired"], "id"), [third, second]);
    assert_eq!(each(&stepped["fired"], "to"), ["succeed", "expired"]);
}
