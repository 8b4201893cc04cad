//! The requests that the subcommands make.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cli::control::commands::{
    ClockCommand, ControlCommand, FaultsCommand, IdsCommand, RequestsCommand, SnapshotsCommand,
    TransitionsCommand,
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

/// What stands in a part of a path as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

impl ControlCommand {
    /// Returns the request of a subcommand: its members go into the body, or into the query where there is none.
    pub(super) fn request(&self) -> ControlRequest {
        let request = match self {
            Self::Health => get(&["health"]),
            Self::Info => get(&["info"]),
            Self::Config => get(&["config"]),
            Self::Operations => get(&["operations"]),
            Self::Openapi => get(&["openapi.json"]).raw(),
            Self::Reset { .. } => post(&["reset"]),
            Self::Seed { file, .. } => post(&["seed"]).body(ControlBody::File(file.clone())),
            Self::Export { .. } => get(&["export"]).raw(),
            Self::Snapshots(command) => command.request(),
            Self::Clock(command) => command.request(),
            Self::Transitions(command) => command.request(),
            Self::Faults(command) => command.request(),
            Self::Ids(command) => command.request(),
            Self::Requests(command) => command.request(),
        };
        request.with(json!(self))
    }
}

impl SnapshotsCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::List => get(&["snapshots"]),
            Self::Show(snapshot) => get(&["snapshots", &snapshot.name]),
            Self::Take(snapshot) => put(&["snapshots", &snapshot.name]),
            Self::Remove(snapshot) => delete(&["snapshots", &snapshot.name]),
            Self::Restore(snapshot) => post(&["snapshots", &snapshot.name, "restore"]),
        }
    }
}

impl ClockCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::Show => get(&["clock"]),
            Self::Set { .. } => put(&["clock"]),
            Self::Advance { .. } => post(&["clock", "advance"]).columns(OF_CHANGES),
        }
    }
}

impl TransitionsCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::Show { model } => get(&["transitions", model]),
            Self::Set { model, .. } => put(&["transitions", model]),
            Self::Remove { model, .. } => delete(&["transitions", model]),
            Self::Step { model, .. } => post(&["transitions", model, "step"]).columns(OF_CHANGES),
        }
    }
}

impl FaultsCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::List => get(&["faults"]).columns(OF_FAULTS),
            Self::Add(added) => post(&["faults"]).body(ControlBody::of(added.fault.as_ref())),
            Self::Show(shown) => get(&["faults", &shown.id]),
            Self::Change { replaced, fault } => {
                let request = ControlRequest::new("PATCH", &["faults", &replaced.id]);
                request.body(ControlBody::of(fault.fault.as_ref()))
            }
            Self::Remove(removed) => delete(&["faults", &removed.id]).columns(OF_FAULTS),
            Self::Clear => delete(&["faults"]).columns(OF_FAULTS),
        }
    }
}

impl IdsCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::Show => get(&["ids"]),
            Self::Set { .. } => put(&["ids"]),
            Self::Clear => put(&["ids"]).body(ControlBody::Json(json!({ "seed": null }))),
        }
    }
}

impl RequestsCommand {
    fn request(&self) -> ControlRequest {
        match self {
            Self::List(_) => get(&["requests"]).columns(OF_REQUESTS),
            Self::Find(_) => post(&["requests", "find"]).columns(OF_REQUESTS),
            Self::Count(_) => post(&["requests", "count"]),
            Self::Wait { .. } => post(&["requests", "wait"]).columns(OF_REQUESTS),
            Self::Clear(_) => delete(&["requests"]),
            Self::Unsupported(_) => get(&["requests", "unsupported"]).columns(OF_REQUESTS),
        }
    }
}

fn get(path: &[&str]) -> ControlRequest {
    ControlRequest::new("GET", path)
}

fn post(path: &[&str]) -> ControlRequest {
    ControlRequest::new("POST", path)
}

fn put(path: &[&str]) -> ControlRequest {
    ControlRequest::new("PUT", path)
}

fn delete(path: &[&str]) -> ControlRequest {
    ControlRequest::new("DELETE", path)
}

impl ControlRequest {
    fn new(method: &'static str, path: &[&str]) -> Self {
        let parts = path.iter().map(|part| utf8_percent_encode(part, ESCAPED).to_string());
        let path = format!("/_emulator/{}", parts.collect::<Vec<_>>().join("/"));
        Self { method, path, body: None, is_shown_raw: false, columns: &[] }
    }

    /// Shows the answer as it comes: it is a document.
    fn raw(self) -> Self {
        Self { is_shown_raw: true, ..self }
    }

    fn columns(self, columns: &'static [&'static str]) -> Self {
        Self { columns, ..self }
    }

    fn body(self, body: impl Into<Option<ControlBody>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Adds those members that are set.
    fn with(mut self, members: Value) -> Self {
        let mut set = Value::Null;
        merge(&mut set, members);
        match (&mut self.body, set) {
            (_, Value::Null) => {}
            (Some(ControlBody::Json(body)), set) => merge(body, set),
            (None, set) if !matches!(self.method, "GET" | "DELETE") => {
                self.body = Some(ControlBody::Json(set))
            }
            (_, set) => {
                let mut query = form_urlencoded::Serializer::new(format!("{}?", self.path));
                for (name, value) in set.as_object().into_iter().flatten() {
                    query.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
                }
                self.path = query.finish();
            }
        }
        self
    }
}

impl ControlBody {
    fn of(document: Option<&Value>) -> Option<Self> {
        document.cloned().map(Self::Json)
    }
}

/// Puts the members of `added` that are set into `body`, which becomes an object if there are any.
fn merge(body: &mut Value, added: Value) {
    match added {
        Value::Object(members) => {
            for (name, value) in members {
                let mut set = body.get(&name).cloned().unwrap_or_default();
                merge(&mut set, value);
                if !set.is_null() {
                    if !body.is_object() {
                        *body = json!({});
                    }
                    body[name] = set;
                }
            }
        }
        Value::Null => {}
        added => *body = added,
    }
}
