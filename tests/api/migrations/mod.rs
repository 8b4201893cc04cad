//! Migrations of data (wire contract of the operations of v2, section 12).

pub(crate) mod addresses;
pub(crate) mod imports;
pub(crate) mod online;

use serde_json::{Value, json};

use crate::support::seed::PROJECT;
use crate::support::{Answer, Api, Refusal, TestServer, each, refusal, text};

/// How long the full phase takes in these tests, in milliseconds.
const FULL_PHASE_MS: u64 = 10_000;

fn path(rest: &str) -> String {
    format!("/v2/{PROJECT}/{rest}")
}

fn one(id: &str, rest: &str) -> String {
    path(&format!("migration-task/{id}{rest}"))
}

fn refused(code: &'static str, message: &'static str) -> Refusal {
    refusal::other(code, message)
}

fn not_found() -> Refusal {
    refused("DCS.4133", "Instance job is not found.")
}

/// Starts a server whose migrations take their time.
async fn slow() -> TestServer {
    TestServer::with(&[("task.duration", "10s")]).await
}

/// What a test looks at and does.
impl TestServer {
    async fn hold_keys(&self, instance: &str, names: &[&str]) {
        let keys: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        let path = format!("/_emulator/instances/{instance}/contents");
        self.put(&path, &json!({ "keys": keys })).await.ok();
    }

    async fn held_keys(&self, instance: &str) -> Vec<Value> {
        let path = format!("/_emulator/instances/{instance}/contents");
        each(&self.get(&path).await.ok()["keys"], "name")
    }

    async fn migration(&self, id: &str) -> Value {
        self.get(&one(id, "")).await.ok()
    }

    async fn migration_status(&self, id: &str) -> String {
        text(&self.migration(id).await["status"])
    }

    async fn call_one(&self, id: &str, action: &str) -> Answer {
        self.call("POST", &one(id, action)).send().await
    }

    /// Creates an online migration without a setup, and returns its id.
    async fn create_online(&self, name: &str) -> String {
        let body = json!({"name": name, "vpc_id": "v", "subnet_id": "s", "security_group_id": "g", "description": "d"});
        text(&self.post(&path("migration/instance"), &body).await.ok()["instance_id"])
    }

    async fn configure(&self, id: &str, method: &str, source: &Value, target: &Value) -> Answer {
        let body = json!({
            "migration_method": method, "resume_mode": "auto", "source_instance": source, "target_instance": target,
        });
        self.post(&path(&format!("migration/{id}/task")), &body).await
    }

    /// Makes an incremental migration that follows, from one instance to another, and returns its id.
    async fn follow(&self, source: &str, target: &str) -> String {
        let id = self.create_online("following").await;
        let (source, target) = (json!({ "id": source }), json!({ "id": target }));
        self.configure(&id, "incremental_migration", &source, &target).await.ok();
        self.advance_ms(FULL_PHASE_MS);
        assert_eq!(self.migration_status(&id).await, "INCRMIGEATING");
        id
    }

    async fn assert_idle(&self, instance: &str) {
        let shown = self.shown(Api::V2, instance).await;
        assert_eq!((&shown["status"], &shown["task"]), (&json!("RUNNING"), &Value::Null));
    }
}
