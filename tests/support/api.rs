//! The two versions of the API: the same calls below different paths.

use serde_json::{Value, json};

use super::answer::Answer;
use super::seed::PROJECT;
use super::server::TestServer;
use super::text;

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// `/v1.0`.
    V1,
    /// `/v2`.
    V2,
}

impl Api {
    /// Both.
    pub(crate) const BOTH: [Self; 2] = [Self::V1, Self::V2];

    /// `/v1.0/{project}/instances` or its twin.
    pub(crate) fn instances(self, project: &str) -> String {
        let version = match self {
            Self::V1 => "v1.0",
            Self::V2 => "v2",
        };
        format!("/{version}/{project}/instances")
    }

    /// An instance of [`PROJECT`].
    pub(crate) fn instance(self, instance: &str) -> String {
        format!("{}/{instance}", self.instances(PROJECT))
    }

    /// The backups of an instance of [`PROJECT`].
    pub(crate) fn backups(self, instance: &str) -> String {
        format!("{}/backups", self.instance(instance))
    }

    /// A backup of an instance of [`PROJECT`].
    pub(crate) fn backup(self, instance: &str, backup: &str) -> String {
        format!("{}/{backup}", self.backups(instance))
    }

    /// The links of a backup of an instance of [`PROJECT`].
    pub(crate) fn links(self, instance: &str, backup: &str) -> String {
        format!("{}/links", self.backup(instance, backup))
    }

    /// The restores of an instance of [`PROJECT`].
    pub(crate) fn restores(self, instance: &str) -> String {
        format!("{}/restores", self.instance(instance))
    }

    /// Returns the query that skips so many records and asks for so many.
    pub(crate) fn page(self, skip: usize, limit: usize) -> String {
        match self {
            Self::V1 => format!("start={}&limit={limit}", skip + 1),
            Self::V2 => format!("offset={skip}&limit={limit}"),
        }
    }

    /// Makes sure that a backup was deleted: each version says so in its own way.
    #[track_caller]
    pub(crate) fn assert_deleted(self, answer: &Answer) {
        match self {
            Self::V1 => assert_eq!(answer.ok(), json!({"message": ""})),
            Self::V2 => answer.assert_no_content(),
        }
    }
}

impl TestServer {
    /// Has an instance restored and returns the id of the restore.
    pub(crate) async fn restore(&self, api: Api, instance: &str, body: &Value) -> String {
        text(&self.post(&api.restores(instance), body).await.ok()["restore_id"])
    }

    /// Lists the restores of an instance, `query` being what stands behind the question mark.
    pub(crate) async fn restores(&self, api: Api, instance: &str, query: &str) -> Value {
        self.get(&format!("{}?{query}", api.restores(instance))).await.ok()
    }

    /// Returns the newest restore of an instance, as the list shows it.
    pub(crate) async fn newest_restore(&self, api: Api, instance: &str) -> Value {
        self.restores(api, instance, "limit=1").await["restore_record_response"][0].take()
    }

    /// Returns an instance as it is shown.
    pub(crate) async fn shown(&self, api: Api, instance: &str) -> Value {
        self.get(&api.instance(instance)).await.ok()
    }

    /// Returns an instance as v2 shows it, without the member that tells the present time.
    pub(crate) async fn shown_but_for_the_time(&self, instance: &str) -> Value {
        let mut shown = self.shown(Api::V2, instance).await;
        shown["bandwidth_info"] = Value::Null;
        shown
    }

    /// Returns the status of an instance.
    pub(crate) async fn status(&self, api: Api, instance: &str) -> String {
        text(&self.shown(api, instance).await["status"])
    }
}

/// The path of something of an instance of [`PROJECT`], on v2.
pub(crate) fn of(instance: &str, rest: &str) -> String {
    format!("{}/{rest}", Api::V2.instance(instance))
}

/// The path of something of a node of one: the switchover is below the other word for instances.
pub(crate) fn of_node(instance: &str, node: &Value, rest: &str) -> String {
    let word = if rest == "async-switchover" { "instance" } else { "instances" };
    let (group, node) = (text(&node["group_id"]), text(&node["node_id"]));
    format!("/v2/{PROJECT}/{word}/{instance}/groups/{group}/replications/{node}/{rest}")
}
