//! The requests that the subcommands make.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cli::control::commands::{
    ClockCommand, ContentsCommand, ControlCommand, FaultsCommand, IdsCommand, RequestsCommand, SnapshotArg,
    SnapshotsCommand, TransitionsCommand,
};

/// A request to the control API.
#[derive(Debug)]
pub(crate) struct ControlRequest {
    /// The method.
    pub(crate) method: &'static str,
    /// The path and the query.
    pub(crate) path: String,
    /// The body, if there is one.
    pub(crate) body: Option<ControlBody>,
    /// The file to which the answer is written instead of being shown.
    pub(crate) output: Option<PathBuf>,
    /// Whether the answer is shown as it comes, or in short for people.
    pub(crate) is_shown_raw: bool,
    /// The columns of tables that are shown to people, in their order; empty: all.
    pub(crate) columns: &'static [&'static str],
}

/// The body of a request to the control API.
#[derive(Debug, PartialEq)]
pub(crate) enum ControlBody {
    /// A JSON document.
    Json(Value),
    /// The content of a file; `-` is standard input.
    File(PathBuf),
}

/// What stands in a part of a path as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

impl ControlCommand {
    /// Returns method and path of the route of a subcommand, as the table of routes has it.
    pub(super) fn route(&self) -> (&'static str, &'static str) {
        match self {
            Self::Health => ("GET", "health"),
            Self::Info => ("GET", "info"),
            Self::Config => ("GET", "config"),
            Self::Ca => ("GET", "ca"),
            Self::Operations => ("GET", "operations"),
            Self::Openapi => ("GET", "openapi.json"),
            Self::Reset { .. } => ("POST", "reset"),
            Self::Seed { .. } => ("POST", "seed"),
            Self::Export { .. } => ("GET", "export"),
            Self::Contents(ContentsCommand::Show { .. }) => ("GET", "instances/{instance_id}/contents"),
            Self::Contents(ContentsCommand::Set { .. }) => ("PUT", "instances/{instance_id}/contents"),
            Self::Snapshots(SnapshotsCommand::List) => ("GET", "snapshots"),
            Self::Snapshots(SnapshotsCommand::Show(_)) => ("GET", "snapshots/{snapshot_name}"),
            Self::Snapshots(SnapshotsCommand::Take(_)) => ("PUT", "snapshots/{snapshot_name}"),
            Self::Snapshots(SnapshotsCommand::Remove(_)) => ("DELETE", "snapshots/{snapshot_name}"),
            Self::Snapshots(SnapshotsCommand::Restore(_)) => ("POST", "snapshots/{snapshot_name}/restore"),
            Self::Snapshots(SnapshotsCommand::Save { .. }) => ("GET", "snapshots/{snapshot_name}/file"),
            Self::Snapshots(SnapshotsCommand::Load { .. }) => ("PUT", "snapshots/{snapshot_name}/file"),
            Self::Clock(ClockCommand::Show) => ("GET", "clock"),
            Self::Clock(ClockCommand::Set { .. }) => ("PUT", "clock"),
            Self::Clock(ClockCommand::Advance { .. }) => ("POST", "clock/advance"),
            Self::Transitions(TransitionsCommand::Show { .. }) => ("GET", "transitions/{model}"),
            Self::Transitions(TransitionsCommand::Set { .. }) => ("PUT", "transitions/{model}"),
            Self::Transitions(TransitionsCommand::Remove { .. }) => ("DELETE", "transitions/{model}"),
            Self::Transitions(TransitionsCommand::Step { .. }) => ("POST", "transitions/{model}/step"),
            Self::Faults(FaultsCommand::List) => ("GET", "faults"),
            Self::Faults(FaultsCommand::Add(_)) => ("POST", "faults"),
            Self::Faults(FaultsCommand::Show(_)) => ("GET", "faults/{fault_id}"),
            Self::Faults(FaultsCommand::Change { .. }) => ("PATCH", "faults/{fault_id}"),
            Self::Faults(FaultsCommand::Remove(_)) => ("DELETE", "faults/{fault_id}"),
            Self::Faults(FaultsCommand::Clear) => ("DELETE", "faults"),
            Self::Ids(IdsCommand::Show) => ("GET", "ids"),
            Self::Ids(IdsCommand::Set { .. } | IdsCommand::Clear) => ("PUT", "ids"),
            Self::Requests(RequestsCommand::List(_)) => ("GET", "requests"),
            Self::Requests(RequestsCommand::Find(_)) => ("POST", "requests/find"),
            Self::Requests(RequestsCommand::Count(_)) => ("POST", "requests/count"),
            Self::Requests(RequestsCommand::Wait { .. }) => ("POST", "requests/wait"),
            Self::Requests(RequestsCommand::Clear(_)) => ("DELETE", "requests"),
            Self::Requests(RequestsCommand::Unsupported(_)) => ("GET", "requests/unsupported"),
        }
    }

