//! The requests that the subcommands make.

use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::cli::control::commands::{
    ClockCommand, ControlCommand, FaultArg, FaultArgs, FaultsCommand, IdsCommand, RequestsCommand, Scope,
    SnapshotArg, SnapshotsCommand, TransitionsCommand,
};

/// A request to the control API.
#[derive(Debug)]
pub struct ControlRequest {
    /// The method.
    pub method: &'static str,
    /// The path and the query.
    pub path: String,
    /// The body, if there is one.
    pub body: Option<ControlBody>,
    /// Whether the answer is shown as it comes, or in short for people.
    pub is_shown_raw: bool,
    /// The columns of tables that are shown to people, in their order; empty: all.
    pub columns: &'static [&'static str],
}

/// The body of a request to the control API.
#[derive(Debug, PartialEq)]
pub enum ControlBody {
    /// A JSON document.
    Json(Value),
    /// The content of a file; `-` is standard input.
    File(PathBuf),
}

const OF_FAULTS: &[&str] = &["id", "match", "effect", "times", "probability", "hits", "expires_at"];
const OF_CHANGES: &[&str] = &["at", "model", "id", "from", "to"];
const OF_REQUESTS: &[&str] = &["number", "at", "method", "path", "status", "error_code"];

impl ControlCommand {
    pub(super) fn request(self) -> ControlRequest {
        match self {
            Self::Health => get("health"),
            Self::Info => get("info"),
            Self::Config => get("config"),
            Self::Operations => get("operations"),
            Self::Openapi => get("openapi.json").raw(),
            Self::Reset { project_id, no_seed } => {
                post("reset").json(json!({ "project_id": project_id, "seed": no_seed.then_some(false) }))
            }
            Self::Seed { file, overwrite } => {
                let request = post("seed").query(&json!({ "overwrite": overwrite.then_some(true) }));
                ControlRequest { body: Some(ControlBody::File(file)), ..request }
            }
            Self::Export { project_id } => get("export").query(&json!({ "project_id": project_id })).raw(),
            Self::Snapshots(command) => command.request(),
            Self::Clock(command) => command.request(),
            Self::Transitions(command) => command.request(),
            Self::Faults(command) => command.request(),
            Self::Ids(command) => command.request(),
            Self::Requests(command) => command.request(),
        }
    }
}

impl SnapshotsCommand {
    fn request(self) -> ControlRequest {
        let path = |snapshot: SnapshotArg| format!("snapshots/{}", part(&snapshot.name));
        match self {
            Self::List => get("snapshots"),
            Self::Show(snapshot) => get(&path(snapshot)),
            Self::Take(snapshot) => put(&path(snapshot)),
            Self::Remove(snapshot) => delete(&path(snapshot)),
            Self::Restore(snapshot) => post(&format!("{}/restore", path(snapshot))),
        }
    }
}

impl ClockCommand {
    fn request(self) -> ControlRequest {
        match self {
            Self::Show => get("clock"),
            Self::Set { now, frozen, rate } => {
                put("clock").json(json!({ "now": now, "frozen": frozen, "rate": rate }))
            }
            Self::Advance { duration } => {
                post("clock/advance").json(json!({ "duration": duration })).columns(OF_CHANGES)
            }
        }
    }
}

impl TransitionsCommand {
    fn request(self) -> ControlRequest {
        match self {
            Self::Show { model } => get(&format!("transitions/{}", part(&model))),
            Self::Set { model, progression, durations, scope } => {
                let durations: Map<String, Value> =
                    durations.into_iter().map(|(state, duration)| (state, duration.into())).collect();
                let mut body = json!({ "progression": progression, "durations": durations });
                merge(&mut body, json!(scope));
                put(&format!("transitions/{}", part(&model))).json(body)
            }
            Self::Remove { model, scope } => {
                delete(&format!("transitions/{}", part(&model))).query(&json!(scope))
            }
            Self::Step { model, scope } => {
                post(&format!("transitions/{}/step", part(&model))).json(json!(scope)).columns(OF_CHANGES)
            }
        }
    }
}

