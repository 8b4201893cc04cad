//! Networks around instances: what was answered is there after `kill -9`, wholly or not at all.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process_support::rules::look_through;
use crate::process_support::wire::{Connection, PROJECT};
use crate::process_support::{Server, serve};

const ROUNDS: usize = 5;
/// How many groups are answered before the server is killed.
const GROUPS: usize = 20;

/// Makes a group and then a rule of it; returns the ids of both, as far as they were answered.
fn make(connection: &mut Connection, name: &str) -> Option<(String, Option<String>)> {
    let group = json!({"security_group": {"name": name}}).to_string();
    let group = connection.ask("POST", &format!("/v1/{PROJECT}/security-groups"), &group).ok()?;
    assert_eq!(group.status, 200, "{group:?}");
    let id = group.json()["security_group"]["id"].as_str().unwrap().to_owned();
    let rule = json!({"security_group_rule": {"security_group_id": id, "direction": "ingress"}}).to_string();
    let rule = connection.ask("POST", &format!("/v1/{PROJECT}/security-group-rules"), &rule).ok();
    let rule = rule.map(|rule| rule.json()["security_group_rule"]["id"].as_str().unwrap().to_owned());
    Some((id, rule))
}

fn groups(server: &Server) -> Vec<Value> {
    let listed = server.connect().get(&format!("/v1/{PROJECT}/security-groups")).unwrap();
    assert_eq!(listed.status, 200, "{listed:?}");
    listed.json()["security_groups"].as_array().unwrap().clone()
}

#[test]
fn a_network_that_changes_while_the_server_is_killed_has_all_that_was_answered() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let mut answered: Vec<(String, Option<String>)> = Vec::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(serve(&database, &["--demo"]));
        let mut connection = server.connect();
        let (told, enough) = std::sync::mpsc::channel();
        let client = thread::spawn(move || {
            let made = (0..).map_while(|number| {
                let made = make(&mut connection, &format!("group-{round}-{number}"));
                // Nobody may listen any more.
                let _ = told.send(());
                made
            });
            made.collect::<Vec<_>>()
        });
        enough.iter().take(GROUPS).for_each(drop);
        server.process.kill();
        answered.extend(client.join().unwrap());
        look_through(&database);
        let server = Server::start(serve(&database, &["--demo"]));
        let found = groups(&server);
        let rules: BTreeSet<&str> = found
            .iter()
            .flat_map(|group| group["security_group_rules"].as_array().unwrap())
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        for (group, rule) in &answered {
            assert!(found.iter().any(|found| found["id"] == *group), "{group} was answered");
            assert!(rule.as_deref().is_none_or(|rule| rules.contains(rule)), "{rule:?} was answered");
        }
        // One that was on its way is there with all its first rules, or not at all.
        assert!(found.iter().all(|group| group["security_group_rules"].as_array().unwrap().len() >= 4));
        assert!(found.len() <= answered.len() + 1 + ROUNDS, "{} of {}", found.len(), answered.len());
        server.stop();
    }
    assert!(answered.len() >= ROUNDS * GROUPS);
}