    /// Returns what of the body is no member of the subcommand.
    fn document(&self) -> Option<ControlBody> {
        match self {
            Self::Seed { file, .. }
            | Self::Snapshots(SnapshotsCommand::Load { file, .. })
            | Self::Contents(ContentsCommand::Set { file, .. }) => Some(ControlBody::File(file.clone())),
            Self::Faults(FaultsCommand::Add(fault) | FaultsCommand::Change { fault, .. }) => {
                fault.fault.clone().map(ControlBody::Json)
            }
            Self::Ids(IdsCommand::Clear) => Some(ControlBody::Json(json!({ "seed": null }))),
            _ => None,
        }
    }

    /// Returns the columns of tables that people want to see of an answer.
    fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::Faults(_) => &["id", "match", "effect", "times", "probability", "hits", "expires_at"],
            Self::Requests(_) => &["number", "at", "method", "path", "status", "error_code"],
            Self::Clock(_) | Self::Transitions(TransitionsCommand::Step { .. }) => {
                &["at", "model", "id", "from", "to"]
            }
            _ => &[],
        }
    }

    /// Returns the requests of a subcommand, in their order.
    pub(super) fn requests(mut self) -> Vec<ControlRequest> {
        if let Self::Snapshots(command) = &mut self
            && let SnapshotsCommand::Save { file, snapshot_name, .. }
            | SnapshotsCommand::Load { file, snapshot_name, .. } = command
        {
            let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            snapshot_name.get_or_insert_with(stem);
        }
        let request = self.request();
        let of = |command: fn(SnapshotArg) -> SnapshotsCommand, snapshot_name: String| {
            Self::Snapshots(command(SnapshotArg { snapshot_name })).request()
        };
        match self {
            Self::Snapshots(SnapshotsCommand::Save { file, snapshot_name: Some(name), .. }) => {
                let download = ControlRequest { output: Some(file), ..request };
                vec![of(SnapshotsCommand::Take, name), download]
            }
            // The first tells whether the server takes requests of this caller, before the file is sent.
            Self::Snapshots(SnapshotsCommand::Load { snapshot_name: Some(name), no_restore, .. }) => {
                let mut requests = vec![Self::Snapshots(SnapshotsCommand::List).request(), request];
                requests.extend((!no_restore).then(|| of(SnapshotsCommand::Restore, name)));
                requests
            }
            _ => vec![request],
        }
    }

    /// Returns the request of a subcommand. Members go into its path where that names them, else into the body, or into the query
    /// where there is no body.
    fn request(&self) -> ControlRequest {
        let (method, path) = self.route();
        let (mut members, mut body) = (Value::Null, self.document());
        merge(&mut members, json!(self));
        let parts = path.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let value = name.and_then(|name| members.as_object_mut()?.remove(name));
            utf8_percent_encode(value.as_ref().and_then(Value::as_str).unwrap_or(part), ESCAPED).to_string()
        });
        let mut path = format!("/_emulator/{}", parts.collect::<Vec<_>>().join("/"));
        let members = members.as_object().filter(|members| !members.is_empty());
        match (&mut body, members) {
            (_, None) => {}
            (Some(ControlBody::Json(document)), Some(members)) => merge(document, json!(members)),
            (None, Some(members)) if !matches!(method, "GET" | "DELETE") => {
                body = Some(ControlBody::Json(json!(members)));
            }
            (_, Some(members)) => {
                let mut query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
                for (name, value) in members {
                    query.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
                }
                path = query.finish();
            }
        }
        let is_shown_raw = matches!(self, Self::Ca | Self::Openapi | Self::Export { .. });
        ControlRequest { method, path, body, output: None, is_shown_raw, columns: self.columns() }
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