impl FaultsCommand {
    fn request(self) -> ControlRequest {
        let path = |fault: FaultArg| format!("faults/{}", part(&fault.id));
        match self {
            Self::List => get("faults").columns(OF_FAULTS),
            Self::Add(fault) => post("faults").json(fault.body()),
            Self::Show(fault) => get(&path(fault)),
            Self::Change { replaced, fault } => {
                ControlRequest::new("PATCH", &path(replaced)).json(fault.body())
            }
            Self::Remove(fault) => delete(&path(fault)).columns(OF_FAULTS),
            Self::Clear => delete("faults").columns(OF_FAULTS),
        }
    }
}

impl IdsCommand {
    fn request(self) -> ControlRequest {
        let put_seed = |seed| {
            let body = Some(ControlBody::Json(json!({ "seed": seed })));
            ControlRequest { body, ..put("ids") }
        };
        match self {
            Self::Show => get("ids"),
            Self::Set { seed } => put_seed(Some(seed)),
            Self::Clear => put_seed(None),
        }
    }
}

impl RequestsCommand {
    fn request(self) -> ControlRequest {
        match self {
            Self::List(filter) => get("requests").query(&json!(filter)).columns(OF_REQUESTS),
            Self::Find(filter) => post("requests/find").json(json!(filter)).columns(OF_REQUESTS),
            Self::Count(filter) => post("requests/count").json(json!(filter)),
            Self::Wait { filter, count, timeout } => post("requests/wait")
                .json(json!({ "filter": filter, "count": count, "timeout": timeout }))
                .columns(OF_REQUESTS),
            Self::Clear(filter) => delete("requests").query(&json!(filter)),
            Self::Unsupported(filter) => {
                get("requests/unsupported").query(&json!(filter)).columns(OF_REQUESTS)
            }
        }
    }
}

impl FaultArgs {
    fn body(self) -> Value {
        let Scope { project_id, instance_id } = self.scope;
        let mut fault = self.fault.unwrap_or_else(|| json!({}));
        let options = json!({
            "match": {
                "operation": self.operation,
                "api": self.api,
                "project_id": project_id,
                "instance_id": instance_id,
            },
            "times": self.times,
            "probability": self.probability,
            "ttl": self.ttl,
            "effect": {
                "status": self.status,
                "error_code": self.error_code,
                "latency": self.latency,
                "cut": self.cut.then_some(true),
            },
        });
        merge(&mut fault, options);
        fault
    }
}

fn get(path: &str) -> ControlRequest {
    ControlRequest::new("GET", path)
}

fn post(path: &str) -> ControlRequest {
    ControlRequest::new("POST", path)
}

fn put(path: &str) -> ControlRequest {
    ControlRequest::new("PUT", path)
}

fn delete(path: &str) -> ControlRequest {
    ControlRequest::new("DELETE", path)
}

impl ControlRequest {
    fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: format!("/_emulator/{path}"), body: None, is_shown_raw: false, columns: &[] }
    }

    /// Shows the answer as it comes: it is a document.
    fn raw(self) -> Self {
        Self { is_shown_raw: true, ..self }
    }

    fn columns(self, columns: &'static [&'static str]) -> Self {
        Self { columns, ..self }
    }

    /// Sends what is set of a body.
    fn json(self, body: Value) -> Self {
        let mut set = Value::Null;
        merge(&mut set, body);
        Self { body: (!set.is_null()).then_some(ControlBody::Json(set)), ..self }
    }

    /// Sends what is set of parameters.
    fn query(mut self, parameters: &Value) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            parameters.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null())
        {
            query.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
        }
        let query = query.finish();
        if !query.is_empty() {
            self.path = format!("{}?{query}", self.path);
        }
        self
    }
}

/// Puts the members of `added` that are set into `body`, which becomes an object if there are any.
fn merge(body: &mut Value, added: Value) {
    let Value::Object(added) = added else {
        *body = added;
        return;
    };
    for (name, value) in added {
        let is_set =
            !value.is_null() && value.as_object().is_none_or(|members| !members.values().all(Value::is_null));
        if is_set {
            if !body.is_object() {
                *body = json!({});
            }
            merge(&mut body[name], value);
        }
    }
}

/// Writes a text as a part of a path.
fn part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
